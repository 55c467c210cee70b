"""The write's question: is this start offered, and if not, why? The same answer as the list's, for every start of a day.

The day is 2024-06-12 in New York: hours from 09:00 to 12:00, a service of an hour every half hour, asked for at 06:00.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import offer, slots
from domain.errors import NotOfferedReason, SlotNotOffered, SlotTaken
from domain.model import Busy, ClosedBy, DayFacts, SlotStatus, Terms, Window

HOME, SHORE = "home", "shore"
NEW_YORK, KATHMANDU = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")
WED = date(2024, 6, 12)
MINUTE = timedelta(minutes=1)
STARTS = ["09:00", "09:30", "10:00", "10:30", "11:00"]


def at(text: str, *, zone: ZoneInfo = NEW_YORK) -> datetime:
    """ "09:00" of the day, or "2024-06-13 09:00", on a wall, as an instant."""
    stamp = text if " " in text else f"{WED} {text}"
    return datetime.fromisoformat(stamp).replace(tzinfo=zone).astimezone(UTC)


NOW = at("06:00")
TERMS = Terms(
    "cut",
    duration=60 * MINUTE,
    interval=30 * MINUTE,
    buffer_before=0 * MINUTE,
    buffer_after=0 * MINUTE,
    min_notice=0 * MINUTE,
    horizon_days=60,
    price_cents=5_000,
)


def taken(
    kind: ClosedBy, starts: str, ends: str, *, buffer: int = 0, claim: str | None = None, expires: str | None = None
) -> Busy:
    """Something in the way, with buffers on both sides in minutes."""
    return Busy(
        kind,
        at(starts),
        at(ends),
        at(starts) - buffer * MINUTE,
        at(ends) + buffer * MINUTE,
        location_id=HOME if claim else None,
        holder="session:cleo" if kind is ClosedBy.HOLD else None,
        expires_at=at(expires) if expires else None,
        id=claim,
    )


def booking(starts: str, ends: str, *, buffer: int = 0, claim: str = "b1") -> Busy:
    return taken(ClosedBy.BOOKING, starts, ends, buffer=buffer, claim=claim)


def hold(starts: str, ends: str, *, expires: str = "06:10", claim: str = "h1") -> Busy:
    return taken(ClosedBy.HOLD, starts, ends, claim=claim, expires=expires)


def day(
    *busy: Busy, windows: Iterable[tuple[str, str]] = (("09:00", "12:00"),), terms: Terms | None = TERMS
) -> DayFacts:
    """The day's facts; a service that is not offered has no terms."""
    return DayFacts(
        stylist_id="ana",
        day=WED,
        zones={HOME: NEW_YORK},
        windows=tuple(Window(at(starts), at(ends), HOME) for starts, ends in windows),
        busy=busy,
        travel={},
        terms={"cut": terms} if terms else {},
        price_rules=(),
    )


def asked(start: str, *days: DayFacts, now: datetime = NOW) -> SlotStatus | NotOfferedReason | str:
    """`offered`, or how the refusal calls it."""
    try:
        slot, terms = offer.offered(days or (day(),), "cut", at(start), now=now, zone=NEW_YORK)
    except SlotTaken as refusal:
        return refusal.slot_status
    except SlotNotOffered as refusal:
        return refusal.reason
    assert (slot.starts_at, slot.ends_at, slot.status) == (at(start), at(start) + terms.duration, SlotStatus.AVAILABLE)
    return "offered"


TAKEN, HELD, HIDDEN = SlotStatus.BOOKED, SlotStatus.HELD, SlotStatus.UNAVAILABLE
OUTSIDE, OFF_GRID = NotOfferedReason.OUTSIDE_WORKING_HOURS, NotOfferedReason.OFF_GRID
TOO_SOON, BEYOND = NotOfferedReason.TOO_SOON, NotOfferedReason.BEYOND_HORIZON
UNAVAILABLE, NOT_OFFERED = NotOfferedReason.UNAVAILABLE, NotOfferedReason.SERVICE_NOT_OFFERED
NOTICE = replace(TERMS, min_notice=180 * MINUTE)
TODAY_ONLY = replace(TERMS, horizon_days=0)
BREAK = taken(ClosedBy.BREAK, "10:00", "10:15")


def test_a_free_start_is_offered_with_its_price_and_the_service_s_terms() -> None:
    slot, terms = offer.offered([day()], "cut", at("09:30"), now=NOW, zone=NEW_YORK)

    assert (slot.starts_at, slot.ends_at, slot.location_id, slot.price_cents) == (at("09:30"), at("10:30"), HOME, 5_000)
    assert terms is TERMS


@pytest.mark.parametrize(
    "start, facts, says",
    [
        pytest.param("09:00", day(), "offered", id="the first start"),
        pytest.param("11:00", day(), "offered", id="the last that fits"),
        pytest.param("11:30", day(), OUTSIDE, id="on the grid, but it does not fit"),
        pytest.param("12:00", day(), OUTSIDE, id="at the end of the hours"),
        pytest.param("08:30", day(), OUTSIDE, id="before the hours"),
        pytest.param("09:00", day(windows=()), OUTSIDE, id="on a day off"),
        pytest.param("09:10", day(), OFF_GRID, id="between two starts"),
        pytest.param("11:10", day(), OUTSIDE, id="between two starts, and it does not fit"),
        pytest.param("09:10", day(windows=[("09:10", "12:00")]), "offered", id="on a grid that begins with the hours"),
        pytest.param("10:00", day(windows=[("09:00", "10:30"), ("11:00", "12:00")]), OUTSIDE, id="across a gap"),
        pytest.param("11:00", day(windows=[("09:00", "10:30"), ("11:00", "12:00")]), "offered", id="after a gap"),
        pytest.param("09:00", day(terms=None), NOT_OFFERED, id="a service not offered"),
        pytest.param("05:30", day(terms=None), NOT_OFFERED, id="a service not offered, in the past"),
        pytest.param("09:00", day(terms=NOTICE), "offered", id="with just the notice asked for"),
        pytest.param("09:00", day(terms=replace(NOTICE, min_notice=181 * MINUTE)), TOO_SOON, id="a minute too soon"),
        pytest.param("05:59", day(), TOO_SOON, id="in the past, outside the hours"),
        pytest.param("2020-01-01 09:00", day(), TOO_SOON, id="years ago"),
        pytest.param("09:00", day(terms=TODAY_ONLY), "offered", id="on the horizon's last day"),
        pytest.param("2024-06-13 00:00", day(terms=TODAY_ONLY), BEYOND, id="the day after, where there are no hours"),
        pytest.param(
            "2024-06-12 23:59", day(terms=TODAY_ONLY), OUTSIDE, id="the horizon's last minute, outside the hours"
        ),
        pytest.param("09:00", day(booking("09:00", "10:00")), TAKEN, id="booked"),
        pytest.param("09:30", day(booking("09:00", "10:00")), TAKEN, id="running out of a booking"),
        pytest.param("10:00", day(booking("09:00", "10:00")), "offered", id="where a booking ends"),
        pytest.param("10:00", day(booking("09:00", "10:00", buffer=5)), HIDDEN, id="in a booking's buffer"),
        pytest.param("09:00", day(hold("09:00", "10:00")), HELD, id="held"),
        pytest.param(
            "09:00", day(hold("09:00", "10:00", expires="06:00")), "offered", id="held until this very instant"
        ),
        pytest.param("09:00", day(hold("09:00", "09:30"), booking("09:30", "10:00")), TAKEN, id="held and booked"),
        pytest.param("09:30", day(BREAK), UNAVAILABLE, id="running into a break"),
        pytest.param("09:30", day(BREAK, booking("10:15", "10:30")), TAKEN, id="running into a break and a booking"),
        pytest.param("09:30", day(taken(ClosedBy.TIME_OFF, "09:00", "09:31")), UNAVAILABLE, id="in time off"),
        pytest.param("09:30", day(taken(ClosedBy.EXTERNAL, "10:29", "11:00")), UNAVAILABLE, id="in external busy time"),
        pytest.param("05:00", day(booking("05:00", "06:00")), TOO_SOON, id="booked and past"),
        pytest.param("09:10", day(booking("09:00", "10:00")), OFF_GRID, id="booked and off the grid"),
    ],
)
def test_a_start_is_offered_or_refused_for_its_first_reason(start: str, facts: DayFacts, says: str) -> None:
    assert asked(start, facts) == says


@pytest.mark.parametrize(
    "start, says",
    [
        pytest.param("09:00", BEYOND, id="on the grid"),
        pytest.param("09:10", BEYOND, id="off the grid"),
        pytest.param("08:00", BEYOND, id="outside the hours"),
        pytest.param("10:00", BEYOND, id="booked"),
        pytest.param("11:00", BEYOND, id="in a break"),
    ],
)
def test_beyond_the_horizon_that_is_the_reason(start: str, says: str) -> None:
    facts = day(booking("10:00", "10:30"), taken(ClosedBy.BREAK, "11:00", "11:30"), terms=TODAY_ONLY)

    assert asked(start, facts, now=at("2024-06-11 23:59")) == says


@pytest.mark.parametrize("now, says", [("00:00", "offered"), ("2024-06-11 23:59", BEYOND)])
def test_the_horizon_counts_days_where_the_start_is_and_not_where_the_stylist_lives(now: str, says: str) -> None:
    facts = day(terms=TODAY_ONLY)

    try:
        offer.offered([facts], "cut", at("09:00"), now=at(now), zone=KATHMANDU)
        found = "offered"
    except SlotNotOffered as refusal:
        found = refusal.reason

    assert found == says


def shore(*busy: Busy) -> DayFacts:
    """The same hours at another place, by another clock: a day of its own."""
    return replace(day(*busy), zones={SHORE: KATHMANDU}, windows=(Window(at("09:00"), at("12:00"), SHORE),))


def test_of_two_days_at_once_the_second_is_looked_at_too() -> None:
    late = replace(shore(), windows=(Window(at("13:00"), at("14:00"), SHORE),))

    assert asked("13:00", day(), late) == "offered"


@pytest.mark.parametrize("turned", [False, True])
def test_a_start_that_two_days_have_is_offered_where_it_is_free(turned: bool) -> None:
    both = [day(BREAK), shore()]

    slot, _ = offer.offered(both[::-1] if turned else both, "cut", at("09:30"), now=NOW, zone=NEW_YORK)

    assert slot.location_id == SHORE


def test_without_any_day_nothing_is_offered() -> None:
    with pytest.raises(SlotNotOffered) as refused:
        offer.offered([], "cut", at("09:00"), now=NOW, zone=NEW_YORK)

    assert refused.value.reason is NOT_OFFERED


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(day(), id="a free day"),
        pytest.param(day(booking("09:30", "10:00")), id="a booking"),
        pytest.param(day(hold("10:00", "10:30")), id="a hold"),
        pytest.param(day(hold("10:00", "10:30", expires="05:00")), id="a hold that expired"),
        pytest.param(day(booking("09:30", "10:00", buffer=45), BREAK), id="buffers and a break"),
        pytest.param(day(terms=replace(TERMS, min_notice=240 * MINUTE)), id="four hours' notice"),
        pytest.param(day(windows=[("09:00", "10:15"), ("10:20", "12:00")]), id="two windows"),
        pytest.param(day(windows=()), id="a day off"),
        pytest.param(day(terms=None), id="a service not offered"),
    ],
)
def test_what_is_listed_is_offered_and_nothing_else(facts: DayFacts) -> None:
    listed = {
        slot.starts_at for slot in slots.day_slots(facts, "cut", NOW).slots if slot.status is SlotStatus.AVAILABLE
    }
    minutes = [f"{hour:02}:{minute:02}" for hour in range(6, 14) for minute in range(0, 60, 5)]

    assert {at(minute) for minute in minutes if asked(minute, facts) == "offered"} == listed


@pytest.mark.parametrize(
    "own, start, says",
    [
        pytest.param({"h1"}, "09:00", "offered", id="one's own hold is not in one's way"),
        pytest.param({"b1"}, "10:00", "offered", id="nor the booking one moves"),
        pytest.param({"b1"}, "10:30", "offered", id="which may overlap itself"),
        pytest.param({"h1"}, "10:00", TAKEN, id="others are"),
        pytest.param(set(), "09:00", HELD, id="without claims of one's own everything counts"),
        pytest.param({"h1", "b1"}, "11:00", UNAVAILABLE, id="rules always count"),
    ],
)
def test_one_s_own_claims_do_not_count(own: set[str], start: str, says: str) -> None:
    facts = day(hold("09:00", "10:00"), booking("10:00", "11:00"), taken(ClosedBy.BREAK, "11:45", "12:00"))

    assert asked(start, *offer.without([facts], own)) == says


def test_leaving_claims_out_leaves_the_facts_as_they_are() -> None:
    facts = day(hold("09:00", "10:00"), BREAK)

    (left,) = offer.without([facts], {"h1"})

    assert left == replace(facts, busy=(BREAK,))
    assert len(facts.busy) == 2
