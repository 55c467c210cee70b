"""Limits that an operator sets, and headers that are too much together, over real connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from aiohttp import web

from db.pool import StartupError
from ops.limiting import Site, limits_of
from resolvers.app import Limits

MOST = 50_000


def test_a_limit_is_set_by_its_name() -> None:
    assert limits_of(["tokens=3000", "seconds=2.5"]) == Limits(tokens=3000, seconds=2.5)
    assert limits_of([]) == Limits()


@pytest.mark.parametrize(
    "given",
    ["tokens", "tokens=", "tokens=x", "tokens=0", "tokens=-1", "tokens=1.5", "nothing=5", "seconds=inf", "__doc__=1"],
)
def test_what_is_no_limit_is_refused_in_words(given: str) -> None:
    with pytest.raises(StartupError, match="is not NAME=NUMBER, as tokens=3000; names are aliases,"):
        limits_of([given])


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """A server that says how long a body was."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    app = web.Application(client_max_size=10 * MOST)
    app.router.add_route("*", "/", handle)
    runner = web.AppRunner(app, access_log=None, max_field_size=10 * MOST)
    await runner.setup()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        await Site(runner, listening, MOST).start()
        yield listening.getsockname()
        await runner.cleanup()


async def answered(address: tuple[str, int], *sent: bytes) -> bytes:
    """All that comes back."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        for one in sent:
            writer.write(one)
            await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            found = await reader.read()
    finally:
        writer.close()
    return found


def head(*sizes: int, more: str = "") -> bytes:
    """A request's, with headers of these sizes."""
    lines = "".join(f"X-{number}: {'x' * size}\r\n" for number, size in enumerate(sizes))
    return f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{more}{lines}\r\n".encode()


async def test_headers_that_are_too_much_together_are_refused_before_they_have_come(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    whole = head(*[10_000] * 100)
    pieces = [whole[at : at + 20_000] for at in range(0, 60_000, 20_000)]

    found = await answered(address, *pieces)

    assert b" 400 " in found[:20]
    assert b"header_bytes: more than 50,000" in found
    assert caplog.records == []


async def test_a_long_one_and_a_long_body_are_let_in(address: tuple[str, int]) -> None:
    body = b"x" * (5 * MOST)
    whole = head(40_000, more=f"Content-Length: {len(body)}\r\n")

    found = await answered(
        address, whole[:30_000], whole[30_000:], *(body[at : at + MOST] for at in range(0, len(body), MOST))
    )

    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.endswith(str(len(body)).encode())


async def test_what_is_no_http_is_answered_without_a_traceback(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    for nonsense in (b"\x16\x03\x01\x00\xa5", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\na b\x00: c\r\n\r\n"):
        assert b" 400 " in (await answered(address, nonsense))[:20]

    assert caplog.records == []


async def test_each_request_of_a_connection_is_counted_by_itself(address: tuple[str, int]) -> None:
    kept = head(30_000, more="Content-Length: 0\r\n").replace(b"Connection: close\r\n", b"")

    found = await answered(address, kept, kept, kept, head(more="Content-Length: 0\r\n"))

    assert found.count(b"HTTP/1.1 200 ") == 4
