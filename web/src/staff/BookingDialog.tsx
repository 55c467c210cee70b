import { useId, useState, type FormEvent } from 'react';
import { serverNow } from '../client/connection';
import { time, when } from '../i18n/format';
import { Dialog } from '../ui/Dialog';
import { useNow } from '../ui/now';
import { nameOf, type ToEnd } from './doing';
import type { Booking, Ending } from './documents';
import { st } from './texts';

const NOW_EVERY_MS = 5_000;
const REASON_MAX = 2_000;

interface Props {
  booking: Booking | undefined;
  zone: string;
  onMove: (booking: Booking) => void;
  onEnd: (toEnd: ToEnd) => void;
  onClose: () => void;
}

/** A booking, and what can be done with it while it is to take place. */
export function BookingDialog({ booking, zone, onMove, onEnd, onClose }: Props) {
  const id = useId();
  const [ending, setEnding] = useState<Ending | null>(null);
  const isOpen = booking?.status === 'CONFIRMED';
  return (
    <Dialog labelledBy={id} onClose={onClose}>
      <div className="told">
        <h2 id={id}>{booking ? nameOf(booking) : st('booking.gone')}</h2>
        {booking && <Facts booking={booking} zone={zone} />}
        {isOpen && !ending && <Choice booking={booking} onMove={onMove} onAsk={setEnding} />}
        {isOpen && ending && <Question ending={ending} onClose={onClose} onSure={(reason) => onEnd({ booking, ending, reason })} />}
      </div>
    </Dialog>
  );
}

/** What became of it is known once it has begun. */
function Choice({ booking, onMove, onAsk }: Pick<Props, 'onMove'> & { booking: Booking; onAsk: (ending: Ending) => void }) {
  const hasBegun = Date.parse(booking.startUtc) <= useNow(NOW_EVERY_MS, serverNow);
  return (
    <>
      {hasBegun && (
        <p className="row end">
          <Ask ending="NO_SHOW" onAsk={onAsk} />
          <Ask ending="COMPLETED" onAsk={onAsk} />
        </p>
      )}
      <p className="row end">
        <Ask ending="CANCELLED" onAsk={onAsk} />
        <button type="button" className="button" onClick={() => onMove(booking)}>
          {st('booking.move')}
        </button>
      </p>
    </>
  );
}

function Ask({ ending, onAsk }: { ending: Ending; onAsk: (ending: Ending) => void }) {
  return (
    <button type="button" className={`button ${ending === 'CANCELLED' ? 'text' : 'plain'}`} onClick={() => onAsk(ending)}>
      {verb(ending)}
    </button>
  );
}

/** Ending is asked twice, for nothing undoes it. */
function Question({ ending, onClose, onSure }: Pick<Props, 'onClose'> & { ending: Ending; onSure: (reason: string | null) => void }) {
  const id = useId();
  const isCancelling = ending === 'CANCELLED';
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSure(String(new FormData(event.currentTarget).get('reason') ?? '').trim() || null);
  };
  return (
    <form className="question" aria-labelledby={id} onSubmit={onSubmit}>
      <p id={id}>{st(`end.ask.${ending}`)}</p>
      {isCancelling && (
        <label className="field">
          <span>{st('common.reason')}</span>
          <input name="reason" maxLength={REASON_MAX} autoComplete="off" autoFocus />
        </label>
      )}
      <p className="row end">
        <button type="button" className="button text" onClick={onClose}>
          {st('end.not')}
        </button>
        <button type="submit" className={`button ${isCancelling ? 'grave' : ''}`} autoFocus={!isCancelling} aria-describedby={id}>
          {verb(ending)}
        </button>
      </p>
    </form>
  );
}

function verb(ending: Ending): string {
  return st(ending === 'CANCELLED' ? 'booking.cancel' : `booking.${ending}`);
}

function Facts({ booking, zone }: { booking: Booking; zone: string }) {
  const { startUtc, endUtc, status, service, stylist, location, customer } = booking;
  const contact = [customer?.phone, customer?.email].filter(Boolean).join(' · ');
  const facts = [
    [st('booking.when'), `${when(startUtc, zone)}–${time(endUtc, zone)}`],
    [st('booking.service'), service.name],
    [st('booking.who'), stylist.name],
    [st('booking.where'), location.name],
    [st('booking.contact'), contact],
    [st('booking.status'), status === 'CONFIRMED' ? '' : st(`booking.${status}`)],
  ];
  return (
    <dl>
      {facts
        .filter(([, value]) => value)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
