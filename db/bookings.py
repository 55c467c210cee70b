"""Claims on a stylist's time: the statements behind holds and bookings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg

from db import queries
from db.pool import Connection
from domain.errors import Refusal, SlotTaken
from domain.model import BookingStatus, Claim, Customer, Slot, SlotStatus, Span, Terms

sql = queries.load("bookings")

REFUSALS: dict[str, type[Refusal]] = {"bookings_no_overlap": SlotTaken}


@contextmanager
def refused() -> Iterator[None]:
    """Turns a constraint's name into the refusal it stands for."""
    try:
        yield
    except asyncpg.ExclusionViolationError as error:
        if REFUSALS.get(error.constraint_name or "") is SlotTaken:
            raise SlotTaken(slot_status=SlotStatus.BOOKED) from error
        raise


async def lock(connection: Connection, tenant_id: str, stylist_id: str, occupied: Span) -> None:
    """Takes this stylist's turn for the days that a claim of this span raises. occupied: its buffers included."""
    await sql.lock_days(
        connection,
        tenant_id=tenant_id,
        stylist_id=stylist_id,
        occupied_from=occupied.starts_at,
        occupied_until=occupied.ends_at,
    )


async def end_expired(connection: Connection, tenant_id: str, stylist_id: str, occupied: Span) -> None:
    """Releases the holds in this span that have expired."""
    await sql.end_expired_holds(
        connection,
        tenant_id=tenant_id,
        stylist_id=stylist_id,
        occupied_from=occupied.starts_at,
        occupied_until=occupied.ends_at,
    )


async def insert(
    connection: Connection,
    tenant_id: str,
    *,
    stylist_id: str,
    slot: Slot,
    terms: Terms,
    holder: str | None,
    hold_ttl: timedelta | None,
    customer: Customer | None,
    notes: str | None,
) -> Claim:
    """A hold that lasts hold_ttl, or a confirmed booking without one, at the slot's price. Raises SlotTaken."""
    await end_expired(connection, tenant_id, stylist_id, _occupied(slot, terms))
    with refused():
        row = await sql.claim_insert(
            connection,
            tenant_id=tenant_id,
            stylist_id=stylist_id,
            service_id=terms.service_id,
            status=BookingStatus.CONFIRMED if hold_ttl is None else BookingStatus.HELD,
            price_cents=slot.price_cents,
            holder=holder,
            hold_seconds=None if hold_ttl is None else hold_ttl.total_seconds(),
            customer_id=customer and customer.id,
            notes=notes,
            **_place(slot, terms),
        )
    return _claim(row, customer)


async def move(
    connection: Connection, tenant_id: str, claim: Claim, *, stylist_id: str, slot: Slot, terms: Terms
) -> Claim:
    """The same booking at another start, perhaps with another stylist, at its old price. Raises SlotTaken."""
    await end_expired(connection, tenant_id, stylist_id, _occupied(slot, terms))
    with refused():
        row = await sql.claim_move(
            connection, tenant_id=tenant_id, id=claim.id, stylist_id=stylist_id, **_place(slot, terms)
        )
    return _claim(row, claim.customer)


async def confirm(
    connection: Connection, tenant_id: str, claim_id: str, *, customer: Customer, notes: str | None
) -> Claim | None:
    """A hold as a booking; None when it has expired in the meantime."""
    row = await sql.claim_confirm(connection, tenant_id=tenant_id, id=claim_id, customer_id=customer.id, notes=notes)
    return _claim(row, customer) if row else None


async def end(
    connection: Connection, tenant_id: str, claim: Claim, status: BookingStatus, reason: str | None = None
) -> Claim:
    """A claim in a state that ends it."""
    row = await sql.claim_end(connection, tenant_id=tenant_id, id=claim.id, status=status, reason=reason)
    return _claim(row, claim.customer)


async def get(connection: Connection, tenant_id: str, claim_id: str) -> Claim | None:
    """A claim in any state, with its customer."""
    row = await sql.claim(connection, tenant_id=tenant_id, id=claim_id)
    return _claim(row, _customer(row)) if row else None


async def own_hold(
    connection: Connection, tenant_id: str, *, stylist_id: str, starts_at: datetime, holder: str
) -> Claim | None:
    """The caller's own live hold at this start."""
    row = await sql.own_hold(connection, tenant_id=tenant_id, stylist_id=stylist_id, starts_at=starts_at, holder=holder)
    return _claim(row, None) if row else None


async def ensure_customer(
    connection: Connection, tenant_id: str, *, owner: str | None, name: str, email: str | None, phone: str | None
) -> Customer:
    """The caller's customer with this contact."""
    customer_id = await sql.customer_ensure(
        connection, tenant_id=tenant_id, owner=owner, name=name, email=email, phone=phone
    )
    return Customer(customer_id, name, email, phone)


async def between(
    connection: Connection,
    tenant_id: str,
    *,
    stylist_id: str | None,
    holder: str | None,
    from_on: date,
    until_on: date,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[Claim]:
    """Bookings by start whose local date lies in [from_on, until_on], at most `most` of them."""
    after_at, after_id = after or (None, None)
    return [
        _claim(row, _customer(row))
        async for row in sql.bookings_between(
            connection,
            tenant_id=tenant_id,
            stylist_id=stylist_id,
            holder=holder,
            from_on=from_on,
            until_on=until_on,
            after_at=after_at,
            after_id=after_id,
            most=most,
        )
    ]


def _occupied(slot: Slot, terms: Terms) -> Span:
    return Span(slot.starts_at - terms.buffer_before, slot.ends_at + terms.buffer_after)


def _place(slot: Slot, terms: Terms) -> dict[str, Any]:
    occupied = _occupied(slot, terms)
    return {
        "location_id": slot.location_id,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "occupied_from": occupied.starts_at,
        "occupied_until": occupied.ends_at,
    }


def _claim(row: Any, customer: Customer | None) -> Claim:
    return Claim(
        id=row["id"],
        stylist_id=row["stylist_id"],
        service_id=row["service_id"],
        location_id=row["location_id"],
        status=BookingStatus(row["status"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        price_cents=row["price_cents"],
        holder=row["holder"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        customer=customer,
        notes=row["notes"],
    )


def _customer(row: Any) -> Customer | None:
    if row["customer_id"] is None:
        return None
    return Customer(row["customer_id"], row["customer_name"], row["customer_email"], row["customer_phone"])
