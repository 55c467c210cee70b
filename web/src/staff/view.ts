/** What of the salon is shown: a place, a date, a service. The address says it, so that it can be kept and sent. */
import { useState } from 'react';
import { serverNow } from '../client/connection';
import { dateIn, isOwnTime } from '../i18n/format';
import type { Place, Salon } from './documents';
import { stylistsAt, usualService } from './shape';

export interface View {
  place: Place;
  date: string;
  serviceId: string;
}

export function useView(salon: Salon): [View | null, (part: Partial<View>) => void] {
  const [view, setView] = useState(() => first(salon));
  const change = (part: Partial<View>) => {
    if (!view) return;
    const next = { ...view, ...part };
    const url = new URL(window.location.href);
    Object.entries({ place: next.place.id, date: next.date, service: next.serviceId }).forEach(([name, value]) => url.searchParams.set(name, value));
    window.history.replaceState(null, '', url);
    setView(next);
  };
  return [view, change];
}

export function todayAt(place: Place): string {
  return dateIn(place.timezone, serverNow());
}

/** As the address says, else today at a place in the visitor's own time; null where there is no place. */
function first(salon: Salon): View | null {
  const asked = new URLSearchParams(window.location.search);
  const place =
    salon.locations.find(({ id }) => id === asked.get('place')) ??
    salon.locations.find(({ timezone }) => isOwnTime(timezone)) ??
    salon.locations[0];
  if (!place) return null;
  const date = asked.get('date') ?? '';
  const service = salon.services.find(({ id }) => id === asked.get('service'));
  return {
    place,
    date: /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date)) ? date : todayAt(place),
    serviceId: service?.id ?? usualService(salon, stylistsAt(salon, place.id)),
  };
}
