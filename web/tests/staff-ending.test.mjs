/** What becomes of bookings, as staff note it: cancelled with a reason, taken place, nobody came; and when it is too late for that. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { network, SERVER } from './harness.mjs';
import { ask, book, bookingsOn, card, focused, lastWednesday, opened, salon, start, violations } from './staff.mjs';

test('a booking is cancelled with a reason by keyboard alone: its start is free, and has the focus', async () => {
  const { page, context, complaints } = await opened();
  const { stylist, starts } = salon.free[0];
  const { id } = await book(stylist, starts[0], 'Cancel Chhetri');
  await card(page, id).focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Cancel Chhetri' });
  assert.equal(await dialog.getByRole('button', { name: 'Took place' }).count(), 0, 'it has not begun');
  await dialog.getByRole('button', { name: 'Cancel booking' }).focus();
  await page.keyboard.press('Enter');
  await dialog.getByRole('form', { name: 'Cancel this booking?' }).waitFor();
  await page.keyboard.type('Has a cold');
  await page.keyboard.press('Enter');

  await page.getByRole('status').filter({ hasText: 'Cancel Chhetri: the booking is cancelled.' }).waitFor();
  await card(page, id).waitFor({ state: 'detached' });
  await start(page, stylist, starts[0], '.free').waitFor();
  await page.waitForFunction((at) => document.activeElement.dataset.start === at, starts[0]);
  assert.deepEqual(await endOf(id, stylist), { status: 'CANCELLED', cancelReason: 'Has a cold' });
  assert.deepEqual(complaints, []);
  await context.close();
});

for (const [number, name, status] of [[0, 'Took place', 'COMPLETED'], [1, 'Did not come', 'NO_SHOW']]) {
  test(`a booking that has begun is noted: ${name}`, async () => {
    const date = lastWednesday();
    const { page, context } = await opened({}, salon.token, '', date);
    const { id } = (await bookingsOn(date)).filter((one) => one.status === 'CONFIRMED' && salon.stylists.some(({ id: own }) => own === one.stylist.id))[number];
    await card(page, id).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name }).click();
    await violations(page, name);
    assert.equal(await page.evaluate(() => document.activeElement.innerText), name);
    await dialog.getByRole('button', { name: 'Not now' }).click();
    assert.equal(await statusOf(id), 'CONFIRMED');

    await card(page, id).click();
    await dialog.getByRole('button', { name }).click();
    await page.keyboard.press('Enter');
    await page.getByRole('status').filter({ hasText: ': noted that' }).waitFor();
    await card(page, id).filter({ hasText: name }).waitFor();
    assert.equal((await focused(page)).booking, id);
    assert.equal(await statusOf(id), status);
    await card(page, id).click();
    await dialog.getByText(name).waitFor();
    assert.equal(await dialog.getByRole('button').count(), 1, 'it can only be closed');
    await context.close();
  });
}

test('one that somebody else has ended meanwhile is told so; one whose answer was lost is not', async () => {
  const wire = await network();
  const { page, context } = await opened({ base: wire.base });
  const { stylist, starts } = salon.free[1];
  const [theirs, ours] = [await book(stylist, starts[0], 'Theirs Thakuri'), await book(stylist, starts.at(-1), 'Ours Oli')];
  const cancel = async ({ id }) => {
    await card(page, id).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel booking' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel booking' }).click();
  };
  await page.route('**/graphql', async (route) => {
    if (route.request().postData()?.includes('StaffCancel')) await ask('mutation($id: ID!) { bookingNoShow(bookingId: $id) { __typename } }', { id: theirs.id });
    await route.continue();
  });
  await cancel(theirs);
  await page.getByRole('status').filter({ hasText: 'Theirs Thakuri: nothing was changed, this booking had ended before. Status: Did not come.' }).waitFor();
  await page.unroute('**/graphql');

  wire.loseAnswersTo('StaffCancel');
  page.once('requestfailed', () => wire.loseAnswersTo(null));
  await cancel(ours);
  await page.getByRole('status').filter({ hasText: 'Ours Oli: the booking is cancelled.' }).waitFor();
  assert.ok(wire.lost() >= 1);
  assert.equal(await statusOf(ours.id), 'CANCELLED');
  await context.close();
  wire.close();
});

test('without an answer nothing is claimed, and it can be tried again', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[2];
  const { id } = await book(stylist, starts[0], 'Silent Sherpa');
  await page.route('**/graphql', (route) => (route.request().postData()?.includes('StaffCancel') ? route.abort() : route.continue()));
  await card(page, id).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Cancel booking' }).click();
  await dialog.getByRole('button', { name: 'Cancel booking' }).click();
  await page.getByRole('status').filter({ hasText: 'The server did not answer.' }).waitFor();
  assert.equal(await statusOf(id), 'CONFIRMED');
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('status').filter({ hasText: 'Silent Sherpa: the booking is cancelled.' }).waitFor();
  assert.equal(await statusOf(id), 'CANCELLED');
  await context.close();
});

async function statusOf(id) {
  return (await ask('query($id: ID!) { booking(id: $id) { status } }', { id })).booking.status;
}

/** Where a booking of the day stands and why, as the export has it. */
async function endOf(id, stylist) {
  const query = new URLSearchParams({ from: salon.date, to: salon.date, stylistId: stylist.id });
  const response = await fetch(`${SERVER}/export/bookings.ndjson?${query}`, { headers: { Authorization: `Bearer ${salon.token}` } });
  const lines = (await response.text()).trim().split('\n').map((line) => JSON.parse(line));
  const { status, cancelReason } = lines.find((one) => one.id === id);
  return { status, cancelReason };
}
