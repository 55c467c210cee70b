"""Numbered, forward-only migrations. Several processes may start on one database at once: they take turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import asyncpg

from db.pool import StartupError

MIGRATIONS = Path(__file__).parent / "migrations"
TURN = 0x0C_4A_12_71_4E  # the advisory lock's number


async def migrate(url: str, report: Callable[[str], None] = lambda _: None) -> int:
    """Brings a database to the newest schema, each migration in a transaction of its own; returns how many it ran.

    Raises StartupError when the database is newer than this program.
    """
    connection = await asyncpg.connect(
        url, server_settings={"lock_timeout": "60s", "application_name": "chairtime migrate"}
    )
    try:
        await connection.execute("select pg_advisory_lock($1)", TURN)
        await connection.execute(
            "create table if not exists schema_migrations ("
            " name text not null, applied_at timestamptz not null default now(),"
            " constraint schema_migrations_pkey primary key (name))"
        )
        done = {row["name"] for row in await connection.fetch("select name from schema_migrations")}
        files = sorted(MIGRATIONS.glob("*.sql"))
        unknown = done - {file.stem for file in files}
        if unknown:
            raise StartupError(f"the database is newer than this program: it has migration {max(unknown)}")
        pending = [file for file in files if file.stem not in done]
        for file in pending:
            report(f"migrating: {file.stem}")
            async with connection.transaction():
                await connection.execute(file.read_text())
                await connection.execute("insert into schema_migrations (name) values ($1)", file.stem)
        return len(pending)
    finally:
        await connection.close()
