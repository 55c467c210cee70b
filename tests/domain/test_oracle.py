"""Random salons: the slot function against an oracle that reads the rules of PRODUCT.md literally.

The oracle knows no interval arithmetic and no time zone arithmetic. It reads a wall clock at every UTC minute, marks the
minutes that are worked, walks the grid, and holds each start against everything that could close it.
CHAIRTIME_HYPOTHESIS=soak draws far more salons, other ones each time.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from math import floor
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain import hours, slots
from domain.hours import Avoided, Hours, Override, WeeklyHours
from domain.model import Busy, ClosedBy, DayFacts, DaySlots, Preferences, SlotStatus, Span, StaleSource, Terms
from domain.prices import PriceRule

PROFILES = {
    "normal": settings(max_examples=400, derandomize=True, database=None, deadline=None),
    "soak": settings(max_examples=20_000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]),
}
PROFILE = PROFILES[os.environ.get("CHAIRTIME_HYPOTHESIS", "normal")]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
DAY = 1440  # minutes on a wall clock
CLAIMS = (ClosedBy.BOOKING, ClosedBy.HOLD)

# A zone, another one that shares the stylist, and a date: of each zone both kinds of clock change and an ordinary day.
SCENES = [
    ("America/New_York", "America/Havana", date(2024, 3, 10)),
    ("America/New_York", "America/Havana", date(2024, 11, 3)),
    ("America/New_York", "Pacific/Auckland", date(2024, 6, 12)),
    ("Australia/Lord_Howe", "Pacific/Auckland", date(2024, 4, 7)),
    ("Australia/Lord_Howe", "America/New_York", date(2024, 10, 6)),
    ("Asia/Kathmandu", "Australia/Lord_Howe", date(2024, 6, 12)),
    ("Asia/Kathmandu", "Asia/Kathmandu", date(1986, 1, 1)),  # midnight was skipped, to 00:15
    ("Pacific/Auckland", "Pacific/Apia", date(2024, 4, 7)),
    ("Pacific/Auckland", "America/New_York", date(2024, 9, 29)),
    ("Pacific/Apia", "Pacific/Auckland", date(2011, 12, 30)),  # the day that did not happen
    ("Pacific/Apia", "Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Apia", "America/New_York", date(2012, 4, 1)),
    ("America/Santiago", "America/Havana", date(2024, 9, 8)),  # both zones change their clocks at midnight
    ("America/Santiago", "America/New_York", date(2024, 4, 7)),
    ("America/Nuuk", "America/Nuuk", date(2024, 3, 30)),  # the last hour of the day was skipped
    ("America/Nuuk", "America/Havana", date(2024, 10, 27)),
]


@dataclass(frozen=True)
class Wishes:
    """What the stylist rather not does. home: the zone that says when a service is avoided."""

    home: ZoneInfo
    avoided: tuple[Avoided, ...]
    run_max: timedelta | None
    pause: timedelta
    bookings_max: int | None

    def on(self, day: date) -> Preferences:
        """What the function under test is given."""
        avoided: dict[str, tuple[Span, ...]] = {}
        for service_id, span in hours.avoided_spans(self.avoided, day, self.home):
            avoided[service_id] = (*avoided.get(service_id, ()), span)
        return Preferences(avoided, self.run_max, self.pause, self.bookings_max)


@dataclass(frozen=True)
class Salon:
    """One stylist's day with all that is known of it. scene: a date near, fixed among many salons."""

    scene: date
    day: date
    hours: Hours
    busy: tuple[Busy, ...]
    travel: Mapping[tuple[str, str], timedelta]
    terms: Terms
    price_rules: tuple[PriceRule, ...]
    wishes: Wishes | None
    stale_at: datetime | None

    def facts(self) -> DayFacts:
        """What the function under test is given."""
        breaks = (Busy(ClosedBy.BREAK, *span, *span) for span in hours.day_breaks(self.hours, self.day))
        return DayFacts(
            stylist_id="stylist",
            day=self.day,
            zones=self.hours.zones,
            windows=hours.day_windows(self.hours, self.day),
            busy=(*breaks, *self.busy),
            travel=self.travel,
            terms={"cut": self.terms},
            price_rules=self.price_rules,
            preferences=self.wishes and self.wishes.on(self.day),
            stale=StaleSource("calendar", self.stale_at) if self.stale_at else None,
        )


@dataclass(frozen=True)
class Offer:
    """A start that the rules give. window: the minute at which its grid begins."""

    start: int
    window: int
    location_id: str
    status: SlotStatus
    price_cents: int
    claimed: bool


class WallClock:
    """What a zone's clock on the wall shows at every UTC minute about a date. Minutes and days are numbered from 1970."""

    def __init__(self, zone: ZoneInfo, about: date) -> None:
        self.first = (number(about) - 8) * DAY
        moments = (EPOCH + minute * MINUTE for minute in range(self.first, self.first + 18 * DAY))
        walls = (moment.astimezone(zone) for moment in moments)
        self.shown = array("q", (number(wall.date()) * DAY + wall.hour * 60 + wall.minute for wall in walls))
        self.first_showing = {wall: self.first + index for index, wall in reversed([*enumerate(self.shown)])}

    def at(self, minute: int) -> int:
        """The wall time at a UTC minute."""
        return self.shown[minute - self.first]

    def day_at(self, minute: int) -> int:
        """The local date at a UTC minute."""
        return self.at(minute) // DAY

    def when(self, wall: int) -> int:
        """The first UTC minute to show a wall time; for one that is skipped, as if the clock had not yet changed (R3)."""
        if wall in self.first_showing:
            return self.first_showing[wall]
        after = next(index for index, shown in enumerate(self.shown) if shown > wall)
        return self.first + after - 1 + wall - self.shown[after - 1]

    def reaches(self, day: int) -> int:
        """The first UTC minute at which the local date is this one or later."""
        return next(self.first + index for index, shown in enumerate(self.shown) if shown // DAY >= day)


def number(day: date) -> int:
    """A date, in days from 1970."""
    return (day - EPOCH.date()).days


def instant(minute: int) -> datetime:
    """A numbered minute, as a datetime."""
    return EPOCH + minute * MINUTE


@cache
def wall_clock(zone: ZoneInfo, about: date) -> WallClock:
    """The clock of a zone, built once."""
    return WallClock(zone, about)


class Oracle:
    """The rules, minute by minute."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon
        self.clocks = {location: wall_clock(zone, salon.scene) for location, zone in salon.hours.zones.items()}
        self.worked = {location: set(self.minutes(location, is_break=False)) for location in self.clocks}
        self.breaks = {minute for location in self.clocks for minute in self.minutes(location, is_break=True)}
        self.avoided = set(self.avoided_minutes())
        self.grid = [(start, window, at) for at in self.clocks for start, window in self.starts(at)]

    def minutes(self, location: str, *, is_break: bool) -> Iterator[int]:
        """R2 to R5: the minutes that hours given at a location make working time, or a break."""
        clock, given_hours = self.clocks[location], self.salon.hours
        emptied = {number(day) for day in given_hours.overrides}
        if not is_break:
            emptied |= {number(day) for at, day in given_hours.closures if at == location}
        for offset in range(-3, 4):
            day = number(self.salon.day) + offset
            for starts, ends in self.given_on(self.salon.day + timedelta(offset), location, is_break=is_break):
                for minute in range(clock.when(day * DAY + starts), clock.when(day * DAY + ends)):
                    shown = clock.day_at(minute)
                    if shown == day or shown not in emptied:
                        yield minute

    def avoided_minutes(self) -> Iterator[int]:
        """The minutes of the week in which the stylist rather not gives the service, by the clock of their home."""
        wishes = self.salon.wishes
        if wishes is None:
            return
        clock = wall_clock(wishes.home, self.salon.scene)
        for one in wishes.avoided:
            lasts = one.to_minute - one.from_minute
            lasts = lasts if lasts >= 0 else lasts + DAY
            for offset in range(-4, 5):
                day = self.salon.day + timedelta(offset)
                begins = number(day) * DAY + one.from_minute
                if one.service_id == "cut" and day.isoweekday() in (one.weekdays or range(1, 8)):
                    yield from range(clock.when(begins), clock.when(begins + lasts))

    def given_on(self, day: date, location: str, *, is_break: bool) -> Iterator[tuple[int, int]]:
        """The wall times in force on a date at a location: its override's, else the week's, none when it is closed."""
        given_hours = self.salon.hours
        if not is_break and (location, day) in given_hours.closures:
            return
        if day in given_hours.overrides:
            override = given_hours.overrides[day]
            if override.location_id == location:
                yield from override.breaks if is_break else override.windows
            return
        for week in given_hours.weekly:
            in_season = (week.valid_from or day) <= day <= (week.valid_until or day)
            if (week.weekday, week.location_id, week.is_break) == (day.isoweekday(), location, is_break) and in_season:
                yield week.starts_minute, week.ends_minute

    def starts(self, location: str) -> Iterator[tuple[int, int]]:
        """R6, R7: every start of the day, and the minute at which its window begins for the day's grid."""
        clock, worked, today = self.clocks[location], self.worked[location], number(self.salon.day)
        interval, duration = self.salon.terms.interval // MINUTE, self.salon.terms.duration // MINUTE
        window: int | None = None
        minute = clock.when((today - 1) * DAY)
        while clock.day_at(minute) <= today:
            window = None if minute not in worked else minute if window is None else window
            on_grid = window is not None and clock.day_at(minute) == today and (minute - window) % interval == 0
            if window is not None and on_grid and all(one in worked for one in range(minute, minute + duration)):
                yield minute, window
            minute += 1

    def offers(self, now: datetime) -> dict[datetime, list[Offer]]:
        """Every start at an instant, in order, with what may be answered for it; several where windows tie."""
        by_start: dict[datetime, list[Offer]] = {}
        for start, window, location in sorted(self.grid):
            by_start.setdefault(instant(start), []).append(self.offer(start, window, location, now))
        return {start: preferred(offers) for start, offers in by_start.items()}

    def offer(self, start: int, window: int, location: str, now: datetime) -> Offer:
        """One start, as the rules have it."""
        terms = self.salon.terms
        begins, ends = instant(start), instant(start) + terms.duration
        needed = (begins - terms.buffer_before, ends + terms.buffer_after)
        live = [one for one in self.salon.busy if one.expires_at is None or now < one.expires_at]
        shown = {one.kind for one in live if overlap((begins, ends), (one.starts_at, one.ends_at))}
        hit = {one.kind for one in live if overlap(needed, self.taken(one, location))}
        ruled_out = self.breaks_in(needed) or begins < now + terms.min_notice or self.is_beyond(start, location, now)
        ruled_out = ruled_out or self.is_unwished(start, location, [one for one in live if one.kind in CLAIMS])
        ruled_out = ruled_out or (self.salon.stale_at is not None and self.salon.stale_at <= now)
        status = shown_as(shown, closed=bool(hit) or ruled_out)
        return Offer(start, window, location, status, self.price(start, location), not hit.isdisjoint(CLAIMS))

    def taken(self, busy: Busy, location: str) -> tuple[datetime, datetime]:
        """R7, R12: what a busy span takes of the stylist's time, for someone at a location."""
        travel = timedelta(0)
        if busy.location_id is not None and busy.location_id != location:
            travel = self.salon.travel.get((busy.location_id, location), travel)
        return busy.occupied_from - travel, busy.occupied_until + travel

    def breaks_in(self, needed: tuple[datetime, datetime]) -> bool:
        """Whether any minute of a span is a break."""
        first, after = ((edge - EPOCH) // MINUTE for edge in needed)
        return not self.breaks.isdisjoint(range(first, after))

    def is_unwished(self, start: int, location: str, claims: list[Busy]) -> bool:
        """Whether the stylist rather not does it: now, so long, or once more today."""
        wishes, duration = self.salon.wishes, self.salon.terms.duration // MINUTE
        if wishes is None:
            return False
        clock, today = self.clocks[location], number(self.salon.day)
        begun = [one for one in claims if clock.day_at((one.starts_at - EPOCH) // MINUTE) == today]
        return (
            not self.avoided.isdisjoint(range(start, start + duration))
            or (wishes.run_max is not None and self.run(start, claims, wishes.pause) > wishes.run_max)
            or (wishes.bookings_max is not None and len(begun) + 1 > wishes.bookings_max)
        )

    def run(self, start: int, claims: list[Busy], pause: timedelta) -> timedelta:
        """How long the stylist would work without such a pause, were the start theirs too."""
        terms, left = self.salon.terms, list(claims)
        first, last = instant(start) - terms.buffer_before, instant(start) + terms.duration + terms.buffer_after
        while joined := [
            one for one in left if first - one.occupied_until < pause and one.occupied_from - last < pause
        ]:
            left = [one for one in left if one not in joined]
            first = min(first, *(one.occupied_from for one in joined))
            last = max(last, *(one.occupied_until for one in joined))
        return last - first

    def is_beyond(self, start: int, location: str, now: datetime) -> bool:
        """R9: whether a start lies past the horizon."""
        today = now.astimezone(self.salon.hours.zones[location]).date()
        return self.clocks[location].day_at(start) > number(today) + self.salon.terms.horizon_days

    def price(self, start: int, location: str) -> int:
        """R13, in fractions."""
        wall = self.clocks[location].at(start)
        price = Fraction(self.salon.terms.price_cents)
        for rule in self.salon.price_rules:
            if rule.service_id in (None, "cut") and admits(rule, EPOCH.date() + timedelta(wall // DAY), wall % DAY):
                price *= 1 + Fraction(rule.basis_points, 10_000)
        return floor(price + Fraction(1, 2))

    def changes(self) -> set[datetime]:
        """Every instant at which time alone is able to change the day: a hold or an unpaid booking, a calendar that is stale, a
        start's notice, the horizon."""
        horizon = timedelta(self.salon.terms.horizon_days)
        reached = [clock.reaches(number(self.salon.day - horizon)) for clock in self.clocks.values()]
        expired = [one.expires_at for one in self.salon.busy if one.expires_at]
        return {
            *map(instant, reached),
            *expired,
            *([self.salon.stale_at] if self.salon.stale_at else []),
            *(instant(start) - self.salon.terms.min_notice + INSTANT for start, _, _ in self.grid),
        }


def shown_as(kinds: set[ClosedBy], *, closed: bool) -> SlotStatus:
    """What a start is to the public: the claims on its very span first, then whether anything closes it."""
    if ClosedBy.BOOKING in kinds:
        return SlotStatus.BOOKED
    if ClosedBy.HOLD in kinds:
        return SlotStatus.HELD
    return SlotStatus.UNAVAILABLE if closed else SlotStatus.AVAILABLE


def overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    """Whether two half-open spans share an instant: touching is not overlapping."""
    return one[0] < other[1] and other[0] < one[1]


def admits(rule: PriceRule, on: date, minute: int) -> bool:
    """Whether a price rule holds for a local start."""
    low = 0 if rule.from_minute is None else rule.from_minute
    high = DAY if rule.to_minute is None else rule.to_minute
    times = {*range(low, high)} if low <= high else {*range(low, DAY), *range(high)}
    days = rule.weekdays or range(1, 8)
    return minute in times and on.isoweekday() in days and (rule.from_on or on) <= on <= (rule.until_on or on)


def preferred(offers: list[Offer]) -> list[Offer]:
    """Of several windows' offers of one start: the free ones if any, of these the earliest window's."""
    free = [offer for offer in offers if offer.status is SlotStatus.AVAILABLE] or offers
    return [offer for offer in free if offer.window == min(one.window for one in free)]


EDGES = st.sampled_from([0, 60, 90, 105, 120, 150, 180, 240, 540, 720, 1020, 1200, 1380, 1410]) | st.integers(
    0, DAY - 1
)
LENGTHS = st.sampled_from([60, 120, 480, 480, 600, 720, DAY]) | st.integers(1, DAY)
SMALL = st.sampled_from([0, 0, 5, 10, 15, 45, 60])
FRACTIONS = st.sampled_from([timedelta(0), timedelta(0), timedelta(seconds=30), INSTANT, -INSTANT])
BASIS_POINTS = st.sampled_from([-10_000, -5_000, -1_250, -333, 1, 500, 1_000, 2_500, 100_000])


def dates_near(day: date) -> st.SearchStrategy[date]:
    """A date, or one of its neighbours."""
    return st.sampled_from([0, 0, -1, 1, -2, 2]).map(lambda offset: day + timedelta(offset))


@st.composite
def pieces(draw: st.DrawFn) -> tuple[int, int]:
    """A wall time window: within a day, up to 24:00, over midnight, or round the clock."""
    starts = draw(EDGES)
    shape = draw(st.sampled_from(["length", "length", "length", "to midnight", "round the clock"]))
    if shape == "round the clock":
        return 0, DAY
    return starts, DAY if shape == "to midnight" else starts + draw(LENGTHS)


@st.composite
def breaks(draw: st.DrawFn) -> tuple[int, int]:
    """A shorter one, as lunch is."""
    starts = draw(EDGES)
    return starts, starts + draw(st.integers(1, 90))


@st.composite
def weeks(draw: st.DrawFn, *, day: date, location_id: str, is_break: bool) -> list[WeeklyHours]:
    """A window or break of the week, on one weekday near or on all, perhaps of a season that begins or ends near."""
    starts, ends = draw(breaks() if is_break else pieces())
    near = dates_near(day)
    weekdays = draw(st.just(range(1, 8)) | near.map(lambda one: range(one.isoweekday(), one.isoweekday() + 1)))
    valid_from, valid_until = draw(st.just((None, None)) | st.tuples(st.none() | near, st.none() | near))
    return [WeeklyHours(on, starts, ends, location_id, is_break, valid_from, valid_until) for on in weekdays]


@st.composite
def schedules(draw: st.DrawFn, *, day: date, zones: Mapping[str, ZoneInfo]) -> Hours:
    """A stylist's hours at the places given: at each something on every day, often the same, and whatever else."""
    near, places = dates_near(day), st.sampled_from(sorted(zones))
    daily = draw(st.lists(pieces(), min_size=1, max_size=len(zones)))
    weekly = [WeeklyHours(on, *daily[i % len(daily)], place) for i, place in enumerate(zones) for on in range(1, 8)]
    for location, is_break in draw(st.lists(st.tuples(places, st.booleans()), min_size=1, max_size=3)):
        weekly += draw(weeks(day=day, location_id=location, is_break=is_break))
    some = st.lists(pieces(), max_size=2).map(tuple)
    own_hours = st.builds(Override, places, some, st.lists(breaks(), max_size=2).map(tuple))
    overrides = draw(st.dictionaries(near, own_hours, max_size=2))
    closures = draw(st.frozensets(st.tuples(places, near), max_size=2))
    return Hours(tuple(weekly), overrides, closures, zones)


@st.composite
def busy_spans(draw: st.DrawFn, *, noon: datetime, now: datetime, places: list[str]) -> Busy:
    """A booking or hold with its buffers, somewhere; time off; or external busy time, to the microsecond."""
    kind = draw(st.sampled_from([ClosedBy.BOOKING, ClosedBy.HOLD, ClosedBy.TIME_OFF, ClosedBy.EXTERNAL]))
    starts = noon + draw(st.integers(-288, 432)) * 5 * MINUTE + draw(FRACTIONS)
    ends = starts + draw(st.sampled_from([1, 20, 30, 60, 90, 300])) * MINUTE
    if kind not in CLAIMS:
        return Busy(kind, starts, ends, starts, ends)
    before, after = draw(SMALL) * MINUTE, draw(SMALL) * MINUTE
    place, expires_at = draw(st.sampled_from(places)), None
    if kind is ClosedBy.HOLD or draw(st.sampled_from([False, False, True])):
        expires_at = now + draw(st.sampled_from([-10, 0, 0, 1, 5, 300, 3 * DAY])) * MINUTE + draw(FRACTIONS)
    return Busy(kind, starts, ends, starts - before, ends + after, place, f"session:{starts}", expires_at)


@st.composite
def rows_of_claims(draw: st.DrawFn, *, noon: datetime, pause: timedelta) -> list[Busy]:
    """Claims one after the other, some with a pause between that is long enough, some with one that is not."""
    starts, claims = noon + draw(st.integers(-96, 96)) * 5 * MINUTE, []
    for length in draw(st.lists(st.sampled_from([10, 20, 30, 45, 60]), min_size=2, max_size=5)):
        claims.append(
            Busy(ClosedBy.BOOKING, starts, starts + length * MINUTE, starts, starts + length * MINUTE, "home")
        )
        rest = draw(st.sampled_from([timedelta(0), pause - MINUTE, pause, pause / 2, 2 * pause, pause + 30 * MINUTE]))
        starts += length * MINUTE + rest
    return claims


@st.composite
def wish_lists(draw: st.DrawFn, *, zones: list[ZoneInfo]) -> Wishes:
    """What a stylist rather not does: a service at a time, long work, many bookings; any of it, or nothing."""
    avoided = st.builds(
        Avoided,
        st.sampled_from(["cut", "cut", "another service"]),
        st.just(frozenset()) | st.frozensets(st.integers(1, 7)),
        EDGES,
        EDGES | st.just(DAY),
    )
    run_max = draw(st.none() | st.sampled_from([30, 60, 90, 120, 240, 480]) | st.integers(1, 720))
    return Wishes(
        home=draw(st.sampled_from(zones)),
        avoided=tuple(draw(st.lists(avoided, max_size=2))),
        run_max=None if run_max is None else run_max * MINUTE,
        pause=draw(st.sampled_from([1, 5, 15, 15, 60, 240])) * MINUTE,
        bookings_max=draw(st.sampled_from([None, None, 4, 3, 2, 1, 0])),
    )


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """A service of 5 minutes to a day, every 5 to 90 minutes."""
    duration = draw(st.sampled_from([5, 30, 45, 60, 90, DAY]) | st.integers(5, 120) | st.integers(5, 480))
    interval = draw(st.sampled_from([5, 15, 30, 60]) | st.integers(5, 90))
    notice = draw(st.sampled_from([0, 0, 1, 45, 120, DAY, 2 * DAY]))
    return Terms(
        service_id="cut",
        duration=duration * MINUTE,
        interval=interval * MINUTE,
        buffer_before=draw(SMALL) * MINUTE,
        buffer_after=draw(SMALL) * MINUTE,
        min_notice=notice * MINUTE,
        horizon_days=draw(st.sampled_from([3, 3, 2, 1, 0])),
        price_cents=draw(st.integers(0, 200_00)),
    )


@st.composite
def price_rules(draw: st.DrawFn, *, day: date) -> PriceRule:
    """A percentage with any of its conditions."""
    near = st.none() | st.integers(-1, 1).map(lambda offset: day + timedelta(offset))
    return PriceRule(
        "rule",
        draw(BASIS_POINTS),
        draw(st.sampled_from([None, None, "cut", "another service"])),
        draw(st.just(frozenset()) | st.frozensets(st.integers(1, 7))),
        draw(st.none() | EDGES),
        draw(st.none() | EDGES | st.just(DAY)),
        draw(near),
        draw(near),
    )


@st.composite
def salons(draw: st.DrawFn) -> tuple[Salon, datetime]:
    """A salon near a clock change, and an instant somewhat before its day or within it."""
    zone, second_zone, scene = draw(st.sampled_from(SCENES))
    day = scene + timedelta(draw(st.sampled_from([0, 0, 1, 1, -1, 2, -2])))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    now = noon - draw(st.integers(-200, 600)) * 5 * MINUTE + draw(FRACTIONS)
    zones = {"home": ZoneInfo(zone)}
    zones |= draw(st.sampled_from([{}, {"other": zones["home"]}, {"other": ZoneInfo(second_zone)}]))
    places = [*zones, "elsewhere"]
    ways = {
        (one, other): draw(SMALL) * MINUTE for one in places for other in places if one < other and draw(st.booleans())
    }
    wishes = draw(st.none() | wish_lists(zones=[*zones.values(), ZoneInfo(second_zone)]))
    rows = draw(rows_of_claims(noon=noon, pause=wishes.pause)) if wishes and wishes.run_max else []
    stale_in = draw(st.none() | st.none() | st.sampled_from([-DAY, -5, 0, 0, 5, 300, 3 * DAY]))
    return Salon(
        scene=scene,
        day=day,
        hours=draw(schedules(day=day, zones=zones)),
        busy=(*draw(st.lists(busy_spans(noon=noon, now=now, places=places), min_size=1, max_size=6)), *rows),
        travel=ways | {(other, one): way for (one, other), way in ways.items()},
        terms=draw(terms()),
        price_rules=tuple(draw(st.lists(price_rules(day=day), max_size=3))),
        wishes=wishes,
        stale_at=None if stale_in is None else now + stale_in * MINUTE + draw(FRACTIONS),
    ), now


@st.composite
def wishful_salons(draw: st.DrawFn) -> tuple[Salon, datetime]:
    """A salon in which little but a stylist's wishes closes a start: open all day, a short service, claims near each other."""
    salon, now = draw(salons())
    noon = datetime(salon.day.year, salon.day.month, salon.day.day, 12, tzinfo=UTC)
    wishes = salon.wishes or draw(wish_lists(zones=[*salon.hours.zones.values()]))
    wishes = replace(wishes, run_max=wishes.run_max or draw(st.sampled_from([60, 90, 120, 240])) * MINUTE)
    week = tuple(WeeklyHours(on, 0, DAY, place) for place in salon.hours.zones for on in range(1, 8))
    short = {
        "duration": draw(st.sampled_from([5, 10, 30])) * MINUTE,
        "interval": draw(st.sampled_from([5, 15])) * MINUTE,
    }
    rows = [one for _ in range(draw(st.integers(1, 2))) for one in draw(rows_of_claims(noon=noon, pause=wishes.pause))]
    return replace(
        salon,
        hours=Hours(week, {}, frozenset(), salon.hours.zones),
        busy=(*salon.busy[: draw(st.integers(0, 2))], *rows),
        wishes=replace(wishes, bookings_max=draw(st.none() | st.integers(len(rows), len(rows) + 2))),
        terms=replace(salon.terms, **short, min_notice=timedelta(0), horizon_days=3),
        stale_at=salon.stale_at and max(salon.stale_at, now + MINUTE),
    ), now - draw(st.sampled_from([0, 0, 1])) * DAY * MINUTE


def assert_as_the_rules_say(found: DaySlots, oracle: Oracle, now: datetime) -> None:
    """Fails unless the slots are exactly those of the oracle."""
    offers = oracle.offers(now)
    assert [slot.starts_at for slot in found.slots] == list(offers)
    for slot in found.slots:
        same = (offer for offer in offers[slot.starts_at] if offer.location_id == slot.location_id)
        offer = next(same, None)
        assert offer is not None, slot
        assert (slot.status, slot.price_cents, slot.claimed) == (offer.status, offer.price_cents, offer.claimed), slot
        assert slot.ends_at == slot.starts_at + oracle.salon.terms.duration
        assert slot.status is not SlotStatus.HELD or slot.holder in holders_of(slot.starts_at, oracle.salon)


def holders_of(starts_at: datetime, salon: Salon) -> set[str | None]:
    """Who holds anything of the span that begins at a start."""
    span = (starts_at, starts_at + salon.terms.duration)
    return {one.holder for one in salon.busy if overlap(span, (one.starts_at, one.ends_at))}


@PROFILE
@given(salons())
def test_slots_are_those_that_the_rules_give_minute_by_minute(drawn: tuple[Salon, datetime]) -> None:
    salon, now = drawn

    found = slots.day_slots(salon.facts(), "cut", now)

    assert_as_the_rules_say(found, Oracle(salon), now)


@PROFILE
@given(wishful_salons())
def test_slots_are_those_that_a_stylist_s_wishes_leave(drawn: tuple[Salon, datetime]) -> None:
    salon, now = drawn

    found = slots.day_slots(salon.facts(), "cut", now)

    assert_as_the_rules_say(found, Oracle(salon), now)


@PROFILE
@given(salons(), st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5))
def test_slots_stay_as_they_are_until_true_until(drawn: tuple[Salon, datetime], parts: list[float]) -> None:
    salon, now = drawn
    facts = salon.facts()

    found = slots.day_slots(facts, "cut", now)

    until = found.true_until or now + timedelta(days=9)
    inside = [now + part * (until - now) for part in parts]
    assert now < until
    for moment in [*(moment for moment in inside if moment < until), until - INSTANT]:
        assert slots.day_slots(facts, "cut", moment).slots == found.slots


@PROFILE
@given(salons(), st.integers(0, 9 * DAY))
def test_slots_change_with_time_alone_only_where_true_until_says(drawn: tuple[Salon, datetime], passed: int) -> None:
    salon, now = drawn
    facts, oracle = salon.facts(), Oracle(salon)

    found = slots.day_slots(facts, "cut", now)

    after = (found.true_until or now) + passed * MINUTE
    assert found.true_until is None or found.true_until in oracle.changes()
    for moment in (found.true_until or now, after):
        assert_as_the_rules_say(slots.day_slots(facts, "cut", moment), oracle, moment)
