import { money, ownZone, time, when } from '../i18n/format';
import { t } from '../i18n/words';
import type { Booking, Hold } from './claims';
import type { Salon } from './documents';

/** What is held or booked. */
export function Summary({ salon, what, isOver = false }: { salon: Salon; what: Hold | Booking; isOver?: boolean }) {
  const place = 'location' in what ? what.location : undefined;
  const zone = place?.timezone ?? homeOf(salon, what.stylist.id)?.timezone ?? ownZone;
  const there = time(what.startUtc, zone);
  const rows: [string, string][] = [
    [t('what.service'), what.service.name],
    [t('what.when'), when(what.startUtc, ownZone)],
    [t('what.who'), what.stylist.name],
    [t('what.where'), place?.name ?? homeOf(salon, what.stylist.id)?.name ?? ''],
    [t('what.price'), money(what.priceCents, salon.tenant.currency)],
  ];
  if ('customer' in what && what.customer) rows.push([t('what.name'), what.customer.name]);
  return (
    <dl className={`summary ${isOver ? 'over' : ''}`}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {name === t('what.when') && there !== time(what.startUtc, ownZone) && <small>{t('choose.salonTime', { time: there })}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function homeOf(salon: Salon, stylistId: string) {
  const home = salon.stylists.find(({ id }) => id === stylistId)?.locations[0]?.id;
  return salon.locations.find(({ id }) => id === home);
}
