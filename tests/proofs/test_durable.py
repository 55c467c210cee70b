"""Nothing that was answered is lost, and nothing is done twice: while Postgres crashes, answers go astray and workers are killed,
clients ask again with their idempotency keys until they are answered."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import asyncpg
import orjson
import psutil
import pytest

from db import embedded, migrate
from db.pool import Database, PoolSettings
from resolvers import importing, salon_file
from tests.conftest import SALON, Salon
from tests.proofs.test_sold_once import OVERLAPS
from tests.server.test_workers import is_alive, serving, until, workers_of

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FULL = "CHAIRTIME_SOAK" in os.environ
# Each: seconds before it is started again, in which whoever waits longer each time comes to wait long.
RESTARTS = [0] * 10 + [5] if FULL else [0]
DROPS = 200 if FULL else 20
WORKERS, KILLING_S = (4, 60) if FULL else (2, 6)
KILL_EVERY_S = 3.0
HEALED_WITHIN_S = 1.0
REPLACED_WITHIN_S = 2.0

CLIENTS = 8
RIVALS = 2  # who want the same start, each with a key of their own
AGAIN_AFTER_S = 0.02
ANSWERED_WITHIN_S = 30
STYLISTS = 40

CREATE = """
mutation ($stylist: ID!, $service: ID!, $start: DateTime!, $key: String!) {
  answer: bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"},
                                idempotencyKey: $key}) { __typename ... on Booking { id } }
}
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a caller wants, and the key that says that it is still the same wish."""

    stylist: str
    start: str
    caller: str

    @property
    def key(self) -> str:
        return f"{self.stylist} {self.start}"


@dataclass
class Clients:
    """Callers who book one start after the other, and ask again until they are answered."""

    url: str
    salon: Salon
    results: dict[Wish, str] = field(default_factory=dict)  # a booking's id, or the refusal's name
    failures: Counter[str] = field(default_factory=Counter)
    booked_at: list[float] = field(default_factory=list)  # the clock's times at which bookings were answered
    _stopping: bool = False

    @asynccontextmanager
    async def booking(self, stylists: list[str]) -> AsyncIterator[None]:
        """While it lasts; at its end every wish that was begun has its answer."""
        wanted = starts(self.salon, stylists)
        async with self.http() as http, asyncio.TaskGroup() as group:
            for _ in range(CLIENTS):
                group.create_task(self._book_on(http, wanted))
            try:
                yield
            finally:
                self._stopping = True

    def http(self) -> aiohttp.ClientSession:
        """A connection for each request, so that each may come to another worker."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            headers={"Connection": "close"},
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def _book_on(self, http: aiohttp.ClientSession, wanted: Iterator[tuple[str, str]]) -> None:
        for stylist, start in wanted:
            wishes = [Wish(stylist, start, f"caller-{n}") for n in range(RIVALS)]
            answers = await asyncio.gather(*(self.answer(http, wish) for wish in wishes))
            self.results.update(zip(wishes, answers, strict=True))
            if self._stopping:
                return
        raise AssertionError("too few starts for this machine: raise STYLISTS")

    async def answer(self, http: aiohttp.ClientSession, wish: Wish) -> str:
        """The answer to a wish, however often it must be asked for."""
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            while True:
                try:
                    found = await self._ask(http, wish)
                except (aiohttp.ClientError, TimeoutError) as error:
                    self.failures[type(error).__name__] += 1
                else:
                    if "errors" not in found:
                        return self._note(found["data"]["answer"])
                    self.failures[found["errors"][0]["extensions"]["code"]] += 1
                await asyncio.sleep(AGAIN_AFTER_S)

    async def _ask(self, http: aiohttp.ClientSession, wish: Wish) -> Any:
        asked = {"stylist": wish.stylist, "service": self.salon.cut, "start": wish.start, "key": wish.key}
        async with http.post(
            f"{self.url}/graphql",
            json={"query": CREATE, "variables": asked},
            headers={"X-Session-Id": wish.caller},
        ) as response:
            return orjson.loads(await response.read())

    def _note(self, answer: dict[str, str]) -> str:
        if "id" not in answer:
            return answer["__typename"]
        self.booked_at.append(time.monotonic())
        return answer["id"]

    async def first_since(self, instant: float) -> float:
        """The clock's time of the first booking answered after an instant."""
        await until(lambda: bool(self.booked_at) and self.booked_at[-1] > instant, ANSWERED_WITHIN_S)
        return next(at for at in self.booked_at if at > instant)


def starts(salon: Salon, stylists: list[str]) -> Iterator[tuple[str, str]]:
    """Every start of every stylist once."""
    for day, half_hour, stylist in itertools.product(range(50), range(16), stylists):
        yield stylist, salon.at(9 + half_hour // 2, half_hour % 2 * 30, days=day)


async def imported(url: str) -> tuple[Salon, list[str]]:
    """A business with room for many bookings: its ids, and its stylists'."""
    wide = json.loads(json.dumps(SALON))
    pattern = wide["stylists"][1]
    wide["stylists"] += [
        {**pattern, "id": f"33333333-0000-4000-8000-{n:012}", "name": f"Stylist {n}"}
        for n in range(100, 100 + STYLISTS)
    ]
    database = await Database.open(url, PoolSettings())
    summary = await importing.import_salon(database, salon_file.parse(json.dumps(wide)), lambda *_: None)
    await database.close()
    return Salon(summary.tenant_id), [stylist["id"] for stylist in wide["stylists"][2:]]


@asynccontextmanager
async def server(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server whose log is read, so that it never waits for that; ended in good order."""
    async with serving("--rate-limits", "off", *arguments) as (process, url):
        readers = [asyncio.create_task(pipe.read()) for pipe in (process.stdout, process.stderr) if pipe]
        yield process, url
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 15)
        log = b"".join(await asyncio.gather(*readers)).decode()
    assert (code, "Traceback" in log) == (0, False), log[-3000:]


async def check(clients: Clients, sql: Connection) -> None:
    """What the database holds is what was answered, each start once; and every key gives its first result again."""
    booked = {wish: result for wish, result in clients.results.items() if "-" in result}
    refused = Counter(result for result in clients.results.values() if "-" not in result)
    rows = await sql.fetch("select id::text, stylist_id::text, starts_at from bookings where status = 'CONFIRMED'")
    held = {row["id"]: (row["stylist_id"], f"{row['starts_at']:%Y-%m-%dT%H:%M:%SZ}") for row in rows}
    again = random.sample(sorted(booked, key=lambda wish: wish.key), min(len(booked), 200))
    async with clients.http() as http:
        repeated = [await clients.answer(http, wish) for wish in again]

    assert booked
    assert {result: (wish.stylist, wish.start) for wish, result in booked.items()} == held  # none lost, none besides
    assert max(Counter(held.values()).values()) == 1
    assert {(wish.stylist, wish.start) for wish in clients.results} == set(held.values())  # every start that was wanted
    assert await sql.fetchval(OVERLAPS) == 0
    assert refused == {"SlotTaken": (RIVALS - 1) * len(booked)}
    assert repeated == [booked[wish] for wish in again]
    assert await sql.fetchval("select count(*) from bookings") == len(held)


class Postgres:
    """A server of this proof's own, which may crash."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = embedded.start(folder)
        postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        self._who: dict[str, Any] = {"user": postmaster.username()} if os.geteuid() == 0 else {}
        self._program = Path(postmaster.exe()).with_name("pg_ctl")

    async def control(self, command: str, *options: str) -> None:
        """Runs pg_ctl, and waits for what it does."""
        process = await asyncio.create_subprocess_exec(
            *(
                self._program,
                "-D",
                self._folder,
                "-w",
                "-l",
                self._folder / "log",
                "-m",
                "immediate",
                command,
                *options,
            ),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd="/",
            **self._who,
        )
        assert await asyncio.wait_for(process.wait(), 60) == 0

    async def crash(self, away_s: float = 0) -> float:
        """Kills it, and starts it again after a while; the clock's time at which it first accepted a connection."""
        _, old = await self._connected()
        crashing = asyncio.create_task(self._restart(away_s))
        async with asyncio.timeout(30):
            while True:
                with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    accepted, started_at = await self._connected()
                    if started_at != old:
                        break
                await asyncio.sleep(0.005)
        await crashing
        return accepted

    async def _restart(self, away_s: float) -> None:
        if not away_s:
            await self.control("restart")
            return
        await self.control("stop")
        await asyncio.sleep(away_s)
        options = (self._folder / "postmaster.opts").read_text().partition(" ")[2]
        await self.control("start", "-o", options)

    async def _connected(self) -> tuple[float, Any]:
        """The clock's time at which it accepted a connection, and when it was started."""
        connection = await asyncpg.connect(self.url, timeout=1)
        accepted = time.monotonic()
        started_at = await connection.fetchval("select pg_postmaster_start_time()")
        await connection.close()
        return accepted, started_at


@pytest.fixture
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Postgres]:
    folder = tmp_path_factory.mktemp("crashing")
    for parent in (folder, folder.parent, folder.parent.parent):  # as root, Postgres runs as another user
        parent.chmod(0o755)
    postgres = Postgres(folder / "data")
    await migrate.migrate(postgres.url)
    yield postgres
    await postgres.control("stop")


async def test_a_crash_of_postgres_loses_nothing_that_was_answered_and_is_healed_within_a_second(
    postgres: Postgres,
) -> None:
    salon, stylists = await imported(postgres.url)
    healed_s = []
    async with server("--database-url", postgres.url) as (_, url):
        clients = Clients(url, salon)
        async with clients.booking(stylists):
            for away_s in RESTARTS:
                await clients.first_since(time.monotonic() + 1)  # it works, and bookings are in flight
                began = time.monotonic()
                accepted = await postgres.crash(away_s)
                healed_s.append(await clients.first_since(accepted) - accepted)
                print(f"\nPostgres back after {accepted - began:.3f} s, a booking {healed_s[-1]:.3f} s later", end="")
            await asyncio.sleep(0.5)

        print(f"\n{len(RESTARTS)} crashes, {len(clients.results)} wishes, asked again: {dict(clients.failures)}")
        sql = await asyncpg.connect(postgres.url, server_settings={"timezone": "UTC"})
        await check(clients, sql)
        await sql.close()
    assert set(clients.failures) == {"UNAVAILABLE"}
    assert max(healed_s) < HEALED_WITHIN_S


class Astray:
    """Between clients and a server: of every three answers, the last is let fall after the server has sent it."""

    def __init__(self, url: str) -> None:
        self._host, _, self._port = url.removeprefix("http://").partition(":")
        self._numbers = itertools.count(1)
        self.dropped: list[dict[str, str]] = []
        self.unheard: set[str] = set()  # ids of bookings

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Its address."""
        listening = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()
        yield f"http://{host}:{port}"
        listening.close()
        await listening.wait_closed()

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One request and its answer, whose end is the end of the connection."""
        from_server, to_server = await asyncio.open_connection(self._host, int(self._port))
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        to_server.write(head + await reader.readexactly(int(fields[b"content-length"])))
        answer = await from_server.read()
        to_server.close()
        if next(self._numbers) % 3:
            writer.write(answer)
            await writer.drain()
        else:
            dropped = orjson.loads(answer.rpartition(b"\r\n\r\n")[2])["data"]["answer"]
            self.dropped.append(dropped)
            self.unheard |= {dropped["id"]} if "id" in dropped else set()
        writer.close()


async def test_an_answer_that_goes_astray_is_given_again_and_nothing_is_done_twice(
    database_url: str, sql: Connection
) -> None:
    salon, stylists = await imported(database_url)
    async with server("--database-url", database_url) as (_, url):
        astray = Astray(url)
        async with astray.open() as address:
            clients = Clients(address, salon)
            async with clients.booking(stylists):
                await until(lambda: len(astray.unheard) >= DROPS, 120)

        print(
            f"\n{len(astray.dropped)} answers astray, of {len(astray.unheard)} bookings; {len(clients.results)} wishes"
        )
        clients.url = url
        await check(clients, sql)
    assert astray.unheard <= set(clients.results.values())
    assert clients.failures == {"ServerDisconnectedError": len(astray.dropped)}


async def test_a_worker_that_is_killed_takes_nothing_with_it_that_was_answered(
    database_url: str, sql: Connection
) -> None:
    salon, stylists = await imported(database_url)
    replaced_s = []
    async with server("--database-url", database_url, "--workers", str(WORKERS)) as (process, url):
        clients = Clients(url, salon)
        async with clients.booking(stylists):
            for _ in range(round(KILLING_S / KILL_EVERY_S)):
                await asyncio.sleep(KILL_EVERY_S)
                workers = workers_of(process)
                victim = random.choice(sorted(workers))
                os.kill(victim, signal.SIGKILL)

                def is_replaced(before: set[int] = workers) -> bool:
                    return any(answers(pid) for pid in workers_of(process) - before)

                replaced_s.append(await until(is_replaced, 10))

        print(
            f"\n{len(replaced_s)} of {WORKERS} workers killed, {len(clients.results)} wishes, asked again: "
            f"{dict(clients.failures)}; replaced in {', '.join(f'{seconds:.2f}' for seconds in replaced_s)} s"
        )
        await check(clients, sql)
    assert len(workers) == WORKERS
    assert max(replaced_s) < REPLACED_WITHIN_S


def answers(pid: int) -> bool:
    """Whether a worker has a client, beside the socket it was born with."""
    with suppress(psutil.NoSuchProcess):
        return is_alive(pid) and len(psutil.Process(pid).net_connections()) > 1
    return False
