"""How lines are logged: for people on a terminal, else as JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from execution import asked


def configure(worker: int | None = None) -> None:
    """worker: the process's id, for each of its lines."""
    mark = {} if worker is None else {"worker": worker}

    def add_worker(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, **mark}

    start = "" if worker is None else f"worker {worker}: "
    logging.basicConfig(level=logging.WARNING, format=f"{start}{logging.BASIC_FORMAT}", force=True)
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)  # it prints a traceback a try while Postgres is away
    structlog.configure(
        processors=[
            add_worker,
            asked.add_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),  # a line in one write: workers share it
    )
