"""Several processes on one port, and how a server ends: by the real command line, signals and sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
import asyncpg
import psutil
import pytest

from db import embedded
from tests.conftest import Salon
from tests.server.test_command_line import ROOT, ask, run, serve

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

BOOK = """mutation { bookingCreate(input: {stylistId: "%s", serviceId: "%s", startUtc: "%s", customer: {name: "Ann"}})
  { __typename } }"""
WATCH = 'subscription { availabilityChanged(stylistIds: ["%s"], serviceId: "%s", from: "%s", to: "%s") { version } }'
BOOKED = {"bookingCreate": {"__typename": "Booking"}}

each_way = pytest.mark.parametrize("workers", ["1", "2"])


@asynccontextmanager
async def serving(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """A server and its address; killed with its workers if a test left it."""
    process, url = await serve(*arguments)
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    try:
        yield process, url
    finally:
        for one in family:
            if one.is_running() and process.returncode is None:
                one.kill()


def workers_of(process: Process) -> set[int]:
    return {child.pid for child in psutil.Process(process.pid).children()}


def is_alive(pid: int) -> bool:
    """A zombie is dead, though it may stay where process 1 buries nobody."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


async def until(is_so: Callable[[], bool], within_s: float) -> float:
    """The seconds until something is so, which must be within a time."""
    began = time.monotonic()
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.005)
    return time.monotonic() - began


async def ended(process: Process) -> tuple[int | None, str, float]:
    """Exit code, errors and seconds, once a server that was told to has ended."""
    began = time.monotonic()
    _, err = await asyncio.wait_for(process.communicate(), 15)
    lines = [line for line in err.decode().splitlines(keepends=True) if '"event": "slow"' not in line]
    return process.returncode, "".join(lines), time.monotonic() - began


@asynccontextmanager
async def blocked(sql: Connection) -> AsyncIterator[None]:
    """While it lasts, nothing can be booked."""
    async with sql.transaction():
        await sql.execute("lock table bookings in share row exclusive mode")
        yield


async def waiting(sql: Connection, count: int = 1) -> None:
    """Until this many statements wait for a lock."""
    query = "select count(*) from pg_locks where not granted"
    async with asyncio.timeout(10):
        while await sql.fetchval(query) < count:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def websocket(url: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A client of graphql-transport-ws, acknowledged."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"]) as socket_,
    ):
        await socket_.send_json({"type": "connection_init"})
        assert (await socket_.receive_json(timeout=5))["type"] == "connection_ack"
        yield socket_


async def subscribe(socket_: aiohttp.ClientWebSocketResponse, query: str) -> None:
    await socket_.send_json({"id": "one", "type": "subscribe", "payload": {"query": query}})


def book(salon: Salon, hour: int, stylist: str | None = None) -> str:
    return BOOK % (stylist or salon.asha, salon.cut, salon.at(hour))


def watch(salon: Salon) -> str:
    return WATCH % (salon.asha, salon.cut, salon.day, salon.day)


async def test_workers_answer_on_one_port_with_caches_that_agree(database_url: str, salon: Salon) -> None:
    async with serving("--database-url", database_url, "--workers", "3") as (process, url), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(aiohttp.ClientSession()) for _ in range(30)]
        query = f"""{{ availableSlots(stylistId: "{salon.asha}", serviceId: "{salon.cut}", date: "{salon.day}")
          {{ freeCount }} }}"""

        async def count(http: aiohttp.ClientSession) -> int:
            async with http.post(f"{url}/graphql", json={"query": query}) as response:
                return int((await response.json())["data"]["availableSlots"]["freeCount"])

        before = set(await asyncio.gather(*map(count, clients)))
        answering = {pid for pid in workers_of(process) if psutil.Process(pid).net_connections()[1:]}
        booked = await ask(url, book(salon, 9))
        after = set(await asyncio.gather(*map(count, clients)))
        workers = workers_of(process)
        process.send_signal(signal.SIGTERM)
        code, err, seconds = await ended(process)

    assert len(workers) == 3
    assert len(answering) > 1
    assert booked == BOOKED
    assert {free - 1 for free in before} == after
    assert (code, err) == (0, "")
    assert seconds < 5


async def test_a_worker_that_is_killed_is_replaced_within_2_s_and_its_log_names_it(
    database_url: str, salon: Salon, sql: Connection
) -> None:
    async with serving("--database-url", database_url, "--workers", "2") as (process, url):
        victim, other = workers_of(process)
        os.kill(other, signal.SIGSTOP)  # so that nobody but the new one can answer
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        answers = [await asyncio.wait_for(ask(url, book(salon, 9)), 5)]
        seconds = time.monotonic() - began
        os.kill(other, signal.SIGCONT)
        answers += [await ask(url, book(salon, hour)) for hour in (10, 11)]
        (new,) = workers_of(process) - {other}
        await sql.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> $1",
            sql.get_server_pid(),
        )
        assert process.stderr is not None
        lines: list[dict[str, str | int]] = []
        async with asyncio.timeout(5):
            while {new, other} - {line["worker"] for line in lines if line["event"] == "not listening"}:
                lines.append(json.loads(await process.stderr.readline()))
        process.send_signal(signal.SIGTERM)
        code, err, _ = await ended(process)

    assert answers == [BOOKED] * 3
    assert (code, "Traceback" in err) == (0, False)
    assert {"event": "a worker ended and is replaced", "worker": victim, "because": "SIGKILL"}.items() <= lines[
        0
    ].items()
    # What is done in the background may come upon it first; and a machine may be slow.
    others = {str(line["event"]) for line in lines[1:]} - {"not listening", "slow"}
    assert all("wait for the database" in one or "waits for the database" in one for one in others), others
    assert all(line["worker"] in (new, other) for line in lines[1:])
    assert seconds < 2


@pytest.mark.parametrize(
    ("workers", "number"), [("1", signal.SIGTERM), ("2", signal.SIGTERM), ("2", signal.SIGINT)], ids=str
)
async def test_a_signal_lets_requests_end_and_closes_websockets_with_1001(
    database_url: str, salon: Salon, sql: Connection, workers: str, number: signal.Signals
) -> None:
    async with (
        serving("--database-url", database_url, "--workers", workers) as (process, url),
        websocket(url) as watching,
        websocket(url) as booking,
        websocket(url),
    ):
        await subscribe(watching, watch(salon))
        await watching.receive_json(timeout=5)
        async with blocked(sql):
            over_http = asyncio.create_task(ask(url, book(salon, 9)))
            await subscribe(booking, book(salon, 9, salon.bina))
            await waiting(sql, 2)

            for pid in (process.pid, *workers_of(process)):  # as systemd does, and a terminal
                os.kill(pid, number)
            close = await watching.receive(timeout=5)
            await until(lambda: not can_connect(url), 1)
            await asyncio.sleep(1)  # under way for a while
            is_waiting = not over_http.done()
        over_websocket = await booking.receive_json(timeout=5)
        complete = await booking.receive_json(timeout=5)
        await booking.receive(timeout=5)
        answer = await over_http
        code, err, seconds = await ended(process)

    assert (close.type, close.data, close.extra) == (aiohttp.WSMsgType.CLOSE, 1001, "Going away")
    assert is_waiting
    assert answer == BOOKED
    assert (over_websocket["payload"]["data"], complete["type"], booking.close_code) == (BOOKED, "complete", 1001)
    assert await sql.fetchval("select count(*) from bookings") == 2
    assert (code, err) == (0, "")
    assert seconds < 2


@each_way
async def test_a_second_signal_ends_what_the_first_waits_for(
    database_url: str, salon: Salon, sql: Connection, workers: str
) -> None:
    async with serving("--database-url", database_url, "--workers", workers) as (process, url), blocked(sql):
        request = asyncio.create_task(ask(url, book(salon, 9)))
        await waiting(sql)
        process.send_signal(signal.SIGINT)
        await until(lambda: not can_connect(url), 2)
        process.send_signal(signal.SIGINT)
        with pytest.raises(aiohttp.ClientError):
            await request
        code, err, seconds = await ended(process)

    assert code == 1
    assert "had not ended" in err
    assert len(err.splitlines()) == 1
    assert seconds < 2


def can_connect(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as one:
        return one.connect_ex((host, int(port))) == 0


@each_way
async def test_a_websocket_whose_client_never_reads_is_not_waited_for_long(database_url: str, workers: str) -> None:
    async with serving("--database-url", database_url, "--workers", workers) as (process, url):
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        )
        assert b"101" in await reader.readline()
        ping = b"\x89\xfd\0\0\0\0" + 125 * b"x"
        with contextlib.suppress(TimeoutError):  # the server stands: nobody takes its pongs
            while True:
                writer.write(1_000 * ping)
                await asyncio.wait_for(writer.drain(), 0.5)
        process.send_signal(signal.SIGTERM)
        code, err, seconds = await ended(process)
        writer.transport.abort()

    assert (code, err) == (0, "")
    assert seconds < 3


async def test_a_request_that_never_ends_is_over_within_10_s(database_url: str, salon: Salon, sql: Connection) -> None:
    async with serving("--database-url", database_url, "--workers", "2") as (process, url):
        async with blocked(sql):
            request = asyncio.create_task(ask(url, book(salon, 9)))
            await waiting(sql)
            process.send_signal(signal.SIGTERM)
            code, err, seconds = await ended(process)
        answer = await request

    assert (code, answer) == (0, None)  # UNAVAILABLE: Postgres's lock_timeout is 5 s
    assert "Traceback" not in err
    assert seconds < 10


async def test_workers_whose_parent_is_killed_end_and_the_next_start_takes_over_its_postgres(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with serving("--data-dir", str(data), "--workers", "2") as (process, url):
        workers = workers_of(process)
        async with websocket(url) as socket_:
            process.kill()
            seconds = await until(lambda: not any(map(is_alive, workers)), 2)
            close = await socket_.receive(timeout=5)
    postgres = int((data / "postgres" / "postmaster.pid").read_text().split()[0])
    async with serving("--data-dir", str(data), "--workers", "2") as (process, url):
        again = await ask(url, "{ tenant { id } }")
        one = workers_of(process).pop()
        os.kill(one, signal.SIGTERM)
        await until(lambda: one not in workers_of(process) and len(workers_of(process)) == 2, 2)
        survived = is_alive(postgres)
        process.send_signal(signal.SIGTERM)
        code, _, _ = await ended(process)

    assert close.data == 1001
    assert seconds < 2
    assert again is None  # an answer: there is no business in it
    assert survived
    assert code == 0
    assert not is_alive(postgres)
    assert embedded.start(data / "postgres")


async def test_workers_that_die_at_start_again_and_again_end_it_all_with_a_clear_line(
    database_url: str, salon: Salon
) -> None:
    async with serving("--database-url", database_url, "--workers", "2") as (process, _):
        began = time.monotonic()
        killed = 0
        while process.returncode is None and time.monotonic() - began < 20:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it may end at any moment
                for pid in workers_of(process):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
            await asyncio.sleep(0.05)
        code, err, _ = await ended(process)

    assert code == 1
    assert "workers do not start" in json.loads(err.splitlines()[-1])["event"]
    assert killed < 20


FAILING = """
import logging, sys
from ops.supervise import Supervisor

def work(lifeline):
    print("tried", flush=True)
    raise ValueError("a fault of its own")

sys.exit(Supervisor(work, 1, on_ready=lambda: print("ready")).run())
"""


async def test_workers_that_fail_are_tried_5_times_in_some_seconds_not_in_a_busy_loop() -> None:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", FAILING, cwd=ROOT, stdout=PIPE, stderr=PIPE)

    out, err = await asyncio.wait_for(process.communicate(), 20)

    assert out.decode().count("tried") == 5
    assert err.decode().count("ValueError: a fault of its own") == 5
    assert process.returncode == 1
    assert 4 < time.monotonic() - began < 10


async def test_a_busy_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()

        code, _, err = await run(
            *("serve", "--workers", "2", "--port", str(busy.getsockname()[1]), "--data-dir", str(tmp_path / "data"))
        )

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "in use" in err
    assert not (tmp_path / "data").exists()


async def test_a_signal_while_it_starts_leaves_no_postgres_behind(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "postgres"
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            str(ROOT / "server.py"),
            "serve",
            "--demo",
            "--port",
            "0",
            "--data-dir",
            str(tmp_path / "data"),
        ),
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while b"Loading" not in await process.stdout.readline():
            pass
    postgres = int((folder / "postmaster.pid").read_text().split()[0])

    process.send_signal(signal.SIGTERM)
    code, err, _ = await ended(process)

    assert code == 130
    assert "Traceback" not in err
    assert not is_alive(postgres)
