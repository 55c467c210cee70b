import asyncio

import asyncpg
import pytest

from db import migrate
from db.pool import StartupError


async def test_a_second_run_does_nothing(database_url: str) -> None:
    assert await migrate.migrate(database_url) == 0


async def test_several_processes_may_start_on_one_empty_database_at_once(server_url: str) -> None:
    connection = await asyncpg.connect(server_url)
    await connection.execute("create database empty_one")
    url = server_url.replace("/postgres?", "/empty_one?")

    ran = await asyncio.gather(*(migrate.migrate(url) for _ in range(4)))

    assert sorted(ran)[:3] == [0, 0, 0]
    assert max(ran) == len(list(migrate.MIGRATIONS.glob("*.sql")))
    await connection.execute("drop database empty_one with (force)")
    await connection.close()


async def test_a_database_from_the_future_is_refused(database_url: str, sql: asyncpg.Connection) -> None:
    await sql.execute("insert into schema_migrations (name) values ('9999_later')")

    with pytest.raises(StartupError, match="9999_later"):
        await migrate.migrate(database_url)
