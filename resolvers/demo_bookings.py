"""A year of bookings for the demo: starts that availability would have offered, some of them taken, most of them near today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from domain import hours, slots
from domain.model import Busy, ClosedBy, DayFacts, Terms, Window
from resolvers import importing
from resolvers.salon_file import SalonFile, Stylist

DAYS_BACK, DAYS_AHEAD = 183, 183
TRIES_A_DAY, TRIES_A_START = 12, 4
FILL_NEAR, FILL_FAR = 0.38, 0.18  # the part of a stylist's open hours that is booked: today, and half a year away


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is asked about one stylist again and again. demand: of the stylist's services, by id."""

    blank: DayFacts
    hours: hours.Hours
    away: tuple[Busy, ...]
    demand: Mapping[str, int]


def year(file: SalonFile, stylist: Stylist, demand: Mapping[str, int], today: date) -> Iterator[tuple[Terms, Busy]]:
    """The stylist's bookings from half a year before today to half a year after, by day: what was booked, and when.

    demand: how often each service is asked for, to the others, by id. The same arguments give the same bookings.
    """
    desk = _desk(file, stylist, demand)
    before: list[Busy] = []  # the claims of the day before, which may reach past midnight
    for offset in range(-DAYS_BACK, DAYS_AHEAD + 1):
        taken = list(_taken(desk, today + timedelta(offset), offset, before))
        yield from taken
        before = [claim for _, claim in taken]


def _desk(file: SalonFile, stylist: Stylist, demand: Mapping[str, int]) -> _Desk:
    zones = {one.id: ZoneInfo(one.timezone) for one in file.locations}
    ways = [(way, one.minutes) for one in file.travel for way in ((one.from_, one.to), (one.to, one.from_))]
    terms = _terms(file, stylist)
    return _Desk(
        blank=DayFacts(
            stylist_id=stylist.id,
            day=date.min,
            zones=zones,
            windows=(),
            busy=(),
            travel={way: timedelta(minutes=minutes) for way, minutes in ways},
            terms=terms,
            price_rules=(),
        ),
        hours=hours.Hours(
            weekly=_weekly(stylist),
            overrides={
                one.date: hours.Override(one.location or stylist.location, tuple(one.windows), tuple(one.breaks))
                for one in stylist.overrides
            },
            closures=frozenset((one.id, day) for one in file.locations for day in one.closures),
            zones=zones,
        ),
        away=tuple(_away(stylist, zones[stylist.location])),
        demand={service_id: demand[service_id] for service_id in terms},
    )


def _terms(file: SalonFile, stylist: Stylist) -> dict[str, Terms]:
    services = {one.id: one for one in file.services}
    found = {}
    for offering in stylist.services:
        service = services[offering.service]
        found[service.id] = Terms(
            service_id=service.id,
            duration=timedelta(minutes=offering.duration_minutes or service.duration_minutes),
            interval=timedelta(minutes=service.slot_interval_minutes),
            buffer_before=timedelta(minutes=service.buffer_before_minutes),
            buffer_after=timedelta(minutes=service.buffer_after_minutes),
            min_notice=timedelta(0),
            horizon_days=service.horizon_days,
            price_cents=0,
        )
    return found


def _weekly(stylist: Stylist) -> tuple[hours.WeeklyHours, ...]:
    return tuple(
        hours.WeeklyHours(
            row.weekday,
            row.starts_minute,
            row.ends_minute,
            row.location_id,
            row.is_break,
            row.valid_from,
            row.valid_until,
        )
        for row in importing.hours_rows(stylist)
    )


def _away(stylist: Stylist, home: ZoneInfo) -> Iterator[Busy]:
    spans = [(row.starts_at, row.ends_at) for row in importing.time_off_rows(stylist, home)]
    for starts_at, ends_at in [*spans, *((one.start_utc, one.end_utc) for one in stylist.busy)]:
        yield Busy(ClosedBy.TIME_OFF, starts_at, ends_at, starts_at, ends_at)


def _taken(desk: _Desk, day: date, offset: int, before: Sequence[Busy]) -> Iterator[tuple[Terms, Busy]]:
    """Starts of a day that somebody took, each free when it was, until the day is as full as it should be."""
    windows = hours.day_windows(desk.hours, day)
    if not windows:
        return
    random = Random(f"{desk.blank.stylist_id} {day}")  # noqa: S311 - a demo, not a secret
    facts = replace(desk.blank, day=day, windows=windows)
    breaks = [Busy(ClosedBy.BREAK, *span, *span) for span in hours.day_breaks(desk.hours, day)]
    from_at, until_at = windows[0].starts_at - timedelta(1), windows[-1].ends_at + timedelta(1)
    away = [one for one in desk.away if one.starts_at < until_at and one.ends_at > from_at]
    busy = [*breaks, *away, *before]
    room = sum((window.ends_at - window.starts_at for window in windows), timedelta(0)) * _fill(offset)
    for service_id in random.choices(list(desk.demand), list(desk.demand.values()), k=TRIES_A_DAY):
        terms, window = facts.terms[service_id], random.choice(windows)
        if terms.duration > room or terms.horizon_days < offset:
            continue
        starts_at = _free_start(facts, window, terms, busy, random)
        if starts_at is not None:
            claim = _claim(starts_at, terms, window)
            busy.append(claim)
            room -= terms.duration
            yield terms, claim


def _free_start(facts: DayFacts, window: Window, terms: Terms, busy: Sequence[Busy], random: Random) -> datetime | None:
    """Some start of the window's grid that nothing closes, unless luck is against it."""
    ks = slots.grid(facts, window, terms)
    if not ks:
        return None
    runs = [slots.closed_run(window, terms, one, slots.travel_to(facts, window, one)) for one in busy]
    for _ in range(TRIES_A_START):
        k = random.choice(ks)
        if not any(k in run for run in runs):
            return window.starts_at + k * terms.interval
    return None


def _claim(starts_at: datetime, terms: Terms, window: Window) -> Busy:
    ends_at = starts_at + terms.duration
    occupied = (starts_at - terms.buffer_before, ends_at + terms.buffer_after)
    return Busy(ClosedBy.BOOKING, starts_at, ends_at, *occupied, window.location_id)


def _fill(offset: int) -> float:
    return FILL_NEAR + (FILL_FAR - FILL_NEAR) * abs(offset) / DAYS_AHEAD
