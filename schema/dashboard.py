"""What GraphQL shows as a dashboard: bookings in figures, and for staff each stylist's day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

import strawberry

from db.dashboards import Figures
from domain import model
from domain.model import ActivityKind
from resolvers import availability, dashboard
from resolvers.dashboard import Today
from schema import inputs
from schema.claims import Booking
from schema.operation import context_of
from schema.permissions import IsStaff, only
from schema.types import Info, Stylist, show

show(
    ActivityKind,
    "What can happen to a booking.",
    BOOKED="It was made.",
    MOVED="It got another time or stylist.",
    PAID="It was paid for online.",
    CANCELLED="It was called off, or not paid for in time.",
    COMPLETED="It took place.",
    NO_SHOW="The customer did not come.",
)


@strawberry.type(description="Something that happened to a booking.")
class Activity:
    found: strawberry.Private[model.Activity]
    at: datetime = strawberry.field(description="When.")
    what: ActivityKind = strawberry.field(description="What.")

    @classmethod
    def of(cls, found: model.Activity) -> Activity:
        return cls(found=found, at=found.at, what=found.what)

    @strawberry.field(description="The booking as it is now; null when it is gone.")
    async def booking(self, info: Info) -> Booking | None:
        return await _booking(info, self.found.booking_id)


@strawberry.type(description="How much of a stylist's date is sold.")
class StylistToday:
    stylist_id: strawberry.Private[str]
    date: date = strawberry.field(description="Today, where the stylist is at home.")
    bookings: int = strawberry.field(description="Bookings that begin on it, those over already included.")
    booked_minutes: int = strawberry.field(description="Their time on it, without buffers.")
    open_minutes: int = strawberry.field(
        description="Working hours without breaks, time off and external busy time, whether booked or not."
    )
    utilisation: float | None = strawberry.field(
        description="bookedMinutes / openMinutes; above 1 where bookings lie outside working hours, null without any hours."
    )

    @classmethod
    def of(cls, today: Today) -> StylistToday:
        return cls(
            stylist_id=today.stylist_id,
            date=today.date,
            bookings=today.found.bookings,
            booked_minutes=_minutes(today.found.booked),
            open_minutes=_minutes(today.found.open),
            utilisation=today.found.share,
        )

    @strawberry.field(description="Who.")
    def stylist(self, info: Info) -> Stylist:
        return Stylist.of(context_of(info).directory, self.stylist_id)


@strawberry.type(
    description="Bookings in figures, right as soon as anything has changed, by whatever program. Those called off count nowhere."
)
class Dashboard:
    figures: strawberry.Private[Figures]
    upcoming: int = strawberry.field(description="Bookings to come.")
    this_month: int = strawberry.field(
        description="Bookings of the month that it is now where each takes place, past and to come."
    )
    completed: int = strawberry.field(description="Bookings that took place, ever.")

    @classmethod
    def of(cls, figures: Figures) -> Dashboard:
        return cls(
            figures=figures, upcoming=figures.upcoming, this_month=figures.this_month, completed=figures.completed
        )

    @strawberry.field(description="The next booking to come.")
    async def next(self, info: Info) -> Booking | None:
        return await _booking(info, self.figures.next_id) if self.figures.next_id else None

    @strawberry.field(description="The last five things that happened to them, the latest first.")
    def recent(self) -> list[Activity]:
        return [Activity.of(one) for one in self.figures.recent]

    @strawberry.field(**only(IsStaff, "how much of today is sold, of each stylist, by name."))
    async def stylists(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID] | None, strawberry.argument(description="Only these stylists. Default: all.")
        ] = None,
    ) -> list[StylistToday]:
        context = context_of(info)
        asked = inputs.uuids(ids, "ids", context.app.limits) if ids is not None else None
        for stylist_id in asked or ():
            availability.known_stylist(context, stylist_id)
        wanted = [
            one.id for one in context.directory.stylists.values() if one.active and (asked is None or one.id in asked)
        ]
        return [StylistToday.of(one) for one in await dashboard.today(context, wanted)]


async def _booking(info: Info, booking_id: str) -> Booking | None:
    claim = await dashboard.booking(context_of(info), booking_id)
    return Booking.of(info, claim) if claim else None


def _minutes(length: timedelta) -> int:
    return length // timedelta(minutes=1)
