"""Lines of the log, of which several processes write into one file."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr

import pytest
import structlog

from ops import logs


class Written(io.StringIO):
    """What it is given, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)


@pytest.fixture
def as_before() -> Iterator[None]:
    """How things are logged is as it was afterwards."""
    known, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**known)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("as_before")
def test_a_line_is_written_at_once_or_those_of_other_workers_come_between() -> None:
    with redirect_stderr(Written()) as written:
        logs.configure(worker=7)
        structlog.get_logger().warning("slow", ms=101)
        logging.getLogger("aiohttp").error("as aiohttp says it")

    first, second = written.writes
    assert {"worker": 7, "event": "slow", "ms": 101}.items() <= json.loads(first).items()
    assert first.endswith("}\n")
    assert second == "worker 7: ERROR:aiohttp:as aiohttp says it\n"
