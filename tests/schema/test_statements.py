"""What an operation costs in SQL statements, counted at the funnel: the same however many stylists, days and services."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from db.pool import Database, PoolSettings
from resolvers import app as wiring
from resolvers import importing, salon_file, tokens
from resolvers.app import Limits
from schema.view import View
from tests.conftest import TOKENS, Client, Salon, on

STYLISTS, SERVICES, DAYS = 22, 3, 14
WEEK = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]

COLD = ["tenant_id_of", "directory", "day_facts"]
CHECKED = ["versions_now"]


def id_of(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number))


def chain() -> dict[str, Any]:
    """A business of many: two places, stylists who take turns between them, and all do everything."""
    places = [id_of(1, number) for number in range(2)]
    services = [id_of(2, number) for number in range(SERVICES)]
    return {
        "tenant": {"slug": "chain", "name": "Chain", "timezone": "Etc/UTC", "currency": "EUR"},
        "locations": [
            {"id": places[0], "name": "Here", "timezone": "Asia/Kathmandu"},
            {"id": places[1], "name": "There", "timezone": "America/New_York"},
        ],
        "services": [
            {"id": one, "name": f"Service {number}", "durationMinutes": 30 + 15 * number, "priceCents": 1000 + number}
            for number, one in enumerate(services)
        ],
        "stylists": [
            {
                "id": id_of(3, number),
                "name": f"Stylist {number:02}",
                "location": places[number % 2],
                "services": [{"service": one} for one in services],
                "hours": [{"days": WEEK, "windows": [["09:00", "13:00"]], "location": places[0]}],
            }
            for number in range(STYLISTS)
        ],
    }


@pytest.fixture(scope="module")
async def chain_url(server_url: str, template: str) -> AsyncIterator[str]:
    """A database with that business, which nothing here changes."""
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database chain template {template}")
    database = await Database.open(on(server_url, "chain"), PoolSettings())
    await importing.import_salon(database, salon_file.parse(json.dumps(chain())), lambda *_: None)
    await database.close()
    yield on(server_url, "chain")
    await connection.execute("drop database chain with (force)")
    await connection.close()


@pytest.fixture
async def chained(chain_url: str) -> AsyncIterator[Client]:
    """A server on it that has served nobody yet and trusts that it would hear of changes, and a client of it."""
    database = await Database.open(chain_url, PoolSettings())
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    app.trust(True)
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as http:
        yield Client(http, str(server.make_url("/graphql")))
    await server.close()
    await database.close()


def everything(days: int, *, freshness: str = "VERIFIED", zone: str | None = None) -> tuple[str, dict[str, Any]]:
    """A query for some stylists, on so many days, of all their services; and its variables but for how many stylists."""
    fields = "\n".join(
        f's{number}: availability(serviceId: "{id_of(2, number)}", from: $from, to: $to, timezone: $zone, freshness: $freshness)'
        " { date freeCount slots(status: [AVAILABLE]) { startUtc priceCents } cache { version verified } }"
        for number in range(SERVICES)
    )
    query = (
        "query ($stylists: Int, $from: Date!, $to: Date!, $zone: String, $freshness: Freshness) {"
        f" stylists(limit: $stylists) {{ name services {{ service {{ name }} }} {fields} }} }}"
    )
    first = datetime.now(UTC).date() + timedelta(3)
    last = first + timedelta(days - 1)
    return query, {"from": str(first), "to": str(last), "zone": zone, "freshness": freshness}


async def counted(
    client: Client, statements: list[str], query: str, variables: dict[str, Any] | None = None
) -> list[str]:
    """The statements that one operation runs."""
    statements.clear()
    await client.data(query, variables)
    return list(statements)


@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize(("stylists", "days"), [(2, 1), (20, DAYS)])
async def test_many_stylists_days_and_services_cost_what_few_do(
    chained: Client, statements: list[str], stylists: int, days: int, zone: str | None
) -> None:
    query, variables = everything(days, zone=zone)

    costs = [await counted(chained, statements, query, {**variables, "stylists": stylists}) for _ in range(3)]

    assert costs == [COLD, CHECKED, CHECKED]
    answer = (await chained.data(query, {**variables, "stylists": stylists}))["stylists"]
    found = [one for stylist in answer for number in range(SERVICES) for one in stylist[f"s{number}"]]
    assert len(found) == stylists * days * SERVICES
    assert all(one["freeCount"] == len(one["slots"]) > 0 for one in found)
    assert all(one["cache"]["verified"] for one in found)


@pytest.mark.parametrize(("stylists", "days"), [(2, 1), (20, DAYS)])
async def test_what_is_served_as_cached_costs_nothing(
    chained: Client, statements: list[str], stylists: int, days: int
) -> None:
    query, variables = everything(days, freshness="CACHED")

    costs = [await counted(chained, statements, query, {**variables, "stylists": stylists}) for _ in range(3)]

    assert costs == [COLD, [], []]


async def test_what_is_computed_anew_costs_one_for_all(chained: Client, statements: list[str]) -> None:
    query, variables = everything(DAYS, freshness="BYPASS")

    costs = [await counted(chained, statements, query, {**variables, "stylists": 20}) for _ in range(2)]

    assert costs == [COLD, ["day_facts", "versions_now"]]


async def test_only_what_is_missing_is_read_and_all_of_it_at_once(chained: Client, statements: list[str]) -> None:
    query, variables = everything(DAYS)
    await chained.data(query, {**variables, "stylists": 10})

    cost = await counted(chained, statements, query, {**variables, "stylists": 20})

    assert cost == ["versions_now", "day_facts"]


MIXED = """
query ($stylist: ID!, $other: ID!, $service: ID!, $date: Date!, $from: Date!, $to: Date!) {
  tenant { name }
  locations { name stylists { name availableSlots(serviceId: $service, date: $date) { freeCount } } }
  stylists(limit: 200) { name locations { name } }
  root: availableSlots(stylistId: $stylist, serviceId: $service, date: $date) { freeCount stylist { name } }
  elsewhere: availableSlots(stylistId: $other, serviceId: $service, date: $date, timezone: "Pacific/Auckland") { freeCount }
  one: stylist(id: $stylist) { availability(serviceId: $service, from: $from, to: $to) { freeCount } }
  services { name offerings { stylist { name } availableSlots(date: $date, timezone: "Europe/Berlin") { freeCount } } }
}
"""


async def test_roots_lists_and_what_is_nested_in_them_share_one_check(chained: Client, statements: list[str]) -> None:
    day = datetime.now(UTC).date() + timedelta(5)
    variables = {
        "stylist": id_of(3, 0),
        "other": id_of(3, 1),
        "service": id_of(2, 0),
        "date": str(day),
        "from": str(day - timedelta(2)),
        "to": str(day + timedelta(20)),
    }

    costs = [await counted(chained, statements, MIXED, variables) for _ in range(2)]

    assert costs == [COLD, CHECKED]


@pytest.mark.parametrize(
    ("days_ahead", "cold", "warm"), [(3, COLD, CHECKED), (7, [*COLD, "day_facts"], ["versions_now", "versions_now"])]
)
async def test_what_is_asked_of_an_answers_own_stylist_is_a_second_round_unless_it_was_read_already(
    chained: Client, statements: list[str], days_ahead: int, cold: list[str], warm: list[str]
) -> None:
    day = datetime.now(UTC).date() + timedelta(days_ahead)
    query = (
        f'{{ firstAvailable(serviceId: "{id_of(2, 0)}", limit: 20) {{ startUtc stylist {{'
        f' availableSlots(serviceId: "{id_of(2, 0)}", date: "{day}") {{ freeCount }} }} }} }}'
    )

    costs = [await counted(chained, statements, query) for _ in range(2)]

    assert costs == [cold, warm]


@pytest.mark.parametrize(
    ("query", "cold", "warm"),
    [
        ("{ tenant { name } }", COLD[:2], CHECKED),
        ("{ locations { name stylists { name services { service { name } } } } }", COLD[:2], CHECKED),
        ('{ firstAvailable(serviceId: "$service") { startUtc } }', COLD, CHECKED),
        ('{ a: stylist(id: "$stylist") { name } b: stylist(id: "$nobody") { name } }', COLD[:2], CHECKED),
        ('{ booking(id: "$nobody") { id } }', [*COLD[:2], "claim"], ["claim", "versions_now"]),
        (
            '{ bookings(from: "2030-01-01", to: "2030-12-31") { edges { node { id } } } }',
            [*COLD[:2], "bookings_between"],
            ["bookings_between", "versions_now"],
        ),
        ("{ dashboard { upcoming recent { what } } }", [*COLD[:2], "dashboard"], ["dashboard", "versions_now"]),
        ("{ __schema { queryType { name } } }", COLD[:2], CHECKED),
    ],
)
async def test_other_queries(
    chained: Client, statements: list[str], query: str, cold: list[str], warm: list[str]
) -> None:
    named = query.replace("$service", id_of(2, 0)).replace("$stylist", id_of(3, 0)).replace("$nobody", id_of(9, 9))

    costs = [await counted(chained, statements, named) for _ in range(2)]

    assert costs == [cold, warm]


async def test_a_change_costs_one_read_more(client: Client, salon: Salon, statements: list[str], sql: Any) -> None:
    query = f'{{ availableSlots(stylistId: "{salon.asha}", serviceId: "{salon.cut}", date: "{salon.day}") {{ freeCount }} }}'
    await client.data(query)

    await sql.execute("delete from schedule_hours where is_break")

    statements.clear()
    assert (await client.data(query))["availableSlots"]["freeCount"] == 16
    # What was heard of the change by then decides which of these are needed; none is asked for twice.
    assert set(statements) <= {"versions_now", "directory", "day_facts"}
    assert statements.count("directory") == statements.count("day_facts") == 1
    assert await counted(client, statements, query) == CHECKED


HOLD_ID = "{ __typename ... on Hold { id } }"
BOOKING_ID = "{ __typename ... on Booking { id } }"
HOLD = f"mutation ($input: HoldPlaceInput!) {{ done: holdPlace(input: $input) {HOLD_ID} }}"
RELEASE = f"mutation ($id: ID!) {{ done: holdRelease(holdId: $id) {HOLD_ID} }}"
CONFIRM = f"mutation ($input: BookingConfirmInput!) {{ done: bookingConfirm(input: $input) {BOOKING_ID} }}"
BOOK = f"mutation ($input: BookingCreateInput!) {{ done: bookingCreate(input: $input) {BOOKING_ID} }}"
MOVE = f"mutation ($input: BookingRescheduleInput!) {{ done: bookingReschedule(input: $input) {BOOKING_ID} }}"
CANCEL = f"mutation ($id: ID!) {{ done: bookingCancel(bookingId: $id) {BOOKING_ID} }}"

OWN = ["claim", "claim", "lock_days", "end_expired_holds", "claim"]
LEAVING = ["claim", "claim", "waitlist_anyone", "lock_days", "end_expired_holds", "claim"]


async def test_what_writes_cost(client: Client, salon: Salon, statements: list[str]) -> None:
    """Not counting begin and commit. The first is the check that what it goes by is current."""
    cost: dict[str, list[str]] = {}
    await client.data("{ tenant { name } }")

    async def did(what: str, mutation: str, **variables: Any) -> str:
        statements.clear()
        done = (await client.data(mutation, variables))["done"]
        cost[what] = list(statements)
        return str(done.get("id"))

    start = {"stylistId": salon.asha, "serviceId": salon.cut}
    cleo = {"customer": {"name": "Cleo"}}
    hold = await did("hold", HOLD, input={**start, "startUtc": salon.at(9)})
    await did("release", RELEASE, id=hold)
    hold = await did("hold with a key", HOLD, input={**start, "startUtc": salon.at(9), "idempotencyKey": "k"})
    await did("the same again", HOLD, input={**start, "startUtc": salon.at(9), "idempotencyKey": "k"})
    booking = await did("confirm", CONFIRM, input={"holdId": hold, **cleo})
    await did("move", MOVE, input={"bookingId": booking, "startUtc": salon.at(10)})
    await did("cancel", CANCEL, id=booking)
    await did("book", BOOK, input={**start, "startUtc": salon.at(9), **cleo})
    await did("refused", HOLD, input={**start, "startUtc": salon.at(9)})

    asked = ["versions_now", "lock_days", "own_holds", "day_facts"]
    assert cost == {
        "hold": [*asked, "end_expired_holds", "claim_insert", "audit"],
        "release": ["versions_now", *LEAVING, "claim_end", "audit"],
        "hold with a key": [
            "versions_now",
            "key_claim",
            *asked[1:],
            "end_expired_holds",
            "claim_insert",
            "key_store",
            "audit",
        ],
        "the same again": ["versions_now", "key_claim", "key_result"],
        "confirm": ["versions_now", *OWN, "customer_ensure", "claim_confirm", "audit"],
        "move": [
            "versions_now",
            "claim",
            "claim",
            "waitlist_anyone",
            "lock_days",
            "lock_days",
            "claim",
            "own_holds",
            "day_facts",
            "end_expired_holds",
            "claim_move",
            "audit",
        ],
        "cancel": ["versions_now", *LEAVING, "claim_end", "audit"],
        "book": [*asked, "customer_ensure", "end_expired_holds", "claim_insert", "audit"],
        "refused": [*asked, "audit", "day_facts"],
    }
