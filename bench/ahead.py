"""What being ahead of the asker costs and brings: `python -m bench.ahead`.

A night's work timed; then reads right after bookings; then the load of bench.http's different bodies with 1 % bookings, on a
server with warming and on one without, in turns.
"""

from __future__ import annotations

import asyncio
import random
import re
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from bench.database import SALON, TENANT
from bench.harness import Row, postgres, show
from bench.http import client, run, servers, works
from bench.http.bookings import Bookings
from bench.http.report import quantile
from bench.http.servers import Cores, Server
from cache.keys import DayKey
from cache.versioned import Freshness
from db import migrate
from db.listen import Listener
from db.pool import Database, PoolSettings
from domain import slots
from resolvers import app as wiring
from resolvers import nightly
from resolvers.app import App, Limits
from resolvers.context import Caller, Context, Role
from resolvers.warming import Warming

STYLISTS, DAYS = 100, 30
CHANGES = 400
SERVERS = {"--warming": "warmed", "--no-warming": "unwarmed"}
ROUNDS, SECONDS = 5, 4.0
BOOKED = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
select y.tenant_id, y.id, '00000000-0000-4000-8000-000000000003', y.home_location_id, 'CONFIRMED', at.at,
       at.at + interval '30 minutes', tstzrange(at.at, at.at + interval '40 minutes'), 150000
  from stylists y, generate_series(0, $1::int - 1) d, generate_series(0, 7) n,
       lateral (select ($2::date + d)::timestamp at time zone 'Asia/Kathmandu'
                       + interval '9 hours' + n * interval '1 hour' as at) at
"""
CHANGED = (
    "update bookings set status = case status when 'CONFIRMED' then 'CANCELLED' else 'CONFIRMED' end where id = $1"
)


def main() -> None:
    """Everything, on throw-away Postgres servers."""
    today = datetime.now(UTC).date()
    with postgres() as url:
        rows = asyncio.run(_alone(url, today))
    show(rows)
    show(_over_http(today))


async def _alone(url: str, today: date) -> list[Row]:
    await migrate.migrate(url)
    raw = await asyncpg.connect(url)
    await raw.execute(SALON.replace("$stylists", str(STYLISTS)))
    await raw.execute(BOOKED, DAYS, today)
    await raw.execute("vacuum analyze")
    rows = await _night(url, today)
    for is_warmed in (False, True):
        rows += await _after_changes(url, raw, today, is_warmed=is_warmed)
    await raw.close()
    return rows


@asynccontextmanager
async def _app(url: str) -> AsyncIterator[App]:
    database = await Database.open(url, PoolSettings(statement_s=60))
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    listener = Listener(url, app.hear, app.trust)
    listener.start()
    while not app.days.trusting:
        await asyncio.sleep(0.01)
    yield app
    await listener.stop()
    await app.close()
    await database.close()


async def _night(url: str, today: date) -> list[Row]:
    """At full speed, as availabilityRecalculate does it."""
    dates = [today + timedelta(n) for n in range(DAYS)]
    async with _app(url) as app:
        context = await Context.open(app, Caller(role=Role.SERVICE))
        found = [(await nightly.recalculate(context, None, dates)).seconds for _ in range(5)]
        now, began, count = app.clock.now(), time.perf_counter(), 0
        for entry in list(app.days._memory.values()):
            count += sum(len(slots.day_slots(entry.value, service, now).slots) for service in entry.value.terms)
        derived = time.perf_counter() - began
    what = f"{STYLISTS} stylists x {DAYS} days, 8 bookings each, read and made into facts"
    return [
        Row(what, f"{statistics.median(found):.2f} s", "under 30 s, meant to be 2 s"),
        Row(f"  and the {count:,} slots of them", f"{derived:.2f} s"),
    ]


async def _after_changes(url: str, raw: Any, today: date, *, is_warmed: bool) -> list[Row]:
    """A booking comes or goes on a popular day; at once, and once more, it is read, while others read."""
    first = second = 0
    async with _app(url) as app:
        warming = Warming(app, 0)
        popular = await raw.fetch(
            "select id, stylist_id::text, (starts_at at time zone 'Asia/Kathmandu')::date as day from bookings"
            " where (starts_at at time zone 'Asia/Kathmandu')::date = $1",
            today + timedelta(7),
        )
        keys = sorted({DayKey(TENANT, row["stylist_id"], row["day"]) for row in popular})
        reading = asyncio.create_task(_read_on(app, keys))
        async with warming.running() if is_warmed else nullcontext():
            await asyncio.sleep(0.5)
            for row in random.sample(popular, CHANGES):
                key = DayKey(TENANT, row["stylist_id"], row["day"])
                await raw.execute(CHANGED, row["id"])
                first += await _is_hit(app, key)
                second += await _is_hit(app, key)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    name = "with warming" if is_warmed else "without"
    return [
        Row(f"first read at once after a change of a popular day, {name}: hits", f"{first / CHANGES:.1%}"),
        Row("  second read", f"{second / CHANGES:.1%}", "at least 95 % with warming" if is_warmed else ""),
    ]


async def _read_on(app: App, keys: list[DayKey]) -> None:
    while True:
        await _is_hit(app, random.choice(keys))
        await asyncio.sleep(0.001)


async def _is_hit(app: App, key: DayKey) -> bool:
    app.demand.add([key])
    readings, _ = await app.days.read([key], Freshness.VERIFIED)
    hit: bool = readings[key].hit
    return hit


def _over_http(today: date) -> list[Row]:
    (work,) = [one for one in works.works(today, many=works.MANY_QUICK) if one.name == works.MANY_BOOKED_NAME]
    cores = Cores.of_machine()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chairtime-bench-")))
        with servers.on_core(cores.postgres):
            url = stack.enter_context(postgres())
            urls = {option: asyncio.run(_database(url, name, today)) for option, name in SERVERS.items()}
        stack.enter_context(servers.on_core(cores.load))
        started: dict[str, Server] = {}
        for option, own in urls.items():
            where = ["--port", "0", "--no-migrate", "--database-url", own, "--data-dir", str(folder / option[2:])]
            command = [sys.executable, str(servers.ROOT / "server.py"), "serve", *where, "--rate-limits", "off", option]
            running = servers.running(option, command, core=cores.server, log=folder / f"{option[2:]}.log")
            started[option] = stack.enter_context(running)
        figures: dict[str, list[tuple[float, float, float, float]]] = {one: [] for one in started}
        for number in range(ROUNDS + 1):
            for option, server in started.items():
                found = _turn(server, work)
                figures[option] += [found] if number else []  # the first warms up
    return [row for option, found in figures.items() for row in _rows(option, found)]


async def _database(url: str, name: str, today: date) -> str:
    """One of its own for each server: what one does must not keep the other busy."""
    raw = await asyncpg.connect(url)
    await raw.execute(f"create database {name}")
    await raw.close()
    own = url.replace("/postgres?", f"/{name}?")
    await run.prepare(own, today)
    return own


def _turn(server: Server, work: works.Work) -> tuple[float, float, float, float]:
    """Hit rate, p99 in ms, answers a second, and the share of the time that was spent on preparing."""
    reads = [client.encode(body, server.address) for body in work.bodies("VERIFIED")]
    with Bookings(server.address, work).among(reads) as requests:
        client.closed(server.address, requests, connections=work.connections, seconds=0.5)
        before = _numbers(server)
        load = client.closed(server.address, requests, connections=work.connections, seconds=SECONDS)
        after = _numbers(server)
    reads_ = {name: after.get(name, 0) - before.get(name, 0) for name in after}
    hits = sum(count for name, count in reads_.items() if name in ("memory", "redis"))
    misses = sum(count for name, count in reads_.items() if name in ("database", "joined"))
    spent = reads_.get("seconds", 0.0) / load.seconds
    return hits / (hits + misses), quantile(load.latencies, 0.99) * 1e3, load.rate, spent


SAMPLE = re.compile(
    r'^chairtime_cache_reads_total\{source="(\w+)"\} (\S+)|^chairtime_preparing_(seconds)_total (\S+)', re.M
)


def _numbers(server: Server) -> dict[str, float]:
    host, port = server.address
    with urllib.request.urlopen(f"http://{host}:{port}/metrics") as response:
        text = response.read().decode()
    return {one[0] or one[2]: float(one[1] or one[3]) for one in SAMPLE.findall(text)}


def _rows(option: str, found: list[tuple[float, float, float, float]]) -> Iterator[Row]:
    hits, p99, rate, spent = (statistics.median(values) for values in zip(*found, strict=True))
    yield Row(f"1 % bookings among 300 days, serve {option}: hit rate", f"{hits:.2%}", "at least 98 % with warming")
    yield Row("  p99", f"{p99:.2f} ms", "the same with and without")
    yield Row("  answers a second", f"{rate:,.0f}")
    yield Row("  share of the time spent on preparing", f"{spent:.1%}", "under 10 %")


if __name__ == "__main__":
    main()
