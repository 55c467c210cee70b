"""The stores: aiocache's memory with the bound that it lacks, and aiocache's Redis without its ways of failing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import structlog
from aiocache import RedisCache, SimpleMemoryCache
from aiocache.serializers import NullSerializer
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError

from cache.breaker import Breaker

TIMEOUT_S = 0.03
PROBE_TIMEOUT_S = 1.0
REST_S = 1.0
CLOSE_TIMEOUT_S = 1.0
CONNECTIONS_MAX = 16
TASKS_MAX = 64

log = structlog.get_logger("cache")


class BoundedMemory(SimpleMemoryCache):  # type: ignore[misc]
    """Keeps the `entries_max` entries asked for last. on_evict is given each value that goes for want of room.

    No timeout: it answers in the same turn of the loop. Values are frozen, so they are shared and not copied.
    """

    def __init__(self, entries_max: int, on_evict: Callable[[Any], None]) -> None:
        super().__init__(timeout=None)
        self.changes = 0
        self._entries_max = entries_max
        self._on_evict = on_evict

    def peek(self, key: str) -> Any:
        """As `get`, at once."""
        return self._used(key)

    def seen(self, key: str) -> Any:
        """As `peek`; it does not count as use."""
        return self._cache.get(key)

    async def _get(self, key: str, encoding: str = "utf-8", _conn: Any = None) -> Any:
        return self._used(key)

    async def _multi_get(self, keys: list[str], encoding: str = "utf-8", _conn: Any = None) -> list[Any]:
        return [self._used(key) for key in keys]

    async def _set(self, key: str, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> bool:
        self.changes += 1
        self._cache.pop(key, None)
        self._cache[key] = value
        while len(self._cache) > self._entries_max:
            self._on_evict(self._cache.pop(next(iter(self._cache))))
        return True

    def discard(self, key: str) -> bool:
        """Lets go of a key, at once: a change that is heard must be obeyed before anything else runs. Whether it was there."""
        self.changes += 1
        return self._cache.pop(key, None) is not None

    def values(self) -> Iterable[Any]:
        """All there is, the least used first; it does not count as use."""
        values: Iterable[Any] = self._cache.values()
        return values

    def _used(self, key: str) -> Any:
        """The value, moved to the end of the dict, which keeps the order of use."""
        value = self._cache.pop(key, None)
        if value is not None:
            self._cache[key] = value
        return value

    def __len__(self) -> int:
        return len(self._cache)


class Redis(RedisCache):  # type: ignore[misc]
    """A Redis that may be away: a call that is not answered in time, or at all, is None and costs nobody an error.

    aiocache's own way of connecting knows neither URLs nor Unix sockets, so it is handed a pool. redis-py's retries are off: a
    second try costs more than doing without.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, rest_s: float = REST_S) -> None:
        """url: redis://, rediss:// or unix://. rest_s: after a failure, without calls. Raises ValueError for another."""
        self._pool = BlockingConnectionPool.from_url(
            url, max_connections=CONNECTIONS_MAX, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=None
        )
        super().__init__(
            serializer=NullSerializer(encoding=None), timeout=timeout_s, connection_pool_class=lambda **_: self._pool
        )
        self._breaker = Breaker("redis", partial(self.raw, "ping", timeout=PROBE_TIMEOUT_S), rest_s=rest_s)
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_complained = False

    def ready(self) -> bool:
        """Whether a call is worth making."""
        return self._breaker.allows()

    async def find(self, keys: Sequence[str], counts: Counter[str]) -> list[bytes | None] | None:
        """The values of keys, in their order; None without an answer."""
        found: list[bytes | None] | None = await self._guarded(partial(self.multi_get, keys), counts)
        return found

    async def keep(self, pairs: Sequence[tuple[str, bytes]], ttl_s: float, counts: Counter[str]) -> bool:
        """Stores values, all or none; whether it was answered."""
        return await self._guarded(partial(self.multi_set, pairs, ttl=ttl_s), counts) is not None

    def later(self, work: Coroutine[Any, Any, None]) -> bool:
        """Work that nobody waits for. False, and the work is not begun, when there is too much of it."""
        if len(self._tasks) >= TASKS_MAX:
            work.close()
            return False
        task = asyncio.create_task(work, name="redis write")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def idle(self) -> None:
        """Returns when no work is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _guarded(self, call: Callable[[], Awaitable[Any]], counts: Counter[str]) -> Any:
        if not self._breaker.allows():
            return None
        try:
            answer = await call()
        except ResponseError as error:  # it answers, so it can be asked: full, or read only
            counts["redis_error"] += 1
            if not self._has_complained:
                self._has_complained = True
                log.warning("redis refuses; told once", error=str(error))
            return None
        except Exception as error:  # whatever a store does is no reason for a reader to fail
            counts["redis_error"] += 1
            self._breaker.failed(error)
            return None
        self._breaker.succeeded()
        return answer

    async def close(self, *_args: Any, **_kwargs: Any) -> None:
        """Ends what is under way, then the connections, which may belong to a Redis that no longer reads. No calls after it."""
        await self._breaker.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.client.aclose()
