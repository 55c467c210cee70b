"""The time that a claim leaves, offered to the first who waits for it: as a hold of theirs, in the transaction that freed it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from db import bookings, days, journal, waitlist
from db.pool import Connection
from db.waitlist import Freed
from domain import offer, waiting
from domain.errors import SlotNotOffered, SlotTaken
from domain.model import Busy, Claim, ClosedBy, DayFacts, Slot, Span
from domain.waiting import Waiting
from resolvers import availability
from resolvers.context import Context

WAITING_MAX = 500  # who are looked at when a time is left
ACTOR = "system:waitlist"
ZONES_APART = timedelta(hours=14)


async def reach(connection: Connection, context: Context, stylist_id: str, left: Span) -> Span | None:
    """What must be locked to offer a time that is to be left; None when nobody waits for it. left: its buffers included.

    Asked before the turn is taken, so that all days are locked in one go, in order.
    """
    wide = _widened(context, stylist_id, left)
    return wide if await waitlist.anyone(connection, context.tenant_id, _freed(context, stylist_id, wide)) else None


async def on(connection: Connection, context: Context, left: Claim, occupied: Span, wide: Span) -> None:
    """Offers what a claim has left. occupied: what it took; wide: what `reach` said, locked by now.

    One after the other is asked, in the order of joining, and what the offer before took is no longer free: a long booking
    may be offered to several. Who left it is not asked.
    """
    freed = _freed(context, left.stylist_id, wide)
    entries = await waitlist.waiting(connection, context.tenant_id, freed, leaver=left.holder, most=WAITING_MAX)
    if not entries:
        return
    busy = Busy(ClosedBy.BOOKING, left.starts_at, left.ends_at, *occupied, location_id=left.location_id)
    opened = await _Opened.load(connection, context, left.stylist_id, wide, busy)
    for entry in entries:
        slot = waiting.chosen(entry, opened.starts(entry.wish.service_id), left.starts_at)
        if slot and await _offer(connection, context, entry, opened, slot):
            opened = await _Opened.load(connection, context, left.stylist_id, wide, busy)


class _Opened:
    """What became free of a stylist's days, by service, as of one reading of them."""

    def __init__(self, stylist_id: str, facts: Sequence[DayFacts], left: Busy, now: datetime) -> None:
        self.stylist_id = stylist_id
        self.facts = facts
        self.now = now
        self._left = left
        self._starts: dict[str, list[tuple[Slot, ZoneInfo]]] = {}

    @classmethod
    async def load(cls, connection: Connection, context: Context, stylist_id: str, wide: Span, left: Busy) -> _Opened:
        stylist = context.directory.stylists[stylist_id]
        keys = [(stylist_id, day) for day in availability.instants_days(context, stylist, wide)]
        now, found = await days.load(connection, context.tenant_id, keys)
        return cls(stylist_id, [found[key][1] for key in keys], left, now)

    def starts(self, service_id: str) -> list[tuple[Slot, ZoneInfo]]:
        """The starts for a service, by start."""
        if service_id not in self._starts:
            self._starts[service_id] = offer.opened(self.facts, self._left, service_id, self.now)
        return self._starts[service_id]


async def _offer(connection: Connection, context: Context, entry: Waiting, opened: _Opened, slot: Slot) -> bool:
    """Holds a start for who waits. False when it is not offered after all, or they have got another meanwhile."""
    stylist = context.directory.stylists[opened.stylist_id]
    zone = ZoneInfo(stylist.timezone)
    try:
        slot, terms = offer.offered(opened.facts, entry.wish.service_id, slot.starts_at, now=opened.now, zone=zone)
    except (SlotTaken, SlotNotOffered):
        return False
    if not await waitlist.take(connection, context.tenant_id, entry.id):
        return False
    hold = await bookings.insert(
        connection,
        context.tenant_id,
        stylist_id=stylist.id,
        slot=slot,
        terms=terms,
        trace=offer.traced(opened.facts, slot, terms),
        holder=entry.holder,
        hold_ttl=context.directory.tenant.hold_ttl,
        customer=None,
        notes=None,
    )
    await waitlist.offer(
        connection,
        context.tenant_id,
        entry.id,
        hold_id=hold.id,
        stylist_id=stylist.id,
        starts_at=hold.starts_at,
    )
    after: Any = orjson.loads(orjson.dumps({**asdict(hold), "waitlistEntry": entry.id}))
    await journal.audit(
        connection,
        context.tenant_id,
        actor=ACTOR,
        action="waitlistOffer",
        entity_id=hold.id,
        outcome="DONE",
        after=after,
    )
    return True


def _widened(context: Context, stylist_id: str, left: Span) -> Span:
    """A span with as much around it as anything that begins or ends in it can be long."""
    directory = context.directory
    lengths = [
        one.duration_minutes + service.buffer_before_minutes + service.buffer_after_minutes
        for one in directory.by_stylist.get(stylist_id, ())
        for service in (directory.services[one.service_id],)
    ]
    longest = timedelta(minutes=max(lengths, default=0))
    return Span(left.starts_at - longest, left.ends_at + longest)


def _freed(context: Context, stylist_id: str, wide: Span) -> Freed:
    directory = context.directory
    offered = [
        one.service_id
        for one in directory.by_stylist.get(stylist_id, ())
        if directory.services[one.service_id].active and directory.stylists[stylist_id].active
    ]
    return Freed(stylist_id, offered, (wide.starts_at - ZONES_APART).date(), (wide.ends_at + ZONES_APART).date())
