"""Bookings as they come, change and go, for staff: read again, of those stylists alone, whenever their days changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from db import bookings
from domain.errors import Unavailable
from domain.model import Claim
from resolvers.context import Context

RETRY_S = 0.5
BOOKINGS_MAX = 5_000  # of one stylist in the dates watched


class BookingChangeKind(StrEnum):
    """What became of a booking in the eyes of who watches."""

    THERE = "THERE"
    ADDED = "ADDED"
    CHANGED = "CHANGED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class BookingChange:
    """One booking, as it now is; what LEFT the dates or stylists watched, as it was."""

    kind: BookingChangeKind
    claim: Claim
    context: Context


Open = Callable[[], Awaitable[Context]]


async def changes(
    stylist_ids: Iterable[str] | None, from_on: date, until_on: date, open_context: Open
) -> AsyncGenerator[BookingChange, None]:
    """Every booking whose local date lies in [from_on, until_on], then each change. stylist_ids: None = of all there are now.

    While the database is away nothing is sent; what happened meanwhile comes as soon as it is back.
    """
    context = await open_context()
    await context.renew()
    watched = list(stylist_ids if stylist_ids is not None else context.directory.stylists)
    known: dict[str, dict[str, Claim]] = {}
    with context.app.feed.watching(context.tenant_id, watched) as watch:
        due = watched
        while True:
            try:
                for stylist_id in due:
                    found = await _of(context, stylist_id, from_on, until_on)
                    for change in _differences(context, known.get(stylist_id), found):
                        yield change
                    known[stylist_id] = found
            except Unavailable:
                for stylist_id in watched:
                    watch.touch(stylist_id, None)
                await asyncio.sleep(RETRY_S)
            due = await _next_due(context, watch.next, known)
            context = await open_context()


async def _of(context: Context, stylist_id: str, from_on: date, until_on: date) -> dict[str, Claim]:
    async with context.app.database.transaction(context.tenant_id) as connection:
        found = await bookings.between(
            connection,
            context.tenant_id,
            stylist_id=stylist_id,
            holder=None,
            from_on=from_on,
            until_on=until_on,
            after=None,
            most=BOOKINGS_MAX,
        )
    return {claim.id: claim for claim in found}


def _differences(context: Context, before: dict[str, Claim] | None, found: dict[str, Claim]) -> Iterable[BookingChange]:
    for claim_id, claim in found.items():
        if before is None:
            yield BookingChange(BookingChangeKind.THERE, claim, context)
        elif claim_id not in before:
            yield BookingChange(BookingChangeKind.ADDED, claim, context)
        elif before[claim_id] != claim:
            yield BookingChange(BookingChangeKind.CHANGED, claim, context)
    for claim_id, claim in (before or {}).items():
        if claim_id not in found:
            yield BookingChange(BookingChangeKind.LEFT, claim, context)


async def _next_due(
    context: Context,
    next_: Callable[[float | None], Awaitable[dict[str, set[date] | None]]],
    known: dict[str, dict[str, Claim]],
) -> list[str]:
    """Waits until facts may have changed, or a payment was due; whose bookings to look at then."""
    due = {
        stylist_id: min(
            (one.payment_due_at for one in found.values() if one.awaits_payment and one.payment_due_at), default=None
        )
        for stylist_id, found in known.items()
    }
    ends = [at for at in due.values() if at]
    wait_s = max(0.0, (min(ends) - context.app.clock.now()).total_seconds()) if ends else None
    dirty = await next_(wait_s)
    now = context.app.clock.now()
    return [*dirty, *(one for one, at in due.items() if at and at <= now and one not in dirty)]
