"""R1 and R6 to R13: the grid, what closes a start and how it is shown, notice, horizon, prices, and how long it all holds.

Most cases are of one morning in New York, 2024-06-12 from 09:00 to 12:00, and a service of an hour every half hour:
starts at 09:00, 09:30, 10:00, 10:30 and 11:00. Times are local unless a zone is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import slots
from domain.model import Busy, ClosedBy, DayFacts, DaySlots, Slot, SlotStatus, Terms, Window
from domain.prices import PriceRule

HOME, SHORE = "home", "shore"
NEW_YORK, LORD_HOWE = ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")
KATHMANDU, APIA = ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Apia")
WED = date(2024, 6, 12)
MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
AVAILABLE, HELD, BOOKED, UNAVAILABLE = SlotStatus
ALL = ["09:00", "09:30", "10:00", "10:30", "11:00"]


def at(text: str, *, zone: ZoneInfo = NEW_YORK, day: date = WED) -> datetime:
    """ "09:00", "09:00:30" or "2024-06-13 09:00" on a wall, as an instant; the first of two."""
    stamp = text if " " in text else f"{day} {text}"
    return datetime.fromisoformat(stamp).replace(tzinfo=zone).astimezone(UTC)


def window(starts: str, ends: str, location_id: str = HOME, *, zone: ZoneInfo = NEW_YORK) -> Window:
    """A window of working hours."""
    return Window(at(starts, zone=zone), at(ends, zone=zone), location_id)


def terms(
    duration: int = 60,
    interval: int = 30,
    *,
    before: int = 0,
    after: int = 0,
    notice: int = 0,
    horizon_days: int = 60,
    price_cents: int = 5_000,
) -> Terms:
    """A service, in minutes."""
    return Terms(
        service_id="cut",
        duration=duration * MINUTE,
        interval=interval * MINUTE,
        buffer_before=before * MINUTE,
        buffer_after=after * MINUTE,
        min_notice=notice * MINUTE,
        horizon_days=horizon_days,
        price_cents=price_cents,
    )


def taken(
    kind: ClosedBy,
    starts: str,
    ends: str,
    *,
    before: int = 0,
    after: int = 0,
    location_id: str | None = None,
    holder: str | None = None,
    expires: str | None = None,
) -> Busy:
    """Something that takes the stylist's time, with buffers of its own in minutes."""
    own = at(starts), at(ends)
    widened = own[0] - before * MINUTE, own[1] + after * MINUTE
    return Busy(kind, *own, *widened, location_id, holder, at(expires) if expires else None)


def booking(starts: str, ends: str, *, before: int = 0, after: int = 0, at_location: str = HOME) -> Busy:
    """A booking."""
    return taken(ClosedBy.BOOKING, starts, ends, before=before, after=after, location_id=at_location)


def hold(
    starts: str,
    ends: str,
    *,
    before: int = 0,
    after: int = 0,
    at_location: str = HOME,
    holder: str = "session:ada",
    expires: str = "08:10",
) -> Busy:
    """A hold, live at eight."""
    return taken(
        ClosedBy.HOLD,
        starts,
        ends,
        before=before,
        after=after,
        location_id=at_location,
        holder=holder,
        expires=expires,
    )


def time_off(starts: str, ends: str) -> Busy:
    """Time off."""
    return taken(ClosedBy.TIME_OFF, starts, ends)


def facts(
    *busy: Busy,
    windows: Iterable[Window] = (window("09:00", "12:00"),),
    service: Terms | None = None,
    day: date = WED,
    zones: Mapping[str, ZoneInfo] | None = None,
    travel: int | None = None,
    price_rules: Iterable[PriceRule] = (),
) -> DayFacts:
    """A stylist's day. travel: minutes between home and shore."""
    ways = {} if travel is None else {(HOME, SHORE): travel * MINUTE, (SHORE, HOME): travel * MINUTE}
    return DayFacts(
        stylist_id="stylist",
        day=day,
        zones=zones or {HOME: NEW_YORK, SHORE: NEW_YORK},
        windows=tuple(windows),
        busy=busy,
        travel=ways,
        terms={"cut": service or terms()},
        price_rules=tuple(price_rules),
    )


def seen(given: DayFacts, now: datetime | None = None) -> DaySlots:
    """The day's slots, at eight in the morning unless said otherwise."""
    return slots.day_slots(given, "cut", now or at("08:00"))


def starts(found: DaySlots, *status: SlotStatus, zone: ZoneInfo = NEW_YORK) -> list[str]:
    """The local starts, of all or of these statuses."""
    return [f"{slot.starts_at.astimezone(zone):%H:%M}" for slot in found.slots if slot.status in (status or SlotStatus)]


def slot_at(found: DaySlots, start: str) -> Slot:
    """The slot of one start."""
    return next(slot for slot in found.slots if slot.starts_at == at(start))


def test_a_slot_has_its_start_its_end_its_place_and_its_price() -> None:
    given = facts(windows=[window("09:00", "10:00")])

    found = seen(given)

    assert found.slots == (Slot(at("09:00"), at("10:00"), HOME, AVAILABLE, 5_000, claimed=False, holder=None),)


def test_a_service_that_is_not_offered_has_no_slots() -> None:
    found = slots.day_slots(facts(), "another service", at("08:00"))

    assert found == DaySlots((), None)


def test_a_day_without_hours_has_no_slots() -> None:
    found = seen(facts(windows=[]))

    assert found.slots == ()


@pytest.mark.parametrize(
    ("windows", "service", "expected"),
    [
        pytest.param([window("09:00", "12:00")], terms(), ALL, id="R6 starts lie at the window's start + k intervals"),
        pytest.param(
            [window("09:10", "11:00")], terms(), ["09:10", "09:40"], id="R6 the grid begins where the window does"
        ),
        pytest.param(
            [window("09:00", "10:00")], terms(), ["09:00"], id="R7 a service that just fits its window has a start"
        ),
        pytest.param([window("09:00", "09:59")], terms(), [], id="R7 a service longer than its window has none"),
        pytest.param(
            [window("09:00", "12:00")], terms(50, 45), ["09:00", "09:45", "10:30"], id="R7 the last start still fits"
        ),
        pytest.param(
            [window("09:00", "12:00")], terms(20, 90), ["09:00", "10:30"], id="R6 an interval may exceed the service"
        ),
        pytest.param(
            [window("09:00", "10:30"), window("11:00", "12:30")],
            terms(),
            ["09:00", "09:30", "11:00", "11:30"],
            id="R7 a service lies in one window",
        ),
        pytest.param(
            [window("09:00", "10:30"), window("10:40", "12:30")],
            terms(),
            ["09:00", "09:30", "10:40", "11:10"],
            id="R6 each window has its own grid",
        ),
        pytest.param(
            [window("09:00", "10:30"), window("10:30", "11:30", SHORE)],
            terms(),
            ["09:00", "09:30", "10:30"],
            id="R6 a service does not run on into another location's window",
        ),
        pytest.param(
            [window("22:00", "2024-06-13 02:00")],
            terms(60, 45),
            ["22:00", "22:45", "23:30"],
            id="R6 starts after midnight are the next day's",
        ),
        pytest.param(
            [window("2024-06-11 22:00", "02:00")],
            terms(60, 45),
            ["00:15", "01:00"],
            id="R6 a night's grid goes on from the evening before",
        ),
        pytest.param(
            [window("2024-06-11 00:00", "2024-06-15 00:00")],
            terms(60, 7 * 60),
            ["04:00", "11:00", "18:00"],
            id="R6 round-the-clock opening counts from midnight of the day before",
        ),
        pytest.param(
            [window("00:00", "2024-06-13 00:00")], terms(1440), ["00:00"], id="R7 a service of 24 hours fits a day"
        ),
        pytest.param(
            [window("00:00", "2024-06-14 00:00")],
            terms(1440, 480),
            ["00:00", "08:00", "16:00"],
            id="R7 a service may end on the next day",
        ),
        pytest.param(
            [window("2024-06-11 09:00", "2024-06-11 12:00"), window("2024-06-13 09:00", "2024-06-13 12:00")],
            terms(),
            [],
            id="R6 a day has no other day's starts",
        ),
    ],
)
def test_the_grid(windows: list[Window], service: Terms, expected: list[str]) -> None:
    found = seen(facts(windows=windows, service=service), at("2024-06-10 08:00"))

    assert starts(found) == expected


@pytest.mark.parametrize(
    ("zone", "hours", "service", "expected"),
    [
        pytest.param(
            NEW_YORK,
            ("2024-03-10 00:30", "2024-03-10 05:00"),
            terms(60, 60),
            ["00:30/01:30", "01:30/03:30", "03:30/04:30"],
            id="R1 New York: an hour is sixty minutes across the hour that is skipped",
        ),
        pytest.param(
            NEW_YORK,
            ("2024-11-03 00:30", "2024-11-03 03:00"),
            terms(60, 60),
            ["00:30/01:30", "01:30/01:30", "01:30/02:30"],
            id="R1 New York: the hour that comes twice has its starts twice",
        ),
        pytest.param(
            NEW_YORK,
            ("2024-03-10 00:00", "2024-03-11 00:00"),
            terms(1440),
            [],
            id="R1 New York: 24 hours do not fit a day of 23",
        ),
        pytest.param(
            NEW_YORK,
            ("2024-11-03 00:00", "2024-11-04 00:00"),
            terms(1440),
            ["00:00/23:00", "00:30/23:30", "01:00/00:00"],
            id="R1 New York: 24 hours fit a day of 25 three times",
        ),
        pytest.param(
            LORD_HOWE,
            ("2024-10-06 01:15", "2024-10-06 04:00"),
            terms(45, 45),
            ["01:15/02:30", "02:30/03:15", "03:15/04:00"],
            id="R1 Lord Howe: half an hour is skipped",
        ),
        pytest.param(
            LORD_HOWE,
            ("2024-04-07 01:00", "2024-04-07 02:30"),
            terms(30),
            ["01:00/01:30", "01:30/01:30", "01:30/02:00", "02:00/02:30"],
            id="R1 Lord Howe: half an hour comes twice",
        ),
        pytest.param(
            KATHMANDU,
            ("2024-06-12 10:00", "2024-06-12 12:00"),
            terms(),
            ["10:00/11:00", "10:30/11:30", "11:00/12:00"],
            id="R6 Kathmandu: the grid is of the wall's half hours, not of UTC's",
        ),
        pytest.param(
            APIA,
            ("2011-12-29 22:00", "2011-12-31 02:00"),
            terms(),
            ["22:00/23:00", "22:30/23:30", "23:00/00:00", "23:30/00:30"],
            id="R6 Apia: a night over the missing day",
        ),
    ],
)
def test_the_grid_where_clocks_change(
    zone: ZoneInfo, hours: tuple[str, str], service: Terms, expected: list[str]
) -> None:
    open_at = window(*hours, zone=zone)
    day = open_at.starts_at.astimezone(zone).date()
    given = facts(windows=[open_at], service=service, day=day, zones={HOME: zone})

    found = seen(given, open_at.starts_at - timedelta(days=2))

    assert [
        f"{slot.starts_at.astimezone(zone):%H:%M}/{slot.ends_at.astimezone(zone):%H:%M}" for slot in found.slots
    ] == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        pytest.param(date(2011, 12, 29), ["22:00", "23:00"], id="the day before has the evening"),
        pytest.param(date(2011, 12, 30), [], id="the missing day has nothing"),
        pytest.param(date(2011, 12, 31), ["00:00", "01:00"], id="the day after has the morning"),
    ],
)
def test_a_night_over_the_missing_day_of_apia(day: date, expected: list[str]) -> None:
    night = window("2011-12-29 22:00", "2011-12-31 02:00", zone=APIA)
    given = facts(windows=[night], service=terms(60, 60), day=day, zones={HOME: APIA})

    found = seen(given, night.starts_at - timedelta(days=1))

    assert starts(found, zone=APIA) == expected


CLOSING = {
    "R7 touching is not overlapping": (
        [booking("10:00", "11:00")],
        terms(),
        {"09:00": AVAILABLE, "09:30": BOOKED, "10:00": BOOKED, "10:30": BOOKED, "11:00": AVAILABLE},
    ),
    "R7 a booking of other length and grid closes what it overlaps": (
        [booking("10:05", "10:10")],
        terms(),
        {"09:30": BOOKED, "10:00": BOOKED, "10:30": AVAILABLE},
    ),
    "R7 a booking is widened by its own buffers": (
        [booking("10:00", "11:00", before=1, after=1)],
        terms(),
        {"09:00": UNAVAILABLE, "09:30": BOOKED, "10:30": BOOKED, "11:00": UNAVAILABLE},
    ),
    "R7 the service's buffer before keeps its distance from what is earlier": (
        [booking("10:00", "11:00")],
        terms(before=1),
        {"09:00": AVAILABLE, "11:00": UNAVAILABLE},
    ),
    "R7 the service's buffer after keeps its distance from what is later": (
        [booking("10:00", "11:00")],
        terms(after=1),
        {"09:00": UNAVAILABLE, "11:00": AVAILABLE},
    ),
    "R7 both buffers count between two claims": (
        [booking("09:00", "09:15", after=15)],
        terms(before=15),
        {"09:30": UNAVAILABLE, "10:00": AVAILABLE},
    ),
    "R7 buffers that touch do not overlap": (
        [booking("09:00", "09:15", after=10)],
        terms(before=5),
        {"09:00": BOOKED, "09:30": AVAILABLE},
    ),
    "R7 buffers may stick out of working hours": (
        [],
        terms(before=60, after=60),
        {"09:00": AVAILABLE, "11:00": AVAILABLE},
    ),
    "R7 what lies outside working hours still meets a buffer": (
        [booking("08:00", "08:55"), booking("12:05", "13:00")],
        terms(before=10, after=10),
        {"09:00": UNAVAILABLE, "09:30": AVAILABLE, "10:30": AVAILABLE, "11:00": UNAVAILABLE},
    ),
    "R7 a break closes starts without moving them": (
        [taken(ClosedBy.BREAK, "10:10", "10:20")],
        terms(),
        {"09:00": AVAILABLE, "09:30": UNAVAILABLE, "10:00": UNAVAILABLE, "10:30": AVAILABLE},
    ),
    "R7 time off closes starts": (
        [time_off("08:00", "10:00")],
        terms(),
        {"09:00": UNAVAILABLE, "09:30": UNAVAILABLE, "10:00": AVAILABLE},
    ),
    "R7 external busy time closes starts": (
        [taken(ClosedBy.EXTERNAL, "10:00", "10:30")],
        terms(),
        {"09:00": AVAILABLE, "09:30": UNAVAILABLE, "10:00": UNAVAILABLE, "10:30": AVAILABLE},
    ),
    "R7 breaks, time off and external time meet the service's buffers": (
        [taken(ClosedBy.EXTERNAL, "10:00", "10:30")],
        terms(before=1, after=1),
        {"09:00": UNAVAILABLE, "10:30": UNAVAILABLE, "11:00": AVAILABLE},
    ),
    "R7 a second's overlap closes": (
        [taken(ClosedBy.EXTERNAL, "09:59:59", "10:00:00")],
        terms(),
        {"09:00": UNAVAILABLE, "09:30": UNAVAILABLE, "10:00": AVAILABLE},
    ),
    "R7 a microsecond's overlap closes": (
        [taken(ClosedBy.EXTERNAL, "10:00:00", "10:00:00.000001")],
        terms(),
        {"09:00": AVAILABLE, "09:30": UNAVAILABLE, "10:00": UNAVAILABLE, "10:30": AVAILABLE},
    ),
    "a booking over a hold is shown as booked": (
        [hold("09:00", "10:00"), booking("09:30", "10:30")],
        terms(),
        {"09:00": BOOKED, "09:30": BOOKED, "10:00": BOOKED},
    ),
    "a hold is shown as held, its buffers as unavailable": (
        [hold("10:00", "10:30", before=5, after=5)],
        terms(),
        {"09:00": UNAVAILABLE, "09:30": HELD, "10:00": HELD, "10:30": UNAVAILABLE, "11:00": AVAILABLE},
    ),
    "a hold during time off is shown as held": (
        [time_off("08:00", "13:00"), hold("10:00", "10:30")],
        terms(),
        {"09:00": UNAVAILABLE, "09:30": HELD, "10:00": HELD, "10:30": UNAVAILABLE},
    ),
}


@pytest.mark.parametrize(
    ("busy", "service", "expected"), [pytest.param(*case, id=said) for said, case in CLOSING.items()]
)
def test_what_closes_a_start(busy: list[Busy], service: Terms, expected: dict[str, SlotStatus]) -> None:
    found = seen(facts(*busy, service=service))

    assert starts(found) == ALL
    assert {start: slot_at(found, start).status for start in expected} == expected


@pytest.mark.parametrize(
    ("busy", "travel", "service", "expected"),
    [
        pytest.param(
            [booking("10:00", "10:30", at_location=SHORE)],
            30,
            terms(30),
            ["09:00", "11:00", "11:30"],
            id="R12 a booking elsewhere is widened by the way on both sides",
        ),
        pytest.param(
            [hold("10:00", "10:30", at_location=SHORE)],
            30,
            terms(30),
            ["09:00", "11:00", "11:30"],
            id="R12 a hold elsewhere is widened too",
        ),
        pytest.param(
            [booking("10:00", "10:30", at_location=SHORE)],
            31,
            terms(30),
            ["11:30"],
            id="R12 a minute more of travel closes the starts that touched",
        ),
        pytest.param(
            [booking("10:00", "10:30", before=10, after=10, at_location=SHORE)],
            15,
            terms(30, before=5, after=5),
            ["09:00", "11:00", "11:30"],
            id="R12 travel comes besides both buffers",
        ),
        pytest.param(
            [booking("10:00", "10:30", before=10, after=11, at_location=SHORE)],
            15,
            terms(30, before=5, after=5),
            ["09:00", "11:30"],
            id="R12 travel and both buffers add up to the minute",
        ),
        pytest.param(
            [booking("10:00", "10:30", at_location=SHORE)],
            None,
            terms(30),
            ["09:00", "09:30", "10:30", "11:00", "11:30"],
            id="R12 travel is 0 where none is given",
        ),
        pytest.param(
            [booking("10:00", "10:30", at_location=HOME)],
            30,
            terms(30),
            ["09:00", "09:30", "10:30", "11:00", "11:30"],
            id="R12 there is no way within a location",
        ),
        pytest.param(
            [time_off("10:00", "10:30")],
            30,
            terms(30),
            ["09:00", "09:30", "10:30", "11:00", "11:30"],
            id="R12 time off is nowhere, and needs no travel",
        ),
        pytest.param(
            [booking("07:00", "08:30", at_location=SHORE), booking("12:30", "13:00", at_location=SHORE)],
            60,
            terms(30),
            ["09:30", "10:00", "10:30", "11:00"],
            id="R12 travel reaches into working hours",
        ),
    ],
)
def test_travel(busy: list[Busy], travel: int | None, service: Terms, expected: list[str]) -> None:
    found = seen(facts(*busy, travel=travel, service=service))

    assert starts(found, AVAILABLE) == expected


def test_a_booking_elsewhere_is_shown_as_booked_and_the_way_there_as_unavailable() -> None:
    given = facts(booking("10:00", "10:30", at_location=SHORE), travel=30, service=terms(30))

    found = seen(given)

    assert starts(found, BOOKED) == ["10:00"]
    assert starts(found, UNAVAILABLE) == ["09:30", "10:30"]


@pytest.mark.parametrize(
    ("busy", "expected"),
    [
        pytest.param(booking("10:00", "11:00", before=5), ["09:00", "09:30", "10:00", "10:30"], id="a booking"),
        pytest.param(hold("10:00", "11:00", after=5), ["09:30", "10:00", "10:30", "11:00"], id="a hold"),
        pytest.param(booking("12:05", "13:00", at_location=SHORE), ["11:00"], id="the way to a booking"),
        pytest.param(time_off("10:00", "11:00"), [], id="not time off"),
        pytest.param(hold("10:00", "11:00", expires="08:00"), [], id="not an expired hold"),
    ],
)
def test_claimed_starts_are_those_that_a_claim_closes(busy: Busy, expected: list[str]) -> None:
    found = seen(facts(busy, travel=10))

    assert [f"{slot.starts_at.astimezone(NEW_YORK):%H:%M}" for slot in found.slots if slot.claimed] == expected


def test_a_held_start_names_its_holder() -> None:
    given = facts(hold("09:00", "10:00", holder="session:ada"), hold("10:00", "11:00", holder="sub:bob"))

    found = seen(given)

    assert slot_at(found, "09:00").holder == "session:ada"
    assert slot_at(found, "10:00").holder == "sub:bob"
    assert slot_at(found, "11:00").holder is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(at("08:10") - INSTANT, HELD, id="R11 until the last microsecond"),
        pytest.param(at("08:10"), AVAILABLE, id="R11 not at expires_at itself"),
        pytest.param(at("08:11"), AVAILABLE, id="R11 not after, with no sweeper about"),
    ],
)
def test_a_hold_counts(now: datetime, expected: SlotStatus) -> None:
    given = facts(hold("10:00", "11:00", expires="08:10"))

    found = seen(given, now)

    assert slot_at(found, "10:00").status is expected


@pytest.mark.parametrize(
    ("now", "notice", "expected"),
    [
        pytest.param(
            at("08:00"), 120, ["10:00", "10:30", "11:00"], id="R8 a start at the end of its notice is offered"
        ),
        pytest.param(at("08:00") + INSTANT, 120, ["10:30", "11:00"], id="R8 a microsecond later it is not"),
        pytest.param(at("10:00"), 0, ["10:00", "10:30", "11:00"], id="R8 without notice one can be seen at once"),
        pytest.param(at("10:00") + INSTANT, 0, ["10:30", "11:00"], id="R8 a past start is never offered"),
        pytest.param(at("13:00"), 0, [], id="R8 a past day has none"),
        pytest.param(at("2024-06-10 10:30"), 2 * 1440, ["10:30", "11:00"], id="R8 notice may be days"),
    ],
)
def test_notice(now: datetime, notice: int, expected: list[str]) -> None:
    found = seen(facts(service=terms(notice=notice)), now)

    assert starts(found) == ALL
    assert starts(found, AVAILABLE) == expected


def test_a_past_booking_is_still_shown_as_booked() -> None:
    found = seen(facts(booking("09:00", "10:00")), at("11:30"))

    assert starts(found, BOOKED) == ["09:00", "09:30"]
    assert starts(found, AVAILABLE) == []


@pytest.mark.parametrize(
    ("zone", "day", "now", "horizon_days", "expected"),
    [
        pytest.param(NEW_YORK, "2024-06-12", "2024-06-12 00:00", 0, True, id="R9 a horizon of 0 is today"),
        pytest.param(NEW_YORK, "2024-06-12", "2024-06-11 23:59", 0, False, id="R9 a horizon of 0 is not tomorrow"),
        pytest.param(NEW_YORK, "2024-06-12", "2024-06-10 00:00", 2, True, id="R9 the last day is in"),
        pytest.param(NEW_YORK, "2024-06-12", "2024-06-09 23:59", 2, False, id="R9 the day after it is not"),
        pytest.param(
            KATHMANDU,
            "2024-06-12",
            "2024-06-11 00:00",
            1,
            True,
            id="R9 today is the location's, where UTC has the 10th",
        ),
        pytest.param(
            NEW_YORK,
            "2024-06-12",
            "2024-06-10 21:00",
            1,
            False,
            id="R9 today is the location's, where UTC has the 11th",
        ),
        pytest.param(
            NEW_YORK, "2024-03-11", "2024-03-10 00:00", 1, True, id="R9 days are dates, where a day has 23 hours"
        ),
        pytest.param(
            NEW_YORK, "2024-11-04", "2024-11-02 23:59", 1, False, id="R9 days are dates, where a day has 25 hours"
        ),
        pytest.param(APIA, "2011-12-31", "2011-12-29 12:00", 1, False, id="R9 the missing day counts as a date"),
        pytest.param(
            APIA, "2011-12-31", "2011-12-29 12:00", 2, True, id="R9 the day after the missing one is two ahead"
        ),
    ],
)
def test_the_horizon(zone: ZoneInfo, day: str, now: str, horizon_days: int, expected: bool) -> None:
    evening = window(f"{day} 20:00", f"{day} 23:00", zone=zone)
    service = terms(horizon_days=horizon_days)
    given = facts(windows=[evening], service=service, day=date.fromisoformat(day), zones={HOME: zone})

    found = seen(given, at(now, zone=zone))

    assert {slot.status for slot in found.slots} == {AVAILABLE if expected else UNAVAILABLE}


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(at("2024-06-11 00:00"), [AVAILABLE], id="R9 midnight is of the day that it begins"),
        pytest.param(at("2024-06-10 23:59"), [UNAVAILABLE], id="R9 midnight is not of the day that it ends"),
    ],
)
def test_the_horizon_at_midnight(now: datetime, expected: list[SlotStatus]) -> None:
    given = facts(windows=[window("00:00", "01:00")], service=terms(horizon_days=1))

    found = seen(given, now)

    assert [slot.status for slot in found.slots] == expected


def test_slots_of_all_windows_are_sorted_by_start() -> None:
    windows = [window("09:00", "12:00"), window("09:15", "11:15", SHORE)]

    found = seen(facts(windows=windows))

    assert starts(found) == ["09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "11:00"]


def test_a_start_that_two_locations_offer_is_listed_once_for_the_first_window() -> None:
    windows = [window("09:00", "12:00"), window("10:00", "12:00", SHORE)]

    found = seen(facts(windows=windows))

    assert starts(found) == ALL
    assert {slot.location_id for slot in found.slots} == {HOME}


def test_of_two_locations_that_offer_a_start_the_free_one_stays() -> None:
    windows = [window("09:00", "12:00"), window("10:00", "12:00", SHORE)]
    given = facts(booking("09:00", "09:55", at_location=SHORE), windows=windows, travel=10)

    found = seen(given)

    assert (slot_at(found, "10:00").location_id, slot_at(found, "10:00").status) == (SHORE, AVAILABLE)
    assert (slot_at(found, "10:30").location_id, slot_at(found, "10:30").status) == (HOME, AVAILABLE)


def test_of_two_locations_that_offer_a_closed_start_the_first_window_stays() -> None:
    windows = [window("09:00", "12:00"), window("10:00", "12:00", SHORE)]
    given = facts(time_off("09:00", "12:00"), windows=windows)

    found = seen(given)

    assert {slot.location_id for slot in found.slots} == {HOME}


def test_two_locations_in_two_zones_have_each_their_own_day() -> None:
    abroad = window("10:00", "12:00", SHORE, zone=KATHMANDU)
    given = facts(windows=[abroad, window("09:00", "12:00")], zones={HOME: NEW_YORK, SHORE: KATHMANDU})

    found = seen(given, at("2024-06-10 08:00"))

    assert [slot.location_id for slot in found.slots] == [SHORE] * 3 + [HOME] * 5


def test_prices_follow_the_local_time_of_each_start() -> None:
    happy_hour = PriceRule("happy hour", -2_000, from_minute=10 * 60, to_minute=11 * 60)

    found = seen(facts(price_rules=[happy_hour]))

    assert [slot.price_cents for slot in found.slots] == [5_000, 5_000, 4_000, 4_000, 5_000]


def test_prices_follow_the_zone_of_each_location() -> None:
    mornings = PriceRule("mornings", 10_000, to_minute=12 * 60)
    given = facts(windows=[window("10:00", "11:00", zone=KATHMANDU)], zones={HOME: KATHMANDU}, price_rules=[mornings])

    found = seen(given, at("2024-06-10 08:00"))

    assert [slot.price_cents for slot in found.slots] == [10_000]


def test_another_services_price_rules_do_not_concern_this_one() -> None:
    rules = [PriceRule("colour", 10_000, service_id="colour"), PriceRule("cut", 1_000, service_id="cut")]

    found = seen(facts(price_rules=rules))

    assert {slot.price_cents for slot in found.slots} == {5_500}


def test_the_price_is_the_one_that_the_terms_give() -> None:
    found = seen(facts(service=terms(price_cents=7_700)))

    assert {slot.price_cents for slot in found.slots} == {7_700}


@pytest.mark.parametrize(
    ("given", "now", "expected"),
    [
        pytest.param(facts(), at("08:00"), at("09:00") + INSTANT, id="the first start passes just after it begins"),
        pytest.param(
            facts(service=terms(notice=30)),
            at("08:00"),
            at("08:30") + INSTANT,
            id="the first start falls inside its notice",
        ),
        pytest.param(
            facts(service=terms(notice=30)),
            at("08:30"),
            at("08:30") + INSTANT,
            id="a start at the end of its notice stays a microsecond",
        ),
        pytest.param(
            facts(service=terms(notice=30)),
            at("08:30") + INSTANT,
            at("09:00") + INSTANT,
            id="then the next start is what changes",
        ),
        pytest.param(facts(), at("11:00") + INSTANT, None, id="nothing changes after the last start"),
        pytest.param(facts(windows=[]), at("08:00"), None, id="nothing changes without hours"),
        pytest.param(facts(hold("10:00", "11:00")), at("08:00"), at("08:10"), id="a hold expires"),
        pytest.param(
            facts(hold("10:00", "11:00", expires="08:20"), hold("09:00", "10:00", expires="08:15")),
            at("08:00"),
            at("08:15"),
            id="the first of two holds expires",
        ),
        pytest.param(
            facts(hold("10:00", "11:00")), at("08:10"), at("09:00") + INSTANT, id="an expired hold changes nothing more"
        ),
        pytest.param(
            facts(service=terms(horizon_days=2)),
            at("2024-06-09 12:00"),
            at("2024-06-10 00:00"),
            id="the horizon reaches the day at midnight",
        ),
        pytest.param(
            facts(service=terms(horizon_days=2)),
            at("2024-06-10 00:00"),
            at("09:00") + INSTANT,
            id="a horizon that has reached the day changes nothing more",
        ),
        pytest.param(
            facts(
                windows=[window("2024-11-04 09:00", "2024-11-04 12:00")],
                day=date(2024, 11, 4),
                service=terms(horizon_days=1),
            ),
            at("2024-11-02 12:00"),
            at("2024-11-03 00:00"),
            id="the horizon moves at local midnight, where a day has 25 hours",
        ),
    ],
)
def test_slots_are_true_until(given: DayFacts, now: datetime, expected: datetime | None) -> None:
    found = seen(given, now)

    assert found.true_until == expected
