/** Marks among the browser's own performance entries, by which the tests measure how fast the page is. */

export function mark(name: 'open' | 'usable' | 'booked' | 'developers'): void {
  performance.mark(`chairtime:${name}`);
}

/** Marks when what React has just put into the document is on the screen. */
export function markPainted(name: 'usable'): void {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel(); // its message comes right after the frame
    port1.onmessage = () => mark(name);
    port2.postMessage(null);
  });
}
