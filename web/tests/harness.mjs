/** A browser, visitors with a session each, a network that can break, and another program at the database. */
import { execFile, spawn } from 'node:child_process';
import { createServer, connect } from 'node:net';
import { after, before } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

export const SERVER = new URL(process.env.CHAIRTIME_URL).origin;
const ARGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
const SEEN_AS = { locale: 'en-GB', timezoneId: 'Asia/Kathmandu', viewport: { width: 1280, height: 860 } };
const run = promisify(execFile);
const networks = new Set();

/** A browser for the tests of a file. */
export function browserForAll() {
  const found = {};
  before(async () => {
    found.browser = await chromium.launch({ executablePath: process.env.BROWSER, args: ARGS.split(' ') });
  });
  after(async () => {
    networks.forEach((wire) => wire.close());
    await found.browser.close();
  });
  return found;
}

/** A visitor of their own: a page, and what its console complains of. */
export async function visit(browser, path = '/', { base = SERVER, ...options } = {}) {
  const context = await browser.newContext({ ...SEEN_AS, ...options });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(base + path);
  return { page, context, complaints };
}

/** Another server beside the first, on the same data, with more options. */
export async function serveAgain(...options) {
  const command = ['server.py', 'serve', '--port', '0', '--data-dir', process.env.CHAIRTIME_DATA_DIR, ...options];
  const server = spawn(process.env.PYTHON, command, { stdio: ['ignore', 'pipe', 'ignore'] });
  const base = await new Promise((told, failed) => {
    let said = '';
    server.once('exit', () => failed(new Error(`it did not start: ${said}`)));
    server.stdout.on('data', (part) => {
      const [, url] = /The booking page: (http:\S+)\n/.exec((said += part)) ?? [];
      if (url) told(url);
    });
  });
  return { base, stop: () => new Promise((stopped) => (server.once('exit', stopped), server.kill())) };
}

/** Opens the modal of a service. */
export async function openService(page, name = 'Haircut') {
  await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
  await page.waitForSelector('.slot[data-start]');
}

/** Chooses somebody by first name, or one by number; each test takes somebody of its own, so that none disturbs another. */
export async function chooseStylist(page, number) {
  await page.locator('.people .option').nth(number).click();
  await page.waitForFunction(() => !document.querySelector('.slot.ghost'));
}

/** Chooses a day with many free starts, so many days on; its free starts. */
export async function chooseBusyDay(page, fewest = 3, after = 1) {
  const days = page.locator('.day');
  await page.waitForFunction(() => ![...document.querySelectorAll('.day .count')].some((one) => one.textContent === '…'));
  for (let number = after; number < (await days.count()); number += 1) {
    const free = parseInt(await days.nth(number).locator('.count').innerText(), 10);
    if (!(free >= fewest)) continue;
    const date = await days.nth(number).locator('input').getAttribute('value');
    await days.nth(number).click();
    await page.waitForSelector(`.slots[data-date="${date}"]`);
    return page.locator('.slot[data-start]:not(.taken)').evaluateAll((slots) => slots.map((slot) => slot.dataset.start));
  }
  throw new Error('no day has enough free starts');
}

export const slot = (page, start) => page.locator(`.slot[data-start="${start}"]`);

export async function fillIn(page, name = 'Asha Gurung') {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('E-mail').fill('asha@example.com');
}

export const confirm = (page) => page.getByRole('button', { name: 'Confirm booking' });
export const title = (page, text) => page.getByRole('heading', { level: 2, name: text }).waitFor();

/** The choice on the page, as the API has it: the stylist's and the service's id. */
export async function chosen(page) {
  const stylist = await page.locator('.people input:checked').getAttribute('value');
  const service = await page.locator('.service', { hasText: 'Haircut' }).getAttribute('data-service');
  return { stylist, service };
}

/** Books by raw SQL; when that began, in ms since 1970. */
export async function bookByRawSql({ stylist, service }, start) {
  const { stdout } = await run(process.env.PYTHON, ['-m', 'tests.web.raw', process.env.CHAIRTIME_DATA_DIR, stylist, service, start]);
  return Number(stdout);
}

/** The page's session asks the API. */
export function ask(page, query, variables = {}) {
  return page.evaluate(
    async ([text, values]) => {
      const headers = { 'Content-Type': 'application/json', 'X-Session-Id': localStorage.getItem('chairtime:session') };
      const response = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query: text, variables: values }) });
      return (await response.json()).data;
    },
    [query, variables],
  );
}

/** How many bookings the page's session has that stand. */
export async function bookingsOf(page) {
  const today = new Date().toISOString().slice(0, 10);
  const later = new Date(Date.now() + 300 * 86_400_000).toISOString().slice(0, 10);
  const found = await ask(page, `{ bookings(from: "${today}", to: "${later}") { edges { node { id status startUtc } } } }`);
  return found.bookings.edges.map(({ node }) => node).filter(({ status }) => status === 'CONFIRMED');
}

/** A network between browser and server that can be cut, and that can lose an answer. */
export async function network() {
  const target = new URL(SERVER);
  const wires = new Set();
  const state = { isCut: false, losing: null, lost: 0 };
  const proxy = createServer((wire) => {
    if (state.isCut) return wire.destroy();
    const server = connect(Number(target.port), target.hostname);
    wires.add(wire).add(server);
    let isLosing = false;
    wire.on('data', (bytes) => {
      isLosing ||= state.losing !== null && bytes.includes(state.losing);
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!isLosing) return wire.write(bytes);
      state.lost += 1;
      return wire.destroy();
    });
    for (const [one, other] of [[wire, server], [server, wire]]) {
      one.on('error', () => other.destroy());
      one.on('close', () => (wires.delete(one), other.destroy()));
    }
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const wire = {
    base: `http://127.0.0.1:${proxy.address().port}`,
    cut: () => ((state.isCut = true), wires.forEach((wire) => wire.destroy())),
    mend: () => (state.isCut = false),
    /** Loses the answers to requests that contain the text, until null: Chromium asks again by itself a few times, and no page knows. */
    loseAnswersTo: (text) => (state.losing = text),
    lost: () => state.lost,
    close: () => (wires.forEach((one) => one.destroy()), proxy.close()),
  };
  networks.add(wire);
  return wire;
}

export const median = (numbers) => [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
