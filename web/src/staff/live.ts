/** A day of some stylists, live: their starts with what closes them, and the bookings. */
import type { CombinedError } from '@urql/core';
import type { Api } from '../client/client';
import { createStore, type Store } from '../client/store';
import { addDays } from '../i18n/format';
import { BOOKINGS_CHANGED, STARTS_CHANGED, explainDays, type Booking, type Explanation } from './documents';

const GATHERED_MS = 30;
/** So long the first event may take before the day is asked for without one. */
const PATIENCE_MS = 1_500;

export interface Asked {
  date: string;
  /** By stylist, the service whose starts are shown. */
  services: ReadonlyMap<string, string>;
}

export interface Explained {
  serviceId: string;
  starts: readonly Explanation[];
}

export interface DayState {
  /** By stylist; when another service is shown, that of the one before until there is an answer. */
  explained: ReadonlyMap<string, Explained>;
  bookings: ReadonlyMap<string, Booking>;
  error: CombinedError | null;
}

export interface Day {
  store: Store<DayState>;
  /** Shows another day, other stylists or another service; what stays the same stays on the screen. */
  show: (asked: Asked) => void;
  /** Asks anew why the starts of these, or of all, are as they are. */
  reload: (stylistIds?: Iterable<string>) => void;
  /** Watches, until what this returns is called. */
  open: () => () => void;
}

const NOTHING: DayState = { explained: new Map(), bookings: new Map(), error: null };

export function createDay({ client, socket }: Api): Day {
  const store = createStore(NOTHING);
  const stale = new Set<string>();
  let asked: Asked | null = null;
  let isAsking = false;
  let bookings = new Map<string, Booking>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let patience: ReturnType<typeof setTimeout> | undefined;
  let unwatchStarts = () => undefined as void;
  let unwatchBookings = () => undefined as void;
  let unlisten = () => undefined as void;

  const fail = (error: CombinedError | undefined) => error && store.set({ ...store.get(), error });

  /** Events come in bursts: they are shown, and asked about, together. */
  function gather(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      store.set({ ...store.get(), bookings: new Map(bookings) });
      void ask();
    }, GATHERED_MS);
  }

  /** One question at a time, so that answers come in order. */
  async function ask(): Promise<void> {
    const ids = [...stale];
    if (isAsking || !asked || !ids.length) return;
    isAsking = true;
    stale.clear();
    const { date, services } = asked;
    const chosen = ids.map((id) => services.get(id) ?? '');
    const variables = Object.fromEntries(ids.flatMap((id, number) => [[`s${number}`, id], [`v${number}`, chosen[number] ?? '']]));
    const { data, error } = await client.query(explainDays(ids.length), { date, ...variables }, { requestPolicy: 'network-only' }).toPromise();
    isAsking = false;
    const isStillAsked = (id: string, number: number) => asked?.date === date && asked.services.get(id) === chosen[number];
    if (data) take(ids.map((id, number): [string, Explained] => [id, { serviceId: chosen[number] ?? '', starts: data[`s${number}`] ?? [] }]).filter(([id], number) => isStillAsked(id, number)));
    else if (ids.some(isStillAsked)) fail(error);
    if (stale.size) gather();
  }

  function take(found: [string, Explained][]): void {
    store.set({ ...store.get(), explained: new Map([...store.get().explained, ...found]), error: null });
  }

  function reload(stylistIds: Iterable<string> = asked?.services.keys() ?? []): void {
    for (const id of stylistIds) stale.add(id);
    gather();
  }

  /** A subscription is of one service: there is one for each that is shown. */
  function watchStarts({ date, services }: Asked): void {
    unwatchStarts();
    clearTimeout(patience);
    const isMissing = ([id, service]: [string, string]) => store.get().explained.get(id)?.serviceId !== service;
    patience = setTimeout(() => reload([...services].filter(isMissing).map(([id]) => id)), PATIENCE_MS);
    const watched = [...new Set(services.values())].map((service) => {
      const stylists = [...services].filter(([, one]) => one === service).map(([id]) => id);
      return client.subscription(STARTS_CHANGED, { stylists, service, date, sinceVersion: null }).subscribe(({ data, error }) => {
        if (data) reload([data.availabilityChanged.availability.stylist.id]);
        fail(error);
      });
    });
    unwatchStarts = () => watched.forEach(({ unsubscribe }) => unsubscribe());
  }

  function watchBookings({ date, services }: Asked): void {
    unwatchBookings();
    bookings = new Map();
    // The next date too: a night's bookings after midnight are this day's work.
    const variables = { stylists: [...services.keys()], from: date, to: addDays(date, 1) };
    unwatchBookings = client.subscription(BOOKINGS_CHANGED, variables).subscribe(({ data, error }) => {
      if (data) become(data.bookingsChanged);
      fail(error);
    }).unsubscribe;
  }

  function become({ kind, booking }: { kind: string; booking: Booking }): void {
    // Moved from one of these stylists to another, it leaves the one and comes to the other, in any order.
    const hasMovedOn = kind === 'LEFT' && bookings.get(booking.id)?.stylist.id !== booking.stylist.id;
    if (kind !== 'LEFT' && booking.status !== 'CANCELLED') bookings.set(booking.id, booking);
    else if (!hasMovedOn) bookings.delete(booking.id);
    if (kind !== 'THERE') stale.add(booking.stylist.id);
    gather();
  }

  function show(next: Asked): void {
    const isOtherDay = asked?.date !== next.date || keyed(asked.services.keys()) !== keyed(next.services.keys());
    if (!isOtherDay && keyed(asked?.services ?? []) === keyed(next.services)) return;
    asked = next;
    stale.clear();
    if (isOtherDay) {
      store.set(NOTHING);
      watchBookings(next);
    }
    watchStarts(next);
  }

  function open(): () => void {
    // What left while the socket was away is not told: those that are there still are, at once.
    unlisten = socket.on('connected', () => (bookings = new Map()));
    return close;
  }

  function close(): void {
    unlisten();
    unwatchStarts();
    unwatchBookings();
    clearTimeout(timer);
    clearTimeout(patience);
    asked = null;
  }

  return { store, show, reload, open };
}

function keyed(values: Iterable<unknown>): string {
  return [...values].join();
}
