"""What can be asked in figures: dashboards, analytics, and what was shown to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import strawberry

from resolvers import dashboard, offers
from resolvers.analytics import Report
from schema import inputs
from schema.analytics import (
    AROUND_MINUTES_MAX,
    DAYS_MAX,
    Analytics,
    AroundArgument,
    FromArgument,
    MinutesArgument,
    OfferHistoryEntry,
    StartArgument,
    ToArgument,
)
from schema.dashboard import Dashboard
from schema.inputs import StylistIdArgument
from schema.operation import context_of
from schema.permissions import IsStaff, only
from schema.types import Info


@strawberry.type
class Figures:
    @strawberry.field(description="Your bookings in figures; a customer's for whose customer it is, and for staff.")
    async def dashboard(
        self,
        info: Info,
        customer_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description="The customer, one of yours. Default: all bookings that you made yourself."
            ),
        ] = None,
    ) -> Dashboard:
        asked = inputs.uuid_or_none(customer_id, "customerId")
        return Dashboard.of(await dashboard.figures(context_of(info), asked))

    @strawberry.field(**only(IsStaff, "the business in figures, by date."))
    def analytics(self, info: Info, from_: FromArgument, to: ToArgument) -> Analytics:
        inputs.dates(from_, to, DAYS_MAX)
        return Analytics.of(Report(context_of(info), from_, to))

    @strawberry.field(
        **only(
            IsStaff,
            "what was shown of a stylist's start about an instant, to whom, at which version, and who asked for it: the "
            "first 500, by time. What was shown is kept for 30 days, or as the server is told, and is here two seconds later.",
        )
    )
    async def offer_history(
        self,
        info: Info,
        stylist_id: StylistIdArgument,
        start_utc: StartArgument,
        around: AroundArgument,
        minutes: MinutesArgument = 10,
    ) -> list[OfferHistoryEntry]:
        within = inputs.bounded(minutes, "minutes", AROUND_MINUTES_MAX, 10)
        found = await offers.history(
            context_of(info),
            inputs.uuid(stylist_id, "stylistId"),
            starts_at=start_utc,
            around=around,
            within=timedelta(minutes=within),
        )
        return [OfferHistoryEntry.of(one) for one in found]
