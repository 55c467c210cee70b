"""How often stylists' dates are asked for: counted as they are read, halved as time passes, bounded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cache.keys import DayKey
from resolvers.budget import BURST_S, SHARE, Budget
from resolvers.demand import HALF_LIFE_S, Demand

DAY = date(2030, 1, 14)


def key(number: int) -> DayKey:
    return DayKey("salon", "ana", DAY + timedelta(number))


class Seconds:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def rest(self, seconds: float) -> None:
        self.now += seconds


class Answered:
    """An answer that is given again."""

    def __init__(self, *keys: DayKey) -> None:
        self.day_keys, self.hits = keys, 0


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


def test_what_was_asked_counts_half_after_a_half_life(seconds: Seconds) -> None:
    demand = Demand(seconds=seconds)
    demand.add([key(1)], 8)

    seconds.now += 3 * HALF_LIFE_S

    assert demand.of(key(1)) == pytest.approx(1.0)
    assert demand.of(key(2)) == 0.0


def test_years_of_it_are_still_numbers(seconds: Seconds) -> None:
    demand = Demand(seconds=seconds)
    for _ in range(200):
        demand.add([key(1)])
        seconds.now += 20 * HALF_LIFE_S
    demand.add([key(1), key(1), key(2)])

    assert demand.of(key(1)) == pytest.approx(2.0, abs=0.01)
    assert demand.of(key(2)) == pytest.approx(1.0, abs=0.01)


def test_it_is_bounded_and_keeps_what_is_asked_for_most(seconds: Seconds) -> None:
    demand = Demand(100, seconds=seconds)
    demand.add([key(-1)], 50)
    for number in range(10_000):
        demand.add([key(number)])

    assert len(demand) <= 100
    assert demand.of(key(-1)) == pytest.approx(50.0)


def test_answers_given_again_are_counted_by_their_hits(seconds: Seconds) -> None:
    demand = Demand(seconds=seconds)
    answer = Answered(key(1), key(2))
    demand.met(answer)
    answer.hits = 5

    demand.count()
    demand.count()

    assert (demand.of(key(1)), demand.of(key(2)), answer.hits) == (5.0, 5.0, 0)


def test_answers_that_wait_to_be_counted_are_bounded(seconds: Seconds) -> None:
    demand = Demand(seconds=seconds)
    large = [Answered(*map(key, range(1_000))) for _ in range(100)]
    for answer in large:
        demand.met(answer)
        answer.hits = 1

    assert len(demand._met) <= 6


def test_what_is_told_is_told_once_the_most_asked_for_first(seconds: Seconds) -> None:
    demand = Demand(seconds=seconds)
    demand.add([key(1)], 2)
    demand.add([key(2)], 3)
    demand.add([key(3)], 1)

    assert demand.untold(2) == [(key(2), 3), (key(1), 2)]
    assert demand.untold(2) == []


async def test_work_takes_a_tenth_of_the_time_at_most(seconds: Seconds) -> None:
    budget = Budget(seconds=seconds, rest=seconds.rest)
    for took in (0.004, 0.2, 0.03, 0.0, 0.01) * 40:
        async with budget.turn():
            seconds.now += took

    assert budget.spent_s == pytest.approx(40 * 0.244)
    assert budget.spent_s <= SHARE * seconds.now + BURST_S + 0.2


async def test_after_a_quiet_time_work_begins_at_once(seconds: Seconds) -> None:
    budget = Budget(seconds=seconds, rest=seconds.rest)
    async with budget.turn():
        seconds.now += 1.0
    seconds.now += 3600
    began = seconds.now
    async with budget.turn():
        pass

    assert seconds.now == began
