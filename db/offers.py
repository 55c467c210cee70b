"""What was shown as free: to whom, when, at which version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import orjson

from db import queries
from db.pool import Connection

sql = queries.load("offers")


class OfferedList(NamedTuple):
    """Free starts as they were shown. is_whole: all of the date, not only the first. id: a hash of all the rest."""

    id: int
    stylist_id: str
    service_id: str
    on_date: date
    zone: str | None
    version: str
    free: tuple[datetime, ...]
    is_whole: bool


class Offer(NamedTuple):
    """An answer: ids of the lists in it, and how often it was given within its second."""

    at: datetime
    who: str | None
    lists: tuple[int, ...]
    times: int


class Asked(NamedTuple):
    """How often a service's dates were asked for in a quarter of an hour, and how often nothing was free."""

    quarter: datetime
    service_id: str
    asked: int
    empty: int


class OfferEvent(NamedTuple):
    """Something that concerned a start: what was shown of it (what = OFFERED), or a mutation's name and outcome."""

    at: datetime
    what: str
    outcome: str | None
    who: str | None
    service_id: str | None
    version: str | None
    was_free: bool | None
    times: int


async def put(
    connection: Connection,
    tenant_id: str,
    *,
    lists: Sequence[OfferedList],
    offers: Sequence[Offer],
    asked: Sequence[Asked],
) -> None:
    """Writes what was noted of one tenant."""
    for statement, rows in ((sql.lists_put, lists), (sql.offers_put, offers), (sql.demand_add, asked)):
        if rows:
            await statement(connection, tenant_id=tenant_id, rows=orjson.dumps([_row(one) for one in rows]).decode())


async def expire(connection: Connection, *, kept_days: int, most: int) -> int:
    """Takes away what is older, of all tenants, at most so many rows of each kind; how many it was."""
    found: int = await sql.offers_expire(connection, kept_days=kept_days, most=most)
    return found


async def history(
    connection: Connection,
    tenant_id: str,
    *,
    stylist_id: str,
    starts_at: datetime,
    from_at: datetime,
    until_at: datetime,
    most: int,
) -> list[OfferEvent]:
    """What was shown of a start in [from_at, until_at), and asked for there, in order of time, at most `most`."""
    rows = sql.offer_history(
        connection,
        tenant_id=tenant_id,
        stylist_id=stylist_id,
        starts_at=starts_at,
        from_at=from_at,
        until_at=until_at,
        most=most,
    )
    return [OfferEvent(*row) async for row in rows]


def _row(one: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = one._asdict()
    return found
