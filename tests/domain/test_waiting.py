"""Whether a start is what somebody waits for, and which of several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain import waiting
from domain.model import Customer, Slot, SlotStatus
from domain.waiting import Waiting, WaitStatus, Wish

KATHMANDU = ZoneInfo("Asia/Kathmandu")
WISH = Wish("cut", (), date(2026, 12, 15), date(2026, 12, 16))
NINE = datetime(2026, 12, 15, 9, tzinfo=KATHMANDU).astimezone(UTC)
ENTRY = Waiting("one", "session:cleo", WISH, Customer("c", "Cleo", None, None), WaitStatus.WAITING, NINE)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, minute, tzinfo=KATHMANDU).astimezone(UTC)


def slot(starts_at: datetime) -> tuple[Slot, ZoneInfo]:
    return Slot(starts_at, starts_at + timedelta(minutes=30), "here", SlotStatus.AVAILABLE, 1, False, None), KATHMANDU


@pytest.mark.parametrize(
    ("times", "starts_at", "fits"),
    [
        pytest.param((), at(15, 0), True, id="the first minute of the first date"),
        pytest.param((), at(14, 23, 59), False, id="the minute before it, which is the same date in UTC"),
        pytest.param((), at(16, 23, 59), True, id="the last minute of the last date"),
        pytest.param((), at(17, 0), False, id="the minute after it"),
        pytest.param(((540, 720),), at(15, 9), True, id="from is in"),
        pytest.param(((540, 720),), at(15, 12), False, id="to is out"),
        pytest.param(((0, 60), (540, 720)), at(15, 11, 59), True, id="in the second span"),
        pytest.param(((1380, 1440),), at(15, 23, 30), True, id="until midnight"),
    ],
)
def test_dates_and_times_are_the_place_s(times: tuple[tuple[int, int], ...], starts_at: datetime, fits: bool) -> None:
    assert waiting.fits(replace(WISH, times=times), starts_at, KATHMANDU) is fits


def test_the_start_that_was_left_is_preferred_to_an_earlier_one() -> None:
    found = waiting.chosen(ENTRY, [slot(at(15, 9)), slot(at(15, 10))], at(15, 10))

    assert found == slot(at(15, 10))[0]


def test_else_the_earliest_that_fits_and_was_not_let_pass() -> None:
    entry = replace(ENTRY, passed=frozenset({at(15, 9)}))

    found = waiting.chosen(entry, [slot(at(14, 9)), slot(at(15, 9)), slot(at(15, 11)), slot(at(15, 10))], at(15, 9))

    assert found == slot(at(15, 10))[0]


def test_nothing_is_chosen_where_nothing_fits() -> None:
    assert waiting.chosen(ENTRY, [slot(at(17, 9))], at(17, 9)) is None
