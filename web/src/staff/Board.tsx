import { useEffect, useRef, useState, type PointerEvent } from 'react';
import { serverNow } from '../client/connection';
import { time } from '../i18n/format';
import { useNow } from '../ui/now';
import { BoardColumn } from './BoardColumn';
import type { Booking } from './documents';
import { drag } from './drag';
import { useArrowKeys } from './keys';
import { MINUTE, hoursIn, nearestStart, place, type Column, type Span, type Start } from './shape';
import { st } from './texts';

const NOW_EVERY_MS = 30_000;

export interface Target {
  column: Column;
  start: Start;
}

interface Props {
  columns: readonly Column[];
  axis: Span;
  scale: number;
  zone: string;
  moving: Booking | null;
  otherService: (column: Column) => string | null;
  onStart: (target: Target) => void;
  onBooking: (booking: Booking) => void;
  onPick: (booking: Booking | null) => void;
  /** What is focused once it is there, as a selector: a booking that has just been changed. */
  focus: string | null;
}

export function Board({ columns, axis, scale, zone, moving, otherService, onStart, onBooking, onPick, focus }: Props) {
  const board = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState<Target | null>(null);
  // A drag goes on over many renderings: what it calls is of the newest.
  const found = useRef({ columns, over, onStart, onPick });
  found.current = { columns, over, onStart, onPick };
  const now = useNow(NOW_EVERY_MS, serverNow);
  useEffect(() => {
    if (focus) board.current?.querySelector<HTMLElement>(focus)?.focus();
  }, [focus]);

  const targetAt = (x: number, y: number): Target | null => {
    const lanes = [...(board.current?.querySelectorAll<HTMLElement>('.column .lanes') ?? [])];
    const number = lanes.map((lane) => lane.getBoundingClientRect()).findIndex(({ left, right }) => left <= x && x < right);
    const column = found.current.columns[number];
    const top = lanes[number]?.getBoundingClientRect().top ?? 0;
    const start = column && nearestStart(column.starts, axis.from + ((y - top) / scale) * MINUTE);
    return column && start ? { column, start } : null;
  };
  const onDrag = (booking: Booking, event: PointerEvent<HTMLElement>) => {
    if (!board.current) return;
    drag(event, board.current, {
      onPick: () => found.current.onPick(booking),
      onOver: (x, y) => setOver(targetAt(x, y)),
      onDrop: () => {
        const target = found.current.over;
        setOver(null);
        if (target) found.current.onStart(target);
        else found.current.onPick(null);
      },
      onCancel: () => (setOver(null), found.current.onPick(null)),
    });
  };

  return (
    <div className={`board ${moving ? 'moving' : ''} ${over ? 'dragging' : ''}`} ref={board} role="group" aria-label={st('day.board')} {...useArrowKeys(board)}>
      <p className="hidden">{st('day.keys')}</p>
      <Hours axis={axis} scale={scale} zone={zone} now={now} />
      {columns.map((column) => (
        <BoardColumn
          key={column.stylist.id}
          {...{ column, axis, scale, zone, moving, now, onStart, onBooking, onDrag }}
          otherService={otherService(column)}
          over={over?.column.stylist.id === column.stylist.id ? over.start.startUtc : null}
        />
      ))}
    </div>
  );
}

function Hours({ axis, scale, zone, now }: Pick<Props, 'axis' | 'scale' | 'zone'> & { now: number }) {
  const isOn = axis.from <= now && now < axis.to;
  return (
    <div className="hours" aria-hidden="true">
      <div className="lanes" style={{ blockSize: ((axis.to - axis.from) / MINUTE) * scale }}>
        {hoursIn(axis).map((hour) => (
          <span key={hour} className="hour" style={{ insetBlockStart: place({ from: hour, to: hour }, axis, scale).insetBlockStart }}>
            {time(hour, zone)}
          </span>
        ))}
        {isOn && (
          <span className="hour now" style={{ insetBlockStart: place({ from: now, to: now }, axis, scale).insetBlockStart }}>
            {time(now, zone)}
          </span>
        )}
      </div>
    </div>
  );
}
