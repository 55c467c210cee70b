"""A dashboard: a customer's bookings in figures, and each stylist's day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cache.keys import DayKey
from cache.versioned import Freshness
from db import dashboards
from db.dashboards import Figures
from domain import hours, utilisation
from domain.errors import BadRequest
from domain.model import Claim, Span
from domain.utilisation import Utilisation
from resolvers import bookings
from resolvers.context import Context

TRIES = 3
NOTHING = Figures(0, 0, 0, None, ())


class Today(NamedTuple):
    """A stylist's own date, and how much of it is sold."""

    stylist_id: str
    date: date
    found: Utilisation


async def figures(context: Context, customer_id: str | None) -> Figures:
    """A customer's, for staff or whose customer it is; without one, of what the caller booked. Raises BadRequest NOT_FOUND."""
    caller = context.caller
    if customer_id is None and caller.holder is None:
        return NOTHING
    async with context.app.database.transaction(context.tenant_id) as connection:
        found = await dashboards.load(
            connection, context.tenant_id, customer_id=customer_id, holder=caller.holder, is_staff=caller.is_staff
        )
    if found is None:
        raise BadRequest("NOT_FOUND", f"there is no customer {customer_id}")
    return found


async def booking(context: Context, booking_id: str) -> Claim | None:
    """A booking of the figures, if there still is one for the caller; all that an operation asks for come in one statement."""
    claim = await context.claims.load(booking_id)
    return claim if claim and bookings.may_see(context, claim) else None


async def today(context: Context, stylist_ids: Sequence[str]) -> list[Today]:
    """The stylists' days as it is now where each is at home, VERIFIED, in their order. Raises BadRequest, Unavailable.

    Which day it is, is judged by the clock that came with the facts: at midnight, they are asked for once more.
    """
    context.count(len(stylist_ids))
    now = context.app.clock.now()
    for _ in range(TRIES):
        keys = [_day(context, stylist_id, now) for stylist_id in stylist_ids]
        readings = await context.days(Freshness.VERIFIED).load(keys)
        now = max((reading.now for reading in readings), default=now)
        if keys == [_day(context, stylist_id, now) for stylist_id in stylist_ids]:
            break
    return [
        Today(key.stylist_id, key.day, utilisation.of(reading.entry.value, _span(context, key), reading.now))
        for key, reading in zip(keys, readings, strict=True)
    ]


def _day(context: Context, stylist_id: str, now: datetime) -> DayKey:
    zone = ZoneInfo(context.directory.stylists[stylist_id].timezone)
    return DayKey(context.tenant_id, stylist_id, now.astimezone(zone).date())


def _span(context: Context, key: DayKey) -> Span:
    return hours.local_day(key.day, ZoneInfo(context.directory.stylists[key.stylist_id].timezone))
