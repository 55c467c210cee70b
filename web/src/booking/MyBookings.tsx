import { useQuery } from 'urql';
import { addDays, dateIn, ownZone, when } from '../i18n/format';
import { t } from '../i18n/words';
import { MINE, type Booking } from './documents';

const DAYS_AHEAD = 364;
/** An answer without bookings, too, is asked for again when one is made. */
const OF_BOOKINGS = { additionalTypenames: ['Booking'] };

/** What this browser has booked and is still to come. */
export function MyBookings({ onOpen }: { onOpen: (booking: Booking) => void }) {
  const from = addDays(dateIn(ownZone, Date.now()), -1);
  const [{ data }] = useQuery({ query: MINE, variables: { from, to: addDays(from, DAYS_AHEAD) }, context: OF_BOOKINGS });
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
