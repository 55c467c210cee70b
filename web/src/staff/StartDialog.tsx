import { useId } from 'react';
import { time } from '../i18n/format';
import { Dialog } from '../ui/Dialog';
import type { Cause, Salon } from './documents';
import type { Column } from './shape';
import { spanText, st } from './texts';

interface Props {
  salon: Salon;
  zone: string;
  startUtc: string;
  column: Column | undefined;
  onTimeOff: () => void;
  onClose: () => void;
}

/** Why a start is free or closed, as explainDay says; it changes with the day. */
export function StartDialog({ salon, zone, startUtc, column, onTimeOff, onClose }: Props) {
  const id = useId();
  const start = column?.starts.find((one) => one.startUtc === startUtc);
  const service = salon.services.find((one) => one.id === column?.serviceId)?.name ?? '';
  return (
    <Dialog labelledBy={id} onClose={onClose}>
      <div className="told">
        <h2 id={id}>{st('start.title', { time: time(startUtc, zone), stylist: column?.stylist.name ?? '' })}</h2>
        <p>{st(!start ? 'start.gone' : start.isFree ? 'start.isFree' : 'start.isClosed', { service })}</p>
        {start && !start.isFree && (
          <ul className="causes">
            {start.causes.map((cause, number) => (
              <li key={number}>{causeText(cause, zone)}</li>
            ))}
          </ul>
        )}
        <p className="row end">
          <button type="button" className="button plain" onClick={onTimeOff}>
            {st('start.timeOff')}
          </button>
        </p>
      </div>
    </Dialog>
  );
}

function causeText({ closedBy, startUtc, endUtc, through, source, expiresAt, booking }: Cause, zone: string): string {
  const span = startUtc && endUtc ? spanText(startUtc, endUtc, zone) : '';
  const who = booking ? [booking.customer?.name ?? st('booking.nobody'), booking.service.name].join(', ') : '';
  const text = st(`cause.${closedBy}`, { span, who, source: source ?? '', until: expiresAt ? time(expiresAt, zone) : '' });
  return through && through !== 'TIME' ? `${text} (${st(`through.${through}`)})` : text;
}
