/// <reference lib="webworker" />
/** Keeps the booking page and the last answers to what it asked, for when there is no network. */
export {};
const worker = globalThis as unknown as ServiceWorkerGlobalScope;

// The files that the page is made of, by their hashes: the build writes them here.
const FILES = '__FILES__'.split(' ');
const PAGE_CACHE = `page-${hash(FILES.join())}`;
const ANSWERS = 'answers';
const ANSWERS_MAX = 60;
const KEPT_AT = 'X-Kept-At';

worker.addEventListener('install', (event) => {
  event.waitUntil(keepPage().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(forgetOtherPages().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  if (url.pathname === '/graphql' && url.searchParams.has('query')) event.respondWith(answer(request));
  else if (url.pathname.startsWith('/assets/')) event.respondWith(file(request));
  else if (request.mode === 'navigate' && url.pathname === '/') event.respondWith(page(request));
});

async function keepPage(): Promise<void> {
  const cache = await caches.open(PAGE_CACHE);
  await cache.addAll(['/', ...FILES]);
}

async function forgetOtherPages(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith('page-') && name !== PAGE_CACHE).map((name) => caches.delete(name)));
}

/** The network's answer, of which a copy is kept; without a network, the copy, marked with its time. */
async function answer(request: Request): Promise<Response> {
  try {
    const response = await fetch(request);
    if (response.ok) void keep(request, response.clone());
    return response;
  } catch (failure) {
    const kept = await (await caches.open(ANSWERS)).match(request.url);
    if (kept) return kept;
    throw failure;
  }
}

async function keep(request: Request, response: Response): Promise<void> {
  const headers = new Headers(response.headers);
  headers.set(KEPT_AT, new Date().toISOString());
  const cache = await caches.open(ANSWERS);
  await cache.put(request.url, new Response(await response.blob(), { headers }));
  const known = await cache.keys();
  await Promise.all(known.slice(0, Math.max(0, known.length - ANSWERS_MAX)).map((old) => cache.delete(old)));
}

/** A file's name has its hash: what is kept is what the server has. */
async function file(request: Request): Promise<Response> {
  const kept = await caches.match(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) void (await caches.open(PAGE_CACHE)).put(request.url, response.clone()); // fonts, which not every page needs
  return response;
}

async function page(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (failure) {
    const kept = await caches.match('/');
    if (kept) return kept;
    throw failure;
  }
}

function hash(text: string): string {
  let found = 5381;
  for (const letter of text) found = (found * 33 + letter.charCodeAt(0)) | 0;
  return (found >>> 0).toString(36);
}
