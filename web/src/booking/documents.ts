/** All that the booking page asks and says. GraphiQL shows the same documents in its tabs. */
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

export const OPENING = graphql(
  `
    query Opening($stylists: [ID!]!, $service: ID!, $from: Date!, $near: Date!, $to: Date!, $timezone: String!) {
      stylists(ids: $stylists) {
        id
        month: availability(serviceId: $service, from: $from, to: $to, timezone: $timezone) {
          date
          freeCount
        }
        days: availability(serviceId: $service, from: $from, to: $near, timezone: $timezone) {
          date
          slots(status: [AVAILABLE]) {
            ...Start
          }
          cache {
            ...Fresh
          }
        }
      }
    }
  `,
  [START, FRESHNESS],
);

export const DAYS = graphql(
  `
    query Days($stylists: [ID!]!, $service: ID!, $from: Date!, $to: Date!, $timezone: String!) {
      stylists(ids: $stylists) {
        id
        days: availability(serviceId: $service, from: $from, to: $to, timezone: $timezone) {
          date
          slots(status: [AVAILABLE]) {
            ...Start
          }
          cache {
            ...Fresh
          }
        }
      }
    }
  `,
  [START, FRESHNESS],
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
          freeCount
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

const HOLD = graphql(`
  fragment HoldParts on Hold {
    id
    startUtc
    endUtc
    priceCents
    expiresAt
    stylist {
      id
      name
    }
    service {
      id
      name
    }
  }
`);

const BOOKING = graphql(`
  fragment BookingParts on Booking {
    id
    status
    startUtc
    endUtc
    priceCents
    paymentRequired
    paymentUrl
    stylist {
      id
      name
    }
    service {
      id
      name
    }
    location {
      id
      name
      timezone
    }
    customer {
      name
    }
  }
`);

const NEAREST = graphql(`
  fragment Nearest on Slot {
    startUtc
    endUtc
    priceCents
    location {
      id
    }
    stylist {
      id
    }
  }
`);

export const PLACE_HOLD = graphql(
  `
    mutation PlaceHold($input: HoldPlaceInput!) {
      holdPlace(input: $input) {
        __typename
        ...HoldParts
        ... on Problem {
          message
        }
        ... on SlotTaken {
          nearest {
            ...Nearest
          }
        }
        ... on SlotNotOffered {
          nearest {
            ...Nearest
          }
        }
      }
    }
  `,
  [HOLD, NEAREST],
);

export const RELEASE_HOLD = graphql(`
  mutation ReleaseHold($hold: ID!) {
    holdRelease(holdId: $hold) {
      __typename
    }
  }
`);

export const CONFIRM = graphql(
  `
    mutation Confirm($input: BookingConfirmInput!) {
      bookingConfirm(input: $input) {
        __typename
        ...BookingParts
        ... on Problem {
          message
        }
      }
    }
  `,
  [BOOKING],
);

export const MOVE = graphql(
  `
    mutation Move($input: BookingRescheduleInput!) {
      bookingReschedule(input: $input) {
        __typename
        ...BookingParts
        ... on Problem {
          message
        }
        ... on SlotTaken {
          nearest {
            ...Nearest
          }
        }
        ... on SlotNotOffered {
          nearest {
            ...Nearest
          }
        }
      }
    }
  `,
  [BOOKING, NEAREST],
);

export const CANCEL = graphql(
  `
    mutation Cancel($booking: ID!) {
      bookingCancel(bookingId: $booking) {
        __typename
        ...BookingParts
        ... on Problem {
          message
        }
      }
    }
  `,
  [BOOKING],
);

export const MINE = graphql(
  `
    query Mine($from: Date!, $to: Date!) {
      bookings(from: $from, to: $to) {
        edges {
          node {
            ...BookingParts
          }
        }
      }
    }
  `,
  [BOOKING],
);

export type Salon = ResultOf<typeof SALON>;
export type Booking = ResultOf<typeof BOOKING>;
export type Hold = ResultOf<typeof HOLD>;
export type StartParts = ResultOf<typeof START>;
export type Fresh = ResultOf<typeof FRESHNESS>;
export type NearStart = ResultOf<typeof NEAREST>;
export type Change = ResultOf<typeof CHANGES>['availabilityChanged'];
export type StylistDays = ResultOf<typeof DAYS>['stylists'][number];
