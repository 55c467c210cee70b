"""Two server processes on one Postgres and one Redis, as a front end sees them: what one computed, the other has."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cache.keys import DayKey
from cache.stores import Redis
from db import versions
from db.pool import Database, PoolSettings
from resolvers import app as wiring
from resolvers import tokens
from resolvers.app import App, Limits
from schema.view import View
from tests.conftest import TOKENS, Client, RedisServer, Salon, on

SLOTS = """
query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {
    freeCount slots { startUtc status priceCents } cache { hit source verified version computedAt expiresAt }
  }
}
"""
MANY = """
query ($service: ID!, $from: Date!, $to: Date!) {
  stylists { availability(serviceId: $service, from: $from, to: $to) { freeCount cache { source } } }
}
"""
BOOK = """
mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) { __typename }
}
"""


@dataclass(frozen=True)
class Process:
    """One server, and a client of it."""

    app: App
    client: Client

    async def slots(self, salon: Salon, freshness: str = "VERIFIED") -> Any:
        """Asha's cuts of the day, once what was computed has been stored."""
        asked = {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day), "freshness": freshness}
        found = (await self.client.data(SLOTS, asked))["availableSlots"]
        await self.settle()
        return found

    async def many(self, salon: Salon) -> Any:
        """Both stylists, a fortnight."""
        asked = {"service": salon.cut, "from": str(salon.day), "to": str(salon.day + timedelta(13))}
        found = (await self.client.data(MANY, asked))["stylists"]
        await self.settle()
        return found

    async def settle(self) -> None:
        if self.app.redis:
            await self.app.redis.idle()


@asynccontextmanager
async def serving(database: Database, url: str | None, **of: Any) -> AsyncIterator[Process]:
    """A server process that hears of no changes: what is right, is right by versions alone."""
    async with database.connection() as connection:
        lineage = await versions.lineage(connection)
    redis = Redis(url, **{"timeout_s": 0.5, "rest_s": 0.05, **of}) if url else None
    app = wiring.build(
        database,
        default_tenant="",
        limits=Limits(),
        entries_max=50_000,
        ttl=timedelta(minutes=15),
        redis=redis,
        lineage=lineage,
    )
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    server = TestServer(application)
    await server.start_server()
    async with aiohttp.ClientSession() as http:
        yield Process(app, Client(http, str(server.make_url("/graphql"))))
    await server.close()
    await app.close()


@pytest.fixture
async def start(database: Database, redis_server: RedisServer) -> AsyncIterator[Callable[..., Any]]:
    """Starts one more process."""
    async with AsyncExitStack() as running:

        async def start_(url: str | None = redis_server.url, **of: Any) -> Process:
            return await running.enter_async_context(serving(database, url, **of))

        yield start_


def said(found: Any) -> tuple[bool, str, bool]:
    return found["cache"]["hit"], found["cache"]["source"], found["cache"]["verified"]


async def test_a_second_process_has_what_the_first_computed(start: Any, salon: Salon) -> None:
    one, other = await start(), await start()

    first, second, third = await one.slots(salon), await other.slots(salon), await other.slots(salon)

    assert [said(found) for found in (first, second, third)] == [
        (False, "DATABASE", True),
        (True, "REDIS", True),
        (True, "MEMORY", True),
    ]
    assert first["slots"] == second["slots"] == third["slots"]
    assert first["freeCount"] > 0
    assert {name: first["cache"][name] for name in ("version", "computedAt", "expiresAt")} == {
        name: second["cache"][name] for name in ("version", "computedAt", "expiresAt")
    }


async def test_after_a_change_by_anyone_it_is_not_what_the_first_computed(
    start: Any, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    one, other = await start(), await start()
    await one.slots(salon)

    booked = await one.client.data(BOOK, {"stylist": salon.asha, "service": salon.cut, "start": salon.at(9)})
    after_booking = await other.slots(salon)
    await sql.execute("update bookings set status = 'CANCELLED', ended_at = now()")
    after_sql = await one.slots(salon)

    assert booked["bookingCreate"]["__typename"] == "Booking"
    assert (said(after_booking)[1], after_booking["slots"][0]["status"]) == ("DATABASE", "BOOKED")
    assert (said(after_sql)[1], after_sql["slots"][0]["status"]) == ("DATABASE", "AVAILABLE")


async def test_cached_has_it_too(start: Any, salon: Salon) -> None:
    one, other = await start(), await start()
    other.app.trust(True)
    await one.slots(salon)

    assert said(await other.slots(salon, "CACHED")) == (True, "REDIS", False)


async def test_bypass_computes_anew_and_agrees(start: Any, salon: Salon) -> None:
    one, other = await start(), await start()
    await one.slots(salon)
    await other.slots(salon)

    assert said(await other.slots(salon, "BYPASS")) == (False, "DATABASE", True)
    assert other.app.days.counts["mismatch"] == 0


async def test_a_copy_of_the_database_counts_versions_of_its_own(
    start: Any, salon: Salon, database_url: str, server_url: str, redis_server: RedisServer, database: Database
) -> None:
    one = await start()
    await one.slots(salon)
    name = database_url.partition("?")[0].rpartition("/")[2]
    await database.close()
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name}_copy template {name}")
    copy = await Database.open(on(server_url, f"{name}_copy"), PoolSettings())
    async with serving(copy, redis_server.url) as other:
        found = await other.slots(salon)
    await copy.close()
    await connection.execute(f"drop database {name}_copy with (force)")
    await connection.close()

    assert said(found) == (False, "DATABASE", True)


async def test_statements_of_many_stylist_days_with_redis_without_it_and_with_it_away(
    start: Any, salon: Salon, statements: list[str]
) -> None:
    async def counted(process: Process) -> list[str]:
        statements.clear()
        await process.many(salon)
        return list(statements)

    without, away = await start(None), await start("unix:///nowhere/redis.sock", rest_s=60)
    await away.slots(salon)
    away.app.days.drop_group((salon.tenant, salon.asha))
    first, second = await start(), await start()

    assert await counted(without) == ["tenant_id_of", "directory", "day_facts"]
    assert (await counted(away)).count("day_facts") == 1
    assert await counted(first) == ["tenant_id_of", "versions_now", "directory", "versions_now", "day_facts"]
    assert await counted(second) == ["tenant_id_of", "versions_now", "versions_now"]
    assert await counted(second) == ["versions_now"]


async def test_what_is_made_in_two_ways_is_the_same(start: Any, salon: Salon) -> None:
    one, other = await start(), await start()
    by_database = await one.many(salon)

    by_redis = await other.many(salon)

    def counts(answer: Any) -> list[int]:
        return [day["freeCount"] for stylist in answer for day in stylist["availability"]]

    def sources(answer: Any) -> set[str]:
        return {day["cache"]["source"] for stylist in answer for day in stylist["availability"]}

    assert (counts(by_database), sources(by_database), sources(by_redis)) == (counts(by_redis), {"DATABASE"}, {"REDIS"})


async def test_a_stalled_and_a_killed_redis_change_no_answer(
    start: Any, salon: Salon, redis_server: RedisServer
) -> None:
    one = await start(timeout_s=0.03, rest_s=0.2)
    key = DayKey(salon.tenant, salon.asha, salon.day)

    async def timed() -> tuple[float, Any]:
        one.app.days.drop(key)
        began = time.perf_counter()
        found = (await one.client.data(SLOTS, {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day)}))[
            "availableSlots"
        ]
        return time.perf_counter() - began, found

    right = await one.slots(salon)
    usual = median([(await timed())[0] for _ in range(30)])
    redis_server.stall()
    first, at_first = await timed()
    later = [await timed() for _ in range(60)]
    redis_server.go_on()
    sources = await until_found(timed)
    redis_server.kill()
    killed = [await timed() for _ in range(10)]
    redis_server.start()
    sources |= await until_found(timed)

    took = median([seconds for seconds, _ in later])
    print(f"\nusual {usual * 1e3:.1f} ms, stalled {first * 1e3:.1f}, then {took * 1e3:.1f}")
    assert first < usual + 0.08
    assert took < usual + 0.01
    for found in [at_first, *(found for _, found in [*later, *killed])]:
        assert (found["slots"], found["cache"]["verified"]) == (right["slots"], True)
    assert sources >= {"REDIS"}


async def until_found(timed: Callable[[], Any]) -> set[str]:
    """The sources until Redis is one of them."""
    sources: set[str] = set()
    end = datetime.now(UTC) + timedelta(seconds=10)
    while "REDIS" not in sources and datetime.now(UTC) < end:
        sources.add((await timed())[1]["cache"]["source"])
    return sources
