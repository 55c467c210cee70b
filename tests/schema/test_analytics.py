"""Analytics: figures by date of the business's zone, one statement each, from the replica if there is one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from db.pool import Database, PoolSettings
from ops import running
from resolvers import app as wiring
from resolvers.app import Limits
from tests.conftest import TOKENS, Client, on

if TYPE_CHECKING:
    from tests.conftest import Salon

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FIELDS = {
    "popularTimes": "date hour bookings",
    "leadTimes": "date bookings averageMinutes medianMinutes",
    "conversion": "date answers callers held holders booked bookers heldAndBooked holdRate confirmRate bookingRate",
    "demand": "date hour service { name } asked empty",
    "refused": "date service { name } reason times",
    "utilisation": "date stylist { name } bookings bookedMinutes openMinutes utilisation",
    "noShows": "date completed noShows cancelled noShowRate",
    "revenueByService": "date service { name } bookings earnedCents expectedCents",
    "revenueByRule": "date rule bookings earnedCents expectedCents",
}
STATEMENTS = {
    "popularTimes": "popular_times",
    "leadTimes": "lead_times",
    "conversion": "conversion",
    "demand": "demand",
    "refused": "refused_demand",
    "utilisation": "day_facts",
    "noShows": "no_shows",
    "revenueByService": "revenue_by_service",
    "revenueByRule": "revenue_by_rule",
}
INSERT = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents, holder,
                      expires_at, created_at, price_trace, payment_due_at)
select $1, $2, $3, $4, $5, $6::timestamptz, $6 + interval '30 minutes', tstzrange($6, $6 + interval '30 minutes'), $7, $8, $9,
       $10::timestamptz, $11::jsonb, $12
"""
# In Kathmandu, 5:45 ahead, 18:15 is midnight: the two belong to two dates there, and to one in UTC.
LATE, MIDNIGHT = datetime(2030, 1, 15, 18, 0, tzinfo=UTC), datetime(2030, 1, 15, 18, 15, tzinfo=UTC)
SAME, NEXT = "2030-01-15", "2030-01-16"
PEAK = json.dumps({"base_cents": 1000, "rules": [["Peak", 2000], ["Winter", -1000]]})


@pytest.fixture
async def books(salon: Salon, sql: Connection) -> Any:
    """Writes bookings of a business in Kathmandu."""
    await sql.execute("update tenants set timezone = 'Asia/Kathmandu'")

    async def book(
        at: datetime,
        status: str = "COMPLETED",
        *,
        price: int = 1000,
        holder: str | None = None,
        held: bool = False,
        made: datetime | None = None,
        trace: str | None = None,
        due: datetime | None = None,
        stylist: str | None = None,
    ) -> None:
        made = made or at - timedelta(hours=2)
        await sql.execute(
            *(INSERT, salon.tenant, stylist or salon.asha, salon.cut, salon.location, status, at, price, holder),
            *(made + timedelta(minutes=10) if held else None, made, trace, due),
        )

    return book


async def ask(client: Client, token: str, field: str, first: str = SAME, last: str = NEXT) -> Any:
    query = (
        f"query ($from: Date!, $to: Date!) {{ analytics(from: $from, to: $to) {{ {field} {{ {FIELDS[field]} }} }} }}"
    )
    return (await client.data(query, {"from": first, "to": last}, token=token))["analytics"][field]


async def test_dates_are_the_businesss(client: Client, books: Any, staff_token: str) -> None:
    await books(LATE)
    await books(MIDNIGHT, stylist="33333333-0000-4000-8000-000000000002")
    await books(MIDNIGHT + timedelta(hours=1), "CANCELLED")

    whole = await ask(client, staff_token, "popularTimes")
    first = await ask(client, staff_token, "popularTimes", SAME, SAME)

    assert whole == [{"date": SAME, "hour": 23, "bookings": 1}, {"date": NEXT, "hour": 0, "bookings": 1}]
    assert first == whole[:1]


async def test_lead_times(client: Client, books: Any, staff_token: str) -> None:
    made = MIDNIGHT
    for hours in (1, 2, 9):
        await books(made + timedelta(hours=hours), made=made)

    (found,) = await ask(client, staff_token, "leadTimes")

    assert found == {"date": NEXT, "bookings": 3, "averageMinutes": 240, "medianMinutes": 120}


async def test_conversion_goes_from_what_was_shown_to_what_was_booked(
    client: Client, books: Any, salon: Salon, staff_token: str, sql: Connection
) -> None:
    """Ann, Ben, Cleo and somebody looked; Ann held and booked, Ben held twice, Dan just booked."""
    for who, times in (("ann", 3), ("ben", 1), ("cleo", 1), (None, 2)):
        await sql.execute(
            "insert into offers (tenant_id, at, who, lists, times) values ($1, $2, offer_who($1, 'session:' || $3), '{}', $4)",
            *(salon.tenant, MIDNIGHT, who, times),
        )
    await books(MIDNIGHT, "CONFIRMED", holder="session:ann", held=True, made=MIDNIGHT)
    await books(MIDNIGHT, "RELEASED", holder="session:ben", held=True, made=MIDNIGHT)
    await books(MIDNIGHT, "RELEASED", holder="session:ben", held=True, made=MIDNIGHT)
    await books(MIDNIGHT + timedelta(hours=1), "CONFIRMED", holder="session:dan", made=MIDNIGHT)

    (found,) = await ask(client, staff_token, "conversion")

    assert found == {
        "date": NEXT,
        "answers": 7,
        "callers": 3,
        "held": 3,
        "holders": 2,
        "booked": 2,
        "bookers": 2,
        "heldAndBooked": 1,
        "holdRate": 2 / 3,
        "confirmRate": 1 / 3,
        "bookingRate": 2 / 3,
    }


async def test_demand_by_hour_also_where_hours_begin_within_ours(
    client: Client, books: Any, salon: Salon, staff_token: str, sql: Connection
) -> None:
    for minutes, asked, empty in ((-15, 5, 1), (0, 7, 0), (45, 2, 2), (60, 1, 0)):
        await sql.execute(
            "insert into demand values ($1, $2, $3, $4, $5)",
            *(salon.tenant, MIDNIGHT + timedelta(minutes=minutes), salon.cut, asked, empty),
        )

    found = await ask(client, staff_token, "demand")

    assert [(one["date"], one["hour"], one["asked"], one["empty"]) for one in found] == [
        (SAME, 23, 5, 1),
        (NEXT, 0, 9, 2),
        (NEXT, 1, 1, 0),
    ]


async def test_refused_demand_is_what_was_wanted_and_not_got(client: Client, salon: Salon, staff_token: str) -> None:
    hold = 'mutation { holdPlace(input: {stylistId: "%s", serviceId: "%s", startUtc: "%s"}) { __typename } }'
    for who, hour in (("ann", 9), ("ben", 9), ("cleo", 9), ("cleo", 3)):
        await client.data(hold % (salon.asha, salon.cut, salon.at(hour)), session=who)
    today = datetime.now(UTC).date()

    found = await ask(client, staff_token, "refused", str(today - timedelta(1)), str(today + timedelta(1)))

    totals = {(one["reason"], one["service"]["name"]): one["times"] for one in found}
    assert totals == {("SlotNotOffered", "Cut"): 1, ("SlotTaken", "Cut"): 2}


async def test_no_shows_and_what_was_not_paid_in_time(client: Client, books: Any, staff_token: str) -> None:
    for n, status in enumerate(["COMPLETED", "COMPLETED", "NO_SHOW", "CANCELLED", "CONFIRMED"]):
        await books(MIDNIGHT + timedelta(hours=n), status)
    await books(MIDNIGHT + timedelta(hours=9), "CONFIRMED", due=datetime(2020, 1, 1, tzinfo=UTC))

    (found,) = await ask(client, staff_token, "noShows")

    assert found == {"date": NEXT, "completed": 2, "noShows": 1, "cancelled": 2, "noShowRate": 1 / 3}


async def test_revenue(client: Client, books: Any, staff_token: str) -> None:
    await books(MIDNIGHT, "COMPLETED", price=1080, trace=PEAK)
    await books(MIDNIGHT + timedelta(hours=1), "CONFIRMED", price=500)
    await books(MIDNIGHT + timedelta(hours=2), "CANCELLED", price=7)
    await books(MIDNIGHT + timedelta(hours=3), "NO_SHOW", price=70)
    await books(MIDNIGHT + timedelta(hours=4), "CONFIRMED", price=700, due=datetime(2020, 1, 1, tzinfo=UTC))

    by_service = await ask(client, staff_token, "revenueByService")
    by_rule = await ask(client, staff_token, "revenueByRule")

    assert by_service == [
        {"date": NEXT, "service": {"name": "Cut"}, "bookings": 2, "earnedCents": 1080, "expectedCents": 500}
    ]
    assert [(one["rule"], one["bookings"], one["earnedCents"], one["expectedCents"]) for one in by_rule] == [
        (None, 1, 0, 500),
        ("Peak", 1, 1080, 0),
        ("Winter", 1, 1080, 0),
    ]


async def test_utilisation_of_every_stylists_every_date(client: Client, books: Any, staff_token: str) -> None:
    await books(datetime(2030, 1, 15, 9, tzinfo=UTC))

    found = await ask(client, staff_token, "utilisation")

    assert [(one["date"], one["stylist"]["name"], one["bookings"], one["openMinutes"]) for one in found] == [
        (SAME, "Asha", 1, 420),
        (SAME, "Bina", 0, 480),
        (NEXT, "Asha", 0, 420),
        (NEXT, "Bina", 0, 480),
    ]
    assert found[0]["utilisation"] == 30 / 420


async def test_a_business_without_stylists_has_no_utilisation(
    client: Client, salon: Salon, sql: Connection, staff_token: str
) -> None:
    await sql.execute("update stylists set active = false")

    assert await ask(client, staff_token, "utilisation") == []


@pytest.mark.parametrize("field", FIELDS)
async def test_each_costs_one_statement(
    client: Client, salon: Salon, staff_token: str, statements: list[str], field: str
) -> None:
    await client.data("{ tenant { name } }", token=staff_token)
    statements.clear()

    await ask(client, staff_token, field)

    assert [name for name in statements if name != "versions_now"] == [STATEMENTS[field]]


async def test_a_range_is_bounded(client: Client, salon: Salon, staff_token: str) -> None:
    query = '{ analytics(from: "2030-01-01", to: "2031-01-02") { timezone } }'

    assert await client.code(query, token=staff_token) == "BAD_INPUT"


@pytest.fixture
async def replicated(
    database: Database, salon: Salon, sql: Connection, server_url: str, template: str
) -> AsyncIterator[Client]:
    """A server with a replica, which knows of a booking that the database has forgotten, and takes no writes."""
    await sql.execute("create database replica template " + template)
    url = on(server_url, "replica")
    replica = await asyncpg.connect(url)
    for table in ("tenants", "locations", "services", "stylists"):
        rows = await sql.fetch(f"select r::text as row from {table} r")
        for row in rows:
            await replica.execute(f"insert into {table} select ($1::text::{table}).*", row["row"])
    await replica.execute(
        *(INSERT, salon.tenant, salon.asha, salon.cut, salon.location, "COMPLETED", LATE, 1000, None, None, LATE, None),
        None,
    )
    await replica.execute("alter database replica set default_transaction_read_only = on")
    await replica.close()
    reports = await Database.open(url, PoolSettings(size_min=0, size_max=2))
    app = wiring.build(
        database,
        default_tenant="",
        limits=Limits(),
        entries_max=1_000,
        ttl=timedelta(minutes=15),
        replica=reports,
    )
    server = TestServer(running.application(app, TOKENS, plans=True))
    await server.start_server()
    async with aiohttp.ClientSession() as http:
        yield Client(http, str(server.make_url("/graphql")))
    await server.close()
    await reports.close()
    await sql.execute("drop database replica with (force)")


async def test_reports_are_the_replicas_and_nothing_else_is(replicated: Client, salon: Salon, staff_token: str) -> None:
    popular = await ask(replicated, staff_token, "popularTimes")
    exported = replicated.url.replace("/graphql", f"/export/bookings.ndjson?from={SAME}&to={SAME}")
    async with replicated.http.get(exported, headers={"Authorization": f"Bearer {staff_token}"}) as response:
        lines = (await response.read()).splitlines()
    bookings = f'{{ bookings(from: "{SAME}", to: "{SAME}") {{ edges {{ node {{ id }} }} }} dashboard {{ completed }} }}'
    here = await replicated.data(bookings, token=staff_token)
    slots = f'{{ availableSlots(stylistId: "{salon.asha}", serviceId: "{salon.cut}", date: "{salon.day}") {{ freeCount }} }}'

    assert [one["bookings"] for one in popular] == [1]
    assert len(lines) == 1
    assert here["bookings"]["edges"] == []
    assert (await replicated.data(slots))["availableSlots"]["freeCount"] == 14  # the replica has no hours
