/** The free starts of some stylists, a list for each and day, and how they change. Pure: every function makes a new value. */
import type { Change, Fresh, StartParts, StylistDays } from './documents';

export type Mark = 'taken' | 'fresh';

export interface DayList {
  date: string;
  stylistId: string;
  starts: ReadonlyMap<string, StartParts>;
  /** What became of starts while somebody looked. */
  marks: ReadonlyMap<string, Mark>;
  cache: Fresh;
}

export interface Days {
  lists: ReadonlyMap<string, DayList>;
  /** By date and stylist: the minutes of the date at which starts are free. */
  free: ReadonlyMap<string, readonly number[]>;
}

export interface ShownStart extends StartParts {
  /** Who is free then; nobody if it was just taken. */
  stylistIds: string[];
  mark: Mark | undefined;
}

export const NO_DAYS: Days = { lists: new Map(), free: new Map() };

const keyOf = (date: string, stylistId: string) => `${date}/${stylistId}`;

/** With lists as they were answered, in place of older ones; what differs from those is marked. */
export function withLists(days: Days, answered: readonly StylistDays[]): Days {
  const lists = new Map(days.lists);
  const free = new Map(days.free);
  for (const { id, days: found } of answered) {
    for (const { date, slots, cache } of found) {
      const key = keyOf(date, id);
      const known = lists.get(key);
      if (known && isOlder(cache.version, known.cache.version)) continue; // a change overtook this answer
      const list = { date, stylistId: id, cache, ...replaced(known, slots) };
      lists.set(key, list);
      free.set(key, minutesOf(list));
    }
  }
  return { lists, free };
}

/** With a month of which only the minutes of free starts are known. */
export function withMonth(days: Days, answered: readonly { id: string; month: readonly { date: string; freeStarts: readonly number[] }[] }[]): Days {
  const free = new Map(days.free);
  for (const { id, month } of answered) for (const { date, freeStarts } of month) free.set(keyOf(date, id), freeStarts);
  return { ...days, free };
}

/** With one stylist's day as a change left it; what came and went is marked, unless it is the first that we hear of the day. */
export function withChange(days: Days, change: Change): Days {
  const { date, stylist, cache } = change.availability;
  const key = keyOf(date, stylist.id);
  const known = days.lists.get(key);
  const list = { date, stylistId: stylist.id, cache, ...(change.snapshot ? replaced(known, change.opened) : differed(known, change)) };
  return { lists: new Map(days.lists).set(key, list), free: new Map(days.free).set(key, minutesOf(list)) };
}

/** The minutes of the date at which starts of a list are free, as `freeStarts` counts them: in the visitor's zone. */
function minutesOf({ date, starts, marks }: Pick<DayList, 'date' | 'starts' | 'marks'>): number[] {
  const beginsAt = Date.parse(`${date}T00:00`);
  return [...starts.keys()].filter((start) => marks.get(start) !== 'taken').map((start) => (Date.parse(start) - beginsAt) / 60_000);
}

type Starts = Pick<DayList, 'starts' | 'marks'>;

function replaced(known: DayList | undefined, opened: readonly StartParts[]): Starts {
  const starts = new Map(opened.map((slot) => [slot.startUtc, slot]));
  if (!known) return { starts, marks: new Map() };
  const marks = new Map(known.marks);
  for (const start of starts.keys()) if (!known.starts.has(start) || marks.get(start) === 'taken') marks.set(start, 'fresh');
  for (const start of known.starts.keys()) if (!starts.has(start)) marks.set(start, 'taken');
  return { starts: new Map([...known.starts, ...starts]), marks };
}

function differed(known: DayList | undefined, { opened, closed }: Change): Starts {
  const starts = new Map(known?.starts);
  const marks = new Map(known?.marks);
  for (const slot of opened) {
    starts.set(slot.startUtc, slot);
    marks.set(slot.startUtc, 'fresh');
  }
  for (const { startUtc, heldByYou } of closed) {
    if (heldByYou) starts.delete(startUtc);
    else if (starts.has(startUtc)) marks.set(startUtc, 'taken');
  }
  return { starts, marks };
}

/** Whether a version is below another: dot-separated integers, compared number by number. */
export function isOlder(version: string, other: string): boolean {
  const [numbers, others] = [version.split('.').map(Number), other.split('.').map(Number)];
  const differs = numbers.findIndex((number, place) => number !== (others[place] ?? -1));
  return differs >= 0 && (numbers[differs] ?? 0) < (others[differs] ?? -1);
}

/** The starts of a date, each once, by time: who of the stylists is free then, at the lowest price. */
export function startsOn(days: Days, date: string): ShownStart[] {
  const shown = new Map<string, ShownStart>();
  for (const list of days.lists.values()) {
    if (list.date !== date) continue;
    for (const start of list.starts.values()) shown.set(start.startUtc, joined(shown.get(start.startUtc), start, list));
  }
  return [...shown.values()].sort((one, other) => (one.startUtc < other.startUtc ? -1 : 1));
}

function joined(known: ShownStart | undefined, start: StartParts, list: DayList): ShownStart {
  const mark = list.marks.get(start.startUtc);
  const isFree = mark !== 'taken';
  if (!known) return { ...start, stylistIds: isFree ? [list.stylistId] : [], mark };
  if (!isFree) return known;
  const cheaper = !known.stylistIds.length || start.priceCents < known.priceCents ? start : known;
  return { ...known, ...cheaper, stylistIds: [...known.stylistIds, list.stylistId], mark: known.mark === 'fresh' ? 'fresh' : undefined };
}

/** How many starts are free on a date, each once, whoever of the stylists has it; undefined while it is not known. */
export function countOn(days: Days, date: string, stylistIds: readonly string[]): number | undefined {
  const known = stylistIds.map((id) => days.free.get(keyOf(date, id))).filter((minutes) => minutes !== undefined);
  return known.length ? new Set(known.flat()).size : undefined;
}

export function isLoaded(days: Days, date: string): boolean {
  for (const list of days.lists.values()) if (list.date === date) return true;
  return false;
}

/** The free starts nearest to an instant, of all days known, by time. */
export function nearest(days: Days, instant: string, howMany: number): ShownStart[] {
  const dates = new Set([...days.lists.values()].map(({ date }) => date));
  const free = [...dates].flatMap((date) => startsOn(days, date)).filter(({ stylistIds }) => stylistIds.length > 0);
  const away = ({ startUtc }: ShownStart) => Math.abs(Date.parse(startUtc) - Date.parse(instant));
  return free
    .sort((one, other) => away(one) - away(other))
    .slice(0, howMany)
    .sort((one, other) => (one.startUtc < other.startUtc ? -1 : 1));
}

/** How fresh what is shown of a date is: what its least fresh list says. */
export function freshnessOn(days: Days, date: string): Fresh | undefined {
  const found = [...days.lists.values()].filter((list) => list.date === date).map(({ cache }) => cache);
  return found.sort((one, other) => Number(one.verified) - Number(other.verified) || other.ageSeconds - one.ageSeconds)[0];
}
