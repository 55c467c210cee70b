"""The pool with its timeouts, transactions, and what Postgres's errors mean to the rest of the program."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from domain.errors import Unavailable

Connection = Any  # asyncpg.Connection or the pool's proxy of one

SERVER_VERSION_MIN = 140000
TRANSACTION_TRIES = 6
ALONE_S = 60.0  # a statement of a connection beside the pool
SETTINGS = {
    "timezone": "UTC",
    "application_name": "chairtime",
    "lock_timeout": "5s",
    "jit": "off",
    # Requests look things up by key: one plan fits all values, and planning day_facts anew costs twice its running.
    "plan_cache_mode": "force_generic_plan",
    # Neither owner nor superuser: row-level security (0004_tenancy.sql) holds for whatever we run.
    "role": "chairtime_app",
}

# For what takes long: Postgres itself ends what nobody reads from any more.
ALONE = {
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "120s",
    "default_transaction_read_only": "on",
}

ROLE_NEEDED = (
    "Chairtime works as the role chairtime_app, which `python server.py migrate` makes; a user who may not make roles needs "
    "it beforehand: create role chairtime_app nologin; grant chairtime_app to THE_USER"
)

T = TypeVar("T")


class StartupError(Exception):
    """The database cannot be used; the message says why and what would be right."""


class Again(Exception):
    """What a transaction locked turned out to be elsewhere by then: it is to be done again as a whole."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Connections kept and allowed, and seconds: to give one back, to make one, to wait for the turn of a read or of a
    transaction, for a statement, and before an idle one is closed.

    Reads of availability have `readers` of the connections, transactions the others: a rush of the one does not keep the other,
    and who has a turn finds a connection at once.
    """

    size_min: int = 1
    size_max: int = 10
    readers: int = 3
    release_s: float = 0.25
    connect_s: float = 2.0
    read_turn_s: float = 1.0
    write_turn_s: float = 5.0
    statement_s: float = 5.0
    idle_s: float = 60.0


class Database:
    """The pool. Postgres being away is Unavailable; every other error is the statement's own."""

    def __init__(self, url: str, pool: asyncpg.Pool[asyncpg.Record], settings: PoolSettings) -> None:
        self._url = url
        self._pool = pool
        self._settings = settings
        readers = max(1, min(settings.readers, settings.size_max // 2))
        self._readers = asyncio.Semaphore(readers)
        self._writers = asyncio.Semaphore(max(1, settings.size_max - readers))
        self.waits: Counter[str] = Counter()  # for a turn: of whom, and how many in vain

    @classmethod
    async def open(cls, url: str, settings: PoolSettings) -> Database:
        """A pool with its first connection made. Raises StartupError when we may not work as the role of SETTINGS."""
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=settings.size_min,
                max_size=settings.size_max,
                command_timeout=settings.statement_s,
                max_inactive_connection_lifetime=settings.idle_s,
                server_settings=SETTINGS,
                timeout=5,
                reset=_nothing_to_reset,
            )
        except (asyncpg.InvalidParameterValueError, asyncpg.InsufficientPrivilegeError) as error:
            raise StartupError(f"{error}; {ROLE_NEEDED}") from None
        return cls(url, pool, settings)

    async def close(self) -> None:
        """Closes every connection, waiting a few seconds for those in use."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @property
    def connections(self) -> tuple[int, int, int]:
        """How many are in use, how many idle, and how many there may be."""
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return size - idle, idle, self._pool.get_max_size()

    async def answers(self) -> None:
        """Returns when Postgres has answered. Raises Unavailable."""
        async with self.connection() as connection:
            await connection.fetchval("select 1")

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit: each statement is its own transaction and snapshot, and names its tenant itself."""
        async with _turn(self._readers, self._settings.read_turn_s, self.waits, "read"), self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        """One of the pool's, or a new one: with a turn there is room. A loop that is busy makes new ones slowly."""
        # An idle connection is had at once, and a timeout would cost as much as the having.
        wait_s = None if self._pool.get_idle_size() else self._settings.connect_s
        with translated():
            connection = await self._pool.acquire(timeout=wait_s)
            try:
                yield connection
            finally:
                await self._pool.release(connection, timeout=self._settings.release_s)

    @asynccontextmanager
    async def transaction(self, tenant_id: str | None) -> AsyncIterator[Connection]:
        """A connection in a READ COMMITTED transaction that sees this tenant's rows, or no one's; committed unless an
        exception leaves the block. It waits for its turn.
        """
        turn = _turn(self._writers, self._settings.write_turn_s, self.waits, "write")
        async with turn, self._acquired() as connection, connection.transaction():
            if tenant_id is not None:
                await become(connection, tenant_id)
            yield connection

    @asynccontextmanager
    async def alone(self, tenant_id: str) -> AsyncIterator[Connection]:
        """A connection beside the pool, for what takes long and must keep nobody waiting: one snapshot of this tenant's rows, to
        read only. When the block is left the connection ends, and so does what Postgres is doing for it. Raises Unavailable.
        """
        with translated():
            connection = await asyncpg.connect(
                self._url,
                timeout=self._settings.connect_s,
                command_timeout=ALONE_S,
                server_settings={**SETTINGS, **ALONE},
            )
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await become(connection, tenant_id)
                yield connection
        finally:
            await connection.close(timeout=self._settings.connect_s)

    async def transact(self, tenant_id: str | None, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs work in a transaction; again as a whole, with jitter, when it asks for that, or when Postgres chose it as a
        victim (40001, 40P01). Raises Unavailable when that does not end.
        """
        for tries in range(1, TRANSACTION_TRIES + 1):
            try:
                async with self.transaction(tenant_id) as connection:
                    return await work(connection)
            except (Again, asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
                if tries == TRANSACTION_TRIES:
                    raise Unavailable("too many want the same at once") from error
                await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")


@asynccontextmanager
async def _turn(turns: asyncio.Semaphore, wait_s: float, waits: Counter[str], whose: str) -> AsyncIterator[None]:
    is_full = turns.locked()
    waits[whose] += is_full
    try:
        async with asyncio.timeout(wait_s if is_full else None):
            await turns.acquire()
    except TimeoutError as error:
        waits["in vain"] += 1
        raise Unavailable("too many want the database at once") from error
    try:
        yield
    finally:
        turns.release()


async def become(connection: Connection, tenant_id: str) -> None:
    """From here on the transaction sees and writes this tenant's rows, and no others."""
    await connection.execute("select set_config('app.tenant_id', $1, true)", tenant_id)


async def _nothing_to_reset(_connection: Connection) -> None:
    """asyncpg's own reset costs a round trip a use; we change no session state outside transactions."""


AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
)


@contextmanager
def translated() -> Iterator[None]:
    """Turns the many ways in which Postgres can be away or too slow into Unavailable."""
    try:
        yield
    except AWAY as error:
        _rather_cancelled(error)
        raise Unavailable("the database does not answer") from error
    except asyncpg.InterfaceError as error:
        _rather_cancelled(error)
        # The last of these: what was kept between statements ended meanwhile, and the pool has taken it back.
        if any(word in str(error) for word in ("closed", "closing", "released back to the pool")):
            raise Unavailable("the database connection is closed") from error
        raise


def _rather_cancelled(error: Exception) -> None:
    """A task that is cancelled while its connection is gone comes upon that on its way out, and would go on."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


async def check_server(url: str, option: str = "--database-url") -> None:
    """Raises StartupError unless a Postgres of a version we support answers at this address. option: which says it."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        raise StartupError(f"{option} is not a Postgres URL: {error}") from None
    except asyncpg.InvalidCatalogNameError as error:
        raise StartupError(f"{option}: {error}. Create it first: createdb NAME") from None
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        reason = str(error) or "no answer within 5 s"
        raise StartupError(f"Postgres does not answer at {without_password(url)}: {reason}") from None
    try:
        version = int(await connection.fetchval("show server_version_num"))
    finally:
        await connection.close()
    if version < SERVER_VERSION_MIN:
        raise StartupError(f"Postgres {version // 10000} is too old: 14 or later is needed")


def without_password(url: str) -> str:
    """The URL as it may be shown: `postgresql://user@host/db`."""
    scheme, _, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    return f"{scheme}://{user.partition(':')[0]}{at}{place}" if scheme and rest else "the given URL"
