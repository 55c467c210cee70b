"""The demo: the same for the same date, a file like any other, and a business that still has free starts."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db import days, directory
from db.imports import Counts
from db.pool import Database
from domain import slots
from domain.model import ClosedBy, DayFacts, SlotStatus
from resolvers import demo, importing, salon_file
from resolvers.salon_file import SalonFile

TODAY = date(2026, 11, 21)
LENGTHS_MINUTES = range(15, 151)


@pytest.fixture(scope="module")
def salon() -> dict[str, Any]:
    """Made once: it takes seconds."""
    return demo.salon(TODAY)


@pytest.fixture(scope="module")
def parsed(salon: dict[str, Any]) -> SalonFile:
    return salon_file.parse(json.dumps(salon))


def ids(salon: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["id"], one["name"]) for kind in ("locations", "services", "stylists") for one in salon[kind]]


def test_the_same_date_gives_the_same_file(salon: dict[str, Any]) -> None:
    assert demo.salon(TODAY) == salon


def test_another_date_gives_the_same_people_with_other_bookings(salon: dict[str, Any]) -> None:
    other = demo.salon(TODAY + timedelta(40))

    assert ids(other) == ids(salon)
    assert [one["services"] for one in other["stylists"]] == [one["services"] for one in salon["stylists"]]
    assert other["stylists"][0]["bookings"] != salon["stylists"][0]["bookings"]


@pytest.mark.parametrize("today", [date(2028, 2, 29), date(2026, 12, 31), date(2027, 1, 1)], ids=str)
def test_it_is_a_valid_file_on_any_date(today: date) -> None:
    file = demo.without_bookings(today)

    assert salon_file.parse(json.dumps(file)).tenant.slug == demo.SLUG


def test_it_has_everything_that_a_business_can_have(parsed: SalonFile) -> None:
    stylists = parsed.stylists
    zones = {one.name: one.timezone for one in parsed.locations}

    assert zones == {"Thamel": "Asia/Kathmandu", "Patan": "Asia/Kathmandu", "Brooklyn": "America/New_York"}
    assert len(stylists) == len({one.name for one in stylists}) == 50
    assert {len(one.services) for one in stylists} == {2, 3, 4, 5}
    assert all(one.duration_minutes in LENGTHS_MINUTES for one in parsed.services)
    assert any(offering.price_cents is None for one in stylists for offering in one.services)
    assert any(offering.price_cents is not None for one in stylists for offering in one.services)
    assert any(ends > 1440 for one in stylists for hours in one.hours for _, ends in hours.windows)
    assert any(hours.from_ and hours.until for one in stylists for hours in one.hours)
    assert any(hours.location not in (None, one.location) for one in stylists for hours in one.hours)
    assert all(one.time_off and one.overrides for one in stylists)
    assert any(one.busy for one in stylists)
    assert parsed.travel
    assert parsed.price_rules
    assert all(one.closures for one in parsed.locations)


def test_bookings_span_a_year_and_are_densest_around_today(parsed: SalonFile) -> None:
    starts = [booking.start_utc.date() for one in parsed.stylists for booking in one.bookings]
    near = sum(abs(start - TODAY) <= timedelta(30) for start in starts)
    far = sum(abs(start - TODAY) > timedelta(150) for start in starts)

    assert 30_000 <= len(starts) <= 50_000
    assert min(starts) < TODAY - timedelta(175)
    assert max(starts) > TODAY + timedelta(175)
    assert near > 1.5 * far


async def test_its_bookings_fit_and_leave_room(database: Database, salon: dict[str, Any], parsed: SalonFile) -> None:
    summary = await importing.import_salon(database, parsed, lambda *_: None)
    facts = await _two_weeks(database, summary.tenant_id)
    working = [one for one in facts if one.windows]
    roomy = [one for one in working if any(_free(one, service_id) for service_id in one.terms)]

    assert summary.counts["bookings"] == Counts(added=sum(len(one["bookings"]) for one in salon["stylists"]))
    assert len(roomy) > 0.9 * len(working)
    assert sum(map(_claims, facts)) > len(working)


async def test_its_bookings_are_such_as_could_be_booked(database: Database, parsed: SalonFile) -> None:
    alone = [one.model_copy(update={"bookings": []}) for one in parsed.stylists]
    summary = await importing.import_salon(database, parsed.model_copy(update={"stylists": alone}), lambda *_: None)
    free = {
        (one.stylist_id, service_id, starts_at)
        for one in await _two_weeks(database, summary.tenant_id)
        for service_id in one.terms
        for starts_at in _free(one, service_id)
    }

    booked = {
        (one.id, booking.service, booking.start_utc)
        for one in parsed.stylists
        for booking in one.bookings
        if TODAY < booking.start_utc.date() < TODAY + timedelta(12)
    }
    assert len(booked) > 1000
    assert booked <= free


async def _two_weeks(database: Database, tenant_id: str) -> list[DayFacts]:
    """Every stylist's days from yesterday on."""
    async with database.connection() as connection:
        found = await directory.load(connection, tenant_id)
        assert found is not None
        wanted = [(stylist_id, TODAY + timedelta(n)) for stylist_id in found[2].stylists for n in range(-1, 14)]
        _, loaded = await days.load(connection, tenant_id, wanted)
    return [facts for _, facts in loaded.values()]


def _free(facts: DayFacts, service_id: str) -> list[datetime]:
    """Starts that were free to somebody who asked three days before."""
    asked_at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) - timedelta(3)
    found = slots.day_slots(facts, service_id, asked_at).slots
    return [one.starts_at for one in found if one.status is SlotStatus.AVAILABLE]


def _claims(facts: DayFacts) -> int:
    return sum(one.kind is ClosedBy.BOOKING for one in facts.busy)
