"""Versions checked against Postgres: one small query that all reads in flight share, and Postgres's clock as last heard."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from cache.breaker import Breaker
from cache.keys import Key
from domain.errors import Unavailable
from domain.versions import DayVersion

Fetch = Callable[[Sequence[tuple[str, str | None, date | None]]], Awaitable[tuple[datetime, list[DayVersion]]]]

AWAY = "the database does not answer"
REST_S, REST_S_MAX = 0.1, 0.5  # short: until the probe after it, answers are not verified


class Checked(NamedTuple):
    """Postgres's clock and versions at one instant after they were asked for."""

    now: datetime
    versions: Mapping[Key, DayVersion]


class Clock:
    """Postgres's clock, carried on from when it was last heard. It lags by the way of the answer, never leads by more.

    Until it is first heard, this machine's stands in, which may be ahead or behind.
    """

    def __init__(self) -> None:
        self._heard = datetime.now(UTC)
        self._at = time.monotonic()
        self._is_guess = True

    def heard(self, now: datetime) -> None:
        """Sets the clock; an answer that took longer than another is no news."""
        at = time.monotonic()
        if self._is_guess or now >= self._heard:
            self._heard, self._at, self._is_guess = now, at, False

    def now(self) -> datetime:
        """The instant, as near as this process knows it."""
        return self._heard + timedelta(seconds=time.monotonic() - self._at)


class VersionCheck:
    """Shares one query between all who ask in the meantime.

    Who asks joins the next query, never one already sent: a query that was sent may have been answered before a write
    that the asker has been told of, and would call stale facts fresh. While Postgres does not answer nobody waits for it:
    one probe after another finds out when it does.
    """

    def __init__(self, fetch: Fetch, clock: Clock, in_flight_max: int = 2, rest_s: float = REST_S) -> None:
        self._fetch = fetch
        self._clock = clock
        self._breaker = Breaker("postgres", self._probe, rest_s=rest_s, rest_s_max=REST_S_MAX)
        self._unanswered: Key | None = None
        self._in_flight_max = in_flight_max
        self._running: set[asyncio.Task[Any] | None] = set()
        self._next: asyncio.Future[Checked] | None = None
        self._keys: set[Key] = set()

    async def __call__(self, keys: Iterable[Key]) -> Checked:
        """The versions of these keys, and perhaps of others. Raises Unavailable."""
        if not self._breaker.allows():
            raise Unavailable(AWAY)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._next.add_done_callback(_seen)
            self._send()
        self._keys.update(keys)
        return await asyncio.shield(self._next)

    def _send(self) -> None:
        if len(self._running) < self._in_flight_max:
            self._running.add(asyncio.create_task(self._run(), name="version check"))

    async def _run(self) -> None:
        try:
            await self._ask()
        finally:
            # Now, not in a done callback: who asks in the turn until that runs would count on a task that has ended.
            self._running.discard(asyncio.current_task())

    async def _ask(self) -> None:
        while self._next is not None:
            keys, answer = list(self._keys), self._next
            self._keys, self._next = set(), None
            try:
                if not self._breaker.allows():
                    raise Unavailable(AWAY)
                now, versions = await self._fetch([key.versioned for key in keys])
                self._clock.heard(now)
                self._breaker.succeeded()
                answer.set_result(Checked(now, dict(zip(keys, versions, strict=True))))
            except Exception as error:
                if isinstance(error, Unavailable) and self._breaker.allows():
                    self._unanswered = keys[0]
                    self._breaker.failed(error)
                answer.set_exception(error)

    async def _probe(self) -> None:
        """Whether what was not answered is answered now."""
        assert self._unanswered is not None
        now, _ = await self._fetch([self._unanswered.versioned])
        self._clock.heard(now)

    async def close(self) -> None:
        """Ends a probe under way."""
        await self._breaker.close()


def _seen(answer: asyncio.Future[Checked]) -> None:
    """Marks an error as retrieved: all who waited may have gone away."""
    if not answer.cancelled():
        answer.exception()
