"""R14 across real processes, over HTTP, while something breaks. The long form is `python -m bench.consistency --fault all`."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench.consistency import salon, trial
from bench.consistency.board import Board
from bench.consistency.faults import FAULTS
from bench.consistency.figures import Result
from bench.consistency.reader import Connection, Reader
from bench.consistency.seen import Seen, Wrong
from bench.consistency.trial import Plan

SOAK = "CHAIRTIME_SOAK" in os.environ
READS = int(os.environ.get("CHAIRTIME_CONSISTENCY_READS", "1000000"))
MUTANT_READS_MAX = 10_000  # it is caught within hundreds
DAY = date(2030, 1, 7)
BOOKED, OTHER = 2, 3  # starts, by number


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path / "board", readers=1)


class Transport(asyncio.Transport):
    """What a connection writes to in vain."""

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return False


def answer(*offered: int) -> bytes:
    """As a server's, offering some starts."""
    body = " ".join(f'{{"startUtc":"{salon.starts(DAY)[n]}"}}' for n in offered).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nServer: us\r\n\r\n%s" % (len(body), body)


async def read_once(board: Board, meanwhile: dict[int, float], *pieces: bytes) -> Seen:
    """One VERIFIED read. meanwhile: what is on the board when its answer comes."""
    reader = Reader(board, 0, DAY, [0])
    connection = Connection(reader, server=0, stylist=0)
    connection.connection_made(Transport())
    for n, at in meanwhile.items():
        board.rows[0][n] = at
    for piece in pieces:
        connection.data_received(piece)
    return reader.sight[0, "VERIFIED"]


async def test_a_read_that_offers_what_was_acknowledged_before_it_was_sent_is_wrong(board: Board) -> None:
    board.rows[0][BOOKED] = 7.0

    seen = await read_once(board, {}, answer(BOOKED, OTHER))

    assert [one.acknowledged for one in seen.wrong] == [7.0]
    assert board.violations[0] == 1


async def test_an_answer_that_comes_in_pieces_is_judged_once(board: Board) -> None:
    board.rows[0][BOOKED] = 7.0
    whole = answer(BOOKED, OTHER)

    seen = await read_once(board, {}, whole[:20], whole[20:70], whole[70:])

    assert (len(seen.seconds), len(seen.wrong)) == (1, 1)


@pytest.mark.parametrize(
    ("before", "meanwhile", "offered"),
    [
        pytest.param(7.0, {}, [OTHER], id="it does not offer what is booked"),
        pytest.param(0.0, {BOOKED: 7.0}, [BOOKED], id="the booking was acknowledged after it was sent"),
        pytest.param(7.0, {BOOKED: 0.0}, [BOOKED], id="a cancel was sent before its answer came"),
        pytest.param(7.0, {BOOKED: 8.0}, [BOOKED], id="the start was freed and booked again meanwhile"),
    ],
)
async def test_a_read_is_right_when(
    board: Board, before: float, meanwhile: dict[int, float], offered: list[int]
) -> None:
    board.rows[0][BOOKED] = before

    seen = await read_once(board, meanwhile, answer(*offered))

    assert (len(seen.seconds), seen.wrong) == (1, [])


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", id="a status that is not 200"),
        pytest.param(answer(), id="no start at all: no day is ever full"),
    ],
)
async def test_what_is_no_answer_counts_as_failed(board: Board, told: bytes) -> None:
    seen = await read_once(board, {}, told)

    assert (len(seen.seconds), seen.failed) == (0, 1)


def test_what_a_stopped_server_answers_on_waking_is_told_apart() -> None:
    result = Result("worker-stopped", 9, 1, Counter(), stops=[(0, 10.0, 15.0)])
    result.seen["CACHED"].wrong += [
        Wrong(server=0, acknowledged=11.0, sent=14.0, answered=15.1),
        Wrong(server=1, acknowledged=11.0, sent=11.2, answered=11.3),
    ]

    assert result.staleness_s == pytest.approx([0.2])
    assert result.woken_s == [pytest.approx((3.0, 0.1))]


@pytest.mark.skipif(not SOAK, reason="a quarter of an hour and more: make soak")
async def test_no_verified_read_of_a_million_offers_what_was_booked_before_it(database_url: str) -> None:
    results = await trial.run(database_url, Plan(list(FAULTS), reads=-(-READS // len(FAULTS))))

    show(results)
    assert sum(one.violations for one in results) == 0
    assert sum(one.reads for one in results) >= READS


async def test_no_verified_read_offers_what_was_booked_before_it(database_url: str) -> None:
    """Every fault strikes once."""
    results = await trial.run(database_url, Plan(list(FAULTS), reads=1, rounds=1, stop_s=(0.7, 1.0), rest_s=0.4))

    show(results)
    assert [one.violations for one in results] == [0] * len(FAULTS)
    assert all(one.reads for one in results)
    assert sum(one.counts["bookings"] for one in results) > len(FAULTS)


async def test_a_version_check_that_joins_what_was_sent_is_caught(database_url: str) -> None:
    """While nobody listens: else the change drops the entry before an old answer can call it fresh."""
    (result,) = await trial.run(
        database_url, Plan(["listen-black-holed"], reads=MUTANT_READS_MAX, rest_s=0.1, mutant=True)
    )

    assert result.violations


def show(results: list[Result]) -> None:
    for result in results:
        print("", *(f"{row.what}: {row.figure}" for row in result.rows()), sep="\n")
