"""What GraphQL shows staff of why a start is closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import strawberry

from domain import explain
from domain.explain import Through
from domain.model import ClosedBy, Directory, SlotStatus
from schema.claims import Booking
from schema.operation import context_of
from schema.scalars import clock_text
from schema.types import Info, Location, show

show(
    ClosedBy,
    "What closes a start, or a whole day.",
    BREAK="A break of the week or of the date's override.",
    TIME_OFF="The stylist's time off.",
    EXTERNAL="A time that an external calendar has taken: `source`.",
    BOOKING="A booking, by its own time, its buffer or the way to it: `through`.",
    HOLD="A hold that has not expired.",
    WINDOW_END="The service does not fit before the end of the working hours.",
    NOTICE="It is past, or sooner than the service's minimum notice.",
    HORIZON="It is further ahead than the service can be booked.",
    AVOIDED="The stylist rather not gives this service at this time.",
    LONGEST_RUN="It would make a longer run of work without a pause than the stylist wishes.",
    BOOKINGS_A_DAY="The stylist has as many bookings on this day as they wish.",
    STALE_SOURCE="An external calendar was not heard of for too long, and the business closes days for that.",
    NOT_OFFERED="The stylist does not give this service.",
    NO_HOURS="The stylist has no hours on this day.",
    DAY_OFF="The date has an override without hours.",
    CLOSURE="The place is closed on this date.",
)
show(
    Through,
    "By which part of a claim it closes a start.",
    TIME="The claim's own time.",
    BUFFER="A buffer of either.",
    TRAVEL="The way between two places.",
)


@strawberry.type(description="One thing that closes a start.")
class SlotCause:
    cause: strawberry.Private[explain.Cause]
    closed_by: ClosedBy = strawberry.field(description="What it is.")
    start_utc: datetime | None = strawberry.field(description="Its own start, where it has one.")
    end_utc: datetime | None = strawberry.field(description="Its own end, itself not included.")
    through: Through | None = strawberry.field(description="By which part of it, for bookings and holds.")
    source: str | None = strawberry.field(description="The external calendar's name.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself: a hold, or an unpaid booking.")

    @classmethod
    def of(cls, cause: explain.Cause) -> SlotCause:
        busy = cause.busy
        return cls(
            cause=cause,
            closed_by=cause.by,
            start_utc=busy and busy.starts_at,
            end_utc=busy and busy.ends_at,
            through=cause.through,
            source=busy and busy.source,
            expires_at=busy and busy.expires_at,
        )

    @strawberry.field(description="The booking, where it is one.")
    async def booking(self, info: Info) -> Booking | None:
        busy = self.cause.busy
        if busy is None or busy.id is None or self.cause.by is not ClosedBy.BOOKING:
            return None
        claim = await context_of(info).claims.load(busy.id)
        return Booking.of(info, claim) if claim else None


@strawberry.type(description="A booking to come that the rules would not let in any more.")
class Conflict:
    booking: Booking = strawberry.field(description="The booking.")
    causes: list[SlotCause] = strawberry.field(description="Why it would not be let in.")


@strawberry.type(
    description="One start of the grid with all that closes it; none = free. A day without any start is one of these without "
    "`startUtc`, with what closes the day."
)
class SlotExplanation:
    directory: strawberry.Private[Directory]
    found: strawberry.Private[explain.Explained]
    is_free: bool = strawberry.field(description="Whether nothing closes it: then availableSlots has it as AVAILABLE.")
    causes: list[SlotCause] = strawberry.field(description="All that closes it.")

    @classmethod
    def of(cls, info: Info, found: explain.Explained) -> SlotExplanation:
        return cls(
            directory=context_of(info).directory,
            found=found,
            is_free=found.is_free,
            causes=[SlotCause.of(cause) for cause in found.causes],
        )

    @strawberry.field(description="Its start in UTC.")
    def start_utc(self) -> datetime | None:
        return self.found.span and self.found.span.starts_at

    @strawberry.field(description="Its end in UTC, itself not included.")
    def end_utc(self) -> datetime | None:
        return self.found.span and self.found.span.ends_at

    @strawberry.field(description="Its start with offset, in the location's zone.")
    def start_local(self) -> datetime | None:
        return self._local()

    @strawberry.field(description="Its local start as people write it, as `10:30 AM`.")
    def display(self) -> str | None:
        local = self._local()
        return clock_text(local) if local else None

    @strawberry.field(description="Where.")
    def location(self) -> Location | None:
        return Location.of(self.directory, self.found.location_id) if self.found.location_id else None

    @strawberry.field(description="As availableSlots lists it; null where it does not, for the service does not fit.")
    def status(self) -> SlotStatus | None:
        return self.found.slot and self.found.slot.status

    @strawberry.field(description="Its price in minor units, where it is listed.")
    def price_cents(self) -> int | None:
        return self.found.slot and self.found.slot.price_cents

    def _local(self) -> Any:
        if self.found.span is None or self.found.location_id is None:
            return None
        return self.found.span.starts_at.astimezone(ZoneInfo(self.directory.locations[self.found.location_id].timezone))
