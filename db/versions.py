"""The versions of what is remembered, as Postgres has them now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from db import queries
from db.pool import Connection
from domain.versions import DayVersion

sql = queries.load("versions")


async def now(
    connection: Connection, keys: Sequence[tuple[str, str | None, date | None]]
) -> tuple[datetime, list[DayVersion]]:
    """The clock, and the versions of (tenant, stylist, day) keys in their order; (tenant, None, None) is a directory.

    keys: at least one.
    """
    rows = [
        row
        async for row in sql.versions_now(
            connection,
            tenant_ids=[key[0] for key in keys],
            stylist_ids=[key[1] for key in keys],
            days=[key[2] for key in keys],
        )
    ]
    return rows[0]["now"], [DayVersion(row["rules"], row["day"]) for row in rows]


async def lineage(connection: Connection) -> str:
    """Whose versions these are: no other database, nor a copy of this one, has the same."""
    found: str = await sql.lineage(connection)
    return found
