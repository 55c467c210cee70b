/** Where things of a day lie: pure, from what the API said. Instants are ms since 1970. */
import { dateIn } from '../i18n/format';
import type { Booking, Cause, Explanation, Salon, Stylist } from './documents';

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A start of the shortest interval is as high as a finger needs, in px. */
const START_MIN_PX = 26;
const PX_A_MINUTE_MIN = 1.7;

export interface Start extends Explanation {
  startUtc: string;
  endUtc: string;
}

/** What takes time that is no booking. */
export interface Block {
  closedBy: Cause['closedBy'];
  from: number;
  to: number;
  source: string | null;
  expiresAt: string | null;
}

export interface Span {
  from: number;
  to: number;
}

export interface Column {
  stylist: Stylist;
  /** Whose starts are shown. */
  serviceId: string;
  starts: Start[];
  /** Working hours. */
  hours: Span[];
  blocks: Block[];
  bookings: Booking[];
  /** What closes the whole day. */
  closedBy: Cause['closedBy'] | null;
}

const BLOCKS: readonly string[] = ['BREAK', 'TIME_OFF', 'EXTERNAL', 'HOLD'];

interface Found {
  serviceId: string;
  explained: readonly Explanation[];
  bookings: readonly Booking[];
  intervalMs: number;
}

export function columnOf(stylist: Stylist, { serviceId, explained, bookings, intervalMs }: Found): Column {
  const starts = explained.filter(isStart);
  const closedBy = starts.length ? null : (explained[0]?.causes[0]?.closedBy ?? null);
  return { stylist, serviceId, starts, hours: hoursOf(starts, intervalMs), blocks: blocksOf(starts), bookings: [...bookings].sort(byStart), closedBy };
}

/** The day's bookings of a stylist: those that begin on the date, and after it those that begin before their hours end. */
export function bookingsOn(date: string, zone: string, all: Iterable<Booking>, explained: readonly Explanation[]): Booking[] {
  const last = Math.max(0, ...explained.filter(isStart).map(({ endUtc }) => Date.parse(endUtc)));
  return [...all].filter(({ startUtc }) => dateIn(zone, startUtc) === date || Date.parse(startUtc) < last);
}

function isStart(one: Explanation): one is Start {
  return one.startUtc !== null && one.endUtc !== null;
}

/** Starts that follow each other by the interval lie in one window, which the API does not show itself. */
function hoursOf(starts: readonly Start[], intervalMs: number): Span[] {
  const hours: Span[] = [];
  for (const { startUtc } of starts) {
    const from = Date.parse(startUtc);
    const last = hours.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, from + intervalMs);
    else hours.push({ from, to: from + intervalMs });
  }
  return hours;
}

function blocksOf(starts: readonly Start[]): Block[] {
  const found = new Map<string, Block>();
  for (const { closedBy, startUtc, endUtc, source, expiresAt } of starts.flatMap(({ causes }) => causes)) {
    if (!startUtc || !endUtc || !BLOCKS.includes(closedBy)) continue;
    found.set(`${closedBy} ${startUtc} ${endUtc}`, { closedBy, from: Date.parse(startUtc), to: Date.parse(endUtc), source, expiresAt });
  }
  return [...found.values()].sort((one, other) => one.from - other.from);
}

function byStart(one: Booking, other: Booking): number {
  return one.startUtc < other.startUtc ? -1 : 1;
}

/** From the first full hour to the last that anything lies in; null if nothing does. */
export function axisOf(columns: readonly Column[], zone: string): Span | null {
  const spans = columns.flatMap(({ hours, bookings }) => [
    ...hours,
    ...bookings.map(({ startUtc, endUtc }) => ({ from: Date.parse(startUtc), to: Date.parse(endUtc) })),
  ]);
  if (!spans.length) return null;
  const from = hourBefore(Math.min(...spans.map((span) => span.from)), zone);
  const to = Math.max(...spans.map((span) => span.to));
  return { from, to: from + Math.ceil((to - from) / HOUR) * HOUR };
}

/** The full hours of an axis, its end not included. */
export function hoursIn({ from, to }: Span): number[] {
  return Array.from({ length: Math.round((to - from) / HOUR) }, (_, number) => from + number * HOUR);
}

/** Full by the clocks of a zone, which need not be full in UTC. */
function hourBefore(instant: number, timeZone: string): number {
  const minutes = Number(new Intl.DateTimeFormat('en', { timeZone, minute: 'numeric' }).format(instant));
  return Math.floor(instant / MINUTE - minutes) * MINUTE;
}

export function pxAMinute(salon: Salon): number {
  const shortest = Math.min(...salon.services.map(({ slotIntervalMinutes }) => slotIntervalMinutes));
  return Math.max(PX_A_MINUTE_MIN, START_MIN_PX / shortest);
}

/** Where a span lies on an axis, cut off at its ends, for a style. */
export function place({ from, to }: Span, axis: Span, scale: number): { insetBlockStart: number; blockSize: number } {
  const [first, last] = [Math.max(from, axis.from), Math.min(to, axis.to)];
  return { insetBlockStart: ((first - axis.from) / MINUTE) * scale, blockSize: Math.max(0, ((last - first) / MINUTE) * scale) };
}

/** Whether a booking may move to a start of a column: nothing closes it but that booking itself. */
export function isOpenTo({ causes }: Start, { serviceId }: Column, booking: Booking): boolean {
  return serviceId === booking.service.id && causes.every((cause) => cause.booking?.id === booking.id);
}

/** The start nearest to an instant. */
export function nearestStart(starts: readonly Start[], instant: number): Start | undefined {
  const away = ({ startUtc }: Start) => Math.abs(Date.parse(startUtc) - instant);
  return starts.reduce<Start | undefined>((best, one) => (best && away(best) <= away(one) ? best : one), undefined);
}

/** Who works at a place, by name. */
export function stylistsAt(salon: Salon, placeId: string): Stylist[] {
  return salon.stylists.filter(({ locations }) => locations.some(({ id }) => id === placeId));
}

/** The first of some services that a stylist gives, else one that they do give. */
export function serviceOf({ services }: Stylist, wanted: readonly string[]): string {
  const given = services.map(({ service }) => service.id);
  return wanted.find((id) => given.includes(id)) ?? given[0] ?? wanted[0] ?? '';
}

/** The service that most of them give, the shortest of those. */
export function usualService(salon: Salon, stylists: readonly Stylist[]): string {
  const givers = (id: string) => stylists.filter(({ services }) => services.some(({ service }) => service.id === id)).length;
  const services = [...salon.services].sort((one, other) => givers(other.id) - givers(one.id) || one.durationMinutes - other.durationMinutes);
  return services[0]?.id ?? '';
}
