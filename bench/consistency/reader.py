"""A process that reads, as many times a second as the servers answer: `python -m bench.consistency.reader`.

It is told on standard input what to do and answers with what it has seen. HTTP is spoken by hand: a client library costs
more than a fast server.
"""

from __future__ import annotations

import asyncio
import json
import pickle
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from bench.consistency import salon
from bench.consistency.board import OVER, Board
from bench.consistency.seen import Seen, Sight, Wrong

HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)(?=\r\n).*?\r\n\r\n", re.IGNORECASE | re.DOTALL)
LOOK_S = 0.1
SILENT_S = 0.5  # then a server is taken to be stopped
PAUSE_MAX_S = 0.1
AGAIN_S = 0.2  # before a connection that broke is made again
KNOCKS_MAX = 100  # waiting at one server
LAST_ANSWERS_S = 15


class Connection(asyncio.Protocol):
    """One stylist read at one server, over and over, or once.

    pauses: between two reads. Those who never pause saturate a server, but all end up asking at the same time, since they are
    answered at the same time: a read that comes while another's version check is under way is sent by those who pause.
    """

    def __init__(self, reader: Reader, server: int, stylist: int, *, pauses: bool = False, once: bool = False) -> None:
        self._reader = reader
        self._server = server
        self._stylist = stylist
        self._pauses = pauses
        self._once = once
        self._row = reader.board.rows[stylist]
        self._request = reader.requests[stylist]
        self._freshness = salon.freshness_of(stylist)
        self._received = b""
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def _send(self) -> None:
        phase = self._reader.board.phase
        if phase == OVER or self._transport.is_closing():
            self._transport.close()
            return
        self._seen = self._reader.sight[phase, self._freshness]
        self._waiting = True
        self._booked = self._row.tolist()  # before it is sent: what was acknowledged by now must not be offered
        self._sent = time.monotonic()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = HEAD.match(self._received)
        if head is None or len(self._received) - head.end() < int(head[2]):
            return
        answered = time.monotonic()
        self._waiting = False
        body, self._received = self._received, b""
        if head[1] == b"200" and b'"errors"' not in body and b'"startUtc"' in body:  # no day is ever full
            self._judge(body, answered)
        else:
            self._seen.failed += 1
        self._reader.heard(self._server, answered)
        if self._once:
            self._transport.close()
        elif self._pauses:
            asyncio.get_running_loop().call_later(random.uniform(0, PAUSE_MAX_S), self._send)
        else:
            self._send()

    def _judge(self, body: bytes, answered: float) -> None:
        wrong = [
            at
            for n, at in enumerate(self._booked)
            if at and self._reader.starts[n] in body and self._row[n] == at  # as before: no cancel has been sent
        ]
        if wrong:
            self._seen.wrong.append(Wrong(self._server, min(wrong), self._sent, answered))
        self._seen.seconds.append(answered - self._sent)
        self._reader.count(self._freshness, is_wrong=bool(wrong))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._seen.failed += 1
        self._reader.closed(self, self._server, self._stylist, pauses=self._pauses, once=self._once)


class Reader:
    """All connections of this process."""

    def __init__(self, board: Board, number: int, day: date, ports: list[int]) -> None:
        self.board = board
        self.requests = [salon.read_request(stylist, day) for stylist in range(len(salon.STYLISTS))]
        self.starts = [start.encode() for start in salon.starts(day)]
        self.sight: Sight = defaultdict(Seen)
        self._number = number
        self._ports = ports
        self._heard = [time.monotonic()] * len(ports)
        self._knocks = [0] * len(ports)
        self._open: set[asyncio.Protocol] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def read(self, connections: list[int]) -> Sight:
        """Until the trial is over. connections: how many to each server, by stylist."""
        for server in range(len(self._ports)):
            for stylist, count in enumerate(connections):
                for number in range(count):
                    self._connect(server, stylist, pauses=bool(number % 2))
        while self.board.phase != OVER:
            await asyncio.sleep(LOOK_S)
            self._knock(time.monotonic())
        until = time.monotonic() + LAST_ANSWERS_S
        while (self._open or self._opening) and time.monotonic() < until:
            await asyncio.sleep(LOOK_S)
        return dict(self.sight)

    def _knock(self, now: float) -> None:
        """Reads of new clients at servers that say nothing: those who already wait send nothing while a server is stopped."""
        for server, heard in enumerate(self._heard):
            if now - heard > SILENT_S and self._knocks[server] + len(salon.STYLISTS) <= KNOCKS_MAX:
                for stylist in range(len(salon.STYLISTS)):
                    self._knocks[server] += 1
                    self._connect(server, stylist, once=True)

    def heard(self, server: int, at: float) -> None:
        """A server lives."""
        self._heard[server] = at

    def count(self, freshness: str, *, is_wrong: bool) -> None:
        """For who watches the trial."""
        if freshness == "VERIFIED":
            self.board.reads[self._number] += 1
            self.board.violations[self._number] += is_wrong

    def closed(self, connection: asyncio.Protocol, server: int, stylist: int, *, pauses: bool, once: bool) -> None:
        """A connection has ended; one that reads on is made again."""
        self._open.discard(connection)
        if once:
            self._knocks[server] -= 1
        elif self.board.phase != OVER:
            again = partial(self._connect, server, stylist, pauses=pauses)
            asyncio.get_running_loop().call_later(AGAIN_S, again)

    def _connect(self, server: int, stylist: int, *, pauses: bool = False, once: bool = False) -> None:
        task = asyncio.create_task(self._make(server, stylist, pauses=pauses, once=once))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _make(self, server: int, stylist: int, *, pauses: bool, once: bool) -> None:
        connection = Connection(self, server, stylist, pauses=pauses, once=once)
        self._open.add(connection)
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", self._ports[server])
        except OSError:
            self.closed(connection, server, stylist, pauses=pauses, once=once)


def main(told: dict[str, Any], answer: Callable[[bytes], object]) -> None:
    """told: board, readers, number, day, ports, connections."""
    board = Board(Path(told["board"]), told["readers"])
    reader = Reader(board, told["number"], date.fromisoformat(told["day"]), told["ports"])
    answer(pickle.dumps(asyncio.run(reader.read(told["connections"]))))


if __name__ == "__main__":
    main(json.load(sys.stdin), sys.stdout.buffer.write)
