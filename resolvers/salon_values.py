"""The values of a salon file: each type is what one place of it may say, checked and turned into what the program means.

A value of the wrong kind is a ValueError with the words for it; so is one that does not go with others: those met in the
file before it, which are the validation's context, and those that stand above it in its object, which are its data.
"""

from __future__ import annotations

import re
import zoneinfo
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, PlainValidator, Strict, ValidationInfo

from domain.model import BUFFER_MINUTES_MAX, MINUTES_A_DAY, SERVICE_MINUTES_MAX, TRAVEL_MINUTES_MAX
from resolvers import salon_faults

NAME_LENGTH_MAX = 500  # a calendar's name is part of a key, and Postgres's keys are short
PRICE_CENTS_MAX = 2_000_000_000
NOTICE_MINUTES_MAX = 527_040
HORIZON_DAYS_MAX = 3660
PERCENT_MIN, PERCENT_MAX = -100, 1000
HOLD_MINUTES_MAX = 1440
BOOKING_LENGTH_MAX = timedelta(minutes=SERVICE_MINUTES_MAX)
YEARS = range(1970, 3000)  # beyond them the days around a date leave what Python can tell
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres keeps neither

# What was met in a file so far, by kind. Locations and services come before what names them.
Met: TypeAlias = defaultdict[str, set[object]]


# Numbers.


def _whole(low: int, high: int) -> PlainValidator:
    def whole(value: object) -> int:
        if type(value) is not int:
            raise _wrong(value, "is not a whole number")
        if not low <= value <= high:
            raise _wrong(value, f"is out of range; write {low} to {high}")
        return value

    return PlainValidator(whole)


def _hold_seconds(value: object) -> int:
    """Minutes, perhaps a fraction, as whole seconds."""
    minutes = _number(value)
    if 0 < minutes <= HOLD_MINUTES_MAX:
        seconds = int((minutes * 60).quantize(Decimal(1), ROUND_HALF_UP))
        if seconds >= 1:
            return seconds
    raise _wrong(value, f"is out of range; write minutes from a second (0.02) to a day ({HOLD_MINUTES_MAX})")


def _basis_points(value: object) -> int:
    percent = _number(value)
    if not PERCENT_MIN <= percent <= PERCENT_MAX:
        raise _wrong(value, f"is out of range; write {PERCENT_MIN} to {PERCENT_MAX}")
    if percent != percent.quantize(Decimal("0.01")):
        raise _wrong(value, "is too fine; write at most two decimals")
    return int(percent * 100)


def _number(value: object) -> Decimal:
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return Decimal(value)
    raise _wrong(value, "is not a number")


# Texts.


def _name(value: object) -> str:
    text = text_of(value)
    if not text.strip():
        raise ValueError("must not be empty")
    if len(text) > NAME_LENGTH_MAX:
        raise ValueError(f"is {len(text)} characters long; write at most {NAME_LENGTH_MAX}")
    if bad := UNSTORABLE.search(text):
        raise ValueError(f"holds the character U+{ord(bad[0]):04X}, which cannot be stored")
    return text


def _zone(value: object) -> str:
    text = text_of(value)
    if text not in _zones():
        close = salon_faults.closest(text, _zones())
        hint = f"; did you mean {close}?" if close else ", such as Asia/Kathmandu"
        raise _wrong(text, f"is not an IANA time zone{hint}")
    return text


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # `localtime` and `Factory` lie in the same folder and are no zones.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def text_of(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "is not text")
    return value


def _shaped(shape: str, what: str) -> Callable[[object], str]:
    """Text that matches a pattern as a whole."""
    pattern = re.compile(shape)

    def shaped(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _wrong(value, f"is not {what}")
        return value

    return shaped


_currency = _shaped(r"[A-Z]{3}", "a currency; write its three capital letters, such as NPR")
_slug = _shaped(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a slug; write 1 to 63 of a-z, 0-9 and -, no - at either end")


def _uuid(value: object) -> str:
    """In canonical form, as the database shows it."""
    return str(UUID(_uuid_text(value)))


_uuid_text = _shaped(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID, such as 11111111-0000-4000-8000-000000000001"
)


# Dates and instants.


def _day(value: object) -> date:
    day = _date(value)
    _check_year(value, day.year)
    return day


def _date(value: object) -> date:
    text = _date_text(value)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _wrong(value, "is not in the calendar") from None


_date_text = _shaped(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "a date; write YYYY-MM-DD")


def _instant(value: object) -> datetime:
    text = _instant_text(value)
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong(value, "is not in the calendar") from None
    _check_year(value, at.year)
    return at


_instant_text = _shaped(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})",
    "an instant; write 2026-12-10T04:15:00Z, or an offset as +05:45 for Z",
)


def _check_year(value: object, year: int) -> None:
    if year not in YEARS:
        raise _wrong(value, f"is too far away; write a year from {YEARS[0]} to {YEARS[-1]}")


# Wall times.


def _weekday(value: object) -> int:
    """ISO, 1 = Monday."""
    if not isinstance(value, str) or value not in WEEKDAYS:
        raise _wrong(value, f"is not a weekday; write {', '.join(WEEKDAYS[:-1])} or {WEEKDAYS[-1]}")
    return WEEKDAYS.index(value) + 1


def wrapped(window: tuple[int, int]) -> tuple[int, int]:
    """An end before the start lies on the next day (R2)."""
    starts, ends = window
    return (starts, ends + MINUTES_A_DAY) if ends < starts else window


def start_minute_of(value: object) -> int:
    minute = minute_of(value)
    if minute == MINUTES_A_DAY:
        raise ValueError('"24:00" can only end; as a start write "00:00" of the next day')
    return minute


def minute_of(value: object) -> int:
    """Minutes from 00:00; 24:00 is 1440."""
    hours, _, minutes = _wall_text(value).partition(":")
    return int(hours) * 60 + int(minutes)


_wall_text = _shaped(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00", "a wall time; write HH:MM from 00:00 to 24:00")


# What a value must be to others: to those met in the file so far, to those that stand above it in its object.


def _once(kind: str, what: str) -> AfterValidator:
    """Notes a value as met; refuses one that was met already."""

    def once(value: object, info: ValidationInfo) -> object:
        found = met(info, kind)
        if value in found:
            raise _wrong(str(value), what)
        found.add(value)
        return value

    return AfterValidator(once)


def _named(kind: str) -> AfterValidator:
    """Refuses an id that nothing of this kind has."""

    def named(value: str, info: ValidationInfo) -> str:
        if value not in met(info, kind):
            raise ValueError(f"no {kind} has the id {salon_faults.shown(value)}")
        return value

    return AfterValidator(named)


def met(info: ValidationInfo, kind: str) -> set[object]:
    """What was met of a kind so far, to be read and added to."""
    context: Met | None = info.context
    assert context is not None
    return context[kind]


def _other_end(there: str, info: ValidationInfo) -> str:
    here, ways = info.data.get("from_"), met(info, "way")
    if here is None:  # which is a fault already
        return there
    if here == there:
        raise ValueError("is the place that the way starts from")
    way = frozenset((here, there))
    if way in ways:
        raise ValueError("the way between these two places stands earlier in the list, either way round")
    ways.add(way)
    return there


def _not_before(start: str, name: str) -> AfterValidator:
    """start, name: what the season's first date is called in the shape and in the file."""

    def not_before(last: date, info: ValidationInfo) -> date:
        first = info.data.get(start)
        if first is not None and last < first:
            raise _wrong(str(last), f"is before {name}, {first}")
        return last

    return AfterValidator(not_before)


def _span_end(value: object, info: ValidationInfo) -> datetime:
    ends_at, starts_at = _instant(value), info.data.get("start_utc")
    if starts_at is not None and ends_at <= starts_at:
        raise _wrong(value, "is not after startUtc")
    return ends_at


def _within_a_day(ends_at: datetime, info: ValidationInfo) -> datetime:
    starts_at = info.data.get("start_utc")
    if starts_at is not None and ends_at - starts_at > BOOKING_LENGTH_MAX:
        raise ValueError("is more than 24 hours after startUtc")
    return ends_at


def _wrong(value: object, what: str) -> ValueError:
    return ValueError(f"{salon_faults.shown(value)} {what}")


# The types. They stand last because Python reads downwards too.

Length = Annotated[int, _whole(1, SERVICE_MINUTES_MAX)]
Buffer = Annotated[int, _whole(0, BUFFER_MINUTES_MAX)]
TravelMinutes = Annotated[int, _whole(0, TRAVEL_MINUTES_MAX)]
Notice = Annotated[int, _whole(0, NOTICE_MINUTES_MAX)]
Horizon = Annotated[int, _whole(0, HORIZON_DAYS_MAX)]
Price = Annotated[int, _whole(0, PRICE_CENTS_MAX)]
BasisPoints = Annotated[int, PlainValidator(_basis_points)]
HoldSeconds = Annotated[int, PlainValidator(_hold_seconds)]

Name = Annotated[str, PlainValidator(_name)]
Zone = Annotated[str, PlainValidator(_zone)]
Currency = Annotated[str, PlainValidator(_currency)]
Slug = Annotated[str, PlainValidator(_slug)]

Id = Annotated[str, PlainValidator(_uuid)]
OwnLocationId = Annotated[Id, _once("location", "is the id of an earlier location too")]
OwnServiceId = Annotated[Id, _once("service", "is the id of an earlier service too")]
OwnStylistId = Annotated[Id, _once("stylist", "is the id of an earlier stylist too")]
LocationId = Annotated[Id, _named("location")]
ServiceId = Annotated[Id, _named("service")]
OtherEnd = Annotated[LocationId, AfterValidator(_other_end)]
OfferedId = Annotated[ServiceId, _once("offered", "is offered by this stylist already")]

Date = Annotated[date, PlainValidator(_date)]
HoursEnd = Annotated[Date, _not_before("from_", "from")]
RuleEnd = Annotated[Date, _not_before("from_date", "fromDate")]
Day = Annotated[date, PlainValidator(_day)]
OverrideDay = Annotated[Day, _once("overridden", "has an override of this stylist already")]
Instant = Annotated[datetime, PlainValidator(_instant)]
SpanEnd = Annotated[datetime, PlainValidator(_span_end)]
BookingEnd = Annotated[SpanEnd, AfterValidator(_within_a_day)]

Weekday = Annotated[int, PlainValidator(_weekday)]
Minute = Annotated[int, PlainValidator(minute_of)]
StartMinute = Annotated[int, PlainValidator(start_minute_of)]
# A list of two in JSON; minutes from 00:00, an end on the next day past 1440, empty when both are the same.
Window = Annotated[tuple[StartMinute, Minute], Strict(False), AfterValidator(wrapped)]
