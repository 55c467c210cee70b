"""What writers have been told, in memory that all processes of a trial share."""

from __future__ import annotations

import mmap
from pathlib import Path

from bench.consistency.salon import STARTS, STYLISTS

OVER = -1
CELL = 8  # bytes


class Board:
    """A row of cells for each stylist, one for each start: when its booking was acknowledged, 0.0 while it may be free.

    Times are CLOCK_MONOTONIC's, which is one for all processes of a machine. A cell has one writer, and is set after the answer
    to a booking has come and cleared before its cancel is sent. No two bookings have the same time, so a reader that finds a
    cell as it was before sending knows that nobody has freed the start meanwhile. Cells are aligned words: never half written.
    """

    def __init__(self, path: Path, readers: int) -> None:
        """Makes the file at first. readers: how many processes count their reads here."""
        words = len(STYLISTS) * STARTS + 1 + 2 * readers
        with path.open("a+b") as file:
            file.truncate(words * CELL)
            self._memory = mmap.mmap(file.fileno(), words * CELL)
        cells = memoryview(self._memory).cast("d")
        self.rows = [cells[n * STARTS : (n + 1) * STARTS] for n in range(len(STYLISTS))]
        rest = cells[len(STYLISTS) * STARTS :]
        self._phase = rest[:1]
        self.reads = rest[1 : 1 + readers]
        self.violations = rest[1 + readers :]

    @property
    def phase(self) -> int:
        """The number of the fault at work, or OVER: then nobody sends any more."""
        return int(self._phase[0])

    @phase.setter
    def phase(self, number: int) -> None:
        self._phase[0] = number
