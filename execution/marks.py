"""What a field says of itself, so that a plan may run it. Without a mark, a resolver that takes `info` sends its operation to
the stock view; one that takes none must depend on its object and its arguments alone.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "__execution_mark__"


class Kind(Enum):
    """PLAIN: a function of its object, its arguments and `info.context`. LATER: as plain; its result is awaitable, and must
    not ask for anything more when awaited than it asked for when called. SETTLED: see `settled`. MOMENTARY: see `momentary`.
    """

    PLAIN = 1
    LATER = 2
    SETTLED = 3
    MOMENTARY = 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A field's. value: of SETTLED and MOMENTARY fields, what an answer served again has there. of: see `momentary`."""

    kind: Kind = Kind.PLAIN
    value: Callable[..., Any] | None = None
    of: str = ""
    is_by_asker: bool = False


def planned(resolver: F) -> F:
    """The result depends on the object, the arguments and what `info.context` shows of the world, not on who asks."""
    return _marked(resolver, Mark())


def planned_later(resolver: F) -> F:
    """As `planned`; the result is awaitable. All of an operation's are called before the first is awaited."""
    return _marked(resolver, Mark(Kind.LATER))


def settled(value: Callable[[Any], Any]) -> Callable[[F], F]:
    """The field tells how the answer was found; in an answer that is served again it is `value(object)`."""
    return lambda resolver: _marked(resolver, Mark(Kind.SETTLED, value))


def momentary(of: str, value: Callable[[Any, Any], Any]) -> Callable[[F], F]:
    """The field changes with time; in an answer that is served again it is `value(object.of, moment)`, once for all that have
    the same there.
    """
    return lambda resolver: _marked(resolver, Mark(Kind.MOMENTARY, value, of))


def by_asker(resolver: F) -> F:
    """The result depends on who asks too. The proof of an answer names those for whom it would be another."""
    return _marked(resolver, Mark(is_by_asker=True))


def mark_of(resolver: Any) -> Mark | None:
    """The mark of a resolver's function."""
    return getattr(resolver, ATTRIBUTE, None)


def _marked(resolver: F, mark: Mark) -> F:
    setattr(resolver, ATTRIBUTE, mark)
    return resolver


class Written(str):
    """A scalar's value that is written out already: `serialize` gives it back as it is, and plans do not ask."""

    __slots__ = ()


class Kept(Protocol):
    """A value whose rendering can be kept with what it was made of: objects that LATER fields give may have a `shelf`."""

    def shelf(self) -> tuple[dict[Hashable, Any], Hashable] | None:
        """Where to keep it, and what else the rendering depends on; the shelf goes when what is on it is no longer true."""
