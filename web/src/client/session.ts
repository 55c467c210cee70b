/** Who asks: an opaque id that this page makes up and keeps; it owns this browser's holds and bookings. */

const KEY = 'chairtime:session';
let ofThisVisit: string | undefined;

export function sessionId(): string {
  ofThisVisit ??= stored() ?? keep(randomId());
  return ofThisVisit;
}

/** 128 random bits. Not crypto.randomUUID: browsers offer it on https and localhost alone. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function stored(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is forbidden: the id lasts as long as the page
  }
}

function keep(id: string): string {
  try {
    localStorage.setItem(KEY, id);
  } catch {
    // as above
  }
  return id;
}
