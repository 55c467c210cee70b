"""What GraphQL shows of claims on a stylist's time: holds, bookings, and whom they are for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum

import strawberry

from domain import model, prices
from domain.model import Directory
from resolvers import bookings
from schema import connections
from schema.connections import PageInfo
from schema.operation import context_of
from schema.permissions import IsStaff, only
from schema.types import Info, Location, Service, Stylist


@strawberry.enum(description="Where a booking stands.")
class BookingStatus(Enum):
    CONFIRMED = strawberry.enum_value("CONFIRMED", description="It is to take place.")
    CANCELLED = strawberry.enum_value("CANCELLED", description="It was called off; its time is free again.")
    COMPLETED = strawberry.enum_value("COMPLETED", description="It took place.")
    NO_SHOW = strawberry.enum_value("NO_SHOW", description="The customer did not come.")


@strawberry.type(description="Whom a booking is for. Shown to who made it and to staff.")
class Customer:
    id: strawberry.ID = strawberry.field(description="Their id.")
    name: str = strawberry.field(description="Their name.")
    email: str | None = strawberry.field(description="Their e-mail address.")
    phone: str | None = strawberry.field(description="Their telephone number.")

    @classmethod
    def of(cls, customer: model.Customer) -> Customer:
        return cls(id=strawberry.ID(customer.id), name=customer.name, email=customer.email, phone=customer.phone)


@strawberry.type(description="A price rule as it was applied.")
class AppliedRule:
    name: str = strawberry.field(description="Its name then.")
    percent: float = strawberry.field(description="Its percentage then: 20 is +20 %.")


@strawberry.type(description="What a price was made of: rules compound in order, with one rounding at the end.")
class PriceTrace:
    base_cents: int = strawberry.field(description="The stylist's or service's own price, in minor units.")
    rules: list[AppliedRule] = strawberry.field(description="The rules that applied, in order.")

    @classmethod
    def of(cls, trace: prices.PriceTrace) -> PriceTrace:
        rules = [AppliedRule(name=name, percent=basis_points / 100) for name, basis_points in trace.rules]
        return cls(base_cents=trace.base_cents, rules=rules)


@strawberry.type(description="A claim on a start that ends by itself.")
class Hold:
    directory: strawberry.Private[Directory]
    claim: strawberry.Private[model.Claim]
    id: strawberry.ID = strawberry.field(description="Its id: confirm or release it by this.")
    start_utc: datetime = strawberry.field(description="Its start in UTC.")
    end_utc: datetime = strawberry.field(description="Its end in UTC.")
    price_cents: int = strawberry.field(description="The price, frozen: the booking keeps it.")
    expires_at: datetime = strawberry.field(description="When it ends unless it is confirmed before.")

    @classmethod
    def of(cls, info: Info, claim: model.Claim) -> Hold:
        return cls(
            directory=context_of(info).directory,
            claim=claim,
            id=strawberry.ID(claim.id),
            start_utc=claim.starts_at,
            end_utc=claim.ends_at,
            price_cents=claim.price_cents,
            expires_at=claim.expires_at or claim.created_at,
        )

    @strawberry.field(description="Whose time.")
    def stylist(self) -> Stylist:
        return Stylist.of(self.directory, self.claim.stylist_id)

    @strawberry.field(description="For what.")
    def service(self) -> Service:
        return Service.of(self.directory, self.claim.service_id)

    @strawberry.field(**only(IsStaff, "what its price is made of."))
    def price_trace(self) -> PriceTrace | None:
        return PriceTrace.of(self.claim.price_trace) if self.claim.price_trace else None


@strawberry.type(description="A stylist's time, sold.")
class Booking:
    directory: strawberry.Private[Directory]
    claim: strawberry.Private[model.Claim]
    id: strawberry.ID = strawberry.field(description="Its id.")
    start_utc: datetime = strawberry.field(description="Its start in UTC.")
    end_utc: datetime = strawberry.field(description="Its end in UTC.")
    status: BookingStatus = strawberry.field(description="Where it stands.")
    price_cents: int = strawberry.field(description="Its price in minor units, as quoted when it was held or booked.")
    payment_required: bool = strawberry.field(description="Whether it still must be paid for online.")
    payment_url: str | None = strawberry.field(description="Where to pay for it, while it must be.")
    payment_due_at: datetime | None = strawberry.field(
        description="When it frees itself unless it is paid for before; null: never."
    )
    paid_at: datetime | None = strawberry.field(description="When it was paid for online.")
    created_at: datetime = strawberry.field(description="When it was held or booked.")

    @classmethod
    def of(cls, info: Info, claim: model.Claim) -> Booking:
        return cls(
            directory=context_of(info).directory,
            claim=claim,
            id=strawberry.ID(claim.id),
            start_utc=claim.starts_at,
            end_utc=claim.ends_at,
            price_cents=claim.price_cents,
            status=BookingStatus(claim.status.value),
            payment_required=claim.awaits_payment,
            payment_url=bookings.payment_url(context_of(info), claim),
            payment_due_at=claim.payment_due_at if claim.awaits_payment else None,
            paid_at=claim.paid_at,
            created_at=claim.created_at,
        )

    @strawberry.field(description="Whose time.")
    def stylist(self) -> Stylist:
        return Stylist.of(self.directory, self.claim.stylist_id)

    @strawberry.field(description="For what.")
    def service(self) -> Service:
        return Service.of(self.directory, self.claim.service_id)

    @strawberry.field(description="Where.")
    def location(self) -> Location:
        return Location.of(self.directory, self.claim.location_id)

    @strawberry.field(**only(IsStaff, "what its price was made of when it was held or booked."))
    def price_trace(self) -> PriceTrace | None:
        return PriceTrace.of(self.claim.price_trace) if self.claim.price_trace else None

    @strawberry.field(description="Whom it is for.")
    def customer(self) -> Customer | None:
        return Customer.of(self.claim.customer) if self.claim.customer else None


@strawberry.type(description="A booking and its place in the list.")
class BookingEdge:
    node: Booking = strawberry.field(description="The booking.")
    cursor: str = strawberry.field(description="What to hand in as `after` to go on behind it.")


@strawberry.type(description="A page of bookings.")
class BookingConnection:
    edges: list[BookingEdge] = strawberry.field(description="The bookings, by start.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")

    @classmethod
    def of(cls, info: Info, claims: Sequence[model.Claim], first: int) -> BookingConnection:
        """A page of the first so many of the claims, of which there may be one more."""
        return connections.page(
            cls,
            BookingEdge,
            claims,
            first,
            node=lambda claim: Booking.of(info, claim),
            place=lambda claim: (claim.starts_at, claim.id),
        )
