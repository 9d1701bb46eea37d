// Keeps the shell for the time without a network: the offline page and the files it needs. Rooms, messages and the API
// are never stored: they belong to the person who is logged in, and may be gone tomorrow.
declare const self: ServiceWorkerGlobalScope;

/** Put in front of this file by the server, which knows the names of the built files. */
declare const SHELL: { version: string; page: string; files: string[] };

const { version, page, files } = SHELL;
const cacheName = `pavilion-${version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(cacheName)
      .then((cache) => cache.addAll([page, ...files]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOldCaches().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") event.respondWith(fetch(request).catch(offlinePage));
  else if (files.includes(new URL(request.url).pathname)) event.respondWith(fromShell(request));
});

async function dropOldCaches(): Promise<void> {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== cacheName).map((name) => caches.delete(name)));
}

async function offlinePage(): Promise<Response> {
  return (await caches.match(page)) ?? Response.error();
}

async function fromShell(request: Request): Promise<Response> {
  return (await caches.match(request.url)) ?? fetch(request);
}
