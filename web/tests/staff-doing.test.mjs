/** What staff do on the day: move bookings by pointer and by keys, ask why a start is closed, take time off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, book, card, closedStart, column, dragTo, focused, isIn, opened, salon, start, timeOffOf, whereIs } from './staff.mjs';

test('a booking is dragged to another stylist’s start; a closed start refuses it with why; undo brings it back', async () => {
  const { page, context, complaints } = await opened();
  const [from, to] = [salon.free[0], salon.free[1]];
  const { id } = await book(from.stylist, from.starts[0], 'Drag Dangol');
  await card(page, id).waitFor();
  const aim = to.starts.at(-1);
  await dragTo(page, id, to.stylist, aim);
  await page.getByRole('status').filter({ hasText: 'Drag Dangol is moved' }).waitFor();
  await column(page, to.stylist).locator(`[data-booking="${id}"]`).waitFor();
  assert.deepEqual(await whereIs(id), { startUtc: aim, stylist: { id: to.stylist.id } });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.booking), id);

  await page.getByRole('button', { name: 'Undo' }).click();
  await column(page, from.stylist).locator(`[data-booking="${id}"]`).waitFor();
  assert.deepEqual(await whereIs(id), { startUtc: from.starts[0], stylist: { id: from.stylist.id } });

  const closed = await closedStart(to.stylist, ['BREAK']);
  await dragTo(page, id, to.stylist, closed.startUtc);
  await page.getByRole('dialog').filter({ hasText: 'A break' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.locator('.board.moving').waitFor({ state: 'detached' });
  assert.deepEqual(await whereIs(id), { startUtc: from.starts[0], stylist: { id: from.stylist.id } });
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a booking moves by keyboard alone', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[2];
  const { id } = await book(stylist, starts[0], 'Keys Khadka');
  await card(page, id).waitFor();
  await page.locator('.off').focus();
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement.matches('.board [data-stop]')));
  for (let pressed = 0; !(await isIn(page, stylist)); pressed += 1) {
    assert.ok(pressed < 30, 'the arrow keys never lead to the stylist');
    await page.keyboard.press('ArrowRight');
  }
  await page.keyboard.press('Home');
  for (let pressed = 0; (await focused(page)).booking !== id; pressed += 1) {
    assert.ok(pressed < 60, 'the arrow keys never lead to the booking');
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Move' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('.board.moving').waitFor();
  await page.waitForFunction(() => document.activeElement.matches('[data-stop]'));
  const aim = starts.at(-1);
  for (let pressed = 0; (await focused(page)).start !== aim; pressed += 1) {
    assert.ok(pressed < 60, 'the arrow keys never lead to the start');
    await page.keyboard.press('ArrowDown');
  }
  await page.keyboard.press('Enter');
  await page.getByRole('status').filter({ hasText: 'Keys Khadka is moved' }).waitFor();
  assert.deepEqual(await whereIs(id), { startUtc: aim, stylist: { id: stylist.id } });
  await context.close();
});

test('a start that is lost on the way is refused, and the nearest are one click away', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[3];
  const { id } = await book(stylist, starts[0], 'Late Limbu');
  const aim = starts.at(-1);
  let isFirst = true;
  await page.route('**/graphql', async (route) => {
    const isLate = isFirst && route.request().postData()?.includes('StaffMove');
    if (isLate) isFirst = false;
    if (isLate) await book(stylist, aim, 'First Thapa');
    await route.continue();
  });
  await card(page, id).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Move' }).click();
  await start(page, stylist, aim, '.free').click();
  await page.getByRole('status').filter({ hasText: 'has just been taken' }).waitFor();
  assert.deepEqual(await whereIs(id), { startUtc: starts[0], stylist: { id: stylist.id } });
  await page.locator('.notice .button.plain').first().click();
  await page.getByRole('status').filter({ hasText: 'Late Limbu is moved' }).waitFor();
  assert.notEqual((await whereIs(id)).startUtc, starts[0]);
  await context.close();
});

test('a closed start tells why, as explainDay does', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[4];
  const { id } = await book(stylist, starts[0], 'Why Waiba');
  await start(page, stylist, starts[0], '.closed').click();
  const dialog = page.getByRole('dialog');
  await dialog.filter({ hasText: /A booking, \d\d?:\d\d–\d\d?:\d\d: Why Waiba, Haircut/ }).waitFor();
  await ask('mutation($id: ID!) { bookingCancel(bookingId: $id) { __typename } }', { id });
  await dialog.filter({ hasText: 'This start is free for Haircut' }).waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();

  const pause = await closedStart(stylist, ['BREAK']);
  await start(page, stylist, pause.startUtc, '.closed').click();
  await dialog.filter({ hasText: 'A break' }).waitFor();
  assert.equal(await dialog.locator('.causes li').count(), pause.causes.length);
  await context.close();
});

test('time off is added from a start, closes it at once, and is taken back', async () => {
  const { page, context } = await opened();
  const { stylist, starts } = salon.free[4];
  const aim = starts[1];
  await start(page, stylist, aim, '.free').click();
  await page.getByRole('button', { name: 'Add time off from here' }).click();
  const dialog = page.getByRole('dialog');
  assert.equal(await dialog.getByLabel('Whose').inputValue(), stylist.id);
  await dialog.getByLabel('Reason').fill('Dentist');
  await dialog.getByRole('button', { name: 'Add time off' }).click();
  await page.getByRole('status').filter({ hasText: `Time off is added for ${stylist.name}` }).waitFor();
  await column(page, stylist).locator('.block.time-off').waitFor();
  await start(page, stylist, aim, '.closed').waitFor();
  const [added] = (await timeOffOf(stylist)).filter(({ reason }) => reason === 'Dentist');
  assert.deepEqual(added, { startUtc: aim, endUtc: new Date(Date.parse(aim) + 3_600_000).toISOString().replace('.000', ''), reason: 'Dentist' });

  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('status').filter({ hasText: 'taken back' }).waitFor();
  await start(page, stylist, aim, '.free').waitFor();
  assert.equal((await timeOffOf(stylist)).filter(({ reason }) => reason === 'Dentist').length, 0);

  await page.locator('.off').click();
  await dialog.getByLabel('Whose').selectOption(stylist.id);
  await dialog.getByLabel('The whole day').check();
  await dialog.getByRole('button', { name: 'Add time off' }).click();
  await page.getByRole('status').filter({ hasText: 'Time off is added' }).waitFor();
  await column(page, stylist).locator('.start.free').first().waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Undo' }).click();
  await start(page, stylist, aim, '.free').waitFor();
  await context.close();
});

