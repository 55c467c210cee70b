"""Keeps calls away from what does not answer."""

from __future__ import annotations

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger("cache")


class Breaker:
    """Opens at the first failure. Nothing is called then; a probe in the background, after a rest that grows while it keeps
    failing, finds out when calls are worth making again, so that nobody waits to find out.
    """

    def __init__(
        self, what: str, probe: Callable[[], Awaitable[object]], *, rest_s: float = 1.0, rest_s_max: float = 10.0
    ) -> None:
        """what: does not answer, for the log."""
        self._what = what
        self._probe = probe
        self._rest_s_min, self._rest_s_max = rest_s, rest_s_max
        self._rest_s = rest_s
        self._probing: asyncio.Task[None] | None = None
        self._is_closed = False

    def allows(self) -> bool:
        """Whether a call is worth making."""
        return self._probing is None and not self._is_closed

    def failed(self, error: BaseException) -> None:
        """A call failed; those that were under way together count as one."""
        if self.allows():
            log.warning(f"{self._what} does not answer: working without it", error=type(error).__name__)
            self._probing = asyncio.create_task(self._recover(), name=f"{self._what} probe")

    def succeeded(self) -> None:
        """A call was answered: the next failure is a first one again."""
        if self.allows():
            self._rest_s = self._rest_s_min

    async def close(self) -> None:
        """Allows nothing any more, and ends a probe under way."""
        self._is_closed = True
        if self._probing:
            self._probing.cancel()
            await asyncio.gather(self._probing, return_exceptions=True)

    async def _recover(self) -> None:
        while True:
            await sleep(self._rest_s)
            self._rest_s = min(2 * self._rest_s, self._rest_s_max)
            try:
                await self._probe()
            except Exception:  # noqa: S112 - a failed probe is why there is another
                continue
            break
        self._probing = None
        log.warning(f"{self._what} answers again")
