"""What leaves in other forms: bookings by the million, and a stylist's calendar."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from db import exports, journal
from db.exports import FeedBooking, Row
from db.pool import Connection
from domain.errors import BadRequest, NotFound, Refusal
from resolvers import writing
from resolvers.app import EXPORTS_MAX, App
from resolvers.context import Context, Role
from resolvers.writing import DONE, Request

BATCH = 250  # rows at a time: written out in about 2 ms, for which everybody else waits
FEED_MAX = 2_000
SECRET_BYTES = 24
UUID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which bookings: of local dates in [from_on, until_on]; of one stylist, or of all."""

    from_on: date
    until_on: date
    stylist_id: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A stylist's calendar."""

    tenant_id: str
    stylist_name: str
    bookings: Sequence[FeedBooking]


@asynccontextmanager
async def bookings(context: Context, wanted: Wanted) -> AsyncIterator[AsyncIterator[Sequence[Row]]]:
    """All wanted bookings, in lists by start, of one snapshot of the reports' database; for staff. Raises BadRequest."""
    if context.caller.role is Role.PUBLIC:
        raise BadRequest("UNAUTHENTICATED", "this is for staff; send a bearer token with role staff")
    if not context.caller.is_staff:
        raise BadRequest("FORBIDDEN", "this is for staff; your token's role does not allow it")
    if wanted.stylist_id is not None and wanted.stylist_id not in context.directory.stylists:
        raise BadRequest("NOT_FOUND", f"there is no stylist {wanted.stylist_id}")
    app = context.app
    if app.exporting.locked():
        raise BadRequest("RATE_LIMITED", f"{EXPORTS_MAX} exports are under way; try again when one has ended")
    async with (
        app.exporting,
        exports.bookings(
            app.reports,
            context.tenant_id,
            stylist_id=wanted.stylist_id,
            from_on=wanted.from_on,
            until_on=wanted.until_on,
            batch=BATCH,
        ) as batches,
    ):
        yield batches


async def make_feed(context: Context, stylist_id: str) -> str:
    """A new token for a stylist's feed; the one before opens nothing any more. Raises NotFound."""
    token = UUID(context.tenant_id).hex + secrets.token_urlsafe(SECRET_BYTES)

    async def work(connection: Connection) -> None:
        await exports.put_feed(connection, context.tenant_id, stylist_id, _hash(token))

    await _change(context, "calendarFeedCreate", stylist_id, work)
    return token


async def revoke_feed(context: Context, stylist_id: str) -> None:
    """The feed's token opens nothing any more. Raises NotFound."""

    async def work(connection: Connection) -> None:
        await exports.drop_feed(connection, context.tenant_id, stylist_id)

    await _change(context, "calendarFeedRevoke", stylist_id, work)


async def feed(app: App, stylist_id: str, token: str) -> Feed | None:
    """What a feed's address shows; None for a token that does not open it. Raises Unavailable."""
    try:
        tenant_id = str(UUID(token[:UUID_LENGTH]))
    except ValueError:
        return None
    async with app.database.transaction(tenant_id) as connection:
        found = await exports.feed(connection, tenant_id, stylist_id, token_hash=_hash(token), most=FEED_MAX)
    return Feed(tenant_id, *found) if found else None


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


async def _change(
    context: Context, mutation: str, stylist_id: str, work: Callable[[Connection], Awaitable[None]]
) -> None:
    """One change of a stylist's feed, audited without its token."""
    request = Request(mutation, {"stylistId": stylist_id}, entity_id=stylist_id)

    async def transaction(connection: Connection) -> None:
        if stylist_id not in context.directory.stylists:
            raise NotFound
        await work(connection)
        await journal.audit(
            connection,
            context.tenant_id,
            actor=context.caller.actor,
            action=mutation,
            entity_id=stylist_id,
            outcome=DONE,
        )

    try:
        await context.app.database.transact(context.tenant_id, transaction)
    except Refusal as refusal:
        await writing.audit_refusal(context, request, refusal)
        raise
    context.app.written[mutation, DONE] += 1
