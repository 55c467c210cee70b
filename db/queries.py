"""Loads db/sql/*.sql and is the funnel that every statement runs through, so that they can be counted and timed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosql
from aiosql.adapters.asyncpg import AsyncPGAdapter

SQL = Path(__file__).parent / "sql"

# Called after each statement with its name and seconds. Transaction control and set_config do not come through here.
observers: list[Callable[[str, float], None]] = []


def load(name: str) -> Any:
    """The statements of db/sql/<name>.sql, each a coroutine of (connection, **parameters)."""
    return aiosql.from_path(SQL / f"{name}.sql", Funnel)  # type: ignore[arg-type]


class Funnel(AsyncPGAdapter):
    """aiosql's asyncpg adapter, observed. A connection is expected, never a pool."""

    async def _run(self, method: str, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        started = time.perf_counter()
        try:
            ordered = self.maybe_order_params(query_name, parameters)  # type: ignore[no-untyped-call]
            return await getattr(conn, method)(sql, *ordered)
        finally:
            _observed(query_name, started)

    async def select(
        self, conn: Any, query_name: str, sql: str, parameters: Any, record_class: Any = None
    ) -> AsyncIterator[Any]:
        for record in await self._run("fetch", conn, query_name, sql, parameters):
            yield record

    async def select_one(self, conn: Any, query_name: str, sql: str, parameters: Any, record_class: Any = None) -> Any:
        return await self._run("fetchrow", conn, query_name, sql, parameters)

    async def select_value(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        return await self._run("fetchval", conn, query_name, sql, parameters)

    async def insert_update_delete(self, conn: Any, query_name: str, sql: str, parameters: Any) -> Any:
        return await self._run("execute", conn, query_name, sql, parameters)

    @asynccontextmanager
    async def select_cursor(self, conn: Any, query_name: str, sql: str, parameters: Any) -> AsyncIterator[Any]:
        """Its time is all that it was open for."""
        started = time.perf_counter()
        try:
            async with super().select_cursor(conn, query_name, sql, parameters) as opening:
                yield opening
        finally:
            _observed(query_name, started)


def _observed(query_name: str, started: float) -> None:
    elapsed = time.perf_counter() - started
    for observe in observers:
        observe(query_name, elapsed)
