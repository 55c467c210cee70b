"""Claims on a stylist's time: the statements behind holds and bookings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg
import orjson

from db import queries
from db.pool import Connection
from domain.errors import Refusal, SlotTaken
from domain.model import BookingStatus, Claim, Customer, Slot, SlotStatus, Span, Terms
from domain.prices import PriceTrace

sql = queries.load("bookings")

REFUSALS: dict[str, type[Refusal]] = {"bookings_no_overlap": SlotTaken}


class Payment(NamedTuple):
    """Whether a booking is to be paid for online, and how long it waits for that; None = for ever."""

    is_required: bool
    ttl: timedelta | None

    def columns(self) -> dict[str, Any]:
        """As the statements take it."""
        seconds = self.ttl.total_seconds() if self.is_required and self.ttl is not None else None
        return {"payment_required": self.is_required, "payment_seconds": seconds}


FREE = Payment(is_required=False, ttl=None)


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
    """Ends the holds in this span that have expired, and the bookings that were not paid for in time."""
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
    trace: PriceTrace,
    holder: str | None,
    hold_ttl: timedelta | None,
    customer: Customer | None,
    notes: str | None,
    payment: Payment = FREE,
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
            price_trace=orjson.dumps(trace).decode(),
            holder=holder,
            hold_seconds=None if hold_ttl is None else hold_ttl.total_seconds(),
            customer_id=customer and customer.id,
            notes=notes,
            **payment.columns(),
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
    connection: Connection,
    tenant_id: str,
    claim_id: str,
    *,
    customer: Customer,
    notes: str | None,
    payment: Payment = FREE,
) -> Claim | None:
    """A hold as a booking; None when it has expired in the meantime."""
    row = await sql.claim_confirm(
        connection, tenant_id=tenant_id, id=claim_id, customer_id=customer.id, notes=notes, **payment.columns()
    )
    return _claim(row, customer) if row else None


async def pay(connection: Connection, tenant_id: str, claim: Claim) -> Claim | None:
    """A booking, paid for; None when it is off."""
    row = await sql.claim_pay(connection, tenant_id=tenant_id, id=claim.id)
    return _claim(row, claim.customer) if row else None


async def end(
    connection: Connection, tenant_id: str, claim: Claim, status: BookingStatus, reason: str | None = None
) -> Claim:
    """A claim in a state that ends it."""
    row = await sql.claim_end(connection, tenant_id=tenant_id, id=claim.id, status=status, reason=reason)
    return _claim(row, claim.customer)


async def get(connection: Connection, tenant_id: str, claim_id: str) -> Claim | None:
    """A claim in any state, with its customer."""
    row = await sql.claim(connection, tenant_id=tenant_id, id=claim_id)
    return claim_of(row) if row else None


async def by_id(connection: Connection, tenant_id: str, claim_ids: Sequence[str]) -> list[Claim | None]:
    """Claims in any state, with their customers, in the order of their ids."""
    found = {row["id"]: claim_of(row) async for row in sql.claims(connection, tenant_id=tenant_id, ids=claim_ids)}
    return [found.get(claim_id) for claim_id in claim_ids]


async def own_holds(
    connection: Connection, tenant_id: str, *, stylist_ids: Sequence[str], starts_at: datetime, holder: str
) -> list[Claim]:
    """The caller's own live holds at this start."""
    return [
        _claim(row, None)
        async for row in sql.own_holds(
            connection, tenant_id=tenant_id, stylist_ids=stylist_ids, starts_at=starts_at, holder=holder
        )
    ]


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
        claim_of(row)
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


def claim_of(row: Any) -> Claim:
    """A row with its customer's columns."""
    return _claim(row, _customer(row))


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
        price_trace=PriceTrace.from_json(orjson.loads(row["price_trace"])) if row["price_trace"] else None,
        payment_required=row["payment_required"],
        payment_due_at=row["payment_due_at"],
        paid_at=row["paid_at"],
    )


def _customer(row: Any) -> Customer | None:
    if row["customer_id"] is None:
        return None
    return Customer(row["customer_id"], row["customer_name"], row["customer_email"], row["customer_phone"])
