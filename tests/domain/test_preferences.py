"""What a stylist rather not does, calendars not heard of for too long, and bookings that are not paid for.

Most cases are of one morning in New York, 2024-06-12 from 09:00 to 12:00, and a service of half an hour every half hour:
starts at 09:00, 09:30, 10:00, 10:30, 11:00 and 11:30. Times are local unless a zone is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import hours, offer, slots
from domain.errors import NotOfferedReason, SlotNotOffered
from domain.hours import Avoided
from domain.model import Busy, ClosedBy, DayFacts, Preferences, SlotStatus, Span, StaleSource, Terms
from tests.domain.test_slots import (
    AVAILABLE,
    BOOKED,
    HOME,
    INSTANT,
    KATHMANDU,
    MINUTE,
    NEW_YORK,
    SHORE,
    UNAVAILABLE,
    WED,
    at,
    booking,
    facts,
    hold,
    seen,
    slot_at,
    starts,
    taken,
    terms,
    time_off,
    window,
)

ALL = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]
LATER = ALL[2:]
KIRITIMATI, NIUE = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Niue")  # 14 hours ahead of UTC, and 11 behind
TUE, THU, SPRING, AUTUMN = date(2024, 6, 11), date(2024, 6, 13), date(2024, 3, 10), date(2024, 11, 3)


def run(most: int, *, pause: int = 15) -> Preferences:
    """The wish for a pause, in minutes, after so much work."""
    return Preferences(run_max=most * MINUTE, pause=pause * MINUTE)


def a_day(most: int) -> Preferences:
    """The wish for so many bookings a day at most."""
    return Preferences(bookings_max=most)


def morning(*busy: Busy, wishes: Preferences | None = None, service: Terms | None = None) -> DayFacts:
    """The day, with the stylist's wishes."""
    return replace(facts(*busy, service=service or terms(30)), preferences=wishes)


def unpaid(starts: str, ends: str, *, due: str = "08:10") -> Busy:
    """A booking that frees itself unless it is paid for by then."""
    return booking(starts, ends)._replace(expires_at=at(due))


def others(given: DayFacts) -> list[str]:
    """The starts that are free."""
    return starts(seen(given), AVAILABLE)


RUNS = {
    "without claims a wish for pauses closes nothing": ([], terms(30), run(30), ALL),
    "a run exactly as long as it may be is allowed": ([booking("09:00", "10:00")], terms(30), run(90), LATER),
    "a run a minute longer is not": ([booking("09:00", "10:00")], terms(30), run(89), ["10:30", "11:00", "11:30"]),
    "a pause exactly long enough ends a run": ([booking("09:00", "09:45")], terms(30), run(60), LATER),
    "a pause a minute too short does not": ([booking("09:00", "09:46")], terms(30), run(60), LATER[1:]),
    "a pause before a later booking is exactly long enough": (
        [booking("10:15", "11:00")],
        terms(30),
        run(60),
        ["09:00", "09:30", "11:30"],
    ),
    "a pause before a later booking is a minute too short": (
        [booking("10:14", "11:00")],
        terms(30),
        run(60),
        ["09:00", "11:30"],
    ),
    "a start before a booking may reach the longest run": (
        [booking("10:00", "11:00")],
        terms(30),
        run(90),
        [
            *("09:00", "09:30", "11:00", "11:30"),
        ],
    ),
    "a start before a booking may not go a minute beyond it": (
        [booking("10:00", "11:01")],
        terms(30),
        run(90),
        [
            *("09:00", "11:30"),
        ],
    ),
    "a run joined on both sides is as long as all three": (
        [booking("09:00", "09:30"), booking("10:00", "10:30")],
        terms(30),
        run(89),
        ["10:30", "11:00", "11:30"],
    ),
    "a run joined on both sides may reach the longest": (
        [booking("09:00", "09:30"), booking("10:00", "10:30")],
        terms(30),
        run(90),
        ["09:30", "10:30", "11:00", "11:30"],
    ),
    "short pauses on both sides are part of the run": (
        [booking("09:00", "09:20"), booking("10:10", "10:30")],
        terms(30),
        run(89),
        ["10:30", "11:00", "11:30"],
    ),
    "pauses long enough on both sides are not": (
        [booking("09:00", "09:20"), booking("10:10", "10:30")],
        terms(30),
        run(50, pause=10),
        ["09:30", "10:30", "11:00", "11:30"],
    ),
    "a pause on one side is enough for the other": (
        [booking("09:00", "09:15"), booking("10:00", "10:30")],
        terms(30),
        run(60),
        ["09:30", "10:30", "11:00", "11:30"],
    ),
    "claims with short pauses between are one run": (
        [booking("08:00", "08:40"), booking("08:50", "09:20"), booking("09:30", "10:00")],
        terms(30),
        run(149),
        ["10:30", "11:00", "11:30"],
    ),
    "claims with a pause between are not": (
        [booking("08:00", "08:40"), booking("08:55", "09:20"), booking("09:30", "10:00")],
        terms(30),
        run(95),
        LATER,
    ),
    "a run reaches in from before working hours": ([booking("07:00", "08:50")], terms(30), run(120), ALL[1:]),
    "a run reaches in from after working hours": ([booking("12:10", "14:00")], terms(30), run(120), ALL[:-1]),
    "a service longer than the longest run has no start": ([], terms(60), run(59), []),
    "a service as long as the longest run has every start": ([], terms(60), run(60), ALL[:-1]),
    "the service's buffers are work": ([], terms(30, before=5, after=10), run(44), []),
    "the service's buffers may fill the longest run": ([], terms(30, before=5, after=10), run(45), ALL),
    "a booking's buffers are work": ([booking("09:00", "09:40", after=10)], terms(30), run(60), LATER[1:]),
    "a buffer is no pause": ([booking("09:00", "09:30")], terms(30, before=20), run(60), LATER[1:]),
    "a run that is too long already takes no start in": ([booking("09:00", "10:00")], terms(30), run(50), LATER[1:]),
    "a run that is too long already takes no start in between its claims": (
        [booking("09:00", "10:00"), booking("10:40", "12:00")],
        terms(30),
        run(150, pause=60),
        [],
    ),
    "a start between the claims of a run makes it no longer": (
        [booking("09:00", "10:00"), booking("10:40", "12:00")],
        terms(30),
        run(180, pause=60),
        ["10:00"],
    ),
    "a booking elsewhere is work as well": (
        [booking("09:00", "10:00", at_location=SHORE)],
        terms(30),
        run(89),
        ["10:30", "11:00", "11:30"],
    ),
    "a hold is work as well": ([hold("09:00", "10:00")], terms(30), run(89), ["10:30", "11:00", "11:30"]),
    "a hold that has expired is not": ([hold("09:00", "10:00", expires="08:00")], terms(30), run(89), ALL),
    "a booking not paid for yet is work": ([unpaid("09:00", "10:00")], terms(30), run(89), LATER[1:]),
    "a booking not paid for in time is not": ([unpaid("09:00", "10:00", due="08:00")], terms(30), run(89), ALL),
    "time off, breaks and external appointments are no work": (
        [
            time_off("09:00", "10:00"),
            taken(ClosedBy.BREAK, "10:30", "11:00"),
            taken(ClosedBy.EXTERNAL, "11:30", "12:00"),
        ],
        terms(30),
        run(30),
        ["10:00", "11:00"],
    ),
}


@pytest.mark.parametrize(
    ("busy", "service", "wishes", "expected"), [pytest.param(*case, id=told) for told, case in RUNS.items()]
)
def test_the_longest_run(busy: list[Busy], service: Terms, wishes: Preferences, expected: list[str]) -> None:
    found = others(morning(*busy, wishes=wishes, service=service))

    assert found == expected


def test_the_way_between_two_places_is_no_work() -> None:
    given = replace(
        facts(booking("09:00", "09:30", at_location=SHORE), service=terms(30), travel=30), preferences=run(60, pause=30)
    )

    assert others(given) == LATER


A_DAY = {
    "one of two leaves room for one": ([booking("09:00", "09:30")], a_day(2), ALL[1:]),
    "two of two leave none": ([booking("09:00", "09:30"), booking("07:00", "07:30")], a_day(2), []),
    "three of two leave none": ([booking(f"0{n}:00", f"0{n}:30") for n in (6, 7, 8)], a_day(2), []),
    "none a day is none": ([], a_day(0), []),
    "holds count": ([hold("09:00", "09:30")], a_day(1), []),
    "a hold that has expired does not": ([hold("09:00", "09:30", expires="08:00")], a_day(1), ALL),
    "a booking not paid for yet counts": ([unpaid("09:00", "09:30")], a_day(1), []),
    "a booking not paid for in time does not": ([unpaid("09:00", "09:30", due="08:00")], a_day(1), ALL),
    "bookings elsewhere count": ([booking("07:00", "07:30", at_location=SHORE)], a_day(1), []),
    "a booking at midnight is of the day that it begins": ([booking("00:00", "00:30")], a_day(1), []),
    "a booking over midnight is of the day before": ([booking("2024-06-11 23:59", "00:30")], a_day(1), ALL),
    "a booking at the next midnight is of the next day": (
        [booking("2024-06-13 00:00", "2024-06-13 00:30")],
        a_day(1),
        ALL,
    ),
    "a buffer before midnight does not make it the day before's": (
        [booking("00:00", "00:30", before=30)],
        a_day(1),
        [],
    ),
    "time off and external appointments are no bookings": (
        [time_off("09:00", "09:30"), taken(ClosedBy.EXTERNAL, "09:00", "09:30")],
        a_day(1),
        ALL[1:],
    ),
}


@pytest.mark.parametrize(("busy", "wishes", "expected"), [pytest.param(*case, id=told) for told, case in A_DAY.items()])
def test_bookings_a_day(busy: list[Busy], wishes: Preferences, expected: list[str]) -> None:
    found = others(morning(*busy, wishes=wishes))

    assert found == expected


def test_bookings_are_counted_by_the_local_day_of_each_place() -> None:
    both = [window("09:00", "10:00"), window("15:00", "16:00", SHORE, zone=KATHMANDU)]
    tuesday_here_wednesday_there = booking("2024-06-11 16:00", "2024-06-11 16:30")
    given = facts(tuesday_here_wednesday_there, windows=both, zones={HOME: NEW_YORK, SHORE: KATHMANDU})

    found = seen(replace(given, preferences=a_day(1)), at("2024-06-10 08:00"))

    assert {slot.location_id: slot.status for slot in found.slots} == {HOME: AVAILABLE, SHORE: UNAVAILABLE}


def avoiding(starts: str, ends: str, service_id: str = "cut") -> Preferences:
    """A service that is avoided on this very morning."""
    return Preferences(avoided={service_id: (Span(at(starts), at(ends)),)})


AVOIDED = {
    "a start that touches the time is closed": (avoiding("10:00", "10:30"), terms(60), ["09:00", "10:30", "11:00"]),
    "a minute of it is enough": (avoiding("10:29", "10:30"), terms(30), ["09:00", "09:30", "10:30", "11:00", "11:30"]),
    "a time within the service is enough": (avoiding("09:10", "09:20"), terms(30), ALL[1:]),
    "a time around everything leaves nothing": (avoiding("08:00", "13:00"), terms(30), []),
    "another service is avoided then": (avoiding("08:00", "13:00", "colour"), terms(30), ALL),
    "buffers do not matter": (avoiding("10:00", "10:30"), terms(30, before=30, after=30), [*ALL[:2], *ALL[3:]]),
}


@pytest.mark.parametrize(
    ("wishes", "service", "expected"), [pytest.param(*case, id=told) for told, case in AVOIDED.items()]
)
def test_a_service_avoided(wishes: Preferences, service: Terms, expected: list[str]) -> None:
    found = others(morning(wishes=wishes, service=service))

    assert found == expected


def weekly(from_wall: str, to_wall: str, *weekdays: int) -> Avoided:
    """A service avoided at a time of these weekdays, of all if none."""
    first, last = (60 * int(wall[:2]) + int(wall[3:]) for wall in (from_wall, to_wall))
    return Avoided("cut", frozenset(weekdays), first, last)


WEEKLY = {
    "a time of one weekday": (weekly("10:00", "12:00", 3), WED, NEW_YORK, ["06-12 14:00/06-12 16:00"]),
    "a time until midnight": (weekly("20:00", "24:00", 3), WED, NEW_YORK, ["06-13 00:00/06-13 04:00"]),
    "a time over midnight is of the day that it begins": (
        weekly("22:00", "02:00", 2),
        WED,
        NEW_YORK,
        ["06-12 02:00/06-12 06:00"],
    ),
    "R2 a time from a minute to itself is empty": (weekly("07:00", "07:00", 3), WED, NEW_YORK, []),
    "no weekdays are all": (
        weekly("10:00", "12:00"),
        WED,
        NEW_YORK,
        [f"06-{n} 14:00/06-{n} 16:00" for n in (11, 12, 13)],
    ),
    "R3 a time in the hour that is skipped is an hour later": (
        weekly("02:10", "02:40", 7),
        SPRING,
        NEW_YORK,
        ["03-10 07:10/03-10 07:40"],
    ),
    "R3 a time that the skipped hour turns round is empty": (weekly("02:30", "03:00", 7), SPRING, NEW_YORK, []),
    "R3 a time of the hour that comes twice begins and ends in the first": (
        weekly("01:15", "01:45", 7),
        AUTUMN,
        NEW_YORK,
        ["11-03 05:15/11-03 05:45"],
    ),
    "R3 a time to the end of the hour that comes twice has both": (
        weekly("01:00", "02:00", 7),
        AUTUMN,
        NEW_YORK,
        ["11-03 05:00/11-03 07:00"],
    ),
}


@pytest.mark.parametrize(
    ("pattern", "day", "zone", "expected"), [pytest.param(*case, id=told) for told, case in WEEKLY.items()]
)
def test_a_time_of_the_week(pattern: Avoided, day: date, zone: ZoneInfo, expected: list[str]) -> None:
    found = sorted(span for _, span in hours.avoided_spans([pattern], day, zone))

    shown = [f"{span.starts_at:%m-%d %H:%M}/{span.ends_at:%m-%d %H:%M}" for span in found]
    around = {f"{day + timedelta(n):%m-%d}" for n in (-1, 0, 1)}
    assert [text for text in shown if text[:5] in around] == expected


@pytest.mark.parametrize(
    ("place", "home", "pattern", "expected"),
    [
        pytest.param(
            KIRITIMATI,
            NIUE,
            weekly("22:00", "23:30", 1),  # ends at 00:30 on Wednesday in Kiritimati
            {"00:00": UNAVAILABLE, "00:30": AVAILABLE},
            id="a home a day behind the place: Monday's evening is Wednesday's beginning",
        ),
        pytest.param(
            NIUE,
            KIRITIMATI,
            weekly("00:30", "01:30", 5),  # begins at 23:30 on Wednesday in Niue
            {"23:00": AVAILABLE, "23:30": UNAVAILABLE},
            id="a home a day ahead of the place: Friday's beginning is Wednesday's evening",
        ),
    ],
)
def test_a_home_on_the_other_side_of_the_date_line(
    place: ZoneInfo, home: ZoneInfo, pattern: Avoided, expected: Mapping[str, SlotStatus]
) -> None:
    day = window("00:00", "2024-06-13 00:00", zone=place)
    avoided = tuple(span for _, span in hours.avoided_spans([pattern], WED, home))
    given = replace(
        facts(windows=[day], service=terms(30), zones={HOME: place}), preferences=Preferences(avoided={"cut": avoided})
    )

    found = seen(given, at("2024-06-10 08:00"))

    assert {f"{one.starts_at.astimezone(place):%H:%M}": one.status for one in found.slots}.items() >= expected.items()


def test_a_service_of_a_day_meets_what_is_avoided_on_the_next() -> None:
    round_the_clock = window("00:00", "2024-06-15 00:00")
    given = facts(windows=[round_the_clock], service=terms(1440, 720))
    thursday = tuple(span for _, span in hours.avoided_spans([weekly("11:00", "12:00", 4)], WED, NEW_YORK))

    found = seen(replace(given, preferences=Preferences(avoided={"cut": thursday})), at("2024-06-10 08:00"))

    assert [slot.status for slot in found.slots] == [AVAILABLE, UNAVAILABLE]


@pytest.mark.parametrize(
    "wishes",
    [
        pytest.param(run(29), id="a service longer than the longest run"),
        pytest.param(a_day(1), id="enough bookings"),
        pytest.param(avoiding("08:00", "13:00"), id="an avoided service"),
    ],
)
def test_what_a_wish_closes_is_shown_as_unavailable_and_as_no_claim(wishes: Preferences) -> None:
    given = morning(booking("09:00", "09:30"), wishes=wishes)

    found = seen(given)

    assert [(slot.status, slot.claimed) for slot in found.slots] == [(BOOKED, True)] + 5 * [(UNAVAILABLE, False)]
    with pytest.raises(SlotNotOffered) as refusal:
        offer.offered([given], "cut", at("11:00"), now=at("08:00"), zone=NEW_YORK)
    assert refusal.value.reason is NotOfferedReason.UNAVAILABLE


@pytest.mark.parametrize(
    ("now", "free", "true_until"),
    [
        pytest.param(at("08:00") - INSTANT, ALL, at("08:00"), id="a calendar is believed until it is stale"),
        pytest.param(at("08:00"), [], at("09:00") + INSTANT, id="from that instant on the day is closed"),
        pytest.param(at("10:00"), [], at("10:00") + INSTANT, id="and stays closed"),
    ],
)
def test_a_stale_calendar_closes_the_day(now: datetime, free: list[str], true_until: datetime) -> None:
    given = replace(morning(), stale=StaleSource("google", at("08:00")))

    found = seen(given, now)

    assert (starts(found, AVAILABLE), starts(found, UNAVAILABLE)) == (
        free,
        [start for start in ALL if start not in free],
    )
    assert found.true_until == true_until


def test_a_booking_is_shown_on_a_day_that_a_stale_calendar_closes() -> None:
    given = replace(morning(booking("09:00", "09:30")), stale=StaleSource("google", at("07:00")))

    found = seen(given)

    assert [slot.status for slot in found.slots] == [BOOKED] + 5 * [UNAVAILABLE]


@pytest.mark.parametrize(
    ("now", "status", "true_until"),
    [
        pytest.param(at("08:00"), BOOKED, at("08:10"), id="it is booked until then"),
        pytest.param(at("08:10") - INSTANT, BOOKED, at("08:10"), id="to the last microsecond"),
        pytest.param(at("08:10"), AVAILABLE, at("09:00") + INSTANT, id="then it is free, swept or not"),
    ],
)
def test_a_booking_that_is_not_paid_for_frees_itself(now: datetime, status: SlotStatus, true_until: datetime) -> None:
    given = morning(unpaid("10:00", "10:30"))

    found = seen(given, now)

    assert (slot_at(found, "10:00").status, slot_at(found, "10:00").holder) == (status, None)
    assert found.true_until == true_until


def test_a_day_stays_as_it_is_until_the_first_of_its_expiries() -> None:
    given = replace(
        morning(hold("09:00", "09:30", expires="08:20"), unpaid("10:00", "10:30", due="08:15")),
        stale=StaleSource("google", at("08:10")),
    )

    assert [seen(given, now).true_until for now in (at("08:00"), at("08:10"), at("08:15"))] == [
        *(at("08:10"), at("08:15"), at("08:20")),
    ]


def test_wishes_leave_another_service_s_run_alone() -> None:
    given = morning(booking("09:00", "09:30"), wishes=run(60))
    longer = replace(given, terms={**given.terms, "colour": replace(terms(90), service_id="colour")})

    assert starts(slots.day_slots(longer, "cut", at("08:00")), AVAILABLE) == ALL[1:]
    assert starts(slots.day_slots(longer, "colour", at("08:00")), AVAILABLE) == []
