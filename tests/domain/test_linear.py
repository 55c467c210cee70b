"""The slot function takes time in proportion to what it is given: starts + busy spans, never their product.

Measured is the processor's time, the least of several runs, so that other work on the machine does not count; the bounds
lie halfway between what is linear and what is not.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from time import process_time
from zoneinfo import ZoneInfo

from domain import slots
from domain.model import Busy, ClosedBy, DayFacts, Terms, Window

MIDNIGHT = datetime(2024, 6, 12, tzinfo=UTC)
DAY, MINUTE, ZERO = timedelta(days=1), timedelta(minutes=1), timedelta(0)
RUNS = 7


def day(*, interval: timedelta, busy: tuple[Busy, ...]) -> DayFacts:
    """A day open round the clock for a service of five minutes."""
    return DayFacts(
        stylist_id="stylist",
        day=date(2024, 6, 12),
        zones={"home": ZoneInfo("UTC")},
        windows=(Window(MIDNIGHT, MIDNIGHT + 2 * DAY, "home"),),
        busy=busy,
        travel={},
        terms={"cut": Terms("cut", 5 * MINUTE, interval, ZERO, ZERO, ZERO, 60, 5_000)},
        price_rules=(),
    )


def neighbours(count: int) -> tuple[Busy, ...]:
    """So many bookings, holds and external spans, one after the other over the day."""
    kinds = [ClosedBy.BOOKING, ClosedBy.HOLD, ClosedBy.EXTERNAL]
    length = DAY / count
    return tuple(busy(kinds[i % 3], MIDNIGHT + i * length, MIDNIGHT + (i + 1) * length) for i in range(count))


def whole_days(count: int) -> tuple[Busy, ...]:
    """So many spans that each close every start of the day."""
    return tuple(busy(ClosedBy.EXTERNAL, MIDNIGHT - i * MINUTE, MIDNIGHT + DAY) for i in range(count))


def busy(kind: ClosedBy, starts_at: datetime, ends_at: datetime) -> Busy:
    """A span without buffers; a hold is live for a day."""
    expires_at = MIDNIGHT + DAY if kind is ClosedBy.HOLD else None
    return Busy(kind, starts_at, ends_at, starts_at, ends_at, "home", None, expires_at)


@contextmanager
def without_collections() -> Iterator[None]:
    """Keeps the garbage collector, whose work depends on everything else, out of what is timed."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def least_seconds(facts: DayFacts) -> float:
    """What the quickest of several runs takes of the processor."""

    def seconds() -> float:
        began = process_time()
        slots.day_slots(facts, "cut", MIDNIGHT)
        return process_time() - began

    with without_collections():
        return min(seconds() for _ in range(RUNS))


def test_four_times_the_busy_spans_take_four_times_as_long() -> None:
    few = day(interval=30 * MINUTE, busy=neighbours(1_000))
    many = day(interval=30 * MINUTE, busy=neighbours(4_000))

    ratio = least_seconds(many) / least_seconds(few)

    assert ratio < 8


def test_starts_and_busy_spans_add_up_and_do_not_multiply() -> None:
    few = day(interval=4 * MINUTE, busy=whole_days(500))
    many = day(interval=1 * MINUTE, busy=whole_days(2_000))

    ratio = least_seconds(many) / least_seconds(few)

    assert ratio < 8


def test_bookings_elsewhere_in_time_cost_no_starts() -> None:
    day_of_starts = day(interval=MINUTE, busy=())
    years = tuple(busy(ClosedBy.BOOKING, MIDNIGHT + i * DAY, MIDNIGHT + i * DAY + 5 * MINUTE) for i in range(2, 1_002))

    ratio = least_seconds(day(interval=MINUTE, busy=years)) / least_seconds(day_of_starts)

    assert ratio < 8
