"""What staff and admins can do: set the business up. Each mutation is a Change (resolvers/managing.py) and its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date as date_
from typing import Annotated, Any, TypeVar
from uuid import uuid4

import strawberry
from strawberry.scalars import JSON

from db.managing import Kind, Row
from domain.errors import InvalidInput, NotFound, Refusal
from domain.model import Span
from resolvers import importing, managing, shapes, writing
from resolvers.context import Context
from resolvers.managing import Change, Changed
from resolvers.salon_file import Shape
from resolvers.writing import Request
from schema import inputs, setup, setup_inputs
from schema.operation import context_of
from schema.permissions import IsAdmin, IsService, IsStaff, only
from schema.setup_inputs import (
    BusyTimesReplaceInput,
    LocationCloseInput,
    LocationCreateInput,
    LocationUpdateInput,
    OfferingSetInput,
    OverrideSetInput,
    PriceRuleSetInput,
    ScheduleSetInput,
    ServiceCreateInput,
    ServiceUpdateInput,
    StylistCreateInput,
    StylistPreferencesSetInput,
    StylistUpdateInput,
    TenantCreateInput,
    TenantUpdateInput,
    TimeOffAddInput,
    TravelTimeSetInput,
)
from schema.types import Info, Location, Service, Stylist, Tenant

S = TypeVar("S", bound=Shape)

NULLABLE = {
    "payment_url",
    "payment_seconds",
    "busy_stale_seconds",
}  # null clears them; elsewhere it is as good as nothing

StylistIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The stylist's id.")]
ServiceIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The service's id.")]
LocationIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The location's id.")]
DateArgument = Annotated[date_, strawberry.argument(description="The date.")]


@strawberry.type
class Managing:
    @strawberry.mutation(**only(IsService, "makes a new business; its own tokens then set it up."))
    async def tenant_create(
        self, info: Info, input: Annotated[TenantCreateInput, strawberry.argument(description="The business.")]
    ) -> setup.TenantResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input)
            shape = await _parsed(info, context, shapes.TenantCreate, given)
            tenant_id = await managing.create_tenant(context, shape, setup_inputs.as_json(given))
            made = Tenant(
                id=strawberry.ID(tenant_id),
                slug=shape.slug,
                name=shape.name,
                currency=shape.currency,
                timezone=shape.timezone,
            )
            return setup.changed(info, setup.TenantChange, Changed(None, {}), tenant=made)

        return await _answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "changes the business itself: names, holds, payment, stale calendars."))
    async def tenant_update(
        self, info: Info, input: Annotated[TenantUpdateInput, strawberry.argument(description="What is to change.")]
    ) -> setup.TenantResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input, keep_null=True)
            row = _given(await _parsed(info, context, shapes.TenantUpdate, given))
            change = _change("tenantUpdate", Kind.TENANT, {"id": context.tenant_id}, managing.updating(row), given)
            found = await managing.make(context, change)
            return setup.changed(info, setup.TenantChange, found, tenant=Tenant.of(context.directory.tenant))

        return await _answer(info, work)

    @strawberry.mutation(
        **only(
            IsAdmin,
            "imports a file in the form of docs/salon.example.json into this business: all of it or nothing; the same again "
            "changes nothing. Files beyond a request's 100 KB go by `server.py import`.",
        )
    )
    async def tenant_import(
        self, info: Info, file: Annotated[JSON, strawberry.argument(description="The file, as JSON.")]
    ) -> setup.TenantImportResult:
        async def work(context: Context) -> Any:
            summary = await importing.import_own(context, file)
            counts = [
                setup.ImportCount(
                    kind=kind,
                    added=one.added,
                    changed=one.changed,
                    removed=one.removed,
                    skipped=one.skipped,
                    known=one.known,
                )
                for kind, one in summary.counts.items()
            ]
            return setup.TenantImported(tenant=Tenant.of(context.directory.tenant), counts=counts)

        return await _answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "adds a place."))
    async def location_create(
        self, info: Info, input: Annotated[LocationCreateInput, strawberry.argument(description="The place.")]
    ) -> setup.LocationResult:
        return await _create(info, "locationCreate", Kind.LOCATION, shapes.LocationCreate, input, _location_changed)

    @strawberry.mutation(**only(IsAdmin, "changes a place."))
    async def location_update(
        self, info: Info, input: Annotated[LocationUpdateInput, strawberry.argument(description="What is to change.")]
    ) -> setup.LocationResult:
        return await _update(info, "locationUpdate", Kind.LOCATION, shapes.LocationUpdate, input, _location_changed)

    @strawberry.mutation(**only(IsAdmin, "removes a place where nobody is at home, works or was ever booked."))
    async def location_remove(self, info: Info, location_id: LocationIdArgument) -> setup.LocationResult:
        async def work(context: Context) -> Any:
            key = {"id": inputs.uuid(location_id, "locationId")}
            was = Location.of(context.directory, _in(context.directory.locations, key["id"]))
            change = Change("locationRemove", Kind.LOCATION, key, managing.removing, key)
            return setup.changed(info, setup.LocationChange, await managing.make(context, change), location=was)

        return await _answer(info, work)

    @strawberry.mutation(**only(IsStaff, "closes a place on a date, whatever the hours say."))
    async def location_close(
        self, info: Info, input: Annotated[LocationCloseInput, strawberry.argument(description="Where and when.")]
    ) -> setup.LocationResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input)
            shape = await _parsed(info, context, shapes.LocationClose, given)
            row = {"location_id": shape.location_id, "closed_on": shape.closed_on, "reason": shape.reason}
            return await _close(info, context, "locationClose", row, managing.setting(row), given)

        return await _answer(info, work)

    @strawberry.mutation(**only(IsStaff, "opens a place again on a date."))
    async def location_reopen(
        self, info: Info, location_id: LocationIdArgument, date: DateArgument
    ) -> setup.LocationResult:
        async def work(context: Context) -> Any:
            key = {"location_id": inputs.uuid(location_id, "locationId"), "closed_on": date}
            return await _close(
                info, context, "locationReopen", key, managing.removing, {**key, "closed_on": str(date)}
            )

        return await _answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "says how long the way between two places takes."))
    async def travel_time_set(
        self, info: Info, input: Annotated[TravelTimeSetInput, strawberry.argument(description="The way.")]
    ) -> setup.LocationResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input)
            shape = await _parsed(info, context, shapes.TravelTimeSet, given)
            key = {"from_location_id": shape.from_, "to_location_id": shape.to}
            who = [one.id for one in context.directory.stylists.values() if len(one.location_ids) > 1]
            becomes = managing.setting({**key, "minutes": shape.minutes})
            change = Change("travelTimeSet", Kind.TRAVEL_TIME, key, becomes, given, who)
            return _location_changed(info, context, shape.from_, await managing.make(context, change))

        return await _answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "adds a service; nobody gives it before offeringSet."))
    async def service_create(
        self, info: Info, input: Annotated[ServiceCreateInput, strawberry.argument(description="The service.")]
    ) -> setup.ServiceResult:
        return await _create(
            info, "serviceCreate", Kind.SERVICE, shapes.ServiceCreate, input, _service_changed, {"active": True}
        )

    @strawberry.mutation(**only(IsAdmin, "changes a service. Bookings keep the length and price they were made with."))
    async def service_update(
        self, info: Info, input: Annotated[ServiceUpdateInput, strawberry.argument(description="What is to change.")]
    ) -> setup.ServiceResult:
        return await _update(info, "serviceUpdate", Kind.SERVICE, shapes.ServiceUpdate, input, _service_changed)

    @strawberry.mutation(**only(IsAdmin, "takes a service off sale. What was booked stays."))
    async def service_remove(self, info: Info, service_id: ServiceIdArgument) -> setup.ServiceResult:
        return await _retire(
            info, "serviceRemove", Kind.SERVICE, inputs.uuid(service_id, "serviceId"), _service_changed
        )

    @strawberry.mutation(**only(IsAdmin, "adds a stylist; they work nowhere before scheduleSet."))
    async def stylist_create(
        self, info: Info, input: Annotated[StylistCreateInput, strawberry.argument(description="The stylist.")]
    ) -> setup.StylistResult:
        return await _create(
            info, "stylistCreate", Kind.STYLIST, shapes.StylistCreate, input, _stylist_changed, {"active": True}
        )

    @strawberry.mutation(**only(IsAdmin, "changes a stylist."))
    async def stylist_update(
        self, info: Info, input: Annotated[StylistUpdateInput, strawberry.argument(description="What is to change.")]
    ) -> setup.StylistResult:
        return await _update(info, "stylistUpdate", Kind.STYLIST, shapes.StylistUpdate, input, _stylist_changed)

    @strawberry.mutation(
        **only(IsAdmin, "takes a stylist off sale. What was booked stays, and is answered as conflicts.")
    )
    async def stylist_remove(self, info: Info, stylist_id: StylistIdArgument) -> setup.StylistResult:
        return await _retire(
            info, "stylistRemove", Kind.STYLIST, inputs.uuid(stylist_id, "stylistId"), _stylist_changed
        )

    @strawberry.mutation(**only(IsAdmin, "says that a stylist gives a service, and how."))
    async def offering_set(
        self, info: Info, input: Annotated[OfferingSetInput, strawberry.argument(description="Who gives what.")]
    ) -> setup.StylistResult:
        async def work(context: Context, shape: shapes.OfferingSet) -> _OfStylist:
            row = shape.model_dump()
            key = {"stylist_id": shape.stylist_id, "service_id": shape.service_id}
            return _OfStylist(Kind.OFFERING, key, managing.setting(row))

        return await _of_stylist(info, "offeringSet", shapes.OfferingSet, input, work)

    @strawberry.mutation(**only(IsAdmin, "says that a stylist no longer gives a service."))
    async def offering_remove(
        self, info: Info, stylist_id: StylistIdArgument, service_id: ServiceIdArgument
    ) -> setup.StylistResult:
        key = {
            "stylist_id": inputs.uuid(stylist_id, "stylistId"),
            "service_id": inputs.uuid(service_id, "serviceId"),
        }
        return await _without(info, "offeringRemove", Kind.OFFERING, key)

    @strawberry.mutation(**only(IsStaff, "sets a stylist's whole week, seasons and all, in place of the one before."))
    async def schedule_set(
        self, info: Info, input: Annotated[ScheduleSetInput, strawberry.argument(description="The week.")]
    ) -> setup.StylistResult:
        async def work(context: Context, shape: shapes.ScheduleSet) -> _OfStylist:
            key = {"stylist_id": shape.stylist_id}
            row = {**key, "hours": managing.week_rows(context, shape)}
            return _OfStylist(Kind.SCHEDULE, key, managing.setting(row))

        return await _of_stylist(info, "scheduleSet", shapes.ScheduleSet, input, work)

    @strawberry.mutation(**only(IsStaff, "gives one date hours of its own, or a day off."))
    async def override_set(
        self, info: Info, input: Annotated[OverrideSetInput, strawberry.argument(description="The date's hours.")]
    ) -> setup.StylistResult:
        async def work(context: Context, shape: shapes.OverrideSet) -> _OfStylist:
            key = {"stylist_id": shape.stylist_id, "on_date": shape.on_date}
            hours = [
                {"is_break": is_break, "starts_minute": starts, "ends_minute": ends}
                for is_break, starts, ends in importing.not_empty(shape.windows, shape.breaks)
            ]
            home = managing.home_of(context, shape.stylist_id)
            row = {**key, "location_id": shape.location_id or home, "reason": shape.reason, "hours": hours}
            span = managing.date_span(context, shape.on_date)
            return _OfStylist(Kind.OVERRIDE, key, managing.setting(row), span)

        return await _of_stylist(info, "overrideSet", shapes.OverrideSet, input, work)

    @strawberry.mutation(**only(IsStaff, "gives a date the week's hours back."))
    async def override_remove(
        self, info: Info, stylist_id: StylistIdArgument, date: DateArgument
    ) -> setup.StylistResult:
        key = {"stylist_id": inputs.uuid(stylist_id, "stylistId"), "on_date": date}
        return await _without(info, "overrideRemove", Kind.OVERRIDE, key, date)

    @strawberry.mutation(**only(IsStaff, "takes a span, or a whole date, out of a stylist's hours."))
    async def time_off_add(
        self, info: Info, input: Annotated[TimeOffAddInput, strawberry.argument(description="Whose and when.")]
    ) -> setup.TimeOffResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input)
            shape = await _parsed(info, context, shapes.TimeOffAdd, given)
            row = managing.time_off_row(context, shape, shape.id or str(uuid4()))
            change = Change(
                mutation="timeOffAdd",
                kind=Kind.TIME_OFF,
                key={"id": row["id"]},
                becomes=managing.creating(row),
                input=given,
                stylist_ids=[shape.stylist_id],
                span=managing.around(Span(row["starts_at"], row["ends_at"])),
            )
            return _time_off_changed(info, context, await managing.make(context, change))

        return await _answer(info, work)

    @strawberry.mutation(**only(IsStaff, "gives a stylist's time off back."))
    async def time_off_remove(
        self,
        info: Info,
        time_off_id: Annotated[strawberry.ID, strawberry.argument(description="The time off's id.")],
    ) -> setup.TimeOffResult:
        async def work(context: Context) -> Any:
            key = {"id": inputs.uuid(time_off_id, "timeOffId")}
            change = Change("timeOffRemove", Kind.TIME_OFF, key, managing.removing, key)
            return _time_off_changed(info, context, await managing.make(context, change))

        return await _answer(info, work)

    @strawberry.mutation(**only(IsStaff, "tells all that an external calendar has taken, as of an instant."))
    async def busy_times_replace(
        self, info: Info, input: Annotated[BusyTimesReplaceInput, strawberry.argument(description="The calendar.")]
    ) -> setup.StylistResult:
        async def work(context: Context, shape: shapes.BusyTimesReplace) -> _OfStylist:
            key = {"stylist_id": shape.stylist_id, "source": shape.source}
            spans = [[one.start_utc.isoformat(), one.end_utc.isoformat()] for one in shape.spans]
            row = {**key, "as_of": shape.as_of.isoformat(), "spans": spans}
            return _OfStylist(Kind.BUSY_SOURCE, key, managing.hearing(row, context.app.clock.now()))

        return await _of_stylist(info, "busyTimesReplace", shapes.BusyTimesReplace, input, work)

    @strawberry.mutation(**only(IsStaff, "forgets an external calendar and all that it has taken."))
    async def busy_source_remove(
        self,
        info: Info,
        stylist_id: StylistIdArgument,
        calendar: Annotated[str, strawberry.argument(name="source", description="The calendar's name.")],
    ) -> setup.StylistResult:
        inputs.text(calendar, "source", 500)
        key = {"stylist_id": inputs.uuid(stylist_id, "stylistId"), "source": calendar}
        return await _without(info, "busySourceRemove", Kind.BUSY_SOURCE, key)

    @strawberry.mutation(**only(IsStaff, "says what a stylist rather not does."))
    async def stylist_preferences_set(
        self,
        info: Info,
        input: Annotated[StylistPreferencesSetInput, strawberry.argument(description="Whose wishes, and which.")],
    ) -> setup.StylistResult:
        async def work(context: Context, shape: shapes.PreferencesSet) -> _OfStylist:
            key = {"stylist_id": shape.stylist_id}
            row = {
                **key,
                "run_minutes_max": shape.longest_run_minutes,
                "pause_minutes": shape.pause_minutes,
                "bookings_a_day_max": shape.bookings_a_day_max,
                "avoided": [
                    {
                        "service_id": one.service_id,
                        "weekdays": sorted(set(one.days)),
                        "from_minute": one.from_,
                        "to_minute": one.to,
                    }
                    for one in shape.avoided
                ],
            }
            return _OfStylist(Kind.PREFERENCES, key, managing.setting(row))

        return await _of_stylist(info, "stylistPreferencesSet", shapes.PreferencesSet, input, work)

    @strawberry.mutation(**only(IsAdmin, "adds or replaces a price rule. Holds and bookings keep their prices."))
    async def price_rule_set(
        self, info: Info, input: Annotated[PriceRuleSetInput, strawberry.argument(description="The rule.")]
    ) -> setup.PriceRuleResult:
        async def work(context: Context) -> Any:
            given = setup_inputs.plain(input)
            shape = await _parsed(info, context, shapes.PriceRuleSet, given)
            key = {"id": shape.id or str(uuid4())}
            row = {
                **key,
                "name": shape.name,
                "basis_points": shape.basis_points,
                "service_id": shape.service_id,
                "weekdays": sorted(set(shape.days)),
                "from_minute": shape.from_,
                "to_minute": shape.to,
                "from_on": shape.from_date,
                "until_on": shape.until_date,
            }
            change = Change(
                "priceRuleSet", Kind.PRICE_RULE, key, managing.placing(row, shape.position), setup_inputs.as_json(given)
            )
            found = await managing.make(context, change)
            rule = setup.PriceRule.of(info, found.row)
            return setup.changed(info, setup.PriceRuleChange, found, price_rule=rule)

        return await _answer(info, work)

    @strawberry.mutation(**only(IsAdmin, "removes a price rule."))
    async def price_rule_remove(
        self,
        info: Info,
        price_rule_id: Annotated[strawberry.ID, strawberry.argument(description="The rule's id.")],
    ) -> setup.PriceRuleResult:
        async def work(context: Context) -> Any:
            key = {"id": inputs.uuid(price_rule_id, "priceRuleId")}
            change = Change("priceRuleRemove", Kind.PRICE_RULE, key, managing.removing, key)
            found = await managing.make(context, change)
            rule = setup.PriceRule.of(info, found.row)
            return setup.changed(info, setup.PriceRuleChange, found, price_rule=rule)

        return await _answer(info, work)


class _OfStylist:
    """What is to change of a stylist's: a thing of a kind under a key; span: when, if not always."""

    def __init__(self, kind: Kind, key: Row, becomes: managing.Next, span: Span | None = None) -> None:
        self.kind = kind
        self.key = key
        self.becomes = becomes
        self.span = span


async def _answer(info: Info, work: Callable[[Context], Awaitable[Any]]) -> Any:
    """What the work answers, with a directory that was certainly current when it began; or the Problem of its refusal."""
    context = context_of(info)
    await context.renew()
    try:
        return await work(context)
    except Refusal as refusal:
        return setup.problem(refusal)


async def _create(
    info: Info,
    mutation: str,
    kind: Kind,
    shape: type[S],
    input: Any,
    answer: Callable[[Info, Context, str, Changed], Any],
    also: Mapping[str, Any] | None = None,
) -> Any:
    async def work(context: Context) -> Any:
        given = setup_inputs.plain(input)
        parsed = await _parsed(info, context, shape, given)
        row = {**parsed.model_dump(), **(also or {})}
        row["id"] = row["id"] or str(uuid4())
        change = Change(mutation, kind, {"id": row["id"]}, managing.creating(row), given)
        return answer(info, context, row["id"], await managing.make(context, change))

    return await _answer(info, work)


async def _update(
    info: Info,
    mutation: str,
    kind: Kind,
    shape: type[S],
    input: Any,
    answer: Callable[[Info, Context, str, Changed], Any],
) -> Any:
    async def work(context: Context) -> Any:
        given = setup_inputs.plain(input)
        row = _given(await _parsed(info, context, shape, given))
        return await _updated(info, context, mutation, kind, row, given, answer)

    return await _answer(info, work)


async def _retire(
    info: Info, mutation: str, kind: Kind, id_: str, answer: Callable[[Info, Context, str, Changed], Any]
) -> Any:
    async def work(context: Context) -> Any:
        return await _updated(info, context, mutation, kind, {"id": id_, "active": False}, {"id": id_}, answer)

    return await _answer(info, work)


async def _updated(
    info: Info,
    context: Context,
    mutation: str,
    kind: Kind,
    row: Row,
    given: Mapping[str, Any],
    answer: Callable[[Info, Context, str, Changed], Any],
) -> Any:
    change = Change(
        mutation, kind, {"id": row["id"]}, managing.updating(row), given, managing.who_has(context, kind, row["id"])
    )
    return answer(info, context, row["id"], await managing.make(context, change))


async def _of_stylist(
    info: Info, mutation: str, shape: type[S], input: Any, work: Callable[[Context, S], Awaitable[_OfStylist]]
) -> Any:
    async def whole(context: Context) -> Any:
        given = setup_inputs.plain(input)
        parsed = await _parsed(info, context, shape, given)
        stylist_id = managing.known(context, parsed.stylist_id).id  # type: ignore[attr-defined]
        one = await work(context, parsed)
        change = Change(mutation, one.kind, one.key, one.becomes, given, [stylist_id], one.span)
        return _stylist_changed(info, context, stylist_id, await managing.make(context, change))

    return await _answer(info, whole)


async def _without(info: Info, mutation: str, kind: Kind, key: Row, day: date_ | None = None) -> Any:
    """Takes something of a stylist's away."""

    async def work(context: Context) -> Any:
        stylist_id = managing.known(context, key["stylist_id"]).id
        span = managing.date_span(context, day) if day else None
        given = {name: str(value) for name, value in key.items()}
        change = Change(mutation, kind, key, managing.removing, given, [stylist_id], span)
        return _stylist_changed(info, context, stylist_id, await managing.make(context, change))

    return await _answer(info, work)


async def _close(
    info: Info, context: Context, mutation: str, key: Row, becomes: managing.Next, given: Mapping[str, Any]
) -> Any:
    location_id = _in(context.directory.locations, key["location_id"])
    who = managing.who_has(context, Kind.LOCATION, location_id)
    span = managing.date_span(context, key["closed_on"])
    change = Change(mutation, Kind.CLOSURE, key, becomes, given, who, span)
    return _location_changed(info, context, location_id, await managing.make(context, change))


def _change(mutation: str, kind: Kind, key: Row, becomes: managing.Next, given: Any) -> Change:
    return Change(mutation, kind, key, becomes, setup_inputs.as_json(given))


async def _parsed(info: Info, context: Context, shape: type[S], given: Mapping[str, Any]) -> S:
    """The input as its shape. What is refused is audited. Raises InvalidInput with every fault."""
    try:
        return shapes.parse(shape, given, context.directory)
    except InvalidInput as refusal:
        await writing.audit_refusal(context, Request(info.field_name, setup_inputs.as_json(given)), refusal)
        raise


def _given(shape: Shape) -> dict[str, Any]:
    """The columns that an update gives."""
    found = shape.model_dump(include=shape.model_fields_set)
    return {name: value for name, value in found.items() if value is not None or name in NULLABLE}


def _in(known: Mapping[str, Any], id_: str) -> str:
    """An id that is known. Raises NotFound."""
    if id_ not in known:
        raise NotFound
    return id_


def _location_changed(info: Info, context: Context, location_id: str, found: Changed) -> Any:
    return setup.changed(info, setup.LocationChange, found, location=Location.of(context.directory, location_id))


def _service_changed(info: Info, context: Context, service_id: str, found: Changed) -> Any:
    return setup.changed(info, setup.ServiceChange, found, service=Service.of(context.directory, service_id))


def _stylist_changed(info: Info, context: Context, stylist_id: str, found: Changed) -> Any:
    return setup.changed(info, setup.StylistChange, found, stylist=Stylist.of(context.directory, stylist_id))


def _time_off_changed(info: Info, context: Context, found: Changed) -> Any:
    return setup.changed(
        info,
        setup.TimeOffChange,
        found,
        stylist=Stylist.of(context.directory, found.row["stylist_id"]),
        time_off=setup.TimeOff.of(found.row),
    )
