"""Computing availability before it is asked for, on demand of a service."""

from __future__ import annotations

from typing import Annotated

import strawberry

from resolvers import nightly
from schema import inputs
from schema.inputs import FromDateArgument, ToDateArgument
from schema.operation import context_of
from schema.permissions import IsService, only
from schema.types import Info


@strawberry.type(description="What was computed anew.")
class AvailabilityRecalculated:
    days: int = strawberry.field(description="How many stylists' dates.")
    seconds: float = strawberry.field(description="How long it took, to the millisecond.")


@strawberry.type
class AheadMutation:
    @strawberry.mutation(
        **only(
            IsService,
            "computes stylists' dates anew from the database, at once, into this process's memory and Redis. What is served is "
            "checked anyway, so nothing becomes right by it that was not; it becomes ready.",
        )
    )
    async def availability_recalculate(
        self,
        info: Info,
        from_: FromDateArgument,
        to: ToDateArgument,
        stylist_ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Whose; null: all active stylists'.")
        ] = None,
    ) -> AvailabilityRecalculated:
        context = context_of(info)
        await context.renew()
        limits = context.app.limits
        ids = None if stylist_ids is None else inputs.uuids(stylist_ids, "stylistIds", limits)
        found = await nightly.recalculate(context, ids, inputs.dates(from_, to, limits.days))
        return AvailabilityRecalculated(days=found.days, seconds=round(found.seconds, 3))
