/*
 * Mounts GraphiQL on this server's /graphql. React, ReactDOM, GraphiQL and graphqlWs are globals of the scripts that index.html
 * loads first; nothing comes from another host.
 */
import { examples } from './examples.js';

const { React, ReactDOM, GraphiQL, graphqlWs } = window;
const API = '/graphql';
const LOOKUP_TIMEOUT_MS = 4000;
const FIRST_STYLIST = '{ stylists(limit: 1) { id timezone services { service { id } } } }';
const FIRST_STARTS = `query FirstStarts($service: ID!, $stylists: [ID!]!) {
  firstAvailable(serviceId: $service, stylistIds: $stylists, limit: 2) { startUtc }
}`;
const storage = GraphiQL.createLocalStorage({ namespace: 'chairtime' });
const defaultHeaders = JSON.stringify({ 'X-Session-Id': sessionId() }, null, 2);

await mount();

async function mount() {
  const tabs = examples(await facts());
  // GraphiQL takes the first tab's variables from its storage, never from defaultTabs.
  if (!storage.getItem('graphiql:tabState')) storage.setItem('graphiql:variables', tabs[0].variables);
  const page = React.createElement(
    GraphiQL,
    { fetcher: fetcher(), storage, defaultHeaders, defaultTabs: tabs.map((tab) => ({ ...tab, headers: defaultHeaders })) },
    React.createElement(GraphiQL.Logo, null, 'Chairtime'),
  );
  ReactDOM.createRoot(document.getElementById('page')).render(page);
}

/** Sends what the headers editor holds as HTTP headers, and for subscriptions as connection_init's payload. */
function fetcher() {
  let headers = {};
  const wsClient = graphqlWs.createClient({ url: socketUrl(), connectionParams: () => headers });
  const send = GraphiQL.createFetcher({ url: API, wsClient, enableIncrementalDelivery: false });
  return (operation, options) => {
    headers = options?.headers ?? {};
    return send(operation, options);
  };
}

function socketUrl() {
  const url = new URL(API, window.location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}

/** An opaque id that owns this browser tab's holds; one a tab, until it is closed. */
function sessionId() {
  const known = window.sessionStorage.getItem('chairtime:session');
  if (known) return known;
  // Not crypto.randomUUID: browsers offer it on https and localhost alone.
  const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
  window.sessionStorage.setItem('chairtime:session', id);
  return id;
}

/** What the examples are about: the first stylist and service, and their first free starts; placeholders where the API does not say. */
async function facts() {
  const stylist = (await ask(FIRST_STYLIST))?.stylists[0];
  const service = stylist?.services[0]?.service;
  const free = service && (await ask(FIRST_STARTS, { service: service.id, stylists: [stylist.id] }))?.firstAvailable;
  return { stylist: stylist?.id ?? '<stylist id>', service: service?.id ?? '<service id>', ...times(stylist?.timezone, free ?? []) };
}

/** Days and starts for the examples: from the first free start when there is one, else from now. */
function times(stylistZone, free) {
  const timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const first = free[0] ? new Date(free[0].startUtc) : new Date();
  const inTwoDays = new Date(first.getTime() + 2 * 24 * 3600 * 1000);
  return {
    timezone,
    day: dateIn(timezone, first),
    firstDay: dateIn(stylistZone ?? timezone, first),
    lastDay: dateIn(stylistZone ?? timezone, inTwoDays),
    start: free[0]?.startUtc ?? '<startUtc>',
    laterStart: free[1]?.startUtc ?? '<startUtc>',
  };
}

/** The ISO date that the instant has in the zone. */
function dateIn(timeZone, instant) {
  const parts = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).formatToParts(instant);
  const part = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day}`;
}

/** The data of a query, or null when there is none for whatever reason: the page must come up all the same. */
async function ask(query, variables = {}) {
  try {
    const signal = AbortSignal.timeout(LOOKUP_TIMEOUT_MS);
    const headers = { 'Content-Type': 'application/json', ...JSON.parse(defaultHeaders) };
    const response = await fetch(API, { method: 'POST', signal, headers, body: JSON.stringify({ query, variables }) });
    return (await response.json()).data ?? null;
  } catch {
    return null;
  }
}
