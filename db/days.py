"""A stylist's days: every fact that slots are made of, for any number of stylist-days in one statement."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain, starmap
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
import structlog

from db import queries
from db.pool import Connection
from domain import hours
from domain.model import Busy, ClosedBy, DayFacts, Preferences, Span, StaleSource, Terms
from domain.prices import PriceRule
from domain.versions import DayVersion

sql = queries.load("days")
log = structlog.get_logger("days")

CLAIM_MAX = timedelta(
    hours=48
)  # 24 of service and 12 of buffer on either side: bookings_length_max, bookings_buffers_max

AT_ONCE = 400  # days of one statement: its answer is parsed in one go, in some milliseconds

EXPIRED_KEPT = timedelta(hours=1)  # day_facts has claims that ended by themselves so long ago

instant = datetime.fromisoformat

StylistDay = tuple[str, date]
Facts = tuple[DayVersion, DayFacts]


class Run(NamedTuple):
    """Consecutive days of one stylist, both ends in."""

    stylist_id: str
    from_day: date
    until_day: date


def runs(wanted: Iterable[tuple[str, date]]) -> Iterator[Run]:
    """Stylist-days as the fewest runs, so that a month of a stylist is read as one."""
    current: Run | None = None
    for stylist_id, day in sorted(set(wanted)):
        if current and current.stylist_id == stylist_id and day - current.until_day == timedelta(1):
            current = current._replace(until_day=day)
            continue
        if current:
            yield current
        current = Run(stylist_id, day, day)
    if current:
        yield current


async def load(
    connection: Connection, tenant_id: str, wanted: Iterable[StylistDay]
) -> tuple[datetime, dict[StylistDay, Facts]]:
    """The clock, and the version and facts of each (stylist, day) asked for, each of one snapshot.

    A stylist that does not exist has days without terms and windows.
    """
    now, made = await read(connection, tenant_id, wanted)
    return now, dict(made)


async def read(
    connection: Connection, tenant_id: str, wanted: Iterable[StylistDay]
) -> tuple[datetime, Iterator[tuple[StylistDay, Facts]]]:
    """As `load`; the facts are made as they are gone through, which takes some 50 us a day. The clock: of the first statement."""
    answers = []
    for asked in _parts(runs(wanted)):
        text = await sql.day_facts(
            connection,
            tenant_id=tenant_id,
            stylist_ids=[run.stylist_id for run in asked],
            from_days=[run.from_day for run in asked],
            until_days=[run.until_day for run in asked],
        )
        answers.append((asked, orjson.loads(text)))
    return instant(answers[0][1]["now"]), chain.from_iterable(starmap(_made, answers))


def _parts(wanted: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs, as many together as one statement is asked for; longer ones cut. Of none one part, for the clock."""
    part: list[Run] = []
    room, is_first = AT_ONCE, True
    for run in wanted:
        from_day = run.from_day
        while from_day <= run.until_day:
            until_day = min(run.until_day, from_day + timedelta(room - 1))
            part.append(Run(run.stylist_id, from_day, until_day))
            room -= (until_day - from_day).days + 1
            from_day = until_day + timedelta(1)
            if not room:
                yield part
                part, room, is_first = [], AT_ONCE, False
    if part or is_first:
        yield part


def _made(asked: Sequence[Run], found: dict[str, Any]) -> Iterator[tuple[StylistDay, Facts]]:
    shared = _Shared(found)
    for run, row in zip(asked, found["runs"], strict=True):
        stylist = _StylistFacts(shared, row)
        for offset in range((run.until_day - run.from_day).days + 1):
            day = run.from_day + timedelta(offset)
            version = DayVersion(row["rules"], row["days"].get(day.isoformat(), 0))
            yield (run.stylist_id, day), (version, stylist.day(day))


@lru_cache(maxsize=1024)
def minutes(count: int) -> timedelta:
    """Shared: terms and travel repeat the same few lengths in every entry."""
    return timedelta(minutes=count)


class _Shared:
    """What all stylists of the tenant have in common."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.zones = dict(_known_zones(found["zones"]))
        self.closures = frozenset((location_id, date.fromisoformat(day)) for location_id, day in found["closures"])
        self.travel: dict[tuple[str, str], timedelta] = {}
        for one, other, count in found["travel"]:
            self.travel[one, other] = self.travel[other, one] = minutes(count)
        self.rules = tuple(_price_rule(row) for row in found["rules"])


def _known_zones(names: dict[str, str]) -> Iterator[tuple[str, ZoneInfo]]:
    """The zones by location, without those that Python does not know: a place without a zone has no hours."""
    for location_id, name in names.items():
        zone = hours.zone_named(name)
        if zone is None:
            _say_unknown(location_id, name)
        else:
            yield location_id, zone


@lru_cache(maxsize=1024)
def _say_unknown(location_id: str, name: str) -> None:
    """Remembered, so that each is said once and not at every load."""
    log.error("unknown time zone: the location has no hours", location=location_id, timezone=name)


class _StylistFacts:
    """One stylist over a run of days, cut into days on demand."""

    def __init__(self, shared: _Shared, row: dict[str, Any]) -> None:
        self._shared = shared
        self._id = row["stylist"]
        self._terms = {term[0]: _term(term) for term in row["terms"]}
        self._hours = hours.Hours(
            weekly=tuple(one for one in map(_weekly, row["hours"]) if one.location_id in shared.zones),
            overrides={date.fromisoformat(one[0]): _override(one, shared.zones) for one in row["overrides"]},
            closures=shared.closures,
            zones=shared.zones,
        )
        self._claims = [_claim(one) for one in row["claims"]]
        self._others = [_busy(ClosedBy.TIME_OFF, *one) for one in row["off"]]
        self._others += [_busy(ClosedBy.EXTERNAL, *one) for one in row["busy"]]
        self._avoided, self._home = _avoided(row["avoided"], shared.zones)
        self._wishes = row["wishes"] or (None, 15, None)
        self._has_wishes = bool(row["wishes"] or self._avoided)
        self._stale = row["stale"] and StaleSource(row["stale"][0], instant(row["stale"][1]))
        run_max, pause, _ = self._wishes
        way = max(shared.travel.values(), default=timedelta())
        if run_max is not None:
            way += minutes(run_max + pause)
        longest = [one.duration + one.buffer_after for one in self._terms.values()]
        before = [one.buffer_before for one in self._terms.values()]
        self._back, self._ahead = max(longest, default=timedelta()) + way, max(before, default=timedelta()) + way

    def day(self, day: date) -> DayFacts:
        """The facts of one day: those that can touch one of its starts."""
        windows = hours.day_windows(self._hours, day)
        zones = {window.location_id: self._shared.zones[window.location_id] for window in windows}
        return DayFacts(
            stylist_id=self._id,
            day=day,
            zones=zones,
            windows=windows,
            busy=tuple(self._busy(day, zones.values())) if windows else (),
            travel=self._shared.travel,
            terms=self._terms,
            price_rules=self._shared.rules,
            preferences=self._preferences(day) if windows and self._has_wishes else None,
            stale=self._stale,
            why_closed=None if windows else hours.why_closed(self._hours, day),
        )

    def _preferences(self, day: date) -> Preferences:
        avoided: dict[str, list[Span]] = {}
        if self._home:
            for service_id, span in hours.avoided_spans(self._avoided, day, self._home):
                avoided.setdefault(service_id, []).append(span)
        run_max, pause, bookings_max = self._wishes
        return Preferences(
            avoided={service_id: tuple(spans) for service_id, spans in avoided.items()},
            run_max=None if run_max is None else minutes(run_max),
            pause=minutes(pause),
            bookings_max=bookings_max,
        )

    def _busy(self, day: date, zones: Iterable[ZoneInfo]) -> Iterator[Busy]:
        local_days = [hours.local_day(day, zone) for zone in set(zones)]
        reach = Span(
            min(span.starts_at for span in local_days) - self._ahead,
            max(span.ends_at for span in local_days) + self._back,
        )
        for span in hours.day_breaks(self._hours, day):
            if _touches(span, reach):
                yield _span_busy(ClosedBy.BREAK, *span)
        yield from (one for one in self._others if _touches(Span(one.occupied_from, one.occupied_until), reach))
        for one in _near(self._claims, reach):
            if _touches(Span(one.occupied_from, one.occupied_until), reach):
                yield one


def _near(claims: Sequence[Busy], reach: Span) -> Sequence[Busy]:
    """Of claims sorted by start, those that can touch a span: none is longer than CLAIM_MAX, buffers and all."""
    first = bisect_left(claims, reach.starts_at - CLAIM_MAX, key=_starts_at)
    return claims[first : bisect_left(claims, reach.ends_at + CLAIM_MAX, lo=first, key=_starts_at)]


def _starts_at(busy: Busy) -> datetime:
    return busy.starts_at


def _touches(span: Span, reach: Span) -> bool:
    return span.starts_at < reach.ends_at and span.ends_at > reach.starts_at


def _term(row: Sequence[Any]) -> Terms:
    service_id, duration, interval, before, after, notice, horizon_days, price_cents = row
    return Terms(
        service_id=service_id,
        duration=minutes(duration),
        interval=minutes(interval),
        buffer_before=minutes(before),
        buffer_after=minutes(after),
        min_notice=minutes(notice),
        horizon_days=horizon_days,
        price_cents=price_cents,
    )


def _avoided(
    rows: Sequence[Sequence[Any]], zones: Mapping[str, ZoneInfo]
) -> tuple[tuple[hours.Avoided, ...], ZoneInfo | None]:
    """What is avoided, and the zone of the stylist's home, in whose wall time it is."""
    patterns = tuple(
        hours.Avoided(service_id, frozenset(weekdays), from_minute, to_minute)
        for service_id, weekdays, from_minute, to_minute, _ in rows
    )
    return patterns, zones.get(rows[0][4]) if rows else None


def _weekly(row: Sequence[Any]) -> hours.WeeklyHours:
    weekday, starts_minute, ends_minute, location_id, is_break, valid_from, valid_until = row
    return hours.WeeklyHours(
        weekday, starts_minute, ends_minute, location_id, is_break, _date(valid_from), _date(valid_until)
    )


def _override(row: Sequence[Any], places: Collection[str]) -> hours.Override:
    """The date's own hours; at none of these places it is the date that is closed, not the week that shows through."""
    _, location_id, rows = row
    rows = rows if location_id in places else ()
    return hours.Override(
        location_id=location_id,
        windows=tuple((starts, ends) for starts, ends, is_break in rows if not is_break),
        breaks=tuple((starts, ends) for starts, ends, is_break in rows if is_break),
    )


def _claim(row: Sequence[Any]) -> Busy:
    starts_at, ends_at, occupied_from, occupied_until, location_id, is_hold, holder, expires_at, claim_id = row
    return Busy(
        kind=ClosedBy.HOLD if is_hold else ClosedBy.BOOKING,
        starts_at=instant(starts_at),
        ends_at=instant(ends_at),
        occupied_from=instant(occupied_from),
        occupied_until=instant(occupied_until),
        location_id=location_id,
        holder=holder if is_hold else None,
        expires_at=instant(expires_at) if expires_at else None,
        id=claim_id,
    )


def _busy(kind: ClosedBy, starts_at: str, ends_at: str, source: str | None = None) -> Busy:
    return _span_busy(kind, instant(starts_at), instant(ends_at), source)


def _span_busy(kind: ClosedBy, starts_at: datetime, ends_at: datetime, source: str | None = None) -> Busy:
    return Busy(kind, starts_at, ends_at, occupied_from=starts_at, occupied_until=ends_at, source=source)


def _price_rule(row: Sequence[Any]) -> PriceRule:
    name, basis_points, service_id, weekdays, from_minute, to_minute, from_on, until_on = row
    return PriceRule(
        name=name,
        basis_points=basis_points,
        service_id=service_id,
        weekdays=frozenset(weekdays),
        from_minute=from_minute,
        to_minute=to_minute,
        from_on=_date(from_on),
        until_on=_date(until_on),
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
