"""Limits as an operator sets them; and the one that has to hold before there is a request: of its headers, all together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage, HttpProcessingError

from db.pool import StartupError
from resolvers.app import Limits


def limits_of(given: Iterable[str]) -> Limits:
    """Limits but for those given, each as NAME=NUMBER. Raises StartupError."""
    defaults = Limits()
    found: dict[str, Any] = {}
    for one in given:
        name, _, number = one.partition("=")
        default = getattr(defaults, name, None) if name in {limit.name for limit in fields(Limits)} else None
        try:
            found[name] = type(default)(number) if default is not None else -1
        except ValueError:
            found[name] = -1
        if not 0 < found[name] < float("inf"):
            names = ", ".join(sorted(limit.name for limit in fields(Limits)))
            raise StartupError(f"--limit: {one!r} is not NAME=NUMBER, as tokens=3000; names are {names}")
    return replace(defaults, **found)


class Site(web.SockSite):
    """aiohttp's, whose connections hang up on who sends more headers than there may be.

    aiohttp bounds each header, and how many there are, but not both together: 128 of a megabyte each would be kept.
    """

    def __init__(self, runner: web.BaseRunner, sock: Any, header_bytes: int) -> None:
        super().__init__(runner, sock)
        self._header_bytes = header_bytes

    async def start(self) -> None:
        logging.getLogger("aiohttp.server").addFilter(is_worth_a_line)
        await web.BaseSite.start(self)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=self._sock, backlog=self._backlog)

    def _connection(self) -> asyncio.BaseProtocol:
        assert self._runner.server is not None
        handler: Any = self._runner.server()
        handler._parser = Heads(handler._parser, self._header_bytes)
        return handler  # type: ignore[no-any-return]


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Whether what aiohttp logs is not just that somebody sent what is no HTTP, which it answers, and prints a traceback of."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


class Heads:
    """aiohttp's parser of requests, which counts what has come and is neither a request nor the body of one."""

    __slots__ = ("_body", "_held", "_most", "_parser")

    def __init__(self, parser: Any, most: int) -> None:
        self._parser = parser
        self._most = most
        self._held = 0
        self._body: Any = None

    def feed_data(self, data: bytes) -> Any:
        """As the parser's. Raises BadHttpMessage, upon which aiohttp answers with 400 and closes."""
        found = self._parser.feed_data(data)
        if found[0]:
            self._held = 0
            self._body = found[0][-1][1]
        elif self._body is None or self._body.is_eof():
            self._held += len(data)
            if self._held > self._most:
                raise BadHttpMessage(f"header_bytes: more than {self._most:,} of headers")
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)
