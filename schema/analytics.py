"""What GraphQL shows staff of the past: figures by day, and what was shown to whom."""

from __future__ import annotations

from datetime import date as date_
from datetime import datetime, timedelta
from typing import Annotated, Any

import strawberry

from db import analytics
from db.offers import OfferEvent
from resolvers.analytics import Report, StylistDay
from schema.operation import context_of
from schema.types import Info, Service, Stylist

DAYS_MAX = 366
AROUND_MINUTES_MAX = 24 * 60

DATE = "The date, in the business's zone."
HOUR = "The hour, 0 to 23."


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _service(info: Info, service_id: str | None) -> Service | None:
    directory = context_of(info).directory
    return Service.of(directory, service_id) if service_id is not None and service_id in directory.services else None


@strawberry.type(description="Bookings that begin in an hour.")
class PopularTime:
    date: date_ = strawberry.field(description=DATE)
    hour: int = strawberry.field(description=HOUR)
    bookings: int = strawberry.field(description="How many, not called off.")


@strawberry.type(description="How long before their start bookings are made.")
class LeadTime:
    date: date_ = strawberry.field(description="The date on which they were made, in the business's zone.")
    bookings: int = strawberry.field(description="How many were made, called off later or not.")
    average_minutes: float = strawberry.field(description="On average.")
    median_minutes: float = strawberry.field(description="In the middle.")


@strawberry.type(
    description="From starts shown to holds to bookings. Callers are those who said who they are, by token or X-Session-Id; "
    "each counts once a date."
)
class Conversion:
    date: date_ = strawberry.field(description=DATE)
    answers: int = strawberry.field(description="Answers that showed starts, as far as they are logged.")
    callers: int = strawberry.field(description="To how many callers.")
    held: int = strawberry.field(description="Holds that were placed.")
    holders: int = strawberry.field(description="By how many callers.")
    booked: int = strawberry.field(description="Bookings that were made, held before or not.")
    bookers: int = strawberry.field(description="By how many callers.")
    held_and_booked: int = strawberry.field(description="Of the holds, those that became bookings.")

    @strawberry.field(description="holders / callers; null without callers.")
    def hold_rate(self) -> float | None:
        return _rate(self.holders, self.callers)

    @strawberry.field(description="heldAndBooked / held; null without holds.")
    def confirm_rate(self) -> float | None:
        return _rate(self.held_and_booked, self.held)

    @strawberry.field(description="bookers / callers; null without callers.")
    def booking_rate(self) -> float | None:
        return _rate(self.bookers, self.callers)


@strawberry.type(description="How much a service's dates are asked for, in an hour.")
class Demand:
    service_id: strawberry.Private[str]
    date: date_ = strawberry.field(description=DATE)
    hour: int = strawberry.field(description=HOUR)
    asked: float = strawberry.field(description="How often a stylist's date was asked for; a whole number.")
    empty: float = strawberry.field(description="Of these, how often nothing was free; a whole number.")

    @classmethod
    def of(cls, found: analytics.Demand) -> Demand:
        return cls(service_id=found.service_id, date=found.date, hour=found.hour, asked=found.asked, empty=found.empty)

    @strawberry.field(description="The service; null when it is gone.")
    def service(self, info: Info) -> Service | None:
        return _service(info, self.service_id)


@strawberry.type(description="Starts that somebody wanted and did not get.")
class RefusedDemand:
    service_id: strawberry.Private[str | None]
    date: date_ = strawberry.field(description=DATE)
    reason: str = strawberry.field(description="SlotTaken or SlotNotOffered.")
    times: int = strawberry.field(description="How often.")

    @classmethod
    def of(cls, found: analytics.Refused) -> RefusedDemand:
        return cls(service_id=found.service_id, date=found.date, reason=found.reason, times=found.times)

    @strawberry.field(description="For which service; null where a booking was to be moved, or the service is gone.")
    def service(self, info: Info) -> Service | None:
        return _service(info, self.service_id)


@strawberry.type(description="How much of a stylist's working time is sold.")
class UtilisationDay:
    stylist_id: strawberry.Private[str]
    date: date_ = strawberry.field(description="The date, where the stylist is at home.")
    bookings: int = strawberry.field(description="Bookings that begin on it.")
    booked_minutes: int = strawberry.field(description="Their time on it, without buffers.")
    open_minutes: int = strawberry.field(
        description="Working hours without breaks, time off and external busy time, whether booked or not."
    )
    utilisation: float | None = strawberry.field(description="bookedMinutes / openMinutes; null without any hours.")

    @classmethod
    def of(cls, day: StylistDay) -> UtilisationDay:
        return cls(
            stylist_id=day.stylist_id,
            date=day.date,
            bookings=day.found.bookings,
            booked_minutes=day.found.booked // timedelta(minutes=1),
            open_minutes=day.found.open // timedelta(minutes=1),
            utilisation=day.found.share,
        )

    @strawberry.field(description="Who.")
    def stylist(self, info: Info) -> Stylist:
        return Stylist.of(context_of(info).directory, self.stylist_id)


@strawberry.type(description="What became of a date's bookings.")
class EndedBookings:
    date: date_ = strawberry.field(description="The date of their start, in the business's zone.")
    completed: int = strawberry.field(description="Took place.")
    no_shows: int = strawberry.field(description="The customer did not come.")
    cancelled: int = strawberry.field(description="Called off, or not paid in time.")

    @strawberry.field(description="noShows / (completed + noShows); null without either.")
    def no_show_rate(self) -> float | None:
        return _rate(self.no_shows, self.completed + self.no_shows)


@strawberry.type(description="Revenue of a service, by the date of the start.")
class ServiceRevenue:
    service_id: strawberry.Private[str | None]
    date: date_ = strawberry.field(description=DATE)
    bookings: int = strawberry.field(description="Bookings that took place, or are to.")
    earned_cents: float = strawberry.field(description="Of those that took place; minor units, a whole number.")
    expected_cents: float = strawberry.field(description="Of the others; minor units, a whole number.")

    @classmethod
    def of(cls, found: analytics.Revenue) -> ServiceRevenue:
        return cls(
            service_id=found.of,
            date=found.date,
            bookings=found.bookings,
            earned_cents=found.earned_cents,
            expected_cents=found.expected_cents,
        )

    @strawberry.field(description="The service; null when it is gone.")
    def service(self, info: Info) -> Service | None:
        return _service(info, self.service_id)


@strawberry.type(
    description="Revenue of bookings to which a price rule applied; one under two rules counts under both."
)
class RuleRevenue:
    date: date_ = strawberry.field(description=DATE)
    rule: str | None = strawberry.field(description="The rule's name when it was applied; null: no rule did.")
    bookings: int = strawberry.field(description="Bookings that took place, or are to.")
    earned_cents: float = strawberry.field(description="Of those that took place; minor units, a whole number.")
    expected_cents: float = strawberry.field(description="Of the others; minor units, a whole number.")

    @classmethod
    def of(cls, found: analytics.Revenue) -> RuleRevenue:
        return cls(
            date=found.date,
            rule=found.of,
            bookings=found.bookings,
            earned_cents=found.earned_cents,
            expected_cents=found.expected_cents,
        )


@strawberry.type(
    description="A business in figures, by date; dates without any are left out. From a replica, if the server has one: then it "
    "may be seconds late."
)
class Analytics:
    report: strawberry.Private[Report]
    timezone: str = strawberry.field(description="The business's IANA zone, in which dates are counted.")

    @classmethod
    def of(cls, report: Report) -> Analytics:
        return cls(report=report, timezone=report.dates.zone)

    @strawberry.field(description="In which hours bookings begin.")
    async def popular_times(self) -> list[PopularTime]:
        return _shown(PopularTime, await self.report.ask(analytics.popular_times))

    @strawberry.field(description="How long before their start bookings are made, by the date of making.")
    async def lead_times(self) -> list[LeadTime]:
        return _shown(LeadTime, await self.report.ask(analytics.lead_times))

    @strawberry.field(description="From starts shown to holds to bookings.")
    async def conversion(self) -> list[Conversion]:
        return _shown(Conversion, await self.report.ask(analytics.conversion))

    @strawberry.field(description="How much is asked for, by hour and service, and how often nothing is free.")
    async def demand(self) -> list[Demand]:
        return [Demand.of(one) for one in await self.report.ask(analytics.demand)]

    @strawberry.field(description="Starts that somebody wanted and did not get.")
    async def refused(self) -> list[RefusedDemand]:
        return [RefusedDemand.of(one) for one in await self.report.ask(analytics.refused)]

    @strawberry.field(description="How much of each stylist's time is sold; at most 6,000 stylists x dates.")
    async def utilisation(self) -> list[UtilisationDay]:
        return [UtilisationDay.of(one) for one in await self.report.utilisation()]

    @strawberry.field(description="What became of bookings.")
    async def no_shows(self) -> list[EndedBookings]:
        return _shown(EndedBookings, await self.report.ask(analytics.no_shows))

    @strawberry.field(description="Revenue by service.")
    async def revenue_by_service(self) -> list[ServiceRevenue]:
        return [ServiceRevenue.of(one) for one in await self.report.ask(analytics.revenue_by_service)]

    @strawberry.field(description="Revenue by price rule.")
    async def revenue_by_rule(self) -> list[RuleRevenue]:
        return [RuleRevenue.of(one) for one in await self.report.ask(analytics.revenue_by_rule)]


@strawberry.type(
    description="Something that concerned a start: that it was shown to somebody, or what somebody asked for."
)
class OfferHistoryEntry:
    service_id: strawberry.Private[str | None]
    at: datetime = strawberry.field(description="When, by Postgres's clock; of what was shown, to the second.")
    what: str = strawberry.field(description="OFFERED: a list was shown, by whatever field; else the mutation's name.")
    outcome: str | None = strawberry.field(description="Of a mutation: DONE, or the type of the Problem.")
    who: str | None = strawberry.field(
        description="The caller as a hash: the same for the same caller; null for one who did not say who they are."
    )
    version: str | None = strawberry.field(
        description="The version of the list; of a mutation, the `seenVersion` that was sent with it."
    )
    was_free: bool | None = strawberry.field(description="Whether the list had the start as free; null for mutations.")
    times: int = strawberry.field(description="How often within the second.")

    @classmethod
    def of(cls, found: OfferEvent) -> OfferHistoryEntry:
        return cls(**found._asdict())

    @strawberry.field(description="For which service; null when it is gone.")
    def service(self, info: Info) -> Service | None:
        return _service(info, self.service_id)


FromArgument = Annotated[date_, strawberry.argument(name="from", description=DATE.replace("The", "The first"))]
ToArgument = Annotated[
    date_, strawberry.argument(description="The last date, itself included; at most 366 days in all.")
]
StartArgument = Annotated[datetime, strawberry.argument(description="The start that it is about.")]
AroundArgument = Annotated[datetime, strawberry.argument(description="About when it was shown.")]
MinutesArgument = Annotated[
    int | None, strawberry.argument(description="How many minutes before and after that, 1 to 1440.")
]


def _shown(of: Any, found: Any) -> Any:
    return [of(**one._asdict()) for one in found]
