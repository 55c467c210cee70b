"""Setting up stylists: who works, what they give, when, and what they rather not do."""

from __future__ import annotations

from datetime import date as date_
from typing import Annotated, Any
from uuid import uuid4

import strawberry

from db.managing import Kind
from domain.model import Span
from resolvers import importing, managing, shapes
from resolvers.context import Context
from resolvers.managing import Change, Changed
from schema import changes, changing, inputs, setup_inputs
from schema.changing import Given, OfStylist
from schema.permissions import IsAdmin, IsStaff, only
from schema.setup import TimeOff
from schema.types import Info, Stylist

DateArgument = Annotated[date_, strawberry.argument(description="The date.")]


@strawberry.type
class ManagingStylists:
    @strawberry.mutation(**only(IsAdmin, "adds a stylist; they work nowhere before scheduleSet."))
    async def stylist_create(
        self,
        info: Info,
        input: Annotated[setup_inputs.StylistCreateInput, strawberry.argument(description="The stylist.")],
    ) -> changes.StylistResult:
        return await changing.create(info, Kind.STYLIST, shapes.StylistCreate, input, active=True)

    @strawberry.mutation(**only(IsAdmin, "changes a stylist."))
    async def stylist_update(
        self,
        info: Info,
        input: Annotated[setup_inputs.StylistUpdateInput, strawberry.argument(description="What is to change.")],
    ) -> changes.StylistResult:
        return await changing.update(info, Kind.STYLIST, shapes.StylistUpdate, input)

    @strawberry.mutation(
        **only(IsAdmin, "takes a stylist off sale. What was booked stays, and is answered as conflicts.")
    )
    async def stylist_remove(self, info: Info, stylist_id: inputs.StylistIdArgument) -> changes.StylistResult:
        return await changing.retire(info, Kind.STYLIST, inputs.uuid(stylist_id, "stylistId"))

    @strawberry.mutation(**only(IsAdmin, "says that a stylist gives a service, and how."))
    async def offering_set(
        self,
        info: Info,
        input: Annotated[setup_inputs.OfferingSetInput, strawberry.argument(description="Who gives what.")],
    ) -> changes.StylistResult:
        return await changing.of_stylist(info, shapes.OfferingSet, input, _offering)

    @strawberry.mutation(**only(IsAdmin, "says that a stylist no longer gives a service."))
    async def offering_remove(
        self, info: Info, stylist_id: inputs.StylistIdArgument, service_id: inputs.ServiceIdArgument
    ) -> changes.StylistResult:
        key = {
            "stylist_id": inputs.uuid(stylist_id, "stylistId"),
            "service_id": inputs.uuid(service_id, "serviceId"),
        }
        return await changing.without(info, Kind.OFFERING, key)

    @strawberry.mutation(**only(IsStaff, "sets a stylist's whole week, seasons and all, in place of the one before."))
    async def schedule_set(
        self,
        info: Info,
        input: Annotated[setup_inputs.ScheduleSetInput, strawberry.argument(description="The week.")],
    ) -> changes.StylistResult:
        return await changing.of_stylist(info, shapes.ScheduleSet, input, _schedule)

    @strawberry.mutation(**only(IsStaff, "gives one date hours of its own, or a day off."))
    async def override_set(
        self,
        info: Info,
        input: Annotated[setup_inputs.OverrideSetInput, strawberry.argument(description="The date's hours.")],
    ) -> changes.StylistResult:
        return await changing.of_stylist(info, shapes.OverrideSet, input, _override)

    @strawberry.mutation(**only(IsStaff, "gives a date the week's hours back."))
    async def override_remove(
        self, info: Info, stylist_id: inputs.StylistIdArgument, date: DateArgument
    ) -> changes.StylistResult:
        key = {"stylist_id": inputs.uuid(stylist_id, "stylistId"), "on_date": date}
        return await changing.without(info, Kind.OVERRIDE, key, date)

    @strawberry.mutation(**only(IsStaff, "takes a span, or a whole date, out of a stylist's hours."))
    async def time_off_add(
        self,
        info: Info,
        input: Annotated[setup_inputs.TimeOffAddInput, strawberry.argument(description="Whose and when.")],
    ) -> changes.TimeOffResult:
        async def work(context: Context, shape: shapes.TimeOffAdd, given: Given) -> Any:
            row = managing.time_off_row(context, shape, shape.id or str(uuid4()))
            change = Change(
                info.field_name,
                Kind.TIME_OFF,
                key={"id": row["id"]},
                becomes=managing.creating(row),
                input=given,
                stylist_ids=[shape.stylist_id],
                span=managing.around(Span(row["starts_at"], row["ends_at"])),
            )
            return _time_off_changed(info, context, await managing.make(context, change))

        return await changing.with_input(info, shapes.TimeOffAdd, input, work)

    @strawberry.mutation(**only(IsStaff, "gives a stylist's time off back."))
    async def time_off_remove(
        self,
        info: Info,
        time_off_id: Annotated[strawberry.ID, strawberry.argument(description="The time off's id.")],
    ) -> changes.TimeOffResult:
        async def work(context: Context) -> Any:
            key = {"id": inputs.uuid(time_off_id, "timeOffId")}
            change = Change(info.field_name, Kind.TIME_OFF, key, managing.removing, key)
            return _time_off_changed(info, context, await managing.make(context, change))

        return await changing.answer(info, work)

    @strawberry.mutation(**only(IsStaff, "tells all that an external calendar has taken, as of an instant."))
    async def busy_times_replace(
        self,
        info: Info,
        input: Annotated[setup_inputs.BusyTimesReplaceInput, strawberry.argument(description="The calendar.")],
    ) -> changes.StylistResult:
        return await changing.of_stylist(info, shapes.BusyTimesReplace, input, _busy_times)

    @strawberry.mutation(**only(IsStaff, "forgets an external calendar and all that it has taken."))
    async def busy_source_remove(
        self,
        info: Info,
        stylist_id: inputs.StylistIdArgument,
        calendar: Annotated[str, strawberry.argument(name="source", description="The calendar's name.")],
    ) -> changes.StylistResult:
        inputs.text(calendar, "source", 500)
        key = {"stylist_id": inputs.uuid(stylist_id, "stylistId"), "source": calendar}
        return await changing.without(info, Kind.BUSY_SOURCE, key)

    @strawberry.mutation(**only(IsStaff, "says what a stylist rather not does."))
    async def stylist_preferences_set(
        self,
        info: Info,
        input: Annotated[
            setup_inputs.StylistPreferencesSetInput, strawberry.argument(description="Whose wishes, and which.")
        ],
    ) -> changes.StylistResult:
        return await changing.of_stylist(info, shapes.PreferencesSet, input, _preferences)


def _offering(_context: Context, shape: shapes.OfferingSet) -> OfStylist:
    key = {"stylist_id": shape.stylist_id, "service_id": shape.service_id}
    return OfStylist(Kind.OFFERING, key, managing.setting(shape.model_dump()))


def _schedule(context: Context, shape: shapes.ScheduleSet) -> OfStylist:
    key = {"stylist_id": shape.stylist_id}
    row = {**key, "hours": managing.week_rows(context, shape)}
    return OfStylist(Kind.SCHEDULE, key, managing.setting(row))


def _override(context: Context, shape: shapes.OverrideSet) -> OfStylist:
    key = {"stylist_id": shape.stylist_id, "on_date": shape.on_date}
    hours = [
        {"is_break": is_break, "starts_minute": starts, "ends_minute": ends}
        for is_break, starts, ends in importing.not_empty(shape.windows, shape.breaks)
    ]
    home = managing.home_of(context, shape.stylist_id)
    row = {**key, "location_id": shape.location_id or home, "reason": shape.reason, "hours": hours}
    return OfStylist(Kind.OVERRIDE, key, managing.setting(row), managing.date_span(context, shape.on_date))


def _busy_times(context: Context, shape: shapes.BusyTimesReplace) -> OfStylist:
    key = {"stylist_id": shape.stylist_id, "source": shape.source}
    spans = [[one.start_utc.isoformat(), one.end_utc.isoformat()] for one in shape.spans]
    row = {**key, "as_of": shape.as_of.isoformat(), "spans": spans}
    return OfStylist(Kind.BUSY_SOURCE, key, managing.hearing(row, context.app.clock.now()))


def _preferences(_context: Context, shape: shapes.PreferencesSet) -> OfStylist:
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
    return OfStylist(Kind.PREFERENCES, key, managing.setting(row))


def _time_off_changed(info: Info, context: Context, found: Changed) -> Any:
    return changes.changed(
        info,
        changes.TimeOffChange,
        found,
        stylist=Stylist.of(context.directory, found.row["stylist_id"]),
        time_off=TimeOff.of(found.row),
    )
