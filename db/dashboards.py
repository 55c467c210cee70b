"""What a dashboard shows, in one statement: the past as triggers have summed it up, the rest by index."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import orjson

from db import queries
from db.pool import Connection
from domain.model import Activity, ActivityKind

sql = queries.load("dashboards")


class Figures(NamedTuple):
    """Counts of bookings, the id of the next one, and the last five activities, the latest first."""

    upcoming: int
    this_month: int
    completed: int
    next_id: str | None
    recent: tuple[Activity, ...]


async def load(
    connection: Connection,
    tenant_id: str,
    *,
    customer_id: str | None,
    holder: str | None,
    is_staff: bool,
    at: datetime | None = None,
) -> Figures | None:
    """A customer's figures, or without one those of what the holder made; None for a customer who is not theirs to see.

    at: the instant as of which they are; None = now, by Postgres's clock.
    """
    row = await sql.dashboard(
        connection, tenant_id=tenant_id, customer_id=customer_id, holder=holder, is_staff=is_staff, at=at
    )
    if not row["is_known"]:
        return None
    recent = tuple(
        Activity(datetime.fromisoformat(one["at"]), ActivityKind(one["what"]), one["id"])
        for one in orjson.loads(row["recent"])
    )
    return Figures(row["upcoming"], row["this_month"], row["completed"], row["next_id"], recent)
