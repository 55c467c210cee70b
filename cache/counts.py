"""Who has asked how often, by the `limits` library: in memory, or in a Redis that processes share."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, cast

from limits import RateLimitItem
from limits.aio.storage import RedisStorage, SlidingWindowCounterSupport, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from cache.breaker import Breaker

KEYS_MAX = 100_000
TIMEOUT_S = 0.05
A_MOMENT_S = 0.001


class Answer(NamedTuple):
    """granted: of what was asked for; 0 for nothing. left: what could be had besides. wait_s: until the least could be had."""

    granted: int
    left: int
    wait_s: float


class Memory(Storage, SlidingWindowCounterSupport):
    """limits' own walks through all keys at each request; this one looks at one, and keeps a bounded many."""

    STORAGE_SCHEME: list[str] | None = None

    def __init__(self, clock: Callable[[], float] = time.monotonic, keys_max: int = KEYS_MAX) -> None:
        super().__init__()
        self._clock = clock
        self._keys_max = keys_max
        self._windows: dict[str, tuple[int, int, int]] = {}  # its number, and what was had in the one before and in it

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def __len__(self) -> int:
        return len(self._windows)

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        before, before_s, now, _ = self._window(key, expiry)
        if int(before * before_s / expiry) + now + amount > limit:
            return False
        self._windows.pop(key, None)
        self._windows[key] = int(self._clock() // expiry), before, now + amount
        if len(self._windows) > self._keys_max:
            del self._windows[next(iter(self._windows))]
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        return self._window(key, expiry)

    def _window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        number, into = divmod(self._clock(), expiry)
        then, before, count = self._windows.get(key, (int(number), 0, 0))
        if then != number:
            before, count = (count if then == number - 1 else 0), 0
        return before, expiry - into, count, 2 * expiry - into

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        self._windows.pop(key, None)

    # Of other strategies than the sliding window, which nobody here uses; the base class has them abstract.

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    async def get(self, key: str) -> int:
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    async def clear(self, key: str) -> None:
        self._windows.pop(key, None)

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        self._windows.clear()
        return None


class Counts:
    """The counts of a server's processes; of this process alone without a Redis, and while it does not answer.

    settled: how often a store was asked, by which.
    """

    def __init__(self, redis_url: str | None = None, memory: Memory | None = None) -> None:
        self.settled: Counter[str] = Counter()
        self._memory = SlidingWindowCounterRateLimiter(Memory() if memory is None else memory)
        self._redis: SlidingWindowCounterRateLimiter | None = None
        if redis_url is not None:
            self._storage = RedisStorage(_as_limits_wants_it(redis_url), implementation="redispy", key_prefix="rates")
            self._redis = SlidingWindowCounterRateLimiter(self._storage)
            self._breaker = Breaker("redis for quotas", self._probe)

    async def take(self, item: RateLimitItem, key: tuple[str, str], *, most: int, least: int) -> Answer:
        """As many as can be had of one kind and one asker: most, else least, else none."""
        if self._redis is not None and self._breaker.allows():
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    found = await _take(self._redis, item, key, most, least)
            except Exception as error:  # whatever a store does, requests are counted
                self._breaker.failed(error)
            else:
                self._breaker.succeeded()
                self.settled["redis"] += 1
                return found
        self.settled["memory"] += 1
        return await _take(self._memory, item, key, most, least)

    async def close(self) -> None:
        """Lets go of Redis."""
        if self._redis is not None:
            await self._breaker.close()
            await self._storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]

    async def _probe(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self._storage.bridge.get_connection().ping()  # type: ignore[attr-defined]


def wait_s(item: RateLimitItem, window: tuple[int, float, int, float], wanted: int) -> float:
    """Until so many can be had, if nobody takes any meanwhile. window: as limits gives it: counts with their seconds left."""
    before, before_s, now, now_s = window
    size, room = item.get_expiry(), item.amount + 1 - wanted
    if now < room:
        wait = before_s - (room - now) * size / before if before else 0.0
    else:
        wait = max(now_s - size, 0.0) + size - room * size / now
    return max(wait, 0.0) + A_MOMENT_S


async def _take(
    limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, key: tuple[str, str], most: int, least: int
) -> Answer:
    granted = 0
    for wanted in (most, least):
        if not granted and await limiter.hit(item, *key, cost=wanted):
            granted = wanted
    storage = cast("SlidingWindowCounterSupport", limiter.storage)
    window = await storage.get_sliding_window(item.key_for(*key), item.get_expiry())
    before, before_s, now, _ = window
    left = max(item.amount - int(before * before_s / item.get_expiry()) - now, 0)
    return Answer(granted, left, 0.0 if granted else wait_s(item, window, least))


def _as_limits_wants_it(url: str) -> str:
    return f"async+{url.replace('unix://', 'redis+unix://', 1) if url.startswith('unix://') else url}"
