"""Versions checked against Postgres: one small query that all reads in flight share, and Postgres's clock as last heard."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import NamedTuple

from cache.breaker import Breaker
from cache.keys import Key
from domain.errors import Unavailable
from domain.versions import DayVersion

Fetch = Callable[[Sequence[tuple[str, str | None, date | None]]], Awaitable[tuple[datetime, list[DayVersion]]]]
Session = Callable[[], AbstractAsyncContextManager[Fetch]]

AWAY = "the database does not answer"
PATIENCE_S = 0.002
REST_S, REST_S_MAX = 0.1, 0.5  # short: until the probe after it, answers are not verified


class Checked(NamedTuple):
    """Postgres's clock and versions at one instant after they were asked for."""

    now: datetime
    versions: Mapping[Key, DayVersion]


class Batch(NamedTuple):
    """A query's keys, and who waits for its answer; some may have gone away."""

    keys: Sequence[Key]
    waiting: Sequence[asyncio.Future[Checked]]

    def succeed(self, checked: Checked) -> None:
        """Tells everyone."""
        for answer in self.waiting:
            if not answer.done():
                answer.set_result(checked)

    def fail(self, error: Exception) -> None:
        """Tells everyone."""
        for answer in self.waiting:
            if not answer.done():
                answer.set_exception(error)


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

    def __init__(
        self,
        session: Session,
        clock: Clock,
        in_flight_max: int = 2,
        *,
        patience_s: float = PATIENCE_S,
        rest_s: float = REST_S,
    ) -> None:
        """session: makes queries over one connection. patience_s: how long a query may be under way before another is sent beside
        it; few large ones cost less than many.
        """
        self._session = session
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._patience_s = patience_s
        self._breaker = Breaker("postgres", self._probe, rest_s=rest_s, rest_s_max=REST_S_MAX)
        self._unanswered: Key | None = None
        self._running: set[asyncio.Task[None] | None] = set()
        self._sent_at = 0.0
        self._waiting: list[asyncio.Future[Checked]] = []
        self._keys: dict[int, Collection[Key]] = {}
        self.counts: Counter[str] = Counter()

    async def __call__(self, keys: Collection[Key]) -> Checked:
        """The versions of these keys, and perhaps of others. Raises Unavailable."""
        if not self._breaker.allows():
            raise Unavailable(AWAY)
        answer: asyncio.Future[Checked] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._keys[id(keys)] = keys  # most ask for the same again, in the very same list
        running = len(self._running)
        if not running or (running < self._in_flight_max and time.monotonic() - self._sent_at >= self._patience_s):
            self._running.add(asyncio.create_task(self._run(), name="version check"))
            self._sent_at = time.monotonic()
        return await answer

    async def _run(self) -> None:
        """One query after another as long as somebody waits, over one connection unless a query fails."""
        try:
            while self._waiting:
                batch = None
                try:
                    async with self._session() as fetch:
                        while self._waiting:
                            batch = self._take()
                            if not self._breaker.allows():
                                raise Unavailable(AWAY)
                            self.counts["batches"] += 1
                            self.counts["keys"] += len(batch.keys)
                            self.counts["askers"] += len(batch.waiting)
                            batch.succeed(await self._fetched(fetch, batch.keys))
                            batch = None
                except Exception as error:
                    self._fail(error, batch or self._take())
        finally:
            # Now, not in a done callback: who asks in the turn until that runs would count on a task that has ended.
            self._running.discard(asyncio.current_task())

    def _take(self) -> Batch:
        """All who wait; who asks from now on waits for the next query."""
        keys = list(dict.fromkeys(chain.from_iterable(self._keys.values())))
        batch = Batch(keys, self._waiting)
        self._keys, self._waiting, self._sent_at = {}, [], time.monotonic()
        return batch

    async def _fetched(self, fetch: Fetch, keys: Sequence[Key]) -> Checked:
        now, versions = await fetch([key.versioned for key in keys])
        self._clock.heard(now)
        self._breaker.succeeded()
        return Checked(now, dict(zip(keys, versions, strict=True)))

    def _fail(self, error: Exception, batch: Batch) -> None:
        self.counts["failures"] += 1
        if isinstance(error, Unavailable) and self._breaker.allows() and batch.keys:
            self._unanswered = batch.keys[0]
            self._breaker.failed(error)
        batch.fail(error)

    async def _probe(self) -> None:
        """Whether what was not answered is answered now."""
        assert self._unanswered is not None
        async with self._session() as fetch:
            await self._fetched(fetch, [self._unanswered])

    async def close(self) -> None:
        """Ends a probe under way."""
        await self._breaker.close()
