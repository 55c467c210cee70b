"""Loaders: all the stylist-days that one operation asks for, in one read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import Any, Generic, TypeVar

from strawberry.dataloader import DataLoader

from cache.keys import DayKey
from cache.versioned import Freshness, Reading
from domain.model import DayFacts

K = TypeVar("K")
V = TypeVar("V")
S = TypeVar("S")
T = TypeVar("T")

Read = Callable[[list[DayKey], Freshness], Awaitable[dict[DayKey, Reading[DayFacts]]]]


class Later(Generic[S, T]):
    """What will be made of an answer once it has come.

    A resolver that returns this, rather than being a coroutine, has asked by the time it returns. All that an operation
    asks for, however deep, is then in one batch. And nothing is amiss if an error elsewhere means that nobody awaits it.
    """

    def __init__(self, answer: Awaitable[S], make: Callable[[S], T]) -> None:
        self._answer = answer
        self._make = make

    def __await__(self) -> Generator[Any, None, T]:
        return self._make((yield from self._answer.__await__()))


class LaterInTurns(Generic[S, T]):
    """The same of what takes long to make: it waits for its turns on the way."""

    def __init__(self, answer: Awaitable[S], make: Callable[[S], Awaitable[T]]) -> None:
        self._answer = answer
        self._make = make

    def __await__(self) -> Generator[Any, None, T]:
        found = yield from self._answer.__await__()
        return (yield from self._make(found).__await__())


class Batch(Generic[K, V]):
    """Batches what one operation asks for by key into one read of all of it; values in the order of the keys."""

    def __init__(self, read: Callable[[list[K]], Awaitable[list[V]]], *, remembers: bool) -> None:
        self._loader: DataLoader[K, V] = DataLoader(load_fn=read, cache=remembers)

    def load(self, key: K) -> Awaitable[V]:
        """The key's value. It joins the batch at once."""
        return _for_one(self._loader.load(key))


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

    def load(self, keys: Iterable[DayKey]) -> Awaitable[list[Reading[DayFacts]]]:
        """Readings in the order of the keys, which join the batch at once."""
        return _for_one(self._loader.load_many(keys))


def _for_one(answer: Awaitable[T]) -> Awaitable[T]:
    """What one of those who may wait for the same value awaits: the executor cancels what stands beside an error, and
    would cancel the value for all of them, and with them the request.
    """
    own = asyncio.shield(answer)
    own.add_done_callback(_seen)
    return own


def _seen(answer: asyncio.Future[Any]) -> None:
    """Marks an error as retrieved: one beside it may mean that nobody awaits it."""
    if not answer.cancelled():
        answer.exception()
