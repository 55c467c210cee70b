"""What facts cost to read: many stylist-days in one statement, a cold day in tables of any size, and the version check."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import asyncpg

from bench.harness import Row, postgres
from db import days, migrate, versions
from db.pool import Database, PoolSettings

TODAY = date(2026, 12, 7)
SIZES = (50, 5_000, 500_000)
STYLISTS = 200
TENANT = "00000000-0000-4000-8000-000000000001"
ROUNDS = 300

# A business of 200 stylists who work from 9 to 5. Their bookings are half-hours with half an hour between: 8 a day.
SALON = f"""
insert into tenants (id, slug, name, timezone, currency) values ('{TENANT}', 'bench', 'Bench', 'Asia/Kathmandu', 'NPR');
insert into locations (tenant_id, id, name, timezone)
values ('{TENANT}', '00000000-0000-4000-8000-000000000002', 'Here', 'Asia/Kathmandu');
insert into services (tenant_id, id, name, duration_minutes, buffer_after_minutes, price_cents)
values ('{TENANT}', '00000000-0000-4000-8000-000000000003', 'Cut', 30, 10, 150000);
insert into stylists (tenant_id, id, name, home_location_id)
select '{TENANT}', ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid, 'Stylist ' || n,
       '00000000-0000-4000-8000-000000000002'
  from generate_series(1, {STYLISTS}) n;
insert into offerings (tenant_id, stylist_id, service_id)
select tenant_id, id, '00000000-0000-4000-8000-000000000003' from stylists;
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
select tenant_id, id, home_location_id, weekday, 540, 1020 from stylists, generate_series(1, 7) weekday;
"""
# Stylist by stylist within a day, day after day from today on: 50 bookings make one part of one day, 500,000 most of a
# year of everybody's. The triggers are left out for loading; the versions they would make are not what is measured.
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


def run() -> list[Row]:
    """Everything, on one throw-away Postgres."""
    with postgres() as url:
        return asyncio.run(_run(url))


async def _run(url: str) -> list[Row]:
    databases = {size: await _database(url, size) for size in SIZES}
    rows = await _batch(databases[SIZES[-1]])
    rows += await _cold_day(databases)
    rows += await _version_check(databases[SIZES[-1]])
    for database in databases.values():
        await database.close()
    return rows


async def _database(url: str, size: int) -> Database:
    """A database of its own with so many bookings."""
    server = await asyncpg.connect(url)
    await server.execute(f"create database bench_{size}")
    await server.close()
    own = url.replace("/postgres?", f"/bench_{size}?")
    await migrate.migrate(own)
    connection = await asyncpg.connect(own)
    await connection.execute(SALON)
    await connection.execute("set session_replication_role = replica")
    await connection.execute(BOOKINGS, TENANT, size, STYLISTS, TODAY)
    await connection.execute("vacuum analyze")
    await connection.close()
    return await Database.open(own, PoolSettings(statement_s=60))


async def _batch(database: Database) -> list[Row]:
    wanted = [(_stylist(n), TODAY + timedelta(offset)) for n in range(20) for offset in range(30)]

    async def read(connection: Any) -> None:
        await days.load(connection, TENANT, wanted)

    seconds = await _median(database, read, rounds=15)
    return [Row("600 stylist-days in one statement, 4,800 bookings on them", f"{seconds * 1e3:.0f} ms")]


async def _cold_day(databases: dict[int, Database]) -> list[Row]:
    """One stylist's first day, whose eight bookings are the same in each table; the tables take turns."""
    samples: dict[int, list[float]] = {size: [] for size in databases}

    async def read(connection: Any) -> None:
        _, found = await days.load(connection, TENANT, [(_stylist(0), TODAY)])
        assert len(found[_stylist(0), TODAY][1].busy) == 8

    for _ in range(ROUNDS // 20):
        for size, database in databases.items():
            samples[size].append(await _median(database, read, rounds=20))
    found = {size: statistics.median(times) for size, times in samples.items()}
    rows = [Row(f"a cold day, {size:,} bookings in the table", f"{found[size] * 1e3:.2f} ms") for size in databases]
    spread = max(found.values()) / min(found.values())
    return [*rows, Row("  slowest / fastest", f"{spread:.2f}", "under 1.20")]


async def _version_check(database: Database) -> list[Row]:
    rows = []
    for count in (1, 64, 256):
        keys = [(TENANT, _stylist(n % STYLISTS), TODAY + timedelta(n // STYLISTS)) for n in range(count)]

        async def check(connection: Any, keys: Any = keys) -> None:
            await versions.now(connection, keys)

        seconds = await _median(database, check, rounds=ROUNDS)
        rows.append(Row(f"version check of {count} stylist-days", f"{seconds * 1e3:.2f} ms"))
    return rows


async def _median(database: Database, work: Callable[[Any], Awaitable[None]], *, rounds: int) -> float:
    """Median seconds on one connection, after enough calls for Postgres to have settled on a plan."""
    times = []
    async with database.connection() as connection:
        for _ in range(7):
            await work(connection)
        for _ in range(rounds):
            began = time.perf_counter()
            await work(connection)
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def _stylist(number: int) -> str:
    return f"00000000-0000-4000-9000-{number + 1:012}"
