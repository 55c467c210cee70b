"""The memory store: aiocache's, with the bound that it lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiocache import SimpleMemoryCache


class BoundedMemory(SimpleMemoryCache):  # type: ignore[misc]
    """Keeps the `entries_max` entries asked for last. on_evict is given each value that goes for want of room.

    No timeout: it answers in the same turn of the loop. Values are frozen, so they are shared and not copied.
    """

    def __init__(self, entries_max: int, on_evict: Callable[[Any], None]) -> None:
        super().__init__(timeout=None)
        self._entries_max = entries_max
        self._on_evict = on_evict

    async def _get(self, key: str, encoding: str = "utf-8", _conn: Any = None) -> Any:
        return self._used(key)

    async def _multi_get(self, keys: list[str], encoding: str = "utf-8", _conn: Any = None) -> list[Any]:
        return [self._used(key) for key in keys]

    async def _set(self, key: str, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None) -> bool:
        self._cache.pop(key, None)
        self._cache[key] = value
        while len(self._cache) > self._entries_max:
            self._on_evict(self._cache.pop(next(iter(self._cache))))
        return True

    def discard(self, key: str) -> None:
        """Lets go of a key, at once: a change that is heard must be obeyed before anything else runs."""
        self._cache.pop(key, None)

    def _used(self, key: str) -> Any:
        """The value, moved to the end of the dict, which keeps the order of use."""
        value = self._cache.pop(key, None)
        if value is not None:
            self._cache[key] = value
        return value

    def __len__(self) -> int:
        return len(self._cache)
