"""What a stylist rather not does holds for writers too, however many come at once; a booking not paid for in time makes room."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from db.pool import Database
from domain.errors import NotOfferedReason, SlotNotOffered
from domain.model import BookingStatus, Claim
from resolvers import app as wiring
from resolvers import bookings
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

if TYPE_CHECKING:
    from tests.conftest import Salon

WISHES = """
insert into preferences (tenant_id, stylist_id, run_minutes_max, pause_minutes, bookings_a_day_max) values ($1, $2, $3, $4, $5)
"""


@pytest.fixture
def app(database: Database) -> App:
    """The parts of a server."""
    return wiring.build(database, default_tenant="", limits=Limits(), entries_max=1000, ttl=timedelta(minutes=15))


async def book(app: App, salon: Salon, who: str, hour: int, minute: int = 0) -> Claim:
    """Somebody's booking of Asha."""
    context = await Context.open(app, Caller(holder=f"session:{who}"), fresh=True)
    start = Start((salon.asha,), salon.cut, datetime.fromisoformat(salon.at(hour, minute)))
    return await bookings.create(context, start, Contact(who), None, Request("bookingCreate", {}))


async def test_of_many_at_once_as_many_get_in_as_the_stylist_takes_a_day(app: App, salon: Salon, sql: Any) -> None:
    await sql.execute(WISHES, salon.tenant, salon.asha, None, 15, 2)

    found = await asyncio.gather(
        *(book(app, salon, str(hour), hour) for hour in (9, 10, 11, 14, 15)), return_exceptions=True
    )

    assert len([one for one in found if isinstance(one, Claim)]) == 2
    refused = [one for one in found if isinstance(one, SlotNotOffered)]
    assert [one.reason for one in refused] == 3 * [NotOfferedReason.UNAVAILABLE]


async def test_two_at_once_do_not_make_work_too_long_together(app: App, salon: Salon, sql: Any) -> None:
    await book(app, salon, "first", 10)
    # A pause so long that the two join the first one, and a run that is long enough for one of them.
    await sql.execute(WISHES, salon.tenant, salon.asha, 120, 60, None)

    found = await asyncio.gather(book(app, salon, "before", 9), book(app, salon, "after", 11), return_exceptions=True)

    assert sorted(type(one).__name__ for one in found) == ["Claim", "SlotNotOffered"]


async def test_a_booking_not_paid_for_in_time_makes_room_for_another(app: App, salon: Salon, sql: Any) -> None:
    unpaid = await book(app, salon, "first", 10)
    await sql.execute("update bookings set payment_required = true, payment_due_at = now() - interval '1 second'")

    await book(app, salon, "second", 10)

    row = await sql.fetchrow(
        "select status, cancel_reason, ended_at = payment_due_at from bookings where id = $1", unpaid.id
    )
    assert tuple(row) == (BookingStatus.CANCELLED, "not paid in time", True)
