/** What the booking page says of holds and bookings, and asks of them. GraphiQL shows the same documents in its tabs. */
import { graphql, type ResultOf } from '../client/graphql';

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

export type Booking = ResultOf<typeof BOOKING>;
export type Hold = ResultOf<typeof HOLD>;
export type NearStart = ResultOf<typeof NEAREST>;
