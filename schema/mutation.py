"""What can be done. Every mutation answers the thing itself or a Problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from domain.model import BookingStatus
from resolvers import bookings, writing
from resolvers.bookings import Start
from resolvers.context import Context
from resolvers.writing import Request
from schema import inputs
from schema.ahead import AheadMutation
from schema.claims import Booking, Hold
from schema.exports import Feeding
from schema.inputs import NOTES_MAX, BookingConfirmInput, BookingCreateInput, BookingRescheduleInput, HoldPlaceInput
from schema.managing import Managing
from schema.operation import context_of
from schema.permissions import IsStaff, only
from schema.results import BookingResult, HoldPlaceResult, HoldReleaseResult, answer
from schema.scalars import instant_text
from schema.types import Info
from schema.waitlist import WaitlistMutation
from schema.webhooks import WebhookMutation

BookingIdArgument = Annotated[strawberry.ID, strawberry.argument(description="The booking's id.")]


@strawberry.type(description="What can be done. Holding and booking need no token; X-Session-Id owns what it makes.")
class Mutation(Managing, WaitlistMutation, WebhookMutation, Feeding, AheadMutation):
    @strawberry.mutation(
        description="Holds a free start for ten minutes, or as long as the tenant says. Needs X-Session-Id."
    )
    async def hold_place(
        self, info: Info, input: Annotated[HoldPlaceInput, strawberry.argument(description="What to hold.")]
    ) -> HoldPlaceResult:
        context = await _writing(info)
        start = _start(input)
        request = Request("holdPlace", _start_json(start), key=input.idempotency_key, seen_version=start.seen_version)
        return await answer(info, Hold.of, bookings.hold(context, start, request))

    @strawberry.mutation(description="Gives a hold back before it ends by itself.")
    async def hold_release(
        self, info: Info, hold_id: Annotated[strawberry.ID, strawberry.argument(description="The hold's id.")]
    ) -> HoldReleaseResult:
        context = await _writing(info)
        id_ = inputs.uuid(hold_id, "holdId")
        return await answer(info, Hold.of, bookings.release(context, Request("holdRelease", {"holdId": id_}, id_)))

    @strawberry.mutation(description="Makes a hold a booking, at the price it was held for.")
    async def booking_confirm(
        self,
        info: Info,
        input: Annotated[BookingConfirmInput, strawberry.argument(description="Which hold, for whom.")],
    ) -> BookingResult:
        context = await _writing(info)
        hold_id, contact = inputs.uuid(input.hold_id, "holdId"), input.customer.contact()
        notes = inputs.text(input.notes, "notes", NOTES_MAX)
        request = Request(
            "bookingConfirm",
            {"holdId": hold_id, "customer": _contact_json(contact), "notes": notes},
            entity_id=hold_id,
            key=input.idempotency_key,
        )
        return await answer(info, Booking.of, bookings.confirm(context, contact, notes, request))

    @strawberry.mutation(description="Books a free start without holding it first; one that you hold, by your hold.")
    async def booking_create(
        self,
        info: Info,
        input: Annotated[BookingCreateInput, strawberry.argument(description="What to book, for whom.")],
    ) -> BookingResult:
        context = await _writing(info)
        start, contact = _start(input), input.customer.contact()
        notes = inputs.text(input.notes, "notes", NOTES_MAX)
        request = Request(
            "bookingCreate",
            {**_start_json(start), "customer": _contact_json(contact), "notes": notes},
            key=input.idempotency_key,
            seen_version=start.seen_version,
        )
        return await answer(info, Booking.of, bookings.create(context, start, contact, notes, request))

    @strawberry.mutation(
        description="Moves a booking, at its old price: the old time is freed only if the new one is got."
    )
    async def booking_reschedule(
        self,
        info: Info,
        input: Annotated[BookingRescheduleInput, strawberry.argument(description="What to move, and where.")],
    ) -> BookingResult:
        context = await _writing(info)
        booking_id = inputs.uuid(input.booking_id, "bookingId")
        stylist_id = inputs.uuid(input.stylist_id, "stylistId") if input.stylist_id else None
        request = Request(
            "bookingReschedule",
            {"bookingId": booking_id, "startUtc": instant_text(input.start_utc), "stylistId": stylist_id},
            entity_id=booking_id,
            key=input.idempotency_key,
        )
        return await answer(info, Booking.of, bookings.reschedule(context, input.start_utc, stylist_id, request))

    @strawberry.mutation(description="Calls a booking off; its time is free again.")
    async def booking_cancel(
        self,
        info: Info,
        booking_id: BookingIdArgument,
        reason: Annotated[
            str | None, strawberry.argument(description="Why, for staff; at most 2,000 characters.")
        ] = None,
    ) -> BookingResult:
        reason = inputs.text(reason, "reason", NOTES_MAX)
        return await _end(info, "bookingCancel", booking_id, BookingStatus.CANCELLED, reason)

    @strawberry.mutation(**only(IsStaff, "the booking is paid for, and no longer ends by itself."))
    async def booking_paid(self, info: Info, booking_id: BookingIdArgument) -> BookingResult:
        context = await _writing(info)
        id_ = inputs.uuid(booking_id, "bookingId")
        request = Request("bookingPaid", {"bookingId": id_}, id_)
        return await answer(info, Booking.of, bookings.paid(context, request))

    @strawberry.mutation(**only(IsStaff, "the booking took place."))
    async def booking_complete(self, info: Info, booking_id: BookingIdArgument) -> BookingResult:
        return await _end(info, "bookingComplete", booking_id, BookingStatus.COMPLETED)

    @strawberry.mutation(**only(IsStaff, "the customer did not come."))
    async def booking_no_show(self, info: Info, booking_id: BookingIdArgument) -> BookingResult:
        return await _end(info, "bookingNoShow", booking_id, BookingStatus.NO_SHOW)


async def _writing(info: Info) -> Context:
    """The context, with a directory that is certainly current. Raises Unavailable."""
    context = context_of(info)
    await context.renew()
    return context


async def _end(
    info: Info, mutation: str, booking_id: strawberry.ID, status: BookingStatus, reason: str | None = None
) -> Any:
    context = await _writing(info)
    id_ = inputs.uuid(booking_id, "bookingId")
    request = Request(mutation, {"bookingId": id_, "reason": reason}, id_)
    return await answer(info, Booking.of, bookings.end(context, status, reason, request))


def _start(input: HoldPlaceInput | BookingCreateInput) -> Start:
    return Start(
        stylist_ids=inputs.stylist_ids(input),
        service_id=inputs.uuid(input.service_id, "serviceId"),
        starts_at=input.start_utc,
        seen_version=writing.seen(input.seen_version),
    )


def _start_json(start: Start) -> Mapping[str, Any]:
    one = len(start.stylist_ids) == 1
    return {
        **({"stylistId": start.stylist_ids[0]} if one else {"anyOf": start.stylist_ids}),
        "serviceId": start.service_id,
        "startUtc": instant_text(start.starts_at),
    }


def _contact_json(contact: bookings.Contact) -> Mapping[str, Any]:
    return {"name": contact.name, "email": contact.email, "phone": contact.phone}
