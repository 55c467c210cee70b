"""What callers send: ids, zones, ranges and texts, checked at the door; and the mutations' inputs."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import strawberry

from domain.errors import BadRequest
from resolvers.app import Limits
from resolvers.bookings import Contact
from resolvers.writing import KEY_LENGTH_MAX
from schema.scalars import parse_instant

T = TypeVar("T")

NAME_MAX, EMAIL_MAX, PHONE_MAX, NOTES_MAX = 200, 254, 40, 2000
ANY_OF_MAX = 51
ZONES = available_timezones() - {"localtime", "Factory"}  # which lie in the same folder and are none; `right/` neither
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
ANYTHING = re.compile(r"(?s:.+)")
PHONE = re.compile(r"\+?[0-9 ()./-]{3,40}")

StylistIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The stylist's id.")]
ServiceIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The service's id.")]
DateArgument = Annotated[
    date, strawberry.argument(description="The date, counted in `timezone`, else in the location's own zone.")
]
FromDateArgument = Annotated[date, strawberry.argument(name="from", description="The first date.")]
ToDateArgument = Annotated[
    date, strawberry.argument(description="The last date, itself included; at most 62 days in all.")
]
TimezoneArgument = Annotated[
    str | None,
    strawberry.argument(
        description="An IANA zone, as `Asia/Kathmandu`: dates mean its dates, and local times are shown in it. "
        "Default: the location's own."
    ),
]
LimitArgument = Annotated[int | None, strawberry.argument(description="How many at most, 1 to 200.")]
AfterArgument = Annotated[
    strawberry.ID | None, strawberry.argument(description="The id of the last one of the page before.")
]
IdsArgument = Annotated[
    list[strawberry.ID] | None, strawberry.argument(description="Only these, at most 200; unknown ids are left out.")
]


def uuid(value: str, name: str) -> str:
    """An id as canonical text. Raises BadRequest."""
    try:
        return str(UUID(value))
    except (ValueError, AttributeError):
        raise BadRequest("BAD_INPUT", f"{name}: {value[:60]!r} is not an id; ids are UUIDs") from None


def uuid_or_none(value: str | None, name: str) -> str | None:
    """An id that may be left out; empty is not left out. Raises BadRequest."""
    return None if value is None else uuid(value, name)


def uuids(values: Sequence[str], name: str, limits: Limits) -> list[str]:
    """Ids without duplicates, in order. Raises BadRequest."""
    if len(values) > limits.page:
        raise BadRequest("BAD_INPUT", f"{name}: {len(values)} ids are more than {limits.page}")
    return list(dict.fromkeys(uuid(value, name) for value in values))


def bounded(value: int | None, name: str, most: int, default: int) -> int:
    """A count from 1 to most; null is as good as none. Raises BadRequest."""
    if value is None:
        return default
    if not 1 <= value <= most:
        raise BadRequest("BAD_INPUT", f"{name}: {value} is not between 1 and {most}")
    return value


def zone(name: str | None) -> ZoneInfo | None:
    """A zone that may be left out. Raises BadRequest."""
    return None if name is None else zone_named(name, "timezone")


@lru_cache(maxsize=1024)
def zone_named(name: str, argument: str) -> ZoneInfo:
    """A zone by its IANA name; argument: what it was given as. Raises BadRequest."""
    if name not in ZONES:
        raise BadRequest("BAD_INPUT", f"{argument}: {name[:60]!r} is not an IANA time zone, as Asia/Kathmandu is")
    return ZoneInfo(name)


def dates(first: date, last: date, most: int) -> list[date]:
    """Every date from first to last, at most so many. Raises BadRequest."""
    count = (last - first).days + 1
    if count < 1:
        raise BadRequest("BAD_INPUT", f"from {first} is after to {last}; turn them round")
    if count > most:
        raise BadRequest("BAD_INPUT", f"from {first} to {last} is {count} days; at most {most} at a time")
    return [first + timedelta(offset) for offset in range(count)]


def cursor(starts_at: datetime, id_: str) -> str:
    """A place in a list by start and id, opaque to the client."""
    return urlsafe_b64encode(f"{starts_at.isoformat()} {id_}".encode()).decode()


def place(cursor_: str, id_of: Callable[[str], T]) -> tuple[datetime, T]:
    """The place that `cursor` made this of. id_of: what an id's text must be. Raises BadRequest."""
    try:
        starts_at, id_ = urlsafe_b64decode(cursor_.encode()).decode().split(" ")
        return parse_instant(starts_at), id_of(id_)
    except ValueError:
        raise BadRequest("BAD_INPUT", "after: not a cursor; send back `endCursor` as you got it") from None


def number(text_: str) -> int:
    """A number that Postgres can carry. Raises ValueError."""
    found = int(text_)
    if not 0 <= found < 2**63:
        raise ValueError("beyond 64 bits")
    return found


def text(value: str | None, name: str, most: int) -> str | None:
    """A text that Postgres and JSON can carry, trimmed; None when nothing is left. Raises BadRequest."""
    if value is None:
        return None
    if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRequest(
            "BAD_INPUT", f"{name}: has a character that no text can have (NUL or half of a surrogate pair)"
        )
    value = value.strip()
    if len(value) > most:
        raise BadRequest("BAD_INPUT", f"{name}: longer than {most} characters")
    return value or None


@strawberry.input(description="Whom a booking is for.")
class CustomerInput:
    name: str = strawberry.field(description="Their name, 1 to 200 characters.")
    email: str | None = strawberry.field(default=None, description="Their e-mail address.")
    phone: str | None = strawberry.field(default=None, description="Their telephone number.")

    def contact(self) -> Contact:
        """Checked. Raises BadRequest that names every fault."""
        faults: list[str] = []

        def checked(value: str | None, name: str, most: int, shape: re.Pattern[str], what: str) -> str | None:
            try:
                found = text(value, name, most)
            except BadRequest as fault:
                faults.append(fault.message)
                return None
            if found is not None and not shape.fullmatch(found):
                faults.append(f"{name}: {found[:60]!r} is not {what}")
            return found

        name = checked(self.name, "customer.name", NAME_MAX, ANYTHING, "a name")
        if name is None and not faults:
            faults.append("customer.name: give a name")
        email = checked(self.email, "customer.email", EMAIL_MAX, EMAIL, "an e-mail address")
        phone = checked(self.phone, "customer.phone", PHONE_MAX, PHONE, "a telephone number")
        if faults or name is None:
            raise BadRequest("BAD_INPUT", "; ".join(faults))
        return Contact(name, email, phone)


class Repeatable:
    """An input that may come with an idempotency key, which must be a text that Postgres can carry. Raises BadRequest."""

    idempotency_key: str | None

    def __post_init__(self) -> None:
        if self.idempotency_key:
            text(self.idempotency_key, "idempotencyKey", KEY_LENGTH_MAX)


SEEN = "The `cache.version` of the list in which this start was seen; a refusal then says that it changed since."
WHOSE = "Whose time. Needed unless `anyOf` says whose."
ANY_OF = (
    "Any one of these stylists, at most 50 and `stylistId` besides: of those who are free, the one with the fewest bookings that "
    "day, then by id."
)
IDEMPOTENCY = (
    "A key of your own, 1 to 200 characters: the same request with it again gives the first result. Kept 24 h."
)


def stylist_ids(input: HoldPlaceInput | BookingCreateInput) -> tuple[str, ...]:
    """Whose time is asked for, by id: the stylist named, any of several, or both together. Raises BadRequest."""
    named = ([input.stylist_id] if input.stylist_id is not None else []) + (input.any_of or [])
    if not 0 < len(named) <= ANY_OF_MAX:
        raise BadRequest("BAD_INPUT", f"stylistId: name one stylist, or 1 to {ANY_OF_MAX} in anyOf")
    return tuple(
        sorted(
            {
                uuid(id_, "stylistId" if n == 0 and input.stylist_id is not None else "anyOf")
                for n, id_ in enumerate(named)
            }
        )
    )


@strawberry.input(description="A start to hold.")
class HoldPlaceInput(Repeatable):
    stylist_id: strawberry.ID | None = strawberry.field(default=None, description=WHOSE)
    any_of: list[strawberry.ID] | None = strawberry.field(default=None, description=ANY_OF)
    service_id: strawberry.ID = strawberry.field(description="For what.")
    start_utc: datetime = strawberry.field(description="A slot's `startUtc`.")
    seen_version: str | None = strawberry.field(default=None, description=SEEN)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)


@strawberry.input(description="A hold that becomes a booking.")
class BookingConfirmInput(Repeatable):
    hold_id: strawberry.ID = strawberry.field(description="The hold's id.")
    customer: CustomerInput = strawberry.field(description="Whom the booking is for.")
    notes: str | None = strawberry.field(default=None, description="A note for the stylist, at most 2,000 characters.")
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)


@strawberry.input(description="A start to book without holding it first.")
class BookingCreateInput(Repeatable):
    stylist_id: strawberry.ID | None = strawberry.field(default=None, description=WHOSE)
    any_of: list[strawberry.ID] | None = strawberry.field(default=None, description=ANY_OF)
    service_id: strawberry.ID = strawberry.field(description="For what.")
    start_utc: datetime = strawberry.field(description="A slot's `startUtc`.")
    customer: CustomerInput = strawberry.field(description="Whom the booking is for.")
    notes: str | None = strawberry.field(default=None, description="A note for the stylist, at most 2,000 characters.")
    seen_version: str | None = strawberry.field(default=None, description=SEEN)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)


@strawberry.input(description="A booking and where it is to move.")
class BookingRescheduleInput(Repeatable):
    booking_id: strawberry.ID = strawberry.field(description="The booking's id.")
    start_utc: datetime = strawberry.field(description="The new start: a slot's `startUtc`.")
    stylist_id: strawberry.ID | None = strawberry.field(
        default=None, description="The new stylist. Default: the same as before."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY)
