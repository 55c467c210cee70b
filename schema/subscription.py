"""What can be watched."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date, datetime
from typing import Annotated

import strawberry

from domain.errors import BadRequest
from resolvers import live, live_bookings
from resolvers.context import Context
from resolvers.live_bookings import BookingChangeKind
from schema import inputs
from schema.claims import Booking
from schema.operation import Asking
from schema.permissions import IsStaff, only
from schema.types import Availability, Info, Slot, show
from schema.waitlist import WaitlistSubscription


@strawberry.type(description="How one stylist's answer for one date changed.")
class AvailabilityChange:
    availability: Availability = strawberry.field(description="The whole answer as it is now.")
    opened: list[Slot] = strawberry.field(description="Starts that became free; in a snapshot, every free start.")
    closed: list[Slot] = strawberry.field(description="Starts that are no longer free, as they are now.")
    version: str = strawberry.field(description="The answer's version.")
    at: datetime = strawberry.field(
        description="When it was so, by Postgres's clock: events are in order of version, then of this."
    )
    cursor: str = strawberry.field(description="What to hand in as `sinceVersion` when coming back.")
    snapshot: bool = strawberry.field(description="Whether `opened` holds every free start rather than what changed.")


show(
    BookingChangeKind,
    "What became of a booking.",
    THERE="It was there when the watch began.",
    ADDED="It came into the dates and stylists watched.",
    CHANGED="It changed.",
    LEFT="It left the dates or stylists watched; it is shown as it was.",
)


@strawberry.type(description="One booking that came, changed or went.")
class BookingChange:
    kind: BookingChangeKind = strawberry.field(description="What became of it.")
    booking: Booking = strawberry.field(description="The booking as it now is.")


@strawberry.type(description="What can be watched, over graphql-transport-ws or as Server-Sent Events.")
class Subscription(WaitlistSubscription):
    @strawberry.subscription(
        description="The free starts of stylists on dates: first a snapshot of each, or what is new since `sinceVersion`, then a "
        "change each time an answer changes, by a booking as by a hold that ends or a start that passes."
    )
    async def availability_changed(
        self,
        info: Info,
        stylist_ids: Annotated[list[strawberry.ID], strawberry.argument(description="Whom to watch, 1 to 200.")],
        service_id: inputs.ServiceIdArgument,
        from_: inputs.FromDateArgument,
        to: inputs.ToDateArgument,
        timezone: inputs.TimezoneArgument = None,
        since_version: Annotated[
            str | None,
            strawberry.argument(
                description="The `cursor` of the last event received, from any process: then only what is new since comes first, "
                "as differences where the old list is still known. Of one stylist and date, its `version` does too."
            ),
        ] = None,
    ) -> AsyncGenerator[AvailabilityChange, None]:
        asking = info.context
        assert isinstance(asking, Asking)
        limits = asking.app.limits
        watched = live.Watched(
            stylist_ids=tuple(inputs.uuids(stylist_ids, "stylistIds", limits)),
            service_id=inputs.uuid(service_id, "serviceId"),
            dates=tuple(inputs.dates(from_, to, limits.days)),
            zone=inputs.zone(timezone),
        )
        if not watched.stylist_ids:
            raise BadRequest("BAD_INPUT", "stylistIds: name at least one")

        (await asking.open(remembers=False)).count(sum(1 for _ in watched.places()))
        async with aclosing(asking.live(asking, watched, since_version)) as changes:
            async for change in changes:
                asking.context = change.context.seen_by(await asking.caller())
                yield _event(info, change)

    @strawberry.subscription(
        **only(
            IsStaff,
            "bookings as they come, change and go: first each that is there, then every change, by raw SQL too.",
        )
    )
    async def bookings_changed(
        self,
        info: Info,
        from_: Annotated[
            date, strawberry.argument(name="from", description="The first date, at the booking's location.")
        ],
        to: Annotated[date, strawberry.argument(description="The last date, itself included; at most 62 days in all.")],
        stylist_ids: Annotated[
            list[strawberry.ID] | None,
            strawberry.argument(description="Only theirs. Default: everybody's who is there now."),
        ] = None,
    ) -> AsyncGenerator[BookingChange, None]:
        asking = info.context
        assert isinstance(asking, Asking)
        limits = asking.app.limits
        inputs.dates(from_, to, limits.days)
        ids = inputs.uuids(stylist_ids, "stylistIds", limits) if stylist_ids is not None else None

        async def open_context() -> Context:
            return await asking.open(remembers=False)

        async with aclosing(live_bookings.changes(ids, from_, to, open_context)) as changes:
            async for change in changes:
                yield BookingChange(kind=change.kind, booking=Booking.of(info, change.claim))


def _event(info: Info, change: live.Change) -> AvailabilityChange:
    answer = Availability.of(info, change.availability)
    return AvailabilityChange(
        availability=answer,
        opened=[answer.slot(one) for one in change.opened],
        closed=[answer.slot(one) for one in change.closed],
        version=change.availability.version,
        at=change.availability.now,
        cursor=change.cursor.text(),
        snapshot=change.snapshot,
    )
