/** The service worker, once the page is there: it is not to compete with it. Only https and this machine may have one. */
export function registerWorker(): void {
  if (!('serviceWorker' in navigator)) return;
  window.addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined));
}
