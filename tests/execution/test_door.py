"""The door of a connection: what is kept is answered at once, everything else by aiohttp, each request once and in order."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest
from aiohttp import web

from execution.door import HALL, Hall, Runner
from execution.front import Front
from tests.execution.conftest import SCHEMA, Server, Values, _Context, body

QUERY = body("{ page { number } }")
DATE = re.compile(rb"Date: [^\r]*")
WAIT_S = 5


def post(content: bytes = QUERY, *headers: str, target: str = "/graphql") -> bytes:
    """A request as clients write it."""
    lines = [f"POST {target} HTTP/1.1", "Host: here", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


Enter = Callable[[], Awaitable["Wire"]]


class House:
    """A server with doors on a free port, and what aiohttp was asked of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.world = server.world
        self.stock: list[bytes] = []
        self.turns = asyncio.Semaphore(1_000)  # of what aiohttp is asked
        app = web.Application()
        app.router.add_post("/graphql", Front(server.engine, self._stock).handle)
        app.router.add_get("/other", self._other)
        app.on_response_prepare.append(self._mark)
        self.hall = app[HALL] = Hall(server.engine, "/graphql", self._more)
        self.runner = Runner(app, access_log=None)
        self.port = 0

    async def _stock(self, request: web.Request) -> web.Response:
        content = await request.read()
        self.stock.append(content)
        await self.turns.acquire()
        asker = await self.world.asker(request.headers)
        query = orjson.loads(content)["query"]
        found = await SCHEMA.execute(query, context_value=_Context(self.world, asker))
        return web.Response(body=orjson.dumps({"data": found.data}), content_type="application/json", charset="utf-8")

    async def _other(self, _request: web.Request) -> web.Response:
        return web.Response(text="other")

    def _more(self, headers: Any) -> dict[str, str]:
        return {"X-Mark": headers.get("X-Unseen", "ours")}

    async def _mark(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._more(request.headers))

    @property
    def ready(self) -> int:
        """How many answers were given that were kept."""
        return self.server.engine.counts["kept"]


class Wire:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[bytes, bytes]:
        """Head and body of the next."""
        async with asyncio.timeout(WAIT_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            found = re.search(rb"Content-Length: (\d+)", head)
            assert found, head
            return head, await self.reader.readexactly(int(found[1]))

    async def ask(self, data: bytes) -> tuple[bytes, bytes]:
        self.send(data)
        return await self.answer()


@pytest.fixture
async def house(server: Server) -> AsyncIterator[House]:
    house = House(server)
    await house.runner.setup()
    assert house.runner.server is not None
    listening = await asyncio.get_running_loop().create_server(house.runner.server, "127.0.0.1", 0)
    house.port = listening.sockets[0].getsockname()[1]
    yield house
    for _ in range(10):
        house.turns.release()
    listening.close()
    await house.runner.cleanup()


@pytest.fixture
async def enter(house: House) -> AsyncIterator[Enter]:
    """Opens connections to a house that has the answer to QUERY ready."""
    wires: list[Wire] = []

    async def enter() -> Wire:
        wires.append(Wire(*await asyncio.open_connection("127.0.0.1", house.port)))
        for _ in range(0 if house.world.made else 3):  # seen, planned, made
            await wires[-1].ask(post())
        return wires[-1]

    yield enter
    for wire in wires:
        wire.writer.close()
        await asyncio.gather(wire.writer.wait_closed(), return_exceptions=True)


@pytest.fixture
async def wire(enter: Enter) -> Wire:
    return await enter()


@pytest.fixture
async def asking(house: House, enter: Enter) -> Wire:
    """A connection to a house whose proofs have to be asked."""
    house.world.is_prompt = False
    return await enter()


async def test_what_is_kept_is_answered_as_aiohttp_answers_it(house: House, wire: Wire, enter: Enter) -> None:
    made = await wire.ask(post(QUERY, "X-Odd: 1", "Transfer-Encoding: "))  # not framed here for its last header

    again = await (await enter()).ask(post())

    assert DATE.sub(b"", again[0]) == DATE.sub(b"", made[0])
    assert again[1] == made[1] == PAGE
    assert (len(house.stock), house.ready) == (2, 2)


async def test_who_is_not_admitted_at_once_is_aiohttps_to_judge(house: House, wire: Wire) -> None:
    asked: list[Any] = []
    house.hall.admits = lambda *who: bool(asked.append(who))

    await wire.ask(post(QUERY, "X-Unseen: 1"))

    assert [(peer, headers["X-Unseen"]) for peer, headers in asked] == [("127.0.0.1", "1")]
    assert (house.ready, house.server.engine.meter.planned.total()) == (1, 2)


async def test_of_who_gets_an_answer_from_aiohttp_nothing_is_taken(house: House, wire: Wire) -> None:
    asked: list[Any] = []
    house.hall.admits = lambda *who: not asked.append(who)
    house.world.version += 1

    await wire.ask(post())
    assert asked == []

    await wire.ask(post())
    assert len(asked) == 1


async def test_an_answer_has_the_headers_that_go_with_its_requests(house: House, wire: Wire) -> None:
    for mark in ("a", "b", "a"):
        assert f"X-Mark: {mark}\r\n".encode() in (await wire.ask(post(QUERY, f"X-Unseen: {mark}")))[0]


async def test_a_door_goes_on_after_aiohttp_has_answered(house: House, wire: Wire) -> None:
    for _ in range(3):
        assert (await wire.ask(b"GET /other HTTP/1.1\r\nHost: here\r\n\r\n"))[1] == b"other"
        assert (await wire.ask(post(body("{ unmarked }"))))[1] == b'{"data":{"unmarked":"unmarked"}}'
        ready = house.ready
        await wire.ask(post())
        assert house.ready == ready + 1


@pytest.mark.parametrize("size", [1, 7, 60])
async def test_a_request_may_come_in_pieces(house: House, wire: Wire, size: int) -> None:
    data = post()
    ready = house.ready
    for at in range(0, len(data), size):
        wire.send(data[at : at + size])
        await wire.writer.drain()
        await asyncio.sleep(0.001)

    assert (await wire.answer())[1] == PAGE
    assert house.ready == ready + 1  # by aiohttp, if its head came in two


async def test_a_body_after_its_head_is_still_the_doors(house: House, wire: Wire) -> None:
    head, _, content = post().partition(b"\r\n\r\n")
    for _ in range(3):
        wire.send(head + b"\r\n\r\n" + content[:5])
        await asyncio.sleep(0.01)
        wire.send(content[5:])
        assert (await wire.answer())[1] == PAGE
    assert len(house.stock) == 2


PAGE, SLOW, OTHER = b'{"data":{"page":{"number":1}}}', body("{ unmarked }"), body("{ awaited }")
UNMARKED, AWAITED = b'{"data":{"unmarked":"unmarked"}}', b'{"data":{"awaited":"awaited"}}'


@pytest.mark.parametrize("cuts", [[0], [], [0, 30]], ids=["each alone", "two in one", "in pieces"])
async def test_what_is_ready_waits_for_what_was_asked_before(house: House, wire: Wire, cuts: list[int]) -> None:
    """cuts: where in the second request a segment begins."""
    house.turns = asyncio.Semaphore(0)
    first, both = post(SLOW), post(SLOW) + post(OTHER)
    for start, end in pairwise([0, *(len(first) + cut for cut in cuts), len(both)]):
        wire.send(both[start:end])
        await asyncio.sleep(0.02)
    wire.send(post())
    await asyncio.sleep(0.02)
    house.turns.release()
    assert (await wire.answer())[1] == UNMARKED
    wire.send(post())  # while aiohttp has the second one
    await asyncio.sleep(0.02)
    house.turns.release()

    assert [(await wire.answer())[1] for _ in range(3)] == [AWAITED, PAGE, PAGE]


async def test_what_comes_after_two_in_one_is_aiohttps(house: House, wire: Wire) -> None:
    house.turns = asyncio.Semaphore(1)
    wire.send(post(SLOW) + post(OTHER))
    assert (await wire.answer())[1] == UNMARKED

    wire.send(post())
    await asyncio.sleep(0.02)
    house.turns.release()

    assert [(await wire.answer())[1] for _ in range(2)] == [AWAITED, PAGE]


@pytest.mark.parametrize(
    "inner",
    [
        post(),
        b"\r\n" + post(),
        post(QUERY, "Content-Length: 3"),
        post(QUERY, "Transfer-Encoding: chunked"),
        post(QUERY, "Connection: close"),
    ],
)
async def test_a_request_in_another_ones_body_is_no_request(house: House, wire: Wire, inner: bytes) -> None:
    """Its bytes come as a segment of their own, as whoever wants to smuggle it would have it."""
    outer = post(b" " * len(inner), "X-Odd: \t", target="/other-path")
    wire.send(outer[: -len(inner)])
    await asyncio.sleep(0.02)
    wire.send(inner)
    await wire.answer()

    wire.send(post(body("{ awaited }")))
    assert (await wire.answer())[1] == b'{"data":{"awaited":"awaited"}}'


def head(*headers: str, first: str = "POST /graphql HTTP/1.1") -> bytes:
    """A request's, of a body of five bytes."""
    return "\r\n".join([first, *headers, "Content-Type: application/json", "Content-Length: 5", "", ""]).encode()


@pytest.mark.parametrize(
    "text",
    [
        head("Content-Length: 5"),
        head("content-length: 6"),
        head("Content-Length : 6"),
        head("Transfer-Encoding: chunked"),
        head("Expect: 100-continue"),
        head("Connection: close"),
        head("Connection: Upgrade"),
        head("Upgrade: websocket"),
        head("X: a\nContent-Length: 6"),
        head("X: a\rContent-Length: 6"),
        head("X: a", " folded"),
        head("X: \x00"),
        head("X: \u00e9"),
        head("X:"),
        head(first="POST /graphql HTTP/1.0"),
        head(first="POST  /graphql HTTP/1.1"),
        head(first="PUT /graphql HTTP/1.1"),
        head(first="\r\nPOST /graphql HTTP/1.1"),
        head().replace(b"5", b"123456"),
        head().replace(b"5", b"-5"),
        head().replace(b"5", b"5, 5"),
        head("X: " + 8_000 * "a"),
    ],
)
def test_a_head_of_which_there_could_be_doubt_is_aiohttps(house: House, text: bytes) -> None:
    assert house.hall.head(text) is None


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        (head(), True),
        (head("Accept: application/graphql-response+json", "connection: Keep-Alive"), True),
        (head("Accept: text/event-stream"), False),
        (head("Content-Encoding: gzip"), False),
        (head(first="POST /graphql?a=b HTTP/1.1"), False),
        (head(first="POST /other HTTP/1.1"), False),
        (head(first="GET /graphql HTTP/1.1"), False),
        (head("later: who asks cannot be told at once"), False),
    ],
)
def test_what_is_framed_is_ours_if_its_body_says_all(house: House, text: bytes, is_ours: bool) -> None:
    for _ in range(2):
        found = house.hall.head(text)
        assert found is not None
        assert (found.length, found.asker is not None) == (5, is_ours)


async def test_a_proof_is_waited_for(house: House, asking: Wire) -> None:
    for _ in range(2):
        asking.send(post())
        await asyncio.sleep(0.02)
    assert len(house.world.asked) == 1
    for number in range(2):
        await until(lambda number=number: len(house.world.asked) > number)
        house.world.asked[number].set_result(None)

    assert [(await asking.answer())[1] for _ in range(2)] == [PAGE, PAGE]
    assert (house.ready, len(house.stock)) == (2, 2)


@pytest.mark.parametrize("fails", [True, False])
async def test_what_does_not_hold_is_made_anew(house: House, asking: Wire, fails: bool) -> None:
    asking.send(post())
    await until(lambda: house.world.asked)
    house.world.version += 1
    proof = house.world.asked[0]
    proof.set_exception(ConnectionError()) if fails else proof.set_result(None)
    await until(lambda: len(house.world.asked) > 1)
    house.world.asked[1].set_result(None)

    assert (await asking.answer())[1] == PAGE
    assert house.world.made == 2


async def test_at_the_end_what_waits_for_its_proof_is_answered(house: House, asking: Wire) -> None:
    asking.send(post())
    await until(lambda: house.world.asked)

    ending = asyncio.create_task(house.runner.cleanup())
    await asyncio.sleep(0.02)
    house.world.asked[0].set_result(None)

    assert (await asking.answer())[1] == PAGE
    assert await asking.reader.read() == b""
    await ending


async def test_who_goes_away_while_a_proof_is_waited_for_is_no_trouble(
    house: House, asking: Wire, enter: Enter, caplog: Any
) -> None:
    asking.send(post())
    await until(lambda: house.world.asked)

    asking.writer.transport.abort()
    await asyncio.sleep(0.02)
    house.world.asked[0].set_result(None)
    await asyncio.sleep(0.02)

    assert not caplog.records
    assert (await (await enter()).ask(post(body("{ awaited }"))))[1] == b'{"data":{"awaited":"awaited"}}'


async def test_a_long_answer_comes_whole_to_who_reads_slowly(house: House, wire: Wire) -> None:
    house.world.values = Values(text=300_000 * "x")
    content = body("{ values { text } }")
    answers = [await wire.ask(post(content)) for _ in range(4)]
    assert house.ready == 1
    assert len(answers[0][1]) > 300_000

    for _ in range(20):
        wire.send(post(content))
    await asyncio.sleep(0.2)
    found = [(await wire.answer())[1] for _ in range(20)]

    assert {len(one) for one in found} == {len(answers[-1][1])}


async def until(found: Any) -> None:
    async with asyncio.timeout(WAIT_S):
        while not found():
            await asyncio.sleep(0.001)
