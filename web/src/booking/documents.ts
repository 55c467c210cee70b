/** What the booking page asks of the salon and its free time. GraphiQL shows the same documents in its tabs. */
import { graphql, type ResultOf } from '../client/graphql';

export const SALON = graphql(`
  query Salon {
    tenant {
      slug
      name
      currency
      timezone
    }
    locations {
      id
      name
      timezone
    }
    services {
      id
      name
      durationMinutes
      priceCents
      horizonDays
      offerings {
        durationMinutes
        priceCents
        stylist {
          id
        }
      }
    }
    stylists {
      id
      name
      locations {
        id
      }
    }
  }
`);

const START = graphql(`
  fragment Start on Slot {
    startUtc
    endUtc
    priceCents
    location {
      id
    }
  }
`);

const FRESHNESS = graphql(`
  fragment Fresh on CacheInfo {
    version
    source
    verified
    hit
    ageSeconds
  }
`);

const DAY = graphql(
  `
    fragment Day on Availability {
      date
      slots(status: [AVAILABLE]) {
        ...Start
      }
      cache {
        ...Fresh
      }
    }
  `,
  [START, FRESHNESS],
);

export const OPENING = graphql(
  `
    query Opening($stylists: [ID!]!, $service: ID!, $from: Date!, $to: Date!, $near: Date!, $nearTo: Date!, $timezone: String!) {
      stylists(ids: $stylists) {
        id
        month: availability(serviceId: $service, from: $from, to: $to, timezone: $timezone) {
          date
          freeStarts
        }
        days: availability(serviceId: $service, from: $near, to: $nearTo, timezone: $timezone) {
          ...Day
        }
      }
    }
  `,
  [DAY],
);

export const DAYS = graphql(
  `
    query Days($stylists: [ID!]!, $service: ID!, $from: Date!, $to: Date!, $timezone: String!) {
      stylists(ids: $stylists) {
        id
        days: availability(serviceId: $service, from: $from, to: $to, timezone: $timezone) {
          ...Day
        }
      }
    }
  `,
  [DAY],
);

export const CHANGES = graphql(
  `
    subscription Changes(
      $stylists: [ID!]!
      $service: ID!
      $from: Date!
      $to: Date!
      $timezone: String!
      $sinceVersion: String
    ) {
      availabilityChanged(
        stylistIds: $stylists
        serviceId: $service
        from: $from
        to: $to
        timezone: $timezone
        sinceVersion: $sinceVersion
      ) {
        snapshot
        cursor
        availability {
          date
          stylist {
            id
          }
          cache {
            ...Fresh
          }
        }
        opened {
          ...Start
        }
        closed {
          startUtc
          heldByYou
        }
      }
    }
  `,
  [START, FRESHNESS],
);

/** Whether a start is still held by who asks. */
export const HELD = graphql(`
  query Held($stylist: ID!, $service: ID!, $date: Date!, $timezone: String!) {
    availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $timezone) {
      slots {
        startUtc
        status
        heldByYou
      }
    }
  }
`);

export type Salon = ResultOf<typeof SALON>;
export type StartParts = ResultOf<typeof START>;
export type Fresh = ResultOf<typeof FRESHNESS>;
export type Change = ResultOf<typeof CHANGES>['availabilityChanged'];
export type StylistDays = ResultOf<typeof DAYS>['stylists'][number];
