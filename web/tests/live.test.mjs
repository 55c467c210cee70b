/** What others do shows at once: races, raw SQL, a start lost while one types. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookByRawSql, bookingsOf, browserForAll, chooseBusyDay, chooseStylist, chosen, confirm, fillIn, openService, slot, title, visit } from './harness.mjs';

const STRUCK_MAX_MS = 500;
const all = browserForAll();

test('two browsers race for one start: one gets it, the other the nearest three, in one click', async () => {
  const racers = await Promise.all([visit(all.browser), visit(all.browser)]);
  const pages = racers.map(({ page }) => page);
  const starts = [];
  for (const page of pages) {
    await openService(page);
    await chooseStylist(page, 4);
    starts.push(await chooseBusyDay(page));
  }
  const [start] = starts[0];
  await Promise.all(pages.map((page) => slot(page, start).evaluate((button) => button.click())));
  await Promise.all(pages.map((page) => page.locator('#details, .lost').first().waitFor()));
  const lost = await Promise.all(pages.map((page) => page.locator('.lost').count()));
  assert.equal(lost.reduce((sum, count) => sum + count), 1);

  const [winner, loser] = lost[0] ? [pages[1], pages[0]] : pages;
  assert.equal(await loser.locator('.nearest button').count(), 3);
  await loser.locator('.nearest button').first().click();
  for (const [page, name] of [[winner, 'Winner'], [loser, 'Second']]) {
    await fillIn(page, name);
    await confirm(page).click();
    await title(page, 'You are booked');
  }
  const [won, second] = [await bookingsOf(winner), await bookingsOf(loser)];
  assert.deepEqual(won.map(({ startUtc }) => startUtc), [start]);
  assert.equal(second.length, 1);
  assert.notEqual(second[0].startUtc, start);
  for (const { context, complaints } of racers) {
    assert.deepEqual(complaints, []);
    await context.close();
  }
});

test('a booking by raw SQL strikes the start out within 500 ms', async () => {
  const { page, context } = await visit(all.browser);
  await openService(page);
  await chooseStylist(page, 5);
  await page.waitForSelector('.badge.live');
  const [, start] = await chooseBusyDay(page);
  const struck = page.evaluate(
    (wanted) =>
      new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error('it is never struck out')), 10_000);
        const look = () => {
          if (document.querySelector(`.slot.taken[data-start="${wanted}"] s`)) resolve(performance.timeOrigin + performance.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
    start,
  );
  const began = await bookByRawSql(await chosen(page), start);
  const took = (await struck) - began;
  console.log(`from the beginning of the raw SQL to the start struck out: ${took.toFixed(0)} ms`);

  assert.ok(took <= STRUCK_MAX_MS);
  assert.equal(await slot(page, start).getAttribute('aria-disabled'), 'true');
  await context.close();
});

test('a start lost while one types says so, keeps what is typed, and offers three', async () => {
  const { page, context } = await visit(all.browser);
  await openService(page);
  await chooseStylist(page, 6);
  const [start] = await chooseBusyDay(page);
  const choice = await chosen(page);
  await slot(page, start).click();
  await fillIn(page, 'Slow Typist');
  await bookByRawSql(choice, start);
  await page.getByRole('heading', { name: 'This time is gone' }).waitFor();
  assert.equal(await page.locator('.nearest button').count(), 3);
  assert.equal(await confirm(page).getAttribute('aria-disabled'), 'true');

  const other = await page.locator('.nearest button').first().getAttribute('data-start');
  await page.locator('.nearest button').first().click();
  await page.locator('.lost').waitFor({ state: 'detached' });
  assert.equal(await page.getByLabel('Name').inputValue(), 'Slow Typist');
  await confirm(page).click();
  await title(page, 'You are booked');
  assert.deepEqual((await bookingsOf(page)).map(({ startUtc }) => startUtc), [other]);
  await context.close();
});

test('a hold that ends while one types says so and offers three', async () => {
  const { page, context } = await visit(all.browser);
  await page.clock.install();
  await page.reload();
  await openService(page);
  await chooseStylist(page, 3);
  const [start] = await chooseBusyDay(page, 5);
  await slot(page, start).click();
  await fillIn(page, 'Too Slow');
  await page.clock.fastForward('10:01');
  await page.getByText(/Your hold of .* has ended/).waitFor();

  assert.equal(await page.locator('.nearest button').count(), 3);
  assert.equal(await confirm(page).getAttribute('aria-disabled'), 'true');
  await page.locator('.nearest button').first().click();
  await page.locator('.lost').waitFor({ state: 'detached' });
  assert.equal(await page.getByLabel('Name').inputValue(), 'Too Slow');
  await context.close();
});

test('a start lost without a word is told when it is confirmed, and is not shown as booked', async () => {
  const { page, context } = await visit(all.browser);
  await page.routeWebSocket(/graphql/, () => undefined); // nothing comes live
  await page.reload();
  await openService(page);
  await chooseStylist(page, 1);
  const [start] = await chooseBusyDay(page, 5);
  const choice = await chosen(page);
  await slot(page, start).click();
  await fillIn(page, 'Last To Know');
  await bookByRawSql(choice, start);
  await confirm(page).click();
  await page.getByRole('heading', { name: 'This time is gone' }).waitFor();

  assert.equal(await page.locator('.nearest button').count(), 3);
  assert.deepEqual(await bookingsOf(page), []);
  await context.close();
});
