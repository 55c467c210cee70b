/*
 * The tabs a first visit finds, in the order in which one would try them. Plain GraphQL against schema.graphql: a comment first,
 * for whoever reads it in the editor, then the operations. The operations of one tab share its variables; what is to be filled in
 * stands first, where the small editor shows it. Lines are short (at most 57 characters) for the same reason.
 */

/**
 * The examples as GraphiQL's `defaultTabs`, without headers.
 *
 * facts: the values that make them run as they stand, strings all:
 *   stylist, service     ids
 *   firstDay, lastDay    ISO dates in the stylist's zone
 *   timezone, day        the browser's zone and the date there of the first free start
 *   start, laterStart    two free starts, instants
 */
export function examples(facts) {
  const { stylist, service, firstDay, lastDay, timezone, day, start, laterStart } = facts;
  const customer = { name: 'Asha', email: 'asha@example.com' };
  const tabs = [
    [FREE_SLOTS, { stylists: [stylist], service, from: firstDay, to: lastDay }],
    [BOOKING_MODAL, { stylist, service, date: day, timezone, freshness: 'VERIFIED' }],
    [HOLD_AND_CONFIRM, { confirm: { holdId: '<hold id>', customer }, hold: { stylistId: stylist, serviceId: service, startUtc: start } }],
    [FIRST_AVAILABLE, { service, limit: 5 }],
    [LIVE_CHANGES, { since: null, stylists: [stylist], service, from: firstDay, to: lastDay }],
    [MOVE_AND_CANCEL, { booking: '<booking id>', start: laterStart, reason: 'Cannot come', from: firstDay, to: lastDay }],
  ];
  return tabs.map(([query, variables]) => ({ query, variables: JSON.stringify(variables, null, 2) }));
}

const FREE_SLOTS = `# The free starts of a stylist, a day each.
# Run it: Ctrl+Enter, or the triangle. If ids are missing
# below, { stylists { id services { service { id } } } }
# has them.
# Next: more stylists, more days; it costs no more
# SQL statements.
query FreeSlots(
  $stylists: [ID!]!
  $service: ID!
  $from: Date!
  $to: Date!
) {
  stylists(ids: $stylists) {
    name
    availability(
      serviceId: $service
      from: $from
      to: $to
    ) {
      date
      timezone
      freeCount
      slots(status: [AVAILABLE]) {
        startUtc
        startLocal
        display
        priceCents
      }
    }
  }
}
`;

const BOOKING_MODAL = `# What a booking modal asks: every start of one day in
# the customer's time zone, and how fresh the answer is.
# Run it again and see "hit"; then set freshness to CACHED
# or BYPASS and compare "cache".
# Next: copy a startUtc that is AVAILABLE into the
# variables of the next tab.
query BookingModal(
  $stylist: ID!
  $service: ID!
  $date: Date!
  $timezone: String
  $freshness: Freshness = VERIFIED
) {
  availableSlots(
    stylistId: $stylist
    serviceId: $service
    date: $date
    timezone: $timezone
    freshness: $freshness
  ) {
    stylist {
      name
    }
    service {
      name
      durationMinutes
    }
    cache {
      hit
      source
      verified
      version
      computedAt
      expiresAt
      ageSeconds
    }
    slots {
      startUtc
      display
      status
      heldByYou
      priceCents
    }
  }
}
`;

const HOLD_AND_CONFIRM = `# 1. Run PlaceHold: until expiresAt the start belongs to
#    your X-Session-Id (see Headers below).
# 2. Copy the hold's id into "holdId" in the variables and
#    run ConfirmBooking.
# Next: run PlaceHold in a second browser window and see
# SlotTaken with the nearest free starts.
mutation PlaceHold($hold: HoldPlaceInput!) {
  holdPlace(input: $hold) {
    __typename
    ... on Hold {
      id
      startUtc
      endUtc
      priceCents
      expiresAt
    }
    ... on Problem {
      message
    }
    ... on SlotTaken {
      slotStatus
      nearest {
        startUtc
        display
      }
    }
    ... on SlotNotOffered {
      reason
      nearest {
        startUtc
        display
      }
    }
  }
}

mutation ConfirmBooking($confirm: BookingConfirmInput!) {
  bookingConfirm(input: $confirm) {
    __typename
    ... on Booking {
      id
      status
      startUtc
      endUtc
      priceCents
      stylist {
        name
      }
      location {
        name
      }
    }
    ... on Problem {
      message
    }
    ... on HoldExpired {
      expiredAt
    }
  }
}
`;

const FIRST_AVAILABLE = `# The earliest free starts for a service, whoever gives it.
# Next: add stylistIds, locationId or from to the
# arguments; Ctrl+Space offers them.
query FirstAvailable($service: ID!, $limit: Int) {
  firstAvailable(serviceId: $service, limit: $limit) {
    startUtc
    startLocal
    display
    priceCents
    stylist {
      id
      name
    }
    location {
      name
    }
  }
}
`;

const LIVE_CHANGES = `# First a snapshot of each day, then what opened and
# closed, as it happens. Changing tabs stops it: open this
# page in a second window, run PlaceHold or Cancel there.
# Next: stop, copy the last cursor into "since" and run
# again: only what is new since then arrives.
subscription LiveChanges(
  $stylists: [ID!]!
  $service: ID!
  $from: Date!
  $to: Date!
  $since: String
) {
  availabilityChanged(
    stylistIds: $stylists
    serviceId: $service
    from: $from
    to: $to
    sinceVersion: $since
  ) {
    snapshot
    at
    version
    cursor
    availability {
      date
      freeCount
    }
    opened {
      startUtc
      display
    }
    closed {
      startUtc
      display
    }
  }
}
`;

const MOVE_AND_CANCEL = `# 1. Run MyBookings (those of your X-Session-Id) and copy
#    an id into "booking" in the variables.
# 2. Run Reschedule: the old time is freed only if the new
#    one, "start", is got.
# Next: run Cancel; then Cancel again to see AlreadyEnded.
query MyBookings($from: Date!, $to: Date!) {
  bookings(from: $from, to: $to) {
    edges {
      node {
        id
        status
        startUtc
        service {
          name
        }
        stylist {
          name
        }
      }
    }
  }
}

mutation Reschedule($booking: ID!, $start: DateTime!) {
  bookingReschedule(
    input: { bookingId: $booking, startUtc: $start }
  ) {
    __typename
    ... on Booking {
      id
      status
      startUtc
    }
    ... on Problem {
      message
    }
    ... on SlotTaken {
      nearest {
        startUtc
        display
      }
    }
  }
}

mutation Cancel($booking: ID!, $reason: String) {
  bookingCancel(bookingId: $booking, reason: $reason) {
    __typename
    ... on Booking {
      id
      status
    }
    ... on Problem {
      message
    }
  }
}
`;
