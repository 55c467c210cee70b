"""Long work on the event loop, a little at a time: whoever has held it for long lets others go first."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable
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
        self._let_on = 0

    async def wait(self) -> None:
        """Until it is our turn; at once if the loop has not been held for long."""
        if not self._waiting and time.perf_counter() - self._began < TURN_S:
            return
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._at_once = 1
            loop.call_soon(self._next)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn
        while time.perf_counter() - self._began > TURN_S:  # those who were let on before have taken all of it
            turn = loop.create_future()
            if not self._waiting:
                loop.call_soon(self._next)
            self._waiting.appendleft(turn)
            await turn

    async def through(self, values: Iterable[T]) -> AsyncIterator[T]:
        """Each of them, when it is our turn."""
        for value in values:
            yield value
            await self.wait()

    def _next(self) -> None:
        """Once for each round of the loop: those whose turn it is, as many as the last round had time for."""
        now = time.perf_counter()
        took, self._began = now - self._began, now
        if took > TURN_S / 2:
            self._at_once = max(1, self._at_once // 2)
        elif self._let_on == self._at_once:  # else nothing is known of how long so many take
            self._at_once = min(AT_ONCE_MAX, 2 * self._at_once)
        self._let_on = min(self._at_once, len(self._waiting))
        for _ in range(self._let_on):
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


class Made(Generic[T]):
    """A value that is made when it is its turn."""

    __slots__ = ("_make", "_turns")

    def __init__(self, turns: Turns, make: Callable[[], T]) -> None:
        self._turns = turns
        self._make = make

    def __await__(self) -> Generator[Any, None, T]:
        yield from self._turns.wait().__await__()
        return self._make()


def paced(make: Callable[[], list[T]]) -> Any:
    """A resolver's list: made at once, or in an operation that takes turns, when it is its turn to be gone through."""
    turns = TURNS.get()
    return make() if turns is None else Made(turns, make)


def paced_later(value: Awaitable[T]) -> Awaitable[T]:
    """The same of what is awaited."""
    turns = TURNS.get()
    return value if turns is None else Paced(turns, value)
