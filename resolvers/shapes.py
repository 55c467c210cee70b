"""What staff and admins send to set a business up: the shape of each input, every fault found at once, each with its path.

The values are those of the import file (salon_values), so that one sentence is right for both. An id of something else must be of
this business: the ids it has are the validation's context.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, ValidationError

from domain.errors import InvalidInput
from domain.model import Directory
from resolvers import salon_faults, salon_file
from resolvers import salon_values as values
from resolvers.salon_file import Shape

S = TypeVar("S", bound=Shape)

HTTPS = re.compile(r"https://[^\s\x00-\x1f\x7f\ud800-\udfff]{1,1992}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
RUN_MINUTES_MAX, PAUSE_MINUTES_MAX, BOOKINGS_A_DAY_MAX = 720, 240, 200
HOURS_MAX, WINDOWS_MAX, SPANS_MAX, AVOIDED_MAX = 100, 24, 2_000, 200
PAYMENT_MINUTES_MAX, STALE_MINUTES_MAX, POSITION_MAX = 43_200, 525_600, 100_000


def parse(shape: type[S], given: Mapping[str, Any], directory: Directory) -> S:
    """The input as its shape. given: JSON values under camelCase names. Raises InvalidInput with every fault."""
    met = values.Met(set)
    met["location"] |= set(directory.locations)
    met["service"] |= set(directory.services)
    try:
        return shape.model_validate(given, context=met)
    except ValidationError as error:
        faults = salon_faults.of(error, shape, whole="input")
        raise InvalidInput(tuple((fault.path, fault.message) for fault in faults)) from None


def _wall_times(value: object) -> tuple[int, int]:
    assert isinstance(value, dict)
    try:
        starts = values.start_minute_of(value["from"])
    except ValueError as error:
        raise ValueError(f"from: {error}") from None
    try:
        return values.wrapped((starts, values.minute_of(value["to"])))
    except ValueError as error:
        raise ValueError(f"to: {error}") from None


def _bounded(low: int, high: int, *, times: int = 1) -> AfterValidator:
    """What is given lies within both bounds, and is taken so many times: minutes by 60 are seconds."""

    def bounded(count: int) -> int:
        if not low <= count <= high:
            raise ValueError(f"{count} is out of range; write {low} to {high}")
        return count * times

    return AfterValidator(bounded)


def _payment_url(value: object) -> str:
    text = values.text_of(value)
    named = set(PLACEHOLDER.findall(text)) - {"booking", "amount", "currency"}
    if not HTTPS.fullmatch(text):
        raise ValueError(
            f"{salon_faults.shown(text)} is not an https address without blanks, at most 2000 characters long"
        )
    if named or "{booking}" not in text:
        raise ValueError("must hold {booking}, and may hold {amount} and {currency}; no other {names}")
    return text


WallTimes = Annotated[tuple[int, int], PlainValidator(_wall_times)]
PaymentUrl = Annotated[str, PlainValidator(_payment_url)]


class TenantCreate(salon_file.Tenant):
    pass


class TenantUpdate(Shape):
    name: values.Name | None = None
    timezone: values.Zone | None = None
    currency: values.Currency | None = None
    hold_seconds: values.HoldSeconds | None = Field(None, alias="holdMinutes")
    payment_url: PaymentUrl | None = None
    payment_seconds: Annotated[int, _bounded(1, PAYMENT_MINUTES_MAX, times=60)] | None = Field(
        None, alias="paymentMinutes"
    )
    busy_stale_seconds: Annotated[int, _bounded(1, STALE_MINUTES_MAX, times=60)] | None = Field(
        None, alias="busyStaleMinutes"
    )
    busy_stale_closes: bool | None = None


class LocationCreate(Shape):
    id: values.Id | None = None
    name: values.Name
    timezone: values.Zone


class LocationUpdate(Shape):
    id: values.Id
    name: values.Name | None = None
    timezone: values.Zone | None = None


class LocationClose(Shape):
    location_id: values.Id
    closed_on: values.Day = Field(alias="date")
    reason: values.Name | None = None


class TravelTimeSet(Shape):
    from_: values.LocationId = Field(alias="fromLocationId")
    to: values.OtherEnd = Field(alias="toLocationId")
    minutes: values.TravelMinutes


class ServiceCreate(Shape):
    id: values.Id | None = None
    name: values.Name
    duration_minutes: values.Length
    slot_interval_minutes: values.Length = 30
    buffer_before_minutes: values.Buffer = 0
    buffer_after_minutes: values.Buffer = 0
    price_cents: values.Price
    min_notice_minutes: values.Notice = 0
    horizon_days: values.Horizon = 60


class ServiceUpdate(Shape):
    id: values.Id
    name: values.Name | None = None
    duration_minutes: values.Length | None = None
    slot_interval_minutes: values.Length | None = None
    buffer_before_minutes: values.Buffer | None = None
    buffer_after_minutes: values.Buffer | None = None
    price_cents: values.Price | None = None
    min_notice_minutes: values.Notice | None = None
    horizon_days: values.Horizon | None = None
    active: bool | None = None


class StylistCreate(Shape):
    id: values.Id | None = None
    name: values.Name
    home_location_id: values.LocationId


class StylistUpdate(Shape):
    id: values.Id
    name: values.Name | None = None
    home_location_id: values.LocationId | None = None
    active: bool | None = None


class OfferingSet(Shape):
    stylist_id: values.Id
    service_id: values.ServiceId
    duration_minutes: values.Length | None = None
    price_cents: values.Price | None = None


class Hours(Shape):
    days: list[values.Weekday]
    windows: list[WallTimes] = Field(max_length=WINDOWS_MAX)
    breaks: list[WallTimes] = Field(default_factory=list, max_length=WINDOWS_MAX)
    location: values.LocationId | None = Field(None, alias="locationId")
    from_: values.Date | None = Field(None, alias="from")
    until: values.HoursEnd | None = None


class ScheduleSet(Shape):
    stylist_id: values.Id
    hours: list[Hours] = Field(max_length=HOURS_MAX)


class OverrideSet(Shape):
    stylist_id: values.Id
    on_date: values.Day = Field(alias="date")
    windows: list[WallTimes] = Field(max_length=WINDOWS_MAX)
    breaks: list[WallTimes] = Field(default_factory=list, max_length=WINDOWS_MAX)
    location_id: values.LocationId | None = None
    reason: values.Name | None = None


class TimeOffAdd(salon_file.TimeOff):
    id: values.Id | None = None
    stylist_id: values.Id
    reason: values.Name | None = None


class BusySpan(Shape):
    start_utc: values.Instant
    end_utc: values.SpanEnd


class BusyTimesReplace(Shape):
    stylist_id: values.Id
    source: values.Name
    as_of: values.Instant
    spans: list[BusySpan] = Field(max_length=SPANS_MAX)


class PriceRuleSet(Shape):
    id: values.Id | None = None
    position: Annotated[int, _bounded(0, POSITION_MAX)] | None = None
    name: values.Name
    basis_points: values.BasisPoints = Field(alias="percent")
    service_id: values.ServiceId | None = None
    days: list[values.Weekday] = Field(default_factory=list)
    from_: values.StartMinute | None = Field(None, alias="from")
    to: values.Minute | None = None
    from_date: values.Date | None = None
    until_date: values.RuleEnd | None = None


class Avoided(Shape):
    service_id: values.ServiceId
    days: list[values.Weekday] = Field(default_factory=list)
    from_: values.StartMinute = Field(alias="from")
    to: values.Minute


class PreferencesSet(Shape):
    stylist_id: values.Id
    longest_run_minutes: Annotated[int, _bounded(1, RUN_MINUTES_MAX)] | None = None
    pause_minutes: Annotated[int, _bounded(1, PAUSE_MINUTES_MAX)] = 15
    bookings_a_day_max: Annotated[int, _bounded(0, BOOKINGS_A_DAY_MAX)] | None = None
    avoided: list[Avoided] = Field(default_factory=list, max_length=AVOIDED_MAX)
