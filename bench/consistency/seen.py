"""What readers bring home."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import NamedTuple


class Wrong(NamedTuple):
    """A wrong read at a server, by number, and when the oldest booking that it did not know of was acknowledged."""

    server: int
    acknowledged: float
    sent: float
    answered: float


@dataclass(slots=True)
class Seen:
    """What the reads during one fault at one freshness came to. failed: not answered, or with errors."""

    seconds: array[float] = field(default_factory=lambda: array("d"))
    wrong: list[Wrong] = field(default_factory=list)
    failed: int = 0

    def add(self, other: Seen) -> None:
        """Adds what another process has seen."""
        self.seconds.extend(other.seconds)
        self.wrong += other.wrong
        self.failed += other.failed


Sight = dict[tuple[int, str], Seen]  # by fault and freshness
