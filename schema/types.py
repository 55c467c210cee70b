"""What GraphQL shows of the domain. Each type holds the domain's value and reads from it what is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import date as date_
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import strawberry

from cache.versioned import Freshness, Source
from domain import hours, model
from domain.errors import Free, OrderReason
from domain.model import Directory, SlotStatus
from execution.marks import Written, by_asker, momentary, planned_later, settled
from resolvers import availability
from resolvers.loaders import Later
from resolvers.turns import paced, paced_later
from schema import inputs
from schema.operation import context_of
from schema.permissions import IsStaff, only
from schema.scalars import clock_text, instant_text

if TYPE_CHECKING:
    from schema.setup import StylistSetup

T = TypeVar("T")

HUNDREDTH = timedelta(milliseconds=10)
WITHOUT_MARKS = str.maketrans("", "", "-:")

Info = strawberry.Info[Any, Any]


def show(enum: type[Enum], description: str, *, name: str | None = None, **values: str) -> None:
    """Makes an enum that knows nothing of GraphQL a part of the schema; values: the description of each member."""
    strawberry.enum(enum, name=name, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values.pop(value.name)
    assert not values, f"{enum.__name__} has no {values}"


show(
    SlotStatus,
    "What a start on the grid is. Only inside working hours; why a start is UNAVAILABLE is for staff alone.",
    AVAILABLE="It can be held or booked now.",
    HELD="Somebody holds it while they book, you perhaps: `heldByYou`.",
    BOOKED="It is booked.",
    UNAVAILABLE="It cannot be booked: past or too soon, too far ahead, or the stylist is not free.",
)
show(
    Freshness,
    "How sure an answer is to be: checked against Postgres, as cached, or computed anew.",
    VERIFIED="From the cache if its version is still the one that Postgres has, else computed anew.",
    CACHED="From the cache as it is, perhaps milliseconds late; computed anew if it is not there.",
    BYPASS="Computed anew from Postgres, whatever the cache has.",
)
show(
    Source,
    "Where an answer came from.",
    name="CacheSource",
    MEMORY="The memory of the process that answered.",
    REDIS="The cache that all processes share.",
    DATABASE="Postgres.",
)

show(
    OrderReason,
    "Why a free start of one of several stylists stands where it does.",
    EARLIEST="Nobody else is free at this start.",
    FEWEST_BOOKINGS="Others are free at this start too, and this stylist has another number of bookings that day: fewest first.",
    TIE="Others with as many bookings that day are free at this start too: by stylist id.",
)

FreshnessArgument = Annotated[
    Freshness | None,
    strawberry.argument(
        description="VERIFIED: its version is checked against Postgres. CACHED: as cached, perhaps milliseconds late. "
        "BYPASS: computed anew."
    ),
]


@strawberry.type(description="One business.")
class Tenant:
    id: strawberry.ID = strawberry.field(description="Its id.")
    slug: str = strawberry.field(description="Its short name, as in the header X-Tenant.")
    name: str = strawberry.field(description="Its name.")
    currency: str = strawberry.field(description="ISO 4217 code of all its prices.")
    timezone: str = strawberry.field(description="Its own IANA zone.")

    @classmethod
    def of(cls, tenant: model.Tenant) -> Tenant:
        return cls(
            id=strawberry.ID(tenant.id),
            slug=tenant.slug,
            name=tenant.name,
            currency=tenant.currency,
            timezone=tenant.timezone,
        )


@strawberry.type(description="A place where stylists work, with its time zone.")
class Location:
    directory: strawberry.Private[Directory]
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Its name.")
    timezone: str = strawberry.field(description="Its IANA zone: working hours and dates are counted in it.")

    @classmethod
    def of(cls, directory: Directory, location_id: str) -> Location:
        location = directory.locations[location_id]
        return cls(directory=directory, id=strawberry.ID(location.id), name=location.name, timezone=location.timezone)

    @strawberry.field(description="Who works here, by name.")
    def stylists(self) -> list[Stylist]:
        return [
            Stylist.of(self.directory, stylist.id)
            for stylist in self.directory.stylists.values()
            if stylist.active and self.id in stylist.location_ids
        ]


@strawberry.type(description="What can be booked.")
class Service:
    directory: strawberry.Private[Directory]
    id: strawberry.ID = strawberry.field(description="Its id.")
    name: str = strawberry.field(description="Its name.")
    duration_minutes: int = strawberry.field(description="Its length; a stylist may differ.")
    slot_interval_minutes: int = strawberry.field(description="The distance of starts on the grid.")
    buffer_before_minutes: int = strawberry.field(description="Kept free before it; never shown as booked.")
    buffer_after_minutes: int = strawberry.field(description="Kept free after it; never shown as booked.")
    price_cents: int = strawberry.field(description="Its price in minor units, before rules; a stylist may differ.")
    min_notice_minutes: int = strawberry.field(description="How long before its start it must be booked.")
    horizon_days: int = strawberry.field(description="How many days ahead it can be booked.")

    @classmethod
    def of(cls, directory: Directory, service_id: str) -> Service:
        service = directory.services[service_id]
        return cls(
            directory=directory,
            id=strawberry.ID(service.id),
            name=service.name,
            duration_minutes=service.duration_minutes,
            slot_interval_minutes=service.slot_interval_minutes,
            buffer_before_minutes=service.buffer_before_minutes,
            buffer_after_minutes=service.buffer_after_minutes,
            price_cents=service.price_cents,
            min_notice_minutes=service.min_notice_minutes,
            horizon_days=service.horizon_days,
        )

    @strawberry.field(description="The stylists who offer it, each with their length and price.")
    def offerings(self) -> list[Offering]:
        return Offering.active(self.directory, self.directory.by_service.get(self.id, ()))


@strawberry.type(description="Who can be booked.")
class Stylist:
    directory: strawberry.Private[Directory]
    id: strawberry.ID = strawberry.field(description="Their id.")
    name: str = strawberry.field(description="Their name.")
    timezone: str = strawberry.field(description="The zone of their home location.")

    @classmethod
    def of(cls, directory: Directory, stylist_id: str) -> Stylist:
        stylist = directory.stylists[stylist_id]
        return cls(directory=directory, id=strawberry.ID(stylist.id), name=stylist.name, timezone=stylist.timezone)

    @strawberry.field(description="Where they work: the home location first.")
    def locations(self) -> list[Location]:
        return [Location.of(self.directory, place) for place in self.directory.stylists[self.id].location_ids]

    @strawberry.field(description="What they offer, by name.")
    def services(self) -> list[Offering]:
        return Offering.active(self.directory, self.directory.by_stylist.get(self.id, ()))

    @strawberry.field(description="Their starts for a service on a date.")
    @planned_later
    def available_slots(
        self,
        info: Info,
        service_id: inputs.ServiceIdArgument,
        date: inputs.DateArgument,
        timezone: inputs.TimezoneArgument = None,
        freshness: FreshnessArgument = Freshness.VERIFIED,
    ) -> Availability:
        return slots_of(info, self.id, inputs.uuid(service_id, "serviceId"), date, timezone, freshness)

    @strawberry.field(description="Their starts for a service on each date of a range, at most 62 days.")
    @planned_later
    def availability(
        self,
        info: Info,
        service_id: inputs.ServiceIdArgument,
        from_: inputs.FromDateArgument,
        to: inputs.ToDateArgument,
        timezone: inputs.TimezoneArgument = None,
        freshness: FreshnessArgument = Freshness.VERIFIED,
    ) -> list[Availability]:
        context = context_of(info)
        found = availability.of_stylist(
            context,
            stylist_id=self.id,
            service_id=inputs.uuid(service_id, "serviceId"),
            dates=inputs.dates(from_, to, context.app.limits.days),
            zone=inputs.zone(timezone),
            freshness=freshness or Freshness.VERIFIED,
        )
        return later(found, lambda answers: [Availability.of(info, one) for one in answers])

    @strawberry.field(**only(IsStaff, "how they are set up: hours, time off, calendars, wishes."))
    async def setup(self, info: Info) -> Annotated[StylistSetup, strawberry.lazy("schema.setup")]:
        from schema import setup  # noqa: PLC0415 - which is made of the types here

        return setup.StylistSetup.of(info, self.id, await context_of(info).stylist_setups.load(self.id))


@strawberry.type(description="A service as one stylist gives it.")
class Offering:
    directory: strawberry.Private[Directory]
    offering: strawberry.Private[model.Offering]
    duration_minutes: int = strawberry.field(description="Its length with this stylist.")
    price_cents: int = strawberry.field(description="Its price with this stylist, in minor units, before rules.")

    @classmethod
    def active(cls, directory: Directory, offerings: Iterable[model.Offering]) -> list[Offering]:
        """Those of which both the stylist and the service are on sale."""
        return [
            cls(
                directory=directory,
                offering=offering,
                duration_minutes=offering.duration_minutes,
                price_cents=offering.price_cents,
            )
            for offering in offerings
            if directory.stylists[offering.stylist_id].active and directory.services[offering.service_id].active
        ]

    @strawberry.field(description="Who gives it.")
    def stylist(self) -> Stylist:
        return Stylist.of(self.directory, self.offering.stylist_id)

    @strawberry.field(description="What is given.")
    def service(self) -> Service:
        return Service.of(self.directory, self.offering.service_id)

    @strawberry.field(description="Its starts on a date.")
    @planned_later
    def available_slots(
        self,
        info: Info,
        date: inputs.DateArgument,
        timezone: inputs.TimezoneArgument = None,
        freshness: FreshnessArgument = Freshness.VERIFIED,
    ) -> Availability:
        return slots_of(info, self.offering.stylist_id, self.offering.service_id, date, timezone, freshness)


def _age(computed_at: datetime, now: datetime) -> float:
    """In seconds and whole hundredths, at an instant by Postgres's clock: answers of one moment are the same bytes then."""
    return max(0.0, (now - computed_at) // HUNDREDTH / 100)


@strawberry.type(description="How fresh an answer is. Every field can be tested.")
class CacheInfo:
    found: strawberry.Private[availability.Availability]
    version: str = strawberry.field(
        description="Of the facts: dot-separated integers, compared number by number; for one stylist-day never going down."
    )
    computed_at: datetime = strawberry.field(description="When the facts were read from Postgres, by its clock.")
    expires_at: datetime = strawberry.field(description="Until when they may be served from the cache, if unchanged.")

    @classmethod
    def of(cls, found: availability.Availability) -> CacheInfo:
        readings = found.readings
        return cls(
            found=found,
            version=found.version,
            computed_at=min(reading.entry.computed_at for reading in readings),
            expires_at=min(reading.entry.expires_at for reading in readings),
        )

    @strawberry.field(description="Whether it came from a cache rather than being loaded for this request.")
    @settled(lambda _: True)
    def hit(self) -> bool:
        return all(reading.hit for reading in self.found.readings)

    @strawberry.field(description="Where its facts came from.")
    @settled(lambda _: Source.MEMORY)
    def source(self) -> Source:
        sources = {reading.source for reading in self.found.readings}
        return next(source for source in (Source.DATABASE, Source.REDIS, Source.MEMORY) if source in sources)

    @strawberry.field(description="Whether its version was checked against Postgres for this request.")
    @settled(lambda self: self.is_verified)
    def verified(self) -> bool:
        return self.is_verified

    @strawberry.field(description="How old the facts are, in seconds and hundredths.")
    @momentary("computed_at", _age)
    def age_seconds(self) -> float:
        return _age(self.computed_at, self.found.now)

    @property
    def is_verified(self) -> bool:
        """Of all that it was made of."""
        return all(reading.verified for reading in self.found.readings)


@strawberry.type(description="A stylist's starts for a service on one date.")
class Availability:
    directory: strawberry.Private[Directory]
    found: strawberry.Private[availability.Availability]
    holder: strawberry.Private[str | None]
    date: date_ = strawberry.field(description="The date asked for.")

    @classmethod
    def of(cls, info: Info, found: availability.Availability) -> Availability:
        context = context_of(info)
        return cls(directory=context.directory, found=found, holder=context.caller.holder, date=found.date)

    def shelf(self) -> tuple[dict[Any, Any], Any] | None:
        """Where what is rendered of it can be kept: beside its slots; and what else that depends on."""
        kept, found = self.found.kept, self.found
        if kept is None:
            return None
        if kept.get("directory") is not self.directory:  # its names are in what is kept
            kept.clear()
            kept["directory"] = self.directory
        holder = self.holder if any(slot.holder == self.holder for slot in found.slots) else None
        return kept, (found.date, found.zone and found.zone.key, holder)

    def slot(self, slot: model.Slot) -> Slot:
        """One of its slots as a type."""
        found = self.found
        return Slot.of(self.directory, slot, stylist_id=found.stylist_id, service_id=found.service_id, zone=found.zone)

    def all_slots(self) -> list[Slot]:
        """Its slots as types, made once for as long as they are kept."""
        shelf = self.shelf()
        if shelf is None:
            return [self.slot(slot) for slot in self.found.slots]
        kept, what_else = shelf
        key = "slots", what_else
        if key not in kept:
            kept[key] = [self.slot(slot) for slot in self.found.slots]
        found: list[Slot] = kept[key]
        return found

    @strawberry.field(description="Whose time.")
    def stylist(self) -> Stylist:
        return Stylist.of(self.directory, self.found.stylist_id)

    @strawberry.field(description="For what.")
    def service(self) -> Service:
        return Service.of(self.directory, self.found.service_id)

    @strawberry.field(description="The zone in which the date is counted: as asked for, else the stylist's.")
    def timezone(self) -> str:
        return self.found.zone.key if self.found.zone else self.directory.stylists[self.found.stylist_id].timezone

    @strawberry.field(description="Every start on the grid inside working hours, by start.")
    def slots(
        self,
        status: Annotated[
            list[SlotStatus] | None, strawberry.argument(description="Only these, as [AVAILABLE]. Default: all.")
        ] = None,
    ) -> list[Slot]:
        return paced(lambda: [slot for slot in self.all_slots() if status is None or slot.status in status])

    @strawberry.field(description="How many of them are free.")
    def free_count(self) -> int:
        return sum(slot.status is SlotStatus.AVAILABLE for slot in self.found.slots)

    @strawberry.field(
        description="When they are: minutes that have passed since the date began in `timezone`. Short, for counting starts "
        "that several stylists have free between them."
    )
    def free_starts(self) -> list[int]:
        begins_at = hours.local_day(self.date, ZoneInfo(self.timezone())).starts_at
        free = (slot.starts_at for slot in self.found.slots if slot.status is SlotStatus.AVAILABLE)
        return [int((starts_at - begins_at).total_seconds() // 60) for starts_at in free]

    @strawberry.field(description="How fresh this is.")
    def cache(self) -> CacheInfo:
        return CacheInfo.of(self.found)


@strawberry.type(description="A start on the grid, and the time that the service would take from there.")
class Slot:
    directory: strawberry.Private[Directory]
    stylist_id: strawberry.Private[str]
    location_id: strawberry.Private[str]
    holder: strawberry.Private[str | None]
    id: strawberry.ID = strawberry.field(
        description="The same for the same stylist, service and start. Not a UUID: slots are computed, not kept."
    )
    start_utc: datetime = strawberry.field(description="Its start in UTC: what to hold or book it by.")
    end_utc: datetime = strawberry.field(description="Its end in UTC, itself not included.")
    start_local: datetime = strawberry.field(
        description="Its start with offset, in the zone asked for, else the location's."
    )
    end_local: datetime = strawberry.field(
        description="Its end with offset, in the zone asked for, else the location's."
    )
    display: str = strawberry.field(description="Its local start as people write it, as `10:30 AM`.")
    status: SlotStatus = strawberry.field(
        description="Whether it can be booked, and if not, what it looks like to the public."
    )
    is_available: bool = strawberry.field(description="Whether it can be booked now.")
    price_cents: int = strawberry.field(
        description="Its price in minor units, by the rules of its season, weekday and time."
    )
    order_reason: OrderReason | None = strawberry.field(
        description="Why it stands where it does, in firstAvailable's answers."
    )

    @classmethod
    def of(
        cls,
        directory: Directory,
        slot: model.Slot,
        *,
        stylist_id: str,
        service_id: str,
        zone: ZoneInfo | None = None,
        order: OrderReason | None = None,
    ) -> Slot:
        """zone: as asked for, else the location's."""
        zone = zone or ZoneInfo(directory.locations[slot.location_id].timezone)
        start_utc, start_local = instant_text(slot.starts_at), slot.starts_at.astimezone(zone)
        # Any: these are written out once, here, and not each time that they are shown.
        written: Any = {
            "start_utc": Written(start_utc),
            "end_utc": Written(instant_text(slot.ends_at)),
            "start_local": Written(instant_text(start_local)),
            "end_local": Written(instant_text(slot.ends_at.astimezone(zone))),
        }
        return cls(
            directory=directory,
            stylist_id=stylist_id,
            location_id=slot.location_id,
            holder=slot.holder,
            id=strawberry.ID(f"{stylist_id}:{service_id}:{start_utc.translate(WITHOUT_MARKS)}"),
            display=clock_text(start_local),
            status=slot.status,
            is_available=slot.status is SlotStatus.AVAILABLE,
            price_cents=slot.price_cents,
            order_reason=order,
            **written,
        )

    @classmethod
    def free(cls, info: Info, free: Free) -> Slot:
        """A free start of one of several stylists."""
        directory = context_of(info).directory
        return cls.of(directory, free.slot, stylist_id=free.stylist_id, service_id=free.service_id, order=free.order)

    @strawberry.field(description="Whose time.")
    def stylist(self) -> Stylist:
        return Stylist.of(self.directory, self.stylist_id)

    @strawberry.field(description="Where.")
    def location(self) -> Location:
        return Location.of(self.directory, self.location_id)

    @strawberry.field(description="Whether it is the caller, by token or X-Session-Id, who holds it.")
    @by_asker
    def held_by_you(self, info: Info) -> bool:
        return self.holder is not None and self.holder == context_of(info).caller.holder


def slots_of(
    info: Info, stylist_id: str, service_id: str, date: date_, timezone: str | None, freshness: Freshness | None
) -> Any:
    """An Availability, later, of one stylist, service and date. Raises BadRequest, Unavailable."""
    found = availability.of_stylist(
        context_of(info),
        stylist_id=stylist_id,
        service_id=service_id,
        dates=[date],
        zone=inputs.zone(timezone),
        freshness=freshness or Freshness.VERIFIED,
    )
    return later(found, lambda answers: Availability.of(info, answers[0]))


def later(found: Awaitable[list[T]], make: Callable[[list[T]], Any]) -> Any:
    """What the executor will await. Any: Strawberry wants to read the field's own type in the annotation."""
    return Later(paced_later(found), make)
