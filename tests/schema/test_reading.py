"""Reading over HTTP: availability in all its places, lists, how fresh an answer is, and that it is never silently wrong."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from db import versions
from db.pool import Database, PoolSettings
from resolvers import app as wiring
from resolvers import importing, salon_file, tokens
from resolvers.app import CHECK_S, App, Limits
from schema.view import View
from tests.conftest import SALON, TOKENS, Client, Salon, away, on

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

WAIT_S = 10
counter = itertools.count(1)
NOBODY = "99999999-0000-4000-8000-000000000009"

AVAILABILITY = """
fragment All on Availability {
  date timezone freeCount freeStarts stylist { id name } service { id name }
  slots { id startUtc endUtc startLocal endLocal display status isAvailable heldByYou priceCents location { name } }
  cache { hit source verified version computedAt expiresAt ageSeconds }
}
"""
SLOTS = (
    """
query ($stylist: ID!, $service: ID!, $date: Date!, $zone: String, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $zone, freshness: $freshness) { ...All }
}
"""
    + AVAILABILITY
)
PLACES = (
    """
query ($stylist: ID!, $service: ID!, $services: [ID!], $date: Date!, $zone: String, $freshness: Freshness) {
  root: availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $zone, freshness: $freshness) { ...All }
  stylist(id: $stylist) {
    one: availableSlots(serviceId: $service, date: $date, timezone: $zone, freshness: $freshness) { ...All }
    days: availability(serviceId: $service, from: $date, to: $date, timezone: $zone, freshness: $freshness) { ...All }
  }
  services(ids: $services) {
    offerings { stylist { id } one: availableSlots(date: $date, timezone: $zone, freshness: $freshness) { ...All } }
  }
}
"""
    + AVAILABILITY
)
RANGE = """
query ($id: ID!, $service: ID!, $from: Date!, $to: Date!) {
  stylist(id: $id) { availability(serviceId: $service, from: $from, to: $to) { date freeCount } }
}
"""
FIRST = """
query ($service: ID!, $stylists: [ID!], $location: ID, $from: DateTime, $limit: Int) {
  firstAvailable(serviceId: $service, stylistIds: $stylists, locationId: $location, from: $from, limit: $limit) {
    startUtc startLocal display isAvailable stylist { name } location { name }
  }
}
"""
HOLD = "mutation ($input: HoldPlaceInput!) { holdPlace(input: $input) { ... on Hold { id } } }"
BOOK = "mutation ($input: BookingCreateInput!) { bookingCreate(input: $input) { ... on Booking { id } } }"
CANCEL = "mutation ($id: ID!) { bookingCancel(bookingId: $id) { ... on Booking { id } } }"


def every_day(*windows: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Hours of the whole week."""
    return {"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "windows": list(windows), **more}


# Two places half a day apart; Noor works at both. Nobody washes.
WORLD: dict[str, Any] = {
    "tenant": {"slug": "world", "name": "World", "timezone": "Asia/Kathmandu", "currency": "NPR"},
    "locations": [
        {"id": "11111111-0000-4000-8000-000000000011", "name": "Thamel", "timezone": "Asia/Kathmandu"},
        {"id": "11111111-0000-4000-8000-000000000012", "name": "Brooklyn", "timezone": "America/New_York"},
    ],
    "services": [
        {"id": "22222222-0000-4000-8000-000000000011", "name": "Cut", "durationMinutes": 45, "slotIntervalMinutes": 30,
         "priceCents": 150000, "horizonDays": 30},
        {"id": "22222222-0000-4000-8000-000000000012", "name": "Wash", "durationMinutes": 20, "slotIntervalMinutes": 20,
         "priceCents": 50000, "horizonDays": 30},
        {"id": "22222222-0000-4000-8000-000000000013", "name": "Perm", "durationMinutes": 60, "priceCents": 1, "active": False},
    ],
    "stylists": [
        {"id": "33333333-0000-4000-8000-000000000011", "name": "Kamala", "location": "11111111-0000-4000-8000-000000000011",
         "services": [{"service": "22222222-0000-4000-8000-000000000011", "priceCents": 180000}],
         "hours": [every_day(("09:00", "17:00"))]},
        {"id": "33333333-0000-4000-8000-000000000012", "name": "Bob", "location": "11111111-0000-4000-8000-000000000012",
         "services": [{"service": "22222222-0000-4000-8000-000000000011"}], "hours": [every_day(("09:00", "17:00"))]},
        {"id": "33333333-0000-4000-8000-000000000013", "name": "Noor", "location": "11111111-0000-4000-8000-000000000011",
         "services": [{"service": "22222222-0000-4000-8000-000000000011"}],
         "hours": [every_day(("10:00", "12:00")),
                   every_day(("10:00", "12:00"), location="11111111-0000-4000-8000-000000000012")]},
        {"id": "33333333-0000-4000-8000-000000000014", "name": "Gone", "location": "11111111-0000-4000-8000-000000000011",
         "services": [{"service": "22222222-0000-4000-8000-000000000011"}], "hours": [every_day(("09:00", "17:00"))],
         "active": False},
    ],
}  # fmt: skip
THAMEL, BROOKLYN = ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")


def ids(kind: str) -> SimpleNamespace:
    """The world's ids by name."""
    return SimpleNamespace(**{one["name"].lower(): one["id"] for one in WORLD[kind]})


BUSINESSES = {"salon": SALON, "world": WORLD}
Template: TypeAlias = tuple[str, dict[str, str]]


@pytest.fixture(scope="module")
def furnished(server_url: str, template: str) -> Callable[[tuple[str, ...]], Awaitable[Template]]:
    """Makes databases with some of the businesses, the first being the oldest, that are only ever cloned, which is cheaper
    than importing for each test; and says the tenants' ids.
    """

    @functools.cache
    def of(names: tuple[str, ...]) -> asyncio.Task[Template]:
        return asyncio.ensure_future(make(names))

    async def make(names: tuple[str, ...]) -> Template:
        name = "_".join(("furnished", *names))
        connection = await asyncpg.connect(server_url)
        await connection.execute(f"create database {name} template {template}")
        await connection.close()
        database = await Database.open(on(server_url, name), PoolSettings())
        tenants = {}
        for business in names:
            file = salon_file.parse(json.dumps(BUSINESSES[business]))
            tenants[business] = (await importing.import_salon(database, file, lambda *_: None)).tenant_id
        await database.close()
        return name, tenants

    return of


@pytest.fixture
async def businesses(
    request: pytest.FixtureRequest, furnished: Callable[[tuple[str, ...]], Awaitable[Template]]
) -> Template:
    """The template with what the test asks for."""
    return await furnished(tuple(name for name in BUSINESSES if name in request.fixturenames))


@pytest.fixture
async def database_url(server_url: str, businesses: Template) -> AsyncIterator[str]:
    """A furnished database of this test's own."""
    name = f"reading_{next(counter)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {businesses[0]}")
    yield on(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
def salon(businesses: Template) -> Salon:
    """The salon, as it was imported."""
    return Salon(businesses[1]["salon"])


@pytest.fixture
def world(businesses: Template) -> SimpleNamespace:
    """The world, as it was imported: ids by name, and a day a week ahead."""
    named = vars(ids("locations")) | vars(ids("services")) | vars(ids("stylists"))
    return SimpleNamespace(**named, day=datetime.now(UTC).date() + timedelta(7))


@asynccontextmanager
async def serving(
    client: Client, database: Database, *, ttl: timedelta = timedelta(minutes=15)
) -> AsyncIterator[tuple[App, Client]]:
    """One more server, which hears of no change and starts with nothing in memory."""
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=ttl)
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    server = TestServer(application)
    await server.start_server()
    yield app, Client(client.http, str(server.make_url("/graphql")))
    await server.close()


@pytest.fixture
async def deaf(client: Client, database: Database) -> AsyncIterator[Client]:
    """A server that no notification reaches: it is right by checking versions, or not at all."""
    async with serving(client, database) as (_, its_client):
        yield its_client


@pytest.fixture(params=["heard", "unheard"])
def either(request: pytest.FixtureRequest, client: Client, deaf: Client) -> Client:
    """A server that hears of changes, and one that does not."""
    return client if request.param == "heard" else deaf


def asked(salon: Salon, **more: Any) -> dict[str, Any]:
    """Asha's cuts of the salon's day, unless said otherwise."""
    return {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day), **more}


async def read(client: Client, wanted: dict[str, Any], **who: Any) -> Any:
    """One availability."""
    return (await client.data(SLOTS, wanted, **who))["availableSlots"]


def told(availability: Any) -> Any:
    """An answer without what each reading has of its own."""
    return {**availability, "cache": availability["cache"]["version"]}


def statuses(availability: Any) -> dict[str, str]:
    """Status by start."""
    return {slot["startUtc"]: slot["status"] for slot in availability["slots"]}


def local_starts(day: date, zone: ZoneInfo, *, until: time = time(16)) -> list[datetime]:
    """The starts of 45 minutes that a 09:00 to 17:00 day has every half an hour, as the wall shows them."""
    first = datetime.combine(day, time(9), zone)
    starts = [first + timedelta(minutes=30 * n) for n in range(15)]
    assert starts[-1].time() == until
    return starts


def utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


async def clock(sql: Connection) -> datetime:
    now: datetime = await sql.fetchval("select clock_timestamp()")
    return now


# The places in which availability is asked for.


@pytest.mark.parametrize("zone", [None, "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"])
async def test_the_same_is_answered_in_every_place(client: Client, world: SimpleNamespace, zone: str | None) -> None:
    wanted = {"stylist": world.kamala, "service": world.cut, "date": str(world.day), "zone": zone}

    for freshness in ("VERIFIED", "CACHED", "BYPASS", None):
        answer = await client.data(PLACES, {**wanted, "services": [world.cut], "freshness": freshness})

        (offered,) = (one for one in answer["services"][0]["offerings"] if one["stylist"]["id"] == world.kamala)
        assert answer["stylist"]["one"] == answer["root"] == answer["stylist"]["days"][0] == offered["one"]
        assert told(await read(client, wanted)) == told(answer["root"])
        assert answer["root"]["freeCount"] == len(answer["root"]["slots"]) > 0


async def test_a_range_of_dates_is_a_day_each_both_ends_in(client: Client, world: SimpleNamespace) -> None:
    wanted = {"id": world.kamala, "service": world.cut, "from": str(world.day), "to": str(world.day + timedelta(61))}

    found = (await client.data(RANGE, wanted))["stylist"]["availability"]

    assert [one["date"] for one in found] == [str(world.day + timedelta(n)) for n in range(62)]
    open_days = (datetime.now(THAMEL).date() + timedelta(30) - world.day).days + 1  # the horizon is 30 days from today
    assert [one["freeCount"] for one in found] == [15] * open_days + [0] * (62 - open_days)


async def test_without_a_zone_a_date_is_the_locations(client: Client, world: SimpleNamespace) -> None:
    for stylist, zone in ((world.kamala, THAMEL), (world.bob, BROOKLYN)):
        found = await read(client, {"stylist": stylist, "service": world.cut, "date": str(world.day)})

        starts = local_starts(world.day, zone)
        assert found["timezone"] == zone.key
        assert [slot["startUtc"] for slot in found["slots"]] == [utc(start) for start in starts]
        assert [slot["startLocal"] for slot in found["slots"]] == [start.isoformat() for start in starts]
        assert [slot["endLocal"] for slot in found["slots"]] == [
            (start + timedelta(minutes=45)).isoformat() for start in starts
        ]


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu"])
async def test_a_date_with_a_zone_means_the_instants_of_that_date_there(
    client: Client, world: SimpleNamespace, zone: str
) -> None:
    there = ZoneInfo(zone)
    wanted = {"stylist": world.kamala, "service": world.cut, "date": str(world.day), "zone": zone}

    found = await read(client, wanted)

    around = [start for n in range(-2, 3) for start in local_starts(world.day + timedelta(n), THAMEL)]
    expected = [start.astimezone(there) for start in around if start.astimezone(there).date() == world.day]
    assert len(expected) in range(13, 18)  # 15 but for where clocks change
    assert [slot["startUtc"] for slot in found["slots"]] == [utc(start) for start in expected]
    assert [slot["startLocal"] for slot in found["slots"]] == [start.isoformat() for start in expected]
    assert [slot["display"] for slot in found["slots"]] == [
        start.strftime("%I:%M %p").lstrip("0") for start in expected
    ]
    assert found["timezone"] == zone
    begins_at = datetime.combine(world.day, time(), there).astimezone(UTC)
    assert found["freeStarts"] == [(start.astimezone(UTC) - begins_at) // timedelta(minutes=1) for start in expected]


async def test_a_date_that_touches_two_of_the_stylists_days_has_both_versions(
    client: Client, world: SimpleNamespace, sql: Connection
) -> None:
    wanted = {"stylist": world.kamala, "service": world.cut, "date": str(world.day)}
    before = numbers((await read(client, {**wanted, "zone": "America/New_York"}))["cache"]["version"])
    evening = datetime.combine(world.day + timedelta(1), time(9), THAMEL)  # still the day before in New York
    await take(sql, world.kamala, world.cut, evening, minutes=45)

    there = numbers((await read(client, {**wanted, "zone": "America/New_York"}))["cache"]["version"])
    at_home = numbers((await read(client, wanted))["cache"]["version"])
    next_day = numbers((await read(client, {**wanted, "date": str(world.day + timedelta(1))}))["cache"]["version"])

    assert (len(before), len(at_home)) == (3, 2)
    assert there == [*at_home, next_day[1]]
    assert there > before


async def take(
    sql: Connection, stylist: str, service: str, starts_at: datetime, *, minutes: int, status: str = "CONFIRMED"
) -> str:
    """A booking by raw SQL; its id."""
    booking: str = await sql.fetchval(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)"
        " select tenant_id, id, $2::text::uuid, home_location_id, $5, $3, $4, tstzrange($3, $4), 1 from stylists"
        " where id = $1::text::uuid returning id::text",
        *(stylist, service, starts_at, starts_at + timedelta(minutes=minutes), status),
    )
    return booking


async def test_a_stylist_of_two_places_has_each_places_own_times(client: Client, world: SimpleNamespace) -> None:
    found = await read(client, {"stylist": world.noor, "service": world.cut, "date": str(world.day)})

    shown = [(slot["location"]["name"], slot["startLocal"][11:]) for slot in found["slots"]]
    offset = datetime.combine(world.day, time(10), BROOKLYN).isoformat()[-6:]
    assert shown == [
        *(("Thamel", f"{wall}:00+05:45") for wall in ("10:00", "10:30", "11:00")),
        *(("Brooklyn", f"{wall}:00{offset}") for wall in ("10:00", "10:30", "11:00")),
    ]


async def test_midnight_and_noon_are_written_as_people_do(client: Client, salon: Salon, sql: Connection) -> None:
    await sql.execute("update schedule_hours set starts_minute = 0, ends_minute = 1440 where not is_break")

    found = await read(client, asked(salon, stylist=salon.bina))

    shown = {slot["startUtc"]: slot["display"] for slot in found["slots"]}
    at = [salon.at(0), salon.at(0, 30), salon.at(11, 30), salon.at(12), salon.at(13), salon.at(23, 30)]
    assert [shown[start] for start in at] == ["12:00 AM", "12:30 AM", "11:30 AM", "12:00 PM", "1:00 PM", "11:30 PM"]


async def test_prices_are_minor_units_of_the_tenants_currency(client: Client, world: SimpleNamespace) -> None:
    tenant = (await client.data("{ tenant { slug name currency timezone } }"))["tenant"]
    hers = await read(client, {"stylist": world.kamala, "service": world.cut, "date": str(world.day)})
    his = await read(client, {"stylist": world.bob, "service": world.cut, "date": str(world.day)})

    assert tenant == {"slug": "world", "name": "World", "currency": "NPR", "timezone": "Asia/Kathmandu"}
    assert {slot["priceCents"] for slot in hers["slots"]} == {180000}
    assert {slot["priceCents"] for slot in his["slots"]} == {150000}


async def test_a_slots_id_tells_stylist_service_and_start(client: Client, salon: Salon) -> None:
    found = [
        *(await read(client, asked(salon)))["slots"],
        *(await read(client, asked(salon, service=salon.colour)))["slots"],
    ]
    again = await read(client, asked(salon, zone="Asia/Kathmandu", freshness="BYPASS"))

    assert len({slot["id"] for slot in found}) == len(found)
    assert {slot["id"] for slot in again["slots"]} <= {slot["id"] for slot in found}


# What a slot is.


async def test_every_start_has_its_status_and_only_the_holder_sees_whose_hold_it_is(
    client: Client, salon: Salon
) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut}
    await client.data(HOLD, {"input": {**start, "startUtc": salon.at(10)}}, session="holder")
    await client.data(
        BOOK, {"input": {**start, "startUtc": salon.at(15), "customer": {"name": "Cleo"}}}, session="other"
    )

    seen = {who: await read(client, asked(salon), session=who) for who in ("holder", "other", None)}

    expected = {
        salon.at(10): "HELD",
        salon.at(15): "BOOKED",
        salon.at(12): "UNAVAILABLE",
        salon.at(12, 30): "UNAVAILABLE",
    }
    starts = [salon.at(hour, minute) for hour in range(9, 17) for minute in (0, 30)]
    for availability in seen.values():
        assert statuses(availability) == {one: expected.get(one, "AVAILABLE") for one in starts}
        assert [slot["isAvailable"] for slot in availability["slots"]] == [one not in expected for one in starts]
        assert availability["freeCount"] == len(starts) - len(expected)
    held = {who: [slot["startUtc"] for slot in one["slots"] if slot["heldByYou"]] for who, one in seen.items()}
    assert held == {"holder": [salon.at(10)], "other": [], None: []}


async def test_a_tokens_subject_and_a_session_of_the_same_name_are_two(
    client: Client, salon: Salon, staff_token: str
) -> None:
    wanted = {"input": {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10)}}
    await client.data(HOLD, wanted, token=staff_token, session=None)

    bearer = await read(client, asked(salon), token=staff_token, session="someone")
    session = await read(client, asked(salon), session="sita")

    assert [slot["startUtc"] for slot in bearer["slots"] if slot["heldByYou"]] == [salon.at(10)]
    assert not any(slot["heldByYou"] for slot in session["slots"])


@pytest.mark.parametrize(
    ("status", "starts"),
    [
        (None, 16),
        ([], 0),
        (["AVAILABLE"], 12),
        (["HELD"], 1),
        (["BOOKED"], 1),
        (["UNAVAILABLE"], 2),
        (["HELD", "BOOKED", "HELD"], 2),
        (["AVAILABLE", "HELD", "BOOKED", "UNAVAILABLE"], 16),
    ],
)
async def test_slots_by_status(client: Client, salon: Salon, status: list[str] | None, starts: int) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut}
    await client.data(HOLD, {"input": {**start, "startUtc": salon.at(10)}})
    await client.data(BOOK, {"input": {**start, "startUtc": salon.at(15), "customer": {"name": "Cleo"}}})
    query = (
        "query ($stylist: ID!, $service: ID!, $date: Date!, $status: [SlotStatus!]) {"
        " availableSlots(stylistId: $stylist, serviceId: $service, date: $date) {"
        " freeCount freeStarts slots(status: $status) { status } } }"
    )

    found = (await client.data(query, asked(salon, status=status)))["availableSlots"]

    assert len(found["slots"]) == starts
    assert {slot["status"] for slot in found["slots"]} <= set(status or ["AVAILABLE", "HELD", "BOOKED", "UNAVAILABLE"])
    assert found["freeCount"] == len(found["freeStarts"]) == 12


async def test_a_service_that_is_not_offered_and_a_day_off_are_empty(client: Client, world: SimpleNamespace) -> None:
    not_offered = await read(client, {"stylist": world.bob, "service": world.wash, "date": str(world.day)})
    long_ago = await read(client, {"stylist": world.bob, "service": world.cut, "date": "1980-02-29"})
    far_ahead = await read(
        client, {"stylist": world.bob, "service": world.cut, "date": "2199-12-31", "zone": "Asia/Tokyo"}
    )

    assert (not_offered["slots"], not_offered["freeCount"]) == ([], 0)
    assert {slot["status"] for slot in long_ago["slots"]} == {"UNAVAILABLE"}
    assert {slot["status"] for slot in far_ahead["slots"]} == {"UNAVAILABLE"}
    assert (long_ago["freeCount"], far_ahead["freeCount"]) == (0, 0)


async def test_what_is_not_on_sale_is_not_found(client: Client, world: SimpleNamespace) -> None:
    lookups = {
        f'stylist(id: "{world.gone}")': None,
        f'stylist(id: "{NOBODY}")': None,
        f'service(id: "{world.perm}")': None,
        f'service(id: "{NOBODY}")': None,
        f'booking(id: "{NOBODY}")': None,
    }
    for lookup, expected in lookups.items():
        assert await client.data(f"{{ found: {lookup} {{ id }} }}") == {"found": expected}

    for stylist, service in [
        (world.gone, world.cut),
        (NOBODY, world.cut),
        (world.bob, world.perm),
        (world.bob, NOBODY),
    ]:
        wanted = {"stylist": stylist, "service": service, "date": str(world.day)}
        assert await client.code(SLOTS, wanted) == "NOT_FOUND"


async def test_another_tenants_stylist_is_not_found(client: Client, salon: Salon, world: SimpleNamespace) -> None:
    theirs = {"stylist": world.bob, "service": world.cut, "date": str(world.day)}

    assert await client.code(SLOTS, theirs, tenant="testers") == "NOT_FOUND"
    assert await client.data(f'{{ stylist(id: "{world.bob}") {{ id }} }}', tenant="testers") == {"stylist": None}
    assert (await read(client, theirs, tenant="world"))["freeCount"] == 15
    assert (await client.data("{ tenant { slug } }"))["tenant"]["slug"] == "testers"  # the oldest is the default
    assert await client.code("{ tenant { slug } }", tenant="nowhere") == "NOT_FOUND"
    assert await client.code("{ tenant { slug } }", tenant="../world") == "NOT_FOUND"


# The first that are free.


async def first(client: Client, service: str, **more: Any) -> Any:
    return (await client.data(FIRST, {"service": service, **more}))["firstAvailable"]


async def test_the_first_free_starts_are_those_of_all_lists_together(client: Client, world: SimpleNamespace) -> None:
    query = (
        "query ($id: ID!, $from: Date!, $to: Date!) { service(id: $id) { offerings { stylist { name id ... on Stylist {"
        " availability(serviceId: $id, from: $from, to: $to) { slots(status: [AVAILABLE]) { startUtc } } } } } } }"
    )
    today = datetime.now(UTC).date()
    lists = await client.data(
        query, {"id": world.cut, "from": str(today - timedelta(1)), "to": str(today + timedelta(10))}
    )
    free = sorted(
        (slot["startUtc"], offering["stylist"]["id"], offering["stylist"]["name"])
        for offering in lists["service"]["offerings"]
        for one in offering["stylist"]["availability"]
        for slot in one["slots"]
    )

    found = await first(client, world.cut, limit=100)

    assert [(one["startUtc"], one["stylist"]["name"]) for one in found] == [
        (start, name) for start, _, name in free[:100]
    ]
    assert {one["location"]["name"] for one in found} == {"Thamel", "Brooklyn"}
    assert all(one["isAvailable"] for one in found)
    assert [one["startUtc"] for one in await first(client, world.cut)] == [start for start, _, _ in free[:10]]


async def test_the_first_of_some_stylists_at_a_place_from_an_instant(client: Client, world: SimpleNamespace) -> None:
    noon = datetime.combine(world.day, time(12), BROOKLYN)
    some = {"from": utc(noon), "stylists": [world.bob, world.noor]}

    both = await first(client, world.cut, **some, limit=3)
    in_brooklyn = await first(client, world.cut, **some, location=world.brooklyn, limit=12)
    in_thamel = await first(client, world.cut, **some, location=world.thamel, limit=2)
    exactly = await first(client, world.cut, **{**some, "from": noon.isoformat()}, limit=1)

    assert [(one["stylist"]["name"], one["startLocal"][:16]) for one in both] == [
        ("Bob", f"{world.day}T12:00"),
        ("Bob", f"{world.day}T12:30"),
        ("Bob", f"{world.day}T13:00"),
    ]
    assert [one["startLocal"][11:16] for one in in_brooklyn[9:]] == ["09:00", "09:30", "10:00"]
    assert [one["stylist"]["name"] for one in in_thamel] == ["Noor", "Noor"]
    assert [one["startLocal"][:16] for one in in_thamel] == [
        f"{world.day + timedelta(1)}T{at}" for at in ("10:00", "10:30")
    ]
    assert exactly[0]["startUtc"] == utc(noon)


async def test_ties_go_by_stylist(client: Client, salon: Salon) -> None:
    found = await first(client, salon.cut, **{"from": salon.at(9), "limit": 4})

    assert [(one["startUtc"], one["stylist"]["name"]) for one in found] == [
        (salon.at(9), "Asha"),
        (salon.at(9), "Bina"),
        (salon.at(9, 30), "Asha"),
        (salon.at(9, 30), "Bina"),
    ]


async def test_full_days_are_skipped_however_many(client: Client, salon: Salon, sql: Connection) -> None:
    now = await clock(sql)
    await off(sql, salon.asha, now - timedelta(2), now + timedelta(40))
    await off(sql, salon.bina, now - timedelta(2), now + timedelta(20))

    found = await first(client, salon.cut, limit=1)
    hers = await first(client, salon.cut, stylists=[salon.asha], limit=1)

    assert 20 <= (datetime.fromisoformat(found[0]["startUtc"]) - now).days <= 21
    assert 40 <= (datetime.fromisoformat(hers[0]["startUtc"]) - now).days <= 41


async def off(sql: Connection, stylist: str, starts_at: datetime, ends_at: datetime) -> None:
    """Time off by raw SQL."""
    await sql.execute(
        "insert into time_off (tenant_id, stylist_id, starts_at, ends_at)"
        " select tenant_id, id, $2, $3 from stylists where id = $1::text::uuid",
        *(stylist, starts_at, ends_at),
    )


async def test_none_at_all_is_an_empty_list(
    client: Client, salon: Salon, world: SimpleNamespace, sql: Connection
) -> None:
    beyond = utc(datetime.now(UTC) + timedelta(70))
    await off(sql, salon.asha, datetime(2020, 1, 1, tzinfo=UTC), datetime(2190, 1, 1, tzinfo=UTC))

    assert await first(client, salon.cut, stylists=[salon.asha]) == []
    assert await first(client, salon.cut, stylists=[]) == []
    assert await first(client, salon.cut, **{"from": beyond}) == []
    assert await first(client, salon.colour, stylists=[salon.bina]) == []
    assert (await client.data(FIRST, {"service": world.wash}, tenant="world"))["firstAvailable"] == []


async def test_the_past_is_not_the_first_that_is_free(client: Client, salon: Salon, sql: Connection) -> None:
    found = await first(client, salon.cut, **{"from": "1999-12-31T23:59:59Z", "limit": 1})

    assert datetime.fromisoformat(found[0]["startUtc"]) >= await clock(sql) - timedelta(seconds=WAIT_S)


@pytest.mark.parametrize("unknown", ["service", "stylists", "location"])
async def test_the_first_of_what_is_unknown_is_not_found(client: Client, salon: Salon, unknown: str) -> None:
    wanted = {"service": salon.cut, unknown: [NOBODY] if unknown == "stylists" else NOBODY}

    assert await client.code(FIRST, wanted) == "NOT_FOUND"


# Lists.


async def test_lists_are_by_name_and_hide_what_is_not_on_sale(client: Client, world: SimpleNamespace) -> None:
    answer = await client.data(
        "{ locations { name timezone stylists { name } } services { name offerings { stylist { name } priceCents } }"
        " stylists { name timezone locations { name } services { service { name } durationMinutes priceCents } } }"
    )

    assert answer["locations"] == [
        {"name": "Brooklyn", "timezone": "America/New_York", "stylists": [{"name": "Bob"}, {"name": "Noor"}]},
        {"name": "Thamel", "timezone": "Asia/Kathmandu", "stylists": [{"name": "Kamala"}, {"name": "Noor"}]},
    ]
    assert [service["name"] for service in answer["services"]] == ["Cut", "Wash"]
    assert sorted(one["stylist"]["name"] for one in answer["services"][0]["offerings"]) == ["Bob", "Kamala", "Noor"]
    assert answer["services"][1]["offerings"] == []
    assert [stylist["name"] for stylist in answer["stylists"]] == ["Bob", "Kamala", "Noor"]
    assert answer["stylists"][1]["services"] == [
        {"service": {"name": "Cut"}, "durationMinutes": 45, "priceCents": 180000}
    ]
    assert [place["name"] for place in answer["stylists"][2]["locations"]] == ["Thamel", "Brooklyn"]


async def test_a_service_says_all_that_it_is(client: Client, salon: Salon) -> None:
    fields = (
        "id name durationMinutes slotIntervalMinutes bufferBeforeMinutes bufferAfterMinutes priceCents minNoticeMinutes"
        " horizonDays"
    )

    answer = await client.data(f'{{ service(id: "{salon.colour}") {{ {fields} }} }}')

    assert answer["service"] == {
        "id": salon.colour,
        "name": "Colour",
        "durationMinutes": 90,
        "slotIntervalMinutes": 30,
        "bufferBeforeMinutes": 10,
        "bufferAfterMinutes": 20,
        "priceCents": 9000,
        "minNoticeMinutes": 0,
        "horizonDays": 60,
    }


async def stylists(client: Client, arguments: str) -> list[str]:
    found = (await client.data(f"{{ stylists{arguments} {{ name }} }}"))["stylists"]
    return [one["name"] for one in found]


async def test_a_list_by_ids_service_and_location(client: Client, world: SimpleNamespace) -> None:
    assert await stylists(client, f'(ids: ["{world.noor}", "{NOBODY}", "{world.bob}", "{world.bob}"])') == [
        "Bob",
        "Noor",
    ]
    assert await stylists(client, "(ids: [])") == []
    assert await stylists(client, f'(serviceId: "{world.wash}")') == []
    assert await stylists(client, f'(serviceId: "{world.cut}", locationId: "{world.brooklyn}")') == ["Bob", "Noor"]
    assert await stylists(client, f'(locationId: "{world.thamel}", ids: ["{world.bob}", "{world.noor}"])') == ["Noor"]
    assert await stylists(client, f'(serviceId: "{NOBODY}")') == []
    assert await stylists(client, "(ids: null, serviceId: null, locationId: null, limit: null, after: null)") == [
        "Bob",
        "Kamala",
        "Noor",
    ]


async def test_a_list_goes_on_after_the_last_of_the_page_before(client: Client, world: SimpleNamespace) -> None:
    pages, after = [], ""
    for _ in range(4):
        found = (await client.data(f"{{ stylists(limit: 2{after}) {{ id name }} }}"))["stylists"]
        if not found:
            break
        pages.append([one["name"] for one in found])
        after = f', after: "{found[-1]["id"]}"'

    assert pages == [["Bob", "Kamala"], ["Noor"]]
    assert [one["name"] for one in (await client.data("{ services(limit: 1) { name } }"))["services"]] == ["Cut"]
    assert await client.code(f'{{ stylists(after: "{world.gone}") {{ id }} }}') == "NOT_FOUND"
    assert await client.code(f'{{ services(after: "{world.bob}") {{ id }} }}') == "NOT_FOUND"


# Bookings.


async def test_a_booking_is_seen_by_its_maker_and_by_staff_alone(
    client: Client, salon: Salon, sql: Connection, staff_token: str
) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}
    made = (await client.data(BOOK, {"input": start}, session="maker"))["bookingCreate"]["id"]
    imported = await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(11)), minutes=30)
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(14)}
    held = (await client.data(HOLD, {"input": start}, session="maker"))["holdPlace"]["id"]

    async def seen(booking: str, **who: Any) -> Any:
        query = "query ($id: ID!) { booking(id: $id) { status customer { name } stylist { name } location { name } } }"
        return (await client.data(query, {"id": booking}, **who))["booking"]

    whole = {
        "status": "CONFIRMED",
        "customer": {"name": "Cleo"},
        "stylist": {"name": "Asha"},
        "location": {"name": "Here"},
    }
    assert await seen(made, session="maker") == await seen(made, token=staff_token) == whole
    assert await seen(made, session="other") is None
    assert await seen(made, session=None) is None
    assert await seen(imported, session=None) is None
    assert await seen(imported, session="maker") is None
    assert await seen(imported, token=staff_token) == {**whole, "customer": None}
    assert await seen(held, session="maker") is None
    assert await seen(held, token=staff_token) is None


async def test_bookings_are_a_callers_own_and_for_staff_everybodys(
    client: Client, salon: Salon, staff_token: str
) -> None:
    for hour, who, stylist in ((15, "one", salon.asha), (9, "two", salon.bina), (9, "one", salon.asha)):
        start = {"stylistId": stylist, "serviceId": salon.cut, "startUtc": salon.at(hour), "customer": {"name": who}}
        await client.data(BOOK, {"input": start}, session=who)
    query = (
        "query ($stylist: ID, $from: Date!, $to: Date!, $first: Int, $after: String) {"
        " bookings(stylistId: $stylist, from: $from, to: $to, first: $first, after: $after) {"
        " edges { cursor node { startUtc customer { name } } } pageInfo { hasNextPage endCursor } } }"
    )
    day = {"from": str(salon.day), "to": str(salon.day)}

    async def found(who: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
        edges, after = [], None
        while True:
            page = (await client.data(query, {**day, "after": after, **more}, **who))["bookings"]
            edges += page["edges"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            assert after == page["edges"][-1]["cursor"]
        return [(edge["node"]["startUtc"], edge["node"]["customer"]["name"]) for edge in edges]

    own = [(salon.at(9), "one"), (salon.at(15), "one")]
    assert await found({"session": "one"}) == await found({"session": "one"}, first=1) == own
    assert await found({"session": "three"}) == await found({"session": None}) == []
    for first_ in (1, 2, None):
        everybodys = await found({"token": staff_token}, first=first_)
        assert sorted(everybodys) == sorted([*own, (salon.at(9), "two")])
        assert everybodys[-1] == own[-1]
    assert await found({"token": staff_token}, stylist=salon.bina) == [(salon.at(9), "two")]
    assert await found({"session": "one"}, stylist=salon.bina) == []
    assert (
        await found({"session": "one"}, **{"from": str(salon.day + timedelta(1)), "to": str(salon.day + timedelta(9))})
        == []
    )


# How fresh an answer is: every claim of CacheInfo, tested.


def came(availability: Any) -> tuple[bool, str, bool]:
    cache = availability["cache"]
    return cache["hit"], cache["source"], cache["verified"]


async def test_where_an_answer_came_from_is_told_truly(client: Client, salon: Salon, sql: Connection) -> None:
    came_from = {}
    for step in ("cold", "warm", "after a change", "warm again"):
        if step == "after a change":
            await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(10)), minutes=30)
        came_from[step] = came(await read(client, asked(salon)))

    assert came_from == {
        "cold": (False, "DATABASE", True),
        "warm": (True, "MEMORY", True),
        "after a change": (False, "DATABASE", True),
        "warm again": (True, "MEMORY", True),
    }


async def test_cached_never_says_verified_and_bypass_is_always_computed(client: Client, salon: Salon) -> None:
    assert came(await read(client, asked(salon, freshness="CACHED"))) == (False, "DATABASE", False)
    assert came(await read(client, asked(salon, freshness="CACHED"))) == (True, "MEMORY", False)
    assert came(await read(client, asked(salon, freshness="BYPASS"))) == (False, "DATABASE", True)
    assert came(await read(client, asked(salon, freshness="BYPASS"))) == (False, "DATABASE", True)
    assert came(await read(client, asked(salon, freshness="CACHED"))) == (True, "MEMORY", False)


async def test_another_service_and_zone_of_a_day_are_hits(client: Client, salon: Salon) -> None:
    await read(client, asked(salon))

    assert came(await read(client, asked(salon, service=salon.colour))) == (True, "MEMORY", True)
    assert came(await read(client, asked(salon, zone="Etc/UTC"))) == (True, "MEMORY", True)


async def test_an_answer_of_two_days_is_a_hit_only_if_both_are(client: Client, salon: Salon) -> None:
    await read(client, asked(salon))

    first_half = await read(client, asked(salon))
    half = await read(client, asked(salon, zone="Asia/Kathmandu"))
    whole = await read(client, asked(salon, zone="Asia/Kathmandu"))

    assert came(half) == (False, "DATABASE", True)
    assert came(whole) == (True, "MEMORY", True)
    assert (
        first_half["cache"]["computedAt"] == half["cache"]["computedAt"] == whole["cache"]["computedAt"]
    )  # the older of the two


async def test_instants_are_postgress_own(client: Client, salon: Salon, sql: Connection) -> None:
    before = await clock(sql)
    cold = await read(client, asked(salon))
    between = await clock(sql)
    warm = await read(client, asked(salon))
    after = await clock(sql)

    computed_at = datetime.fromisoformat(cold["cache"]["computedAt"])
    assert before <= computed_at <= between
    assert warm["cache"]["computedAt"] == cold["cache"]["computedAt"]
    for one in (cold, warm):
        assert datetime.fromisoformat(one["cache"]["expiresAt"]) == computed_at + timedelta(minutes=15)
    assert 0 <= cold["cache"]["ageSeconds"] <= (between - computed_at).total_seconds()
    hundredth = 0.01  # what an age is told in, rounded down
    assert (between - computed_at).total_seconds() - hundredth <= warm["cache"]["ageSeconds"]
    assert warm["cache"]["ageSeconds"] <= (after - computed_at).total_seconds()


async def test_age_goes_by_postgress_clock_when_nothing_is_checked_too(
    client: Client, salon: Salon, sql: Connection
) -> None:
    computed_at = datetime.fromisoformat((await read(client, asked(salon)))["cache"]["computedAt"])

    unchecked = await read(client, asked(salon, freshness="CACHED"))

    assert 0 <= unchecked["cache"]["ageSeconds"] <= (await clock(sql) - computed_at).total_seconds()


async def test_what_has_expired_is_computed_anew(client: Client, salon: Salon, database: Database) -> None:
    async with serving(client, database, ttl=timedelta(microseconds=1)) as (_, forgetful):
        found = [
            await read(forgetful, asked(salon, freshness=freshness)) for freshness in ("VERIFIED", "CACHED", "VERIFIED")
        ]

    assert [came(one) for one in found] == [
        (False, "DATABASE", True),
        (False, "DATABASE", False),
        (False, "DATABASE", True),
    ]
    assert len({one["cache"]["computedAt"] for one in found}) == 3


async def test_a_version_rises_with_each_change_and_never_goes_down(
    client: Client, salon: Salon, sql: Connection
) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}
    seen = [numbers((await read(client, asked(salon)))["cache"]["version"])]

    booking = (await client.data(BOOK, {"input": start}))["bookingCreate"]["id"]
    seen.append(numbers((await read(client, asked(salon)))["cache"]["version"]))
    await client.data(CANCEL, {"id": booking})
    seen.append(numbers((await read(client, asked(salon)))["cache"]["version"]))
    await sql.execute("update services set price_cents = 2500")
    seen.append(numbers((await read(client, asked(salon)))["cache"]["version"]))
    await sql.execute("delete from bookings")
    await sql.execute("delete from time_off; delete from schedule_hours where is_break")
    seen.append(numbers((await read(client, asked(salon)))["cache"]["version"]))

    for before, after in itertools.pairwise(seen):
        assert before < after
        assert all(low <= high for low, high in zip(before, after, strict=True))


async def test_a_version_is_of_its_own_day_and_stylist(client: Client, salon: Salon, sql: Connection) -> None:
    others = (asked(salon, date=str(salon.day + timedelta(3))), asked(salon, stylist=salon.bina))
    before = [(await read(client, one))["cache"]["version"] for one in others]

    await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(10)), minutes=30)

    after = [await read(client, one) for one in others]
    assert [one["cache"]["version"] for one in after] == before
    assert [came(one) for one in after] == [(True, "MEMORY", True)] * 2


# Never silently wrong.

WRITERS, PAIRS = 8, {"heard": 14, "unheard": 114}


@pytest.mark.parametrize("server", PAIRS)
async def test_a_verified_read_sees_every_write_that_was_done_before_it(
    client: Client, deaf: Client, salon: Salon, database_url: str, server: str
) -> None:
    """Each writer takes a start of the same day and gives it back, in turn, and looks at once whether its own change is
    there, while all others do the same: checks are shared, and a check that was sent before a write must not answer for it.
    """
    late: list[str] = []
    asker = client if server == "heard" else deaf

    async def write_then_read(number: int) -> None:
        start = datetime.fromisoformat(salon.at(9)) + timedelta(minutes=30 * number)
        connection = await asyncpg.connect(database_url, server_settings={"timezone": "UTC"})
        version, booking = [0, 0], None
        for pair in range(PAIRS[server]):
            if booking is None:
                booking = await take(connection, salon.bina, salon.cut, start, minutes=30)
            else:
                await connection.execute("delete from bookings where id = $1::text::uuid", booking)
                booking = None
            found = (await asker.data(BRIEF, asked(salon, stylist=salon.bina)))["availableSlots"]
            is_booked, newer = utc(start) in statuses(found), numbers(found["cache"]["version"])
            if is_booked is (booking is None) or newer < version or not found["cache"]["verified"]:
                late.append(f"writer {number}, pair {pair}, after {version}: {found}")
            version = newer
        await connection.close()

    await asyncio.gather(*(write_then_read(number) for number in range(WRITERS)))

    assert WRITERS * sum(PAIRS.values()) > 1_000
    assert late == []


BRIEF = """
query ($stylist: ID!, $service: ID!, $date: Date!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date) {
    slots(status: [BOOKED]) { startUtc status } cache { version verified }
  }
}
"""


async def test_a_check_that_was_sent_before_a_write_does_not_answer_for_it(
    deaf: Client, salon: Salon, sql: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One reader's check has its answer, which is long on its way; a write is done, and then another reader comes."""
    await read(deaf, asked(salon))
    is_answered, may_arrive, check = asyncio.Event(), asyncio.Event(), versions.now

    async def slow(*asked_for: Any, **more: Any) -> Any:
        answer = await check(*asked_for, **more)
        is_answered.set()
        await may_arrive.wait()
        return answer

    monkeypatch.setattr(versions, "now", slow)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        before = group.create_task(read(deaf, asked(salon)))
        await is_answered.wait()
        await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(10)), minutes=30)
        is_answered.clear()
        after = group.create_task(read(deaf, asked(salon)))
        await is_answered.wait()
        may_arrive.set()

    assert statuses(before.result())[salon.at(10)] == "AVAILABLE"
    assert statuses(after.result())[salon.at(10)] == "BOOKED"
    assert came(after.result()) == (False, "DATABASE", True)


async def test_a_cached_read_sees_raw_sql_within_a_second(client: Client, salon: Salon, sql: Connection) -> None:
    start = datetime.fromisoformat(salon.at(10))
    for expected in ["BOOKED", "AVAILABLE"] * 5:
        await read(client, asked(salon, freshness="CACHED"))
        if expected == "BOOKED":
            await take(sql, salon.asha, salon.cut, start, minutes=30)
        else:
            await sql.execute("delete from bookings")

        async with asyncio.timeout(1):
            while statuses(await read(client, asked(salon, freshness="CACHED")))[salon.at(10)] != expected:
                pass


async def test_a_cached_read_sees_the_servers_own_writes_at_once(client: Client, salon: Salon) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}
    for _ in range(8):
        await read(client, asked(salon, freshness="CACHED"))

        booking = (await client.data(BOOK, {"input": start}))["bookingCreate"]["id"]
        booked = await read(client, asked(salon, freshness="CACHED"))
        await client.data(CANCEL, {"id": booking})
        cancelled = await read(client, asked(salon, freshness="CACHED"))

        assert (statuses(booked)[salon.at(10)], statuses(cancelled)[salon.at(10)]) == ("BOOKED", "AVAILABLE")


async def test_a_cached_read_is_checked_while_changes_are_not_heard(
    deaf: Client, salon: Salon, sql: Connection
) -> None:
    await read(deaf, asked(salon, freshness="CACHED"))
    await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(10)), minutes=30)
    await sql.execute("update stylists set name = 'Asha Rai' where name = 'Asha'")

    found = await read(deaf, asked(salon, freshness="CACHED"))

    assert (statuses(found)[salon.at(10)], found["stylist"]["name"]) == ("BOOKED", "Asha Rai")
    assert not found["cache"]["verified"]


async def test_what_changed_while_nobody_listened_is_not_served_as_cached_afterwards(
    client: Client, salon: Salon, database: Database, sql: Connection
) -> None:
    async with serving(client, database) as (app, other):
        app.trust(True)
        wanted = asked(salon, freshness="CACHED")
        assert came(await read(other, wanted)) == (False, "DATABASE", False)
        app.trust(False)
        await sql.execute("update stylists set name = 'Asha Rai' where name = 'Asha'")
        await take(sql, salon.asha, salon.cut, datetime.fromisoformat(salon.at(10)), minutes=30)
        app.trust(True)

        found = [await read(other, wanted) for _ in range(2)]

    for one in found:
        assert (statuses(one)[salon.at(10)], one["stylist"]["name"]) == ("BOOKED", "Asha Rai")
    assert came(found[1]) == (True, "MEMORY", False)


LISTS = "{ tenant { name } locations { name } services { name priceCents } stylists { name services { service { name } } } }"
DIRECTORY_CHANGES = {
    "a stylist renamed": ("update stylists set name = 'Yara' where name = 'Asha'", "Yara", True),
    "a stylist added": (
        "insert into stylists (tenant_id, name, home_location_id) select tenant_id, 'Zoe', id from locations",
        "Zoe",
        True,
    ),
    "a stylist taken off sale": ("update stylists set active = false where name = 'Zoe'", "Zoe", False),
    "a stylist deleted": ("delete from stylists where name = 'Bina'", "Bina", False),
    "a service renamed": ("update services set name = 'Trim' where name = 'Cut'", "Trim", True),
    "a service's price": ("update services set price_cents = 4711 where name = 'Trim'", "4711", True),
    "an offering gone": (
        "delete from offerings using services s where s.id = service_id and s.name = 'Colour'",
        None,
        True,
    ),
    "a service taken off sale": ("update services set active = false where name = 'Colour'", "Colour", False),
    "a location renamed": ("update locations set name = 'There'", "There", True),
    "the tenant renamed": ("update tenants set name = 'Salon Zoe'", "Salon Zoe", True),
}


async def test_the_next_query_sees_a_change_of_the_directory(either: Client, salon: Salon, sql: Connection) -> None:
    missed = []
    for change, (statement, word, is_there) in DIRECTORY_CHANGES.items():
        before = await either.data(LISTS)
        assert await either.data(LISTS) == before

        await sql.execute(statement)

        after = await either.data(LISTS)
        if after == before or (word is not None and (word in json.dumps(after)) is not is_there):
            missed.append(change)
    assert missed == []


@pytest.mark.parametrize("freshness", ["VERIFIED", "BYPASS"])
async def test_names_beside_slots_are_as_fresh_as_the_slots(
    either: Client, salon: Salon, sql: Connection, freshness: str
) -> None:
    await read(either, asked(salon, freshness=freshness))
    await sql.execute("update stylists set name = 'Zoe' where name = 'Asha'")
    await sql.execute("update services set name = 'Trim' where name = 'Cut'")

    found = await read(either, asked(salon, freshness=freshness))

    assert (found["stylist"]["name"], found["service"]["name"]) == ("Zoe", "Trim")


async def test_a_stylist_added_by_raw_sql_can_be_asked_for_at_once(
    either: Client, salon: Salon, sql: Connection
) -> None:
    assert await either.code(SLOTS, asked(salon, stylist=NOBODY)) == "NOT_FOUND"

    await sql.execute(
        f"insert into stylists (tenant_id, id, name, home_location_id) select tenant_id, '{NOBODY}', 'New', id from locations"
    )

    assert (await read(either, asked(salon, stylist=NOBODY)))["stylist"]["name"] == "New"


async def test_a_tenants_new_slug_holds_at_once(either: Client, salon: Salon, sql: Connection) -> None:
    assert (await either.data("{ tenant { name } }", tenant="testers"))["tenant"]["name"] == "Testers"

    await sql.execute("update tenants set slug = 'renamed'")

    assert await either.code("{ tenant { name } }", tenant="testers") == "NOT_FOUND"
    assert (await either.data("{ tenant { name } }", tenant="renamed"))["tenant"]["name"] == "Testers"
    assert (await either.data("{ tenant { slug } }"))["tenant"]["slug"] == "renamed"


async def test_a_slug_that_went_to_another_tenant_is_the_others_at_once(
    either: Client, salon: Salon, world: SimpleNamespace, sql: Connection
) -> None:
    for slug in ("testers", "world"):
        await either.data("{ tenant { name } }", tenant=slug)

    await sql.execute(
        "update tenants set slug = 'between' where slug = 'testers'; update tenants set slug = 'testers' where slug = 'world';"
        "update tenants set slug = 'world' where slug = 'between'"
    )

    assert (await either.data("{ tenant { name } }", tenant="testers"))["tenant"]["name"] == "World"
    assert (await either.data("{ tenant { name } }", tenant="world"))["tenant"]["name"] == "Testers"


async def test_nothing_is_written_for_a_tenant_whose_slug_is_gone(deaf: Client, salon: Salon, sql: Connection) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}
    await deaf.data("{ tenant { name } }", tenant="testers")
    await sql.execute("update tenants set slug = 'renamed'")

    assert await deaf.code(BOOK, {"input": start}, tenant="testers") == "NOT_FOUND"
    assert await sql.fetchval("select count(*) from bookings") == 0


async def test_a_deleted_tenant_is_not_found(either: Client, salon: Salon, sql: Connection) -> None:
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}
    await read(either, asked(salon))
    await sql.execute("delete from tenants")

    assert await either.code(BOOK, {"input": start}) == "NOT_FOUND"
    assert await either.code(SLOTS, asked(salon)) == "NOT_FOUND"
    assert await either.code(SLOTS, asked(salon, freshness="CACHED")) == "NOT_FOUND"


# Postgres away.


async def test_without_postgres_memory_is_served_and_says_that_it_is_unverified(
    client: Client, salon: Salon, database: Database
) -> None:
    known = await read(client, asked(salon))

    async with away(database):
        verified = await read(client, asked(salon))
        cached = await read(client, asked(salon, freshness="CACHED"))
        lists = await client.data(LISTS)

    assert (verified["slots"], verified["cache"]["version"]) == (known["slots"], known["cache"]["version"])
    assert came(verified) == came(cached) == (True, "MEMORY", False)
    assert [one["name"] for one in lists["stylists"]] == ["Asha", "Bina"]
    assert came(await read(client, asked(salon))) == (True, "MEMORY", True)


async def test_without_postgres_what_is_not_in_memory_is_unavailable(
    client: Client, salon: Salon, database: Database
) -> None:
    await read(client, asked(salon))
    start = {"stylistId": salon.asha, "serviceId": salon.cut, "startUtc": salon.at(10), "customer": {"name": "Cleo"}}

    async with away(database):
        for more in ({"stylist": salon.bina}, {"freshness": "BYPASS"}, {"stylist": salon.bina, "freshness": "CACHED"}):
            answer = await client.post(SLOTS, asked(salon, **more))
            assert answer["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfterSeconds": 1}
        async with client.http.post(
            client.url, json={"query": SLOTS, "variables": asked(salon, freshness="BYPASS")}
        ) as response:
            assert response.headers["Retry-After"] == "1"
        own = {"Accept": "application/graphql-response+json", "X-Tenant": "elsewhere"}
        async with client.http.post(client.url, json={"query": "{ tenant { slug } }"}, headers=own) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
        range_ = {"id": salon.asha, "service": salon.cut, "from": str(salon.day), "to": str(salon.day + timedelta(1))}
        assert await client.code(RANGE, range_) == "UNAVAILABLE"  # of which one day is in memory
        assert await client.code(BOOK, {"input": start}) == "UNAVAILABLE"
        assert await client.code(f'{{ booking(id: "{NOBODY}") {{ id }} }}') == "UNAVAILABLE"
        assert await client.code("{ tenant { slug } }", tenant="elsewhere") == "UNAVAILABLE"

    assert (await read(client, asked(salon, stylist=salon.bina)))["freeCount"] == 16


@asynccontextmanager
async def frozen(sql: Connection) -> AsyncIterator[None]:
    """Backends that neither answer nor hang up, as of a machine that is stuck."""
    rows = await sql.fetch(
        "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    for row in rows:
        os.kill(row["pid"], signal.SIGSTOP)
    try:
        yield
    finally:
        for row in rows:
            os.kill(row["pid"], signal.SIGCONT)


async def test_a_postgres_that_is_stuck_costs_one_wait_and_then_none(
    client: Client, salon: Salon, sql: Connection
) -> None:
    await read(client, asked(salon))
    waits = []

    async with frozen(sql):
        for _ in range(5):
            began = monotonic()
            assert came(await read(client, asked(salon))) == (True, "MEMORY", False)
            waits.append(monotonic() - began)

    assert waits[0] > CHECK_S
    assert max(waits[1:]) < CHECK_S / 2
    async with asyncio.timeout(10):
        while came(await read(client, asked(salon))) != (True, "MEMORY", True):
            await asyncio.sleep(0.1)


async def test_a_server_that_starts_without_postgres_is_unavailable(
    deaf: Client, salon: Salon, database: Database
) -> None:
    async with away(database):
        assert await deaf.code("{ tenant { slug } }") == "UNAVAILABLE"

    assert (await deaf.data("{ tenant { slug } }"))["tenant"]["slug"] == "testers"
