/** The loading of the page's files is not yet the end: what it asks for comes first too. */
const REST_MS = 1_000;

/** The service worker, once the page is there: it is not to compete with it. Only https and this machine may have one. */
export function registerWorker(): void {
  if (!('serviceWorker' in navigator)) return;
  window.addEventListener('load', () => setTimeout(register, REST_MS));
}

function register(): void {
  void navigator.serviceWorker.register('/sw.js').catch(() => undefined);
}
