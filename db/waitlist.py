"""Who waits, what they are offered, and what time has ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from db import queries
from db.pool import Connection
from domain.model import Customer
from domain.waiting import Waiting, WaitStatus, Wish

sql = queries.load("waitlist")


class Due(NamedTuple):
    """A claim that ends by itself in so many seconds, or did so long ago (negative)."""

    tenant_id: str
    claim_id: str
    due_in_s: float


class Freed(NamedTuple):
    """Whose time is free: the services that fit into it, and the dates, in any zone, on which one of them could begin."""

    stylist_id: str
    service_ids: Sequence[str]
    from_on: date
    until_on: date


async def anyone(connection: Connection, tenant_id: str, freed: Freed) -> bool:
    """Whether anybody waits for such a time."""
    found: bool = await sql.waitlist_anyone(connection, tenant_id=tenant_id, **freed._asdict())
    return found


async def waiting(
    connection: Connection, tenant_id: str, freed: Freed, *, leaver: str | None, most: int
) -> list[Waiting]:
    """Who waits for such a time, the first to join first; not who left it."""
    rows = sql.waitlist_waiting(connection, tenant_id=tenant_id, **freed._asdict(), leaver=leaver, most=most)
    return [_waiting(row) async for row in rows]


async def take(connection: Connection, tenant_id: str, entry_id: str) -> bool:
    """Whether the entry still waits, and is ours to offer something; waits for whoever is about to."""
    status: str = await sql.waitlist_take(connection, tenant_id=tenant_id, id=entry_id)
    return status == "UPDATE 1"


async def offer(
    connection: Connection, tenant_id: str, entry_id: str, *, hold_id: str, stylist_id: str, starts_at: datetime
) -> None:
    """Notes what an entry is offered, and tells whose it is."""
    await sql.waitlist_offer(
        connection, tenant_id=tenant_id, entry_id=entry_id, hold_id=hold_id, stylist_id=stylist_id, starts_at=starts_at
    )


async def join(connection: Connection, tenant_id: str, holder: str, wish: Wish, customer_id: str) -> str:
    """A new entry's id."""
    found: str = await sql.waitlist_join(
        connection,
        tenant_id=tenant_id,
        holder=holder,
        service_id=wish.service_id,
        stylist_ids=list(wish.stylist_ids),
        from_on=wish.from_on,
        until_on=wish.until_on,
        times_from=[from_ for from_, _ in wish.times],
        times_until=[until for _, until in wish.times],
        customer_id=customer_id,
    )
    return found


async def count(connection: Connection, tenant_id: str, holder: str) -> int:
    """How many entries of a holder still wait."""
    found: int = await sql.waitlist_count(connection, tenant_id=tenant_id, holder=holder)
    return found


async def leave(connection: Connection, tenant_id: str, entry_id: str) -> bool:
    """Ends an entry; whether it still waited."""
    status: str = await sql.waitlist_leave(connection, tenant_id=tenant_id, id=entry_id)
    return status == "UPDATE 1"


async def get(connection: Connection, tenant_id: str, entry_id: str) -> Waiting | None:
    """An entry in any state."""
    found = await entries(connection, tenant_id, holder=None, ids=[entry_id], most=1)
    return found[0] if found else None


async def entries(
    connection: Connection,
    tenant_id: str,
    *,
    holder: str | None,
    ids: Sequence[str] | None = None,
    is_offered: bool = False,
    after: tuple[datetime, str] | None = None,
    most: int,
) -> list[Waiting]:
    """Entries by joining, at most `most`: a holder's, or everybody's; of some ids; those with an open offer alone."""
    after_at, after_id = after or (None, None)
    rows = sql.waitlist_entries(
        connection,
        tenant_id=tenant_id,
        holder=holder,
        ids=ids,
        is_offered=is_offered,
        after_at=after_at,
        after_id=after_id,
        most=most,
    )
    return [_waiting(row) async for row in rows]


async def due(connection: Connection, most: int) -> list[Due]:
    """The claims of any tenant that have ended by themselves, or will within a second, at most so many."""
    return [Due(*row.values()) async for row in sql.claims_due(connection, most=most)]


def _waiting(row: Any) -> Waiting:
    return Waiting(
        id=row["id"],
        holder=row["holder"],
        wish=Wish(
            service_id=row["service_id"],
            stylist_ids=tuple(row["stylist_ids"]),
            from_on=row["from_on"],
            until_on=row["until_on"],
            times=tuple(zip(row["times_from"], row["times_until"], strict=True)),
        ),
        customer=Customer(row["customer_id"], row["customer_name"], row["customer_email"], row["customer_phone"]),
        status=WaitStatus(row["status"]),
        joined_at=row["joined_at"],
        ended_at=row["ended_at"],
        hold_id=row["hold_id"],
        passed=frozenset(row["passed"]),
    )
