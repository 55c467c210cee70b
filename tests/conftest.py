"""A real Postgres for all tests: one embedded server a run, one migrated template, one clone for each test that commits."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from db import embedded, migrate
from db.pool import Database, PoolSettings

numbers = itertools.count(1)


def on(url: str, database: str) -> str:
    """The same server's other database."""
    head, _, query = url.partition("?")
    return f"{head.rpartition('/')[0]}/{database}?{query}"


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An embedded Postgres 18, stopped at the end of the run."""
    folder: Path = tmp_path_factory.mktemp("postgres") / "data"
    yield embedded.start(folder)


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
