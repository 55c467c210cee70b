"""What each process of a server counts, put where the others find it: a file a process, written whole each second."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog

ENDED = "ended"

log = structlog.get_logger("metrics")


class Record(NamedTuple):
    """metrics: values by metric and labels. cache: resolvers/counting.py's numbers, for cacheStats. Both are JSON values."""

    metrics: dict[str, list[tuple[list[str], list[float]]]]
    cache: dict[str, Any]


class Shelf:
    """A folder of records, of processes that run and, in one, of those that have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = threading.Lock()

    def put(self, record: Record) -> None:
        """Puts this process's record there. Whoever reads sees the one before or this one, whole."""
        with self._writing:
            self._write(str(os.getpid()), {"metrics": record.metrics, "cache": record.cache})

    def others(self) -> list[Record]:
        """All but this process's own."""
        own = str(os.getpid())
        running = [(file, self._read(file)) for file in self._processes() if file != own]
        # Read last: whose record was added to it in the meantime is in both, and none is in neither.
        ended = self._read(ENDED)
        found = [one for file, one in running if one and not (ended and file == ended["last"])]
        return [Record(one["metrics"], one["cache"]) for one in (*found, ended) if one]

    def bury(self, pid: int, together: Callable[[Iterable[Record]], Record]) -> None:
        """Adds a process that has ended to the others that have: what it did counts on. For the supervisor alone."""
        try:
            last = self._read(str(pid))
            if last is None:
                return
            before = self._read(ENDED)
            found = together([Record(one["metrics"], one["cache"]) for one in (before, last) if one])
            self._write(ENDED, {"metrics": found.metrics, "cache": found.cache, "last": str(pid)})
            (self._folder / str(pid)).unlink(missing_ok=True)
        except (OSError, ValueError) as error:  # the supervisor has more important things to do
            log.warning("what a worker did that ended is not counted any more", worker=pid, error=str(error))

    def _processes(self) -> list[str]:
        return [one for one in os.listdir(self._folder) if one.isdigit()]

    def _read(self, file: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = orjson.loads((self._folder / file).read_bytes())
        except FileNotFoundError:
            return None
        return found

    def _write(self, file: str, what: dict[str, Any]) -> None:
        new = self._folder / f"{file}.new"
        new.write_bytes(orjson.dumps(what))
        new.replace(self._folder / file)
