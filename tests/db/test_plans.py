"""What the hot statements read of tables that have grown: rows by index, as few as a day has, whichever way Postgres plans.

asyncpg prepares every statement, so Postgres may plan it for the values at hand or once for all of them; both are held.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import md5
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from db import bookings, days, pool, versions
from domain.model import BookingStatus, Slot, SlotStatus, Span, Terms
from domain.prices import PriceTrace

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

TODAY = date(2030, 1, 16)
NINE = datetime(2030, 1, 16, 9, tzinfo=UTC)
HALF_HOUR, HOUR = timedelta(minutes=30), timedelta(hours=1)

# A business of 100 stylists, two years of claims at 9 and 10 o'clock, time off and busy times every day; and many others.
# Triggers and foreign keys are left out: it is what they would have made.
LARGE = """
set session_replication_role = replica;
create function pg_temp.id(name text) returns uuid language sql as 'select md5(name)::uuid';
insert into tenants (id, slug, name, timezone, currency)
select pg_temp.id('tenant ' || n), 'tenant-' || n, 'Salon', 'Etc/UTC', 'EUR' from generate_series(0, 50) n;
insert into locations (tenant_id, id, name, timezone)
select pg_temp.id('tenant 0'), pg_temp.id('place ' || n), 'Place', 'Europe/Berlin' from generate_series(0, 2) n;
insert into services (tenant_id, id, name, duration_minutes, price_cents)
select pg_temp.id('tenant 0'), pg_temp.id('service ' || n), 'Service', 30, 100 from generate_series(0, 4) n;
insert into stylists (tenant_id, id, name, home_location_id)
select pg_temp.id('tenant 0'), pg_temp.id('stylist ' || n), 'Stylist', pg_temp.id('place 0') from generate_series(0, 99) n;
insert into offerings (tenant_id, stylist_id, service_id)
select y.tenant_id, y.id, s.id from stylists y, services s;
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
select tenant_id, id, home_location_id, weekday, 540, 1020 from stylists, generate_series(1, 7) weekday;
insert into directory_versions select id, 2 from tenants;
insert into stylist_versions select tenant_id, id, 3 from stylists;
insert into stylist_versions
select pg_temp.id('tenant ' || 1 + n % 50), pg_temp.id('another ' || n), 3 from generate_series(1, 20000) n;
insert into day_versions select tenant_id, id, $today + d, 5 from stylists, generate_series(-250, 249) d;
insert into time_off (tenant_id, stylist_id, starts_at, ends_at)
select tenant_id, id, $today + d * interval '1 day' + interval '5 hours', $today + d * interval '1 day' + interval '6 hours'
  from stylists, generate_series(-100, 100) d;
insert into busy_sources (tenant_id, stylist_id, source) select tenant_id, id, 'calendar' from stylists;
insert into busy_times (tenant_id, stylist_id, source, starts_at, ends_at)
select tenant_id, stylist_id, 'calendar', starts_at - interval '2 hours', ends_at - interval '2 hours' from time_off;
insert into bookings (tenant_id, id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents,
                      holder, expires_at)
select y.tenant_id, pg_temp.id(y.id::text || n), y.id, pg_temp.id('service 0'), y.home_location_id,
       case when n % 7 = 0 then 'CANCELLED' when n % 50 = 1 then 'HELD' else 'CONFIRMED' end,
       at.at, at.at + interval '30 minutes', tstzrange(at.at, at.at + interval '30 minutes'), 100, 'session:' || n % 100, at.at
  from stylists y, generate_series(0, 499) n,
       lateral (select $today + (n / 2 - 125) * interval '1 day' + interval '9 hours' + (n % 2) * interval '1 hour') at (at);
set session_replication_role = origin;
vacuum analyze
"""
LARGE_TABLES = ("bookings", "day_versions", "stylist_versions", "time_off", "busy_times")
READ = """
select relname, coalesce(seq_scan, 0) as scans, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as rows
  from pg_stat_xact_user_tables where relname = any($1)
"""


def id_(name: str) -> str:
    return str(uuid.UUID(md5(name.encode()).hexdigest()))


TENANT, ANA = id_("tenant 0"), id_("stylist 0")
CUT = id_("service 0")
BOOKED, HELD = id_(f"{ANA}249"), id_(f"{ANA}251")
OCCUPIED = Span(NINE, NINE + HALF_HOUR)
NOON = Slot(NINE + 3 * HOUR, NINE + 3 * HOUR + HALF_HOUR, id_("place 0"), SlotStatus.AVAILABLE, 100, False, None)
TERMS = Terms(CUT, HALF_HOUR, HALF_HOUR, HOUR / 6, HOUR / 6, HOUR, 60, 100)


@pytest.fixture(scope="module")
async def large(server_url: str, template: str) -> AsyncIterator[Connection]:
    """Another program's connection to a database that has grown."""
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database large template {template}")
    connection = await asyncpg.connect(
        urlunsplit(urlsplit(server_url)._replace(path="/large")), server_settings={"timezone": "UTC", "jit": "off"}
    )
    for statement in LARGE.replace("$today", f"date '{TODAY}'").split(";\n"):
        await connection.execute(statement)
    assert await connection.fetchval("select count(*) from bookings") == 50_000
    await connection.execute(f"set role {pool.SETTINGS['role']}")
    yield connection
    await connection.close()
    await server.execute("drop database large with (force)")
    await server.close()


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def connection(request: pytest.FixtureRequest, large: Connection) -> AsyncIterator[Connection]:
    """One whose statements are planned for their values or for all values, in a transaction that comes to nothing."""
    await large.execute(f"set plan_cache_mode = {request.param}")
    transaction = large.transaction()
    await transaction.start()
    await pool.become(large, TENANT)
    yield large
    await transaction.rollback()


class Reading:
    """What is read of the large tables while it is entered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.scans: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()

    async def __aenter__(self) -> Reading:
        for row in await self._connection.fetch(READ, LARGE_TABLES):
            self.scans[row["relname"]] -= row["scans"]
            self.rows[row["relname"]] -= row["rows"]
        return self

    async def __aexit__(self, *_error: object) -> None:
        for row in await self._connection.fetch(READ, LARGE_TABLES):
            self.scans[row["relname"]] += row["scans"]
            self.rows[row["relname"]] += row["rows"]


def batch(stylists: int, count: int) -> list[tuple[str, date]]:
    """So many stylists' days from today on."""
    return [(id_(f"stylist {n}"), TODAY + timedelta(offset)) for n in range(stylists) for offset in range(count)]


async def own_hold(connection: Connection) -> Any:
    return await bookings.own_holds(connection, TENANT, stylist_ids=[ANA], starts_at=NINE, holder="session:51")


async def insert(connection: Connection) -> Any:
    return await bookings.insert(
        connection,
        TENANT,
        stylist_id=ANA,
        slot=NOON,
        terms=TERMS,
        trace=PriceTrace(100, ()),
        holder="session:new",
        hold_ttl=HOUR,
        customer=None,
        notes=None,
    )


async def move(connection: Connection) -> Any:
    claim = await bookings.get(connection, TENANT, BOOKED)
    assert claim is not None
    return await bookings.move(connection, TENANT, claim, stylist_id=id_("stylist 1"), slot=NOON, terms=TERMS)


async def cancel(connection: Connection) -> Any:
    claim = await bookings.get(connection, TENANT, BOOKED)
    assert claim is not None
    return await bookings.end(connection, TENANT, claim, BookingStatus.CANCELLED)


async def take_time_off(connection: Connection) -> Any:
    """Raw SQL: what its triggers read."""
    return await connection.execute(
        "insert into time_off (tenant_id, stylist_id, starts_at, ends_at) values ($1, $2, $3, $4)",
        *(TENANT, ANA, NINE, NINE + HOUR),
    )


async def reprice(connection: Connection) -> Any:
    return await connection.execute("update services set price_cents = 7 where tenant_id = $1 and id = $2", TENANT, CUT)


# What is done, and how many rows of the large tables it may read, beside which 50,000 bookings and day versions, and
# 20,000 of the rest, stand out. Time off and busy times are read from today on, so those of 100 days.
HOT: list[tuple[str, Callable[[Connection], Awaitable[Any]], int]] = [
    ("one day", lambda c: days.load(c, TENANT, batch(1, 1)), 250),
    ("one month", lambda c: days.load(c, TENANT, batch(1, 30)), 350),
    ("a month of twenty", lambda c: days.load(c, TENANT, batch(20, 30)), 7_000),
    ("one version", lambda c: versions.now(c, [(TENANT, ANA, TODAY)]), 2),
    ("a directory's version", lambda c: versions.now(c, [(TENANT, None, None)]), 0),
    ("locking days", lambda c: bookings.lock(c, TENANT, ANA, OCCUPIED), 10),
    ("ending expired holds", lambda c: bookings.end_expired(c, TENANT, ANA, OCCUPIED), 10),
    ("a claim", lambda c: bookings.get(c, TENANT, BOOKED), 1),
    ("one's own hold", own_hold, 5),
    ("holding", insert, 10),
    ("moving", move, 15),
    ("cancelling", cancel, 10),
    ("raw time off", take_time_off, 5),
    ("a raw price", reprice, 100),  # raises all hundred stylists
]


@pytest.mark.parametrize(("what", "rows_max"), [(work, rows) for _, work, rows in HOT], ids=[name for name, *_ in HOT])
async def test_only_as_many_rows_are_read_as_it_takes_and_no_table_is_scanned(
    connection: Connection, what: Callable[[Connection], Awaitable[Any]], rows_max: int
) -> None:
    async with Reading(connection) as reading:
        await what(connection)

    assert +reading.scans == Counter()
    assert reading.rows.total() <= rows_max, reading.rows


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def literal(value: Any) -> str:
    """A value as EXECUTE takes it."""
    if isinstance(value, list):
        return "'{" + ",".join("null" if one is None else str(one) for one in value) + "}'"
    return f"'{value}'"


async def indexes(connection: Connection, statement: Any, *values: Any) -> set[str]:
    """The indexes of the large tables that a statement's plan goes through. Fails on a plan that scans one of them."""
    await connection.execute(f"prepare hot as {statement.sql}")
    try:
        explained = f"explain (format json) execute hot ({', '.join(map(literal, values))})"
        (top,) = json.loads(await connection.fetchval(explained))
    finally:
        await connection.execute("deallocate hot")
    plan = list(nodes(top["Plan"]))
    scanned = [one for one in plan if one["Node Type"] == "Seq Scan" and one["Relation Name"] in LARGE_TABLES]
    assert not scanned, scanned
    found = {one["Index Name"] for one in plan if "Index Name" in one}
    return {name for name in found if name.startswith(LARGE_TABLES)}


# The same columns, the second with ended claims too; and a holder's few claims by time.
CLAIMS_BY_DAY = {"bookings_live_idx", "bookings_stylist_idx", "bookings_holder_idx"}


@pytest.mark.parametrize(("stylists", "count"), [(1, 1), (20, 30)])
async def test_facts_are_found_by_stylist_and_time(connection: Connection, stylists: int, count: int) -> None:
    asked = list(days.runs(batch(stylists, count)))
    ids, first, last = (list(column) for column in zip(*asked, strict=True))

    used = await indexes(connection, days.sql.day_facts, TENANT, ids, first, last)

    by_day = {"day_versions_pkey", "time_off_stylist_idx", "busy_times_stylist_idx"}
    assert used == {"bookings_live_idx", "stylist_versions_pkey", *by_day}


@pytest.mark.parametrize("count", [1, 64, 256])
async def test_versions_are_found_by_key(large: Connection, count: int) -> None:
    """Planned as our own connections plan: for 256 values at hand Postgres would rather scan the stylists' versions."""
    await large.execute(f"set plan_cache_mode = {pool.SETTINGS['plan_cache_mode']}")
    keys = [(TENANT, stylist, day) for stylist, day in batch(20, 30)[:count]]

    async with large.transaction(), Reading(large) as reading:
        await versions.now(large, keys)

    assert +reading.scans == Counter()
    assert reading.rows.total() == 2 * count


async def test_claims_are_found_by_stylist_and_time(connection: Connection) -> None:
    span = (TENANT, ANA, OCCUPIED.starts_at, OCCUPIED.ends_at)

    assert await indexes(connection, bookings.sql.own_holds, TENANT, [ANA], NINE, "session:51") <= CLAIMS_BY_DAY
    assert await indexes(connection, bookings.sql.end_expired_holds, *span) <= CLAIMS_BY_DAY


async def test_a_claim_is_found_by_its_id(connection: Connection) -> None:
    assert await indexes(connection, bookings.sql.claim, TENANT, BOOKED) == {"bookings_pkey"}
