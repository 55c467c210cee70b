"""Holds and bookings: a stylist's time claimed, confirmed, moved and given back. Every claim goes the same way: take the
stylist's turn, read the day, ask the domain whether the start is offered to this caller, write."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from db import bookings, days, journal
from db.bookings import Payment
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
from domain.model import BookingStatus, Claim, Customer, DayFacts, Service, Slot, Span, Terms
from domain.prices import PriceTrace
from resolvers import availability, passing, writing
from resolvers.context import Context
from resolvers.writing import Request

PLACEHOLDER = re.compile(r"\{(booking|amount|currency)\}")


@dataclass(frozen=True, slots=True)
class Start:
    """A start that is asked for, for a service, of any one of these stylists. seen_version: of the list in which it was seen."""

    stylist_ids: tuple[str, ...]
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
        await _turn(connection, context, start)
        own = await _own_holds(connection, context, start)
        for one in own:
            if one.service_id == start.service_id:
                return one
        offer_ = await _best(connection, context, start, leaving=own)
        return await offer_.claim(connection, holder=holder, hold_ttl=context.directory.tenant.hold_ttl)

    return await _claiming(context, request, work, lambda: start)


async def release(context: Context, request: Request) -> Claim:
    """Gives a hold back. Raises HoldExpired, NotFound."""

    async def work(connection: Connection) -> Claim:
        return await give_back(connection, context, request.entity_id or "")

    return await writing.run(context, request, work)


async def give_back(connection: Connection, context: Context, hold_id: str) -> Claim:
    """Ends a hold of the caller's, whose time goes to the next who waits for it. Raises HoldExpired, NotFound."""
    leaving = await _leaving(connection, context, hold_id)
    claim = leaving.claim
    if claim.expires_at is None or claim.status not in (BookingStatus.HELD, BookingStatus.RELEASED):
        raise NotFound
    _unexpired(claim)
    ended = await bookings.end(connection, context.tenant_id, claim, BookingStatus.RELEASED)
    await leaving.pass_on(connection, context)
    return ended


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
        await _turn(connection, context, start)
        own = await _own_holds(connection, context, start)
        for one in own:
            if one.service_id == start.service_id:
                for other in own:  # held by the caller with others: any one was wanted
                    if other.id != one.id:
                        await bookings.end(connection, context.tenant_id, other, BookingStatus.RELEASED)
                return await _confirm(connection, context, one, contact, notes)
        offer_ = await _best(connection, context, start, leaving=own)
        customer = await _customer(connection, context, contact)
        return await offer_.claim(connection, holder=context.caller.holder, customer=customer, notes=notes)

    return await _claiming(context, request, work, lambda: start)


async def reschedule(context: Context, starts_at: datetime, stylist_id: str | None, request: Request) -> Claim:
    """Moves a booking, at its old price: the old time is free only if the new one is got.

    Raises SlotTaken, SlotNotOffered, NotFound, AlreadyEnded.
    """
    start: Start | None = None

    async def work(connection: Connection) -> Claim:
        nonlocal start
        known = _visible(context, await bookings.get(connection, context.tenant_id, request.entity_id or ""))
        start = Start((stylist_id or known.stylist_id,), known.service_id, starts_at)
        leaving = await _Leaving.of(connection, context, known)
        await _turn(connection, context, start, leaving)
        claim = _confirmed(await _still(connection, context, known))
        own = await _own_holds(connection, context, start)
        moved = await (await _best(connection, context, start, leaving=own, moving=claim)).move(connection, claim)
        await leaving.pass_on(connection, context)
        return moved

    return await _claiming(context, request, work, lambda: start)


async def paid(context: Context, request: Request) -> Claim:
    """Notes that a booking is paid for: it no longer ends by itself. Raises NotFound, AlreadyEnded when it is off."""

    async def work(connection: Connection) -> Claim:
        claim = await _own(connection, context, request)
        if claim.status in (BookingStatus.HELD, BookingStatus.RELEASED):
            raise NotFound
        found = await bookings.pay(connection, context.tenant_id, claim)
        if found is None:
            raise AlreadyEnded
        return found

    return await writing.run(context, request, work)


async def end(context: Context, status: BookingStatus, reason: str | None, request: Request) -> Claim:
    """Cancels, completes or marks a booking as missed. Raises NotFound, AlreadyEnded."""

    async def work(connection: Connection) -> Claim:
        if status is not BookingStatus.CANCELLED:
            claim = _confirmed(await _own(connection, context, request))
            return await bookings.end(connection, context.tenant_id, claim, status, reason)
        leaving = await _leaving(connection, context, request.entity_id or "")
        ended = await bookings.end(connection, context.tenant_id, _confirmed(leaving.claim), status, reason)
        await leaving.pass_on(connection, context)
        return ended

    return await writing.run(context, request, work)


async def lapse(connection: Connection, context: Context, claim_id: str) -> None:
    """Ends for good what time has ended, a hold or an unpaid booking; its time goes to the next who waits for it.

    Nothing is done to a claim that lives on. Raises NotFound.
    """
    before = await bookings.get(connection, context.tenant_id, claim_id)
    leaving = await _leaving(connection, context, claim_id)
    if leaving.claim.status not in (BookingStatus.RELEASED, BookingStatus.CANCELLED):
        return
    await leaving.pass_on(connection, context)
    await journal.audit(
        connection,
        context.tenant_id,
        actor=context.caller.actor,
        action="claimLapse",
        entity_id=claim_id,
        outcome=writing.DONE,
        before=before and writing.as_json(before),
        after=writing.as_json(leaving.claim),
    )


def payment_url(context: Context, claim: Claim) -> str | None:
    """Where a booking is paid for, while it is to be."""
    tenant = context.directory.tenant
    if tenant.payment_url is None or not claim.awaits_payment:
        return None
    named = {"booking": claim.id, "amount": str(claim.price_cents), "currency": tenant.currency}
    return PLACEHOLDER.sub(lambda found: named[found[1]], tenant.payment_url)


async def get(context: Context, booking_id: str) -> Claim | None:
    """A booking that the caller may see."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        claim = await bookings.get(connection, context.tenant_id, booking_id)
    if claim is None or claim.status in (BookingStatus.HELD, BookingStatus.RELEASED):
        return None
    return claim if may_see(context, claim) else None


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
    async with context.app.database.transaction(context.tenant_id) as connection:
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


@dataclass(frozen=True, slots=True)
class _Offer:
    """A start that is offered to the caller, by a stylist whose turn we have: nobody else claims there until we commit.

    leaving: the caller's own holds in its place, given back as it is taken.
    """

    context: Context
    stylist_id: str
    slot: Slot
    terms: Terms
    trace: PriceTrace
    bookings_that_day: int
    leaving: Sequence[Claim]

    async def claim(
        self,
        connection: Connection,
        *,
        holder: str | None,
        hold_ttl: timedelta | None = None,
        customer: Customer | None = None,
        notes: str | None = None,
    ) -> Claim:
        """A hold that lasts hold_ttl, or a booking without one."""
        await self._leave(connection)
        return await bookings.insert(
            connection,
            self.context.tenant_id,
            stylist_id=self.stylist_id,
            slot=self.slot,
            terms=self.terms,
            trace=self.trace,
            holder=holder,
            hold_ttl=hold_ttl,
            customer=customer,
            notes=notes,
            payment=_payment(self.context, self.slot.price_cents) if hold_ttl is None else bookings.FREE,
        )

    async def move(self, connection: Connection, claim: Claim) -> Claim:
        """A booking, moved here."""
        await self._leave(connection)
        return await bookings.move(
            connection, self.context.tenant_id, claim, stylist_id=self.stylist_id, slot=self.slot, terms=self.terms
        )

    async def _leave(self, connection: Connection) -> None:
        for hold_ in self.leaving:
            if hold_.stylist_id == self.stylist_id:
                await bookings.end(connection, self.context.tenant_id, hold_, BookingStatus.RELEASED)


async def _best(
    connection: Connection, context: Context, start: Start, *, leaving: Sequence[Claim], moving: Claim | None = None
) -> _Offer:
    """Of the stylists who offer this start to the caller, the one with the fewest bookings that day, then by id.

    leaving, moving: claims of the caller's that do not count. Raises SlotTaken if anyone has it taken, else SlotNotOffered.
    """
    now, found = await _days(connection, context, start)
    offers: list[_Offer] = []
    refusals: list[SlotTaken | SlotNotOffered] = []
    for stylist_id, (version, facts) in found.items():
        open_ = offer.without(facts, {claim.id for claim in (*leaving, *([moving] if moving else []))})
        zone = ZoneInfo(context.directory.stylists[stylist_id].timezone)
        try:
            slot, terms = offer.offered(open_, start.service_id, start.starts_at, now=now, zone=zone)
        except SlotTaken as taken:
            refusals.insert(0, SlotTaken(taken.slot_status, version, seen_version=start.seen_version))
        except SlotNotOffered as refusal:
            refusals.append(refusal)
        else:
            trace, count = offer.traced(open_, slot, terms), offer.bookings_on(open_, slot, now)
            offers.append(_Offer(context, stylist_id, slot, terms, trace, count, leaving))
    if not offers:
        raise refusals[0]
    return min(offers, key=lambda one: (one.bookings_that_day, one.stylist_id))


async def _own_holds(connection: Connection, context: Context, start: Start) -> list[Claim]:
    """The caller's live holds of this start, at most one a stylist."""
    if context.caller.holder is None:
        return []
    return await bookings.own_holds(
        connection,
        context.tenant_id,
        stylist_ids=start.stylist_ids,
        starts_at=start.starts_at,
        holder=context.caller.holder,
    )


async def _days(
    connection: Connection, context: Context, start: Start
) -> tuple[datetime, dict[str, tuple[str, list[DayFacts]]]]:
    """The clock; and by stylist the version and the facts of the days that a start lies in. Of those who offer the service."""
    instant = Span(start.starts_at, start.starts_at + timedelta(microseconds=1))
    wanted = {
        stylist_id: availability.instants_days(context, context.directory.stylists[stylist_id], instant)
        for stylist_id in start.stylist_ids
        if (stylist_id, start.service_id) in context.directory.offerings
    }
    keys = [(stylist_id, day) for stylist_id, days_ in wanted.items() for day in days_]
    now, found = await days.load(connection, context.tenant_id, keys)
    return now, {
        stylist_id: (
            versions.text([found[stylist_id, day][0] for day in days_]),
            [found[stylist_id, day][1] for day in days_],
        )
        for stylist_id, days_ in wanted.items()
    }


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
            context, stylist_ids=start.stylist_ids, service_id=start.service_id, starts_at=start.starts_at
        )
        raise


async def _look_again(context: Context, start: Start, refusal: SlotTaken) -> None:
    """Completes a refusal by the constraint, which cannot tell how the start looks nor the day's version."""
    async with context.app.database.connection() as connection:
        now, found = await _days(connection, context, start)
    refusal.seen_version = start.seen_version
    for stylist_id, (version, facts) in found.items():
        refusal.version = version
        zone = ZoneInfo(context.directory.stylists[stylist_id].timezone)
        try:
            offer.offered(facts, start.service_id, start.starts_at, now=now, zone=zone)
        except SlotTaken as taken:
            refusal.slot_status = taken.slot_status
        except SlotNotOffered:
            pass


async def _turn(connection: Connection, context: Context, start: Start, leaving: _Leaving | None = None) -> None:
    """Takes the turn of the stylists' days, and of those of a booking that leaves, in one order for all writers.

    Raises NotFound for an unknown stylist or service, SlotNotOffered when none of them offers it.
    """
    service = context.directory.services.get(start.service_id)
    stylists = [context.directory.stylists.get(stylist_id) for stylist_id in start.stylist_ids]
    if service is None or not service.active or not all(one and one.active for one in stylists):
        raise NotFound
    turns = []
    for stylist_id in start.stylist_ids:
        offering = context.directory.offerings.get((stylist_id, service.id))
        if offering:
            ends_at = start.starts_at + timedelta(minutes=offering.duration_minutes)
            turns.append((stylist_id, _occupied(service, start.starts_at, ends_at)))
    if not turns:
        raise SlotNotOffered(NotOfferedReason.SERVICE_NOT_OFFERED)
    if leaving:
        turns.append((leaving.claim.stylist_id, leaving.turn))
    for stylist_id, occupied in sorted(turns):
        await bookings.lock(connection, context.tenant_id, stylist_id, occupied)


async def _own(connection: Connection, context: Context, request: Request) -> Claim:
    """The request's claim as it is when its days' turn has come. Raises NotFound."""
    known = _visible(context, await bookings.get(connection, context.tenant_id, request.entity_id or ""))
    occupied = _occupied(context.directory.services[known.service_id], known.starts_at, known.ends_at)
    return await _current(connection, context, known, turn=occupied, occupied=occupied)


async def _current(connection: Connection, context: Context, known: Claim, *, turn: Span, occupied: Span) -> Claim:
    """A claim as it is when the turn of these days has come."""
    await bookings.lock(connection, context.tenant_id, known.stylist_id, turn)
    await bookings.end_expired(connection, context.tenant_id, known.stylist_id, occupied)
    return await _still(connection, context, known)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A claim that is to leave its time. wide: the days of whoever could be offered it; None when nobody waits."""

    claim: Claim
    occupied: Span
    wide: Span | None

    @classmethod
    async def of(cls, connection: Connection, context: Context, claim: Claim) -> _Leaving:
        """Before any turn is taken."""
        occupied = _occupied(context.directory.services[claim.service_id], claim.starts_at, claim.ends_at)
        return cls(claim, occupied, await passing.reach(connection, context, claim.stylist_id, occupied))

    @property
    def turn(self) -> Span:
        """What is to be locked."""
        return self.wide or self.occupied

    async def pass_on(self, connection: Connection, context: Context) -> None:
        """It has left: offers its time to who waits."""
        if self.wide:
            await passing.on(connection, context, self.claim, self.occupied, self.wide)


async def _leaving(connection: Connection, context: Context, claim_id: str) -> _Leaving:
    """A claim of the caller's, as it is when its turn has come. Raises NotFound."""
    known = _visible(context, await bookings.get(connection, context.tenant_id, claim_id))
    leaving = await _Leaving.of(connection, context, known)
    claim = await _current(connection, context, known, turn=leaving.turn, occupied=leaving.occupied)
    return replace(leaving, claim=claim)


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
    if claim is None or not may_see(context, claim):
        raise NotFound
    return claim


def _confirmed(claim: Claim) -> Claim:
    """A booking that can still be changed. Raises NotFound for what is only a hold, AlreadyEnded."""
    if claim.status in (BookingStatus.HELD, BookingStatus.RELEASED):
        raise NotFound
    if claim.status is not BookingStatus.CONFIRMED:
        raise AlreadyEnded
    return claim


def may_see(context: Context, claim: Claim) -> bool:
    """Who made it, and staff. What nobody made, through import or raw SQL, is staff's."""
    return context.caller.is_staff or (claim.holder is not None and claim.holder == context.caller.holder)


def _unexpired(claim: Claim) -> None:
    """Raises HoldExpired for a hold that has ended."""
    if claim.status is BookingStatus.RELEASED and claim.expires_at:
        raise HoldExpired(claim.ended_at or claim.expires_at)


async def _confirm(
    connection: Connection, context: Context, claim: Claim, contact: Contact, notes: str | None
) -> Claim:
    customer, payment = await _customer(connection, context, contact), _payment(context, claim.price_cents)
    confirmed = await bookings.confirm(
        connection, context.tenant_id, claim.id, customer=customer, notes=notes, payment=payment
    )
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


def _payment(context: Context, price_cents: int) -> Payment:
    """What costs something is paid for online where the tenant says how."""
    tenant = context.directory.tenant
    return Payment(is_required=tenant.payment_url is not None and price_cents > 0, ttl=tenant.payment_ttl)


def _holder(context: Context) -> str:
    if context.caller.holder is None:
        raise BadRequest(
            "BAD_INPUT",
            "a hold needs an owner: send the header X-Session-Id with an id that you make up, or a bearer token",
        )
    return context.caller.holder
