"""How much of a stylist's working time is sold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import utilisation
from domain.model import Busy, ClosedBy, DayFacts, Span, Window

DAY = date(2030, 1, 16)
MIDNIGHT = datetime(2030, 1, 16, tzinfo=UTC)
WHOLE = Span(MIDNIGHT, MIDNIGHT + timedelta(days=1))


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def busy(kind: ClosedBy, start: float, end: float, *, expires: float | None = None) -> Busy:
    """Its buffers are a quarter of an hour on both sides."""
    buffer = timedelta(minutes=15)
    return Busy(
        *(kind, at(start), at(end), at(start) - buffer, at(end) + buffer),
        expires_at=None if expires is None else at(expires),
    )


def hours(length: timedelta) -> float:
    return length / timedelta(hours=1)


BOOKING, HOLD, BREAK, OFF = ClosedBy.BOOKING, ClosedBy.HOLD, ClosedBy.BREAK, ClosedBy.TIME_OFF


@pytest.mark.parametrize(
    ("windows", "taken", "expected"),
    [
        pytest.param([(9, 17)], [], (0, 0, 8), id="nothing is booked"),
        pytest.param([(9, 17)], [busy(BOOKING, 9, 11)], (1, 2, 8), id="buffers are not sold"),
        pytest.param([(9, 17)], [busy(BREAK, 12, 13), busy(OFF, 12.5, 14)], (0, 0, 6), id="what overlaps closes once"),
        pytest.param([(9, 17)], [busy(OFF, 16, 20)], (0, 0, 7), id="time off outside hours closes nothing"),
        pytest.param([(9, 17)], [busy(HOLD, 9, 11, expires=24)], (0, 0, 8), id="a hold is not a booking"),
        pytest.param([(9, 17)], [busy(BOOKING, 9, 10, expires=8)], (0, 0, 8), id="not paid in time"),
        pytest.param([(9, 17)], [busy(BOOKING, 9, 10, expires=8.1)], (1, 1, 8), id="still to be paid"),
        pytest.param([(-2, 2), (20, 26)], [busy(BOOKING, -1, 1), busy(BOOKING, 23, 25)], (1, 2, 6), id="over midnight"),
        pytest.param([], [busy(BOOKING, 9, 10)], (1, 1, 0), id="outside hours"),
    ],
)
def test_what_is_open_and_what_is_booked(
    windows: list[tuple[float, float]], taken: list[Busy], expected: tuple[int, float, float]
) -> None:
    facts = DayFacts(
        stylist_id="asha",
        day=DAY,
        zones={"here": ZoneInfo("Etc/UTC")},
        windows=tuple(Window(at(start), at(end), "here") for start, end in windows),
        busy=tuple(taken),
        travel={},
        terms={},
        price_rules=(),
    )

    found = utilisation.of(facts, WHOLE, at(8))

    assert (found.bookings, hours(found.booked), hours(found.open)) == expected
    assert found.share == (expected[1] / expected[2] if expected[2] else None)
