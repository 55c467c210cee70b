/** urql over HTTP and graphql-transport-ws, for the page at hand. */
import { createClient as createSocket, type Client as Socket } from 'graphql-ws';
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from 'urql';

export const API = '/graphql';

/** Headers of who asks, as `X-Session-Id` or `Authorization`; read anew for each request and each connection. */
export type Asker = () => Record<string, string>;

export interface Api {
  client: Client;
  socket: Socket;
}

export function createApi(asker: Asker): Api {
  const socket = createSocket({ url: socketUrl(), connectionParams: asker, retryAttempts: Infinity, shouldRetry: () => true });
  const client = new Client({
    url: API,
    fetchOptions: () => ({ headers: asker() }),
    preferGetMethod: true, // answers that depend on nobody carry an ETag, and the service worker keeps them
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query: query ?? '', variables: variables ?? null }, sink) }),
        }),
      }),
    ],
  });
  return { client, socket };
}

export function socketUrl(): string {
  const url = new URL(API, window.location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}
