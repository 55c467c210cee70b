"""The pool with its timeouts, transactions, and what Postgres's errors mean to the rest of the program."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from domain.errors import Unavailable

Connection = Any  # asyncpg.Connection or the pool's proxy of one

SERVER_VERSION_MIN = 140000
TRANSACTION_TRIES = 4
SETTINGS = {
    "timezone": "UTC",
    "application_name": "chairtime",
    "lock_timeout": "5s",
    "jit": "off",
    # Requests look things up by key: one plan fits all values, and planning day_facts anew costs twice its running.
    "plan_cache_mode": "force_generic_plan",
}

T = TypeVar("T")


class StartupError(Exception):
    """The database cannot be used; the message says why and what would be right."""


class Again(Exception):
    """What a transaction locked turned out to be elsewhere by then: it is to be done again as a whole."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Connections kept and allowed, and seconds: to wait for one, for a statement, and before an idle one is closed."""

    size_min: int = 1
    size_max: int = 10
    acquire_s: float = 5.0
    statement_s: float = 5.0
    idle_s: float = 60.0


class Database:
    """The pool. Postgres being away is Unavailable; every other error is the statement's own."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], settings: PoolSettings) -> None:
        self._pool = pool
        self._settings = settings

    @classmethod
    async def open(cls, url: str, settings: PoolSettings) -> Database:
        """A pool with its first connection made."""
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
        return cls(pool, settings)

    async def close(self) -> None:
        """Closes every connection, waiting a few seconds for those in use."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit: each statement is its own transaction and snapshot."""
        with translated():
            async with self._pool.acquire(timeout=self._settings.acquire_s) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a READ COMMITTED transaction, committed unless an exception leaves the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs work in a transaction; again as a whole, with jitter, when it asks for that, or when Postgres chose it as a
        victim (40001, 40P01). Raises Unavailable when that does not end.
        """
        for tries in range(1, TRANSACTION_TRIES + 1):
            try:
                async with self.transaction() as connection:
                    return await work(connection)
            except (Again, asyncpg.SerializationError, asyncpg.DeadlockDetectedError) as error:
                if tries == TRANSACTION_TRIES:
                    raise Unavailable("too many want the same at once") from error
                await asyncio.sleep(random.uniform(0, 0.02 * 2**tries))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")


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
        raise Unavailable("the database does not answer") from error
    except asyncpg.InterfaceError as error:
        if "closed" in str(error) or "closing" in str(error):
            raise Unavailable("the database connection is closed") from error
        raise


async def check_server(url: str) -> None:
    """Raises StartupError unless a Postgres of a version we support answers at this address."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (asyncpg.ClientConfigurationError, ValueError) as error:
        raise StartupError(f"--database-url is not a Postgres URL: {error}") from None
    except asyncpg.InvalidCatalogNameError as error:
        raise StartupError(f"--database-url: {error}. Create it first: createdb NAME") from None
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
