/** From opening the page to a confirmed booking, moved and cancelled; and how fast it is by the browser's own entries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, bookingsOf, browserForAll, chooseBusyDay, chooseStylist, confirm, fillIn, median, network, openService, SERVER, slot, title, visit } from './harness.mjs';

const USABLE_MAX_MS = 200;
const SHOWN_MAX_MS = 50;
const LINKED_MAX_MS = 1_000;
const all = browserForAll();

test('a visitor books, moves and cancels', async () => {
  const { page, context, complaints } = await visit(all.browser);
  await openService(page);
  await page.waitForSelector('.badge.live');
  const [first, , third] = await chooseBusyDay(page, 8);
  await slot(page, first).click();
  await title(page, 'Your details');
  await page.getByText(/Held for you for (10:00|9:\d\d)/).waitFor();
  await confirm(page).click();
  assert.equal(await page.locator('[name=name]').getAttribute('aria-invalid'), 'true');
  await fillIn(page);
  const keys = keysOf(page, 'bookingConfirm');
  await confirm(page).evaluate((button) => [button.click(), button.click()]);
  await title(page, 'You are booked');
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual((await bookingsOf(page)).map(({ startUtc }) => startUtc), [first]);

  await page.getByRole('button', { name: 'Move' }).click();
  await chooseBusyDay(page, 3);
  const [next] = await page.locator('.slot[data-start]:not(.taken)').evaluateAll((slots, not) => slots.map((one) => one.dataset.start).filter((start) => start !== not), first);
  await slot(page, next ?? third).click();
  await title(page, 'Move to this time?');
  await page.getByRole('button', { name: 'Move booking' }).click();
  await title(page, 'Your booking is moved');
  assert.deepEqual((await bookingsOf(page)).map(({ startUtc }) => startUtc), [next]);

  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('heading', { name: 'Your bookings' }).waitFor();
  await page.locator('.booking').click();
  await page.getByRole('button', { name: 'Cancel booking' }).click();
  await page.locator('.asking').getByRole('button', { name: 'Cancel booking' }).click();
  await title(page, 'Your booking is cancelled');
  assert.deepEqual(await bookingsOf(page), []);
  assert.deepEqual(complaints, []);
  await context.close();
});

test('a confirmation whose answers are lost on their way is sent again with its key, and made once', async () => {
  const wire = await network();
  const { page, context } = await visit(all.browser, '/', { base: wire.base });
  await openService(page);
  await chooseStylist(page, 2);
  const [start] = await chooseBusyDay(page);
  await slot(page, start).click();
  await fillIn(page, 'Lost Once');
  wire.loseAnswersTo('bookingConfirm');
  page.once('requestfailed', () => wire.loseAnswersTo(null));
  const keys = keysOf(page, 'bookingConfirm');
  await confirm(page).click();
  await title(page, 'You are booked');

  assert.ok(wire.lost() >= 1);
  assert.ok(keys.length >= 2);
  assert.match(keys[0], /^\w{32}$/);
  assert.equal(new Set(keys).size, 1);
  assert.equal((await bookingsOf(page)).length, 1);
  await context.close();
});

test('another service can be chosen in the modal: stylist and day stay where they fit', async () => {
  const { page, context, complaints } = await visit(all.browser);
  await openService(page);
  const { stylist, gives, givesNot } = await somebodyOfFewServices(page);
  await page.locator(`.people .option:has([value="${stylist}"])`).click();
  await chooseBusyDay(page, 6, 4);
  const date = await page.locator('.slots').getAttribute('data-date');
  await page.getByLabel('Service').selectOption({ label: gives });
  await title(page, gives);
  await page.waitForSelector(`.slots[data-date="${date}"] .slot[data-start]`);
  assert.equal(await page.locator('.people input:checked').getAttribute('value'), stylist);

  await page.getByLabel('Service').focus();
  await page.keyboard.type(givesNot);
  await title(page, givesNot);
  await page.waitForSelector('.slot[data-start]');
  assert.equal(await page.locator('.people input:checked').getAttribute('value'), '');
  await page.locator('.slot[data-start]').last().click();
  await title(page, 'Your details');
  assert.match(await page.locator('.summary').innerText(), new RegExp(givesNot));
  assert.deepEqual(complaints, []);
  await context.close();
});

test('the strip counts each start once, whoever is free then', async () => {
  const { page, context } = await visit(all.browser);
  await openService(page);
  await chooseBusyDay(page, 6, 9);
  const date = await page.locator('.slots').getAttribute('data-date');
  await page.reload(); // so that of this day the month alone is known
  await openService(page);
  const day = page.locator('.day', { has: page.locator(`[value="${date}"]`) });
  const counted = parseInt(await day.locator('.count').innerText(), 10);
  await day.click();
  await page.waitForSelector(`.slots[data-date="${date}"]`);
  const starts = await page.locator('.slot[data-start]:not(.taken)').count();
  const service = await page.getByLabel('Service').inputValue();
  const stylists = await page.locator('.people input').evaluateAll((inputs) => inputs.map(({ value }) => value).filter(Boolean));
  const found = await ask(page, 'query ($ids: [ID!]!, $service: ID!, $date: Date!) { stylists(ids: $ids) { availableSlots(serviceId: $service, date: $date, timezone: "Asia/Kathmandu") { freeCount } } }', { ids: stylists, service, date });
  const ofAll = found.stylists.reduce((sum, { availableSlots }) => sum + availableSlots.freeCount, 0);

  assert.deepEqual([counted, parseInt(await day.locator('.count').innerText(), 10)], [starts, starts]);
  assert.ok(ofAll > starts, `${ofAll} of all stylists, ${starts} starts`);
  await context.close();
});

test('an address that opens a service shows its starts at once', async () => {
  const stages = [];
  for (let round = 0; round < 3; round += 1) {
    const { page, context } = await visit(all.browser);
    const service = await page.locator('.service', { hasText: 'Haircut' }).getAttribute('data-service');
    await page.goto('about:blank');
    await page.goto(`${SERVER}/#book=${service}`);
    await page.waitForSelector('.slot[data-start]');
    stages.push(await page.evaluate(() => {
      const [{ responseStart }] = performance.getEntriesByType('navigation');
      const asked = (name) => {
        const [first, ...more] = performance.getEntriesByType('resource').filter((one) => one.name.includes(name));
        if (!first || more.length) throw new Error(`${name} is asked ${more.length ? 'again' : 'never'}`);
        return first;
      };
      const ends = [asked('query+Salon').startTime, asked('query+Opening').startTime, asked('query+Opening').responseStart];
      return [...ends, performance.getEntriesByName('chairtime:usable')[0].startTime].map((at) => at - responseStart);
    }));
    await page.getByRole('heading', { level: 1, includeHidden: true }).waitFor(); // the page behind it
    assert.equal(await shiftOf(page), 0);
    await context.close();
  }
  const [salon, opening, answer, shown] = [0, 1, 2, 3].map((stage) => median(stages.map((one) => one[stage])).toFixed(0));
  console.log(`from the first byte of the page, by its address: the salon asked for ${salon}, its days ${opening}, answered ${answer}, a slot on the screen ${shown} ms`);

  assert.ok(Math.min(...stages.map((one) => one[3])) < LINKED_MAX_MS);
});

test('the modal is usable within 200 ms, a slot is shown within 50 ms of the first byte, and nothing shifts', async () => {
  const usable = [];
  const shown = [];
  const shifts = [];
  for (let round = 0; round < 5; round += 1) {
    const { page, context } = await visit(all.browser);
    await page.waitForLoadState('networkidle'); // somebody looks at the page before they choose
    await openService(page);
    usable.push(await sinceOpened(page));
    shifts.push(await shiftOf(page));
    const marks = await page.evaluate(() => performance.getEntriesByName('chairtime:usable').length);
    await page.locator('.segments .option').last().click();
    shown.push(await sinceFirstByte(page, marks));
    await context.close();
  }

  const print = (numbers) => numbers.map((number) => number.toFixed(0)).join(', ');
  console.log(`from the click to usable: ${median(usable).toFixed(0)} ms median of ${print(usable)}`);
  console.log(`from the first byte of the days to a slot on the screen: ${median(shown).toFixed(0)} ms median of ${print(shown)}`);
  console.log(`layout shift: ${Math.max(...shifts)}`);
  // The best of five: what the page itself takes, whoever else uses the machine.
  assert.ok(Math.min(...usable) <= USABLE_MAX_MS);
  assert.ok(Math.min(...shown) <= SHOWN_MAX_MS);
  assert.equal(Math.max(...shifts), 0);
});

function sinceOpened(page) {
  return page.evaluate(async () => {
    const at = (name) => performance.getEntriesByName(`chairtime:${name}`)[0]?.startTime;
    while (!at('usable')) await new Promise(requestAnimationFrame);
    return at('usable') - at('open');
  });
}

/** Of another place's days: the frame with its first slot after the first byte of the answer that it is in (Resource Timing). */
function sinceFirstByte(page, marksBefore) {
  return page.evaluate(async (before) => {
    const usable = () => performance.getEntriesByName('chairtime:usable');
    while (usable().length === before) await new Promise(requestAnimationFrame);
    const answer = performance.getEntriesByType('resource').filter(({ name }) => name.includes('Opening')).at(-1);
    return usable().at(-1).startTime - answer.responseStart;
  }, marksBefore);
}

function shiftOf(page) {
  return page.evaluate(
    () =>
      new Promise((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value))).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(sum), 300);
      }),
  );
}

/** The idempotency keys of the page's requests that contain the text, as they are sent. */
function keysOf(page, text) {
  const keys = [];
  page.on('request', (request) => {
    const asked = request.postData()?.includes(text) && request.postDataJSON();
    if (asked) keys.push(asked.variables.input.idempotencyKey);
  });
  return keys;
}

/** Of those shown, one who gives the haircut and another service, and a service that they do not give. */
async function somebodyOfFewServices(page) {
  const { services } = await ask(page, '{ services { name offerings { stylist { id } } } }');
  const others = services.filter(({ name }) => name !== 'Haircut');
  const shown = await page.locator('.people input').evaluateAll((inputs) => inputs.map(({ value }) => value).filter(Boolean));
  for (const stylist of shown) {
    const isTheirs = ({ offerings }) => offerings.some((one) => one.stylist.id === stylist);
    const [gives, givesNot] = [others.find(isTheirs), others.find((one) => !isTheirs(one))];
    if (gives && givesNot) return { stylist, gives: gives.name, givesNot: givesNot.name };
  }
  throw new Error('everybody gives everything');
}
