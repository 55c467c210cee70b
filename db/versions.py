"""The versions of what is remembered, as Postgres has them now."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime

from db import queries
from db.pool import Connection
from domain.versions import DayVersion

sql = queries.load("versions")


async def now(
    connection: Connection, keys: Sequence[tuple[str, str | None, date | None]], *, timeout_s: float | None = None
) -> tuple[datetime, str, list[DayVersion]]:
    """The clock, which transactions are seen, and the versions of (tenant, stylist, day) keys in their order; of (tenant, None,
    None) those of directories.

    keys: may be none. The second is one text as long as nothing is committed, and of one server's run only; the versions are at
    least of then. Raises TimeoutError after timeout_s.
    """
    async with asyncio.timeout(timeout_s):
        if not keys:
            clock, snapshot = await sql.snapshot_now(connection)
            return clock, snapshot, []
        tenant_ids, stylist_ids, days = zip(*keys, strict=True)
        clock, snapshot, rules, day = await sql.versions_now(
            connection, tenant_ids=tenant_ids, stylist_ids=stylist_ids, days=days
        )
    return clock, snapshot, list(map(DayVersion, rules, day))


async def lineage(connection: Connection) -> str:
    """Whose versions these are: no other database, nor a copy of this one, has the same."""
    found: str = await sql.lineage(connection)
    return found


async def raised(
    connection: Connection, tenant_id: str, *, from_on: date, until_on: date, most: int
) -> list[tuple[str, date | None, int]]:
    """How often each stylist's dates were raised, and (no date) all of a stylist's at once; the most often raised first."""
    asked = sql.versions_raised(connection, tenant_id=tenant_id, from_on=from_on, until_on=until_on, most=most)
    return [tuple(row) async for row in asked]
