"""What can be watched."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated

import strawberry

from domain.errors import BadRequest
from resolvers import live
from resolvers.context import Context
from schema import inputs
from schema.operation import Asking
from schema.types import Availability, Info, Slot


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


@strawberry.type(description="What can be watched, over graphql-transport-ws.")
class Subscription:
    @strawberry.subscription(
        description="The free starts of stylists on dates: first a snapshot of each, then a change each time an answer "
        "changes, by a booking as by a hold that ends or a start that passes."
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
                description="The `cursor` of the last event received. What changed since comes as snapshots."
            ),
        ] = None,
    ) -> AsyncGenerator[AvailabilityChange, None]:
        asking = info.context
        assert isinstance(asking, Asking)
        limits = asking.app.limits
        watched = live.Watched(
            stylist_ids=inputs.uuids(stylist_ids, "stylistIds", limits),
            service_id=inputs.uuid(service_id, "serviceId"),
            dates=inputs.dates(from_, to, limits.days),
            zone=inputs.zone(timezone),
        )
        if not watched.stylist_ids:
            raise BadRequest("BAD_INPUT", "stylistIds: name at least one")

        async def open_context() -> Context:
            return await asking.open(remembers=False)

        async with aclosing(live.changes(watched, open_context)) as changes:
            async for change in changes:
                yield _event(info, change)


def _event(info: Info, change: live.Change) -> AvailabilityChange:
    answer = Availability.of(info, change.availability)
    return AvailabilityChange(
        availability=answer,
        opened=[answer.slot(one) for one in change.opened],
        closed=[answer.slot(one) for one in change.closed],
        version=change.availability.version,
        at=change.availability.now,
        cursor=change.cursor,
        snapshot=change.snapshot,
    )
