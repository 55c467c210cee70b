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
AT_ONCE = 4


class Turns:
    """The turns of a server's long operations: all together hold the loop for one turn, then everything else has its own."""

    def __init__(self) -> None:
        self._began = 0.0
        self._is_new = False  # a turn that the first who is let on will begin
        self._let_on: set[int] = set()  # whose turn it is: ids of tasks, which would else be kept
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Until it is our turn; at once while the one that has begun lasts, for those who have it, or if nobody waits."""
        who, join = id(asyncio.current_task()), self._waiting.append
        while time.perf_counter() - self._began > TURN_S or (self._waiting and who not in self._let_on):
            turn = asyncio.get_running_loop().create_future()
            if not self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
            join(turn)
            await turn
            if self._is_new:
                self._is_new, self._began = False, time.perf_counter()
                self._let_on.clear()
            self._let_on.add(who)
            join = self._waiting.appendleft  # if those who were let on before us have taken all of it

    async def through(self, values: Iterable[T]) -> AsyncIterator[T]:
        """Each of them, when it is our turn."""
        is_first = True
        for value in values:
            if not is_first:
                await self.wait()
            is_first = False
            yield value

    def _next(self) -> None:
        """Once for each round of the loop: a new turn, for the first of those who wait."""
        self._is_new = True
        for _ in range(min(AT_ONCE, len(self._waiting))):
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
