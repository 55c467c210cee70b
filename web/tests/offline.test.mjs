/** Without a network the page and its last answers stay; with one again, what changed meanwhile is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookByRawSql, bookingsOf, browserForAll, chooseBusyDay, chooseStylist, chosen, confirm, fillIn, network, openService, slot, title, visit } from './harness.mjs';

const all = browserForAll();

test('offline, and back: the badge says so, and the watch goes on from where it was', async () => {
  const wire = await network();
  const { page, context } = await visit(all.browser, '/', { base: wire.base });
  const sent = [];
  page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(JSON.parse(payload))));
  const received = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => received.push(JSON.parse(payload))));
  await openService(page);
  await chooseStylist(page, 7);
  const [start] = await chooseBusyDay(page);
  const date = await page.locator('.slots').getAttribute('data-date');
  await page.waitForSelector('.badge.live');
  wire.cut();
  await context.setOffline(true);
  await page.getByText(/Offline, as of \d+:\d\d/).waitFor();
  await bookByRawSql(await chosen(page), start);
  assert.equal(await slot(page, start).getAttribute('class'), 'slot ');
  received.length = 0;
  wire.mend();
  await context.setOffline(false);
  await page.waitForSelector('.badge.live');
  await page.waitForSelector(`.slot.taken[data-start="${start}"]`);

  const changes = () => received.filter(({ type }) => type === 'next').map(({ payload }) => payload.data.availabilityChanged);
  for (let tries = 0; tries < 50 && !changes().length; tries += 1) await page.waitForTimeout(100);
  const since = sent.filter(({ type }) => type === 'subscribe').at(-1).payload.variables.sinceVersion;
  assert.ok(since);
  assert.deepEqual(changes().map(({ availability }) => availability.date), [date]); // and not the other days watched
  await context.close();
});

test('offline, the page opens again with the last answers; what could not be sent can be tried again', async () => {
  const wire = await network();
  const { page, context } = await visit(all.browser, '/', { base: wire.base });
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await page.reload();
  await openService(page);
  const shown = await page.locator('.slot[data-start]').count();
  wire.cut();
  await context.setOffline(true);
  await page.reload();
  await openService(page);
  await page.getByText(/Offline, as of \d+:\d\d/).waitFor();
  assert.equal(await page.locator('.slot[data-start]').count(), shown);

  wire.mend();
  await context.setOffline(false);
  await page.waitForSelector('.badge.live');
  await chooseStylist(page, 9);
  const [start] = await chooseBusyDay(page, 1);
  await slot(page, start).click();
  await fillIn(page, 'Bad Network');
  wire.cut();
  await context.setOffline(true);
  await confirm(page).click();
  await page.getByText('You are offline. Nothing was sent').waitFor();
  wire.mend();
  await context.setOffline(false);
  await confirm(page).click();
  await title(page, 'You are booked');
  assert.equal((await bookingsOf(page)).length, 1);
  await context.close();
});
