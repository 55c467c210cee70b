"""R13: percentage rules by season, weekday and local start time, in order, with one half-up rounding at the end.

2024-06-12 is a Wednesday.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain import prices
from domain.prices import PriceRule

TUE, WED, THU = (date(2024, 6, day) for day in (11, 12, 13))
PLUS_20, MINUS_50, NOON, NINE, TEN_AT_NIGHT, TWO = 2_000, -5_000, 12 * 60, 9 * 60, 22 * 60, 2 * 60


def rule(
    basis_points: int = PLUS_20,
    *,
    name: str = "rule",
    service_id: str | None = None,
    weekdays: tuple[int, ...] = (),
    from_minute: int | None = None,
    to_minute: int | None = None,
    from_on: date | None = None,
    until_on: date | None = None,
) -> PriceRule:
    """A rule, +20 % unless it says otherwise."""
    return PriceRule(name, basis_points, service_id, frozenset(weekdays), from_minute, to_minute, from_on, until_on)


@pytest.mark.parametrize(
    ("base_cents", "percentages", "expected"),
    [
        pytest.param(10_000, [], 10_000, id="without rules the price is the base"),
        pytest.param(10_000, [PLUS_20], 12_000, id="a rule adds its percentage"),
        pytest.param(10_000, [-1_250], 8_750, id="a negative rule takes off"),
        pytest.param(10_000, [1], 10_001, id="a basis point is a hundredth of a percent"),
        pytest.param(10_000, [1_000, 1_000], 12_100, id="percentages compound"),
        pytest.param(10_000, [PLUS_20, MINUS_50], 6_000, id="percentages compound down too"),
        pytest.param(53, [MINUS_50], 27, id="a half is rounded up from an even number"),
        pytest.param(55, [MINUS_50], 28, id="a half is rounded up from an odd number"),
        pytest.param(104, [-4_950], 53, id="more than a half is rounded up"),
        pytest.param(10, [400], 10, id="less than a half is rounded down"),
        pytest.param(5, [1_000, 1_000], 6, id="only the end is rounded, not each step"),
        pytest.param(3, [-5_000, -5_000, 30_000], 3, id="nothing is lost before the end"),
        pytest.param(10_000, [-10_000], 0, id="all of it taken off is free"),
        pytest.param(0, [PLUS_20], 0, id="free stays free"),
        pytest.param(2_000_000_000, [100_000, 100_000], 242_000_000_000, id="large prices are exact"),
    ],
)
def test_percentages(base_cents: int, percentages: list[int], expected: int) -> None:
    rules = [rule(basis_points) for basis_points in percentages]

    found = prices.quote(base_cents, rules, datetime(2024, 6, 12, 9, tzinfo=UTC))

    assert found == expected


@pytest.mark.parametrize(
    ("given", "starts", "applies"),
    [
        pytest.param(rule(), "06-12 09:00", True, id="a rule without conditions always applies"),
        pytest.param(rule(weekdays=(3,)), "06-12 09:00", True, id="a weekday applies on that day"),
        pytest.param(rule(weekdays=(3,)), "06-13 09:00", False, id="a weekday does not apply on another"),
        pytest.param(rule(weekdays=(6, 7)), "06-16 09:00", True, id="Sunday is the seventh day"),
        pytest.param(rule(from_minute=NINE, to_minute=NOON), "06-12 08:59", False, id="a minute before from"),
        pytest.param(rule(from_minute=NINE, to_minute=NOON), "06-12 09:00", True, id="from is inclusive"),
        pytest.param(rule(from_minute=NINE, to_minute=NOON), "06-12 11:59", True, id="a minute before to"),
        pytest.param(rule(from_minute=NINE, to_minute=NOON), "06-12 12:00", False, id="to is exclusive"),
        pytest.param(rule(from_minute=NINE), "06-12 23:59", True, id="from alone lasts until midnight"),
        pytest.param(rule(from_minute=NINE), "06-12 08:59", False, id="from alone does not begin earlier"),
        pytest.param(rule(to_minute=NINE), "06-12 00:00", True, id="to alone begins at midnight"),
        pytest.param(rule(to_minute=NINE), "06-12 09:00", False, id="to alone is exclusive"),
        pytest.param(rule(from_minute=NINE, to_minute=1440), "06-12 23:59", True, id="to may be 24:00"),
        pytest.param(
            rule(from_minute=TEN_AT_NIGHT, to_minute=TWO), "06-12 22:00", True, id="over midnight, the evening"
        ),
        pytest.param(
            rule(from_minute=TEN_AT_NIGHT, to_minute=TWO), "06-12 01:59", True, id="over midnight, the morning"
        ),
        pytest.param(
            rule(from_minute=TEN_AT_NIGHT, to_minute=TWO), "06-12 02:00", False, id="over midnight, to is exclusive"
        ),
        pytest.param(
            rule(from_minute=TEN_AT_NIGHT, to_minute=TWO), "06-12 21:59", False, id="over midnight, not by day"
        ),
        pytest.param(
            rule(from_minute=TEN_AT_NIGHT, to_minute=0), "06-12 23:59", True, id="to 00:00 is the end of the day"
        ),
        pytest.param(rule(from_minute=TEN_AT_NIGHT, to_minute=0), "06-12 00:00", False, id="to 00:00 is exclusive"),
        pytest.param(rule(from_minute=NINE, to_minute=NINE), "06-12 09:00", False, id="to at from is empty"),
        pytest.param(
            rule(weekdays=(3,), from_minute=TEN_AT_NIGHT, to_minute=TWO),
            "06-13 01:00",
            False,
            id="after midnight the weekday is that of the start",
        ),
        pytest.param(rule(from_on=WED), "06-12 00:00", True, id="a season's first day is in"),
        pytest.param(rule(from_on=WED), "06-11 23:59", False, id="the day before a season is not"),
        pytest.param(rule(until_on=WED), "06-12 23:59", True, id="a season's last day is in"),
        pytest.param(rule(until_on=WED), "06-13 00:00", False, id="the day after a season is not"),
        pytest.param(rule(from_on=WED, until_on=WED), "06-12 09:00", True, id="a season may be a day"),
        pytest.param(
            rule(weekdays=(3,), from_on=THU), "06-12 09:00", False, id="every condition must hold: the season"
        ),
        pytest.param(
            rule(weekdays=(4,), from_on=TUE), "06-12 09:00", False, id="every condition must hold: the weekday"
        ),
        pytest.param(
            rule(weekdays=(3,), to_minute=NINE), "06-12 09:00", False, id="every condition must hold: the time"
        ),
    ],
)
def test_conditions(given: PriceRule, starts: str, applies: bool) -> None:
    starts_local = datetime.fromisoformat(f"2024-{starts}")

    found = prices.quote(10_000, [given], starts_local)

    assert found == (12_000 if applies else 10_000)


def test_conditions_look_at_the_clock_on_the_wall() -> None:
    new_york = ZoneInfo("America/New_York")
    late = rule(from_minute=TEN_AT_NIGHT, weekdays=(3,))
    starts_local = datetime(2024, 6, 13, 3, tzinfo=UTC).astimezone(new_york)

    found = prices.quote(10_000, [late], starts_local)

    assert found == 12_000


def test_rules_that_do_not_apply_leave_the_others() -> None:
    rules = [rule(MINUS_50, weekdays=(4,)), rule(PLUS_20), rule(MINUS_50, from_on=THU)]

    found = prices.quote(10_000, rules, datetime(2024, 6, 12, 9, tzinfo=UTC))

    assert found == 12_000


def test_a_trace_names_the_rules_that_applied_in_order() -> None:
    first, other, last = rule(name="first"), rule(name="other", weekdays=(4,)), rule(MINUS_50, name="last")

    found = prices.trace(10_000, [first, other, last], datetime(2024, 6, 12, 9, tzinfo=UTC))

    assert found == (6_000, (first, last))


def test_a_service_has_its_own_rules_and_the_general_ones_in_their_order() -> None:
    own, general, others = rule(service_id="cut"), rule(name="general"), rule(service_id="colour")

    found = prices.for_service([general, others, own], "cut")

    assert found == (general, own)
