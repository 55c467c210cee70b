/** What is known of the network: whether changes come live, and of when the newest answer is. */
import { createStore } from './store';

export interface Connection {
  online: boolean;
  live: boolean;
  /** When the server last said something; ms since 1970, 0 for never. */
  heardAt: number;
}

/** Set by the service worker on an answer that it kept: when it was given, in ISO 8601. */
export const KEPT_AT = 'X-Kept-At';

export const connection = createStore<Connection>({ online: navigator.onLine, live: false, heardAt: 0 });

/** The server's clock less ours in ms, where they differ by more than its answers' second: holds end by its clock. */
let clockOffset = 0;

export function serverNow(): number {
  return Date.now() + clockOffset;
}

export function heard(at = Date.now()): void {
  const known = connection.get();
  connection.set({ ...known, heardAt: Math.max(at, known.heardAt) });
}

export function became(what: Partial<Connection>): void {
  connection.set({ ...connection.get(), ...what });
}

window.addEventListener('online', () => became({ online: true }));
window.addEventListener('offline', () => became({ online: false, live: false }));

/** fetch that takes note of what it hears: an answer means that we are online, one that was kept, that we are not. */
export async function listeningFetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, init);
  const keptAt = response.headers.get(KEPT_AT);
  if (keptAt) {
    became({ online: false, live: false });
    heard(Date.parse(keptAt));
  } else {
    became({ online: true });
    heard();
    compareClocks(response.headers.get('Date'));
  }
  return response;
}

function compareClocks(date: string | null): void {
  const offset = date ? Date.parse(date) - Date.now() : 0;
  clockOffset = Math.abs(offset) > 2_000 ? offset : 0;
}
