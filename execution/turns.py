"""Long work on the event loop, a little at a time: whoever has held it for long lets others go first."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Generator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")

TURN_S = 0.004
AT_ONCE_MAX = 64


class Turns:
    """The turns of a server's long operations: all together hold the loop for one turn, then everything else has its own."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._at_once = 1

    async def wait(self) -> None:
        """Until it is our turn; at once if the loop has not been held for long."""
        if not self._waiting and time.perf_counter() - self._began < TURN_S:
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._next)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        """Once for each round of the loop: those whose turn it is, as many as the last round had time for."""
        now = time.perf_counter()
        took, self._began = now - self._began, now
        self._at_once = max(1, min(AT_ONCE_MAX, 2 * self._at_once if took < TURN_S / 2 else self._at_once // 2))
        for _ in range(min(self._at_once, len(self._waiting))):
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._next)


TURNS: ContextVar[Turns | None] = ContextVar("TURNS", default=None)


class Paced(Generic[T]):
    """A value that comes when it is the turn of what is to be done with it."""

    __slots__ = ("_turns", "_value")

    def __init__(self, turns: Turns, value: Awaitable[T]) -> None:
        self._turns = turns
        self._value = value

    def __await__(self) -> Generator[Any, None, T]:
        value = yield from self._value.__await__()
        yield from self._turns.wait().__await__()
        return value


class Here(Generic[T]):
    """An awaitable of what is there already."""

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, T]:
        return self._value
        yield


def paced(value: list[T]) -> Any:
    """A resolver's list: as it is, or in an operation that takes turns, when it is its turn to be gone through."""
    turns = TURNS.get()
    return value if turns is None else Paced(turns, Here(value))


def paced_later(value: Awaitable[T]) -> Awaitable[T]:
    """The same of what is awaited."""
    turns = TURNS.get()
    return value if turns is None else Paced(turns, value)
