/** By keyboard alone, for screen readers, on small screens, in the dark, in another language; and the README's pictures. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { browserForAll, chooseBusyDay, confirm, fillIn, openService, slot, title, visit } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
// `make screens` renews the README's; else they only show that they can be made.
const SCREENS = process.env.CHAIRTIME_SCREENS ? new URL('../../docs/screens/', import.meta.url).pathname : `${tmpdir()}/chairtime-screens/`;
const all = browserForAll();

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing on any step, ${colorScheme}`, async () => {
    const { page, context } = await visit(all.browser, '/', { colorScheme, reducedMotion: 'reduce' });
    await page.waitForSelector('.service');
    await violations(page, 'the page');
    await openService(page);
    const [start] = await chooseBusyDay(page, 6);
    await violations(page, 'choosing');
    await slot(page, start).click();
    await title(page, 'Your details');
    await confirm(page).click();
    await violations(page, 'details, with faults');
    await fillIn(page);
    await confirm(page).click();
    await title(page, 'You are booked');
    await violations(page, 'booked');
    await context.close();
  });
}

test('booking takes no pointer', async () => {
  const { page, context } = await visit(all.browser);
  await page.locator('.service', { hasText: 'Haircut' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('.slot[data-start]');
  await tabTo(page, '.day input');
  const before = await page.evaluate(() => document.activeElement.value);
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction((date) => document.activeElement.value > date, before);
  await page.waitForSelector('.slot[data-start]:not(.taken)');
  await tabTo(page, '.slot');
  await page.keyboard.press('Enter');
  await title(page, 'Your details');
  await tabTo(page, '[name=name]');
  await page.keyboard.type('Keys Only');
  await tabTo(page, '[name=phone]');
  await page.keyboard.type('+977 1 4000000');
  await page.keyboard.press('Enter');
  await title(page, 'You are booked');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await context.close();
});

test('nothing is cut off at 320 px, written from right to left, or in Nepali', async () => {
  for (const [path, direction] of [['/?lang=en', 'ltr'], ['/?lang=en', 'rtl'], ['/?lang=ne', 'ltr']]) {
    const { page, context } = await visit(all.browser, path, { viewport: { width: 320, height: 640 } });
    await page.waitForSelector('.service');
    await page.evaluate((dir) => (document.documentElement.dir = dir), direction);
    await fits(page, 'html');
    await page.locator('.service').nth(3).click();
    await page.waitForSelector('.slot[data-start], .nothing');
    await fits(page, '.dialog');
    await fits(page, '.body');
    if (path.endsWith('ne')) {
      assert.equal(await page.locator('html').getAttribute('lang'), 'ne');
      assert.match(await page.locator('.month').innerText(), /[\u0900-\u097f]/);
    }
    await context.close();
  }
});

test('elsewhere the times are the visitor’s, with the salon’s below', async () => {
  const { page, context } = await visit(all.browser, '/', { timezoneId: 'Europe/Berlin' });
  await openService(page);
  await page.getByText('Times are in your own zone').waitFor();
  const [start] = await chooseBusyDay(page, 4, 2);
  const text = await slot(page, start).innerText();
  const own = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: 'numeric', minute: '2-digit' }).format(new Date(start));
  assert.ok(text.startsWith(own), `${text} does not begin with ${own}`);
  assert.match(text, /at the salon/);
  await context.close();
});

for (const [name, options] of [
  ['phone', { viewport: { width: 390, height: 844 } }],
  ['desktop', { viewport: { width: 960, height: 780 } }],
  ['dark', { viewport: { width: 960, height: 780 }, colorScheme: 'dark' }],
]) {
  test(`a picture: ${name}`, async () => {
    const { page, context } = await visit(all.browser, '/', { ...options, reducedMotion: 'reduce' });
    await openService(page);
    await page.waitForSelector('.badge.live');
    await chooseBusyDay(page, 12);
    await page.mouse.move(0, 0);
    await page.locator('.slot').first().scrollIntoViewIfNeeded();
    await page.locator('.body').evaluate((body) => (body.scrollTop = 0));
    if (name === 'dark') {
      await page.locator('.slot:not(.taken)').first().click();
      await title(page, 'Your details');
      await fillIn(page);
    }
    await page.waitForTimeout(200);
    await page.screenshot({ path: `${SCREENS}${name}.png` });
    assert.ok(statSync(`${SCREENS}${name}.png`).size < 150_000);
    await context.close();
  });
}

async function violations(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  assert.deepEqual(told, [], where);
  assert.ok(found.passes.length > 5);
}

async function tabTo(page, selector) {
  for (let pressed = 0; pressed < 80; pressed += 1) {
    if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab never leads to ${selector}`);
}

async function fits(page, selector) {
  const [content, box] = await page.locator(selector).first().evaluate((one) => [one.scrollWidth, one.clientWidth]);
  assert.ok(content <= box, `${selector} is ${content} px wide in ${box}`);
}
