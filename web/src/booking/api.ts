/** The page's one connection to the server, as who this browser is. */
import { createApi } from '../client/client';
import { sessionId } from '../client/session';

// Nothing is kept by document: it would ask for the type of each of some hundred days, and walk through them all.
export const { client } = createApi(() => ({ 'X-Session-Id': sessionId(), ...tenant() }), { keepsDocuments: false });

/** A page for another business of the same server says which: ?tenant=slug. */
function tenant(): Record<string, string> {
  const slug = new URLSearchParams(window.location.search).get('tenant');
  return slug ? { 'X-Tenant': slug } : {};
}
