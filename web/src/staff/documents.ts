/** All that the staff view asks and says. */
import { stringifyDocument, type TypedDocumentNode } from '@urql/core';
import { graphql, type FragmentOf, type ResultOf } from '../client/graphql';
import { REFUSAL } from '../client/refusal';

/** `setup` is for staff alone: whoever gets this answer is. */
export const SALON = graphql(`
  query StaffSalon {
    setup {
      tenant {
        name
      }
    }
    locations {
      id
      name
      timezone
    }
    services(limit: 200) {
      id
      name
      durationMinutes
      slotIntervalMinutes
    }
    stylists(limit: 200) {
      id
      name
      locations {
        id
      }
      services {
        service {
          id
        }
      }
    }
  }
`);

const EXPLAINED = graphql(`
  fragment Explained on SlotExplanation {
    startUtc
    endUtc
    isFree
    location {
      id
    }
    causes {
      closedBy
      startUtc
      endUtc
      through
      source
      expiresAt
      booking {
        id
        startUtc
        endUtc
        service {
          name
        }
        customer {
          name
        }
      }
    }
  }
`);

type Explanations = Record<string, Explanation[]>;

/** explainDay is of one stylist: an alias for each makes it one request. The variables `s0`, `s1` … are the stylists, `v0`, `v1` … their services. */
export function explainDays(count: number): TypedDocumentNode<Explanations, Record<string, string>> {
  const numbers = Array.from({ length: count }, (_, number) => number);
  const fields = numbers.map((number) => `s${number}: explainDay(stylistId: $s${number}, serviceId: $v${number}, date: $date) { ...Explained }`);
  const variables = numbers.map((number) => `$s${number}: ID! $v${number}: ID!`).join(' ');
  const query = `query ExplainDays($date: Date! ${variables}) { ${fields.join('\n')} } ${stringifyDocument(EXPLAINED)}`;
  return query as unknown as TypedDocumentNode<Explanations, Record<string, string>>; // urql parses texts itself
}

/** Says whose starts changed; why, explainDay says. */
export const STARTS_CHANGED = graphql(`
  subscription StartsChanged($stylists: [ID!]!, $service: ID!, $date: Date!, $sinceVersion: String) {
    availabilityChanged(stylistIds: $stylists, serviceId: $service, from: $date, to: $date, sinceVersion: $sinceVersion) {
      cursor
      availability {
        stylist {
          id
        }
      }
    }
  }
`);

const BOOKING = graphql(`
  fragment StaffBooking on Booking {
    id
    status
    startUtc
    endUtc
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
    }
    customer {
      name
      email
      phone
    }
  }
`);

export const BOOKINGS_CHANGED = graphql(
  `
    subscription BookingsChanged($stylists: [ID!]!, $from: Date!, $to: Date!) {
      bookingsChanged(stylistIds: $stylists, from: $from, to: $to) {
        kind
        booking {
          ...StaffBooking
        }
      }
    }
  `,
  [BOOKING],
);

export const MOVE = graphql(
  `
    mutation StaffMove($input: BookingRescheduleInput!) {
      bookingReschedule(input: $input) {
        __typename
        ...StaffBooking
        ...Refusal
      }
    }
  `,
  [BOOKING, REFUSAL],
);

const ENDED = graphql(
  `
    fragment Ended on BookingResult {
      __typename
      ...StaffBooking
      ... on Problem {
        message
      }
    }
  `,
  [BOOKING],
);

/** What can become of a booking, and how that is said. */
export const ENDINGS = {
  CANCELLED: graphql(
    `
      mutation StaffCancel($id: ID!, $reason: String) {
        ended: bookingCancel(bookingId: $id, reason: $reason) {
          ...Ended
        }
      }
    `,
    [ENDED],
  ),
  COMPLETED: graphql(
    `
      mutation StaffComplete($id: ID!) {
        ended: bookingComplete(bookingId: $id) {
          ...Ended
        }
      }
    `,
    [ENDED],
  ),
  NO_SHOW: graphql(
    `
      mutation StaffNoShow($id: ID!) {
        ended: bookingNoShow(bookingId: $id) {
          ...Ended
        }
      }
    `,
    [ENDED],
  ),
};

export const ONE_BOOKING = graphql(
  `
    query OneBooking($id: ID!) {
      booking(id: $id) {
        __typename
        ...StaffBooking
      }
    }
  `,
  [BOOKING],
);

export const ADD_TIME_OFF = graphql(`
  mutation AddTimeOff($input: TimeOffAddInput!) {
    timeOffAdd(input: $input) {
      __typename
      ... on TimeOffChange {
        conflictCount
        timeOff {
          id
        }
      }
      ... on Problem {
        message
      }
    }
  }
`);

export const REMOVE_TIME_OFF = graphql(`
  mutation RemoveTimeOff($id: ID!) {
    timeOffRemove(timeOffId: $id) {
      __typename
      ... on Problem {
        message
      }
    }
  }
`);

export type Salon = ResultOf<typeof SALON>;
export type Place = Salon['locations'][number];
export type Stylist = Salon['stylists'][number];
export type Explanation = FragmentOf<typeof EXPLAINED>;
export type Cause = Explanation['causes'][number];
export type Booking = FragmentOf<typeof BOOKING>;
export type Ending = keyof typeof ENDINGS;
