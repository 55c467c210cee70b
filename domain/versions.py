"""Versions as text: dot-separated integers, compared number by number; for one stylist-day they never go down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

SHAPE = re.compile(r"\d{1,18}(\.\d{1,18}){0,7}")


class DayVersion(NamedTuple):
    """Of a stylist's day: `rules` is raised by what touches every day of the stylist, `day` by what touches this one."""

    rules: int
    day: int

    def covers(self, other: DayVersion) -> bool:
        """Whether facts at this version hold every change that the other version counts."""
        return self.rules >= other.rules and self.day >= other.day


def text(versions: Sequence[DayVersion]) -> str:
    """`rules.day`, or `rules.day.day` for a date that touches several stylist-days, by date.

    Entries served unverified may know different rules; the least is claimed, so that the text never goes down.
    """
    return ".".join(map(str, (min(version.rules for version in versions), *(version.day for version in versions))))


def is_version(text_: str) -> bool:
    """Whether this could have come from `text`."""
    return SHAPE.fullmatch(text_) is not None
