/** What a visitor is about to do, and what the server said to it. */
import { useCallback, useMemo, useRef, useState } from 'react';
import type { CombinedError } from 'urql';
import { attempt } from '../client/attempt';
import type { NearStart } from '../client/refusal';
import { randomId } from '../client/session';
import { t } from '../i18n/words';
import { client } from './api';
import type { Board } from './board';
import { nearest, type ShownStart } from './days';
import { CANCEL, CONFIRM, MOVE, PLACE_HOLD, RELEASE_HOLD, type Booking, type Hold } from './claims';
import { mark } from './timing';

export type Outcome = 'booked' | 'moved' | 'cancelled' | 'seen';
export type Step = 'choose' | 'details' | 'move' | 'booked';

/** A start that can be had, and of whom. */
export type Near = Pick<ShownStart, 'startUtc' | 'endUtc' | 'priceCents' | 'stylistIds'>;

export interface Lost {
  startUtc: string;
  why: 'taken' | 'expired';
  nearest: Near[];
}

export interface State {
  step: Step;
  hold: Hold | null;
  /** Where a booking is to move. */
  wanted: Near | null;
  booking: Booking | null;
  outcome: Outcome;
  lost: Lost | null;
  isBusy: boolean;
  fault: string | null;
}

export interface Customer {
  name: string;
  email: string | null;
  phone: string | null;
}

const NEAREST = 3;
const START: State = { step: 'choose', hold: null, wanted: null, booking: null, outcome: 'seen', lost: null, isBusy: false, fault: null };

type Refusal = { __typename: string; message?: string; nearest?: readonly NearStart[] };

export function useFlow(board: Board | null, serviceId: string, shown: Booking | null) {
  const [state, setState] = useState<State>(shown ? { ...START, step: 'booked', booking: shown } : START);
  const key = useRef({ of: '', key: '' });
  const patch = useCallback((change: Partial<State>) => setState((known) => ({ ...known, ...change })), []);

  /** One thing at a time: a second click while the first is under way does nothing. */
  const busy = useRef(false);
  const doing = useCallback(
    async (what: () => Promise<Partial<State>>) => {
      if (busy.current) return;
      busy.current = true;
      patch({ isBusy: true, fault: null });
      const change = await what().catch((error: unknown) => ({ fault: faultOf(error) }));
      busy.current = false;
      patch({ isBusy: false, ...change });
    },
    [patch],
  );

  /** The same key for the same thing, so that whoever tries it again after a failure does it once. */
  const keyFor = useCallback((of: object) => {
    const text = JSON.stringify(of);
    if (key.current.of !== text) key.current = { of: text, key: randomId() };
    return key.current.key;
  }, []);

  const lostTo = useCallback(
    (startUtc: string, why: Lost['why'], offered: readonly NearStart[] = []): Lost => {
      const known = board ? nearest(board.store.get().days, startUtc, NEAREST + 1) : [];
      const own = known.filter((one) => why === 'expired' || one.startUtc !== startUtc);
      const theirs = offered.map((one) => ({ ...one, stylistIds: [one.stylist.id] }));
      const onlyOne = board?.stylistIds.length === 1;
      return { startUtc, why, nearest: (onlyOne && theirs.length ? theirs : own.length ? own : theirs).slice(0, NEAREST) };
    },
    [board],
  );

  const actions = useMemo(
    () => ({
      pick: (start: Near) =>
        doing(async () => {
          const { stylistIds, startUtc } = start;
          const who = stylistIds.length === 1 ? { stylistId: stylistIds[0] ?? null } : { anyOf: stylistIds };
          const { holdPlace: answer } = await attempt(client, PLACE_HOLD, { ...who, serviceId, startUtc });
          if (answer.__typename === 'Hold') return { step: 'details', hold: answer, lost: null };
          return refused(answer, startUtc);
        }),
      choose: (wanted: Near) => patch({ step: 'move', wanted, fault: null, lost: null }),
      forget: () => patch({ lost: null, fault: null }),
      back: () => {
        setState((known) => {
          if (known.hold) release(known.hold);
          return { ...known, step: 'choose', hold: null, wanted: null, lost: null, fault: null };
        });
      },
      /** What is told of a hold that another one has replaced by then is no news. */
      lose: (why: Lost['why'], hold: Hold) =>
        setState((known) => (known.hold?.id === hold.id && !known.lost && !busy.current ? { ...known, lost: lostTo(hold.startUtc, why) } : known)),
      confirm: (hold: Hold, customer: Customer, notes: string | null) =>
        doing(async () => {
          const input = { holdId: hold.id, customer, notes };
          const { bookingConfirm: answer } = await attempt(client, CONFIRM, input, keyFor(input));
          if (answer.__typename !== 'Booking') return refused(answer, hold.startUtc);
          mark('booked');
          return { step: 'booked', outcome: 'booked', booking: answer, hold: null, lost: null };
        }),
      startMoving: () => patch({ step: 'choose', wanted: null, fault: null }),
      move: (booking: Booking, wanted: Near) =>
        doing(async () => {
          const input = { bookingId: booking.id, startUtc: wanted.startUtc, stylistId: wanted.stylistIds[0] ?? null };
          const { bookingReschedule: answer } = await attempt(client, MOVE, input, keyFor(input));
          if (answer.__typename === 'Booking') return { step: 'booked', outcome: 'moved', booking: answer, wanted: null };
          return { ...refused(answer, wanted.startUtc), step: 'choose', wanted: null };
        }),
      cancel: (booking: Booking) =>
        doing(async () => {
          const { data, error } = await client.mutation(CANCEL, { booking: booking.id }).toPromise();
          if (!data) throw error ?? new Error('no answer');
          const { bookingCancel: answer } = data;
          if (answer.__typename === 'Booking') return { outcome: 'cancelled', booking: answer };
          return { fault: t('error.failed', { reason: answer.message }) };
        }),
      again: () => setState(START),
    }),
    [doing, keyFor, lostTo, patch, serviceId],
  );

  function refused(answer: Refusal, startUtc: string): Partial<State> {
    if (answer.__typename === 'SlotTaken' || answer.__typename === 'SlotNotOffered') return { lost: lostTo(startUtc, 'taken', answer.nearest) };
    if (answer.__typename === 'HoldExpired' || answer.__typename === 'NotFound') return { lost: lostTo(startUtc, 'expired') };
    return { fault: t('error.failed', { reason: answer.message ?? answer.__typename }) };
  }

  return { state, actions };
}

export type Actions = ReturnType<typeof useFlow>['actions'];

/** Gives a start back for others; if this is lost, the hold ends by itself. */
export function release(hold: Hold): void {
  void client.mutation(RELEASE_HOLD, { hold: hold.id }).toPromise();
}

function faultOf(error: unknown): string {
  const { networkError, graphQLErrors } = error as Partial<CombinedError>;
  if (networkError) return t('error.offline');
  return t('error.failed', { reason: graphQLErrors?.[0]?.message ?? String(error) });
}
