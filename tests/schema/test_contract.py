"""The schema as others rely on it: kept as printed, described throughout, and with all that the public contract names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, introspection_from_schema

from schema.schema import schema

KEPT = Path(__file__).parents[2] / "schema" / "schema.graphql"
RENEW = (
    "python -c \"from schema.schema import schema; open('schema/schema.graphql', 'w').write(schema.as_str() + '\\n')\""
)

# The part of the public contract that is built. Fields, arguments and types may be added to the schema; nothing that
# stands here may be renamed, lose an argument, or change its type.
CONTRACT = """
scalar Date
scalar DateTime

type Query {
  tenant: Tenant!
  locations: [Location!]!
  services(ids: [ID!], limit: Int = 50, after: ID): [Service!]!
  service(id: ID!): Service
  stylists(ids: [ID!], serviceId: ID, locationId: ID, limit: Int = 50, after: ID): [Stylist!]!
  stylist(id: ID!): Stylist
  availableSlots(stylistId: ID!, serviceId: ID!, date: Date!, timezone: String, freshness: Freshness = VERIFIED): Availability!
  firstAvailable(serviceId: ID!, stylistIds: [ID!], locationId: ID, from: DateTime, limit: Int = 10): [Slot!]!
  booking(id: ID!): Booking
  bookings(stylistId: ID, from: Date!, to: Date!, first: Int = 50, after: String): BookingConnection!
  dashboard(customerId: ID): Dashboard!
  analytics(from: Date!, to: Date!): Analytics!
}
type Tenant { id: ID! slug: String! name: String! currency: String! timezone: String! }
type Location { id: ID! name: String! timezone: String! stylists: [Stylist!]! }
type Service {
  id: ID! name: String! durationMinutes: Int! slotIntervalMinutes: Int! bufferBeforeMinutes: Int! bufferAfterMinutes: Int!
  priceCents: Int! minNoticeMinutes: Int! horizonDays: Int! offerings: [Offering!]!
}
type Stylist {
  id: ID! name: String! timezone: String! locations: [Location!]! services: [Offering!]!
  availableSlots(serviceId: ID!, date: Date!, timezone: String, freshness: Freshness = VERIFIED): Availability!
  availability(serviceId: ID!, from: Date!, to: Date!, timezone: String, freshness: Freshness = VERIFIED): [Availability!]!
}
type Offering {
  stylist: Stylist! service: Service! durationMinutes: Int! priceCents: Int!
  availableSlots(date: Date!, timezone: String, freshness: Freshness = VERIFIED): Availability!
}
type Availability {
  stylist: Stylist! service: Service! date: Date! timezone: String!
  slots(status: [SlotStatus!]): [Slot!]! freeCount: Int! cache: CacheInfo!
}
type Slot {
  id: ID! stylist: Stylist! location: Location! startUtc: DateTime! endUtc: DateTime! startLocal: DateTime! endLocal: DateTime!
  display: String! status: SlotStatus! isAvailable: Boolean! heldByYou: Boolean! priceCents: Int!
}
enum SlotStatus { AVAILABLE HELD BOOKED UNAVAILABLE }
enum Freshness { VERIFIED CACHED BYPASS }
type CacheInfo {
  hit: Boolean! source: CacheSource! verified: Boolean! version: String! computedAt: DateTime! expiresAt: DateTime!
  ageSeconds: Float!
}
enum CacheSource { MEMORY REDIS DATABASE }

type Mutation {
  holdPlace(input: HoldPlaceInput!): HoldPlaceResult!
  holdRelease(holdId: ID!): HoldReleaseResult!
  bookingConfirm(input: BookingConfirmInput!): BookingResult!
  bookingCreate(input: BookingCreateInput!): BookingResult!
  bookingReschedule(input: BookingRescheduleInput!): BookingResult!
  bookingCancel(bookingId: ID!, reason: String): BookingResult!
  bookingComplete(bookingId: ID!): BookingResult!
  bookingNoShow(bookingId: ID!): BookingResult!
}
# stylistId is ID! in API.graphql; `anyOf` may stand for it, and whoever sends it sends it as before.
input HoldPlaceInput { stylistId: ID serviceId: ID! startUtc: DateTime! seenVersion: String idempotencyKey: String }
input BookingConfirmInput { holdId: ID! customer: CustomerInput! notes: String idempotencyKey: String }
input BookingCreateInput {
  stylistId: ID serviceId: ID! startUtc: DateTime! customer: CustomerInput! notes: String seenVersion: String
  idempotencyKey: String
}
input BookingRescheduleInput { bookingId: ID! startUtc: DateTime! stylistId: ID idempotencyKey: String }
input CustomerInput { name: String! email: String phone: String }
type Hold {
  id: ID! stylist: Stylist! service: Service! startUtc: DateTime! endUtc: DateTime! priceCents: Int! expiresAt: DateTime!
}
type Booking {
  id: ID! stylist: Stylist! service: Service! location: Location! startUtc: DateTime! endUtc: DateTime! status: BookingStatus!
  priceCents: Int! customer: Customer paymentRequired: Boolean! paymentUrl: String createdAt: DateTime!
}
type Analytics { timezone: String! }
type Dashboard { upcoming: Int! thisMonth: Int! completed: Int! }
type BookingConnection { edges: [BookingEdge!]! pageInfo: PageInfo! }
type BookingEdge { node: Booking! cursor: String! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Customer { id: ID! }
enum BookingStatus { CONFIRMED CANCELLED COMPLETED NO_SHOW }
interface Problem { message: String! }
type SlotTaken implements Problem { message: String! slotStatus: SlotStatus! version: String! nearest: [Slot!]! }
type SlotNotOffered implements Problem { message: String! reason: NotOfferedReason! nearest: [Slot!]! }
enum NotOfferedReason { OUTSIDE_WORKING_HOURS OFF_GRID TOO_SOON BEYOND_HORIZON SERVICE_NOT_OFFERED UNAVAILABLE }
type HoldExpired implements Problem { message: String! expiredAt: DateTime! }
type NotFound implements Problem { message: String! }
type AlreadyEnded implements Problem { message: String! }
type IdempotencyConflict implements Problem { message: String! }
union HoldPlaceResult = Hold | SlotTaken | SlotNotOffered | NotFound | IdempotencyConflict
union HoldReleaseResult = Hold | HoldExpired | NotFound
union BookingResult = Booking | SlotTaken | SlotNotOffered | HoldExpired | NotFound | AlreadyEnded | IdempotencyConflict

type Subscription {
  availabilityChanged(
    stylistIds: [ID!]!, serviceId: ID!, from: Date!, to: Date!, timezone: String, sinceVersion: String
  ): AvailabilityChange!
}
type AvailabilityChange {
  availability: Availability! opened: [Slot!]! closed: [Slot!]! version: String! at: DateTime! cursor: String! snapshot: Boolean!
}
"""

Introspected = dict[str, Any]


def introspected(of: GraphQLSchema) -> dict[str, Introspected]:
    """Types by name, without those that are GraphQL's own."""
    types: list[Any] = introspection_from_schema(of)["__schema"]["types"]
    own = {"String", "Int", "Float", "Boolean", "ID"}
    return {one["name"]: one for one in types if one["name"] not in own and not one["name"].startswith("__")}


TYPES, PROMISED = introspected(build_schema(schema.as_str())), introspected(build_schema(CONTRACT))


def test_the_schema_is_kept_as_printed() -> None:
    kept = KEPT.read_text() if KEPT.exists() else ""

    assert kept == schema.as_str() + "\n", f"the schema changed; look whether clients can bear it, then: {RENEW}"


def type_text(type_: Introspected) -> str:
    match type_["kind"]:
        case "NON_NULL":
            return type_text(type_["ofType"]) + "!"
        case "LIST":
            return f"[{type_text(type_['ofType'])}]"
    return str(type_["name"])


def promises(types: dict[str, Introspected]) -> dict[str, str]:
    """What can be relied on, by its place: kinds, members, values; the types of fields, arguments and inputs, defaults too."""
    found = {}
    for name, one in types.items():
        found[name] = one["kind"]
        for member in one["interfaces"] or ():
            found[f"{name} implements {member['name']}"] = "yes"
        for member in (one["possibleTypes"] or ()) if one["kind"] == "UNION" else ():
            found[f"{name} | {member['name']}"] = "yes"
        for value in one["enumValues"] or ():
            found[f"{name}.{value['name']}"] = "value"
        for field in one["fields"] or ():
            found[f"{name}.{field['name']}"] = type_text(field["type"])
            for argument in field["args"]:
                found[f"{name}.{field['name']}({argument['name']})"] = with_default(argument)
        for field in one["inputFields"] or ():
            found[f"{name}.{field['name']}"] = with_default(field)
    return found


def with_default(argument: Introspected) -> str:
    """Null as a default is as good as none."""
    default = argument["defaultValue"]
    return type_text(argument["type"]) + (f" = {default}" if default not in (None, "null") else "")


def test_all_that_was_promised_is_there_as_promised() -> None:
    there = promises(TYPES)

    broken = {place: (was, there.get(place)) for place, was in promises(PROMISED).items() if there.get(place) != was}

    assert broken == {}, "promised, found"


@pytest.mark.parametrize("name", [name for name, one in PROMISED.items() if one["kind"] in ("OBJECT", "INPUT_OBJECT")])
def test_nothing_more_is_asked_for_than_was_promised(name: str) -> None:
    """An argument or input field that was added must not be required: old clients do not send it."""
    promised = promises({name: PROMISED[name]})
    required = {
        place
        for place, type_ in promises({name: TYPES[name]}).items()
        if (place.split("(")[0] in promised or TYPES[name]["kind"] == "INPUT_OBJECT")
        and ("(" in place or TYPES[name]["kind"] == "INPUT_OBJECT")
        and type_.endswith("!")
    }

    assert required <= set(promised)


@pytest.mark.parametrize("kind", ["HoldPlaceResult", "HoldReleaseResult", "BookingResult"])
def test_every_refusal_is_a_problem_so_that_old_clients_can_read_new_ones(kind: str) -> None:
    refusals = {member["name"] for member in TYPES[kind]["possibleTypes"]} - {"Hold", "Booking"}

    assert {
        one
        for one in refusals
        if TYPES[one]["interfaces"] != [{"kind": "INTERFACE", "name": "Problem", "ofType": None}]
    } == set()


def descriptions(one: Introspected) -> dict[str, str | None]:
    """The description of a type and of everything in it, by place."""
    found = {one["name"]: one["description"]}
    for part in [*(one["fields"] or ()), *(one["inputFields"] or ()), *(one["enumValues"] or ())]:
        place = f"{one['name']}.{part['name']}"
        found[place] = part["description"]
        for argument in part.get("args", ()):
            found[f"{place}({argument['name']})"] = argument["description"]
    return found


@pytest.mark.parametrize("name", list(TYPES))
def test_everything_is_described(name: str) -> None:
    said = descriptions(TYPES[name])

    assert [place for place, text in said.items() if not (text or "").strip()] == []
    assert [place for place, text in said.items() if text and not text.strip().endswith((".", "`"))] == []


def test_no_type_is_out_of_reach() -> None:
    """A type that nothing leads to is a mistake: a field was meant to return it."""
    reached: set[str] = set()
    todo = ["Query", "Mutation", "Subscription"]
    while todo:
        name = todo.pop()
        if name in reached or name not in TYPES:
            continue
        reached.add(name)
        one = TYPES[name]
        parts = [*(one["fields"] or ()), *(one["inputFields"] or ())]
        used = [part["type"] for part in parts] + [
            argument["type"] for part in parts for argument in part.get("args", ())
        ]
        todo += [type_text(type_).strip("[]!") for type_ in used]
        todo += [member["name"] for member in one["possibleTypes"] or ()]

    interfaces = {member["name"] for name in reached for member in TYPES[name]["interfaces"] or ()}
    assert set(TYPES) - reached - interfaces == set()
