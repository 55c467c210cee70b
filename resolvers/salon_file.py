"""The file of `import FILE`: its shape, and everything that is wrong with one, each fault with the path of its value.

A file is whole: what it names it also has, and what it leaves out has the schema's default, or is an empty list.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator
from pydantic.alias_generators import to_camel

from resolvers import salon_faults, salon_json
from resolvers import salon_values as values
from resolvers.salon_faults import BadFile, Fault

__all__ = ["BadFile", "Booking", "Fault", "SalonFile", "Stylist", "TimeOff", "parse"]


def parse(text: str | bytes) -> SalonFile:
    """The salon of a file's JSON text. Raises BadFile with every fault at once."""
    found, faults = salon_json.read(text)
    try:
        salon = SalonFile.model_validate(found, context=values.Met(set))
    except ValidationError as error:
        faults += salon_faults.of(error, SalonFile)
    if faults:
        raise BadFile(faults)
    return salon


class Shape(BaseModel):
    """An object of the file: its own keys and no others, in camelCase, no value turned into another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


class Tenant(Shape):
    """The business. Found by its slug."""

    slug: values.Slug
    name: values.Name
    timezone: values.Zone
    currency: values.Currency
    hold_seconds: values.HoldSeconds = Field(600, alias="holdMinutes")


class Location(Shape):
    """A place and the dates on which it is closed."""

    id: values.OwnLocationId
    name: values.Name
    timezone: values.Zone
    closures: list[values.Day] = []


class Travel(Shape):
    """Minutes between two places, the same both ways."""

    from_: values.LocationId = Field(alias="from")
    to: values.OtherEnd
    minutes: values.TravelMinutes


class Service(Shape):
    """What is booked."""

    id: values.OwnServiceId
    name: values.Name
    duration_minutes: values.Length
    slot_interval_minutes: values.Length = 30
    buffer_before_minutes: values.Buffer = 0
    buffer_after_minutes: values.Buffer = 0
    price_cents: values.Price
    min_notice_minutes: values.Notice = 0
    horizon_days: values.Horizon = 60
    active: bool = True


class Offering(Shape):
    """A service as one stylist gives it; None = as the service says."""

    service: values.OfferedId
    price_cents: values.Price | None = None
    duration_minutes: values.Length | None = None


class Hours(Shape):
    """Weekly windows and breaks of some weekdays, at home unless a location is named, in a season with both ends in."""

    days: list[values.Weekday]
    windows: list[values.Window]
    breaks: list[values.Window] = []
    location: values.LocationId | None = None
    from_: values.Date | None = Field(None, alias="from")
    until: values.HoursEnd | None = None


class Override(Shape):
    """One date's own hours; no windows = a day off."""

    date: values.OverrideDay
    windows: list[values.Window]
    breaks: list[values.Window] = []
    location: values.LocationId | None = None


class TimeOff(Shape):
    """A span, or a local day at home."""

    start_utc: values.Instant | None = None
    end_utc: values.SpanEnd | None = None
    date: values.Day | None = None

    @model_validator(mode="after")
    def _one_form(self) -> TimeOff:
        given = (self.start_utc is not None, self.end_utc is not None, self.date is not None)
        if given not in ((True, True, False), (False, False, True)):
            raise ValueError("needs either startUtc and endUtc, or date alone")
        return self


class Busy(Shape):
    """A time taken by another calendar, the source."""

    source: values.Name
    start_utc: values.Instant
    end_utc: values.SpanEnd


class Booking(Shape):
    """A booking made elsewhere, at home unless a location is named."""

    start_utc: values.Instant
    end_utc: values.BookingEnd
    buffer_before_minutes: values.Buffer = 0
    buffer_after_minutes: values.Buffer = 0
    service: values.ServiceId
    location: values.LocationId | None = None


class Stylist(Shape):
    """Who is booked, with all that is theirs. location: the home."""

    id: values.OwnStylistId
    name: values.Name
    location: values.LocationId
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
        values.met(info, "offered").clear()
        values.met(info, "overridden").clear()
        return value


class PriceRule(Shape):
    """A percentage and when it applies; without a condition, always. They apply in the order of the file."""

    name: values.Name
    basis_points: values.BasisPoints = Field(alias="percent")
    service: values.ServiceId | None = None
    days: list[values.Weekday] = []
    from_: values.StartMinute | None = Field(None, alias="from")
    to: values.Minute | None = None
    from_date: values.Date | None = None
    until_date: values.RuleEnd | None = None


class SalonFile(Shape):
    """A business and all that is its own. What others name comes before them, so that names can be looked up."""

    tenant: Tenant
    locations: list[Location] = []
    travel: list[Travel] = []
    services: list[Service] = []
    stylists: list[Stylist] = []
    price_rules: list[PriceRule] = []
