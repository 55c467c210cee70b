"""Loaders: all the stylist-days that one operation asks for, in one read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from strawberry.dataloader import DataLoader

from cache.keys import DayKey
from cache.versioned import Freshness, Reading
from domain.model import DayFacts

Read = Callable[[list[DayKey], Freshness], Awaitable[dict[DayKey, Reading[DayFacts]]]]


class DayLoader:
    """Batches stylist-days at one freshness.

    remembers: within an operation, a day is read once. A subscription's loader forgets, for a WebSocket keeps its context
    for life.
    """

    def __init__(self, read: Read, freshness: Freshness, *, remembers: bool) -> None:
        async def load(keys: list[DayKey]) -> list[Reading[DayFacts]]:
            readings = await read(keys, freshness)
            return [readings[key] for key in keys]

        self._loader = DataLoader(load_fn=load, cache=remembers)

    async def load(self, keys: Iterable[DayKey]) -> list[Reading[DayFacts]]:
        """Readings in the order of the keys."""
        return await self._loader.load_many(keys)
