"""Instants, dates and wall times on the wire."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import strawberry
from strawberry.types.scalar import ScalarDefinition

from execution.marks import Written

FIRST_YEAR, LAST_YEAR = 1970, 2199
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:\d{2})")


def parse_date(value: Any) -> date:
    """An ISO date within the years that calendars are kept for. Raises ValueError that says what would be right."""
    if not isinstance(value, str) or not DATE.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not a date; write YYYY-MM-DD")
    try:
        found = date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{_shown(value)} is not a day of the calendar") from None
    return _within_years(found, value)


def parse_instant(value: Any) -> datetime:
    """An ISO 8601 instant with its offset, as UTC. Raises ValueError that says what would be right."""
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        raise ValueError(
            f"{_shown(value)} is not an instant; write YYYY-MM-DDTHH:MM:SSZ, or with an offset instead of Z"
        )
    try:
        found = datetime.fromisoformat(value.upper())
        _within_years(found.date(), value)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{_shown(value)} is not an instant between {FIRST_YEAR} and {LAST_YEAR}") from None


def instant_text(instant: datetime | Written) -> str:
    """UTC with Z, any other zone with its offset."""
    if isinstance(instant, Written):
        return instant
    text = instant.isoformat()
    return f"{text[:-6]}Z" if instant.tzinfo is UTC and text.endswith("+00:00") else text


def clock_text(local: datetime) -> str:
    """The wall time as people write it, as `10:30 AM`."""
    return f"{local.hour % 12 or 12}:{local.minute:02} {'AM' if local.hour < 12 else 'PM'}"


def _within_years(found: date, value: str) -> date:
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{value} lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


def _shown(value: Any) -> str:
    return repr(value)[:60]


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in ISO 8601: UTC with Z, as `2026-12-15T04:15:00Z`; local ones with their offset.",
        serialize=instant_text,
        parse_value=parse_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A date in ISO 8601, as `2026-12-15`.",
        serialize=date.isoformat,
        parse_value=parse_date,
    ),
}
