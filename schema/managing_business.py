"""Setting up the business itself: its names and terms, its places, the ways between them, and what it sells."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date as date_
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from db.managing import Kind, Row
from resolvers import importing, managing, shapes
from resolvers.context import Context
from resolvers.managing import Change, Changed
from schema import changes, changing, inputs, setup_inputs
from schema.changing import Given
from schema.permissions import IsAdmin, IsService, IsStaff, only
from schema.types import Info, Location, Tenant

LocationIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The location's id.")]
DateArgument = Annotated[date_, strawberry.argument(description="The date.")]


@strawberry.type
class ManagingBusiness:
    @strawberry.mutation(**only(IsService, "makes a new business; its own tokens then set it up."))
    async def tenant_create(
        self,
        info: Info,
        input: Annotated[setup_inputs.TenantCreateInput, strawberry.argument(description="The business.")],
    ) -> changes.TenantResult:
        async def work(context: Context, shape: shapes.TenantCreate, given: Given) -> Any:
            tenant_id = await managing.create_tenant(context, shape, given)
            made = Tenant(
                id=strawberry.ID(tenant_id),
                slug=shape.slug,
                name=shape.name,
                currency=shape.currency,
                timezone=shape.timezone,
            )
            return changes.changed(info, changes.TenantChange, Changed(None, {}), tenant=made)

        return await changing.with_input(info, shapes.TenantCreate, input, work)

    @strawberry.mutation(**only(IsAdmin, "changes the business itself: names, holds, payment, stale calendars."))
    async def tenant_update(
        self,
        info: Info,
        input: Annotated[setup_inputs.TenantUpdateInput, strawberry.argument(description="What is to change.")],
    ) -> changes.TenantResult:
        async def work(context: Context, shape: shapes.TenantUpdate, given: Given) -> Any:
            key, becomes = {"id": context.tenant_id}, managing.updating(changing.given_columns(shape))
            found = await managing.make(context, Change(info.field_name, Kind.TENANT, key, becomes, given))
            return changes.changed(info, changes.TenantChange, found, tenant=Tenant.of(context.directory.tenant))

        return await changing.with_input(info, shapes.TenantUpdate, input, work, keep_null=True)

    @strawberry.mutation(
        **only(
            IsAdmin,
            "imports a file in the form of docs/salon.example.json into this business: all of it or nothing; the same again "
            "changes nothing. Files beyond a request's 100 KB go by `server.py import`.",
        )
    )
    async def tenant_import(
        self, info: Info, file: Annotated[JSON, strawberry.argument(description="The file, as JSON.")]
    ) -> changes.TenantImportResult:
        async def work(context: Context) -> Any:
            summary = await importing.import_own(context, file)
            counts = [changes.ImportCount(kind=kind, **asdict(one)) for kind, one in summary.counts.items()]
            return changes.TenantImported(tenant=Tenant.of(context.directory.tenant), counts=counts)

        return await changing.answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "adds a place."))
    async def location_create(
        self,
        info: Info,
        input: Annotated[setup_inputs.LocationCreateInput, strawberry.argument(description="The place.")],
    ) -> changes.LocationResult:
        return await changing.create(info, Kind.LOCATION, shapes.LocationCreate, input)

    @strawberry.mutation(**only(IsAdmin, "changes a place."))
    async def location_update(
        self,
        info: Info,
        input: Annotated[setup_inputs.LocationUpdateInput, strawberry.argument(description="What is to change.")],
    ) -> changes.LocationResult:
        return await changing.update(info, Kind.LOCATION, shapes.LocationUpdate, input)

    @strawberry.mutation(**only(IsAdmin, "removes a place where nobody is at home, works or was ever booked."))
    async def location_remove(self, info: Info, location_id: LocationIdArgument) -> changes.LocationResult:
        async def work(context: Context) -> Any:
            key = {"id": inputs.uuid(location_id, "locationId")}
            was = Location.of(context.directory, changing.known(context.directory.locations, key["id"]))
            found = await managing.make(context, Change(info.field_name, Kind.LOCATION, key, managing.removing, key))
            return changes.changed(info, changes.LocationChange, found, location=was)

        return await changing.answer(info, work)

    @strawberry.mutation(**only(IsStaff, "closes a place on a date, whatever the hours say."))
    async def location_close(
        self,
        info: Info,
        input: Annotated[setup_inputs.LocationCloseInput, strawberry.argument(description="Where and when.")],
    ) -> changes.LocationResult:
        async def work(context: Context, shape: shapes.LocationClose, given: Given) -> Any:
            row = {"location_id": shape.location_id, "closed_on": shape.closed_on, "reason": shape.reason}
            return await _close(info, context, row, managing.setting(row), given)

        return await changing.with_input(info, shapes.LocationClose, input, work)

    @strawberry.mutation(**only(IsStaff, "opens a place again on a date."))
    async def location_reopen(
        self, info: Info, location_id: LocationIdArgument, date: DateArgument
    ) -> changes.LocationResult:
        async def work(context: Context) -> Any:
            key = {"location_id": inputs.uuid(location_id, "locationId"), "closed_on": date}
            return await _close(info, context, key, managing.removing, {**key, "closed_on": str(date)})

        return await changing.answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "says how long the way between two places takes."))
    async def travel_time_set(
        self,
        info: Info,
        input: Annotated[setup_inputs.TravelTimeSetInput, strawberry.argument(description="The way.")],
    ) -> changes.LocationResult:
        async def work(context: Context, shape: shapes.TravelTimeSet, given: Given) -> Any:
            key = {"from_location_id": shape.from_, "to_location_id": shape.to}
            who = [one.id for one in context.directory.stylists.values() if len(one.location_ids) > 1]
            becomes = managing.setting({**key, "minutes": shape.minutes})
            change = Change(info.field_name, Kind.TRAVEL_TIME, key, becomes, given, who)
            found = await managing.make(context, change)
            return changing.shown(info, context, Kind.LOCATION, shape.from_, found)

        return await changing.with_input(info, shapes.TravelTimeSet, input, work)

    @strawberry.mutation(**only(IsAdmin, "adds a service; nobody gives it before offeringSet."))
    async def service_create(
        self,
        info: Info,
        input: Annotated[setup_inputs.ServiceCreateInput, strawberry.argument(description="The service.")],
    ) -> changes.ServiceResult:
        return await changing.create(info, Kind.SERVICE, shapes.ServiceCreate, input, active=True)

    @strawberry.mutation(**only(IsAdmin, "changes a service. Bookings keep the length and price they were made with."))
    async def service_update(
        self,
        info: Info,
        input: Annotated[setup_inputs.ServiceUpdateInput, strawberry.argument(description="What is to change.")],
    ) -> changes.ServiceResult:
        return await changing.update(info, Kind.SERVICE, shapes.ServiceUpdate, input)

    @strawberry.mutation(**only(IsAdmin, "takes a service off sale. What was booked stays."))
    async def service_remove(self, info: Info, service_id: inputs.ServiceIdArgument) -> changes.ServiceResult:
        return await changing.retire(info, Kind.SERVICE, inputs.uuid(service_id, "serviceId"))


async def _close(info: Info, context: Context, key: Row, becomes: managing.Next, given: Given) -> Any:
    location_id = changing.known(context.directory.locations, key["location_id"])
    who = managing.who_has(context, Kind.LOCATION, location_id)
    span = managing.date_span(context, key["closed_on"])
    change = Change(info.field_name, Kind.CLOSURE, key, becomes, given, who, span)
    return changing.shown(info, context, Kind.LOCATION, location_id, await managing.make(context, change))
