/** The staff view for screen readers, on small screens, in the dark, in another language; and the README's picture. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { visit } from './harness.mjs';
import { address, all, ask, book, busyWednesday, fits, loaded, opened, salon, start, violations } from './staff.mjs';

const SCREEN = new URL('../../docs/screens/staff.png', import.meta.url).pathname;

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing wherever staff go, ${colorScheme}`, async () => {
    const { page, context } = await visit(all.browser, address(), { colorScheme, reducedMotion: 'reduce' });
    await page.getByLabel('Token').fill('nothing');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await violations(page, 'signing in');
    await page.getByLabel('Token').fill(salon.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await loaded(page);
    await violations(page, 'the day');
    await page.locator('.start.closed').first().click();
    await violations(page, 'why a start is closed');
    await page.getByRole('button', { name: 'Add time off from here' }).click();
    await violations(page, 'time off');
    await page.keyboard.press('Escape');
    await page.locator('.booking.confirmed').first().click();
    await violations(page, 'a booking');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel booking' }).click();
    await violations(page, 'cancelling it');
    await page.keyboard.press('Escape');
    await page.locator('.booking.confirmed').first().click();
    await page.getByRole('dialog').getByRole('button', { name: 'Move' }).click();
    await violations(page, 'moving');
    await context.close();
  });
}

test('nothing is cut off at 320 px, from right to left, or in Nepali; the columns scroll', async () => {
  for (const [language, direction] of [['en', 'ltr'], ['en', 'rtl'], ['ne', 'ltr']]) {
    const { page, context } = await opened({ viewport: { width: 320, height: 640 } }, salon.token, `&lang=${language}`);
    await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
    await fits(page, 'html');
    const [content, box] = await page.locator('.board').evaluate((one) => [one.scrollWidth, one.clientWidth]);
    assert.ok(content > box);
    await page.locator('.booking.confirmed').first().click();
    await fits(page, '.dialog');
    await page.locator('.dialog .row.end .text').click();
    await fits(page, '.dialog');
    await page.keyboard.press('Escape');
    await page.locator('.off').click();
    await fits(page, '.dialog');
    await page.keyboard.press('Escape');
    if (language === 'ne') {
      assert.equal(await page.locator('html').getAttribute('lang'), 'ne');
      assert.match(await page.locator('h1').innerText(), /[\u0900-\u097f]/);
      assert.doesNotMatch(await page.locator('.toolbar .button').allInnerTexts().then((texts) => texts.join()), /[a-z]/i);
    }
    const first = page.locator('.column').first().locator('[data-stop]').first();
    await first.focus();
    await page.keyboard.press(direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight');
    assert.ok(await page.locator('.column').nth(1).evaluate((one) => one.contains(document.activeElement)));
    await context.close();
  }
});

test('a picture: staff', async () => {
  const { date, free } = await busyWednesday();
  const names = ['Maya Gurung', 'Rohan Thapa', 'Sneha Karki', 'Bina Shah'];
  for (const [number, { stylist, starts }] of free.slice(0, 4).entries()) await book(stylist, starts[0], names[number]);
  const [{ stylist, starts }] = free;
  await ask('mutation($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }', { input: { stylistId: stylist.id, serviceId: salon.haircut, startUtc: starts.at(-1) } }, null);
  const { page, context } = await opened({ viewport: { width: 1200, height: 720 }, reducedMotion: 'reduce' }, salon.token, '', date);
  await page.waitForSelector('.state.live');
  await page.getByText(names[0]).first().evaluate((one) => one.scrollIntoView({ block: 'center', inline: 'nearest' }));
  await page.waitForTimeout(300);
  await page.screenshot({ path: SCREEN });
  await context.close();
});
