"""What is to be done when time passes without anybody asking: steps, each a bounded piece of work, again and again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from db import chores
from db.pool import Connection, Database
from domain.errors import Unavailable

log = structlog.get_logger("chores")


@dataclass(frozen=True, slots=True)
class Chore:
    """step does a bounded piece of work in the transaction that has the chore's turn: one process of all on the database does it
    at a time. It answers in how many seconds the next is due, if sooner than every_s.
    """

    name: str
    step: Callable[[Connection], Awaitable[float | None]]
    every_s: float


@dataclass(frozen=True, slots=True)
class Chores:
    """Does chores in the background. A step that fails is tried again when it is next due. failures: by chore."""

    database: Database
    chores: Sequence[Chore]
    failures: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """They are done meanwhile; a step under way at the end is cancelled, its transaction rolled back."""
        tasks = [asyncio.create_task(self._keep(chore), name=chore.name) for chore in self.chores]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def step(self, chore: Chore) -> float | None:
        """One step, if the chore is nobody else's now."""

        async def turn(connection: Connection) -> float | None:
            return await chore.step(connection) if await chores.is_ours(connection, chore.name) else None

        return await self.database.transact(None, turn)

    async def _keep(self, chore: Chore) -> None:
        while True:
            due_in_s = None
            try:
                due_in_s = await self.step(chore)
            except Unavailable as error:
                log.warning("a chore waits for the database", chore=chore.name, error=str(error))
                self.failures[chore.name] += 1
            except Exception:
                log.exception("a chore failed", chore=chore.name)
                self.failures[chore.name] += 1
            await asyncio.sleep(chore.every_s if due_in_s is None else max(0.0, min(chore.every_s, due_in_s)))
