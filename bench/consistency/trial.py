"""A trial: servers, readers and writers on one database, and one fault after the other."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg

from bench.consistency import salon, servers
from bench.consistency.board import OVER, Board
from bench.consistency.faults import FAULTS, STOP_S, World
from bench.consistency.figures import Result
from bench.consistency.seen import Sight
from bench.consistency.servers import Redis, Server
from bench.consistency.writer import Writers
from db import migrate
from db.pool import Database, PoolSettings
from resolvers import importing, salon_file

ANSWER_S = 30
CONNECTIONS = (
    4,
    2,
)  # of a reader process to each server, by stylist. More would wait so long that nothing is soon after a booking
SAY_S = 5.0
STALL_MAX_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do. reads, rounds: of each fault at least, reads at VERIFIED.
    stop_s, rest_s: how long things are stopped, and watched.

    servers: one that writes, the others are read. readers: processes that read.
    """

    faults: Sequence[str] = ("none",)
    reads: int = 1_000
    rounds: int = 3
    stop_s: tuple[float, float] = STOP_S
    rest_s: float = 1.0
    servers: int = 3
    readers: int = 1
    mutant: bool = False


async def run(url: str, plan: Plan) -> list[Result]:
    """A result for each fault. url: a database of ours, empty or migrated."""
    day = datetime.now(UTC).date() + timedelta(7)
    _say("starting servers")
    await _prepare(url)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        board = Board(folder / "board", plan.readers)
        world, writing = await stack.enter_async_context(_world(url, folder, plan))
        writers = Writers(world.http, writing.url, board, day)
        async with asyncio.TaskGroup() as tasks:
            reading = [
                tasks.create_task(servers.read(
                    board=str(folder / "board"), readers=plan.readers, number=number, day=str(day),
                    ports=[one.port for one in world.readers], connections=CONNECTIONS,
                ))
                for number in range(plan.readers)
            ]  # fmt: skip
            tasks.create_task(writers.write())
            saying = tasks.create_task(_say_how_it_goes(board, plan))
            results = [await _strike(number, board, world, writers, plan) for number in range(len(plan.faults))]
            board.phase = OVER
            saying.cancel()
    _share_out(results, [task.result() for task in reading])
    return results


async def _strike(number: int, board: Board, world: World, writers: Writers, plan: Plan) -> Result:
    """One fault, until it has struck and been read often enough; of a mutant, until it is caught."""
    fault = plan.faults[number]
    board.phase = number
    began, before, rounds = time.monotonic(), sum(board.reads), 0
    writers.counts.clear()
    while rounds < plan.rounds or sum(board.reads) - before < plan.reads:
        if plan.mutant and any(board.violations):
            break
        await FAULTS[fault](world)
        rounds += 1
    result = Result(fault, time.monotonic() - began, rounds, writers.counts.copy(), world.stops.copy())
    world.stops.clear()
    return result


def _share_out(results: Sequence[Result], sights: Sequence[Sight]) -> None:
    for sight in sights:
        for (number, freshness), seen in sight.items():
            results[number].seen[freshness].add(seen)


async def _say_how_it_goes(board: Board, plan: Plan) -> None:
    """Now and then. Raises RuntimeError when nobody is answered any more."""
    last, last_at, began, before = 0, time.monotonic(), time.monotonic(), 0
    while True:
        await asyncio.sleep(SAY_S)
        now, reads = time.monotonic(), int(sum(board.reads))
        if reads > last:
            last, last_at = reads, now
        elif now - last_at > STALL_MAX_S:
            raise RuntimeError("the servers do not answer")
        rate, wrong = (reads - before) / (now - began), int(sum(board.violations))
        _say(f"{plan.faults[board.phase]}: {reads:,} VERIFIED reads, {rate:,.0f}/s, {wrong} wrong")
        began, before = now, reads


def _say(what: str) -> None:
    print(f"  {what}", flush=True)


async def _prepare(url: str) -> None:
    await migrate.migrate(url)
    database = await Database.open(url, PoolSettings())
    await importing.import_salon(database, salon_file.parse(json.dumps(salon.SALON)), lambda *_: None)
    await database.close()


@asynccontextmanager
async def _world(url: str, folder: Path, plan: Plan) -> AsyncIterator[tuple[World, Server]]:
    """What faults break, and the server that is written to."""
    async with AsyncExitStack() as stack:
        redis = Redis(folder)
        stack.callback(redis.kill)
        serving = (
            servers.serving(url, redis.url, folder, str(number), mutant=plan.mutant) for number in range(plan.servers)
        )
        writing, *readers = await asyncio.gather(*(stack.enter_async_context(one) for one in serving))
        sql = await asyncpg.connect(url)
        stack.push_async_callback(sql.close)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)))
        yield World(sql, http, readers, redis, plan.stop_s, plan.rest_s), writing
