"""A pool asked for more than it has: readers are told at once, writers take turns, nobody who leaves takes one along."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from db.pool import Database, PoolSettings
from domain.errors import Unavailable

SMALL = PoolSettings(size_max=4, readers=2, read_turn_s=0.2, write_turn_s=1.0)


@pytest.fixture
async def small(database_url: str) -> AsyncIterator[Database]:
    """Four connections, of which writers have two."""
    database = await Database.open(database_url, SMALL)
    yield database
    await database.close()


async def nap(connection: Any) -> None:
    await connection.execute("select pg_sleep(0.02)")


async def test_a_reader_who_finds_no_connection_is_told_within_its_time(small: Database) -> None:
    async def hold(started: asyncio.Event, done: asyncio.Event) -> None:
        async with small.connection():
            started.set()
            await done.wait()

    done, events = asyncio.Event(), [asyncio.Event() for _ in range(2)]
    holders = [asyncio.create_task(hold(one, done)) for one in events]
    await asyncio.gather(*(one.wait() for one in events))
    began = time.monotonic()

    with pytest.raises(Unavailable):
        async with small.connection():
            pass
    took = time.monotonic() - began
    done.set()
    await asyncio.gather(*holders)

    assert 0.15 < took < 0.6
    async with small.connection() as connection:
        assert await connection.fetchval("select 1") == 1


async def test_more_writers_than_connections_take_turns_and_all_get_one(small: Database) -> None:
    await asyncio.gather(*(small.transact(None, nap) for _ in range(40)))


async def test_a_rush_of_writers_leaves_readers_their_connections(small: Database) -> None:
    writers = [asyncio.create_task(small.transact(None, nap)) for _ in range(30)]
    waits = []
    while not all(one.done() for one in writers):
        began = time.monotonic()
        async with small.connection() as connection:
            await connection.fetchval("select 1")
        waits.append(time.monotonic() - began)
        await asyncio.sleep(0.005)
    await asyncio.gather(*writers)

    assert max(waits) < 0.2


async def test_a_writer_whose_turn_does_not_come_is_told(small: Database) -> None:
    async def long(connection: Any) -> None:
        await connection.execute("select pg_sleep(1.5)")

    slow = [asyncio.create_task(small.transact(None, long)) for _ in range(2)]
    await asyncio.sleep(0.05)

    with pytest.raises(Unavailable):
        await small.transact(None, nap)
    await asyncio.gather(*slow)


async def test_writers_who_are_cancelled_or_fail_give_their_turns_back(small: Database) -> None:
    async def fail(_connection: Any) -> None:
        raise ValueError

    for _ in range(10):
        with pytest.raises(ValueError):
            await small.transact(None, fail)
        leaving = [asyncio.create_task(small.transact(None, nap)) for _ in range(5)]
        await asyncio.sleep(0.005)
        for one in leaving:
            one.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)

    await asyncio.gather(*(small.transact(None, nap) for _ in range(10)))


async def test_a_task_that_is_cancelled_while_its_connection_is_gone_is_cancelled(
    database: Database, database_url: str
) -> None:
    """What it meets on its way out, a connection that cannot be rolled back, must not hide that."""
    began = asyncio.Event()

    async def work() -> None:
        async with database.transaction(None) as connection:
            pid = connection.get_server_pid()
            other = await asyncpg.connect(database_url)
            await other.execute("select pg_terminate_backend($1)", pid)
            await other.close()
            await asyncio.sleep(0.1)  # until the end of it is known here
            began.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(work())
    await asyncio.wait_for(began.wait(), 5)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
