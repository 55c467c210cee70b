"""Processes on loopback, each on the core that is meant for it, and what of that core they have used.

The server that is measured has a core of its own. The load and Postgres share another one: Postgres has little to do (reads
in flight share a query), the load waits more than it works, and what matters is that neither takes time from the server. With
a third core Postgres has that. No Redis runs: one process answers, and memory is its cache.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.http.client import Address

ROOT = Path(__file__).parents[2]
START_S = 60
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
WHERE = re.compile(r"http://([\d.]+):(\d+)/graphql")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core is whose; all the same where there is only one."""

    server: int
    load: int
    postgres: int

    @classmethod
    def of_machine(cls) -> Cores:
        """The first three that this process may use."""
        free = sorted(os.sched_getaffinity(0))
        return cls(free[0], free[min(1, len(free) - 1)], free[min(2, len(free) - 1)])

    def __str__(self) -> str:
        return f"server on core {self.server}, load on {self.load}, Postgres on {self.postgres}"


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started here stays on a core; this process comes back."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Server:
    """A process that answers."""

    def __init__(self, name: str, process: subprocess.Popen[str], address: Address) -> None:
        self.name = name
        self.address = address
        self._process = process

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, in user and kernel, to the hundredth."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS_A_SECOND


@contextmanager
def running(name: str, command: Sequence[str | Path], *, core: int, log: Path) -> Iterator[Server]:
    """A process on a core, from when it says where it listens. log: gets its stderr."""
    with log.open("w") as errors, on_core(core):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=os.environ | {"NODE_ENV": "production", "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield Server(name, process, _address(name, process, log))
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(name: str, process: subprocess.Popen[str], log: Path) -> Address:
    assert process.stdout is not None
    began = time.monotonic()
    for line in process.stdout:
        if found := WHERE.search(line):
            return found[1], int(found[2])
        if time.monotonic() - began > START_S:
            break
    raise SystemExit(f"{name} does not start: {log.read_text()[-2000:]}")


def options_of_serve() -> Callable[[str], bool]:
    """Whether `server.py serve` has an option."""
    asked = subprocess.run(
        [sys.executable, ROOT / "server.py", "serve", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return lambda option: re.search(rf"{re.escape(option)}\b", asked.stdout) is not None
