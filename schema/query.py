"""What can be asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from cache.versioned import Freshness
from domain.errors import BadRequest
from domain.model import Directory
from execution.marks import planned, planned_later
from resolvers import auditing, availability, bookings, counting, explaining, managing
from schema import inputs, types
from schema.audit import AuditConnection
from schema.claims import Booking, BookingConnection
from schema.explanation import Conflict, SlotCause, SlotExplanation
from schema.figures import Figures
from schema.inputs import AfterArgument, DateArgument, IdsArgument, LimitArgument, ServiceIdArgument, StylistIdArgument
from schema.operation import context_of
from schema.permissions import IsAdmin, IsStaff, only
from schema.setup import Setup
from schema.stats import CacheStats
from schema.types import (
    Availability,
    FreshnessArgument,
    Info,
    Location,
    Service,
    Slot,
    Stylist,
    Tenant,
    later,
)
from schema.waitlist import WaitlistQuery
from schema.webhooks import WebhookQuery

BOOKING_DAYS_MAX = 366


@strawberry.type(description="What can be asked. Reading availability needs no token.")
class Query(Figures, WaitlistQuery, WebhookQuery):
    @strawberry.field(description="The business: the token's, else the header X-Tenant's, else the server's default.")
    @planned
    def tenant(self, info: Info) -> Tenant:
        return Tenant.of(context_of(info).directory.tenant)

    @strawberry.field(description="Its places, by name.")
    @planned
    def locations(self, info: Info) -> list[Location]:
        directory = context_of(info).directory
        return [Location.of(directory, location_id) for location_id in directory.locations]

    @strawberry.field(description="What can be booked, by name.")
    @planned
    def services(
        self, info: Info, ids: IdsArgument = None, limit: LimitArgument = 50, after: AfterArgument = None
    ) -> list[Service]:
        directory = context_of(info).directory
        found = (service.id for service in directory.services.values() if service.active)
        return [Service.of(directory, service_id) for service_id in _page(info, found, ids, limit, after)]

    @strawberry.field(description="One service; null when there is none with this id.")
    @planned
    def service(self, info: Info, id: ServiceIdArgument) -> Service | None:
        directory = context_of(info).directory
        service = directory.services.get(inputs.uuid(id, "id"))
        return Service.of(directory, service.id) if service and service.active else None

    @strawberry.field(description="Who can be booked, by name.")
    @planned
    def stylists(
        self,
        info: Info,
        ids: IdsArgument = None,
        service_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those who offer this service.")
        ] = None,
        location_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those who work at this location.")
        ] = None,
        limit: LimitArgument = 50,
        after: AfterArgument = None,
    ) -> list[Stylist]:
        directory = context_of(info).directory
        service = inputs.uuid_or_none(service_id, "serviceId")
        location = inputs.uuid_or_none(location_id, "locationId")
        found = (
            stylist.id
            for stylist in directory.stylists.values()
            if stylist.active
            and (service is None or (stylist.id, service) in directory.offerings)
            and (location is None or location in stylist.location_ids)
        )
        return [Stylist.of(directory, stylist_id) for stylist_id in _page(info, found, ids, limit, after)]

    @strawberry.field(description="One stylist; null when there is none with this id.")
    @planned
    def stylist(self, info: Info, id: StylistIdArgument) -> Stylist | None:
        directory = context_of(info).directory
        stylist = directory.stylists.get(inputs.uuid(id, "id"))
        return Stylist.of(directory, stylist.id) if stylist and stylist.active else None

    @strawberry.field(
        description="A stylist's starts for a service on a date. Empty when they do not offer it or do not work."
    )
    @planned_later
    def available_slots(
        self,
        info: Info,
        stylist_id: StylistIdArgument,
        service_id: ServiceIdArgument,
        date: DateArgument,
        timezone: inputs.TimezoneArgument = None,
        freshness: FreshnessArgument = Freshness.VERIFIED,
    ) -> Availability:
        return types.slots_of(
            info,
            inputs.uuid(stylist_id, "stylistId"),
            inputs.uuid(service_id, "serviceId"),
            date,
            timezone,
            freshness,
        )

    @strawberry.field(description="The first free starts for a service, earliest first, of any stylist.")
    async def first_available(
        self,
        info: Info,
        service_id: ServiceIdArgument,
        stylist_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="Only these stylists. Default: all who offer it."),
        ] = None,
        location_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only starts at this location.")
        ] = None,
        from_: Annotated[
            datetime | None, strawberry.argument(name="from", description="Not before this instant. Default: now.")
        ] = None,
        limit: Annotated[int | None, strawberry.argument(description="How many at most, 1 to 100.")] = 10,
    ) -> list[Slot]:
        context = context_of(info)
        service = inputs.uuid(service_id, "serviceId")
        asked = inputs.uuids(stylist_ids, "stylistIds", context.app.limits) if stylist_ids is not None else None
        for stylist_id in asked or ():
            availability.known_stylist(context, stylist_id)
        location = inputs.uuid_or_none(location_id, "locationId")
        if location and location not in context.directory.locations:
            raise BadRequest("NOT_FOUND", f"there is no location {location}")
        found = await availability.first_available(
            context,
            service_id=service,
            stylist_ids=_who_offer(context.directory, service, asked, location),
            location_id=location,
            from_at=from_,
            limit=inputs.bounded(limit, "limit", context.app.limits.starts, 10),
        )
        return [Slot.free(info, free) for free in found]

    @strawberry.field(description="A booking, for who made it and for staff; null for everybody else.")
    async def booking(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The booking's id.")]
    ) -> Booking | None:
        claim = await bookings.get(context_of(info), inputs.uuid(id, "id"))
        return Booking.of(info, claim) if claim else None

    @strawberry.field(description="Your own bookings, or for staff everybody's, by start.")
    async def bookings(
        self,
        info: Info,
        from_: Annotated[
            date, strawberry.argument(name="from", description="The first date, at the booking's location.")
        ],
        to: Annotated[
            date, strawberry.argument(description="The last date, itself included; at most 366 days in all.")
        ],
        stylist_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only this stylist's.")] = None,
        first: Annotated[int | None, strawberry.argument(description="How many at most, 1 to 200.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")] = None,
    ) -> BookingConnection:
        context = context_of(info)
        most = inputs.bounded(first, "first", context.app.limits.page, 50)
        inputs.dates(from_, to, BOOKING_DAYS_MAX)
        claims = await bookings.between(
            context,
            stylist_id=inputs.uuid_or_none(stylist_id, "stylistId"),
            from_on=from_,
            until_on=to,
            after=inputs.place(after, lambda id_: str(UUID(id_))) if after is not None else None,
            most=most + 1,
        )
        return BookingConnection.of(info, claims, most)

    @strawberry.field(
        **only(
            IsStaff,
            "every start of a stylist's own date for a service, with all that closes it; or what closes the date.",
        )
    )
    def explain_day(
        self, info: Info, stylist_id: StylistIdArgument, service_id: ServiceIdArgument, date: DateArgument
    ) -> list[SlotExplanation]:
        found = explaining.day(
            context_of(info),
            stylist_id=inputs.uuid(stylist_id, "stylistId"),
            service_id=inputs.uuid(service_id, "serviceId"),
            on=date,
        )
        return later(found, lambda starts: [SlotExplanation.of(info, one) for one in starts])

    @strawberry.field(
        **only(
            IsStaff, "bookings to come that the rules would not let in any more, with why; by start, of the next 2,000."
        )
    )
    async def conflicts(
        self,
        info: Info,
        stylist_ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Only these stylists. Default: all.")
        ] = None,
        from_: Annotated[
            datetime | None, strawberry.argument(name="from", description="Only those that begin from this instant on.")
        ] = None,
        to: Annotated[
            datetime | None, strawberry.argument(description="Only those that begin before this instant.")
        ] = None,
    ) -> list[Conflict]:
        context = context_of(info)
        asked = inputs.uuids(stylist_ids, "stylistIds", context.app.limits) if stylist_ids is not None else None
        found = await managing.outside(
            context, list(context.directory.stylists) if asked is None else asked, from_at=from_, until_at=to
        )
        return [
            Conflict(booking=Booking.of(info, one.claim), causes=[SlotCause.of(cause) for cause in one.causes])
            for one in found
        ]

    @strawberry.field(**only(IsStaff, "how the business is set up."))
    async def setup(self, info: Info) -> Setup:
        return Setup.of(info, await managing.setup(context_of(info)))

    @strawberry.field(**only(IsAdmin, "what was done or refused, by whom, in order of time."))
    async def audit_log(
        self,
        info: Info,
        from_: Annotated[datetime, strawberry.argument(name="from", description="Not before this instant.")],
        to: Annotated[datetime, strawberry.argument(description="Before this instant.")],
        first: Annotated[int | None, strawberry.argument(description="How many at most, 1 to 200.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before.")] = None,
    ) -> AuditConnection:
        context = context_of(info)
        most = inputs.bounded(first, "first", context.app.limits.page, 50)
        entries = await auditing.between(
            context,
            from_at=from_,
            until_at=to,
            after=inputs.place(after, inputs.number) if after is not None else None,
            most=most + 1,
        )
        return AuditConnection.of(entries, most)

    @strawberry.field(**only(IsAdmin, "how the cache does: hit rate, size, invalidations, expired entries."))
    def cache_stats(self, info: Info) -> CacheStats:
        return CacheStats.of(counting.everywhere(context_of(info).app))


def _who_offer(directory: Directory, service_id: str, asked: list[str] | None, location_id: str | None) -> list[str]:
    """The active stylists who offer a service, of those asked for, at a location; by name."""
    return [
        stylist.id
        for stylist in directory.stylists.values()
        if stylist.active
        and (stylist.id, service_id) in directory.offerings
        and (asked is None or stylist.id in asked)
        and (location_id is None or location_id in stylist.location_ids)
    ]


def _page(
    info: Info, found: Iterable[str], ids: list[strawberry.ID] | None, limit: int | None, after: strawberry.ID | None
) -> list[str]:
    """The ids of one page of a list that is in order. Raises BadRequest."""
    limits = context_of(info).app.limits
    most = inputs.bounded(limit, "limit", limits.page, 50)
    wanted = None if ids is None else set(inputs.uuids(ids, "ids", limits))
    rows = [row for row in found if wanted is None or row in wanted]
    if after is not None:
        last = inputs.uuid(after, "after")
        if last not in rows:
            raise BadRequest("NOT_FOUND", f"after: there is no {last} in this list")
        rows = rows[rows.index(last) + 1 :]
    return rows[:most]
