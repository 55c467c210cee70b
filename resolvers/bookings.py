"""Holds and bookings: a stylist's time claimed, confirmed, moved and given back. Every claim goes the same way: take the
stylist's turn, read the day, ask the domain whether the start is offered to this caller, write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from db import bookings, days
from db.pool import Again, Connection
from domain import offer, versions
from domain.errors import (
    AlreadyEnded,
    BadRequest,
    HoldExpired,
    NotFound,
    NotOfferedReason,
    SlotNotOffered,
    SlotTaken,
)
from domain.model import BookingStatus, Claim, Customer, DayFacts, Service, Slot, Span, Stylist, Terms
from resolvers import availability, writing
from resolvers.context import Context
from resolvers.writing import Request


@dataclass(frozen=True, slots=True)
class Start:
    """What is asked for: a stylist's start for a service. seen_version: of the list in which the caller saw it."""

    stylist_id: str
    service_id: str
    starts_at: datetime
    seen_version: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a booking is for."""

    name: str
    email: str | None = None
    phone: str | None = None


async def hold(context: Context, start: Start, request: Request) -> Claim:
    """Holds a start for the caller; one's own hold of the same is answered again. Raises SlotTaken, SlotNotOffered, NotFound."""
    holder = _holder(context)

    async def work(connection: Connection) -> Claim:
        place = await _turn(connection, context, start)
        own = await place.own_hold(connection, holder)
        if own and own.service_id == start.service_id:
            return own
        slot, terms = await place.offered(connection, own)
        return await bookings.insert(
            connection,
            context.tenant_id,
            stylist_id=start.stylist_id,
            slot=slot,
            terms=terms,
            holder=holder,
            hold_ttl=context.directory.tenant.hold_ttl,
            customer=None,
            notes=None,
        )

    return await _claiming(context, request, work, lambda: start)


async def release(context: Context, request: Request) -> Claim:
    """Gives a hold back. Raises HoldExpired, NotFound."""

    async def work(connection: Connection) -> Claim:
        claim = await _own(connection, context, request)
        if claim.expires_at is None or claim.status not in (BookingStatus.HELD, BookingStatus.RELEASED):
            raise NotFound
        _unexpired(claim)
        return await bookings.end(connection, context.tenant_id, claim, BookingStatus.RELEASED)

    return await writing.run(context, request, work)


async def confirm(context: Context, contact: Contact, notes: str | None, request: Request) -> Claim:
    """Makes a hold a booking, at the price it was held for; one's own again answers the same booking.

    Raises HoldExpired, NotFound, AlreadyEnded.
    """

    async def work(connection: Connection) -> Claim:
        claim = await _own(connection, context, request)
        if claim.expires_at is None:
            raise NotFound
        if claim.status is BookingStatus.CANCELLED:
            raise AlreadyEnded
        if claim.status not in (BookingStatus.HELD, BookingStatus.RELEASED):
            return claim
        _unexpired(claim)
        return await _confirm(connection, context, claim, contact, notes)

    return await writing.run(context, request, work)


async def create(context: Context, start: Start, contact: Contact, notes: str | None, request: Request) -> Claim:
    """Books a start; one that the caller holds, by that hold. Raises SlotTaken, SlotNotOffered, NotFound."""

    async def work(connection: Connection) -> Claim:
        place = await _turn(connection, context, start)
        own = await place.own_hold(connection, context.caller.holder)
        if own and own.service_id == start.service_id:
            return await _confirm(connection, context, own, contact, notes)
        slot, terms = await place.offered(connection, own)
        return await bookings.insert(
            connection,
            context.tenant_id,
            stylist_id=start.stylist_id,
            slot=slot,
            terms=terms,
            holder=context.caller.holder,
            hold_ttl=None,
            customer=await _customer(connection, context, contact),
            notes=notes,
        )

    return await _claiming(context, request, work, lambda: start)


async def reschedule(context: Context, starts_at: datetime, stylist_id: str | None, request: Request) -> Claim:
    """Moves a booking, at its old price: the old time is free only if the new one is got.

    Raises SlotTaken, SlotNotOffered, NotFound, AlreadyEnded.
    """
    start: Start | None = None

    async def work(connection: Connection) -> Claim:
        nonlocal start
        known = _visible(context, await bookings.get(connection, context.tenant_id, request.entity_id or ""))
        start = Start(stylist_id or known.stylist_id, known.service_id, starts_at)
        place = await _turn(connection, context, start, leaving=known)
        claim = _confirmed(await _still(connection, context, known))
        own = await place.own_hold(connection, context.caller.holder)
        slot, terms = await place.offered(connection, own, claim)
        return await bookings.move(
            connection, context.tenant_id, claim, stylist_id=start.stylist_id, slot=slot, terms=terms
        )

    return await _claiming(context, request, work, lambda: start)


async def end(context: Context, status: BookingStatus, reason: str | None, request: Request) -> Claim:
    """Cancels, completes or marks a booking as missed. Raises NotFound, AlreadyEnded."""

    async def work(connection: Connection) -> Claim:
        claim = _confirmed(await _own(connection, context, request))
        return await bookings.end(connection, context.tenant_id, claim, status, reason)

    return await writing.run(context, request, work)


async def get(context: Context, booking_id: str) -> Claim | None:
    """A booking that the caller may see."""
    async with context.app.database.connection() as connection:
        claim = await bookings.get(connection, context.tenant_id, booking_id)
    if claim is None or claim.status in (BookingStatus.HELD, BookingStatus.RELEASED):
        return None
    return claim if _may_see(context, claim) else None


async def between(
    context: Context,
    *,
    stylist_id: str | None,
    from_on: date,
    until_on: date,
    after: tuple[datetime, str] | None,
    most: int,
) -> list[Claim]:
    """The caller's own bookings, or for staff everybody's, by start."""
    if context.caller.holder is None and not context.caller.is_staff:
        return []
    async with context.app.database.connection() as connection:
        return await bookings.between(
            connection,
            context.tenant_id,
            stylist_id=stylist_id,
            holder=None if context.caller.is_staff else context.caller.holder,
            from_on=from_on,
            until_on=until_on,
            after=after,
            most=most,
        )


@dataclass(slots=True)
class _Place:
    """A start whose stylist's turn we have: nobody else claims there until we commit."""

    context: Context
    start: Start
    stylist: Stylist

    async def own_hold(self, connection: Connection, holder: str | None) -> Claim | None:
        if holder is None:
            return None
        return await bookings.own_hold(
            connection,
            self.context.tenant_id,
            stylist_id=self.start.stylist_id,
            starts_at=self.start.starts_at,
            holder=holder,
        )

    async def offered(
        self, connection: Connection, own_hold: Claim | None, moving: Claim | None = None
    ) -> tuple[Slot, Terms]:
        """The slot, if it is offered to a caller whose own hold and moving booking do not count. Gives the hold back."""
        now, version, facts = await _days(connection, self.context, self.start, self.stylist)
        facts = offer.without(facts, {claim.id for claim in (own_hold, moving) if claim is not None})
        zone = ZoneInfo(self.stylist.timezone)
        try:
            offering = offer.offered(facts, self.start.service_id, self.start.starts_at, now=now, zone=zone)
        except SlotTaken as taken:
            raise SlotTaken(taken.slot_status, version, seen_version=self.start.seen_version) from None
        if own_hold:
            await bookings.end(connection, self.context.tenant_id, own_hold, BookingStatus.RELEASED)
        return offering


async def _days(
    connection: Connection, context: Context, start: Start, stylist: Stylist
) -> tuple[datetime, str, list[DayFacts]]:
    """The clock, the version and the facts of the stylist's days that a start lies in."""
    instant = Span(start.starts_at, start.starts_at + timedelta(microseconds=1))
    wanted = [(stylist.id, day) for day in availability.instants_days(context, stylist, instant)]
    now, found = await days.load(connection, context.tenant_id, wanted)
    return now, versions.text([found[key][0] for key in wanted]), [found[key][1] for key in wanted]


async def _claiming(
    context: Context,
    request: Request,
    work: Callable[[Connection], Awaitable[Claim]],
    started: Callable[[], Start | None],
) -> Claim:
    """Runs a claim; what is refused goes out with the nearest free starts. started: what was asked for, once that is known."""
    try:
        return await writing.run(context, request, work)
    except (SlotTaken, SlotNotOffered) as refusal:
        start = started()
        assert start is not None
        if isinstance(refusal, SlotTaken) and not refusal.version:
            await _look_again(context, start, refusal)
        refusal.nearest = await availability.nearest(
            context, stylist_id=start.stylist_id, service_id=start.service_id, starts_at=start.starts_at
        )
        raise


async def _look_again(context: Context, start: Start, refusal: SlotTaken) -> None:
    """Completes a refusal by the constraint, which cannot tell how the start looks nor the day's version."""
    stylist = context.directory.stylists[start.stylist_id]
    async with context.app.database.connection() as connection:
        now, refusal.version, facts = await _days(connection, context, start, stylist)
    refusal.seen_version = start.seen_version
    try:
        offer.offered(facts, start.service_id, start.starts_at, now=now, zone=ZoneInfo(stylist.timezone))
    except SlotTaken as taken:
        refusal.slot_status = taken.slot_status
    except SlotNotOffered:
        pass


async def _turn(connection: Connection, context: Context, start: Start, leaving: Claim | None = None) -> _Place:
    """Takes the turn of the stylist's days, and of those of a booking that leaves, in one order for all writers.

    Raises NotFound for an unknown stylist or service, SlotNotOffered when they do not go together.
    """
    stylist = context.directory.stylists.get(start.stylist_id)
    service = context.directory.services.get(start.service_id)
    if stylist is None or not stylist.active or service is None or not service.active:
        raise NotFound
    offering = context.directory.offerings.get((stylist.id, service.id))
    if offering is None:
        raise SlotNotOffered(NotOfferedReason.SERVICE_NOT_OFFERED)
    ends_at = start.starts_at + timedelta(minutes=offering.duration_minutes)
    turns = [(stylist.id, _occupied(service, start.starts_at, ends_at))]
    if leaving:
        turns.append((leaving.stylist_id, _occupied(service, leaving.starts_at, leaving.ends_at)))
    for stylist_id, occupied in sorted(turns):
        await bookings.lock(connection, context.tenant_id, stylist_id, occupied)
    return _Place(context, start, stylist)


async def _own(connection: Connection, context: Context, request: Request) -> Claim:
    """The request's claim as it is when its days' turn has come. Raises NotFound."""
    claim_id = request.entity_id or ""
    known = _visible(context, await bookings.get(connection, context.tenant_id, claim_id))
    occupied = _occupied(context.directory.services[known.service_id], known.starts_at, known.ends_at)
    await bookings.lock(connection, context.tenant_id, known.stylist_id, occupied)
    await bookings.end_expired(connection, context.tenant_id, known.stylist_id, occupied)
    return await _still(connection, context, known)


async def _still(connection: Connection, context: Context, known: Claim) -> Claim:
    """The claim as it is now that its days' turn has come. Raises Again when it has moved away from them, NotFound."""
    claim = _visible(context, await bookings.get(connection, context.tenant_id, known.id))
    if (claim.stylist_id, claim.starts_at, claim.ends_at) != (known.stylist_id, known.starts_at, known.ends_at):
        raise Again
    return claim


def _occupied(service: Service, starts_at: datetime, ends_at: datetime) -> Span:
    """A span with the service's buffers."""
    return Span(
        starts_at - timedelta(minutes=service.buffer_before_minutes),
        ends_at + timedelta(minutes=service.buffer_after_minutes),
    )


def _visible(context: Context, claim: Claim | None) -> Claim:
    if claim is None or not _may_see(context, claim):
        raise NotFound
    return claim


def _confirmed(claim: Claim) -> Claim:
    """A booking that can still be changed. Raises NotFound for what is only a hold, AlreadyEnded."""
    if claim.status in (BookingStatus.HELD, BookingStatus.RELEASED):
        raise NotFound
    if claim.status is not BookingStatus.CONFIRMED:
        raise AlreadyEnded
    return claim


def _may_see(context: Context, claim: Claim) -> bool:
    """Who made it, and staff. What nobody made, through import or raw SQL, is staff's."""
    return context.caller.is_staff or (claim.holder is not None and claim.holder == context.caller.holder)


def _unexpired(claim: Claim) -> None:
    """Raises HoldExpired for a hold that has ended."""
    if claim.status is BookingStatus.RELEASED and claim.expires_at:
        raise HoldExpired(claim.ended_at or claim.expires_at)


async def _confirm(
    connection: Connection, context: Context, claim: Claim, contact: Contact, notes: str | None
) -> Claim:
    customer = await _customer(connection, context, contact)
    confirmed = await bookings.confirm(connection, context.tenant_id, claim.id, customer=customer, notes=notes)
    if confirmed is None:
        raise HoldExpired(claim.expires_at or claim.created_at)
    return confirmed


async def _customer(connection: Connection, context: Context, contact: Contact) -> Customer:
    return await bookings.ensure_customer(
        connection,
        context.tenant_id,
        owner=context.caller.holder,
        name=contact.name,
        email=contact.email,
        phone=contact.phone,
    )


def _holder(context: Context) -> str:
    if context.caller.holder is None:
        raise BadRequest(
            "BAD_INPUT",
            "a hold needs an owner: send the header X-Session-Id with an id that you make up, or a bearer token",
        )
    return context.caller.holder
