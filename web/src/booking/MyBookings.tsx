import { useEffect } from 'react';
import { useQuery } from 'urql';
import { addDays, dateIn, ownZone, when } from '../i18n/format';
import { t } from '../i18n/words';
import { MINE, type Booking } from './claims';

const DAYS_AHEAD = 364;

interface Props {
  /** Whenever this differs, they are asked for again. */
  visit: number;
  onOpen: (booking: Booking) => void;
}

/** What this browser has booked and is still to come. */
export function MyBookings({ visit, onOpen }: Props) {
  const from = addDays(dateIn(ownZone, Date.now()), -1);
  const [{ data }, again] = useQuery({ query: MINE, variables: { from, to: addDays(from, DAYS_AHEAD) } });
  useEffect(() => {
    if (visit) again({ requestPolicy: 'network-only' });
  }, [again, visit]);
  const now = new Date().toISOString();
  const coming = data?.bookings.edges.map(({ node }) => node).filter(({ status, endUtc }) => status === 'CONFIRMED' && endUtc > now) ?? [];
  if (!coming.length) return null;
  return (
    <section className="section mine">
      <h2>{t('mine.title')}</h2>
      <ul>
        {coming.map((booking) => (
          <li key={booking.id}>
            <button type="button" className="booking" onClick={() => onOpen(booking)}>
              <strong>{when(booking.startUtc, ownZone)}</strong>
              <span className="quiet">
                {booking.service.name}, {booking.stylist.name}, {booking.location.name}
              </span>
              <span className="go">{t('mine.open')}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
