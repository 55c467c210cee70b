/** The page at a server that tells strangers nothing of its schema: `serve --profile hardened`, as it is for others than this machine. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bookingsOf, browserForAll, chooseBusyDay, chooseStylist, confirm, fillIn, openService, serveAgain, slot, title, visit } from './harness.mjs';

const QUERY = '/graphql?query={tenant{slug}}';
const all = browserForAll();
let server;
// A visit costs some thirty reads, for the services it asks ahead, and all of these come from one address.
before(async () => (server = await serveAgain('--profile', 'hardened', '--rate-read', '400/minute')));
after(() => server.stop());

test('hardened, a visitor books, and the service worker’s answers are kept', async () => {
  const { page, context, complaints } = await visit(all.browser, '/', { base: server.base });
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  const answers = [];
  page.on('response', (response) => response.url().includes('/graphql') && answers.push(response));
  await page.reload();
  await openService(page);
  await page.waitForSelector('.badge.live');
  assert.deepEqual(answers.map((one) => one.status()).filter((status) => status !== 200 && status !== 101), []);
  await page.waitForFunction(async () => (await (await caches.open('answers')).keys()).length >= 2); // the worker's own GETs
  await chooseStylist(page, 8);
  const [start] = await chooseBusyDay(page);
  await slot(page, start).click();
  await fillIn(page, 'Hard Case');
  await confirm(page).click();
  await title(page, 'You are booked');
  assert.deepEqual((await bookingsOf(page)).map(({ startUtc }) => startUtc), [start]);

  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('heading', { name: 'Your bookings' }).waitFor();
  await context.setOffline(true);
  await page.reload();
  await openService(page);
  await page.getByText(/Offline, as of \d+:\d\d/).waitFor();
  assert.deepEqual(complaints.filter((text) => !text.includes('ERR_INTERNET_DISCONNECTED')), []);
  await context.close();
});

test('hardened, there is no GraphiQL, no link to it, and no plain GET', async () => {
  const { page, context } = await visit(all.browser, '/', { base: server.base });
  await page.waitForSelector('.service');
  await page.waitForFunction(() => performance.getEntriesByName('chairtime:developers').length);
  assert.equal(await page.getByRole('link', { name: 'API and GraphiQL' }).count(), 0);
  const shown = await page.goto(`${server.base}/graphql`);
  assert.equal(shown.status(), 403);
  assert.doesNotMatch(await page.content(), /graphiql/i);

  const plain = await fetch(server.base + QUERY);
  const asked = await fetch(server.base + QUERY, { headers: { 'X-Session-Id': 'somebody' } });
  assert.deepEqual([plain.status, asked.status], [403, 200]);
  await context.close();
});

test('open, the page leads to GraphiQL', async () => {
  const { page, context } = await visit(all.browser);
  await page.getByRole('link', { name: 'API and GraphiQL' }).click();
  await page.waitForSelector('.graphiql-tab');
  await context.close();
});
