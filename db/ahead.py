"""Days that are prepared ahead: how far each tenant's night has come, what its weekdays suggest, and what a night clears away."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import NamedTuple

from db import bookings, queries
from db.pool import Connection
from domain.model import Span

sql = queries.load("ahead")

TIDIED_MAX = 500  # rows of one kind in one step
HOLDS_MAX = 20  # each raises days, so a step holds few locks
STYLISTS_MAX = 10
VERSIONS_KEPT = timedelta(days=90)
VERSIONS_LEAST = (
    30  # old ones of a stylist: forgetting them raises all that there is of them, so it is done about monthly
)
DEMAND_KEPT = timedelta(days=60)


class Night(NamedTuple):
    """The tenant's last 02:00: its date there, and whether what belongs to it is still to be done."""

    tenant_id: str
    on_date: date
    is_due: bool


async def nights(connection: Connection, at: datetime, most: int) -> list[Night]:
    """Every tenant's at an instant, those first that are due, the longest neglected first."""
    return [Night(*row) async for row in sql.nights_at(connection, at=at, most=most)]


async def begin(connection: Connection, night: Night) -> str | None:
    """The last stylist that the night has come to; None at its beginning."""
    found: str | None = await sql.night_begin(connection, tenant_id=night.tenant_id, on_date=night.on_date)
    return found


async def next_stylists(connection: Connection, night: Night, after_id: str | None, most: int) -> list[str]:
    """The active stylists after one, by id; none when the night has come to the last."""
    rows = sql.night_stylists(connection, tenant_id=night.tenant_id, after_id=after_id, most=most)
    return [row[0] async for row in rows]


async def go_on(connection: Connection, night: Night, after_id: str, days: int) -> None:
    """The night has come to this stylist, by so many days."""
    await sql.night_go_on(connection, tenant_id=night.tenant_id, after_id=after_id, days=days)


async def end(connection: Connection, night: Night) -> None:
    """The night is done."""
    await sql.night_end(connection, tenant_id=night.tenant_id)


async def forget(connection: Connection, tenant_id: str) -> None:
    """The tenant's night is to be done again."""
    await sql.night_forget(connection, tenant_id=tenant_id)


async def remember(connection: Connection, tenant_id: str, at: datetime, asked: Mapping[tuple[str, date], int]) -> None:
    """So many askings for each (stylist, day), on the tenant's weekday of an instant."""
    keys = sorted(asked)  # everybody locks in this order
    await sql.demand_add(
        connection,
        tenant_id=tenant_id,
        at=at,
        stylist_ids=[key[0] for key in keys],
        days=[key[1] for key in keys],
        times=[float(asked[key]) for key in keys],
    )


async def suggested(connection: Connection, tenant_id: str, on_date: date, most: int) -> list[tuple[str, date]]:
    """The (stylist, day)s that were asked for on this weekday before, as far ahead; the most often asked for first."""
    rows = sql.demand_most(connection, tenant_id=tenant_id, on_date=on_date, most=most)
    return [(row[0], row[1]) async for row in rows]


async def tidy(connection: Connection, night: Night) -> int:
    """Clears away some of what has had its time; how much, 0 when nothing is left.

    Idempotency keys, demand, holds that expired by themselves, and versions of long ago.
    """
    tenant_id, before = night.tenant_id, night.on_date - VERSIONS_KEPT
    cleared = _count(await sql.keys_forget(connection, tenant_id=tenant_id, most=TIDIED_MAX))
    cleared += _count(
        await sql.demand_forget(connection, tenant_id=tenant_id, before=night.on_date - DEMAND_KEPT, most=TIDIED_MAX)
    )
    cleared += await _end_holds(connection, tenant_id)
    return cleared or await _forget_versions(connection, tenant_id, before)


async def _end_holds(connection: Connection, tenant_id: str) -> int:
    """Of one stylist, whose days are locked in one go, in order."""
    rows = [row async for row in sql.holds_expired(connection, tenant_id=tenant_id, most=HOLDS_MAX)]
    if not rows:
        return 0
    stylist_id, first, _ = rows[0]
    near = [Span(*row[1:]) for row in rows if abs(row[1] - first) < timedelta(days=1)]
    span = Span(min(one.starts_at for one in near), max(one.ends_at for one in near))
    await bookings.lock(connection, tenant_id, stylist_id, span)
    await bookings.end_expired(connection, tenant_id, stylist_id, span)
    return len(near)


async def _forget_versions(connection: Connection, tenant_id: str, before: date) -> int:
    rows = sql.versions_old(connection, tenant_id=tenant_id, before=before, least=VERSIONS_LEAST, most=STYLISTS_MAX)
    stylist_ids = [row[0] async for row in rows]
    if not stylist_ids:
        return 0
    await sql.versions_raise(connection, tenant_id=tenant_id, stylist_ids=stylist_ids)
    return _count(await sql.versions_forget(connection, tenant_id=tenant_id, stylist_ids=stylist_ids, before=before))


def _count(status: str) -> int:
    """Of a command's tag, as DELETE 3."""
    return int(status.rpartition(" ")[2])
