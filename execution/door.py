"""aiohttp's protocol of a connection, which answers by itself what is kept ready, as soon as its bytes are there.

What it takes is a POST with a head that it can frame beyond doubt, alone on its connection, for which the engine has an
answer. All else, and every doubt, is aiohttp's: its parser gets the very bytes.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from typing import Any, NamedTuple

from aiohttp import hdrs, web
from aiohttp.http import SERVER_SOFTWARE
from multidict import CIMultiDict

from execution import asked as under_way
from execution import media
from execution.answers import Bounded
from execution.engine import Asker, Engine
from execution.front import LENGTH_MAX, is_plain
from execution.oracle import Oracle
from execution.plans import Prepared

HEAD_END = b"\r\n\r\n"
# Narrower than HTTP: one spelling, so that no two parsers can disagree about where a request ends.
REQUEST_LINE = re.compile(rb"(GET|HEAD|POST|OPTIONS) (/[\x21-\x7e]*) HTTP/1\.1")
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
NOT_PLAIN = ("Transfer-Encoding", "Upgrade", "Expect", "Trailer", "TE")
OF_ONE = ("X-Request-Id",)  # whoever sends this sends another one each time
HEAD_LENGTH_MAX = 8_000
HEADS_SIZE_MAX = 4_000_000
# Longer answers are written in two: copying them costs more than a second call.
JOINED_MAX = 64_000
# So often a request goes aiohttp's way, whose clock of idle connections would else not hear of it.
RENEWED_S = 600.0


@dataclass(eq=False, slots=True)
class Head:
    """A request's head as it is remembered. length: of its body. asker: who asks, if that can be told at once; None for a
    request that is not ours to answer. lead: of the answer, up to its length. more: its last headers.
    """

    length: int
    headers: CIMultiDict[str]
    asker: Asker | None
    lead: bytes
    more: bytes


class Request(NamedTuple):
    """A whole request, as it came, with the answer that is kept of it. started: when, in seconds."""

    head: Head
    data: bytes
    body: bytes
    prepared: Prepared
    answer: Any
    started: float


def refuse_none(_peer: str, _headers: CIMultiDict[str]) -> web.Response | None:
    """Nobody is told not to ask."""
    return None


def admit_all(_peer: str, _headers: CIMultiDict[str]) -> bool:
    """Nobody is asked to wait."""
    return True


class Hall:
    """What the doors of a server share: what is kept ready, and the heads of requests.

    path: of what is answered. more: the headers of the answer to a request's headers, beside those of HTTP. admits: whether who
    asks, from an address, may be answered at once; else aiohttp's way decides. refuses: what they are answered whatever they ask;
    None for most.
    """

    def __init__(
        self,
        engine: Engine,
        path: str,
        more: Callable[[Mapping[str, str]], Mapping[str, str]],
        *,
        oracle: Oracle | None = None,
        admits: Callable[[str, CIMultiDict[str]], bool] = admit_all,
        refuses: Callable[[str, CIMultiDict[str]], web.Response | None] = refuse_none,
    ) -> None:
        self.engine = engine
        self.oracle = oracle
        self.admits = admits
        self.refuses = refuses
        self._path = path
        self._more = more
        self._heads: Bounded[bytes, Head] = Bounded(HEADS_SIZE_MAX)
        self._dated = (0, b"")

    def head(self, text: bytes) -> Head | None:
        """A head, with the empty line at its end; None if it is not plain."""
        found = self._heads.get(text)
        if found is None and len(text) <= HEAD_LENGTH_MAX:
            found = self._read(text)
            if found is not None and not any(name in found.headers for name in OF_ONE):
                self._heads.put(text, found, 4 * len(text) + 1000)
        return found

    def dated(self) -> bytes:
        """The middle of an answer's head, after its length."""
        now = int(time.time())
        if now != self._dated[0]:
            date = formatdate(now, usegmt=True)
            self._dated = now, f"\r\nDate: {date}\r\nServer: {SERVER_SOFTWARE}\r\n".encode()
        return self._dated[1]

    def _read(self, text: bytes) -> Head | None:
        first, *lines = text[: -len(HEAD_END)].split(b"\r\n")
        request, pairs = REQUEST_LINE.fullmatch(first), [HEADER.fullmatch(line) for line in lines]
        if request is None or not all(pairs):
            return None
        headers = CIMultiDict((pair[1].decode(), pair[2].decode()) for pair in pairs if pair)
        length = headers.get("Content-Length", "0")
        if (
            any(name in headers for name in NOT_PLAIN)
            or len(headers.getall("Content-Length", ())) > 1
            or not (length.isdigit() and len(length) <= LENGTH_MAX)
            or headers.get("Connection", "keep-alive").lower() != "keep-alive"
        ):
            return None
        answer_type = media.of_answer(headers.get("Accept"))
        is_ours = request[2].decode() == self._path and is_plain(request[1].decode(), self._path, headers)
        lead = f"HTTP/1.1 200 OK\r\nContent-Type: {answer_type}; charset=utf-8\r\nContent-Length: "
        asker = self._asker(headers) if is_ours and answer_type else None
        more = "".join(f"{name}: {value}\r\n" for name, value in self._more(headers).items()) if asker else ""
        return Head(int(length), headers, asker, lead.encode(), f"{more}\r\n".encode())

    def _asker(self, headers: Mapping[str, str]) -> Asker | None:
        try:
            return self.engine.asker_at_once(headers)
        except Exception:  # the stock view words it
            return None


HALL = web.AppKey("hall", Hall)


class Door(web.RequestHandler):
    """One connection. While it is FREE no request is under way and the next byte begins one. ASKED: aiohttp has one whole
    request. PROVING: we have one, and wait for its proof. LEFT: aiohttp has the connection for good.
    """

    FREE, ASKED, PROVING, LEFT = range(4)

    def __init__(self, manager: web.Server, hall: Hall, **options: Any) -> None:
        super().__init__(manager, **options)
        self._hall = hall
        self._stage = self.FREE
        self._begun = bytearray()
        self._proof: asyncio.Future[Any] | None = None
        self._is_closing = False
        self._renewed_at = time.perf_counter()
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Of asyncio.Protocol."""
        super().connection_made(transport)
        peer = self.peername
        self._peer = str(peer[0] if isinstance(peer, list | tuple) else peer or "")

    def data_received(self, data: bytes) -> None:
        """Of asyncio.Protocol."""
        if self._stage == self.FREE and data:
            if self._begun:
                self._begun += data
                data = bytes(self._begun)
            self._receive(data)
        elif self._stage == self.PROVING and data:
            self._begun += data  # it is after the answer, and whoever sends so much can wait
            if self.transport is not None:
                self.transport.pause_reading()
        else:
            if data:
                self._stage = self.LEFT
            super().data_received(data)

    def _receive(self, data: bytes) -> None:
        """The beginning of a request, or all of it."""
        end = data.find(HEAD_END) + len(HEAD_END)
        head = None if end < len(HEAD_END) or self._is_closing else self._hall.head(data[:end])
        missing = -1 if head is None else end + head.length - len(data)
        if missing > 0:
            if not self._begun:
                self._begun += data
            return
        self._begun.clear()
        if head is None or missing < 0:
            self._stage = self.LEFT
            super().data_received(data)
        elif head.asker is None or not self._answers(head, head.asker, data, data[end:]):
            self._hand_on(data)

    def _answers(self, head: Head, asker: Asker, data: bytes, body: bytes) -> bool:
        """Whether a request is answered here, or will be."""
        started = time.perf_counter()
        if self.writing_paused or started - self._renewed_at > RENEWED_S:
            return False
        try:
            refusal = self._hall.refuses(self._peer, head.headers)
            if refusal is not None:
                self._refuse(head, refusal)
                return True
            found = self._hall.engine.find(body, asker)
            if found is None:
                return False
            asked = Request(head, data, body, *found, started)
            proof = asked.answer.proof
            if not proof.is_prompt:
                return self._proves(asked, proof.ask())
            text = self._text(asked, None)
        except Exception:  # whatever it is, aiohttp's way comes upon it too
            return False
        if text is None:
            return False
        self._write(asked, text)
        return True

    def _proves(self, asked: Request, proof: asyncio.Future[Any] | None) -> bool:
        if proof is None:
            return False
        self._stage, self._proof = self.PROVING, proof
        proof.add_done_callback(partial(self._on_told, asked))
        return True

    def _text(self, asked: Request, told: Any) -> bytes | None:
        """The answer, if it is true and its asker is let in; of who gets it from aiohttp nothing is taken here."""
        moment, head = asked.answer.proof.judge(told), asked.head
        if moment is None or head.asker is None or not self._hall.admits(self._peer, head.headers):
            return None
        return self._hall.engine.give(asked.prepared, asked.answer, head.asker, moment)

    def _on_told(self, asked: Request, proof: asyncio.Future[Any]) -> None:
        self._stage, self._proof = self.FREE, None
        try:
            text = self._text(asked, proof.result())
        except (Exception, asyncio.CancelledError):
            text = None
        if self.transport is None:
            return
        if text is None:
            self._hand_on(asked.data)
        else:
            self._write(asked, text)
        if self._begun:
            after = bytes(self._begun)
            self._begun.clear()
            self.transport.resume_reading()
            self.data_received(after)
        if self._is_closing:
            super().close()

    def _refuse(self, head: Head, response: web.Response) -> None:
        text = response.body
        assert isinstance(text, bytes)
        said = head.more.lower()  # with each answer to this head
        headers = [(name, value) for name, value in response.headers.items() if f"{name.lower()}:".encode() not in said]
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers if name != hdrs.CONTENT_LENGTH)
        lead = f"HTTP/1.1 {response.status} {response.reason}\r\n{lines}Content-Length: {len(text)}"
        assert self.transport is not None
        self.transport.write(lead.encode() + self._hall.dated() + head.more + text)

    def _write(self, asked: Request, text: bytes) -> None:
        engine, oracle, transport = self._hall.engine, self._hall.oracle, self.transport
        lead = b"%b%d%b%b" % (asked.head.lead, len(text), self._hall.dated(), asked.head.more)
        assert transport is not None
        if len(text) <= JOINED_MAX:
            transport.write(lead + text)
        else:
            transport.write(lead)
            transport.write(memoryview(text))
        if oracle is not None:
            oracle.sample(asked.body, asked.head.headers, text)
        seconds = time.perf_counter() - asked.started
        engine.meter.planned_seconds.observe(seconds)
        if seconds > under_way.SLOW_S:
            under_way.tell_if_slow(under_way.Asked(), seconds)

    def _hand_on(self, data: bytes) -> None:
        """A whole request is aiohttp's."""
        self._stage = self.ASKED
        self._renewed_at = time.perf_counter()
        super().data_received(data)

    async def finish_response(self, *args: Any) -> Any:
        """aiohttp's; after it a request is over."""
        found = await super().finish_response(*args)
        if self._stage == self.ASKED:
            self._stage = self.FREE
        return found

    def close(self) -> None:
        """aiohttp's, after what waits for its proof."""
        self._is_closing = True
        if self._stage != self.PROVING:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as aiohttp's
        """aiohttp's, after what waits for its proof."""
        if self._proof is not None:
            await asyncio.wait([self._proof], timeout=timeout)
        await super().shutdown(timeout)


class Doors(web.Server):
    """aiohttp's server, whose connections are Doors."""

    def __init__(self, hall: Hall, handler: Any, **options: Any) -> None:
        super().__init__(handler, **options)
        self._hall = hall

    def __call__(self) -> Door:
        return Door(self, self._hall, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """aiohttp's runner of an application, with Doors if it has a hall."""

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        hall = self.app.get(HALL)
        if hall is None:
            return server
        return Doors(hall, server.request_handler, request_factory=server.request_factory, **self._kwargs)
