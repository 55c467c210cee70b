/** The salon as the page knows it, and what a visitor chose of it. */
import { isOwnTime } from '../i18n/format';
import type { Salon } from './documents';

export type Service = Salon['services'][number];
export type Stylist = Salon['stylists'][number];
export type Place = Salon['locations'][number];

export interface Choice {
  serviceId: string;
  placeId: string;
  /** null: anyone will do. */
  stylistId: string | null;
}

export function serviceOf(salon: Salon, id: string): Service | undefined {
  return salon.services.find((one) => one.id === id);
}

export function placeOf(salon: Salon, id: string): Place | undefined {
  return salon.locations.find((one) => one.id === id);
}

/** Who gives the service and is at home at the place, by name. */
export function stylistsFor(salon: Salon, { serviceId, placeId }: Pick<Choice, 'serviceId' | 'placeId'>): Stylist[] {
  const givers = new Set(serviceOf(salon, serviceId)?.offerings.map(({ stylist }) => stylist.id));
  return salon.stylists.filter(({ id, locations }) => givers.has(id) && locations[0]?.id === placeId);
}

/** Those whose time is asked for. */
export function asked(salon: Salon, choice: Choice): string[] {
  return choice.stylistId ? [choice.stylistId] : stylistsFor(salon, choice).map(({ id }) => id);
}

/** Where the service can be had. */
export function placesFor(salon: Salon, serviceId: string): Place[] {
  return salon.locations.filter(({ id }) => stylistsFor(salon, { serviceId, placeId: id }).length > 0);
}

/** The lowest price and the usual length of a service at a place, or anywhere. */
export function offerOf(salon: Salon, serviceId: string, placeId?: string): { minutes: number; priceCents: number } {
  const service = serviceOf(salon, serviceId);
  const here = new Set(placeId ? stylistsFor(salon, { serviceId, placeId }).map(({ id }) => id) : salon.stylists.map(({ id }) => id));
  const prices = service?.offerings.filter(({ stylist }) => here.has(stylist.id)).map(({ priceCents }) => priceCents) ?? [];
  return { minutes: service?.durationMinutes ?? 0, priceCents: Math.min(...(prices.length ? prices : [service?.priceCents ?? 0])) };
}

/** Another service, of the same place and stylist where they give it. */
export function withService(salon: Salon, choice: Choice, serviceId: string): Choice {
  const { placeId } = firstChoice(salon, serviceId, choice.placeId);
  const isGiver = placeId === choice.placeId && stylistsFor(salon, { serviceId, placeId }).some(({ id }) => id === choice.stylistId);
  return { serviceId, placeId, stylistId: isGiver ? choice.stylistId : null };
}

/** What a visitor sees first: the place they chose last, or one in their own zone, else the first. */
export function firstChoice(salon: Salon, serviceId: string, lastPlaceId?: string): Choice {
  const places = placesFor(salon, serviceId);
  const place = places.find(({ id }) => id === lastPlaceId) ?? places.find(({ timezone }) => isOwnTime(timezone)) ?? places[0];
  return { serviceId, placeId: place?.id ?? '', stylistId: null };
}
