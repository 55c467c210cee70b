/** What staff do: each function sends it, and says what became of it as a notice. */
import type { Api } from '../client/client';
import { attempt, untilAnswered } from '../client/attempt';
import { randomId } from '../client/session';
import { time } from '../i18n/format';
import { t } from '../i18n/words';
import { ADD_TIME_OFF, ENDINGS, MOVE, ONE_BOOKING, REMOVE_TIME_OFF, type Booking, type Ending, type Stylist } from './documents';
import { st } from './texts';

export interface Notice {
  text: string;
  isWarm?: boolean;
  actions?: { text: string; onDo: () => void }[];
  /** A booking as it now is: it is focused once it is shown so, or, if it is off, the start that it leaves. */
  booking?: Booking;
}

export interface Whither {
  stylist: { id: string; name: string };
  startUtc: string;
}

/** Moves a booking. again: moves it elsewhere: back, or to one of the nearest free starts. */
export async function move({ client }: Api, booking: Booking, to: Whither, zone: string, again: (booking: Booking, to: Whither) => void): Promise<Notice> {
  const where = { time: time(to.startUtc, zone), stylist: to.stylist.name };
  const input = { bookingId: booking.id, startUtc: to.startUtc, stylistId: to.stylist.id };
  const moved = await attempt(client, MOVE, input).catch(() => null);
  const result = moved?.bookingReschedule;
  switch (result?.__typename) {
    case 'Booking': {
      const back = { text: st('move.undo'), onDo: () => again(result, booking) };
      return { text: st('move.done', { who: nameOf(booking), ...where }), actions: [back], booking: result };
    }
    case 'SlotTaken':
    case 'SlotNotOffered': {
      const nearest = result.nearest.slice(0, 3);
      const actions = nearest.map((one) => ({ text: `${time(one.startUtc, zone)} · ${one.stylist.name}`, onDo: () => again(booking, one) }));
      return { text: st(result.__typename === 'SlotTaken' ? 'move.taken' : 'move.not', where), isWarm: true, actions };
    }
    case undefined:
      return { text: st('move.failed'), isWarm: true };
    default:
      return { text: st('move.gone'), isWarm: true };
  }
}

/** Cancels a booking, or notes what became of it. again: does the same once more. */
export async function end({ client }: Api, { booking, ending, reason }: ToEnd, again: () => void): Promise<Notice> {
  const answer = await untilAnswered(client, ENDINGS[ending], { id: booking.id, reason }).catch(() => null);
  if (!answer) return { text: st('end.failed'), isWarm: true, actions: [{ text: st('common.again'), onDo: again }] };
  let { ended } = answer;
  // It may be we who ended it, and the answer to that was lost: these mutations take no key.
  if (ended.__typename === 'AlreadyEnded') ended = (await now(client, booking)) ?? ended;
  if (ended.__typename !== 'Booking') return { text: t('error.failed', { reason: ended.message }), isWarm: true };
  if (ended.status === ending) return { text: st(`end.${ending}`, { who: nameOf(booking) }), booking: ended };
  return { text: st('end.before', { who: nameOf(booking), what: st(`booking.${ended.status}`) }), isWarm: true };
}

export interface ToEnd {
  booking: Booking;
  ending: Ending;
  /** Why it is cancelled. */
  reason: string | null;
}

async function now(client: Api['client'], { id }: Booking) {
  const { data } = await client.query(ONE_BOOKING, { id }, { requestPolicy: 'network-only' }).toPromise();
  return data?.booking;
}

export function nameOf({ customer }: Booking): string {
  return customer?.name ?? st('booking.nobody');
}

export interface TimeOff {
  /** The request's own: sent twice, it makes one thing. */
  id: string;
  stylist: Stylist;
  /** Either a date, or instants. */
  when: { date: string } | { startUtc: string; endUtc: string };
  reason: string | null;
}

/** Adds time off; a text is what went wrong. */
export async function addTimeOff(api: Api, { id, stylist, when, reason }: TimeOff, say: (notice: Notice) => void): Promise<Notice | string> {
  const { data, error } = await api.client.mutation(ADD_TIME_OFF, { input: { id, stylistId: stylist.id, reason, ...when } }).toPromise();
  const result = data?.timeOffAdd;
  if (result?.__typename !== 'TimeOffChange') return st('off.failed', { reason: result?.message ?? error?.message ?? '' });
  const conflicts = result.conflictCount ? ` ${st('off.conflicts', { count: result.conflictCount })}` : '';
  const undo = { text: st('move.undo'), onDo: () => void removeTimeOff(api, result.timeOff.id).then(say) };
  return { text: st('off.done', { stylist: stylist.name }) + conflicts, isWarm: conflicts !== '', actions: [undo] };
}

async function removeTimeOff({ client }: Api, id: string): Promise<Notice> {
  const { data, error } = await client.mutation(REMOVE_TIME_OFF, { id }).toPromise();
  const result = data?.timeOffRemove;
  if (result?.__typename === 'TimeOffChange') return { text: st('off.removed') };
  return { text: st('off.failed', { reason: (result && 'message' in result ? result.message : error?.message) ?? '' }), isWarm: true };
}

/** 128 random bits in the form of a UUID. */
export function randomUuid(): string {
  return randomId().replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
