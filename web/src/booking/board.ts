/** What can be had of a choice, day by day: asked for ahead, and changed live. One board a choice. */
import type { Client } from 'urql';
import { createStore, type Store } from '../client/store';
import { addDays, dateIn, ownZone } from '../i18n/format';
import { NO_DAYS, countOn, isLoaded, withChange, withLists, withMonth, type Days } from './days';
import { CHANGES, DAYS, OPENING } from './documents';

export const STRIP_DAYS = 28;
/** So many days to come are there from the beginning, besides their number of free starts. */
const NEAR_DAYS = 3;
/** What was asked for ahead and is older is shown, and asked for again. */
const STALE_MS = 10_000;

export interface Board {
  store: Store<BoardState>;
  serviceId: string;
  stylistIds: readonly string[];
  today: string;
  /** Resolves when the first answer is there, or will not come. */
  ready: Promise<void>;
  /** Shows a date: it and its neighbours are loaded and watched. */
  show: (date: string) => void;
  /** Watches what is shown, until it is closed. */
  open: () => void;
  /** Asks anew for what is shown, and for the days to come. */
  reload: () => Promise<void>;
  close: () => void;
}

export interface BoardState {
  days: Days;
  /** null until the first answer says which date has anything free. */
  date: string | null;
  failed: boolean;
}

/** wanted: the date to show first if anything is free then; else it is the first such date. */
export function createBoard(client: Client, serviceId: string, stylistIds: readonly string[], wanted: string | null = null): Board {
  const today = dateIn(ownZone, Date.now());
  const store = createStore<BoardState>({ days: NO_DAYS, date: null, failed: false });
  const common = { stylists: [...stylistIds], service: serviceId, timezone: ownZone };
  let unwatch: () => void = () => undefined;
  let watched = '';
  let isOpen = false;
  let loadedAt = 0;

  const update = (change: (days: Days) => Days) => store.set({ ...store.get(), days: change(store.get().days) });

  async function reload(): Promise<void> {
    const [near, nearTo] = wanted ? around(wanted, today) : [today, addDays(today, NEAR_DAYS - 1)];
    const span = { from: today, to: addDays(today, STRIP_DAYS - 1), near, nearTo };
    const { data } = await client.query(OPENING, { ...common, ...span }, { requestPolicy: 'network-only' }).toPromise();
    if (!data) return store.set({ ...store.get(), failed: true });
    loadedAt = Date.now();
    const days = withLists(withMonth(store.get().days, data.stylists), data.stylists);
    store.set({ ...store.get(), days, failed: false });
    show(store.get().date ?? (wanted && countOn(days, wanted, stylistIds) ? wanted : firstFree(days, stylistIds, today)));
  }

  async function load(date: string): Promise<void> {
    const [from, to] = around(date, today);
    if ([from, date, to].every((one) => isLoaded(store.get().days, one))) return;
    const { data } = await client.query(DAYS, { ...common, from, to }, { requestPolicy: 'network-only' }).toPromise();
    if (data) update((days) => withLists(days, data.stylists));
  }

  function watch(date: string): void {
    if (!isOpen || watched === date) return;
    watched = date;
    const unwatchBefore = unwatch;
    const [from, to] = around(date, today);
    const variables = { ...common, from, to, sinceVersion: null };
    unwatch = client.subscription(CHANGES, variables).subscribe(({ data }) => {
      if (data) update((days) => withChange(days, data.availabilityChanged));
    }).unsubscribe;
    unwatchBefore();
  }

  function show(date: string): void {
    store.set({ ...store.get(), date });
    void load(date);
    watch(date);
  }

  function open(): void {
    isOpen = true;
    if (loadedAt && Date.now() - loadedAt > STALE_MS) void reload();
    const { date } = store.get();
    if (date) watch(date);
  }

  function close(): void {
    isOpen = false;
    watched = '';
    unwatch();
    unwatch = () => undefined;
  }

  const ready = reload();
  return { store, ready, serviceId, stylistIds, today, show, open, reload, close };
}

/** A date's neighbours, but not the past. */
function around(date: string, today: string): [string, string] {
  const before = addDays(date, -1);
  return [before < today ? date : before, addDays(date, 1)];
}

/** The first date of the strip with anything free, else today. */
export function firstFree(days: Days, stylistIds: readonly string[], today: string): string {
  return strip(today).find((date) => countOn(days, date, stylistIds)) ?? today;
}

/** The first such date behind another one. */
export function firstFreeAfter(days: Days, stylistIds: readonly string[], today: string, after: string): string | undefined {
  return strip(today).find((date) => date > after && countOn(days, date, stylistIds));
}

/** The dates that can be chosen. */
export function strip(today: string): string[] {
  return Array.from({ length: STRIP_DAYS }, (_, offset) => addDays(today, offset));
}
