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
) -> tuple[datetime, list[DayVersion]]:
    """The clock, and the versions of (tenant, stylist, day) keys in their order; (tenant, None, None) is a directory.

    keys: at least one. Raises TimeoutError after timeout_s.
    """
    tenant_ids, stylist_ids, days = zip(*keys, strict=True)
    asked = sql.versions_now(connection, tenant_ids=tenant_ids, stylist_ids=stylist_ids, days=days)
    async with asyncio.timeout(timeout_s):
        rows = [row async for row in asked]
    return rows[0][2], [DayVersion(rules, day) for rules, day, _ in rows]


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
