/** What the booking page says of holds and bookings, and asks of them. GraphiQL shows the same documents in its tabs. */
import { graphql, type ResultOf } from '../client/graphql';
import { REFUSAL } from '../client/refusal';

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

export const PLACE_HOLD = graphql(
  `
    mutation PlaceHold($input: HoldPlaceInput!) {
      holdPlace(input: $input) {
        __typename
        ...HoldParts
        ...Refusal
      }
    }
  `,
  [HOLD, REFUSAL],
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
        ...Refusal
      }
    }
  `,
  [BOOKING, REFUSAL],
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
