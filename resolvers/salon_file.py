"""The file of `import FILE`: its shape, and everything that is wrong with one, each fault with the path of its value.

A file is whole: what it names it also has, and what it leaves out has the schema's default, or is an empty list.
"""

from __future__ import annotations

import json
import re
import zoneinfo
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any, get_args
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from domain.model import BUFFER_MINUTES_MAX, MINUTES_A_DAY, SERVICE_MINUTES_MAX, TRAVEL_MINUTES_MAX

NAME_LENGTH_MAX = 500  # a calendar's name is part of a key, and Postgres's keys are short
PRICE_CENTS_MAX = 2_000_000_000
NOTICE_MINUTES_MAX = 527_040
HORIZON_DAYS_MAX = 3660
PERCENT_MIN, PERCENT_MAX = -100, 1000
HOLD_SECONDS_MAX = 86_400
BOOKING_LENGTH_MAX = timedelta(minutes=SERVICE_MINUTES_MAX)
YEARS = range(1970, 3000)  # beyond them the days around a date leave what Python can tell
SHOWN_MAX = 60
NUMBER_DIGITS_MAX = 30
CLOSE_ENOUGH = 0.75
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

UUID_SHAPE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
SLUG_SHAPE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
CURRENCY_SHAPE = re.compile(r"[A-Z]{3}")
DATE_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
WALL_SHAPE = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
INSTANT_SHAPE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres keeps neither
KEY_SHAPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. path: of the value, `stylists[0].hours[1].from`, or the place in the text."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class BadFile(Exception):
    """The file cannot be imported; faults are all that is wrong with it, in its order as far as that is known."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def parse(text: str | bytes) -> SalonFile:
    """The salon of a file's JSON text. Raises BadFile with every fault at once."""
    found = _json(text)
    faults = [Fault(_path(path), "stands twice in this object") for path in _repeats(found)]
    try:
        salon = SalonFile.model_validate(found, context=defaultdict(set))
    except ValidationError as error:
        faults += [Fault(_path(one["loc"]), _message(one)) for one in error.errors(include_url=False)]
    if faults:
        raise BadFile(faults)
    return salon


# Values. Each function turns what JSON gives into what the program means, or raises ValueError with the message.


def _whole(low: int, high: int) -> Callable[[object], int]:
    def whole(value: object) -> int:
        if type(value) is not int:
            raise ValueError(f"{shown(value)} is not a whole number")
        return _between(value, low, high)

    return whole


def _between(value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise ValueError(f"{shown(value)} is out of range; write {low} to {high}")
    return value


def _number(value: object) -> Decimal:
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return Decimal(value)
    raise ValueError(f"{shown(value)} is not a number")


def _hold_seconds(value: object) -> int:
    """Minutes, perhaps a fraction, as whole seconds."""
    minutes = _number(value)
    if 0 < minutes <= HOLD_SECONDS_MAX // 60:
        seconds = int((minutes * 60).quantize(Decimal(1), ROUND_HALF_UP))
        if seconds >= 1:
            return seconds
    raise ValueError(f"{shown(value)} is out of range; write minutes from a second (0.02) to a day (1440)")


def _basis_points(value: object) -> int:
    percent = _number(value)
    if not PERCENT_MIN <= percent <= PERCENT_MAX:
        raise ValueError(f"{shown(value)} is out of range; write {PERCENT_MIN} to {PERCENT_MAX}")
    if percent != percent.quantize(Decimal("0.01")):
        raise ValueError(f"{shown(value)} is too fine; write at most two decimals")
    return int(percent * 100)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    if not value.strip():
        raise ValueError("must not be empty")
    if len(value) > NAME_LENGTH_MAX:
        raise ValueError(f"is {len(value)} characters long; write at most {NAME_LENGTH_MAX}")
    if bad := UNSTORABLE.search(value):
        raise ValueError(f"holds the character U+{ord(bad[0]):04X}, which cannot be stored")
    return value


def _shaped(shape: re.Pattern[str], what: str) -> Callable[[object], str]:
    def shaped(value: object) -> str:
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise ValueError(f"{shown(value)} is not {what}")
        return value

    return shaped


_currency = _shaped(CURRENCY_SHAPE, "a currency; write its three capital letters, such as NPR")
_slug = _shaped(SLUG_SHAPE, "a slug; write 1 to 63 of a-z, 0-9 and -, no - at either end")
_uuid_text = _shaped(UUID_SHAPE, "a UUID, such as 11111111-0000-4000-8000-000000000001")
_wall_text = _shaped(WALL_SHAPE, "a wall time; write HH:MM from 00:00 to 24:00")
_date_text = _shaped(DATE_SHAPE, "a date; write YYYY-MM-DD")
_instant_text = _shaped(INSTANT_SHAPE, "an instant; write 2026-12-10T04:15:00Z, or an offset as +05:45 for Z")


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{shown(value)} is not text")
    if value not in _zones():
        close = get_close_matches(value, _zones(), 1, CLOSE_ENOUGH)
        hint = f"; did you mean {close[0]}?" if close else ", such as Asia/Kathmandu"
        raise ValueError(f"{shown(value)} is not an IANA time zone{hint}")
    return value


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # `localtime` and `Factory` lie in the same folder and are no zones.
    return frozenset(zoneinfo.available_timezones() - {"localtime", "Factory"})


def _any_date(value: object) -> date:
    text = _date_text(value)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(value)} is not in the calendar") from None


def _date(value: object) -> date:
    day = _any_date(value)
    if day.year not in YEARS:
        raise ValueError(f"{shown(value)} is too far away; write a year from {YEARS[0]} to {YEARS[-1]}")
    return day


def _instant(value: object) -> datetime:
    text = _instant_text(value)
    try:
        at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{shown(value)} is not in the calendar") from None
    if at.year not in YEARS:
        raise ValueError(f"{shown(value)} is too far away; write a year from {YEARS[0]} to {YEARS[-1]}")
    return at


def _minute(value: object) -> int:
    """Minutes from 00:00; 24:00 is 1440."""
    hours, _, minutes = _wall_text(value).partition(":")
    return int(hours) * 60 + int(minutes)


def _start_minute(value: object) -> int:
    minute = _minute(value)
    if minute == MINUTES_A_DAY:
        raise ValueError('"24:00" can only end; as a start write "00:00" of the next day')
    return minute


def _weekday(value: object) -> int:
    """ISO, 1 = Monday."""
    if not isinstance(value, str) or value not in WEEKDAYS:
        raise ValueError(f"{shown(value)} is not a weekday; write {', '.join(WEEKDAYS[:-1])} or {WEEKDAYS[-1]}")
    return WEEKDAYS.index(value) + 1


def _wrapped(window: tuple[int, int]) -> tuple[int, int]:
    """An end before the start lies on the next day (R2)."""
    starts, ends = window
    return (starts, ends + MINUTES_A_DAY) if ends < starts else window


def shown(value: object) -> str:
    """A value as a message may show it: JSON, short, printable."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = json.dumps(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


# What one value must be to others. The context is what was met so far, by kind: locations and services come first.

Met = defaultdict[str, set[object]]


def _met(info: ValidationInfo, kind: str) -> set[object]:
    met: Met | None = info.context
    assert met is not None
    return met[kind]


def _is_first(info: ValidationInfo, kind: str, value: object) -> bool:
    """Notes a value as met; whether it was not yet."""
    met = _met(info, kind)
    first = value not in met
    met.add(value)
    return first


def _own_id(kind: str) -> Callable[[object, ValidationInfo], str]:
    def own_id(value: object, info: ValidationInfo) -> str:
        found = _uuid(value)
        if not _is_first(info, kind, found):
            raise ValueError(f"{shown(value)} is the id of an earlier {kind} too")
        return found

    return own_id


def _id_of(kind: str) -> Callable[[object, ValidationInfo], str]:
    def id_of(value: object, info: ValidationInfo) -> str:
        found = _uuid(value)
        if found not in _met(info, kind):
            raise ValueError(f"no {kind} of this file has the id {shown(value)}")
        return found

    return id_of


def _uuid(value: object) -> str:
    """In canonical form, as the database shows it."""
    return str(UUID(_uuid_text(value)))


def _other_end(value: object, info: ValidationInfo) -> str:
    there, here = _id_of("location")(value, info), info.data.get("from_")
    if here == there:
        raise ValueError("is the place that the way starts from")
    if here is not None and not _is_first(info, "way", frozenset((here, there))):
        raise ValueError("the way between these two places stands earlier in the list, either way round")
    return there


def _offered(value: object, info: ValidationInfo) -> str:
    service = _id_of("service")(value, info)
    if not _is_first(info, "offered", service):
        raise ValueError(f"{shown(value)} is offered by this stylist already")
    return service


def _overridden(value: object, info: ValidationInfo) -> date:
    day = _date(value)
    if not _is_first(info, "overridden", day):
        raise ValueError(f"{shown(value)} has an override of this stylist already")
    return day


def _season_end(start: str, name: str) -> Callable[[object, ValidationInfo], date]:
    def season_end(value: object, info: ValidationInfo) -> date:
        last, first = _any_date(value), info.data.get(start)
        if first is not None and last < first:
            raise ValueError(f"{shown(value)} is before {name}, {first}")
        return last

    return season_end


def _span_end(value: object, info: ValidationInfo) -> datetime:
    ends_at, starts_at = _instant(value), info.data.get("start_utc")
    if starts_at is not None and ends_at <= starts_at:
        raise ValueError(f"{shown(value)} is not after startUtc")
    return ends_at


def _booking_end(value: object, info: ValidationInfo) -> datetime:
    ends_at, starts_at = _span_end(value, info), info.data.get("start_utc")
    if starts_at is not None and ends_at - starts_at > BOOKING_LENGTH_MAX:
        raise ValueError("is more than 24 hours after startUtc")
    return ends_at


Text = Annotated[str, PlainValidator(_text)]
Zone = Annotated[str, PlainValidator(_zone)]
Day = Annotated[date, PlainValidator(_date)]
SeasonStart = Annotated[date, PlainValidator(_any_date)]
Instant = Annotated[datetime, PlainValidator(_instant)]
SpanEnd = Annotated[datetime, PlainValidator(_span_end)]
Weekday = Annotated[int, PlainValidator(_weekday)]
Minute = Annotated[int, PlainValidator(_minute)]
StartMinute = Annotated[int, PlainValidator(_start_minute)]
# A list of two in JSON; minutes from 00:00, an end on the next day past 1440, empty when both are the same.
Window = Annotated[tuple[StartMinute, Minute], Strict(False), AfterValidator(_wrapped)]
Length = Annotated[int, PlainValidator(_whole(1, SERVICE_MINUTES_MAX))]
Buffer = Annotated[int, PlainValidator(_whole(0, BUFFER_MINUTES_MAX))]
Price = Annotated[int, PlainValidator(_whole(0, PRICE_CENTS_MAX))]
LocationId = Annotated[str, PlainValidator(_id_of("location"))]
ServiceId = Annotated[str, PlainValidator(_id_of("service"))]


class Shape(BaseModel):
    """An object of the file: its own keys and no others, in camelCase, no value turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Tenant(Shape):
    """The business. Found by its slug."""

    slug: Annotated[str, PlainValidator(_slug)]
    name: Text
    timezone: Zone
    currency: Annotated[str, PlainValidator(_currency)]
    hold_seconds: Annotated[int, PlainValidator(_hold_seconds)] = Field(600, alias="holdMinutes")


class Location(Shape):
    """A place and the dates on which it is closed."""

    id: Annotated[str, PlainValidator(_own_id("location"))]
    name: Text
    timezone: Zone
    closures: list[Day] = []


class Travel(Shape):
    """Minutes between two places, the same both ways."""

    from_: LocationId = Field(alias="from")
    to: Annotated[str, PlainValidator(_other_end)]
    minutes: Annotated[int, PlainValidator(_whole(0, TRAVEL_MINUTES_MAX))]


class Service(Shape):
    """What is booked."""

    id: Annotated[str, PlainValidator(_own_id("service"))]
    name: Text
    duration_minutes: Length
    slot_interval_minutes: Length = 30
    buffer_before_minutes: Buffer = 0
    buffer_after_minutes: Buffer = 0
    price_cents: Price
    min_notice_minutes: Annotated[int, PlainValidator(_whole(0, NOTICE_MINUTES_MAX))] = 0
    horizon_days: Annotated[int, PlainValidator(_whole(0, HORIZON_DAYS_MAX))] = 60
    active: bool = True


class Offering(Shape):
    """A service as one stylist gives it; None = as the service says."""

    service: Annotated[str, PlainValidator(_offered)]
    price_cents: Price | None = None
    duration_minutes: Length | None = None


class Hours(Shape):
    """Weekly windows and breaks of some weekdays, at home unless a location is named, in a season with both ends in."""

    days: list[Weekday]
    windows: list[Window]
    breaks: list[Window] = []
    location: LocationId | None = None
    from_: SeasonStart | None = Field(None, alias="from")
    until: Annotated[date, PlainValidator(_season_end("from_", "from"))] | None = None


class Override(Shape):
    """One date's own hours; no windows = a day off."""

    date: Annotated[date, PlainValidator(_overridden)]
    windows: list[Window]
    breaks: list[Window] = []
    location: LocationId | None = None


class TimeOff(Shape):
    """A span, or a local day at home."""

    start_utc: Instant | None = None
    end_utc: SpanEnd | None = None
    date: Day | None = None

    @model_validator(mode="after")
    def _one_form(self) -> TimeOff:
        given = (self.start_utc is not None, self.end_utc is not None, self.date is not None)
        if given not in ((True, True, False), (False, False, True)):
            raise ValueError("needs either startUtc and endUtc, or date alone")
        return self


class Busy(Shape):
    """A time taken by another calendar, the source."""

    source: Text
    start_utc: Instant
    end_utc: SpanEnd


class Booking(Shape):
    """A booking made elsewhere, at home unless a location is named."""

    start_utc: Instant
    end_utc: Annotated[datetime, PlainValidator(_booking_end)]
    buffer_before_minutes: Buffer = 0
    buffer_after_minutes: Buffer = 0
    service: ServiceId
    location: LocationId | None = None


class Stylist(Shape):
    """Who is booked, with all that is theirs. location: the home."""

    id: Annotated[str, PlainValidator(_own_id("stylist"))]
    name: Text
    location: LocationId
    active: bool = True
    services: list[Offering] = []
    hours: list[Hours] = []
    overrides: list[Override] = []
    time_off: list[TimeOff] = []
    busy: list[Busy] = []
    bookings: list[Booking] = []

    @model_validator(mode="before")
    @classmethod
    def _own_lists(cls, value: object, info: ValidationInfo) -> object:
        """What may stand once a stylist is counted anew for each."""
        _met(info, "offered").clear()
        _met(info, "overridden").clear()
        return value


class PriceRule(Shape):
    """A percentage and when it applies; without a condition, always. They apply in the order of the file."""

    name: Text
    basis_points: Annotated[int, PlainValidator(_basis_points)] = Field(alias="percent")
    service: ServiceId | None = None
    days: list[Weekday] = []
    from_: StartMinute | None = Field(None, alias="from")
    to: Minute | None = None
    from_date: SeasonStart | None = None
    until_date: Annotated[date, PlainValidator(_season_end("from_date", "fromDate"))] | None = None


class SalonFile(Shape):
    """A business and all that is its own. What others name comes before them, so that names can be looked up."""

    tenant: Tenant
    locations: list[Location] = []
    travel: list[Travel] = []
    services: list[Service] = []
    stylists: list[Stylist] = []
    price_rules: list[PriceRule] = []


# JSON.


class _Repeating(dict[str, Any]):
    """An object of the text that has keys twice."""

    keys_twice: tuple[str, ...] = ()


def _json(text: str | bytes) -> Any:
    """The text's value: fractions as Decimal, keys printable, objects with a key twice as _Repeating."""
    try:
        return json.loads(
            _decoded(text),
            object_pairs_hook=_object,
            parse_int=_int,
            parse_float=_decimal,
            parse_constant=_decimal,
        )
    except json.JSONDecodeError as error:
        fault = Fault(f"line {error.lineno}, column {error.colno}", f"this is not JSON: {error.msg.lower()}")
    except RecursionError:
        fault = Fault("the file", "is nested too deeply")
    raise BadFile([fault])


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise BadFile([Fault(f"line {line}", f"the byte 0x{text[error.start]:02X} is not UTF-8")]) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {_key(key): value for key, value in pairs}
    if len(found) == len(pairs):
        return found
    keys = [_key(key) for key, _ in pairs]
    repeating = _Repeating(found)
    repeating.keys_twice = tuple(key for key in found if keys.count(key) > 1)
    return repeating


def _key(key: str) -> str:
    """Lone surrogates written out: pydantic cannot name them in a path. No known key has any."""
    return key if key.isascii() or not UNSTORABLE.search(key) else ascii(key)[1:-1]


def _int(digits: str) -> int:
    """One too long to be converted comes as one too large: every number of the file has a range."""
    return int(digits) if len(digits) <= NUMBER_DIGITS_MAX else int(f"{digits[:2]}{'9' * NUMBER_DIGITS_MAX}")


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond counting
        return Decimal("Infinity")


def _repeats(found: Any) -> Iterator[Path]:
    """The paths of keys that stand twice in their object. Without recursion: the text may nest deeper than calls may."""
    stack: list[tuple[Path, Any]] = [((), found)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, _Repeating):
            yield from ((*path, key) for key in value.keys_twice)
        if isinstance(value, dict | list):
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            stack += [((*path, key), one) for key, one in inner if isinstance(one, dict | list)][::-1]


# Words.

MESSAGES = {
    "missing": "is missing",
    "model_type": "{} is not an object",
    "list_type": "{} is not a list",
    "tuple_type": '{} is not a list of a start and an end, such as ["09:00", "17:00"]',
    "too_long": 'has more than a start and an end; write them as ["09:00", "17:00"]',
    "bool_type": "{} is neither true nor false",
}


def _message(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "extra_forbidden":
        return _unknown(error["loc"])
    return MESSAGES[error["type"]].format(shown(error["input"]))


def _unknown(path: Path) -> str:
    known = _keys_at(tuple(part for part in path[:-1] if isinstance(part, str)))
    close = get_close_matches(str(path[-1]), known, 1, CLOSE_ENOUGH)
    return f"is not known here; did you mean {close[0]}?" if close else f"is not known here; known: {', '.join(known)}"


def _keys_at(path: tuple[str, ...]) -> list[str]:
    """The keys of the object at a path without indexes."""
    shape: type[Shape] = SalonFile
    for name in path:
        field = next(field for field in shape.model_fields.values() if field.alias == name)
        shape = next(_shapes_in(field.annotation))
    return [str(field.alias) for field in shape.model_fields.values()]


def _shapes_in(annotation: Any) -> Iterator[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation
    for part in get_args(annotation):
        yield from _shapes_in(part)


def _path(path: Path) -> str:
    """`stylists[0].hours[1].from`; a key that is no plain word in brackets and quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif KEY_SHAPE.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=not part.isprintable())}]"
    return text or "the file"
