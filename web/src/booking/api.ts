/** The page's one connection to the server, as who this browser is. */
import { createApi } from '../client/client';
import { sessionId } from '../client/session';

export const { client } = createApi(() => ({ 'X-Session-Id': sessionId(), ...tenant() }));

/** A page for another business of the same server says which: ?tenant=slug. */
function tenant(): Record<string, string> {
  const slug = new URLSearchParams(window.location.search).get('tenant');
  return slug ? { 'X-Tenant': slug } : {};
}
