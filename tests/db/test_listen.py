"""The listening connection: whatever ends it, the next one is made."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from db.listen import Listener


async def test_a_connection_that_asyncpg_can_make_nothing_of_is_replaced(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Postgres ends it between two heartbeats and the client learns half of it: seen when a busy server's was killed."""
    broken = [asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")]
    execute = asyncpg.Connection.execute

    async def broken_once(self: Any, *args: Any, **options: Any) -> str:
        if broken:
            raise broken.pop()
        return await execute(self, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "execute", broken_once)
    states: asyncio.Queue[bool] = asyncio.Queue()
    listener = Listener(database_url, lambda _change: None, states.put_nowait)

    listener.start()
    async with asyncio.timeout(10):
        told = [await states.get() for _ in range(3)]
    await listener.stop()

    assert told == [True, False, True]
