"""A load generator that stays out of the way: ready bytes on kept-alive sockets, 20 to 30 us a request.

It is a loop of its own over epoll since asyncio would cost it more, and load that is slower than the bare server would measure
itself.
"""

from __future__ import annotations

import gc
import re
import select
import socket
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
OK = b"HTTP/1.1 200"
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
STATUS_AT = slice(9, 12)
ERRORS = b'"errors":'
RECEIVE_MAX, SCRATCH = 1 << 16, memoryview(bytearray(1 << 18))
TAIL = 4096
ANSWER_MAX_S = 30

Address = tuple[str, int]


class Failed(Exception):
    """An answer that is none: the run is void."""


class Request(NamedTuple):
    """What is sent, and who is to hear the answer's body, if anybody."""

    data: bytes
    then: Callable[[bytes], None] | None = None


def encode(body: bytes, address: Address) -> bytes:
    """A POST of JSON by the session `bench`."""
    host, port = address
    return (
        f"POST /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        f"X-Session-Id: bench\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Answer(NamedTuple):
    """Where in a buffer a whole answer has its body; chunks stand in it as they came."""

    status: int
    start: int
    end: int
    chunked: bool


def parse(buffer: bytes | bytearray) -> Answer | None:
    """The answer that a buffer holds, None if not yet all of it."""
    head = buffer.find(HEAD_END)
    if head < 0:
        return None
    start = head + len(HEAD_END)
    if found := LENGTH.search(buffer, 0, start):
        end = start + int(found[1])
        return Answer(int(buffer[STATUS_AT]), start, end, chunked=False) if len(buffer) >= end else None
    if not CHUNKED.search(buffer, 0, start):
        raise Failed(f"neither a length nor chunks: {bytes(buffer[:start])!r}")
    end = _chunks_end(buffer, start)
    return Answer(int(buffer[STATUS_AT]), start, end, chunked=True) if end else None


def missing(buffer: bytes | bytearray) -> int:
    """How much of an answer that is not whole is still to come; 0 if that is not known."""
    start = buffer.find(HEAD_END) + len(HEAD_END)
    found = LENGTH.search(buffer, 0, start) if start >= len(HEAD_END) else None
    return start + int(found[1]) - len(buffer) if found else 0


def body_of(buffer: bytes | bytearray, answer: Answer) -> bytes:
    """The body, of one piece."""
    if not answer.chunked:
        return bytes(buffer[answer.start : answer.end])
    return b"".join(bytes(buffer[start:end]) for start, end in _chunks(buffer, answer.start))


def _chunks(buffer: bytes | bytearray, at: int) -> Iterator[tuple[int, int]]:
    """Start and end of each chunk's data that is there, the empty last one too."""
    while (line := buffer.find(b"\r\n", at)) >= 0:
        start = line + 2
        end = start + int(buffer[at:line].split(b";")[0], 16)
        if len(buffer) < end + 2:
            return
        yield start, end
        if start == end:
            return
        at = end + 2


def _chunks_end(buffer: bytes | bytearray, at: int) -> int:
    """Where a body of chunks without trailers ends; 0 if not all of it is there."""
    return next((end + 2 for start, end in _chunks(buffer, at) if start == end), 0)


class Connection:
    """A kept-alive socket with one request under way at most."""

    __slots__ = ("_buffer", "_missing", "_socket", "_then", "number", "since")

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(ANSWER_MAX_S)
        self._buffer = bytearray()
        self._missing = 0
        self._then: Callable[[bytes], None] | None = None
        self.number = self._socket.fileno()
        self.since = 0.0

    def send(self, request: Request, since: float) -> None:
        """since: from when on the answer is waited for."""
        self.since = since
        self._then = request.then
        self._socket.sendall(request.data)

    def receive(self) -> bool:
        """Takes what has come; whether the answer is whole. Raises Failed for one that is no success."""
        if self._missing:
            return self._skip()
        data = self._socket.recv(RECEIVE_MAX)
        if not data:
            raise Failed("the server hangs up")
        buffer = self._buffer
        if buffer:
            buffer += data
        whole = buffer or data
        found = parse(whole)
        if found is None:
            if not buffer:
                buffer += data
            if self._then is None and buffer.startswith(OK):
                self._missing = missing(buffer)
            return False
        if found.status != 200 or whole.find(ERRORS, found.start) >= 0:
            raise Failed(f"{found.status}: {body_of(whole, found)[:2000].decode(errors='replace')}")
        if self._then is not None:
            self._then(body_of(whole, found))
        buffer.clear()
        return True

    def _skip(self) -> bool:
        """Takes more of a long answer that nobody is to hear, looking only at its end: what is asked has no field that may be
        null and is long, so an error leaves little of the rest.
        """
        count = self._socket.recv_into(SCRATCH)
        if not count:
            raise Failed("the server hangs up")
        self._missing -= count
        self._buffer += SCRATCH[max(0, count - TAIL) : count]
        if self._missing:
            return False
        if self._buffer.find(ERRORS, max(0, len(self._buffer) - TAIL)) >= 0:
            raise Failed(self._buffer[-TAIL:].decode(errors="replace"))
        self._buffer.clear()
        return True

    def ask(self, data: bytes) -> bytes:
        """The body of one answer, waited for."""
        bodies: list[bytes] = []
        self.send(Request(data, bodies.append), 0.0)
        while not self.receive():
            pass
        return bodies[0]

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Load:
    """What a run came to, from its first request to its last answer. latencies: seconds, in no order; own_cpu_s: the load's."""

    seconds: float
    latencies: array[float]
    own_cpu_s: float

    @property
    def answers(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def closed(address: Address, requests: Iterator[Request], *, connections: int, seconds: float) -> Load:
    """Each connection sends its next request as soon as it has the answer to its last."""
    with _Run(address, connections) as run:
        until = run.began + seconds
        while (now := time.perf_counter()) < until or run.busy:
            if now < until:
                while run.free:
                    run.send(next(requests), time.perf_counter())
            run.receive()
        return run.load()


def steady(address: Address, requests: Iterator[Request], *, rate: float, connections: int, seconds: float) -> Load:
    """Requests at fixed instants, whether answers come or not; a latency counts from that instant on, so that a request
    that had to wait for a free connection has waited.
    """
    with _Run(address, connections) as run:
        sent, total = 0, max(1, int(rate * seconds))
        while sent < total or run.busy:
            while run.free and sent < total and (due := run.began + sent / rate) <= time.perf_counter():
                run.send(next(requests), due)
                sent += 1
            run.receive(run.began + sent / rate - time.perf_counter() if run.free and sent < total else None)
        return run.load()


class _Run:
    """Connections, and which of them are free. No garbage is collected meanwhile."""

    def __init__(self, address: Address, connections: int) -> None:
        self.free = [Connection(address) for _ in range(connections)]
        self.busy: dict[int, Connection] = {}
        self._poll = select.epoll()
        self._latencies = array("d")
        for one in self.free:
            self._poll.register(one.number, select.EPOLLIN)

    def __enter__(self) -> Self:
        gc.collect()
        gc.disable()
        self._own_cpu = time.process_time()
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        gc.enable()
        for one in (*self.free, *self.busy.values()):
            one.close()
        self._poll.close()

    def send(self, request: Request, since: float) -> None:
        one = self.free.pop()
        self.busy[one.number] = one
        one.send(request, since)

    def receive(self, wait_s: float | None = None) -> None:
        """Takes the answers that are there; waits for one, or that long. Raises Failed."""
        if wait_s is not None:  # select waits to the microsecond, epoll to the millisecond
            select.select([self._poll], [], [], max(0.0, wait_s))
        found = self._poll.poll(ANSWER_MAX_S if wait_s is None else 0)
        if not found and wait_s is None:
            raise Failed(f"no answer within {ANSWER_MAX_S} s")
        for number, _ in found:
            one = self.busy[number]
            if one.receive():
                self._latencies.append(time.perf_counter() - one.since)
                del self.busy[number]
                self.free.append(one)

    def load(self) -> Load:
        return Load(time.perf_counter() - self.began, self._latencies, time.process_time() - self._own_cpu)
