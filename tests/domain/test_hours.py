"""R2 to R6 and R10: wall time, clock changes, overrides, closures, breaks, and dates asked from other zones.

Hours are written as staff would say them, "Wed 22:00-02:00"; what is expected is in UTC, "06-13 02:00/06-13 06:00".
2024-06-12 is a Wednesday, New York is then four hours behind UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import hours
from domain.hours import Hours, Override, WeeklyHours
from domain.model import Span, Window

HOME, SHORE = "home", "shore"
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
NEW_YORK, HAVANA, NUUK = "America/New_York", "America/Havana", "America/Nuuk"
KATHMANDU, LORD_HOWE, AUCKLAND, APIA = "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia"
MON, TUE, WED, THU, FRI = (date(2024, 6, day) for day in range(10, 15))
SPRING, AUTUMN = date(2024, 3, 10), date(2024, 11, 3)  # both Sundays, New York's clock changes
APIA_LAST, APIA_SKIPPED, APIA_NEXT = (
    date(2011, 12, day) for day in (29, 30, 31)
)  # Thursday, the missing Friday, Saturday


def minutes(text: str) -> tuple[int, int]:
    """ "22:00-02:00" as minutes from 00:00; an end before the start lies on the next day."""
    starts, ends = (60 * int(wall[:2]) + int(wall[3:]) for wall in text.split("-"))
    return starts, ends + 1440 if ends < starts else ends


def week(
    text: str,
    location_id: str = HOME,
    *,
    is_break: bool = False,
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> list[WeeklyHours]:
    """ "Wed 09:00-17:00", or "daily 09:00-17:00"."""
    on, times = text.split()
    weekdays = range(1, 8) if on == "daily" else [WEEKDAYS.index(on) + 1]
    return [WeeklyHours(one, *minutes(times), location_id, is_break, valid_from, valid_until) for one in weekdays]


def override(*windows: str, at: str = HOME, breaks: Sequence[str] = ()) -> Override:
    """A date's own hours."""
    return Override(at, tuple(map(minutes, windows)), tuple(map(minutes, breaks)))


def schedule(
    *weeks: list[WeeklyHours],
    zone: str = NEW_YORK,
    shore: str | None = None,
    overrides: dict[date, Override] | None = None,
    closures: Iterable[tuple[str, date]] = (),
) -> Hours:
    """A stylist's hours; the shore is in the home's zone unless it says otherwise."""
    zones = {HOME: ZoneInfo(zone), SHORE: ZoneInfo(shore or zone)}
    return Hours(tuple(one for week in weeks for one in week), overrides or {}, frozenset(closures), zones)


def shown(spans: Iterable[Span | Window]) -> list[str]:
    """Spans in UTC, with their place when it is not home."""
    return [
        f"{span[0]:%m-%d %H:%M}/{span[1]:%m-%d %H:%M}" + "".join(f" {place}" for place in span[2:] if place != HOME)
        for span in spans
    ]


WALL_TIME = {
    "R2 nine to five is the location's wall time": (
        schedule(week("Wed 09:00-17:00")),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R2 nine to five is an hour later in UTC when the clocks are back": (
        schedule(week("Wed 09:00-17:00")),
        date(2024, 1, 10),
        ["01-10 14:00/01-10 22:00"],
    ),
    "R2 Kathmandu is five hours and three quarters ahead": (
        schedule(week("Wed 10:00-18:00"), zone=KATHMANDU),
        WED,
        ["06-12 04:15/06-12 12:15"],
    ),
    "R2 two locations keep their own wall time": (
        schedule(week("Wed 09:00-12:00"), week("Wed 21:00-23:00", SHORE), shore=KATHMANDU),
        WED,
        ["06-12 13:00/06-12 16:00", "06-12 15:15/06-12 17:15 shore"],
    ),
    "R2 24:00 ends a window at midnight": (
        schedule(week("Wed 18:00-24:00")),
        WED,
        ["06-12 22:00/06-13 04:00"],
    ),
    "R2 an end before the start runs into the next day": (
        schedule(week("Wed 22:00-02:00")),
        WED,
        ["06-13 02:00/06-13 06:00"],
    ),
    "R2 the tail of a night can hold starts of the next day": (
        schedule(week("Wed 22:00-02:00")),
        THU,
        ["06-13 02:00/06-13 06:00"],
    ),
    "R2 a window that ends at midnight holds no start of the next day": (
        schedule(week("Wed 18:00-24:00")),
        THU,
        [],
    ),
    "R2 hours of one weekday are none of another's": (
        schedule(week("Wed 09:00-17:00")),
        TUE,
        [],
    ),
    "R2 an end at the start is empty": (
        schedule(week("Wed 09:00-09:00")),
        WED,
        [],
    ),
    "a season holds on its first day": (
        schedule(week("daily 09:00-17:00", valid_from=WED)),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "a season does not hold before its first day": (
        schedule(week("daily 09:00-17:00", valid_from=THU)),
        WED,
        [],
    ),
    "a season holds on its last day": (
        schedule(week("daily 09:00-17:00", valid_until=WED)),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "a season does not hold after its last day": (
        schedule(week("daily 09:00-17:00", valid_until=TUE)),
        WED,
        [],
    ),
    "a night that begins on a season's last day keeps its tail": (
        schedule(week("daily 22:00-02:00", valid_until=TUE)),
        WED,
        ["06-12 02:00/06-12 06:00"],
    ),
}

CLOCK_CHANGES = {
    "R3 New York: a start that does not exist takes the offset from before the gap": (
        schedule(week("Sun 02:30-05:00")),
        SPRING,
        ["03-10 07:30/03-10 09:00"],
    ),
    "R3 New York: an end that does not exist takes the offset from before the gap": (
        schedule(week("Sun 01:00-02:30")),
        SPRING,
        ["03-10 06:00/03-10 07:30"],
    ),
    "R3 New York: the skipped hour itself is empty": (
        schedule(week("Sun 02:00-03:00")),
        SPRING,
        [],
    ),
    "R3 New York: edges that change places are empty": (
        schedule(week("Sun 02:30-03:15")),
        SPRING,
        [],
    ),
    "R3 New York: a start that exists twice is its first occurrence": (
        schedule(week("Sun 01:30-02:30")),
        AUTUMN,
        ["11-03 05:30/11-03 07:30"],
    ),
    "R3 New York: an end that exists twice is its first occurrence": (
        schedule(week("Sun 00:30-01:30")),
        AUTUMN,
        ["11-03 04:30/11-03 05:30"],
    ),
    "R3 New York: from midnight to midnight are 23 hours in spring": (
        schedule(week("Sun 00:00-24:00")),
        SPRING,
        ["03-10 05:00/03-11 04:00"],
    ),
    "R3 New York: from midnight to midnight are 25 hours in autumn": (
        schedule(week("Sun 00:00-24:00")),
        AUTUMN,
        ["11-03 04:00/11-04 05:00"],
    ),
    "R3 New York: a night into a clock change changes at its end alone": (
        schedule(week("Sat 22:00-04:00")),
        SPRING,
        ["03-10 03:00/03-10 08:00"],
    ),
    "R3 Lord Howe: a start in the half hour that does not exist": (
        schedule(week("Sun 02:15-04:00"), zone=LORD_HOWE),
        date(2024, 10, 6),
        ["10-05 15:45/10-05 17:00"],
    ),
    "R3 Lord Howe: a start in the half hour that exists twice": (
        schedule(week("Sun 01:45-03:00"), zone=LORD_HOWE),
        date(2024, 4, 7),
        ["04-06 14:45/04-06 16:30"],
    ),
    "R3 Auckland: the hour skipped on the last Sunday of September": (
        schedule(week("Sun 02:30-05:00"), zone=AUCKLAND),
        date(2024, 9, 29),
        ["09-28 14:30/09-28 16:00"],
    ),
    "R3 Havana: a midnight that does not exist": (
        schedule(week("Sun 00:00-02:00"), zone=HAVANA),
        SPRING,
        ["03-10 05:00/03-10 06:00"],
    ),
    "R3 Apia: the day before the missing day": (
        schedule(week("Thu 09:00-17:00"), zone=APIA),
        APIA_LAST,
        ["12-29 19:00/12-30 03:00"],
    ),
    "R3 Apia: the missing day has no hours": (
        schedule(week("Fri 09:00-17:00"), zone=APIA),
        APIA_SKIPPED,
        [],
    ),
    "R3 Apia: the day after the missing day": (
        schedule(week("Sat 09:00-17:00"), zone=APIA),
        APIA_NEXT,
        ["12-30 19:00/12-31 03:00"],
    ),
    "R3 Apia: the missing day's hours take the offset from before, and so lie on the day after": (
        schedule(week("Fri 09:00-17:00"), zone=APIA),
        APIA_NEXT,
        ["12-30 19:00/12-31 03:00"],
    ),
}

OVERRIDES = {
    "R4 an override replaces the week's hours": (
        schedule(week("daily 09:00-17:00"), overrides={WED: override("11:00-12:00")}),
        WED,
        ["06-12 15:00/06-12 16:00"],
    ),
    "R4 an override leaves other dates": (
        schedule(week("daily 09:00-17:00"), overrides={THU: override("11:00-12:00")}),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R4 an override opens a date on which the week has none": (
        schedule(overrides={WED: override("11:00-12:00", "14:00-15:00")}),
        WED,
        ["06-12 15:00/06-12 16:00", "06-12 18:00/06-12 19:00"],
    ),
    "R4 no windows is closed": (
        schedule(week("daily 09:00-17:00"), overrides={WED: override()}),
        WED,
        [],
    ),
    "R4 the tail of the night before is replaced too": (
        schedule(week("Tue 22:00-02:00"), overrides={WED: override("11:00-12:00")}),
        WED,
        ["06-12 15:00/06-12 16:00"],
    ),
    "R4 the night before ends at midnight when the next date is overridden": (
        schedule(week("Tue 22:00-02:00"), overrides={WED: override()}),
        TUE,
        ["06-12 02:00/06-12 04:00"],
    ),
    "R4 an override takes the week's tail after midnight with it": (
        schedule(week("Wed 22:00-02:00"), overrides={WED: override()}),
        THU,
        [],
    ),
    "R4 an override may run past midnight": (
        schedule(week("Thu 09:00-17:00"), overrides={WED: override("22:00-03:00")}),
        THU,
        ["06-13 02:00/06-13 07:00", "06-13 13:00/06-13 21:00"],
    ),
    "R4 an override's tail is replaced by the next date's override": (
        schedule(overrides={WED: override("22:00-03:00"), THU: override("09:00-10:00")}),
        THU,
        ["06-13 13:00/06-13 14:00"],
    ),
    "R4 an override replaces the windows of every location": (
        schedule(week("daily 09:00-17:00"), week("daily 18:00-20:00", SHORE), overrides={WED: override("11:00-12:00")}),
        WED,
        ["06-12 15:00/06-12 16:00"],
    ),
    "R4 an override replaces another location's night before": (
        schedule(week("Tue 22:00-02:00", SHORE), overrides={WED: override("11:00-12:00")}),
        WED,
        ["06-12 15:00/06-12 16:00"],
    ),
    "R4 an override moves the day to the location that it names": (
        schedule(week("daily 09:00-17:00"), overrides={WED: override("11:00-12:00", at=SHORE)}),
        WED,
        ["06-12 15:00/06-12 16:00 shore"],
    ),
    "R4 an override's own times follow R3": (
        schedule(overrides={SPRING: override("02:30-05:00")}),
        SPRING,
        ["03-10 07:30/03-10 09:00"],
    ),
    "R4 an override replaces what the missing day's hours would give its day": (
        schedule(week("Fri 09:00-17:00"), zone=APIA, overrides={APIA_NEXT: override("11:00-12:00")}),
        APIA_NEXT,
        ["12-30 21:00/12-30 22:00"],
    ),
    "R4 an override replaces the tail of the night before the missing day": (
        schedule(week("Thu 20:00-02:00"), zone=APIA, overrides={APIA_NEXT: override("11:00-12:00")}),
        APIA_NEXT,
        ["12-30 21:00/12-30 22:00"],
    ),
}

CLOSURES = {
    "R5 a closure empties the day": (
        schedule(week("daily 09:00-17:00"), closures=[(HOME, WED)]),
        WED,
        [],
    ),
    "R5 a closure leaves other dates": (
        schedule(week("daily 09:00-17:00"), closures=[(HOME, THU)]),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R5 a closure leaves other locations": (
        schedule(week("daily 09:00-17:00"), week("daily 18:00-20:00", SHORE), closures=[(HOME, WED)]),
        WED,
        ["06-12 22:00/06-13 00:00 shore"],
    ),
    "R5 a closure beats an override": (
        schedule(overrides={WED: override("11:00-12:00")}, closures=[(HOME, WED)]),
        WED,
        [],
    ),
    "R5 an override at a closed location still replaces the other's hours": (
        schedule(week("daily 09:00-17:00", SHORE), overrides={WED: override("11:00-12:00")}, closures=[(HOME, WED)]),
        WED,
        [],
    ),
    "R5 a closure empties the tail of the night before": (
        schedule(week("Tue 22:00-02:00"), closures=[(HOME, WED)]),
        WED,
        [],
    ),
    "R5 the night before a closure ends at midnight": (
        schedule(week("Tue 22:00-02:00"), closures=[(HOME, WED)]),
        TUE,
        ["06-12 02:00/06-12 04:00"],
    ),
    "R5 a closed day's night is closed to its end": (
        schedule(week("Wed 22:00-02:00"), closures=[(HOME, WED)]),
        THU,
        [],
    ),
    "R5 a closure empties the tail of an override's night": (
        schedule(overrides={TUE: override("22:00-02:00")}, closures=[(HOME, WED)]),
        WED,
        [],
    ),
    "R5 a closure leaves the other location's night before": (
        schedule(week("Tue 22:00-02:00", SHORE), closures=[(HOME, WED)]),
        WED,
        ["06-12 02:00/06-12 06:00 shore"],
    ),
    "R5 a closure empties the tail of the night before the missing day": (
        schedule(week("Thu 20:00-02:00"), zone=APIA, closures=[(HOME, APIA_NEXT)]),
        APIA_NEXT,
        [],
    ),
    "R5 a closure empties a tail that the clock change brings in from two days before": (
        schedule(week("Fri 23:45-23:30"), zone=NUUK, closures=[(HOME, date(2024, 3, 31))]),
        date(2024, 3, 31),
        [],
    ),
}

UNITING = {
    "R6 touching windows unite": (
        schedule(week("Wed 09:00-12:00"), week("Wed 12:00-17:00")),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R6 overlapping windows unite": (
        schedule(week("Wed 09:00-13:00"), week("Wed 12:00-17:00")),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R6 a window inside another adds nothing": (
        schedule(week("Wed 09:00-17:00"), week("Wed 12:00-13:00")),
        WED,
        ["06-12 13:00/06-12 21:00"],
    ),
    "R6 a minute between keeps windows apart": (
        schedule(week("Wed 09:00-12:00"), week("Wed 12:01-17:00")),
        WED,
        ["06-12 13:00/06-12 16:00", "06-12 16:01/06-12 21:00"],
    ),
    "R6 windows unite over midnight": (
        schedule(week("Wed 20:00-24:00"), week("Thu 00:00-04:00")),
        THU,
        ["06-13 00:00/06-13 08:00"],
    ),
    "R6 windows that only a skipped hour parts unite": (
        schedule(week("Sun 01:00-02:00"), week("Sun 03:00-05:00")),
        SPRING,
        ["03-10 06:00/03-10 09:00"],
    ),
    "R6 an override's window unites with the next date's hours": (
        schedule(week("Thu 02:00-06:00"), overrides={WED: override("22:00-02:00")}),
        THU,
        ["06-13 02:00/06-13 10:00"],
    ),
    "R6 windows at two locations do not unite": (
        schedule(week("Wed 09:00-12:00"), week("Wed 12:00-17:00", SHORE)),
        WED,
        ["06-12 13:00/06-12 16:00", "06-12 16:00/06-12 21:00 shore"],
    ),
    "R6 windows are listed by their start, wherever they are": (
        schedule(week("Wed 12:00-17:00"), week("Wed 09:00-13:00", SHORE)),
        WED,
        ["06-12 13:00/06-12 17:00 shore", "06-12 16:00/06-12 21:00"],
    ),
}


@pytest.mark.parametrize(
    ("given", "day", "expected"),
    [
        pytest.param(*case, id=said)
        for table in (WALL_TIME, CLOCK_CHANGES, OVERRIDES, CLOSURES, UNITING)
        for said, case in table.items()
    ],
)
def test_windows(given: Hours, day: date, expected: list[str]) -> None:
    found = hours.day_windows(given, day)

    assert shown(found) == expected


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        pytest.param(NEW_YORK, WED, "06-11 04:00", id="New York"),
        pytest.param(NEW_YORK, date(2024, 3, 11), "03-10 05:00", id="New York, the day after the clock change"),
        pytest.param(APIA, date(2012, 1, 1), "12-30 10:00", id="Apia, the day before is the one after the missing day"),
        pytest.param(
            APIA, APIA_NEXT, "12-30 10:00", id="Apia, the day before is missing and its midnight the day's own"
        ),
    ],
)
def test_round_the_clock_opening_begins_at_midnight_of_the_day_before(zone: str, day: date, expected: str) -> None:
    given = schedule(week("daily 00:00-24:00"), zone=zone)

    found = hours.day_windows(given, day)

    assert [f"{window.starts_at:%m-%d %H:%M}" for window in found] == [expected]


def test_round_the_clock_opening_lasts_a_day_beyond_the_day_for_a_service_of_24_hours() -> None:
    given = schedule(week("daily 00:00-24:00"))

    (found,) = hours.day_windows(given, WED)

    assert found.ends_at >= hours.local_day(WED, ZoneInfo(NEW_YORK)).ends_at + timedelta(days=1)


def test_nights_that_touch_across_the_missing_day_unite_from_before_it() -> None:
    given = Hours(
        tuple(WeeklyHours(weekday, 1, 1441, HOME) for weekday in range(1, 8)), {}, frozenset(), {HOME: ZoneInfo(APIA)}
    )

    found = hours.day_windows(given, date(2012, 1, 1))

    assert [f"{window.starts_at:%m-%d %H:%M}" for window in found] == ["12-30 10:00"]


BREAKS = {
    "R7 a break of the week is the location's wall time": (
        schedule(week("Wed 12:00-13:00", is_break=True)),
        WED,
        ["06-12 16:00/06-12 17:00"],
    ),
    "R7 breaks are the stylist's, whatever the location": (
        schedule(week("Wed 12:00-13:00", is_break=True), week("Wed 15:10-15:20", SHORE, is_break=True)),
        WED,
        ["06-12 16:00/06-12 17:00", "06-12 19:10/06-12 19:20"],
    ),
    "R7 breaks do not unite with anything": (
        schedule(week("Wed 12:00-13:00", is_break=True), week("Wed 12:30-13:30", is_break=True)),
        WED,
        ["06-12 16:00/06-12 17:00", "06-12 16:30/06-12 17:30"],
    ),
    "R7 working hours are no breaks": (
        schedule(week("Wed 09:00-17:00"), overrides={THU: override("09:00-17:00")}),
        WED,
        [],
    ),
    "R7 a break in a season holds in that season": (
        schedule(week("Wed 12:00-13:00", is_break=True, valid_from=THU)),
        WED,
        [],
    ),
    "R7 a break over midnight reaches the next day": (
        schedule(week("Tue 23:30-00:30", is_break=True)),
        WED,
        ["06-12 03:30/06-12 04:30"],
    ),
    "R4 the week's breaks do not apply on an overridden date": (
        schedule(week("Wed 12:00-13:00", is_break=True), overrides={WED: override("09:00-17:00")}),
        WED,
        [],
    ),
    "R4 an override's own breaks apply": (
        schedule(
            week("Wed 12:00-13:00", is_break=True), overrides={WED: override("09:00-17:00", breaks=["14:00-14:30"])}
        ),
        WED,
        ["06-12 18:00/06-12 18:30"],
    ),
    "R4 an override's breaks are at its location's wall time": (
        schedule(shore=KATHMANDU, overrides={WED: override(at=SHORE, breaks=["14:00-14:30"])}),
        WED,
        ["06-12 08:15/06-12 08:45"],
    ),
    "R4 a break's tail inside an overridden date is cut": (
        schedule(week("Tue 23:30-00:30", is_break=True), overrides={WED: override("09:00-17:00")}),
        WED,
        ["06-12 03:30/06-12 04:00"],
    ),
    "R5 a closure leaves breaks": (
        schedule(
            week("Tue 23:30-00:30", is_break=True), week("Wed 12:00-13:00", is_break=True), closures=[(HOME, WED)]
        ),
        WED,
        ["06-12 03:30/06-12 04:30", "06-12 16:00/06-12 17:00"],
    ),
}


@pytest.mark.parametrize(("given", "day", "expected"), [pytest.param(*case, id=said) for said, case in BREAKS.items()])
def test_breaks(given: Hours, day: date, expected: list[str]) -> None:
    found = hours.day_breaks(given, day)

    assert shown(found) == expected


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        pytest.param(NEW_YORK, WED, "06-12 04:00/06-13 04:00", id="New York, an ordinary day"),
        pytest.param(NEW_YORK, SPRING, "03-10 05:00/03-11 04:00", id="New York in spring has 23 hours"),
        pytest.param(NEW_YORK, AUTUMN, "11-03 04:00/11-04 05:00", id="New York in autumn has 25 hours"),
        pytest.param(
            LORD_HOWE, date(2024, 10, 6), "10-05 13:30/10-06 13:00", id="Lord Howe in spring has 23 and a half"
        ),
        pytest.param(
            LORD_HOWE, date(2024, 4, 7), "04-06 13:00/04-07 13:30", id="Lord Howe in autumn has 24 and a half"
        ),
        pytest.param(
            KATHMANDU, WED, "06-11 18:15/06-12 18:15", id="Kathmandu begins at a quarter past six in the evening"
        ),
        pytest.param(HAVANA, SPRING, "03-10 05:00/03-11 04:00", id="Havana skips midnight, and its day begins at one"),
        pytest.param(
            HAVANA, AUTUMN, "11-03 04:00/11-04 05:00", id="Havana has midnight twice, and its day begins at the first"
        ),
        pytest.param(NUUK, date(2024, 3, 30), "03-30 02:00/03-31 01:00", id="Nuuk skips the last hour of a day"),
        pytest.param(APIA, APIA_LAST, "12-29 10:00/12-30 10:00", id="Apia, the day before the missing day"),
        pytest.param(APIA, APIA_SKIPPED, "12-30 10:00/12-30 10:00", id="Apia, the missing day is empty"),
        pytest.param(APIA, APIA_NEXT, "12-30 10:00/12-31 10:00", id="Apia, the day after the missing day"),
    ],
)
def test_the_instants_of_a_date(zone: str, day: date, expected: str) -> None:
    found = hours.local_day(day, ZoneInfo(zone))

    assert shown([found]) == [expected]


@pytest.mark.parametrize(
    ("asked_in", "day", "zone", "expected"),
    [
        pytest.param(NEW_YORK, WED, NEW_YORK, [WED], id="R10 a date in the location's own zone is that date"),
        pytest.param(KATHMANDU, WED, NEW_YORK, [TUE, WED], id="R10 a date in Kathmandu touches two of New York's"),
        pytest.param(NEW_YORK, WED, KATHMANDU, [WED, THU], id="R10 a date in New York touches two of Kathmandu's"),
        pytest.param("UTC", WED, AUCKLAND, [WED, THU], id="R10 a date in UTC touches two of Auckland's"),
        pytest.param(HAVANA, WED, NEW_YORK, [WED], id="R10 zones that agree share their dates"),
        pytest.param(
            NEW_YORK, AUTUMN, "Etc/GMT+5", [date(2024, 11, 2), AUTUMN], id="R10 a day of 25 hours touches two"
        ),
    ],
)
def test_a_date_asked_with_a_time_zone(asked_in: str, day: date, zone: str, expected: list[date]) -> None:
    asked = hours.local_day(day, ZoneInfo(asked_in))

    assert list(hours.dates_of(asked, ZoneInfo(zone))) == expected
