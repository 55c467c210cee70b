"""Prices, R13: integer minor units, percentage rules in order, one rounding at the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A percentage by season, weekday and local start time; an absent condition holds always.

    basis_points: hundredths of a percent, 2000 = +20 %, at least -10000. weekdays: ISO, 1 = Monday; empty = all.
    from_minute, to_minute: local start time in [from, to); a `to` before `from` runs over midnight.
    from_on, until_on: local date of the start, both ends in.
    """

    name: str
    basis_points: int
    service_id: str | None = None
    weekdays: frozenset[int] = frozenset()
    from_minute: int | None = None
    to_minute: int | None = None
    from_on: date | None = None
    until_on: date | None = None

    def applies(self, starts_local: datetime) -> bool:
        """Whether the rule's season, weekday and time admit this local start; the service is the caller's to match."""
        if self.weekdays and starts_local.isoweekday() not in self.weekdays:
            return False
        if self.from_on and starts_local.date() < self.from_on:
            return False
        if self.until_on and starts_local.date() > self.until_on:
            return False
        return self._admits_time(starts_local.hour * 60 + starts_local.minute)

    def _admits_time(self, minute: int) -> bool:
        low = 0 if self.from_minute is None else self.from_minute
        high = 1440 if self.to_minute is None else self.to_minute
        return low <= minute < high if low <= high else minute >= low or minute < high


@dataclass(frozen=True, slots=True)
class PriceTrace:
    """What a price was made of: the stylist's or service's own, then the name and basis points of each rule, in order."""

    base_cents: int
    rules: tuple[tuple[str, int], ...]

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> PriceTrace:
        """From the JSON object of its fields."""
        return cls(found["base_cents"], tuple((name, basis_points) for name, basis_points in found["rules"]))


def for_service(rules: Iterable[PriceRule], service_id: str) -> tuple[PriceRule, ...]:
    """The rules that concern one service, in their order."""
    return tuple(rule for rule in rules if rule.service_id in (None, service_id))


def quote(base_cents: int, rules: Iterable[PriceRule], starts_local: datetime) -> int:
    """The price of one start: every rule that applies compounds in order, then one half-up rounding (R13)."""
    return trace(base_cents, rules, starts_local)[0]


def trace(base_cents: int, rules: Iterable[PriceRule], starts_local: datetime) -> tuple[int, tuple[PriceRule, ...]]:
    """The price of one start and the rules that made it, in the order in which they applied."""
    applied = tuple(rule for rule in rules if rule.applies(starts_local))
    numerator, denominator = base_cents, 1
    for rule in applied:
        numerator *= 10_000 + rule.basis_points
        denominator *= 10_000
    return (2 * numerator + denominator) // (2 * denominator), applied
