"""Versions checked against Postgres: one small query that all reads in flight share, and Postgres's clock as last heard."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import NamedTuple

from cache.breaker import Breaker
from cache.keys import Key
from domain.errors import Unavailable
from domain.versions import DayVersion

Versioned = tuple[str, str | None, date | None]
# The clock, a text that is the same as long as nothing is committed, and the keys' versions, of none too.
Fetch = Callable[[Sequence[Versioned]], Awaitable[tuple[datetime, str, list[DayVersion]]]]
Session = Callable[[], AbstractAsyncContextManager[Fetch]]

AWAY = "the database does not answer"
PATIENCE_S = 0.002
REST_S, REST_S_MAX = 0.1, 0.5  # short: until the probe after it, answers are not verified
LINGER_S = 0.1
NEVER = 0


class Checked(NamedTuple):
    """Postgres's clock and versions at one instant after they were asked for.

    state: a number of all that was committed then. Who is answered by the state in which they saw their keys' versions has the
    same versions still; `versions` need not have them then.
    """

    now: datetime
    state: int
    versions: Mapping[Key, DayVersion]


class Asked(NamedTuple):
    """Keys, the state in which their versions were seen, and who waits for the answer; they may have gone away."""

    keys: Collection[Key]
    state: int
    answer: asyncio.Future[Checked]


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

    Postgres's snapshot (which transactions are seen) says without any key whether something was committed since another look.
    Only then are versions asked for again; of those who saw theirs in another state, always.
    """

    def __init__(
        self,
        session: Session,
        clock: Clock,
        in_flight_max: int = 2,
        *,
        patience_s: float = PATIENCE_S,
        rest_s: float = REST_S,
        linger_s: float = LINGER_S,
    ) -> None:
        """session: makes queries over one connection. patience_s: how long a query may be under way before another is sent beside
        it; few large ones cost less than many. linger_s: how long a connection is kept for the next who asks.
        """
        self._session = session
        self._clock = clock
        self._in_flight_max = in_flight_max
        self._patience_s = patience_s
        self._linger_s = linger_s
        self._breaker = Breaker("postgres", self._probe, rest_s=rest_s, rest_s_max=REST_S_MAX)
        self._unanswered: Sequence[Key] = ()
        self._running: set[asyncio.Task[None] | None] = set()
        self._lingering: asyncio.Future[bool] | None = None
        self._sent_at = 0.0
        self._waiting: list[Asked] = []
        self._snapshot = ""
        self._state = NEVER
        self._is_changing = True
        self.counts: Counter[str] = Counter()

    async def __call__(self, keys: Collection[Key]) -> Checked:
        """The versions of these keys, and perhaps of others. Raises Unavailable."""
        return await self.ask(keys)

    def ask(self, keys: Collection[Key], state: int = NEVER) -> asyncio.Future[Checked]:
        """As calling it; without versions if nothing was committed since the state in which theirs were seen."""
        answer: asyncio.Future[Checked] = asyncio.get_running_loop().create_future()
        if not self._breaker.allows():
            answer.set_exception(Unavailable(AWAY))
            return answer
        self._waiting.append(Asked(keys, state, answer))
        running = len(self._running)
        if self._lingering is not None:
            self._stop_lingering(is_asked=True)
        elif not running or (running < self._in_flight_max and time.monotonic() - self._sent_at >= self._patience_s):
            self._running.add(asyncio.create_task(self._run(), name="version check"))
            self._sent_at = time.monotonic()
        return answer

    async def _run(self) -> None:
        """One query after another as long as somebody waits, over one connection unless a query fails."""
        try:
            while self._waiting:
                batch = None
                try:
                    async with self._session() as fetch:
                        while self._waiting or await self._is_asked_again():
                            batch = self._take()
                            if not self._breaker.allows():
                                raise Unavailable(AWAY)
                            await self._answer(fetch, batch)
                            batch = None
                except Exception as error:
                    self._fail(error, batch or self._take())
        finally:
            # Now, not in a done callback: who asks in the turn until that runs would count on a task that has ended.
            self._running.discard(asyncio.current_task())

    async def _is_asked_again(self) -> bool:
        """Waits a moment for somebody: getting a connection costs as much as a query."""
        if self._lingering is not None or not self._breaker.allows():
            return False
        loop = asyncio.get_running_loop()
        lingering: asyncio.Future[bool] = loop.create_future()
        self._lingering = lingering
        timer = loop.call_later(self._linger_s, self._stop_lingering)
        try:
            return await lingering
        finally:
            timer.cancel()
            if self._lingering is lingering:
                self._lingering = None

    def _stop_lingering(self, *, is_asked: bool = False) -> None:
        lingering, self._lingering = self._lingering, None
        if lingering is not None and not lingering.done():
            lingering.set_result(is_asked)

    def _take(self) -> list[Asked]:
        """All who wait; who asks from now on waits for the next query."""
        batch, self._waiting, self._sent_at = self._waiting, [], time.monotonic()
        return batch

    async def _answer(self, fetch: Fetch, batch: Sequence[Asked]) -> None:
        """While much is committed all versions are asked for at once; else first whether anything was."""
        state = self._state
        assumed = [] if self._is_changing else [one for one in batch if one.state == state]
        checked = await self._fetched(fetch, [one for one in batch if self._is_changing or one.state != state])
        self._is_changing = checked.state != state
        refuted = [one for one in assumed if one.state != checked.state]
        _tell([one for one in assumed if one.state == checked.state], checked)
        if refuted:
            await self._fetched(fetch, refuted)

    async def _fetched(self, fetch: Fetch, asked: Sequence[Asked]) -> Checked:
        """The answer of one query, which those who asked are told."""
        keys = _keys(asked)
        self._unanswered = keys[:1]
        self.counts["batches"] += 1
        self.counts["keys"] += len(keys)
        self.counts["askers"] += len(asked)
        now, snapshot, versions = await fetch([key.versioned for key in keys])
        if snapshot != self._snapshot:
            self._snapshot = snapshot
            self._state += 1
        self._clock.heard(now)
        self._breaker.succeeded()
        checked = Checked(now, self._state, dict(zip(keys, versions, strict=True)))
        _tell(asked, checked)
        return checked

    def _fail(self, error: Exception, batch: Sequence[Asked]) -> None:
        self.counts["failures"] += 1
        self._snapshot = ""  # another server may answer next, with other transactions by the same numbers
        if isinstance(error, Unavailable) and self._breaker.allows() and batch:
            self._breaker.failed(error)
        for one in batch:
            if not one.answer.done():
                one.answer.set_exception(error)

    async def _probe(self) -> None:
        """Whether what was not answered is answered now."""
        async with self._session() as fetch:
            now, *_ = await fetch([key.versioned for key in self._unanswered])
        self._clock.heard(now)
        self._breaker.succeeded()

    async def close(self) -> None:
        """Ends a probe under way, and lets go of a connection that is kept."""
        await self._breaker.close()
        self._stop_lingering()


def _keys(asked: Iterable[Asked]) -> list[Key]:
    """All keys, once each; most ask for the same again, in the very same list."""
    lists = {id(one.keys): one.keys for one in asked}
    return list(dict.fromkeys(chain.from_iterable(lists.values())))


def _tell(asked: Iterable[Asked], checked: Checked) -> None:
    for one in asked:
        if not one.answer.done():
            one.answer.set_result(checked)
