"""Working hours, R2 to R6: weekly wall time, overrides and closures of a stylist into UTC windows of one local day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.model import MINUTES_A_DAY, ClosedBy, Span, Window

# A day's starts reach so many dates either way: a night's tail and round-the-clock opening before, a service of 24 hours
# after, and one date more where the zone skips a day.
DAYS_AROUND = 3


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """A weekly window or break in a location's wall time (R2).

    weekday: ISO, 1 = Monday. starts_minute, ends_minute: from 00:00 of that weekday; an end past 1440 lies on the next
    day. valid_from, valid_until: the season, both ends in; None = open.
    """

    weekday: int
    starts_minute: int
    ends_minute: int
    location_id: str
    is_break: bool = False
    valid_from: date | None = None
    valid_until: date | None = None

    def holds_on(self, day: date) -> bool:
        """Whether the pattern gives hours on this date."""
        if day.isoweekday() != self.weekday:
            return False
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True, slots=True)
class Override:
    """One date's own hours (R4), at one location: pairs of minutes as in WeeklyHours. No windows = closed."""

    location_id: str
    windows: tuple[tuple[int, int], ...] = ()
    breaks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Avoided:
    """A service that a stylist rather not gives at a time of the week, in the wall time of their home; R3 for its edges.

    weekdays: ISO, of the time's beginning; empty = all. An end before the start lies on the next day; end = start is empty (R2).
    """

    service_id: str
    weekdays: frozenset[int]
    from_minute: int
    to_minute: int


@dataclass(frozen=True, slots=True)
class Hours:
    """Everything that makes a stylist's working hours.

    closures: (location, date) pairs (R5). zones: of every location named here.
    """

    weekly: tuple[WeeklyHours, ...]
    overrides: Mapping[date, Override]
    closures: frozenset[tuple[str, date]]
    zones: Mapping[str, ZoneInfo]


@lru_cache(maxsize=1024)
def zone_named(name: str) -> ZoneInfo | None:
    """The zone of a name; None for one that Python does not know, though Postgres may (`UTC+3`)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall time, minutes from 00:00 of a date; past 1440 on the following days (R3).

    A wall time that does not exist takes the offset from before the gap; one that exists twice is its first occurrence
    (RFC 5545, PEP 495 fold=0).
    """
    days, minute = divmod(minute, MINUTES_A_DAY)
    wall = datetime.combine(day + timedelta(days), time(minute // 60, minute % 60), zone)
    return wall.astimezone(UTC)


@lru_cache(maxsize=8192)
def local_day(day: date, zone: ZoneInfo) -> Span:
    """The instants of a date in a zone, as UTC. Empty for a date that the zone skipped."""
    return Span(instant(day, 0, zone), instant(day, MINUTES_A_DAY, zone))


def dates_of(span: Span, zone: ZoneInfo) -> Iterator[date]:
    """Every local date that a non-empty span touches, in order."""
    day = span.starts_at.astimezone(zone).date()
    last = (span.ends_at - timedelta(microseconds=1)).astimezone(zone).date()
    while day <= last:
        yield day
        day += timedelta(1)


def day_windows(hours: Hours, day: date) -> tuple[Window, ...]:
    """The united windows that can hold a start of this local day, by start (R4, R5, R6).

    Each begins no earlier than 00:00 of the day before in its zone, so that opening round the clock has a first start.
    """
    cut = _around(hours, day, is_break=False)
    windows = []
    for window in _united(cut):
        zone = hours.zones[window.location_id]
        starts_at = max(window.starts_at, local_day(day - timedelta(1), zone).starts_at)
        today = local_day(day, zone)
        if starts_at < today.ends_at and window.ends_at > today.starts_at and starts_at < window.ends_at:
            windows.append(window._replace(starts_at=starts_at))
    return tuple(sorted(windows))


def why_closed(hours: Hours, day: date) -> ClosedBy:
    """Why a local day without windows has none: the date's own override, a closure of every place of its hours, or the week."""
    override = hours.overrides.get(day)
    if override is not None and not override.windows:
        return ClosedBy.DAY_OFF
    places = {location_id for _, _, location_id in _date_hours(hours, day, is_break=False)}
    return ClosedBy.CLOSURE if any((place, day) in hours.closures for place in places) else ClosedBy.NO_HOURS


def avoided_spans(patterns: Iterable[Avoided], day: date, zone: ZoneInfo) -> Iterator[tuple[str, Span]]:
    """The spans in which a stylist rather not gives a service, as far as a start of this local day can touch them.

    zone: of their home, which may be a day and more ahead of or behind the place of the start.
    """
    for offset in range(-DAYS_AROUND, DAYS_AROUND + 1):
        around = day + timedelta(offset)
        for one in patterns:
            if not one.weekdays or around.isoweekday() in one.weekdays:
                until = one.to_minute if one.from_minute <= one.to_minute else one.to_minute + MINUTES_A_DAY
                span = Span(instant(around, one.from_minute, zone), instant(around, until, zone))
                if span.starts_at < span.ends_at:
                    yield one.service_id, span


def day_breaks(hours: Hours, day: date) -> tuple[Span, ...]:
    """Every break that can touch a start of this local day, by start. A break is the stylist's, wherever: closures leave it."""
    return tuple(sorted(Span(*piece[:2]) for piece in _around(hours, day, is_break=True)))


def _around(hours: Hours, day: date, *, is_break: bool) -> Iterator[Window]:
    """The pieces, after overrides and closures, of the dates that matter to this day."""
    for offset in range(-DAYS_AROUND, DAYS_AROUND + 1):
        yield from _date_pieces(hours, day + timedelta(offset), is_break=is_break)


def _date_pieces(hours: Hours, day: date, *, is_break: bool) -> Iterator[Window]:
    for starts_minute, ends_minute, location_id in _date_hours(hours, day, is_break=is_break):
        if not is_break and (location_id, day) in hours.closures:
            continue
        zone = hours.zones[location_id]
        piece = Window(instant(day, starts_minute, zone), instant(day, ends_minute, zone), location_id)
        # Where the zone skips a day, what runs past midnight lies in the day after the next.
        for later in (day + timedelta(1), day + timedelta(2)):
            if later in hours.overrides or (not is_break and (location_id, later) in hours.closures):
                piece = _without_day(piece, local_day(later, zone))
        if piece.starts_at < piece.ends_at:
            yield piece


def _date_hours(hours: Hours, day: date, *, is_break: bool) -> Iterator[tuple[int, int, str]]:
    """The hours in force on a date: its override's if it has one, else the week's."""
    override = hours.overrides.get(day)
    if override is not None:
        for starts_minute, ends_minute in override.breaks if is_break else override.windows:
            yield starts_minute, ends_minute, override.location_id
        return
    for weekly in hours.weekly:
        if weekly.is_break is is_break and weekly.holds_on(day):
            yield weekly.starts_minute, weekly.ends_minute, weekly.location_id


def _without_day(piece: Window, emptied: Span) -> Window:
    """What is left of a piece when the day after its own is emptied: the part before midnight."""
    if emptied.starts_at == emptied.ends_at:
        return piece
    return piece._replace(ends_at=min(piece.ends_at, emptied.starts_at))


def _united(pieces: Iterable[Window]) -> Iterator[Window]:
    """Touching and overlapping windows of one location as one (R6)."""
    current: Window | None = None
    for piece in sorted(pieces, key=lambda window: (window.location_id, window.starts_at)):
        if current and current.location_id == piece.location_id and piece.starts_at <= current.ends_at:
            current = current._replace(ends_at=max(current.ends_at, piece.ends_at))
            continue
        if current:
            yield current
        current = piece
    if current:
        yield current
