"""How a business is set up, as staff see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date as date_
from datetime import datetime
from typing import Any

import strawberry

from schema.operation import context_of
from schema.setup_inputs import Weekday
from schema.types import Info, Location, Service, Stylist, Tenant

WEEKDAYS = tuple(Weekday)

Row = Mapping[str, Any]


def _wall(minute: int) -> str:
    """Minutes from 00:00 as people write them; past midnight, the next day's."""
    return "24:00" if minute == 1440 else f"{minute // 60 % 24:02}:{minute % 60:02}"


def _wall_or_none(minute: int | None) -> str | None:
    return None if minute is None else _wall(minute)


def _date(text: str | None) -> date_ | None:
    return date_.fromisoformat(text) if text else None


@strawberry.type(description="A span of wall time, `HH:MM`; an end before the start lies on the next day.")
class WallTimes:
    from_: str = strawberry.field(name="from", description="Its start.")
    to: str = strawberry.field(description="Its end, itself not included.")

    @classmethod
    def of(cls, row: Row) -> WallTimes:
        return cls(from_=_wall(row["starts_minute"]), to=_wall(row["ends_minute"]))


@strawberry.type(description="A window or break of one weekday.")
class WeeklyHours:
    weekday: Weekday = strawberry.field(description="Its weekday.")
    times: WallTimes = strawberry.field(description="When, in the place's wall time.")
    is_break: bool = strawberry.field(description="Whether it is a break.")
    location: Location = strawberry.field(description="Where.")
    from_: date_ | None = strawberry.field(name="from", description="The season's first date.")
    until: date_ | None = strawberry.field(description="The season's last date, itself included.")

    @classmethod
    def of(cls, info: Info, row: Row) -> WeeklyHours:
        return cls(
            weekday=WEEKDAYS[row["weekday"] - 1],
            times=WallTimes.of(row),
            is_break=row["is_break"],
            location=Location.of(context_of(info).directory, row["location_id"]),
            from_=_date(row["valid_from"]),
            until=_date(row["valid_until"]),
        )


@strawberry.type(description="One date's own hours.")
class Override:
    date: date_ = strawberry.field(description="The date.")
    location: Location = strawberry.field(description="Where.")
    windows: list[WallTimes] = strawberry.field(description="When they work; none: a day off.")
    breaks: list[WallTimes] = strawberry.field(description="When they pause.")
    reason: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, info: Info, row: Row) -> Override:
        return cls(
            date=date_.fromisoformat(row["on_date"]),
            location=Location.of(context_of(info).directory, row["location_id"]),
            windows=[WallTimes.of(one) for one in row["hours"] if not one["is_break"]],
            breaks=[WallTimes.of(one) for one in row["hours"] if one["is_break"]],
            reason=row["reason"],
        )


@strawberry.type(description="A span out of a stylist's hours.")
class TimeOff:
    id: strawberry.ID = strawberry.field(description="Its id.")
    start_utc: datetime = strawberry.field(description="Its start.")
    end_utc: datetime = strawberry.field(description="Its end, itself not included.")
    reason: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, row: Row) -> TimeOff:
        return cls(
            id=row["id"],
            start_utc=datetime.fromisoformat(row["starts_at"]),
            end_utc=datetime.fromisoformat(row["ends_at"]),
            reason=row["reason"],
        )


@strawberry.type(description="An external calendar of a stylist.")
class BusySource:
    source: str = strawberry.field(description="Its name.")
    as_of: datetime = strawberry.field(description="When it was last heard of.")
    stale: bool = strawberry.field(description="Whether that is longer ago than the business allows.")


@strawberry.type(description="A service that a stylist rather not gives at a time of the week.")
class Avoided:
    service: Service = strawberry.field(description="The service.")
    days: list[Weekday] = strawberry.field(description="On these weekdays; none: on all.")
    times: WallTimes = strawberry.field(description="When, in the wall time of their home.")


@strawberry.type(description="What a stylist rather not does.")
class StylistPreferences:
    longest_run_minutes: int | None = strawberry.field(description="The longest time of work without a pause.")
    pause_minutes: int = strawberry.field(description="What counts as a pause.")
    bookings_a_day_max: int | None = strawberry.field(description="How many bookings may begin on one day.")
    avoided: list[Avoided] = strawberry.field(description="Services they rather not give, and when.")

    @classmethod
    def of(cls, info: Info, wishes: Row | None, avoided: Iterable[Row]) -> StylistPreferences:
        directory = context_of(info).directory
        wishes = wishes or {"run_minutes_max": None, "pause_minutes": 15, "bookings_a_day_max": None}
        return cls(
            longest_run_minutes=wishes["run_minutes_max"],
            pause_minutes=wishes["pause_minutes"],
            bookings_a_day_max=wishes["bookings_a_day_max"],
            avoided=[
                Avoided(
                    service=Service.of(directory, row["service_id"]),
                    days=[WEEKDAYS[day - 1] for day in row["weekdays"]],
                    times=WallTimes(from_=_wall(row["from_minute"]), to=_wall(row["to_minute"])),
                )
                for row in avoided
            ],
        )


@strawberry.type(description="How a stylist is set up: what is past is left out.")
class StylistSetup:
    active: bool = strawberry.field(description="Whether they can be booked.")
    hours: list[WeeklyHours] = strawberry.field(description="Their week.")
    overrides: list[Override] = strawberry.field(description="Dates with hours of their own, by date.")
    time_off: list[TimeOff] = strawberry.field(description="Their time off, by start.")
    busy_sources: list[BusySource] = strawberry.field(description="Their external calendars, by name.")
    preferences: StylistPreferences = strawberry.field(description="What they rather not do.")

    @classmethod
    def of(cls, info: Info, stylist_id: str, found: Row) -> StylistSetup:
        return cls(
            active=context_of(info).directory.stylists[stylist_id].active,
            hours=[WeeklyHours.of(info, row) for row in found["hours"]],
            overrides=[Override.of(info, row) for row in found["overrides"]],
            time_off=[TimeOff.of(row) for row in found["off"]],
            busy_sources=[
                BusySource(source=row["source"], as_of=datetime.fromisoformat(row["as_of"]), stale=row["stale"])
                for row in found["sources"]
            ],
            preferences=StylistPreferences.of(info, found["wishes"], found["avoided"]),
        )


@strawberry.type(description="A date on which a place is closed.")
class Closure:
    location: Location = strawberry.field(description="Where.")
    date: date_ = strawberry.field(description="The date, there.")
    reason: str | None = strawberry.field(description="Why.")


@strawberry.type(description="How long the way between two places takes, the same both ways.")
class TravelTime:
    from_location: Location = strawberry.field(description="One place.")
    to_location: Location = strawberry.field(description="The other.")
    minutes: int = strawberry.field(description="Minutes.")


@strawberry.type(description="A percentage and when it applies.")
class PriceRule:
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Its name.")
    percent: float = strawberry.field(description="20 is +20 %.")
    position: int = strawberry.field(description="Its place in the order.")
    service: Service | None = strawberry.field(description="Only this service.")
    days: list[Weekday] = strawberry.field(description="Only these weekdays; none: all.")
    from_: str | None = strawberry.field(name="from", description="Only starts from this wall time on.")
    to: str | None = strawberry.field(description="Only starts before this wall time.")
    from_date: date_ | None = strawberry.field(description="Only from this date on.")
    until_date: date_ | None = strawberry.field(description="Only until this date, itself included.")

    @classmethod
    def of(cls, info: Info, row: Row) -> PriceRule:
        return cls(
            id=row["id"],
            name=row["name"],
            percent=row["basis_points"] / 100,
            position=row["position"],
            service=Service.of(context_of(info).directory, row["service_id"]) if row["service_id"] else None,
            days=[WEEKDAYS[day - 1] for day in row["weekdays"]],
            from_=_wall_or_none(row["from_minute"]),
            to=_wall_or_none(row["to_minute"]),
            from_date=_date(row["from_on"]),
            until_date=_date(row["until_on"]),
        )


@strawberry.type(description="How the business is set up. Closures that are past are left out.")
class Setup:
    tenant: Tenant = strawberry.field(description="The business.")
    hold_minutes: float = strawberry.field(description="How long a hold lasts.")
    payment_url: str | None = strawberry.field(description="Where bookings are paid for.")
    payment_minutes: int | None = strawberry.field(description="How long a booking waits for its payment.")
    busy_stale_minutes: int | None = strawberry.field(description="After how long an external calendar is stale.")
    busy_stale_closes: bool = strawberry.field(description="Whether a stale calendar closes its stylist's days.")
    services: list[Service] = strawberry.field(description="All services, on sale or not, by name.")
    stylists: list[Stylist] = strawberry.field(description="All stylists, bookable or not, by name.")
    closures: list[Closure] = strawberry.field(description="Dates on which places are closed, by date.")
    travel_times: list[TravelTime] = strawberry.field(description="Ways between places.")
    price_rules: list[PriceRule] = strawberry.field(description="Price rules, in the order in which they apply.")

    @classmethod
    def of(cls, info: Info, found: Row) -> Setup:
        directory, settings = context_of(info).directory, found["tenant"]
        return cls(
            tenant=Tenant.of(directory.tenant),
            hold_minutes=settings["hold_seconds"] / 60,
            payment_url=settings["payment_url"],
            payment_minutes=_minutes(settings["payment_seconds"]),
            busy_stale_minutes=_minutes(settings["busy_stale_seconds"]),
            busy_stale_closes=settings["busy_stale_closes"],
            services=[Service.of(directory, service_id) for service_id in directory.services],
            stylists=[Stylist.of(directory, stylist_id) for stylist_id in directory.stylists],
            closures=[
                Closure(
                    location=Location.of(directory, row["location_id"]),
                    date=date_.fromisoformat(row["closed_on"]),
                    reason=row["reason"],
                )
                for row in found["closures"]
            ],
            travel_times=[
                TravelTime(
                    from_location=Location.of(directory, row["from_location_id"]),
                    to_location=Location.of(directory, row["to_location_id"]),
                    minutes=row["minutes"],
                )
                for row in found["travel"]
            ],
            price_rules=[PriceRule.of(info, row) for row in found["rules"]],
        )


def _minutes(seconds: int | None) -> int | None:
    return None if seconds is None else seconds // 60
