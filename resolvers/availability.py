"""Availability: a stylist's slots for a service on a date, in whatever zone the asker counts dates."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cache.keys import DayKey
from cache.versioned import Entry, Freshness, Reading
from domain import hours, offer, slots, versions
from domain.errors import BadRequest, Free, OrderReason
from domain.model import DayFacts, DaySlots, Service, Slot, SlotStatus, Span, Stylist
from resolvers.context import Context
from resolvers.loaders import LaterInTurns
from resolvers.offers import Shown

FIRST_CHUNK_DAYS = 7
CHUNK_DAYS_MAX = 31
EARLIEST_ZONE = ZoneInfo("Pacific/Kiritimati")  # UTC+14


@dataclass(frozen=True, slots=True)
class Availability:
    """One stylist, service and date, as read at `now`. zone: as asked, else None: each location's own.

    readings: of the stylist-days that the date touches, by day. kept: what is made of the slots can be kept here; it goes when
    they do. None where they are put together of several days.
    """

    stylist_id: str
    service_id: str
    date: date
    zone: ZoneInfo | None
    readings: Sequence[Reading[DayFacts]]
    slots: Sequence[Slot]
    true_until: datetime | None
    kept: dict[Any, Any] | None = None

    @property
    def version(self) -> str:
        """Of everything that the slots were made of."""
        return versions.text([reading.entry.version for reading in self.readings])

    @property
    def now(self) -> datetime:
        """Postgres's clock at which the slots were judged."""
        return max(reading.now for reading in self.readings)


def of_stylist(
    context: Context,
    *,
    stylist_id: str,
    service_id: str,
    dates: Sequence[date],
    zone: ZoneInfo | None,
    freshness: Freshness,
) -> Awaitable[list[Availability]]:
    """One availability a date, in order. Empty of slots when the service is not offered. Raises BadRequest, Unavailable."""
    stylist = known_stylist(context, stylist_id)
    known_service(context, service_id)
    context.count(len(dates))
    touched = {day: touched_days(context, stylist, day, zone) for day in dates}
    wanted = list(dict.fromkeys(day for days in touched.values() for day in days))
    keys = [DayKey(context.tenant_id, stylist_id, day) for day in wanted]

    async def assembled(found: list[Reading[DayFacts]]) -> list[Availability]:
        readings = dict(zip(wanted, found, strict=True))
        made = [
            assemble(stylist_id, service_id, day, zone, [readings[touched_day] for touched_day in touched[day]])
            async for day in context.app.turns.through(dates)
        ]
        context.show(Shown(context.tenant_id, made))
        return made

    return LaterInTurns(context.days(freshness).load(keys), assembled)


class Derived(NamedTuple):
    """An entry's slots for a service, from an instant on. kept: what is made of them."""

    since: datetime
    slots: DaySlots
    kept: dict[Any, Any]


def derived(entry: Entry[DayFacts], service_id: str, now: datetime) -> Derived:
    """The slots of an entry for a service, kept on it for as long as time alone changes nothing."""
    known: Derived | None = entry.derived.get(service_id)
    if known and known.since <= now and (known.slots.true_until is None or now < known.slots.true_until):
        return known
    fresh = Derived(now, slots.day_slots(entry.value, service_id, now), {})
    entry.derived[service_id] = fresh
    return fresh


def assemble(
    stylist_id: str,
    service_id: str,
    day: date,
    zone: ZoneInfo | None,
    readings: Sequence[Reading[DayFacts]],
    *,
    derive: Callable[[Entry[DayFacts], str, datetime], Derived] = derived,
) -> Availability:
    """The availability of a date from the stylist-days that it touches (R10)."""
    now = max(reading.now for reading in readings)
    parts = [derive(reading.entry, service_id, now) for reading in readings]
    merged: Sequence[Slot] = parts[0].slots.slots
    if zone is not None:
        span = hours.local_day(day, zone)
        merged = slots.one_a_start(
            slot for part in parts for slot in part.slots.slots if span.starts_at <= slot.starts_at < span.ends_at
        )
    ends = [part.slots.true_until for part in parts if part.slots.true_until]
    kept = parts[0].kept if len(parts) == 1 else None
    return Availability(stylist_id, service_id, day, zone, readings, merged, min(ends, default=None), kept)


def touched_days(context: Context, stylist: Stylist, day: date, zone: ZoneInfo | None) -> list[date]:
    """The stylist's own days that a date touches: the date itself, or all that its instants in a zone lie in (R10)."""
    if zone is None:
        return [day]
    return instants_days(context, stylist, hours.local_day(day, zone)) or [day]


def instants_days(context: Context, stylist: Stylist, span: Span) -> list[date]:
    """The stylist's own days that a span lies in, in the zones of all places of their hours."""
    zones = {context.directory.locations[place].timezone for place in stylist.location_ids}
    return sorted({day for name in zones for day in hours.dates_of(span, ZoneInfo(name))})


async def first_available(
    context: Context,
    *,
    service_id: str,
    stylist_ids: Sequence[str],
    location_id: str | None,
    from_at: datetime | None,
    limit: int,
) -> list[Free]:
    """The earliest free starts of any of these stylists, as _ordered: looks ahead in growing steps, to the horizon."""
    service = known_service(context, service_id)
    now = context.app.clock.now()
    start = max(now, from_at) if from_at else now
    last = (now + timedelta(days=service.horizon_days + 2)).date()
    day, step = start.date() - timedelta(1), FIRST_CHUNK_DAYS
    found: list[_Candidate] = []
    while day <= last and stylist_ids:
        dates = _days(day, 0, min(step, (last - day).days + 1))
        context.count(len(dates) * len(stylist_ids))
        found += _free(await _all_of(context, stylist_ids, service_id, dates), location_id=location_id, start=start)
        day, step = dates[-1] + timedelta(1), min(step * 2, CHUNK_DAYS_MAX)
        # Where the day begins first, the next one may already hold earlier starts than this one's last elsewhere.
        complete_until = hours.instant(day, 0, EARLIEST_ZONE)
        if sum(one.slot.starts_at < complete_until for one in found) >= limit:
            break
    chosen = _ordered(found, limit)
    context.show(_first_of(context, chosen, found))
    return chosen


def _first_of(context: Context, chosen: Sequence[Free], found: Sequence[_Candidate]) -> Shown:
    """For the offer log: of each list that they are of, the starts that were chosen."""
    starts = {(one.stylist_id, one.slot.starts_at) for one in chosen}
    lists: dict[int, tuple[Availability, list[Slot]]] = {}
    for answer, slot in found:
        if (answer.stylist_id, slot.starts_at) in starts:
            lists.setdefault(id(answer), (answer, []))[1].append(slot)
    return Shown(context.tenant_id, [replace(one, slots=shown) for one, shown in lists.values()], is_whole=False)


def _ordered(found: Sequence[_Candidate], limit: int) -> list[Free]:
    """The earliest, then of who has the fewest bookings that day, then by stylist id; each with the reason for its place."""
    earliest = sorted(found, key=lambda one: one.slot.starts_at)
    ordered: list[Free] = []
    for _, together in groupby(earliest, key=lambda one: one.slot.starts_at):
        if len(ordered) >= limit:
            break
        group = list(together)
        counts = [one.bookings_that_day() for one in group] if len(group) > 1 else [0]
        for count, one in sorted(
            zip(counts, group, strict=True), key=lambda pair: (pair[0], pair[1].answer.stylist_id)
        ):
            alike = OrderReason.FEWEST_BOOKINGS if counts.count(count) == 1 else OrderReason.TIE
            reason = OrderReason.EARLIEST if len(group) == 1 else alike
            ordered.append(Free(one.answer.stylist_id, one.answer.service_id, one.slot, reason))
    return ordered[:limit]


async def nearest(
    context: Context, *, stylist_ids: Sequence[str], service_id: str, starts_at: datetime, limit: int = 3
) -> list[Free]:
    """The free starts of any of these stylists nearest to an instant: of the days about it, else the first of the weeks after."""
    known = [stylist_id for stylist_id in stylist_ids if stylist_id in context.directory.stylists]
    if not known or service_id not in context.directory.services:
        return []
    around = starts_at.date()
    for dates in (_days(around, -1, 3), _days(around, 2, 14), _days(around, 16, 31)):
        found = list(_free(await _all_of(context, known, service_id, dates), location_id=None, start=None))
        if found:
            close = heapq.nsmallest(
                limit, found, key=lambda one: (abs(one.slot.starts_at - starts_at), one.slot.starts_at)
            )
            close.sort(key=lambda one: one.slot.starts_at)
            return [Free(one.answer.stylist_id, one.answer.service_id, one.slot) for one in close]
    return []


def known_stylist(context: Context, stylist_id: str) -> Stylist:
    """An active stylist of the directory. Raises BadRequest NOT_FOUND."""
    stylist = context.directory.stylists.get(stylist_id)
    if stylist is None or not stylist.active:
        raise BadRequest("NOT_FOUND", f"there is no stylist {stylist_id}")
    return stylist


def known_service(context: Context, service_id: str) -> Service:
    """An active service of the directory. Raises BadRequest NOT_FOUND."""
    service = context.directory.services.get(service_id)
    if service is None or not service.active:
        raise BadRequest("NOT_FOUND", f"there is no service {service_id}")
    return service


async def _all_of(
    context: Context, stylist_ids: Sequence[str], service_id: str, dates: Sequence[date]
) -> list[Availability]:
    keys = [DayKey(context.tenant_id, stylist_id, day) for stylist_id in stylist_ids for day in dates]
    readings = await context.days(Freshness.VERIFIED).load(keys)
    pairs = context.app.turns.through(zip(keys, readings, strict=True))
    return [assemble(key.stylist_id, service_id, key.day, None, [reading]) async for key, reading in pairs]


class _Candidate(NamedTuple):
    """A free start and the answer that it is of."""

    answer: Availability
    slot: Slot

    def bookings_that_day(self) -> int:
        return offer.bookings_on([reading.entry.value for reading in self.answer.readings], self.slot, self.answer.now)


def _free(answers: Iterable[Availability], *, location_id: str | None, start: datetime | None) -> Iterator[_Candidate]:
    for answer in answers:
        for slot in answer.slots:
            if (
                slot.status is SlotStatus.AVAILABLE
                and (location_id is None or slot.location_id == location_id)
                and (start is None or slot.starts_at >= start)
            ):
                yield _Candidate(answer, slot)


def _days(around: date, first: int, count: int) -> list[date]:
    return [around + timedelta(first + n) for n in range(count)]
