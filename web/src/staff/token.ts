/** The token that staff pasted, for as long as the tab lives, and why the last one would not do. */
import type { CombinedError } from '@urql/core';
import { serverNow } from '../client/connection';
import { createStore } from '../client/store';

export type Refusal = 'expired' | 'notStaff' | 'invalid';

export interface SignedIn {
  token: string | null;
  refusal: Refusal | null;
}

const KEY = 'chairtime:staff-token';

export const signedIn = createStore<SignedIn>({ token: stored(), refusal: null });

/** Signs in with what was pasted, perhaps with spaces, line breaks or "Bearer" before it. */
export function signIn(pasted: string): void {
  const token = pasted.replace(/^\s*bearer\s/i, '').replace(/\s/g, '');
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return signOut('invalid');
  keep(token);
  signedIn.set({ token, refusal: null });
}

export function signOut(refusal: Refusal | null = null): void {
  keep(null);
  signedIn.set({ token: null, refusal });
}

/** Signs out if the server says that the token is not, or no longer, one of staff's; whether it did. */
export function isRefused(error: CombinedError | undefined): boolean {
  const { token } = signedIn.get();
  const codes = error?.graphQLErrors.map(({ extensions }) => extensions.code) ?? [];
  const isClosed = error?.networkError && 'code' in error.networkError && error.networkError.code === 4401;
  if (codes.includes('FORBIDDEN')) signOut('notStaff');
  else if (isClosed || codes.includes('UNAUTHENTICATED')) signOut(token && isPast(token) ? 'expired' : 'invalid');
  else return false;
  return true;
}

/** When it expires, in ms since 1970; unread, and so not by us, it does not. Only the server knows whether it is genuine. */
export function expiryOf(token: string): number {
  try {
    const { exp } = JSON.parse(atob((token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : Infinity;
  } catch {
    return Infinity;
  }
}

function isPast(token: string): boolean {
  return expiryOf(token) <= serverNow() + 1000; // the server compares whole seconds
}

function stored(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null; // storage is forbidden: the token lasts as long as the page
  }
}

function keep(token: string | null): void {
  try {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  } catch {
    // as above
  }
}
