/** urql over HTTP and graphql-transport-ws, for the page at hand. */
import { createClient as createSocket, type Client as Socket, type FormattedExecutionResult, type Sink, type SubscribePayload } from 'graphql-ws';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from 'urql';
import { became, connection, heard, listeningFetch } from './connection';
import { API, socketUrl } from './socket';

const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 4_000;
const RETRY_MAX_MS = 5_000;

/** Headers of who asks, as `X-Session-Id` or `Authorization`; read anew for each request and each connection. */
export type Asker = () => Record<string, string>;

export interface Api {
  client: Client;
  socket: Socket;
}

/**
 * keepsDocuments: whether answers are kept by document, and asked for again when a mutation says something of their types.
 * isPublic: whether the service worker may keep them; not those with customers' names.
 */
export function createApi(asker: Asker, { keepsDocuments = true, isPublic = true } = {}): Api {
  const socket = createLiveSocket(asker);
  const client = new Client({
    url: API,
    fetch: listeningFetch,
    fetchOptions: () => ({ headers: asker() }),
    preferGetMethod: isPublic && 'force', // answers that depend on nobody carry an ETag, and the service worker keeps them
    exchanges: [
      ...(keepsDocuments ? [cacheExchange] : []),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({ unsubscribe: resuming(socket, { query: query ?? '', variables: { ...variables } }, sink) }),
        }),
      }),
    ],
  });
  return { client, socket };
}

/** A socket that notices silence, and connects again when there is a network. */
function createLiveSocket(asker: Asker): Socket {
  let waiting: ReturnType<typeof setTimeout> | undefined;
  const socket = createSocket({
    url: socketUrl(),
    connectionParams: asker,
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait,
    keepAlive: PING_EVERY_MS,
    lazyCloseTimeout: 3_000, // a page that changes what it watches keeps its socket
    on: {
      connected: () => (became({ online: true, live: true }), heard()),
      closed: () => (clearTimeout(waiting), became({ live: false })),
      ping: (received) => {
        if (!received) waiting = setTimeout(() => socket.terminate(), PONG_WITHIN_MS);
      },
      pong: (received) => {
        if (received) (clearTimeout(waiting), heard());
      },
      message: () => heard(),
    },
  });
  window.addEventListener('offline', () => socket.terminate());
  return socket;
}

async function retryWait(retries: number): Promise<void> {
  const wait = Math.min(RETRY_MAX_MS, 200 * 2 ** retries) * (0.75 + Math.random() / 2);
  const patience = new Promise((resolve) => setTimeout(resolve, wait));
  const network = new Promise((resolve) => window.addEventListener('online', resolve, { once: true }));
  await (connection.get().online ? Promise.race([patience, network]) : network);
}

/** A subscription that goes on, when the socket connects again, from the last event that it had. */
function resuming(socket: Socket, { query, variables }: Asked, sink: LooseSink): () => void {
  return socket.subscribe({ query, variables } satisfies SubscribePayload, {
    ...(sink as Sink<FormattedExecutionResult<Record<string, unknown>, unknown>>),
    next: (result) => {
      const [event] = Object.values(result.data ?? {});
      if (hasCursor(event)) variables.sinceVersion = event.cursor; // what graphql-ws sends when it subscribes again
      sink.next(result as never);
    },
  });
}

interface Asked {
  query: string;
  variables: Record<string, unknown>;
}

interface LooseSink {
  next: (result: never) => void;
  error: (error: never) => void;
  complete: () => void;
}

function hasCursor(event: unknown): event is { cursor: string } {
  return typeof event === 'object' && event !== null && 'cursor' in event;
}
