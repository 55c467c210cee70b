/** What is sent: small, compressed, kept for ever, and all of it from this server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserForAll, openService, SERVER, visit } from './harness.mjs';

const SCRIPT_MAX_BYTES = 120_000;
const all = browserForAll();

test('the modal’s JavaScript is under 120 KB, compressed, without GraphiQL, and nothing comes from elsewhere', async () => {
  const { page, context } = await visit(all.browser);
  const asked = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.reload();
  await openService(page);
  const scripts = await page.evaluate(() =>
    performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('.js')).map(({ name, encodedBodySize }) => [name, encodedBodySize]),
  );
  const bytes = scripts.reduce((sum, [, size]) => sum + size, 0);
  console.log(`JavaScript of the booking page: ${(bytes / 1000).toFixed(1)} KB compressed, in ${scripts.length} files`);

  assert.ok(bytes > 10_000 && bytes < SCRIPT_MAX_BYTES);
  assert.deepEqual(asked.filter((url) => !url.startsWith(SERVER) && !url.startsWith(SERVER.replace('http', 'ws'))), []);
  assert.ok(!scripts.some(([name]) => /graphiql|codemirror/.test(name)));
  for (const [name] of scripts.filter(([script]) => script.includes('/assets/'))) {
    const { headers } = await fetch(name, { headers: { 'Accept-Encoding': 'br' } });
    assert.match(headers.get('cache-control'), /immutable/);
    assert.equal(headers.get('content-encoding'), 'br');
  }
  await context.close();
});
