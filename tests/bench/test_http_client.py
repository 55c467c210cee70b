"""The load generator of bench.http: what it sends, what it makes of what comes, and that it keeps its rate."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator

import pytest

from bench.http import client
from bench.http.client import Answer, Failed, Request

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BY_LENGTH = HEAD + b"Content-Length: 11\r\n\r\n" + b'{"data":{}}'
BY_CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b'4\r\n{"da\r\n7;x=y\r\nta":{}}\r\n0\r\n\r\n'


def test_a_request_says_how_long_its_body_is() -> None:
    body = '{"query":"é"}'.encode()

    found = client.encode(body, ("127.0.0.1", 80))

    head, _, sent = found.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:80\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    assert sent == body


@pytest.mark.parametrize("whole", [BY_LENGTH, BY_LENGTH.lower().replace(b"http/1.1", b"HTTP/1.1"), BY_CHUNKS])
def test_an_answer_is_found_when_all_of_it_is_there(whole: bytes) -> None:
    assert not any(client.parse(whole[:length]) for length in range(len(whole)))

    found = client.parse(whole)

    assert found is not None
    assert found.status == 200
    assert found.end == len(whole)
    assert client.body_of(whole, found) == b'{"data":{}}'


def test_a_body_without_an_end_is_refused() -> None:
    with pytest.raises(Failed, match="neither"):
        client.parse(HEAD + b"\r\n")


def test_an_empty_body_is_whole() -> None:
    assert client.parse(HEAD + b"Content-Length: 0\r\n\r\n") == Answer(200, 70, 70, chunked=False)


@pytest.fixture
def server() -> Iterator[tuple[client.Address, list[bytes]]]:
    """Answers every request alike, in two pieces; what it answers can be changed."""
    listening = socket.create_server(("127.0.0.1", 0))
    answer = [BY_LENGTH]

    def serve(connection: socket.socket) -> None:
        with connection:
            while connection.recv(10_000):
                connection.sendall(answer[0][:80])
                connection.sendall(answer[0][80:])

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listening.getsockname(), answer
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


def test_a_closed_loop_counts_every_answer(server: tuple[client.Address, list[bytes]]) -> None:
    address, _ = server
    heard: list[bytes] = []
    sent = itertools.count(1)
    request = Request(client.encode(b"{}", address), heard.append)

    load = client.closed(address, (request for _ in sent), connections=3, seconds=0.1)

    assert load.answers == len(heard) == next(sent) - 1 > 3
    assert heard[0] == b'{"data":{}}'
    assert max(load.latencies) <= load.seconds
    assert load.rate == load.answers / load.seconds


@pytest.mark.parametrize("size", [1_000, 70_000, 1_000_000])
@pytest.mark.parametrize("heard", [True, False])
def test_long_answers_are_counted_too(server: tuple[client.Address, list[bytes]], size: int, heard: bool) -> None:
    address, answers = server
    body = b'{"data":"' + b"x" * size + b'"}'
    answers[0] = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    bodies: list[bytes] = []
    request = Request(client.encode(b"{}", address), bodies.append if heard else None)

    load = client.closed(address, itertools.repeat(request), connections=2, seconds=0.03)

    assert load.answers >= 2
    assert all(one == body for one in bodies)


def test_an_error_after_a_long_answer_ends_the_run(server: tuple[client.Address, list[bytes]]) -> None:
    address, answers = server
    body = b'{"data":"' + b"x" * 300_000 + b'","errors":[]}'
    answers[0] = HEAD + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    request = Request(client.encode(b"{}", address))

    with pytest.raises(Failed, match="errors"):
        client.closed(address, itertools.repeat(request), connections=1, seconds=1)


def test_a_steady_load_sends_as_many_as_it_is_told(server: tuple[client.Address, list[bytes]]) -> None:
    address, _ = server
    request = Request(client.encode(b"{}", address))

    load = client.steady(address, itertools.repeat(request), rate=100, connections=4, seconds=0.2)

    assert load.answers == 20
    assert load.seconds >= 0.19


@pytest.mark.parametrize(
    "answer",
    [
        BY_LENGTH.replace(b"200 OK", b"503 No"),
        BY_LENGTH.replace(b'{"data":{}}', b'{"errors":[]').replace(b": 11", b": 12"),
    ],
    ids=["a status", "an error of GraphQL"],
)
def test_an_answer_that_is_none_ends_the_run(server: tuple[client.Address, list[bytes]], answer: bytes) -> None:
    address, answers = server
    answers[0] = answer
    request = Request(client.encode(b"{}", address))

    with pytest.raises(Failed):
        client.closed(address, itertools.repeat(request), connections=1, seconds=1)
