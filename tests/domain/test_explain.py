"""Why: each start of a day with all that closes it, and which claims the rules of today would no longer let in.

Most cases are of one morning in New York, 2024-06-12 from 09:00 to 12:00, and a service of an hour every half hour, seen at
08:00: starts at 09:00 to 11:30, the last of which does not fit. Times are local unless a zone is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given

from domain import explain, hours, slots
from domain.explain import Cause, Explained, Through
from domain.hours import Hours, Override, WeeklyHours
from domain.model import Busy, ClosedBy, DayFacts, Preferences, SlotStatus, Span, StaleSource, Terms
from tests.domain.test_oracle import PROFILE, Salon, salons, wishful_salons
from tests.domain.test_slots import (
    HOME,
    MINUTE,
    NEW_YORK,
    SHORE,
    WED,
    at,
    booking,
    facts,
    hold,
    taken,
    terms,
    time_off,
    window,
)

ALL = ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30"]


def explained(day: DayFacts, now: datetime | None = None) -> list[Explained]:
    """The day, explained, at eight in the morning unless said otherwise."""
    return explain.day(day, "cut", now or at("08:00"))


def told(cause: Cause) -> str:
    """A cause, in a word or two."""
    return f"{cause.by} by {cause.through}" if cause.through else cause.by


def causes(day: DayFacts, now: datetime | None = None) -> dict[str, list[str]]:
    """What closes each local start that something closes; the end of working hours of the last one left aside."""
    found: dict[str, list[str]] = {}
    for one in explained(day, now):
        assert one.span is not None
        found[f"{one.span.starts_at.astimezone(NEW_YORK):%H:%M}"] = [told(cause) for cause in one.causes]
    assert list(found) == ALL
    assert found.pop("11:30")[:1] == ["WINDOW_END"]
    return {start: why for start, why in found.items() if why}


CLOSED = {
    "nothing": (facts(), {}),
    "a booking by its time": (
        facts(booking("10:00", "10:30")),
        {"09:30": ["BOOKING by TIME"], "10:00": ["BOOKING by TIME"]},
    ),
    "a booking by its buffers": (
        facts(booking("10:00", "10:30", before=5, after=5)),
        {
            "09:00": ["BOOKING by BUFFER"],
            "09:30": ["BOOKING by TIME"],
            "10:00": ["BOOKING by TIME"],
            "10:30": ["BOOKING by BUFFER"],
        },
    ),
    "a booking by the service's buffers": (
        facts(booking("10:00", "10:30"), service=terms(before=5, after=5)),
        {
            "09:00": ["BOOKING by BUFFER"],
            "09:30": ["BOOKING by TIME"],
            "10:00": ["BOOKING by TIME"],
            "10:30": ["BOOKING by BUFFER"],
        },
    ),
    "a booking elsewhere by the way there": (
        facts(booking("10:00", "10:30", at_location=SHORE), travel=30),
        {
            "09:00": ["BOOKING by TRAVEL"],
            "09:30": ["BOOKING by TIME"],
            "10:00": ["BOOKING by TIME"],
            "10:30": ["BOOKING by TRAVEL"],
        },
    ),
    "a booking elsewhere by its buffer first, then by the way": (
        facts(booking("09:00", "09:10", after=30, at_location=SHORE), travel=60),
        {
            "09:00": ["BOOKING by TIME"],
            "09:30": ["BOOKING by BUFFER"],
            "10:00": ["BOOKING by TRAVEL"],
            "10:30": ["BOOKING by TRAVEL"],
        },
    ),
    "a hold by its time and its buffers": (
        facts(hold("10:00", "10:30", before=5)),
        {"09:00": ["HOLD by BUFFER"], "09:30": ["HOLD by TIME"], "10:00": ["HOLD by TIME"]},
    ),
    "a hold that has expired": (facts(hold("10:00", "10:30", expires="08:00")), {}),
    "a booking not paid for in time": (facts(booking("10:00", "10:30")._replace(expires_at=at("08:00"))), {}),
    "a booking not paid for yet": (
        facts(booking("10:00", "10:30")._replace(expires_at=at("08:01"))),
        {"09:30": ["BOOKING by TIME"], "10:00": ["BOOKING by TIME"]},
    ),
    "a break": (facts(taken(ClosedBy.BREAK, "10:10", "10:20")), {"09:30": ["BREAK"], "10:00": ["BREAK"]}),
    "time off": (facts(time_off("08:00", "09:40")), {"09:00": ["TIME_OFF"], "09:30": ["TIME_OFF"]}),
    "an external appointment": (
        facts(taken(ClosedBy.EXTERNAL, "11:10", "11:20")),
        {"10:30": ["EXTERNAL"], "11:00": ["EXTERNAL"]},
    ),
    "a break that meets a buffer is a break all the same": (
        facts(taken(ClosedBy.BREAK, "10:10", "10:20"), service=terms(after=30)),
        {"09:00": ["BREAK"], "09:30": ["BREAK"], "10:00": ["BREAK"]},
    ),
    "the notice": (facts(service=terms(notice=91)), {"09:00": ["NOTICE"], "09:30": ["NOTICE"]}),
    "a service avoided": (
        replace(facts(), preferences=Preferences(avoided={"cut": (Span(at("10:00"), at("10:30")),)})),
        {"09:30": ["AVOIDED"], "10:00": ["AVOIDED"]},
    ),
    "the longest run": (
        replace(facts(booking("09:00", "09:30")), preferences=Preferences(run_max=80 * MINUTE)),
        {"09:00": ["BOOKING by TIME"], "09:30": ["LONGEST_RUN"]},
    ),
    "bookings a day": (
        replace(facts(booking("07:00", "07:30")), preferences=Preferences(bookings_max=1)),
        {start: ["BOOKINGS_A_DAY"] for start in ALL[:-1]},
    ),
    "a stale calendar": (
        replace(facts(), stale=StaleSource("google", at("08:00"))),
        {start: ["STALE_SOURCE"] for start in ALL[:-1]},
    ),
    "a calendar that will be stale": (replace(facts(), stale=StaleSource("google", at("08:01"))), {}),
    "everything that closes a start, not the first alone": (
        facts(time_off("10:00", "10:30"), booking("10:00", "10:15"), service=terms(notice=91)),
        {
            "09:00": ["NOTICE"],
            "09:30": ["NOTICE", "TIME_OFF", "BOOKING by TIME"],
            "10:00": ["TIME_OFF", "BOOKING by TIME"],
        },
    ),
}


@pytest.mark.parametrize(("day", "expected"), [pytest.param(*case, id=said) for said, case in CLOSED.items()])
def test_what_closes_each_start(day: DayFacts, expected: dict[str, list[str]]) -> None:
    assert causes(day) == expected


def test_the_horizon_closes_what_lies_beyond_it() -> None:
    day = facts(service=terms(horizon_days=1))

    assert causes(day, at("2024-06-10 23:59")) == {start: ["HORIZON"] for start in ALL[:-1]}
    assert causes(day, at("2024-06-11 00:00")) == {}


def test_a_cause_brings_the_thing_itself() -> None:
    mine = booking("10:00", "10:30")._replace(id="mine")
    theirs = taken(ClosedBy.EXTERNAL, "09:00", "09:30")._replace(source="google")

    first, *_, last = [one for one in explained(facts(mine, theirs)) if one.causes and one.slot]

    assert first.causes == (Cause(ClosedBy.EXTERNAL, theirs),)
    assert last.causes == (Cause(ClosedBy.BOOKING, mine, Through.TIME),)


def test_an_avoided_time_brings_its_span() -> None:
    span = Span(at("10:00"), at("10:30"))
    day = replace(facts(), preferences=Preferences(avoided={"cut": (span,)}))

    (cause,) = explained(day)[1].causes

    assert cause.busy is not None
    assert (cause.busy.starts_at, cause.busy.ends_at) == span


def test_a_start_too_near_the_end_of_the_window_is_explained_and_not_listed() -> None:
    listed, closed = explained(facts(windows=[window("09:00", "10:20")]))[:2]

    assert (listed.span, listed.is_free) == (Span(at("09:00"), at("10:00")), True)
    assert listed.slot is not None
    assert listed.slot.status is SlotStatus.AVAILABLE
    assert (closed.span, closed.slot) == (Span(at("09:30"), at("10:30")), None)
    assert closed.causes == (Cause(ClosedBy.WINDOW_END),)


def test_a_start_too_near_the_end_tells_what_else_closes_it() -> None:
    last = explained(facts(time_off("11:45", "13:00")))[-1]

    assert [told(cause) for cause in last.causes] == ["WINDOW_END", "TIME_OFF"]


def test_the_end_of_a_window_is_no_start_of_it() -> None:
    found = explained(facts(windows=[window("09:00", "10:00")]))

    assert [one.span and one.span.starts_at for one in found] == [at("09:00"), at("09:30")]


PLACES = [window("09:00", "12:00"), window("10:00", "12:00", SHORE)]


def test_a_start_that_two_places_offer_is_explained_where_it_is_listed() -> None:
    day = facts(booking("09:00", "09:55", at_location=SHORE), windows=PLACES, travel=10)

    found = {one.span.starts_at: one for one in explained(day) if one.span}

    assert (found[at("10:00")].location_id, found[at("10:00")].causes) == (SHORE, ())
    assert (found[at("10:30")].location_id, found[at("10:30")].causes) == (HOME, ())
    assert (found[at("09:30")].location_id, found[at("09:30")].is_free) == (HOME, False)


def test_a_start_that_fits_only_the_second_place_is_explained_there() -> None:
    windows = [window("09:00", "12:00"), window("10:00", "13:00", SHORE)]

    found = {one.span.starts_at: one for one in explained(facts(windows=windows)) if one.span}

    assert (found[at("11:30")].location_id, found[at("11:30")].causes) == (SHORE, ())
    assert (found[at("12:30")].location_id, found[at("12:30")].slot) == (SHORE, None)


def test_a_start_that_fits_neither_place_is_explained_at_the_first() -> None:
    last = explained(facts(windows=PLACES))[-1]

    assert (last.location_id, last.slot) == (HOME, None)


def weeks(**hours_on: tuple[int, int]) -> Hours:
    """Hours at home on weekdays, in hours of the day."""
    weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    weekly = tuple(
        WeeklyHours(weekdays.index(on) + 1, 60 * first, 60 * last, HOME) for on, (first, last) in hours_on.items()
    )
    return Hours(weekly, {}, frozenset(), {HOME: NEW_YORK, SHORE: NEW_YORK})


OPEN = weeks(wed=(9, 12))
CLOSED_DAYS = {
    "the week has no hours on that day": (weeks(tue=(9, 12)), ClosedBy.NO_HOURS),
    "the week has none at all": (weeks(), ClosedBy.NO_HOURS),
    "its own hours are none": (replace(OPEN, overrides={WED: Override(HOME)}), ClosedBy.DAY_OFF),
    "its own hours are none, where the week has none either": (
        replace(weeks(), overrides={WED: Override(HOME)}),
        ClosedBy.DAY_OFF,
    ),
    "the place is closed": (replace(OPEN, closures=frozenset({(HOME, WED)})), ClosedBy.CLOSURE),
    "the place of its own hours is closed": (
        replace(OPEN, overrides={WED: Override(SHORE, ((540, 720),))}, closures=frozenset({(SHORE, WED)})),
        ClosedBy.CLOSURE,
    ),
    "a place is closed where nobody works that day": (
        replace(weeks(tue=(9, 12)), closures=frozenset({(HOME, WED)})),
        ClosedBy.NO_HOURS,
    ),
    "a day off at a closed place is a day off": (
        replace(OPEN, overrides={WED: Override(HOME)}, closures=frozenset({(HOME, WED)})),
        ClosedBy.DAY_OFF,
    ),
}


@pytest.mark.parametrize(("week", "expected"), [pytest.param(*case, id=said) for said, case in CLOSED_DAYS.items()])
def test_a_day_without_hours_tells_why(week: Hours, expected: ClosedBy) -> None:
    assert hours.day_windows(week, WED) == ()
    day = replace(facts(windows=[]), why_closed=hours.why_closed(week, WED))

    assert explained(day) == [Explained(None, None, None, (Cause(expected),))]


def test_hours_too_short_for_a_start_of_that_day_are_no_hours() -> None:
    tail = facts(windows=[window("2024-06-11 22:10", "00:05")])

    assert explained(tail) == [Explained(None, None, None, (Cause(ClosedBy.NO_HOURS),))]


def test_a_service_that_is_not_offered_tells_so() -> None:
    found = explain.day(facts(), "another service", at("08:00"))

    assert found == [Explained(None, None, None, (Cause(ClosedBy.NOT_OFFERED),))]


MINE = booking("10:00", "11:00", before=5, after=5)._replace(id="mine")


def among(*busy: Busy, service: Terms | None = None, travel: int | None = None) -> DayFacts:
    """The day with the claim in question and other things."""
    named = [one if one.id else one._replace(id=f"other {n}") for n, one in enumerate(busy)]
    return facts(MINE, *named, service=service, travel=travel)


OUTSIDE: dict[str, tuple[DayFacts, list[str]]] = {
    "nothing is in its way": (among(), []),
    "what touches its buffers is not in its way": (among(booking("09:00", "09:55"), time_off("11:05", "12:00")), []),
    "its hours begin later": (replace(among(), windows=(window("10:01", "12:00"),)), ["WINDOW_END"]),
    "its hours end earlier": (replace(among(), windows=(window("09:00", "10:59"),)), ["WINDOW_END"]),
    "it lies between two windows": (
        replace(among(), windows=(window("09:00", "10:30"), window("10:40", "12:00"))),
        ["WINDOW_END"],
    ),
    "it fills its hours": (replace(among(), windows=(window("10:00", "11:00"),)), []),
    "the hours are elsewhere now": (replace(among(), windows=(window("09:00", "12:00", SHORE),)), ["NO_HOURS"]),
    "the week has no such day any more": (replace(among(), windows=(), why_closed=ClosedBy.NO_HOURS), ["NO_HOURS"]),
    "the day is taken off": (replace(among(), windows=(), why_closed=ClosedBy.DAY_OFF), ["DAY_OFF"]),
    "the place is closed": (replace(among(), windows=(), why_closed=ClosedBy.CLOSURE), ["CLOSURE"]),
    "a break is in its way": (among(taken(ClosedBy.BREAK, "10:30", "10:40")), ["BREAK"]),
    "time off is in its way": (among(time_off("08:00", "10:01")), ["TIME_OFF"]),
    "time off is in its buffer's way": (among(time_off("11:04", "12:00")), ["TIME_OFF"]),
    "an external appointment is in its way": (among(taken(ClosedBy.EXTERNAL, "10:59", "12:00")), ["EXTERNAL"]),
    "another booking is in its way": (among(booking("10:30", "11:30")), ["BOOKING by TIME"]),
    "another's buffer is in its way": (among(booking("11:15", "12:00", before=15)), ["BOOKING by BUFFER"]),
    "its own buffer is in the way of another": (among(booking("11:04", "12:00")), ["BOOKING by BUFFER"]),
    "the way to another place is too far": (
        among(booking("11:20", "12:00", at_location=SHORE), travel=30),
        ["BOOKING by TRAVEL"],
    ),
    "the way to another place is just short enough": (
        among(booking("11:35", "12:00", at_location=SHORE), travel=30),
        [],
    ),
    "a hold is in its way": (among(hold("10:30", "11:30")), ["HOLD by TIME"]),
    "a hold that has expired is not": (among(hold("10:30", "11:30", expires="08:00")), []),
    "a booking not paid for in time is not": (among(booking("10:30", "11:30")._replace(expires_at=at("08:00"))), []),
    "the service is avoided then": (
        replace(among(), preferences=Preferences(avoided={"cut": (Span(at("10:59"), at("12:00")),)})),
        ["AVOIDED"],
    ),
    "another service is avoided then": (
        replace(among(), preferences=Preferences(avoided={"colour": (Span(at("08:00"), at("12:00")),)})),
        [],
    ),
    "it is work for longer than its stylist wishes": (
        replace(among(), preferences=Preferences(run_max=69 * MINUTE)),
        ["LONGEST_RUN"],
    ),
    "it is work for as long as its stylist wishes": (
        replace(among(), preferences=Preferences(run_max=70 * MINUTE)),
        [],
    ),
    "with another it is work for longer than its stylist wishes": (
        replace(among(booking("09:00", "09:50")), preferences=Preferences(run_max=124 * MINUTE)),
        ["LONGEST_RUN"],
    ),
    "with another it is work for as long as its stylist wishes": (
        replace(among(booking("09:00", "09:50")), preferences=Preferences(run_max=125 * MINUTE)),
        [],
    ),
    "it is one too many": (
        replace(among(booking("09:00", "09:30"), hold("11:30", "12:00")), preferences=Preferences(bookings_max=2)),
        ["BOOKINGS_A_DAY"],
    ),
    "it is the last that may be": (
        replace(among(booking("09:00", "09:30"), hold("11:30", "12:00")), preferences=Preferences(bookings_max=3)),
        [],
    ),
    "a calendar is stale, which says nothing of what was sold": (
        replace(among(), stale=StaleSource("google", at("08:00"))),
        [],
    ),
    "the service is no longer offered": (replace(among(), terms={"colour": terms()}), ["NOT_OFFERED"]),
    "the service has become longer, with wider buffers": (among(service=terms(180, before=60, after=60)), []),
    "its start is on no grid of today": (replace(among(), windows=(window("09:07", "12:00"),)), []),
    "it is within the notice": (among(service=terms(notice=600)), []),
    "it is beyond the horizon": (replace(among(), terms={"cut": terms(horizon_days=0)}), []),
    "all that is in its way": (
        among(time_off("09:00", "10:30"), booking("10:30", "11:30")),
        ["TIME_OFF", "BOOKING by TIME"],
    ),
}


@pytest.mark.parametrize(("day", "expected"), [pytest.param(*case, id=said) for said, case in OUTSIDE.items()])
def test_why_a_claim_would_not_be_let_in(day: DayFacts, expected: list[str]) -> None:
    now = at("2024-06-10 08:00") if day.terms == {"cut": terms(horizon_days=0)} else at("08:00")

    found = explain.outside(day, MINE, "cut", now)

    assert [told(cause) for cause in found] == expected


def test_a_claim_after_midnight_is_of_the_night_s_window() -> None:
    night = booking("2024-06-13 00:30", "2024-06-13 01:30")._replace(id="mine")
    day = facts(night, windows=[window("22:00", "2024-06-13 02:00")], day=date(2024, 6, 13))

    assert explain.outside(day, night, "cut", at("08:00")) == ()
    assert explain.outside(replace(day, windows=(window("22:00", "2024-06-13 01:00"),)), night, "cut", at("08:00")) == (
        Cause(ClosedBy.WINDOW_END),
    )


def assert_explained_as_listed(salon: Salon, now: datetime) -> None:
    """Fails unless the day's explanation and its list tell one story."""
    day = salon.facts()

    listed, found = slots.day_slots(day, "cut", now).slots, explain.day(day, "cut", now)

    told_of = [one.span for one in found]
    assert told_of == [None] or told_of == sorted({span for span in told_of if span})
    assert tuple(one.slot for one in found if one.slot) == listed
    for one in found:
        assert one.is_free is (one.slot is not None and one.slot.status is SlotStatus.AVAILABLE), one
        if one.slot and one.span:
            assert (one.span, one.location_id) == (Span(one.slot.starts_at, one.slot.ends_at), one.slot.location_id)
            assert one.slot.claimed is any(cause.by in explain.CLAIMS for cause in one.causes)
            assert_shown_as(one.slot.status, one.causes)
        elif one.span:
            assert one.causes[0] == Cause(ClosedBy.WINDOW_END)


def assert_shown_as(status: SlotStatus, found: Iterable[Cause]) -> None:
    """Fails unless a start is booked, or held, for what is on its very time."""
    on_it = {cause.by for cause in found if cause.through is Through.TIME}
    assert (status is SlotStatus.BOOKED) is (ClosedBy.BOOKING in on_it)
    assert (status is SlotStatus.HELD) is (on_it == {ClosedBy.HOLD})


@PROFILE
@given(salons())
def test_a_start_is_free_exactly_when_nothing_is_told_of_it(drawn: tuple[Salon, datetime]) -> None:
    assert_explained_as_listed(*drawn)


@PROFILE
@given(wishful_salons())
def test_a_start_is_free_exactly_when_no_wish_is_told_of_it(drawn: tuple[Salon, datetime]) -> None:
    assert_explained_as_listed(*drawn)


@PROFILE
@given(salons() | wishful_salons())
def test_what_is_free_would_be_let_in_and_what_is_closed_would_not(drawn: tuple[Salon, datetime]) -> None:
    salon, now = drawn
    day = salon.facts()
    for one in explain.day(day, "cut", now):
        if one.span and one.slot and one.location_id:
            needed = one.span.starts_at - salon.terms.buffer_before, one.span.ends_at + salon.terms.buffer_after
            claim = Busy(ClosedBy.BOOKING, *one.span, *needed, one.location_id, id="new")

            found = explain.outside(day, claim, "cut", now)

            assert found == tuple(cause for cause in one.causes if cause.by not in explain.OF_NOW)
