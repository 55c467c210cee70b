/** Where the server is, over HTTP and as a WebSocket. */
export const API = '/graphql';

export function socketUrl(): string {
  const url = new URL(API, window.location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  return url.href;
}
