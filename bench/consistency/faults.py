"""What breaks. A fault is one round of it: it strikes, and by its end all is well again."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import aiohttp
import asyncpg

from bench.consistency.servers import Redis, Server

SILENT_S = 3.0
CLOCK_OFF_S = 90
CLOCK_SET_MAX_S = 10.0
STOP_S = (1.0, 10.0)

# A listening connection's last statement is LISTEN or the heartbeat.
LISTENERS = """
select pid from pg_stat_activity
 where datname = current_database() and application_name = 'chairtime' and (query ilike 'listen%' or query = 'select 1')
"""
IS_IDLE = "select wait_event = 'ClientRead' from pg_stat_activity where pid = $1"


@dataclass(slots=True)
class World:
    """What a fault may break. stop_s: how long things are stopped, at least and at most. rest_s: how long a fault is watched.

    stops: readers that were, by number, from when till when.
    """

    sql: asyncpg.Connection[asyncpg.Record]
    http: aiohttp.ClientSession
    readers: list[Server]
    redis: Redis
    stop_s: tuple[float, float] = STOP_S
    rest_s: float = 1.0
    stops: list[tuple[int, float, float]] = field(default_factory=list)


async def nothing(world: World) -> None:
    await asyncio.sleep(world.rest_s)


async def listen_killed(world: World) -> None:
    for row in await world.sql.fetch(LISTENERS):
        await world.sql.execute("select pg_terminate_backend($1)", row["pid"])
    await asyncio.sleep(world.rest_s)


async def listen_black_holed(world: World) -> None:
    """Who listens is not refused and not told anything, as behind a network that lost the connection; the next to listen neither.

    It is their Postgres process that stops, while it waits for its client: so it holds no lock that others need.
    """
    silent: set[int] = set()
    until = time.monotonic() + SILENT_S
    try:
        while time.monotonic() < until:
            for row in await world.sql.fetch(LISTENERS):
                if row["pid"] not in silent and await _silence(world, row["pid"]):
                    silent.add(row["pid"])
            await asyncio.sleep(0.05)
    finally:
        for pid in silent:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(world.rest_s)


async def _silence(world: World, pid: int) -> bool:
    """Whether it could be stopped where it stops nobody else."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        if await world.sql.fetchval(IS_IDLE, pid):
            return True
        os.kill(pid, signal.SIGCONT)
    return False


async def worker_stopped(world: World) -> None:
    number = random.randrange(len(world.readers))
    victim = world.readers[number].process
    stopped = time.monotonic()
    victim.send_signal(signal.SIGSTOP)
    await asyncio.sleep(random.uniform(*world.stop_s))
    world.stops.append((number, stopped, time.monotonic()))
    victim.send_signal(signal.SIGCONT)
    await asyncio.sleep(world.rest_s)


async def redis_stopped(world: World) -> None:
    world.redis.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(random.uniform(*world.stop_s))
    world.redis.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(world.rest_s)


async def redis_killed(world: World) -> None:
    world.redis.kill()
    await asyncio.sleep(world.rest_s)
    world.redis.start()
    await asyncio.sleep(world.rest_s)


async def redis_flushed(world: World) -> None:
    world.redis.flush()
    await asyncio.sleep(0.2)


async def clock_off(world: World) -> None:
    """Clocks jump, half of them ahead and half of them back, then the other way about, then to where they should be."""
    for sign in (1, -1, 0):
        offsets = [CLOCK_OFF_S * sign * (-1) ** number for number in range(len(world.readers))]
        for server, offset in zip(world.readers, offsets, strict=True):
            server.clock.write_text(f"{offset:+}")
        await asyncio.gather(*(_until_off(world, *one) for one in zip(world.readers, offsets, strict=True)))
        await asyncio.sleep(0.5)


async def _until_off(world: World, server: Server, offset: float) -> None:
    """Waits until the server's own Date says so: a clock that nobody has set would prove nothing."""
    async with asyncio.timeout(CLOCK_SET_MAX_S):
        while True:
            async with world.http.get(server.url) as response:
                said = parsedate_to_datetime(response.headers["Date"]).timestamp()
            if abs(said - time.time() - offset) < 5:
                return
            await asyncio.sleep(0.1)


FAULTS: dict[str, Callable[[World], Awaitable[None]]] = {
    "none": nothing,
    "listen-killed": listen_killed,
    "listen-black-holed": listen_black_holed,
    "worker-stopped": worker_stopped,
    "redis-stopped": redis_stopped,
    "redis-killed": redis_killed,
    "redis-flushed": redis_flushed,
    "clock": clock_off,
}
