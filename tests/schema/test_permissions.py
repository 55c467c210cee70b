"""Every field of the schema, as every role and as another business: generated from the schema, so that a new field cannot be
forgotten. What is open to all is listed here; all else must say whom it is for, and is refused to everybody else.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from resolvers import importing, salon_file
from resolvers.context import ADMINS, STAFF, Role
from schema.permissions import Permission
from schema.schema import schema
from tests.conftest import SALON

if TYPE_CHECKING:
    from resolvers.app import App
    from tests.conftest import Client
    from tests.schema.conftest import NewShop, Raw, Shop, Visitor

GRAPHQL = schema._schema
ROOTS = ("Query", "Mutation", "Subscription")
ROLES = tuple(Role)

# What anybody may see or do, with a token or without one. To add a field here is to show it to strangers.
OPEN = """
Query: tenant locations services service stylists stylist availableSlots firstAvailable booking bookings
  dashboard waitlist
Mutation: holdPlace holdRelease bookingConfirm bookingCreate bookingReschedule bookingCancel
  waitlistJoin waitlistLeave
Subscription: availabilityChanged waitlistOffered
Tenant: id slug name currency timezone
Location: id name timezone stylists
Service: id name durationMinutes slotIntervalMinutes bufferBeforeMinutes bufferAfterMinutes priceCents minNoticeMinutes
  horizonDays offerings
Stylist: id name timezone locations services availableSlots availability
Offering: stylist service durationMinutes priceCents availableSlots
Availability: stylist service date timezone slots freeCount freeStarts cache
Slot: id stylist location startUtc endUtc startLocal endLocal display status isAvailable heldByYou priceCents orderReason
CacheInfo: hit source verified version computedAt expiresAt ageSeconds
Hold: id stylist service startUtc endUtc priceCents expiresAt
Booking: id stylist service location startUtc endUtc status priceCents customer paymentRequired paymentUrl paymentDueAt paidAt
  createdAt
Customer: id name email phone
Dashboard: upcoming thisMonth completed next recent
Activity: at what booking
BookingConnection: edges pageInfo
BookingEdge: node cursor
PageInfo: hasNextPage endCursor
WaitlistEntry: id service stylists from to times status joinedAt endedAt customer offer
WaitlistTime: from to
WaitlistConnection: edges pageInfo
WaitlistEdge: node cursor
WaitlistOffer: entry hold
AvailabilityChange: availability opened closed version at cursor snapshot
SlotTaken: message slotStatus version nearest
SlotNotOffered: message reason nearest
HoldExpired: message expiredAt
NotFound: message
AlreadyEnded: message
IdempotencyConflict: message
"""


@dataclass(frozen=True)
class Place:
    """A field of a type, and the fields that lead there from a root, itself the last."""

    path: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return ".".join(self.path[-1])


def permission(of: GraphQLField) -> type[Permission] | None:
    """What the field was declared with."""
    classes = of.extensions["strawberry-definition"].permission_classes
    assert len(classes) <= 1
    return classes[0] if classes else None


def members(type_: Any) -> list[GraphQLObjectType]:
    """The object types that a field of this type can answer."""
    if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
        return list(GRAPHQL.get_possible_types(type_))
    return [type_] if isinstance(type_, GraphQLObjectType) else []


def surface() -> tuple[dict[str, Place], dict[str, Place]]:
    """The fields that can be reached without a permission, and those at which one is asked for; by name, the shortest way."""
    open_: dict[str, Place] = {}
    guarded: dict[str, Place] = {}
    todo: deque[tuple[str, tuple[tuple[str, str], ...]]] = deque((root, ()) for root in ROOTS)
    seen = set(ROOTS)
    while todo:
        type_name, path = todo.popleft()
        type_ = GRAPHQL.type_map[type_name]
        assert isinstance(type_, GraphQLObjectType)
        for name, one in type_.fields.items():
            place = Place((*path, (type_name, name)))
            if permission(one):
                guarded[place.name] = place
                continue
            open_[place.name] = place
            for member in members(get_named_type(one.type)):
                if member.name not in seen:
                    seen.add(member.name)
                    todo.append((member.name, place.path))
    return open_, guarded


OPEN_PLACES, GUARDED = surface()


def field_at(name: str) -> GraphQLField:
    type_name, field_name = name.split(".")
    type_ = GRAPHQL.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    return type_.fields[field_name]


def test_what_is_open_to_all_is_listed() -> None:
    lines = OPEN.strip().replace("\n  ", " ").split("\n")
    listed = {f"{line.split(':')[0]}.{name}" for line in lines for name in line.split(":")[1].split()}

    assert set(OPEN_PLACES) == listed, (
        "a field that is not for all needs permission_classes; one that is, a place in OPEN"
    )


@pytest.mark.parametrize("name", sorted(GUARDED))
def test_what_is_not_says_whom_it_is_for(name: str) -> None:
    guard, description = permission(field_at(name)), field_at(name).description

    assert guard is not None
    assert (description or "").startswith(f"For {guard.whom}: ")


@dataclass
class Samples:
    """Values for the arguments of any field, all of one business, by the argument's place or name or the input's type."""

    shop: Shop
    ids: dict[str, str]
    starts: Iterator[str] = field(default_factory=itertools.count)  # type: ignore[assignment]

    def value(self, place: str, argument: str, type_: Any, caller: Visitor) -> Any:
        """An argument's value. A required argument that has none here fails the test: give it one."""
        shop, ids = self.shop, self.ids
        day = str(shop.day)
        values: dict[str, Any] = {
            "Query.service.id": shop.cut,
            "Query.stylist.id": shop.asha,
            "Query.booking.id": ids.get(f"booking of {caller.who}", ids["booking"]),
            "bookingId": ids.get(f"booking of {caller.who}", ids["booking"]),
            "holdId": ids["hold"],
            "entryId": ids.get(f"entry of {caller.who}", ids["entry"]),
            "webhookId": ids["webhook"],
            "deliveryId": ids["delivery"],
            "stylistId": shop.asha,
            "stylistIds": [shop.asha],
            "serviceId": shop.cut,
            "locationId": shop.location,
            "timeOffId": ids["time off"],
            "priceRuleId": ids["rule"],
            "source": "google",
            "date": day,
            "Stylist.availability.from": day,
            "Query.bookings.from": str(shop.day - timedelta(30)),
            "Query.bookings.to": str(shop.day + timedelta(30)),
            "Subscription.availabilityChanged.from": day,
            "Subscription.bookingsChanged.from": day,
            "Subscription.bookingsChanged.to": str(shop.day + timedelta(30)),
            "Query.auditLog.from": "2020-01-01T00:00:00Z",
            "Query.auditLog.to": "2100-01-01T00:00:00Z",
            "CacheStats.invalidations.from": day,
            "Mutation.availabilityRecalculate.from": day,
            "Mutation.availabilityRecalculate.stylistIds": [],  # hers may be gone by then
            "Query.analytics.from": day,
            "startUtc": shop.at(9),
            "around": shop.at(9),
            "to": day,
            "file": {"tenant": {**SALON["tenant"], "slug": shop.slug}, "locations": [], "services": []},
        }
        named = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType):
            return self.input(named, caller)
        for key in (f"{place}.{argument}", argument):
            if key in values:
                return values[key]
        raise AssertionError(f"no sample for {place}({argument}): give Samples one")

    def input(self, type_: GraphQLInputObjectType, caller: Visitor) -> Any:
        """An input's value: its required fields, from what is known of their names."""
        shop, ids = self.shop, self.ids
        contact = {"name": "Somebody"}
        start = next(self.starts)
        window = {"from": "09:00", "to": "17:00"}
        inputs: dict[str, Any] = {
            "HoldPlaceInput": {"stylistId": shop.asha, "serviceId": shop.cut, "startUtc": start},
            "BookingCreateInput": {
                "stylistId": shop.asha,
                "serviceId": shop.cut,
                "startUtc": start,
                "customer": contact,
            },
            "BookingConfirmInput": {"holdId": ids["hold"], "customer": contact},
            "BookingRescheduleInput": {"bookingId": ids["booking"], "startUtc": start},
            "WaitlistJoinInput": {
                "serviceId": shop.cut,
                "stylistIds": [shop.asha],
                "from": str(shop.day),
                "to": str(shop.day),
                "customer": contact,
            },
            "WebhookSetInput": {"id": ids["webhook"], "url": "https://example.org/other"},
            "TenantCreateInput": {"slug": shop.slug, "name": "X", "timezone": "Etc/UTC", "currency": "EUR"},
            "TenantUpdateInput": {"name": "Testers"},
            "LocationCreateInput": {"id": ids["new"], "name": "New", "timezone": "Etc/UTC"},
            "LocationUpdateInput": {"id": shop.location, "name": "Moved"},
            "LocationCloseInput": {"locationId": shop.location, "date": str(shop.day + timedelta(20))},
            "TravelTimeSetInput": {"fromLocationId": shop.location, "toLocationId": ids["place"], "minutes": 5},
            "ServiceCreateInput": {"id": ids["new"], "name": "New", "durationMinutes": 30, "priceCents": 1},
            "ServiceUpdateInput": {"id": shop.cut, "name": "Cut"},
            "StylistCreateInput": {"id": ids["new"], "name": "New", "homeLocationId": shop.location},
            "StylistUpdateInput": {"id": shop.asha, "name": "Asha"},
            "OfferingSetInput": {"stylistId": shop.asha, "serviceId": shop.cut},
            "ScheduleSetInput": {
                "stylistId": shop.asha,
                "hours": [{"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "windows": [window]}],
            },
            "OverrideSetInput": {"stylistId": shop.asha, "date": str(shop.day + timedelta(21)), "windows": [window]},
            "TimeOffAddInput": {"id": str(uuid4()), "stylistId": shop.asha, "date": str(shop.day + timedelta(22))},
            "BusyTimesReplaceInput": {
                "stylistId": shop.asha,
                "source": "google",
                "asOf": "2026-01-01T00:00:00Z",
                "spans": [],
            },
            "StylistPreferencesSetInput": {"stylistId": shop.asha},
            "PriceRuleSetInput": {"id": ids["rule"], "name": "Peak", "percent": 0.0},
        }
        assert type_.name in inputs, f"no sample for {type_.name}: give Samples one"
        return inputs[type_.name]


@dataclass
class Operation:
    """An operation's text under way: the variables that its arguments need."""

    samples: Samples
    caller: Visitor
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)

    def call(self, type_name: str, name: str) -> str:
        """A field with its required arguments, and those that name things."""
        place = f"{type_name}.{name}"
        passed = []
        for argument, one in field_at(place).args.items():
            if not isinstance(one.type, GraphQLNonNull) and argument not in ("stylistIds", "locationId"):
                continue
            variable = f"v{len(self.declared)}"
            self.variables[variable] = self.samples.value(place, argument, one.type, self.caller)
            self.declared.append(f"${variable}: {one.type}")
            passed.append(f"{argument}: ${variable}")
        return f"{name}({', '.join(passed)})" if passed else name

    def down(self, place: Place) -> str:
        """The selection that leads to a place."""
        (type_name, name), *rest = place.path
        inner = (
            f"{{ ... on {rest[0][0]} {{ {self.down(Place(tuple(rest)))} }} }}" if rest else self.leaf(type_name, name)
        )
        return f"{self.call(type_name, name)} {inner}"

    def leaf(self, type_name: str, name: str) -> str:
        return "" if is_leaf_type(get_named_type(field_at(f"{type_name}.{name}").type)) else "{ __typename }"

    def whole(self, type_name: str, name: str, depth: int) -> str:
        """A field with everything below it, so many levels deep; each under a name of its own, for unions."""
        type_ = get_named_type(field_at(f"{type_name}.{name}").type)
        below = ""
        if not is_leaf_type(type_):
            parts = [
                f"... on {member.name} {{ __typename "
                + " ".join(
                    f"{member.name}_{inner}: {self.whole(member.name, inner, depth - 1)}"
                    for inner, one in member.fields.items()
                    if depth > 1 or is_leaf_type(get_named_type(one.type))
                )
                + " }"
                for member in members(type_)
            ]
            below = "{ " + " ".join(parts) + " }"
        return f"{self.call(type_name, name)} {below}"

    def text(self, root: str, selection: str) -> str:
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        return f"{root.lower()} {declared} {{ {selection} }}"


def starts_of(shop: Shop) -> Iterator[str]:
    """Starts that are free, of two months."""
    for days in range(1, 50):
        for half_hours in range(6):
            yield shop.at(9 + half_hours // 2, 30 * (half_hours % 2), days=days)


def as_role(visitor: Visitor, role: Role) -> Visitor:
    """A session, or somebody's token."""
    return visitor.named("walker") if role is Role.PUBLIC else visitor.role(role, f"walker-{role.value}")


@pytest.fixture
async def samples(visitor: Visitor, shop: Shop, raw: Raw) -> Samples:
    """A business in which everything there is can be named."""
    return await furnished(visitor, shop, raw.run)


async def furnished(visitor: Visitor, shop: Shop, run: Callable[..., Any]) -> Samples:
    starts = starts_of(shop)
    ids = {name: str(uuid4()) for name in ("time off", "rule", "place", "new", "webhook", "delivery")}
    at = datetime.now(UTC) + timedelta(40)
    await run("insert into locations values ($1, $2, 'Secret place', 'Etc/UTC')", ids["place"])
    await run(
        "insert into price_rules (tenant_id, id, position, name, basis_points) values ($1, $2, 0, 'Secret rule', 0)",
        ids["rule"],
    )
    await run(
        "insert into time_off values ($1, $2, $3, $4, $5, 'Secret reason')",
        *(ids["time off"], shop.asha, at, at + timedelta(hours=1)),
    )
    await run("insert into busy_sources values ($1, $2, 'google', '2020-01-01')", shop.asha)
    await run("insert into webhooks values ($1, $2, 'https://example.org/Secret', 'whsec_Secret')", ids["webhook"])
    await run(
        "insert into outbox (tenant_id, id, webhook_id, booking_id, event, body, state)"
        " values ($1, $2, $3, $3, 'booking.confirmed', '{}', 'FAILED')",
        *(ids["delivery"], ids["webhook"]),
    )
    secret = {"name": "Secret customer", "email": "secret@example.org"}
    for role in ROLES:
        caller = as_role(visitor, role)
        ids[f"booking of {caller.who}"] = (await caller.book(next(starts), customer=secret))["id"]
        waits = {"serviceId": shop.cut, "from": str(shop.day), "to": str(shop.day), "customer": secret}
        ids[f"entry of {caller.who}"] = (await caller.join(waits))["id"]
    ids["entry"] = ids[f"entry of {as_role(visitor, Role.PUBLIC).who}"]
    ids["booking"] = ids[f"booking of {as_role(visitor, Role.PUBLIC).who}"]
    ids["hold"] = (await as_role(visitor, Role.PUBLIC).hold(next(starts)))["id"]
    return Samples(shop, ids, starts)


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_not_for_a_role_is_refused_to_it_and_the_rest_is_not(
    visitor: Visitor, samples: Samples, role: Role
) -> None:
    caller, wrong = as_role(visitor, role), {}
    for name, place in GUARDED.items():
        operation = Operation(samples, caller)
        query = operation.text(place.path[0][0], operation.down(place))

        if name.startswith("Subscription."):
            async with watching(caller, query, operation.variables) as message:
                refusal = message["type"] == "error"
                answer = {"errors": message["payload"]} if refusal else message["payload"]
        else:
            answer = await caller.client.post(query, operation.variables, **caller.who)

        guard = permission(field_at(name))
        assert guard is not None
        allowed = role in guard.roles
        expected = set() if allowed else {"UNAUTHENTICATED" if role is Role.PUBLIC else "FORBIDDEN"}
        refused = codes(answer) & {"UNAUTHENTICATED", "FORBIDDEN"}
        data = json.dumps(answer.get("data"))
        # A field that may be null is null where it is refused; one that may not takes what holds it along.
        if refused != expected or (not allowed and '"__typename": "' in data.replace('"__typename": "Query"', "")):
            wrong[name] = answer
        assert codes(answer) <= {"UNAUTHENTICATED", "FORBIDDEN"}, (name, answer)

    assert wrong == {}


def test_roles_contain_each_other() -> None:
    assert ADMINS < STAFF < set(Role)
    assert {guard.role for guard in map(permission, map(field_at, GUARDED)) if guard} <= STAFF


@pytest.fixture
async def strangers(mall: tuple[App, Client], new_shop: NewShop, visitor: Visitor) -> list[Visitor]:
    """Two other businesses, alike but for their slugs."""
    made = []
    for _ in range(2):
        shop = await new_shop()
        slug = f"stranger-{uuid4().hex[:8]}"
        file = json.loads(json.dumps(SALON).replace("-0000-4000-8000-", "-0000-4000-9000-"))
        file["tenant"] = {**file["tenant"], "slug": slug}
        summary = await importing.import_salon(mall[0].database, salon_file.parse(json.dumps(file)), lambda *_: None)
        other = replace(
            shop,
            tenant=summary.tenant_id,
            slug=slug,
            location=file["locations"][0]["id"],
            cut=file["services"][0]["id"],
            colour=file["services"][1]["id"],
            asha=file["stylists"][0]["id"],
            bina=file["stylists"][1]["id"],
        )
        made.append(replace(visitor, salon=other).named("walker"))
    return made


UUID_ = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CHANGING = re.compile(
    r"\d{4}-\d\d-\d\dT[0-9:.]+Z|\"\d+(\.\d+)+\"|stranger-[0-9a-f]{8}|whsec_[\w+/=]+|shop-\d+|(?<=ageSeconds\": )[0-9.e-]+"
    r"|\"CacheStats_\w+\": ([0-9.e-]+|null)"
)


def alike(answer: dict[str, Any]) -> str:
    """An answer without what differs from one business, id and moment to the other."""
    return CHANGING.sub("…", UUID_.sub("id", json.dumps(answer, sort_keys=True)))


@dataclass
class Nothing(Samples):
    """The same arguments with ids that nobody has."""

    def __init__(self, like: Samples) -> None:
        made: dict[str, str] = {}

        def other(value: Any) -> Any:
            text = UUID_.sub(lambda found: made.setdefault(found[0], str(uuid4())), json.dumps(value))
            return json.loads(text)

        self.other = other
        super().__init__(like.shop, like.ids, like.starts)

    def value(self, place: str, argument: str, type_: Any, caller: Visitor) -> Any:
        return self.other(super().value(place, argument, type_, caller))


ROWS = """
select string_agg(row_to_json(r)::text, ',' order by row_to_json(r)::text) from {} r where {} = $1
"""


async def everything_of(raw: Raw) -> dict[str, str]:
    """Every row of the business, by table."""
    tables = await raw.connection.fetch(
        "select table_name::text as name from information_schema.columns"
        " where table_schema = 'public' and column_name = 'tenant_id'"
    )
    found = {}
    for name in [row["name"] for row in tables]:
        found[name] = await raw.value(ROWS.format(name, "tenant_id"))
    found["tenants"] = await raw.value(ROWS.format("tenants", "id"))
    return found


@pytest.mark.parametrize("role", ROLES)
async def test_another_business_s_ids_read_like_ids_that_do_not_exist(
    samples: Samples, strangers: list[Visitor], raw: Raw, statements: list[str], role: Role
) -> None:
    """In data, in errors, and in what is asked of the database: two like businesses, one asking by this one's ids, one by no
    one's. No row of this one comes or goes.
    """
    before, nothing, differing = await everything_of(raw), Nothing(samples), {}
    for root in ("Query", "Mutation"):
        type_ = GRAPHQL.type_map[root]
        assert isinstance(type_, GraphQLObjectType)
        for name in type_.fields:
            start = next(samples.starts)
            found = []
            for stranger, given in zip(strangers, (samples, nothing), strict=True):
                given.starts = itertools.repeat(start)
                operation = Operation(given, as_role(stranger, role))
                query = operation.text(root, operation.whole(root, name, 2))
                await stranger.client.post("{ tenant { id } }", **operation.caller.who)
                statements.clear()
                answer = await stranger.client.post(query, operation.variables, **operation.caller.who)
                found.append((alike(answer), tuple(statements)))
                assert "Secret" not in json.dumps(answer), (name, answer)
                assert "secret@" not in json.dumps(answer), (name, answer)
                assert "INTERNAL" not in codes(answer), (name, answer)
            samples.starts = starts_of(samples.shop)
            if found[0] != found[1]:
                differing[name] = found

    assert differing == {}
    assert await everything_of(raw) == before


async def test_another_business_s_stylist_cannot_be_watched(samples: Samples, strangers: list[Visitor]) -> None:
    (stranger, _), operation = strangers, Operation(samples, strangers[0])
    query = operation.text("Subscription", operation.whole("Subscription", "availabilityChanged", 2))

    async with watching(stranger, query, operation.variables) as message:
        assert codes(message["payload"]) == {"NOT_FOUND"}
        assert not message["payload"].get("data")


class watching:  # noqa: N801 - used as a function
    """The first message of a subscription."""

    def __init__(self, who: Visitor, query: str, variables: dict[str, Any]) -> None:
        self.who = who
        self.payload = {"query": query, "variables": variables}

    async def __aenter__(self) -> Any:
        self.socket = await self.who.client.http.ws_connect(self.who.client.url, protocols=("graphql-transport-ws",))
        token = self.who.who.get("token")
        payload = {"Authorization": f"Bearer {token}"} if token else {"X-Tenant": self.who.salon.slug}
        await self.socket.send_json({"type": "connection_init", "payload": payload})
        await self.socket.receive_json(timeout=5)
        await self.socket.send_json({"id": "1", "type": "subscribe", "payload": self.payload})
        return await self.socket.receive_json(timeout=5)

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
