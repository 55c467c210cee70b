/** The day of all stylists, for staff: opened with a token, complete, and live. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { network, visit } from './harness.mjs';
import { address, all, ask, book, card, column, dateAfter, loaded, opened, salon, same, stamped, start, token } from './staff.mjs';

const LIVE_MAX_MS = 500;

test('a token that is none, a customer’s or expired is refused with why; staff’s opens, stays for the tab, and signs out', async () => {
  const { page, context } = await visit(all.browser, address());
  const past = await token('staff', '1s');
  for (const [pasted, told] of [
    ['not.a-token', 'not a valid token'],
    ['a.b.c', 'not a valid token'],
    [await token('customer'), 'not a staff token'],
    [past, 'has expired'],
  ]) {
    if (pasted === past) await new Promise((resolve) => setTimeout(resolve, 1_100));
    await page.getByLabel('Token').fill(pasted);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').filter({ hasText: told }).waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  }
  await page.getByLabel('Token').fill(`Bearer ${salon.token.slice(0, 40)}\n${salon.token.slice(40)} `);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await loaded(page);
  await page.reload();
  await loaded(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByLabel('Token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  await context.close();
});

test('a token that ends while one looks is said to have expired', async () => {
  const { page, context } = await opened({}, await token('staff', '4s'));
  await page.getByRole('alert').filter({ hasText: 'has expired' }).waitFor();
  assert.equal(await page.locator('.booking').count(), 0);
  await context.close();
});

test('the day shows every booking with its customer, hours, breaks; other days and places too', async () => {
  const { page, context, complaints } = await opened();
  await same(page, salon.place, salon.date);
  assert.ok((await page.locator('.block.break').count()) > 3);
  assert.ok((await page.locator('.open').count()) >= (await page.locator('.column').count()));

  await page.getByRole('button', { name: 'Next day' }).click();
  await loaded(page);
  await same(page, salon.place, dateAfter(salon.date));
  await page.getByRole('button', { name: 'Previous day' }).click();
  await page.getByLabel('Place').selectOption({ label: 'Patan' });
  await loaded(page);
  const patan = await page.getByLabel('Place').inputValue();
  await same(page, patan, salon.date);
  await page.reload();
  await loaded(page);
  await same(page, patan, salon.date);
  await page.getByRole('button', { name: 'Today' }).click();
  const today = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Kathmandu', weekday: 'long', day: 'numeric', month: 'long' }).format(new Date());
  await page.getByRole('heading', { level: 1, name: today }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test('what is booked, held and cancelled elsewhere shows within 500 ms', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[0];
  const seen = stamped(page, '.booking', 'Live Lama');
  const began = Date.now();
  const { id } = await book(stylist, starts[0], 'Live Lama');
  const took = (await seen) - began;
  console.log(`from asking for the booking to its card: ${took.toFixed(0)} ms`);
  assert.ok(took <= LIVE_MAX_MS);
  await start(page, stylist, starts[0], '.closed').waitFor();

  await ask('mutation($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }', { input: { stylistId: stylist.id, serviceId: salon.haircut, startUtc: starts.at(-1) } }, null);
  await column(page, stylist).locator('.block.hold').filter({ hasText: 'Held until' }).waitFor();
  await ask('mutation($id: ID!) { bookingCancel(bookingId: $id) { __typename } }', { id });
  await card(page, id).waitFor({ state: 'detached' });
  await start(page, stylist, starts[0], '.free').waitFor();
  await context.close();
});

test('what was cancelled while the network was away is gone when it is back', async () => {
  const wire = await network();
  const { page, context } = await opened({ base: wire.base });
  const { stylist, starts } = salon.free[1];
  const [gone, stays] = [await book(stylist, starts[0], 'Gone Giri'), await book(stylist, starts.at(-1), 'Stays Sen')];
  await card(page, gone.id).waitFor();
  wire.cut();
  await page.locator('.state.live').waitFor({ state: 'detached' });
  await ask('mutation($id: ID!) { bookingCancel(bookingId: $id) { __typename } }', { id: gone.id });
  wire.mend();
  await page.locator('.state.live').waitFor();
  await card(page, gone.id).waitFor({ state: 'detached' });
  await card(page, stays.id).waitFor();
  await context.close();
  wire.close();
});

