import { useEffect, useMemo, useState } from 'react';
import type { Api } from '../client/client';
import { useStore } from '../client/store';
import { time } from '../i18n/format';
import { Board, type Target } from './Board';
import { BookingDialog } from './BookingDialog';
import { end, move, nameOf, type Notice, type ToEnd, type Whither } from './doing';
import type { Booking, Salon, Stylist } from './documents';
import { createDay, type Day, type DayState } from './live';
import { NoticeBar } from './NoticeBar';
import { axisOf, bookingsOn, columnOf, isOpenTo, MINUTE, nearestStart, pxAMinute, serviceOf, stylistsAt, type Column, type Span } from './shape';
import { StartDialog } from './StartDialog';
import { st } from './texts';
import { TimeOffDialog } from './TimeOffDialog';
import { isRefused } from './token';
import { Toolbar } from './Toolbar';
import { useView, type View } from './view';

type Opened = { start: { stylistId: string; startUtc: string } } | { booking: string } | { timeOff: { stylistId: string; from: number } | null };

/** A booking that is being moved, and the board as it then was: it stands still under the hand. */
interface Moving {
  booking: Booking;
  stylistIds: ReadonlySet<string>;
  axis: Span;
}

export function DayView({ api, salon }: { api: Api; salon: Salon }) {
  const [view, change] = useView(salon);
  return view && <Viewed api={api} salon={salon} view={view} onView={change} />;
}

function Viewed({ api, salon, view, onView }: { api: Api; salon: Salon; view: View; onView: (part: Partial<View>) => void }) {
  const zone = view.place.timezone;
  const [moving, setMoving] = useState<Moving | null>(null);
  const [opened, setOpened] = useState<Opened | null>(null);
  const [notice, setNotice] = useState<Notice | null>(null);
  const stylists = useMemo(() => stylistsAt(salon, view.place.id), [salon, view.place.id]);
  const movedService = moving?.booking.service.id;
  const services = useMemo(() => {
    const wanted = movedService ? [movedService, view.serviceId] : [view.serviceId];
    return new Map(stylists.map((one) => [one.id, serviceOf(one, wanted)]));
  }, [stylists, movedService, view.serviceId]);
  const [state, reload] = useDay(api, view.date, services);
  const all = columnsOf(salon, view, stylists, state);
  const columns = all.filter(({ stylist, starts, bookings }) => (moving ? moving.stylistIds.has(stylist.id) : starts.length || bookings.length));
  const axis = moving?.axis ?? axisOf(columns, zone);
  const isLoaded = stylists.every(({ id }) => state.explained.has(id));

  const pick = (booking: Booking | null) => {
    setOpened(null);
    setNotice(null);
    setMoving(booking && axis && { booking, axis, stylistIds: new Set(columns.map(({ stylist }) => stylist.id)) });
  };
  const send = async (booking: Booking, to: Whither) => {
    setMoving(null);
    setNotice(await move(api, booking, to, zone, (again, elsewhere) => void send(again, elsewhere)));
  };
  const finish = async (toEnd: ToEnd) => {
    setOpened(null);
    setNotice(await end(api, toEnd, () => void finish(toEnd)));
  };
  const onStart = ({ column, start }: Target) => {
    const { stylist } = column;
    const { booking } = moving ?? {};
    if (!booking || !isOpenTo(start, column, booking)) return setOpened({ start: { stylistId: stylist.id, startUtc: start.startUtc } });
    const isThere = booking.stylist.id === stylist.id && booking.startUtc === start.startUtc;
    return isThere ? pick(null) : void send(booking, { stylist, startUtc: start.startUtc });
  };
  useEscape(moving && !opened ? () => pick(null) : null);

  return (
    <div className="staff">
      <Toolbar {...{ salon, view, stylists }} onView={(part) => (pick(null), onView(part))} onTimeOff={() => setOpened({ timeOff: null })} />
      <main>
        {state.error && (
          <p role="alert" className="note warm">
            {st('day.failed')}
          </p>
        )}
        {moving && (
          <p className="note banner" role="status">
            <span>{st('move.banner', { who: nameOf(moving.booking), time: time(moving.booking.startUtc, zone) })}</span>
            <button type="button" className="button plain" onClick={() => pick(null)}>
              {st('move.stop')}
            </button>
          </p>
        )}
        {axis ? (
          <Board
            {...{ columns, axis, zone, onStart }}
            scale={pxAMinute(salon)}
            otherService={({ serviceId }) => (serviceId === (movedService ?? view.serviceId) ? null : (salon.services.find(({ id }) => id === serviceId)?.name ?? null))}
            moving={moving?.booking ?? null}
            onBooking={(booking) => setOpened({ booking: booking.id })}
            onPick={pick}
            focus={focusOf(notice, columns)}
          />
        ) : (
          <p className="nothing" role="status">
            {st(isLoaded ? 'day.nobody' : 'day.loading')}
          </p>
        )}
        {isLoaded && !moving && <Away columns={all.filter((one) => !columns.includes(one))} />}
      </main>
      <NoticeBar notice={notice} onDismiss={() => setNotice(null)} />
      {opened && 'start' in opened && (
        <StartDialog
          {...{ salon, zone, ...opened.start }}
          column={all.find(({ stylist }) => stylist.id === opened.start.stylistId)}
          onTimeOff={() => (setMoving(null), setOpened({ timeOff: { stylistId: opened.start.stylistId, from: Date.parse(opened.start.startUtc) } }))}
          onClose={() => setOpened(null)}
        />
      )}
      {opened && 'booking' in opened && (
        <BookingDialog booking={state.bookings.get(opened.booking)} zone={zone} onMove={pick} onEnd={(toEnd) => void finish(toEnd)} onClose={() => setOpened(null)} />
      )}
      {opened && 'timeOff' in opened && (
        <TimeOffDialog
          {...{ api, view, stylists }}
          first={opened.timeOff}
          axis={axis}
          onDone={(done, stylistId) => (setOpened(null), setNotice(done), reload([stylistId]))}
          onSay={(said) => (setNotice(said), reload())}
          onClose={() => setOpened(null)}
        />
      )}
    </div>
  );
}

/** Those without hours, and why. */
function Away({ columns }: { columns: readonly Column[] }) {
  if (!columns.length) return null;
  return (
    <section className="away">
      <h2>{st('day.away')}</h2>
      <ul>
        {columns.map(({ stylist, closedBy }) => (
          <li key={stylist.id}>
            {stylist.name} <small className="quiet">{closedBy && st(`cause.${closedBy}`)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function useDay(api: Api, date: string, services: ReadonlyMap<string, string>): [DayState, Day['reload']] {
  const [day] = useState(() => createDay(api));
  const state = useStore(day.store);
  useEffect(() => day.open(), [day]);
  useEffect(() => day.show({ date, services }), [day, date, services]);
  useEffect(() => void isRefused(state.error ?? undefined), [state.error]);
  return [state, day.reload];
}

function columnsOf(salon: Salon, view: View, stylists: readonly Stylist[], { explained, bookings }: DayState): Column[] {
  const interval = (id: string) => (salon.services.find((one) => one.id === id)?.slotIntervalMinutes ?? 0) * MINUTE;
  return stylists.map((stylist) => {
    const { starts, serviceId } = explained.get(stylist.id) ?? { starts: [], serviceId: view.serviceId };
    const own = [...bookings.values()].filter((booking) => booking.stylist.id === stylist.id);
    return columnOf(stylist, { serviceId, explained: starts, bookings: bookingsOn(view.date, view.place.timezone, own, starts), intervalMs: interval(serviceId) });
  });
}

/** The booking that was changed, once it is shown as it now is; when it is gone, the start nearest to where it was. */
function focusOf(notice: Notice | null, columns: readonly Column[]): string | null {
  const changed = notice?.booking;
  const column = columns.find(({ stylist }) => stylist.id === changed?.stylist.id);
  if (!changed || !column) return null;
  const shown = column.bookings.find(({ id }) => id === changed.id);
  if (changed.status !== 'CANCELLED') return shown?.startUtc === changed.startUtc ? `[data-booking="${changed.id}"]` : null;
  const start = shown ? undefined : nearestStart(column.starts, Date.parse(changed.startUtc));
  return start ? `[data-stylist="${column.stylist.id}"] [data-start="${start.startUtc}"]` : null;
}

function useEscape(onEscape: (() => void) | null): void {
  useEffect(() => {
    if (!onEscape) return undefined;
    const listen = ({ key }: KeyboardEvent) => key === 'Escape' && onEscape();
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  });
}
