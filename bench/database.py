"""What facts cost to read: many stylist-days in one statement, a cold day in tables of any size, and the version check."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

import asyncpg

from bench.harness import Row, milliseconds, postgres
from db import days, migrate, versions
from db.pool import Database, PoolSettings

TODAY = date(2026, 12, 7)
TENANT = "00000000-0000-4000-8000-000000000001"
ROUNDS = 300

K = TypeVar("K", bound=Hashable)
Work = Callable[[Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Table:
    """So many bookings of so many stylists, eight a day each, from a day so many days from today on."""

    bookings: int
    stylists: int
    first: int = 0

    @property
    def name(self) -> str:
        return f"bench_{self.bookings}_{self.stylists}"

    def __str__(self) -> str:
        years = self.bookings / self.stylists / 8 / 365
        over = f", over {years:.1f} years" if years > 0.5 else ""
        return f"{self.bookings:,} bookings of {self.stylists} stylists{over}"


LARGE = Table(500_000, 200, -100)
TABLES = (Table(50, 200), Table(5_000, 200), LARGE, Table(500_000, 20, -3_000))

# A business of stylists who work from 9 to 5. Their bookings are half-hours with half an hour between: 8 a day.
SALON = f"""
insert into tenants (id, slug, name, timezone, currency) values ('{TENANT}', 'bench', 'Bench', 'Asia/Kathmandu', 'NPR');
insert into locations (tenant_id, id, name, timezone)
values ('{TENANT}', '00000000-0000-4000-8000-000000000002', 'Here', 'Asia/Kathmandu');
insert into services (tenant_id, id, name, duration_minutes, buffer_after_minutes, price_cents)
values ('{TENANT}', '00000000-0000-4000-8000-000000000003', 'Cut', 30, 10, 150000);
insert into stylists (tenant_id, id, name, home_location_id)
select '{TENANT}', ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'Stylist ' || n,
       '00000000-0000-4000-8000-000000000002'
  from generate_series(1, $stylists) n;
insert into offerings (tenant_id, stylist_id, service_id)
select tenant_id, id, '00000000-0000-4000-8000-000000000003' from stylists;
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
select tenant_id, id, home_location_id, weekday, 540, 1020 from stylists, generate_series(1, 7) weekday;
"""
# Stylist by stylist within a day, day after day: 50 bookings make one part of one day. Triggers and foreign keys are left out
# for loading, which would take them half an hour; the versions that they would have made are made at once.
BOOKINGS = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
select y.tenant_id, y.id, '00000000-0000-4000-8000-000000000003', y.home_location_id, 'CONFIRMED', at.at,
       at.at + interval '30 minutes', tstzrange(at.at, at.at + interval '40 minutes'), 150000
  from generate_series(0, $2::int - 1) n
  join lateral (select ('00000000-0000-4000-9000-' || lpad((1 + n / 8 % $3::int)::text, 12, '0'))::uuid as id) chosen on true
  join stylists y on y.tenant_id = $1 and y.id = chosen.id
  join lateral (select ($4::date + n / 8 / $3::int)::timestamp at time zone 'Asia/Kathmandu'
                       + interval '9 hours' + n % 8 * interval '1 hour' as at) at on true
"""
VERSIONS = """
insert into day_versions (tenant_id, stylist_id, on_date, version)
select tenant_id, stylist_id, (starts_at at time zone 'Asia/Kathmandu')::date, count(*) from bookings group by 1, 2, 3
"""


def run() -> list[Row]:
    """Everything, on one throw-away Postgres."""
    with postgres() as url:
        return asyncio.run(_run(url))


async def _run(url: str) -> list[Row]:
    databases = {table: await _database(url, table) for table in TABLES}
    async with databases[LARGE].connection() as connection:
        rows = [Row("Postgres", await connection.fetchval("show server_version"))]
    rows += await _batch(databases[LARGE])
    rows += await _cold_day(databases)
    rows += await _version_check(databases[LARGE])
    for database in databases.values():
        await database.close()
    return rows


async def _database(url: str, table: Table) -> Database:
    """A database of its own with such a table."""
    server = await asyncpg.connect(url)
    await server.execute(f"create database {table.name}")
    await server.close()
    own = url.replace("/postgres?", f"/{table.name}?")
    await migrate.migrate(own)
    connection = await asyncpg.connect(own)
    await connection.execute(SALON.replace("$stylists", str(table.stylists)))
    await connection.execute("set session_replication_role = replica")
    await connection.execute(BOOKINGS, TENANT, table.bookings, table.stylists, TODAY + timedelta(table.first))
    await connection.execute(VERSIONS)
    await connection.execute("vacuum analyze")
    await connection.close()
    return await Database.open(own, PoolSettings(statement_s=60))


async def _batch(database: Database) -> list[Row]:
    wanted = [(_stylist(n), TODAY + timedelta(offset)) for n in range(20) for offset in range(30)]
    asked = list(days.runs(wanted))

    async def query(connection: Any) -> None:
        await days.sql.day_facts(
            connection,
            tenant_id=TENANT,
            stylist_ids=[run.stylist_id for run in asked],
            from_days=[run.from_day for run in asked],
            until_days=[run.until_day for run in asked],
        )

    async def load(connection: Any) -> None:
        await days.load(connection, TENANT, wanted)

    found = await _medians({"query": (database, query), "load": (database, load)}, rounds=15, calls=1)
    return [
        Row("600 stylist-days in one statement, 4,800 bookings on them", milliseconds(found["query"])),
        Row("  and made into facts", milliseconds(found["load"])),
    ]


async def _cold_day(databases: Mapping[Table, Database]) -> list[Row]:
    """One stylist's day, whose eight bookings are the same in each table; the tables take turns."""

    async def load(connection: Any) -> None:
        _, found = await days.load(connection, TENANT, [(_stylist(0), TODAY)])
        assert len(found[_stylist(0), TODAY][1].busy) == 8

    works = {table: (database, load) for table, database in databases.items()}
    found = await _medians(works, rounds=ROUNDS // 20, calls=20)
    rows = [Row(f"a cold day among {table}", milliseconds(found[table])) for table in databases]
    spread = max(found.values()) / min(found.values())
    return [*rows, Row("  slowest / fastest", f"{spread:.2f}", "under 1.20")]


async def _version_check(database: Database) -> list[Row]:
    works: dict[int, tuple[Database, Work]] = {}
    for count in (1, 64, 256):
        keys = [(TENANT, _stylist(n % LARGE.stylists), TODAY + timedelta(n // LARGE.stylists)) for n in range(count)]

        async def check(connection: Any, keys: Any = keys) -> None:
            await versions.now(connection, keys)

        works[count] = database, check
    found = await _medians(works, rounds=ROUNDS // 20, calls=20)
    return [Row(f"version check of {count} stylist-days", milliseconds(found[count])) for count in works]


async def _medians(works: Mapping[K, tuple[Database, Work]], *, rounds: int, calls: int) -> dict[K, float]:
    """The median seconds of each work, the works taking turns; each on a connection that has settled on its plans."""
    samples: dict[K, list[float]] = {name: [] for name in works}
    async with AsyncExitStack() as stack:
        connections = {
            name: await stack.enter_async_context(database.connection()) for name, (database, _) in works.items()
        }
        for turn in range(rounds + 1):
            for name, (_, work) in works.items():
                times = await _times(work, connections[name], calls)
                samples[name] += times if turn else []  # the first turn warms up
    return {name: statistics.median(times) for name, times in samples.items()}


async def _times(work: Work, connection: Any, calls: int) -> list[float]:
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        await work(connection)
        times.append(time.perf_counter() - began)
    return times


def _stylist(number: int) -> str:
    return f"00000000-0000-4000-9000-{number + 1:012}"
