/** GraphiQL at /graphql: a query and a subscription, with the booking page's own documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, browserForAll, visit } from './harness.mjs';

const all = browserForAll();
/** What the result shows. */
const answer = (page) => page.locator('.result-window .CodeMirror').evaluate((editor) => editor.CodeMirror.getValue());

test('it runs a query and a subscription of the page’s own', async () => {
  const { page, context, complaints } = await visit(all.browser, '/graphql');
  await page.waitForSelector('.graphiql-tab');
  assert.equal(await page.locator('.graphiql-tab').count(), 9);
  await page.locator('.graphiql-query-editor .CodeMirror-line', { hasText: 'query Salon' }).waitFor();
  await page.getByRole('button', { name: /Execute query/ }).click();
  await until(async () => (await answer(page)).includes('"tenant"'));
  assert.match(await answer(page), /Himal & Hudson/);

  await page.getByRole('tab', { name: 'Changes' }).click();
  await page.locator('.graphiql-query-editor .CodeMirror-line', { hasText: 'subscription Changes' }).waitFor();
  await page.waitForTimeout(500); // GraphiQL takes a moment to see which operation its new tab has
  await page.getByRole('button', { name: /Execute query/ }).click();
  await until(async () => (await answer(page)).includes('"snapshot": true'));
  const variables = JSON.parse(await page.locator('.graphiql-editor-tool .CodeMirror').first().evaluate((editor) => editor.CodeMirror.getValue()));
  const held = await hold(page, variables);
  await until(async () => (await answer(page)).includes(`"startUtc": "${held}"`) && (await answer(page)).includes('"snapshot": false'));
  await page.getByRole('button', { name: /Stop query/ }).click();

  await page.getByRole('button', { name: /GraphiQL Explorer/ }).click();
  await page.locator('.graphiql-explorer-root').waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

/** Holds the first start that is watched, as the page's own session. */
async function hold(page, { stylists, service }) {
  const free = await ask(page, 'query ($who: [ID!], $service: ID!) { firstAvailable(serviceId: $service, stylistIds: $who, limit: 1) { startUtc } }', {
    who: stylists,
    service,
  });
  const { startUtc } = free.firstAvailable[0];
  await ask(page, 'mutation ($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }', {
    input: { stylistId: stylists[0], serviceId: service, startUtc },
  });
  return startUtc;
}

async function until(check) {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`it did not happen: ${check}`);
}
