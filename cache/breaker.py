"""Keeps calls away from what does not answer."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("cache")


class Breaker:
    """Opens at the first failure. Nothing is called then for a rest that grows while it keeps failing; after it, one probe in
    the background decides, so that nobody waits to find out.
    """

    def __init__(
        self, probe: Callable[[], Awaitable[object]], *, rest_s: float = 1.0, rest_s_max: float = 10.0
    ) -> None:
        self._probe = probe
        self._rest_s_min, self._rest_s_max = rest_s, rest_s_max
        self._rest_s = rest_s
        self._until: float | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._until is not None

    def allows(self) -> bool:
        """Whether a call may be made. If none may and the rest is over, the probe begins."""
        if self._until is None:
            return True
        if self._probing is None and time.monotonic() >= self._until:
            self._probing = asyncio.create_task(self._try(), name="redis probe")
        return False

    def failed(self, error: BaseException) -> None:
        """A call failed; those that were under way together count as one."""
        if self._until is None:
            log.warning("redis does not answer: working without it", error=type(error).__name__)
            self._rest()

    def succeeded(self) -> None:
        """A call was answered: the next failure is a first one again."""
        if self._until is None:
            self._rest_s = self._rest_s_min

    async def close(self) -> None:
        """Allows nothing any more, and ends a probe under way."""
        self._until = math.inf
        if self._probing:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _try(self) -> None:
        try:
            await self._probe()
        except Exception:
            self._rest()
        else:
            self._until = None
            log.warning("redis answers again")
        finally:
            self._probing = None

    def _rest(self) -> None:
        self._until = time.monotonic() + self._rest_s
        self._rest_s = min(2 * self._rest_s, self._rest_s_max)
