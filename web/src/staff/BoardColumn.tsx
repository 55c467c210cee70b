import { useId, type PointerEvent } from 'react';
import { time } from '../i18n/format';
import type { Target } from './Board';
import type { Booking } from './documents';
import { hoursIn, isOpenTo, place, type Block, type Column, type Span, type Start } from './shape';
import { spanText, st } from './texts';

const GAP_PX = 2;
/** A card with room for one line, or for two. */
const ONE_LINE_PX = 40;
const TWO_LINES_PX = 62;

interface Props {
  column: Column;
  axis: Span;
  scale: number;
  zone: string;
  moving: Booking | null;
  /** The name of the service whose starts are shown, where it is not the chosen one, which the stylist does not give. */
  otherService: string | null;
  now: number;
  /** The start over which a booking is dragged. */
  over: string | null;
  onStart: (target: Target) => void;
  onBooking: (booking: Booking) => void;
  onDrag: (booking: Booking, event: PointerEvent<HTMLElement>) => void;
}

type Item = { at: number; key: string } & ({ start: Start } | { block: Block } | { booking: Booking });

/** A stylist's day from the top to the bottom: on one side its starts, on the other what takes its time. */
export function BoardColumn(props: Props) {
  const { column, axis, scale, now, otherService } = props;
  const id = useId();
  return (
    <section className="column" data-stylist={column.stylist.id} aria-labelledby={id}>
      <h2 id={id}>
        {column.stylist.name} <small>{column.closedBy ? st(`cause.${column.closedBy}`) : otherService ? st('day.other', { service: otherService }) : st('day.bookings', { count: column.bookings.length })}</small>
      </h2>
      <div className="lanes" style={{ blockSize: place(axis, axis, scale).blockSize }}>
        {column.hours.map((span) => (
          <span key={span.from} className="open" style={place(span, axis, scale)} />
        ))}
        {hoursIn(axis).map((hour) => (
          <span key={hour} className="line" style={{ insetBlockStart: place({ from: hour, to: hour }, axis, scale).insetBlockStart }} />
        ))}
        <ul>
          {itemsOf(column).map((item) => (
            <li key={item.key}>
              {'start' in item ? <StartButton {...props} start={item.start} /> : 'block' in item ? <BlockCard {...props} block={item.block} /> : <BookingCard {...props} booking={item.booking} />}
            </li>
          ))}
        </ul>
        {axis.from <= now && now < axis.to && <span className="line now" style={{ insetBlockStart: place({ from: now, to: now }, axis, scale).insetBlockStart }} />}
      </div>
    </section>
  );
}

/** In the order of time, as they are read. */
function itemsOf({ starts, blocks, bookings }: Column): Item[] {
  const items: Item[] = [
    ...blocks.map((block) => ({ at: block.from, key: `${block.closedBy} ${block.from} ${block.to}`, block })),
    ...bookings.map((booking) => ({ at: Date.parse(booking.startUtc), key: booking.id, booking })),
    ...starts.map((start) => ({ at: Date.parse(start.startUtc), key: start.startUtc, start })),
  ];
  return items.sort((one, other) => one.at - other.at);
}

function StartButton({ column, start, axis, scale, zone, moving, over, onStart }: Props & { start: Start }) {
  const isFree = moving ? isOpenTo(start, column, moving) : start.isFree;
  const from = Date.parse(start.startUtc);
  const following = column.starts[column.starts.indexOf(start) + 1];
  const until = Math.min(following ? Date.parse(following.startUtc) : Infinity, column.hours.find((span) => from < span.to)?.to ?? from);
  const { insetBlockStart, blockSize } = place({ from, to: until }, axis, scale);
  const shown = time(start.startUtc, zone);
  const state = st(isFree ? 'start.free' : 'start.closed');
  return (
    <button
      type="button"
      className={`start ${isFree ? 'free' : 'closed'} ${over === start.startUtc ? 'over' : ''}`}
      data-stop="start"
      data-start={start.startUtc}
      tabIndex={-1}
      aria-label={isFree && moving ? st('move.to', { time: shown }) : st('start.label', { time: shown, state })}
      style={{ insetBlockStart: insetBlockStart + GAP_PX / 2, blockSize: blockSize - GAP_PX }}
      onClick={() => onStart({ column, start })}
    >
      {shown}
    </button>
  );
}

function BlockCard({ block, axis, scale, zone }: Props & { block: Block }) {
  const position = place(block, axis, scale);
  if (!position.blockSize) return null;
  return (
    <div className={`block ${block.closedBy.toLowerCase().replace('_', '-')} ${sizeOf(position.blockSize)}`} style={cardPlace(position)}>
      <span>{blockText(block, zone)}</span> <small>{spanText(block.from, block.to, zone)}</small>
    </div>
  );
}

export function blockText({ closedBy, source, expiresAt }: Block, zone: string): string {
  if (closedBy === 'HOLD') return st('block.HOLD', { until: expiresAt ? time(expiresAt, zone) : '–' });
  if (closedBy === 'EXTERNAL') return st('block.EXTERNAL', { source: source ?? '–' });
  return st(closedBy === 'BREAK' ? 'block.BREAK' : 'block.TIME_OFF');
}

function BookingCard({ booking, axis, scale, zone, moving, onBooking, onDrag }: Props & { booking: Booking }) {
  const position = place({ from: Date.parse(booking.startUtc), to: Date.parse(booking.endUtc) }, axis, scale);
  const isMovable = booking.status === 'CONFIRMED';
  return (
    <button
      type="button"
      className={`block booking ${booking.status.toLowerCase()} ${moving?.id === booking.id ? 'picked' : ''} ${sizeOf(position.blockSize)}`}
      data-stop="booking"
      data-booking={booking.id}
      tabIndex={-1}
      style={cardPlace(position)}
      onClick={() => onBooking(booking)}
      onPointerDown={isMovable ? (event) => onDrag(booking, event) : undefined}
    >
      <small>{spanText(booking.startUtc, booking.endUtc, zone)}</small> <strong>{booking.customer?.name ?? booking.service.name}</strong>{' '}
      {booking.customer && <span>{booking.service.name}</span>}
      {(booking.status === 'COMPLETED' || booking.status === 'NO_SHOW') && <em> {st(`booking.${booking.status}`)}</em>}
    </button>
  );
}

function cardPlace({ insetBlockStart, blockSize }: { insetBlockStart: number; blockSize: number }) {
  return { insetBlockStart: insetBlockStart + GAP_PX / 2, blockSize: blockSize - GAP_PX };
}

function sizeOf(px: number): string {
  return px < ONE_LINE_PX ? 'one-line' : px < TWO_LINES_PX ? 'two-lines' : '';
}
