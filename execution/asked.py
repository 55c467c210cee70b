"""The request under way: its number for the log, and what it has cost so far."""

from __future__ import annotations

import itertools
import os
import re
import secrets
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any

import structlog

SLOW_S = 0.1
GIVEN = re.compile(r"[\w.:-]{1,64}")

log = structlog.get_logger("slow")
_numbers = itertools.count(1)
_process = (0, "")


class Asked:
    """One request over HTTP, or one operation over a WebSocket.

    availabilities: that a plan computed for it.
    statements: that ran for it alone; what it shares with others, as the check of versions, is theirs too and not counted.
    kind, operation: as far as they are known. standing: where its asker stands with a quota, if that was asked.
    given: the id that whoever is before us gave it. ends_with_answer: there is nothing around its operation.
    """

    # Of the class until they are set: one of these is made for each request, and most are never looked at.
    statements = availabilities = 0
    kind = operation = ""
    given: str | None = None
    ends_with_answer = False
    standing: Any = None
    _number = 0

    def answered(self, kind: str, operation: str, seconds: float) -> None:
        """By the stock path, which knows what was asked."""
        self.kind, self.operation = kind, operation
        if self.ends_with_answer:
            tell_if_slow(self, seconds)

    @property
    def id(self) -> str:
        """Made when somebody wants it."""
        if self.given and GIVEN.fullmatch(self.given):
            return self.given
        self._number = self._number or next(_numbers)
        return f"{_mark()}-{self._number:x}"


current: ContextVar[Asked | None] = ContextVar("asked", default=None)


def begin() -> Asked:
    """What follows is of a new request."""
    asked = Asked()
    current.set(asked)
    return asked


def count_statement(_name: str, _seconds: float) -> None:
    """For db.queries.observers."""
    asked = current.get()
    if asked is not None:
        asked.statements += 1


def tell_if_slow(asked: Asked, seconds: float) -> None:
    """Logs what took long; its operation is not known where a plan answered."""
    if seconds > SLOW_S:
        known: Mapping[str, str] = (
            {"kind": asked.kind, "operation": asked.operation} if asked.kind else {"kind": "plan"}
        )
        log.warning("slow", ms=round(seconds * 1000), statements=asked.statements, **known)


def add_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For structlog: each line that is written for a request has its id."""
    asked = current.get()
    if asked is not None:
        event.setdefault("request_id", asked.id)
    return event


def _mark() -> str:
    """Of this process, made anew after a fork."""
    global _process  # noqa: PLW0603 - workers are forks, which must not share it
    if _process[0] != os.getpid():
        _process = os.getpid(), secrets.token_hex(4)
    return _process[1]
