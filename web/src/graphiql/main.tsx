/** GraphiQL at /graphql: queries over HTTP, subscriptions over graphql-transport-ws, with whatever the headers editor says. */
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher, createLocalStorage, type Fetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createClient } from 'graphql-ws';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import { sessionId } from '../client/session';
import { socketUrl } from '../client/socket';
import { lookUp } from './facts';
import './page.css';
import { tabs } from './tabs';

const storage = createLocalStorage({ namespace: 'chairtime' });

async function mount(page: HTMLElement): Promise<void> {
  const { tenant, ...facts } = await lookUp();
  const headers = JSON.stringify({ 'X-Session-Id': sessionId(), 'X-Tenant': tenant, Authorization: '' }, null, 2);
  const [first, ...others] = tabs(facts);
  // GraphiQL takes the first tab's variables from its storage, never from defaultTabs.
  if (first && !storage.getItem('graphiql:tabState')) storage.setItem('graphiql:variables', first.variables);
  createRoot(page).render(
    <GraphiQL
      fetcher={fetcher()}
      storage={storage}
      plugins={[explorerPlugin()]}
      defaultHeaders={headers}
      defaultTabs={[first, ...others].flatMap((tab) => (tab ? [{ ...tab, headers }] : []))}
    >
      <GraphiQL.Logo>Chairtime</GraphiQL.Logo>
    </GraphiQL>,
  );
}

/** Sends what the headers editor holds as HTTP headers, and for subscriptions as connection_init's payload; empty ones not. */
function fetcher(): Fetcher {
  let headers: Record<string, string> = {};
  const wsClient = createClient({ url: socketUrl(), connectionParams: () => headers });
  const send = createGraphiQLFetcher({ url: '/graphql', wsClient, enableIncrementalDelivery: false });
  return (operation, options) => {
    headers = Object.fromEntries(Object.entries((options?.headers ?? {}) as Record<string, string>).filter(([, value]) => value));
    return send(operation, { ...options, headers });
  };
}

const page = document.getElementById('page');
if (page) void mount(page);
