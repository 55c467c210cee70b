/** What the tests of the staff view share: tokens, the API as staff ask it, a day that will do, and what is where on the page. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { before } from 'node:test';
import { promisify } from 'node:util';
import { SERVER, browserForAll } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DAY_MS = 86_400_000;
export const all = browserForAll();
export const salon = {};

before(async () => {
  salon.token = await token('staff');
  const { locations, services, stylists } = await ask('{ locations { id name } services { id name } stylists(limit: 200) { id name locations { id } } }');
  salon.place = locations.find(({ name }) => name === 'Thamel').id;
  salon.haircut = services.find(({ name }) => name === 'Haircut').id;
  salon.stylists = stylists.filter((one) => one.locations.some(({ id }) => id === salon.place));
  salon.date = await openWednesday();
  salon.free = await freeStylists(salon.date);
});

export function address(extra = '', date = salon.date) {
  return `/staff?place=${salon.place}&date=${date}&service=${salon.haircut}${extra}`;
}

/** A page that is signed in, and shows the day. */
export async function opened({ base = SERVER, ...options } = {}, by = salon.token, extra = '', date = salon.date) {
  const context = await all.browser.newContext({ locale: 'en-GB', timezoneId: 'Asia/Kathmandu', viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(20_000);
  await context.addInitScript((kept) => sessionStorage.getItem('chairtime:staff-token') ?? sessionStorage.setItem('chairtime:staff-token', kept), by);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(base + address(extra, date));
  await loaded(page);
  return { page, context, complaints };
}

export async function loaded(page) {
  await page.waitForSelector('.column .start');
  await page.waitForSelector('.away');
  await page.waitForSelector('.booking');
}

export async function token(role, expiresIn = '1h') {
  const args = ['server.py', 'token', '--role', role, '--tenant', 'demo', '--expires-in', expiresIn, '--data-dir', process.env.CHAIRTIME_DATA_DIR];
  const { stdout } = await promisify(execFile)(process.env.PYTHON, args);
  return stdout.trim();
}

export async function ask(query, variables = {}, by = salon.token) {
  const who = by ? { Authorization: `Bearer ${by}` } : { 'X-Session-Id': 'somebody-else' };
  const response = await fetch(`${SERVER}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...who }, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** A Wednesday in some weeks: most work then, and not all is booked. */
async function openWednesday() {
  for (let ahead = 49; ahead < 110; ahead += 1) {
    const day = new Date(Date.now() + ahead * DAY_MS);
    const date = day.toISOString().slice(0, 10);
    if (day.getUTCDay() === 3 && (await freeStylists(date)).length >= 5) return date;
  }
  throw new Error('no Wednesday will do');
}

/** The first Wednesday from tomorrow on with starts that are free: what a salon looks like, nearly booked out. */
export async function busyWednesday() {
  for (let ahead = 2; ahead < 40; ahead += 1) {
    const date = new Date(Date.now() + ahead * DAY_MS);
    const free = date.getUTCDay() === 3 ? await freeStylists(date.toISOString().slice(0, 10), 2) : [];
    if (free.length >= 4) return { date: date.toISOString().slice(0, 10), free };
  }
  throw new Error('no Wednesday will do');
}

/** A day that is over, with work. */
export function lastWednesday() {
  const day = new Date(Date.now() - DAY_MS);
  while (day.getUTCDay() !== 3) day.setTime(day.getTime() - DAY_MS);
  return day.toISOString().slice(0, 10);
}

/** Those with so many free starts or more and a break, by name: each test takes one of its own. */
async function freeStylists(date, fewest = 4) {
  const found = await ask(
    `query($ids: [ID!]!, $service: ID!, $date: Date!) { stylists(ids: $ids) { id name availableSlots(serviceId: $service, date: $date) { slots { startUtc status location { id } } } } }`,
    { ids: salon.stylists.map(({ id }) => id), service: salon.haircut, date },
  );
  const withStarts = found.stylists.map(({ id, name, availableSlots: { slots } }) => ({
    stylist: { id, name },
    slots,
    starts: slots.filter(({ status }) => status === 'AVAILABLE').map(({ startUtc }) => startUtc),
  }));
  const usual = withStarts.filter(({ starts, slots }) => starts.length >= fewest && slots.every(({ location }) => location.id === salon.place)).slice(0, 8);
  const pauses = await Promise.all(usual.map(({ stylist }) => closedStart(stylist, ['BREAK'], date)));
  return usual.filter((_, number) => pauses[number]);
}

/** A start that is closed by just these. */
export async function closedStart(stylist, by, date = salon.date) {
  const { explainDay } = await ask(
    `query($stylist: ID!, $service: ID!, $date: Date!) { explainDay(stylistId: $stylist, serviceId: $service, date: $date) { startUtc causes { closedBy } } }`,
    { stylist: stylist.id, service: salon.haircut, date },
  );
  return explainDay.find(({ causes }) => causes.map(({ closedBy }) => closedBy).join() === by.join());
}

export async function book(stylist, startUtc, name) {
  const input = { stylistId: stylist.id, serviceId: salon.haircut, startUtc, customer: { name, phone: '+977 1 4000000' } };
  const { bookingCreate } = await ask('mutation($input: BookingCreateInput!) { bookingCreate(input: $input) { __typename ... on Booking { id } } }', { input });
  assert.equal(bookingCreate.__typename, 'Booking');
  return bookingCreate;
}

export async function whereIs(id) {
  return (await ask('query($id: ID!) { booking(id: $id) { startUtc stylist { id } } }', { id })).booking;
}

export async function timeOffOf(stylist) {
  return (await ask('query($id: ID!) { stylist(id: $id) { setup { timeOff { startUtc endUtc reason } } } }', { id: stylist.id })).stylist.setup.timeOff;
}

/** The board shows for each stylist of a place just the bookings that the API has. */
export async function same(page, placeId, date) {
  const { stylists } = await ask('query($place: ID!) { stylists(limit: 200, locationId: $place) { id } }', { place: placeId });
  const those = new Set(stylists.map(({ id }) => id));
  const expected = (await bookingsOn(date)).filter(({ status, stylist }) => status !== 'CANCELLED' && those.has(stylist.id));
  assert.ok(expected.length > 10);
  await page.waitForFunction(
    (wanted) => wanted.every(({ id, stylist }) => document.querySelector(`.column[data-stylist="${stylist.id}"] [data-booking="${id}"]`)),
    expected,
  );
  const cards = await page.locator('.booking').evaluateAll((found) => found.map(({ dataset, innerText }) => [dataset.booking, innerText]));
  const texts = new Map(cards);
  for (const { id, customer, service } of expected) assert.ok(texts.get(id).includes(customer?.name ?? service.name), `${texts.get(id)} does not name ${customer?.name ?? service.name}`);
  assert.ok(cards.length >= expected.length);
}

export async function bookingsOn(date) {
  const found = [];
  for (let after = null, more = true; more; ) {
    const { bookings } = await ask(
      'query($date: Date!, $after: String) { bookings(from: $date, to: $date, first: 200, after: $after) { edges { node { id status stylist { id } service { name } customer { name } } } pageInfo { hasNextPage endCursor } } }',
      { date, after },
    );
    found.push(...bookings.edges.map(({ node }) => node));
    [more, after] = [bookings.pageInfo.hasNextPage, bookings.pageInfo.endCursor];
  }
  return found;
}

export const column = (page, stylist) => page.locator(`.column[data-stylist="${stylist.id}"]`);
export const start = (page, stylist, startUtc, kind) => column(page, stylist).locator(`.start${kind}[data-start="${startUtc}"]`);
export const card = (page, id) => page.locator(`[data-booking="${id}"]`);
export const focused = (page) => page.evaluate(() => ({ ...document.activeElement.dataset }));
export const isIn = (page, stylist) => column(page, stylist).evaluate((one) => one.contains(document.activeElement));

export function dateAfter(date) {
  return new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10);
}

/** When an element with a text is there, in ms since 1970. */
export function stamped(page, selector, text) {
  return page.evaluate(
    ([wanted, words]) =>
      new Promise((resolve) => {
        const look = () => {
          if ([...document.querySelectorAll(wanted)].some((one) => one.innerText.includes(words))) resolve(performance.timeOrigin + performance.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
    [selector, text],
  );
}

/** Drags a card until it lies over a start, scrolling as it must. */
export async function dragTo(page, id, stylist, startUtc) {
  await card(page, id).scrollIntoViewIfNeeded();
  const box = await card(page, id).boundingBox();
  const grab = { x: box.x + box.width / 2, y: box.y + 8 };
  await page.mouse.move(grab.x, grab.y);
  await page.mouse.down();
  await page.mouse.move(grab.x + 12, grab.y + 4, { steps: 3 });
  await page.locator('.board.dragging').waitFor();
  const aim = column(page, stylist).locator(`.start[data-start="${startUtc}"]`);
  await aim.evaluate((one) => one.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' }));
  const there = await aim.boundingBox();
  await page.mouse.move(there.x + there.width + 20, there.y + 9, { steps: 6 });
  await page.locator(`.start.over[data-start="${startUtc}"]`).waitFor();
  await page.mouse.up();
}

export async function violations(page, where) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const told = found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
  assert.deepEqual(told, [], where);
  assert.ok(found.passes.length > 5);
}

export async function fits(page, selector) {
  const [content, box] = await page.locator(selector).first().evaluate((one) => [one.scrollWidth, one.clientWidth]);
  assert.ok(content <= box, `${selector} is ${content} px wide in ${box}`);
}
