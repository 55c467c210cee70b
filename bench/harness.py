"""What the benches share: medians of interleaved runs, a throw-away Postgres, and a table at the end."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import embedded


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a figure, and what it is to be compared with."""

    what: str
    figure: str
    target: str = ""


def medians(works: Mapping[str, Callable[[], object]], *, rounds: int, calls: int) -> dict[str, float]:
    """The median seconds a call of each work, the works taking turns, so that a slow moment of the machine hits all."""
    samples: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            began = time.perf_counter()
            for _ in range(calls):
                work()
            samples[name].append((time.perf_counter() - began) / calls)
    return {name: statistics.median(found) for name, found in samples.items()}


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an embedded Postgres in a folder that goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="chairtime-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield embedded.start(Path(folder) / "data")


def milliseconds(seconds: float) -> str:
    """Three figures or so."""
    return f"{seconds * 1e3:.0f} ms" if seconds >= 0.02 else f"{seconds * 1e3:.2f} ms"


def show(rows: list[Row]) -> None:
    """The table, and on what it was measured: a busy machine is slower, but the works that are compared took turns."""
    width = max(len(row.what) for row in rows)
    print(f"\nPython {platform.python_version()}, {_machine()}; medians\n")
    for row in rows:
        print(f"{row.what:<{width}}  {row.figure:>18}  {row.target}")


def _machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores {platform.machine()} {sys.platform}{load}"
