"""What staff and admins send to set a business up. Only types are checked here; resolvers/shapes.py finds every other fault."""

from __future__ import annotations

import dataclasses
from datetime import date as date_
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import strawberry
from strawberry.types.unset import UNSET
from strawberry.utils.str_converters import to_camel_case

from schema.scalars import instant_text
from schema.types import show


class Weekday(Enum):
    """ISO weekdays by their first letters."""

    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


show(
    Weekday,
    "A day of the week.",
    MON="Monday.",
    TUE="Tuesday.",
    WED="Wednesday.",
    THU="Thursday.",
    FRI="Friday.",
    SAT="Saturday.",
    SUN="Sunday.",
)

OWN_ID = "An id of your own, a UUID, so that the same request twice makes one thing. Default: a new one."
REASON = "Why, for staff."
UNCHANGED = "Default: as it was."


def plain(given: Any, *, keep_null: bool = False) -> Any:
    """An input as JSON values under its GraphQL names. What was not given is left out, and null is as good as that.

    keep_null: null says something, of the input itself.
    """
    if dataclasses.is_dataclass(given):
        values = {_name(field): getattr(given, field.name) for field in dataclasses.fields(given)}
        none = (UNSET,) if keep_null else (UNSET, None)
        return {name: plain(value) for name, value in values.items() if value not in none}
    if isinstance(given, list):
        return [plain(one) for one in given]
    if isinstance(given, datetime):
        return instant_text(given)
    if isinstance(given, date_):
        return given.isoformat()
    if isinstance(given, Enum):
        return given.value
    return Decimal(str(given)) if isinstance(given, float) else given


def as_json(given: Any) -> Any:
    """The same with fractions as numbers, as the audit log keeps it."""
    if isinstance(given, dict):
        return {name: as_json(value) for name, value in given.items()}
    if isinstance(given, list):
        return [as_json(one) for one in given]
    return float(given) if isinstance(given, Decimal) else given


def _name(field: Any) -> str:
    return field.graphql_name or to_camel_case(field.python_name)


@strawberry.input(
    description="A span of wall time, `HH:MM`; an end before the start lies on the next day, `24:00` may end it."
)
class WallTimesInput:
    from_: str = strawberry.field(name="from", description="Its start, as `09:00`.")
    to: str = strawberry.field(description="Its end, as `17:00`.")


@strawberry.input(description="A new business.")
class TenantCreateInput:
    slug: str = strawberry.field(description="Its short name: 1 to 63 of a-z, 0-9 and -.")
    name: str = strawberry.field(description="Its name.")
    timezone: str = strawberry.field(description="Its own IANA zone.")
    currency: str = strawberry.field(description="ISO 4217 code of all its prices.")
    hold_minutes: float | None = strawberry.field(default=UNSET, description="How long a hold lasts. Default: 10.")


@strawberry.input(description="What is to change of the business itself.")
class TenantUpdateInput:
    name: str | None = strawberry.field(default=UNSET, description=f"Its name. {UNCHANGED}")
    timezone: str | None = strawberry.field(default=UNSET, description=f"Its own IANA zone. {UNCHANGED}")
    currency: str | None = strawberry.field(default=UNSET, description=f"ISO 4217 code of all its prices. {UNCHANGED}")
    hold_minutes: float | None = strawberry.field(default=UNSET, description=f"How long a hold lasts. {UNCHANGED}")
    payment_url: str | None = strawberry.field(
        default=UNSET,
        description="Where bookings are paid for, https, with {booking}, {amount} (minor units) and {currency} to be filled in; "
        f"null: nothing is paid online. {UNCHANGED}",
    )
    payment_minutes: int | None = strawberry.field(
        default=UNSET,
        description=f"How long a booking waits for its payment before it frees itself; null: for ever. {UNCHANGED}",
    )
    busy_stale_minutes: int | None = strawberry.field(
        default=UNSET,
        description=f"After how long without news an external calendar is stale; null: never. {UNCHANGED}",
    )
    busy_stale_closes: bool | None = strawberry.field(
        default=UNSET,
        description=f"Whether a stale calendar closes its stylist's days, rather than guessing. {UNCHANGED}",
    )


@strawberry.input(description="A new place.")
class LocationCreateInput:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description=OWN_ID)
    name: str = strawberry.field(description="Its name.")
    timezone: str = strawberry.field(description="Its IANA zone.")


@strawberry.input(description="What is to change of a place.")
class LocationUpdateInput:
    id: strawberry.ID = strawberry.field(description="The location's id.")
    name: str | None = strawberry.field(default=UNSET, description=f"Its name. {UNCHANGED}")
    timezone: str | None = strawberry.field(default=UNSET, description=f"Its IANA zone. {UNCHANGED}")


@strawberry.input(description="A place and a date on which it is closed, whatever the hours say.")
class LocationCloseInput:
    location_id: strawberry.ID = strawberry.field(description="The location's id.")
    date: date_ = strawberry.field(description="The date, there.")
    reason: str | None = strawberry.field(default=UNSET, description=REASON)


@strawberry.input(description="How long the way between two places takes, the same both ways.")
class TravelTimeSetInput:
    from_location_id: strawberry.ID = strawberry.field(description="One place.")
    to_location_id: strawberry.ID = strawberry.field(description="The other.")
    minutes: int = strawberry.field(description="0 to 1440.")


@strawberry.input(description="A new service.")
class ServiceCreateInput:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description=OWN_ID)
    name: str = strawberry.field(description="Its name.")
    duration_minutes: int = strawberry.field(description="Its length, 1 to 1440.")
    slot_interval_minutes: int | None = strawberry.field(
        default=UNSET, description="The distance of starts on the grid, 1 to 1440. Default: 30."
    )
    buffer_before_minutes: int | None = strawberry.field(
        default=UNSET, description="Kept free before it, 0 to 720. Default: 0."
    )
    buffer_after_minutes: int | None = strawberry.field(
        default=UNSET, description="Kept free after it, 0 to 720. Default: 0."
    )
    price_cents: int = strawberry.field(description="Its price in minor units, before rules.")
    min_notice_minutes: int | None = strawberry.field(
        default=UNSET, description="How long before its start it must be booked. Default: 0."
    )
    horizon_days: int | None = strawberry.field(
        default=UNSET, description="How many days ahead it can be booked. Default: 60."
    )


@strawberry.input(description="What is to change of a service.")
class ServiceUpdateInput:
    id: strawberry.ID = strawberry.field(description="The service's id.")
    name: str | None = strawberry.field(default=UNSET, description=f"Its name. {UNCHANGED}")
    duration_minutes: int | None = strawberry.field(default=UNSET, description=f"Its length. {UNCHANGED}")
    slot_interval_minutes: int | None = strawberry.field(
        default=UNSET, description=f"The distance of starts. {UNCHANGED}"
    )
    buffer_before_minutes: int | None = strawberry.field(default=UNSET, description=f"Kept free before it. {UNCHANGED}")
    buffer_after_minutes: int | None = strawberry.field(default=UNSET, description=f"Kept free after it. {UNCHANGED}")
    price_cents: int | None = strawberry.field(default=UNSET, description=f"Its price, before rules. {UNCHANGED}")
    min_notice_minutes: int | None = strawberry.field(default=UNSET, description=f"Its minimum notice. {UNCHANGED}")
    horizon_days: int | None = strawberry.field(default=UNSET, description=f"How many days ahead. {UNCHANGED}")
    active: bool | None = strawberry.field(default=UNSET, description=f"Whether it is on sale. {UNCHANGED}")


@strawberry.input(description="Somebody new who can be booked.")
class StylistCreateInput:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description=OWN_ID)
    name: str = strawberry.field(description="Their name.")
    home_location_id: strawberry.ID = strawberry.field(description="Where they work unless their hours say otherwise.")


@strawberry.input(description="What is to change of a stylist.")
class StylistUpdateInput:
    id: strawberry.ID = strawberry.field(description="The stylist's id.")
    name: str | None = strawberry.field(default=UNSET, description=f"Their name. {UNCHANGED}")
    home_location_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description=f"Where they work unless their hours say otherwise. {UNCHANGED}"
    )
    active: bool | None = strawberry.field(default=UNSET, description=f"Whether they can be booked. {UNCHANGED}")


@strawberry.input(description="That a stylist gives a service, and how.")
class OfferingSetInput:
    stylist_id: strawberry.ID = strawberry.field(description="Who gives it.")
    service_id: strawberry.ID = strawberry.field(description="What is given.")
    duration_minutes: int | None = strawberry.field(
        default=UNSET, description="Its length with them. Default: the service's."
    )
    price_cents: int | None = strawberry.field(
        default=UNSET, description="Its price with them. Default: the service's."
    )


@strawberry.input(description="Weekly hours of some weekdays at one place, perhaps for a season.")
class HoursInput:
    days: list[Weekday] = strawberry.field(description="On which weekdays.")
    windows: list[WallTimesInput] = strawberry.field(description="When they work.")
    breaks: list[WallTimesInput] | None = strawberry.field(
        default=UNSET, description="When they pause. Default: never."
    )
    location_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Where. Default: at home.")
    from_: date_ | None = strawberry.field(
        name="from", default=UNSET, description="The season's first date. Default: open."
    )
    until: date_ | None = strawberry.field(
        default=UNSET, description="The season's last date, itself included. Default: open."
    )


@strawberry.input(description="A stylist's whole week: it replaces the one before.")
class ScheduleSetInput:
    stylist_id: strawberry.ID = strawberry.field(description="Whose week.")
    hours: list[HoursInput] = strawberry.field(description="All of their hours.")


@strawberry.input(description="One date's own hours, in place of the week's, at every place.")
class OverrideSetInput:
    stylist_id: strawberry.ID = strawberry.field(description="Whose date.")
    date: date_ = strawberry.field(description="The date, at the place of the override.")
    windows: list[WallTimesInput] = strawberry.field(description="When they work; none: a day off.")
    breaks: list[WallTimesInput] | None = strawberry.field(
        default=UNSET, description="When they pause. Default: never."
    )
    location_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Where. Default: at home.")
    reason: str | None = strawberry.field(default=UNSET, description=REASON)


@strawberry.input(description="A span out of a stylist's hours: from start to end, or a whole date at home.")
class TimeOffAddInput:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description=OWN_ID)
    stylist_id: strawberry.ID = strawberry.field(description="Whose time.")
    start_utc: datetime | None = strawberry.field(default=UNSET, description="Its start.")
    end_utc: datetime | None = strawberry.field(default=UNSET, description="Its end, itself not included.")
    date: date_ | None = strawberry.field(default=UNSET, description="A whole date instead.")
    reason: str | None = strawberry.field(default=UNSET, description=REASON)


@strawberry.input(description="A time that another calendar has taken.")
class BusySpanInput:
    start_utc: datetime = strawberry.field(description="Its start.")
    end_utc: datetime = strawberry.field(description="Its end, itself not included.")


@strawberry.input(description="All that an external calendar knows of a stylist: it replaces what it said before.")
class BusyTimesReplaceInput:
    stylist_id: strawberry.ID = strawberry.field(description="Whose calendar.")
    source: str = strawberry.field(description="The calendar's name, as `google`.")
    as_of: datetime = strawberry.field(
        description="When this was read from it; older news than what is known is refused."
    )
    spans: list[BusySpanInput] = strawberry.field(description="The times that it has taken.")


@strawberry.input(
    description="A percentage and when it applies: without a condition, always. Rules compound in their order."
)
class PriceRuleSetInput:
    id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The rule that is to be so. Default: a new one."
    )
    name: str = strawberry.field(description="Its name, as staff see it.")
    percent: float = strawberry.field(description="-100 to 1000, at most two decimals: 20 is +20 %.")
    position: int | None = strawberry.field(
        default=UNSET,
        description="Its place in the order; what stands there goes one further. Default: where it was, or last.",
    )
    service_id: strawberry.ID | None = strawberry.field(default=UNSET, description="Only this service.")
    days: list[Weekday] | None = strawberry.field(default=UNSET, description="Only these weekdays.")
    from_: str | None = strawberry.field(name="from", default=UNSET, description="Only starts from this wall time on.")
    to: str | None = strawberry.field(
        default=UNSET, description="Only starts before this wall time; it may be the next day's."
    )
    from_date: date_ | None = strawberry.field(default=UNSET, description="Only from this date on.")
    until_date: date_ | None = strawberry.field(default=UNSET, description="Only until this date, itself included.")


@strawberry.input(description="A service at a time of the week, in the wall time of the stylist's home.")
class AvoidedInput:
    service_id: strawberry.ID = strawberry.field(description="The service.")
    days: list[Weekday] | None = strawberry.field(default=UNSET, description="Only these weekdays. Default: all.")
    from_: str = strawberry.field(name="from", description="From this wall time, as `09:00`.")
    to: str = strawberry.field(description="To this wall time; before `from`: of the next day.")


@strawberry.input(description="What a stylist rather not does; it replaces what they wished before.")
class StylistPreferencesSetInput:
    stylist_id: strawberry.ID = strawberry.field(description="Whose wishes.")
    longest_run_minutes: int | None = strawberry.field(
        default=UNSET,
        description="The longest time of work, buffers included, without a pause, 1 to 720. Default: any.",
    )
    pause_minutes: int | None = strawberry.field(
        default=UNSET, description="What counts as a pause, 1 to 240. Default: 15."
    )
    bookings_a_day_max: int | None = strawberry.field(
        default=UNSET, description="At most so many a day, 0 to 200. Default: any."
    )
    avoided: list[AvoidedInput] | None = strawberry.field(
        default=UNSET, description="Services they rather not give, and when."
    )
