"""Turns for work that nobody waits for: one at a time, never for more than a tenth of the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

SHARE = 0.08  # a tenth is the most, and what has begun is brought to its end
BURST_S = 0.03


class Budget:
    """One a process. It counts seconds by the clock, waiting included, so that neither this process nor Postgres can have spent
    more of a core on the work. After a quiet time some of it is done at once.
    """

    def __init__(
        self,
        *,
        seconds: Callable[[], float] = time.monotonic,
        rest: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.spent_s = 0.0
        self._seconds = seconds
        self._rest = rest
        self._left_s = BURST_S
        self._at = seconds()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Work is done meanwhile. Who comes when all is spent waits until it is earned again."""
        async with self._turn:
            self._earn()
            while self._left_s <= 0:
                await self._rest(-self._left_s / SHARE + 0.001)
                self._earn()
            began = self._seconds()
            try:
                yield
            finally:
                took = self._seconds() - began
                self.spent_s += took
                self._left_s -= took

    def _earn(self) -> None:
        now = self._seconds()
        self._left_s, self._at = min(BURST_S, self._left_s + (now - self._at) * SHARE), now
