"""The live answer: what a subscriber watches, computed anew whenever facts or time may have changed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cache.versioned import Freshness
from domain.errors import Unavailable
from domain.model import Slot, SlotStatus
from resolvers import availability
from resolvers.availability import Availability
from resolvers.context import Context
from resolvers.feed import Watch

RETRY_S = 0.5

Open = Callable[[], Awaitable[Context]]


@dataclass(frozen=True, slots=True)
class Watched:
    """What a subscriber asked for. dates: consecutive."""

    stylist_ids: Sequence[str]
    service_id: str
    dates: Sequence[date]
    zone: ZoneInfo | None


@dataclass(frozen=True, slots=True)
class Change:
    """One stylist and date: the answer now, and how it differs from the last one sent. A snapshot has every free start."""

    availability: Availability
    opened: Sequence[Slot]
    closed: Sequence[Slot]
    snapshot: bool

    @property
    def cursor(self) -> str:
        """What a client that comes back hands in as sinceVersion."""
        return f"{self.availability.version}@{self.availability.now.isoformat()}"


Sent = dict[tuple[str, date], Availability]
About = tuple[object, ...]


async def changes(watched: Watched, open_context: Open) -> AsyncGenerator[Change, None]:
    """A snapshot of each stylist and date, then each change of them, in the order of versions and then of time.

    Every answer is read VERIFIED, with a context of its own. While the database is away nothing is sent; what happened
    meanwhile comes as soon as it is back. Raises BadRequest for what is unknown, at the start or later.
    """
    context = await open_context()
    await context.renew()
    sent: Sent = {}
    shown: dict[tuple[str, date], About] = {}
    with context.app.feed.watching(context.tenant_id, watched.stylist_ids) as watch:
        due: list[tuple[str, date]] = [(one, day) for one in watched.stylist_ids for day in watched.dates]
        while True:
            try:
                for found in await _read(context, watched, due):
                    key, about = (found.stylist_id, found.date), _about(context, found)
                    change = _difference(sent.get(key), found, is_about_the_same=shown.get(key) == about)
                    sent[key], shown[key] = found, about
                    if change:
                        yield change
            except Unavailable:
                for stylist_id in watched.stylist_ids:
                    watch.touch(stylist_id, None)
                await asyncio.sleep(RETRY_S)
            due = await _next_due(context, watched, watch, sent)
            try:
                context = await open_context()
                await context.renew()
            except Unavailable:
                await asyncio.sleep(RETRY_S)


async def _read(context: Context, watched: Watched, due: Iterable[tuple[str, date]]) -> list[Availability]:
    by_stylist: dict[str, list[date]] = {}
    for stylist_id, day in due:
        by_stylist.setdefault(stylist_id, []).append(day)
    answers = await asyncio.gather(
        *(
            availability.of_stylist(
                context,
                stylist_id=stylist_id,
                service_id=watched.service_id,
                dates=days,
                zone=watched.zone,
                freshness=Freshness.VERIFIED,
            )
            for stylist_id, days in by_stylist.items()
        )
    )
    return [one for answer in answers for one in answer]


async def _next_due(context: Context, watched: Watched, watch: Watch, sent: Sent) -> list[tuple[str, date]]:
    """Waits until facts or time may have changed something; what to look at then."""
    ends = [one.true_until for one in sent.values() if one.true_until]
    wait_s = max(0.0, (min(ends) - context.app.clock.now()).total_seconds()) if ends else None
    dirty = await watch.next(wait_s)
    now = context.app.clock.now()
    return [
        key
        for key in ((one, day) for one in watched.stylist_ids for day in watched.dates)
        if key not in sent or _outdated(context, watched, sent[key], dirty, now)
    ]


def _outdated(
    context: Context, watched: Watched, last: Availability, dirty: dict[str, set[date] | None], now: datetime
) -> bool:
    if last.true_until and now >= last.true_until:
        return True
    if last.stylist_id not in dirty:
        return False
    days = dirty[last.stylist_id]
    return days is None or any(reading.entry.key.day in days for reading in last.readings)


def _about(context: Context, found: Availability) -> About:
    """What an answer shows besides its slots: names and all else of whom and what it is about."""
    directory = context.directory
    stylist, service = directory.stylists[found.stylist_id], directory.services[found.service_id]
    return stylist, service, *(directory.locations[place] for place in stylist.location_ids)


def _difference(last: Availability | None, found: Availability, *, is_about_the_same: bool) -> Change | None:
    if last is None:
        return Change(found, [slot for slot in found.slots if slot.status is SlotStatus.AVAILABLE], (), snapshot=True)
    if last.slots == found.slots and is_about_the_same:
        return None
    before = {slot.starts_at: slot for slot in last.slots}
    after = {slot.starts_at: slot for slot in found.slots}
    return Change(
        found,
        opened=[slot for slot in found.slots if _is_free(slot) and not _is_free(before.get(slot.starts_at))],
        closed=[
            after.get(slot.starts_at, slot._replace(status=SlotStatus.UNAVAILABLE))
            for slot in last.slots
            if _is_free(slot) and not _is_free(after.get(slot.starts_at))
        ],
        snapshot=False,
    )


def _is_free(slot: Slot | None) -> bool:
    return slot is not None and slot.status is SlotStatus.AVAILABLE
