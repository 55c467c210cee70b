"""The waitlist: who waits for a time that is taken, what they are offered, and what time alone makes free."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog

from db import bookings as db_bookings
from db import journal, waitlist
from db.pool import Connection, become
from domain.errors import (
    AlreadyEnded,
    BadRequest,
    IdempotencyConflict,
    NotFound,
    NotOfferedReason,
    Refusal,
    SlotNotOffered,
    Unavailable,
)
from domain.model import Claim
from domain.waiting import Waiting, Wish
from resolvers import bookings, writing
from resolvers.app import App, forget
from resolvers.bookings import Contact
from resolvers.chores import Chore
from resolvers.context import Context
from resolvers.writing import Request

ENTRIES_MAX = 20  # that one caller may have waiting
DUE_MAX = 50
SWEEP_EVERY_S = 1.0  # and at the very instant at which a hold ends that is known to end within that
RETRY_S = 0.5
SWEEPER = "sweeper"

log = structlog.get_logger("waitlist")


@dataclass(frozen=True, slots=True)
class Offer:
    """What an entry is offered: a hold of its holder's."""

    entry: Waiting
    hold: Claim
    context: Context


async def join(context: Context, wish: Wish, contact: Contact, request: Request) -> Waiting:
    """A new entry, the caller's. Raises NotFound, SlotNotOffered when nobody named offers the service, BadRequest."""
    holder = _holder(context)
    _check(context, wish)

    async def work(connection: Connection) -> Waiting:
        if await waitlist.count(connection, context.tenant_id, holder) >= ENTRIES_MAX:
            raise BadRequest("BAD_INPUT", f"you wait for {ENTRIES_MAX} times already; leave one of them first")
        customer = await db_bookings.ensure_customer(
            connection,
            context.tenant_id,
            owner=holder,
            name=contact.name,
            email=contact.email,
            phone=contact.phone,
        )
        entry_id = await waitlist.join(connection, context.tenant_id, holder, wish, customer.id)
        return await _visible(connection, context, entry_id)

    return await _write(context, request, work)


async def leave(context: Context, entry_id: str, request: Request) -> Waiting:
    """Ends an entry of the caller's; what it is offered goes to the next. Raises NotFound, AlreadyEnded."""

    async def work(connection: Connection) -> Waiting:
        known = await _visible(connection, context, entry_id)
        if known.hold_id:
            await bookings.give_back(connection, context, known.hold_id)
        if not await waitlist.leave(connection, context.tenant_id, entry_id):
            raise AlreadyEnded
        return await _visible(connection, context, entry_id)

    return await _write(context, request, work)


async def entries(context: Context, *, after: tuple[datetime, str] | None, most: int) -> list[Waiting]:
    """The caller's own entries, or for staff everybody's, in the order of joining; at most `most`."""
    holder = None if context.caller.is_staff else context.caller.holder
    if holder is None and not context.caller.is_staff:
        return []
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await waitlist.entries(connection, context.tenant_id, holder=holder, after=after, most=most)


async def offers(open_context: Callable[[], Awaitable[Context]]) -> AsyncGenerator[Offer, None]:
    """What the caller is offered: first what is open, then each offer as it is made. Raises BadRequest.

    While the database is away nothing is sent; what was offered meanwhile comes as soon as it is back.
    """
    context = await open_context()
    digest = hashlib.sha256(_holder(context).encode()).hexdigest()
    told: set[str] = set()
    with context.app.feed.watching(context.tenant_id, [digest]) as watch:
        while True:
            try:
                found = await _open(context)
                for one in found:
                    if one.hold.id not in told:
                        yield one
                told = {one.hold.id for one in found}
                await watch.next(None)
            except Unavailable:
                await watch.next(RETRY_S)
            context = await open_context()


def sweeping(app: App) -> Chore:
    """Ends what time has ended where somebody waits for it, and bookings that were not paid for in time; one a step."""

    async def step(connection: Connection) -> float | None:
        found = await waitlist.due(connection, DUE_MAX)
        if not found:
            return None
        ended = [one for one in found if one.due_in_s <= 0]
        if not ended:
            return found[0].due_in_s
        one = random.choice(ended)  # noqa: S311 - so that one that fails does not keep all others
        await become(connection, one.tenant_id)
        context = await Context.of_tenant(app, one.tenant_id, SWEEPER)
        await bookings.lapse(connection, context, one.claim_id)
        return 0.0 if len(found) > 1 else None

    return Chore("sweep", step, SWEEP_EVERY_S)


async def _open(context: Context) -> list[Offer]:
    """The caller's open offers whose hold still counts."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        found = await waitlist.entries(
            connection, context.tenant_id, holder=context.caller.holder, is_offered=True, most=ENTRIES_MAX
        )
        holds = await db_bookings.by_id(connection, context.tenant_id, [one.hold_id for one in found if one.hold_id])
    known = {claim.id: claim for claim in holds if claim}
    now = context.app.clock.now()
    return [
        Offer(entry, hold, context)
        for entry in found
        if entry.hold_id and (hold := known.get(entry.hold_id)) and hold.expires_at and hold.expires_at > now
    ]


async def _write(context: Context, request: Request, work: Callable[[Connection], Awaitable[Waiting]]) -> Waiting:
    """What `work` makes of an entry, committed and audited; of a key that was used, the first use's entry as it now is."""
    key, digest = writing.key_of(context, request), writing.digest_of(request)

    async def transaction(connection: Connection) -> tuple[Waiting, bool]:
        if key and not await journal.claim_key(connection, key, digest):
            stored, entry_id = await journal.key_result(connection, key)
            if stored != digest:
                raise IdempotencyConflict
            return await _visible(connection, context, entry_id), False
        entry = await work(connection)
        if key:
            await journal.store_result(connection, key, entry.id)
        await journal.audit(
            connection,
            context.tenant_id,
            actor=context.caller.actor,
            action=request.mutation,
            entity_id=entry.id,
            outcome=writing.DONE,
            after=_as_json(entry),
        )
        return entry, True

    try:
        entry, is_new = await context.app.database.transact(context.tenant_id, transaction)
    except Refusal as refusal:
        await writing.audit_refusal(context, request, refusal)
        raise
    context.app.written[request.mutation, writing.DONE] += is_new
    for stylist_id in context.directory.stylists if request.mutation == "waitlistLeave" else ():
        forget(context.app, context.tenant_id, stylist_id, None)
    return entry


async def _visible(connection: Connection, context: Context, entry_id: str) -> Waiting:
    """An entry, for whose it is and for staff. Raises NotFound."""
    found = await waitlist.get(connection, context.tenant_id, entry_id)
    if found is None or not (context.caller.is_staff or found.holder == context.caller.holder):
        raise NotFound
    return found


def _check(context: Context, wish: Wish) -> None:
    """Raises NotFound for an unknown service or stylist, SlotNotOffered when nobody named offers it."""
    directory = context.directory
    service = directory.services.get(wish.service_id)
    stylists = [directory.stylists.get(stylist_id) for stylist_id in wish.stylist_ids]
    if service is None or not service.active or not all(one and one.active for one in stylists):
        raise NotFound
    offering = {one.stylist_id for one in directory.by_service.get(wish.service_id, ())}
    if not offering or (wish.stylist_ids and not offering & set(wish.stylist_ids)):
        raise SlotNotOffered(NotOfferedReason.SERVICE_NOT_OFFERED)


def _holder(context: Context) -> str:
    if context.caller.holder is None:
        raise BadRequest(
            "BAD_INPUT",
            "waiting needs somebody to tell: send the header X-Session-Id with an id that you make up, or a bearer token",
        )
    return context.caller.holder


def _as_json(entry: Waiting) -> Any:
    """An entry as the audit log keeps it."""
    found = asdict(entry)
    del found["passed"], found["holder"]
    return orjson.loads(orjson.dumps(found))
