/** What the tabs are about: the first stylist and service, and their first free starts; placeholders where the API does not say. */
import { print } from 'graphql';
import { graphql } from '../client/graphql';
import { addDays, dateIn, ownZone } from '../i18n/format';
import type { Facts } from './tabs';

const LOOKUP_MAX_MS = 4000;

const FIRST_STYLIST = graphql(`
  query FirstStylist {
    tenant {
      slug
    }
    stylists(limit: 1) {
      id
      services {
        service {
          id
        }
      }
    }
  }
`);

const FIRST_STARTS = graphql(`
  query FirstStarts($service: ID!, $stylists: [ID!]!) {
    firstAvailable(serviceId: $service, stylistIds: $stylists, limit: 2) {
      startUtc
    }
  }
`);

export async function lookUp(): Promise<Facts & { tenant: string }> {
  const salon = await ask<FirstStylist>(FIRST_STYLIST);
  const stylist = salon?.stylists[0];
  const service = stylist?.services[0]?.service.id;
  const first = stylist && service ? await ask<FirstStarts>(FIRST_STARTS, { service, stylists: [stylist.id] }) : null;
  const [start, later] = first?.firstAvailable.map(({ startUtc }) => startUtc) ?? [];
  const from = dateIn(ownZone, start ?? Date.now());
  return {
    tenant: salon?.tenant.slug ?? '',
    stylist: stylist?.id ?? '<stylist id>',
    service: service ?? '<service id>',
    timezone: ownZone,
    from,
    near: addDays(from, 2),
    to: addDays(from, 27),
    start: start ?? '<startUtc>',
    laterStart: later ?? '<startUtc>',
  };
}

interface FirstStylist {
  tenant: { slug: string };
  stylists: { id: string; services: { service: { id: string } }[] }[];
}

interface FirstStarts {
  firstAvailable: { startUtc: string }[];
}

/** The data of a query, or null when there is none for whatever reason: the page must come up all the same. */
async function ask<Data>(document: unknown, variables: object = {}): Promise<Data | null> {
  try {
    const response = await fetch('/graphql', {
      method: 'POST',
      signal: AbortSignal.timeout(LOOKUP_MAX_MS),
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: print(document as never), variables }),
    });
    return ((await response.json()) as { data?: Data }).data ?? null;
  } catch {
    return null;
  }
}
