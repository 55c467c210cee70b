"""A database whose every query waits for the test: to see what is committed, then to be answered. Nothing is timed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar, cast

import pytest

from cache.freshness import Clock, VersionCheck
from cache.keys import DayKey, DirectoryKey
from cache.shared import Codec, Second
from cache.stores import Redis
from cache.versioned import VersionedCache
from domain.errors import Unavailable
from domain.versions import DayVersion

T = TypeVar("T")

TURNS = 15  # more than any chain of tasks here is long
WAIT_S = 5
NOON = datetime(2030, 1, 16, 12, tzinfo=UTC)
TTL = timedelta(minutes=15)

MONDAY, TUESDAY = DayKey("salon", "ana", date(2030, 1, 14)), DayKey("salon", "ana", date(2030, 1, 15))
BENS = DayKey("salon", "ben", date(2030, 1, 14))
DIRECTORY = DirectoryKey("salon")


class StillClock(Clock):
    """A clock that stands between two answers."""

    def now(self) -> datetime:
        return self._heard


class Sent:
    """A query on its way: it sees the database at one instant, and is answered at a later one."""

    def __init__(self, keys: Sequence[Any], look: Callable[[], Any]) -> None:
        self.keys = list(keys)
        self.saw: Any = None
        self._look = look
        self._answer = asyncio.get_running_loop().create_future()

    @property
    def has_seen(self) -> bool:
        return self.saw is not None

    @property
    def is_over(self) -> bool:
        return self._answer.done()

    def see(self) -> None:
        """Takes its snapshot."""
        self.saw = self._look()

    def answer(self) -> None:
        """Arrives with what it saw, now if it has not looked before."""
        if not self.has_seen:
            self.see()
        self._answer.set_result(self.saw)

    def fail(self, error: Exception) -> None:
        """Arrives as an error."""
        self._answer.set_exception(error)

    async def wait(self) -> Any:
        return await self._answer


class FakeDatabase:
    """Versions and values; the value of a key is its version's text, so that each can be told from the other.

    checks, loads: what was sent, in order.
    """

    def __init__(self) -> None:
        self.now = NOON
        self.rules: dict[str, int] = {}
        self.days: dict[Any, int] = {}
        self.checks: list[Sent] = []
        self.loads: list[Sent] = []

    def change(self, key: Any) -> None:
        """A committed change of one day."""
        self.days[key] = self.days.get(key, 0) + 1

    def change_rules(self, stylist_id: str) -> None:
        """A committed change of all of a stylist's days."""
        self.rules[stylist_id] = self.rules.get(stylist_id, 0) + 1

    def snapshot(self) -> str:
        """Which changes are committed now."""
        return f"{sum(self.rules.values())}:{sum(self.days.values())}"

    def version(self, key: Any) -> DayVersion:
        """As committed now."""
        return DayVersion(self.rules.get(getattr(key, "stylist_id", ""), 0), self.days.get(key, 0))

    @property
    def pending(self) -> list[Sent]:
        """What is on its way."""
        return [sent for sent in [*self.checks, *self.loads] if not sent.is_over]

    def seen(self, keys: Sequence[Any]) -> Mapping[Any, tuple[DayVersion, str]]:
        """What a load of these keys finds now."""
        return {key: (self.version(key), value_of(key, self.version(key))) for key in keys}

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Any]:
        yield self.fetch

    async def fetch(self, versioned: Sequence[tuple[Any, ...]]) -> Any:
        """As db.versions.now."""
        keys = [DirectoryKey(one[0]) if one[1] is None else DayKey(*one) for one in versioned]
        self.checks.append(Sent(keys, lambda: (self.now, self.snapshot(), [self.version(key) for key in keys])))
        return await self.checks[-1].wait()

    async def load(self, keys: Sequence[Any]) -> Any:
        """As the loaders that resolvers hand to a cache."""
        self.loads.append(Sent(keys, lambda: (self.now, self.seen(keys))))
        return await self.loads[-1].wait()


def value_of(key: Any, version: DayVersion) -> str:
    """The value that a key has at a version."""
    return f"{key} at {version}"


class FakeRedis:
    """A store that never lies, whose answers come when the test says. One that fails is no answer, as of the real one."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.calls: list[Sent] = []
        self._writes: set[asyncio.Task[None]] = set()

    def ready(self) -> bool:
        return True

    async def find(self, keys: Sequence[str], _counts: Any) -> list[bytes | None] | None:
        self.calls.append(Sent(keys, lambda: [self.values.get(key) for key in keys]))
        try:
            found: list[bytes | None] = await self.calls[-1].wait()
            return found
        except Unavailable:
            return None

    async def keep(self, pairs: Sequence[tuple[str, bytes]], _ttl_s: float, _counts: Any) -> bool:
        for key, value in pairs:
            assert self.values.setdefault(key, value).split(b"\n")[2] == value.split(b"\n")[2], key
        return True

    def later(self, work: Coroutine[Any, Any, None]) -> bool:
        self._writes.add(task := asyncio.create_task(work))
        task.add_done_callback(self._writes.discard)
        return True


async def settled() -> None:
    """Returns when everything has run that waits for nothing but its turn."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def ended(*tasks: asyncio.Task[T]) -> list[T | BaseException]:
    """What became of these, errors too."""
    async with asyncio.timeout(WAIT_S):
        return await asyncio.gather(*tasks, return_exceptions=True)


async def result(task: asyncio.Task[T]) -> T:
    """What one task came to, or its error."""
    async with asyncio.timeout(WAIT_S):
        return await task


class Scene:
    """A cache over such a database, and readers that are started, looked at, and at the end awaited."""

    def __init__(self, *, entries_max: int = 100, in_flight_max: int = 2, redis: FakeRedis | None = None) -> None:
        self.database = FakeDatabase()
        self.redis = redis
        self.second: Any = Second(cast("Redis", redis), Codec(str.encode, bytes.decode), "") if redis else None
        self.clock = StillClock()
        self.clock.heard(NOON)
        self.check = VersionCheck(self.database.session, self.clock, in_flight_max, patience_s=0.0, rest_s=0.0)
        self.cache: VersionedCache[Any, str] = VersionedCache(
            load=self.database.load,
            check=self.check,
            clock=self.clock,
            entries_max=entries_max,
            ttl=TTL,
            second=self.second,
        )
        self.tasks: list[asyncio.Task[Any]] = []

    @property
    def pending(self) -> list[Sent]:
        """What is on its way, to the database or to Redis."""
        calls = self.redis.calls if self.redis else []
        return [*self.database.pending, *(sent for sent in calls if not sent.is_over)]

    async def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begins, and goes on until it waits for the database."""
        task = asyncio.create_task(work)
        self.tasks.append(task)
        await settled()
        return task

    async def done(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of work whose every query is answered at once."""
        task = await self.start(work)
        await self.finish()
        assert task.done()
        return task.result()

    async def finish(self) -> None:
        """Answers every query, until there are no more."""
        await settled()
        async with asyncio.timeout(WAIT_S):
            while pending := self.pending:
                for sent in pending:
                    sent.answer()
                await settled()

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        for sent in self.pending:
            sent.answer()
        await self.check.close()
        await settled()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """An empty cache that may be served unchecked when CACHED is asked for."""
    scene = Scene()
    scene.cache.trusting = True
    yield scene
    await scene.leave()


@pytest.fixture
async def complaints() -> AsyncIterator[list[Any]]:
    """What the event loop says of errors that nobody took."""
    found: list[Any] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, what: found.append(what))
    yield found
    loop.set_exception_handler(handler)
