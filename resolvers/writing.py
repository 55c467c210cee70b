"""How anything is written: one transaction that audits itself, gives an idempotency key's first result again, and lets go
of what it made stale as soon as it has committed."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from db import bookings, journal
from db.pool import Connection
from domain import versions
from domain.errors import BadRequest, IdempotencyConflict, Refusal
from domain.model import BookingStatus, Claim, Customer
from domain.prices import PriceTrace
from resolvers.app import forget
from resolvers.context import Context

DONE = "DONE"
KEY_LENGTH_MAX = 200
DAYS_TOUCHED = 5  # as far as a claim can close starts: buffers, travel, long services and stretches of work in all


@dataclass(frozen=True, slots=True)
class Request:
    """A mutation as the journal knows it. input: JSON values, without the key. seen_version: of the list that led to it."""

    mutation: str
    input: Mapping[str, Any]
    entity_id: str | None = None
    key: str | None = None
    seen_version: str | None = None

    @property
    def seen(self) -> dict[str, str]:
        """What the audit log says of that."""
        return {"seenVersion": self.seen_version} if self.seen_version else {}


async def run(context: Context, request: Request, work: Callable[[Connection], Awaitable[Claim]]) -> Claim:
    """What `work` claims, committed; or the first result of the request's key.

    A refusal rolls everything back, the key's use too, and is then audited. Raises Refusal, BadRequest, Unavailable.
    """
    key, digest = key_of(context, request), digest_of(request)

    async def transaction(connection: Connection) -> tuple[Claim, list[Claim]]:
        if key and not await journal.claim_key(connection, key, digest):
            return await _first_result(connection, key, digest), []
        before = await bookings.get(connection, context.tenant_id, request.entity_id) if request.entity_id else None
        claim = await work(connection)
        after = as_json(claim)
        if key:
            await journal.store_result(connection, key, after)
        await journal.audit(
            connection,
            context.tenant_id,
            actor=context.caller.actor,
            action=request.mutation,
            entity_id=claim.id,
            outcome=DONE,
            before=before and as_json(before),
            after={**after, **request.seen},
        )
        return claim, [claim, before] if before else [claim]

    try:
        claim, touched = await context.app.database.transact(context.tenant_id, transaction)
    except Refusal as refusal:
        await audit_refusal(context, request, refusal)
        raise
    if touched:  # else it is a first result that is given again
        context.app.written[request.mutation, DONE] += 1
    for one in touched:
        forget(context.app, context.tenant_id, one.stylist_id, touched_days(one.starts_at))
    return claim


def seen(version: str | None) -> str | None:
    """The version that the caller saw. Raises BadRequest when it is not one."""
    if version is not None and not versions.is_version(version):
        raise BadRequest("BAD_INPUT", "seenVersion: not a version; send back `cache.version` as you got it")
    return version


def touched_days(instant: datetime) -> list[date]:
    """Every local day, in any zone, in which a claim at this instant could close a start."""
    return [instant.date() + timedelta(n) for n in range(-DAYS_TOUCHED, DAYS_TOUCHED + 1)]


def as_json(claim: Claim) -> dict[str, Any]:
    """A claim as JSON values."""
    found: dict[str, Any] = orjson.loads(orjson.dumps(asdict(claim)))
    return found


def from_json(found: Mapping[str, Any]) -> Claim:
    """The claim that `as_json` made this of."""
    instants = {
        name: datetime.fromisoformat(found[name]) if found.get(name) else None
        for name in ("starts_at", "ends_at", "expires_at", "created_at", "ended_at", "payment_due_at", "paid_at")
    }
    customer = found["customer"] and Customer(**found["customer"])
    status, trace = BookingStatus(found["status"]), found.get("price_trace")
    trace = trace and PriceTrace.from_json(trace)
    return Claim(**{**found, **instants, "customer": customer, "status": status, "price_trace": trace})


def digest_of(request: Request) -> bytes:
    """What tells a request's input from another."""
    return hashlib.sha256(orjson.dumps(request.input, option=orjson.OPT_SORT_KEYS)).digest()


def key_of(context: Context, request: Request) -> journal.Key | None:
    """The request's idempotency key, if it has one. Raises BadRequest."""
    if request.key is None:
        return None
    if not 0 < len(request.key) <= KEY_LENGTH_MAX:
        raise BadRequest("BAD_INPUT", f"idempotencyKey: 1 to {KEY_LENGTH_MAX} characters")
    if context.caller.holder is None:
        raise BadRequest(
            "BAD_INPUT", "idempotencyKey: keys are kept per caller; send X-Session-Id or a bearer token with it"
        )
    return journal.Key(context.tenant_id, context.caller.holder, request.mutation, request.key)


async def _first_result(connection: Connection, key: journal.Key, digest: bytes) -> Claim:
    stored_digest, result = await journal.key_result(connection, key)
    if stored_digest != digest:
        raise IdempotencyConflict
    return from_json(result)


async def audit_refusal(context: Context, request: Request, refusal: Refusal) -> None:
    """Notes, in a transaction of its own, that a request was refused."""
    context.app.written[request.mutation, type(refusal).__name__] += 1
    async with context.app.database.transaction(context.tenant_id) as connection:
        await journal.audit(
            connection,
            context.tenant_id,
            actor=context.caller.actor,
            action=request.mutation,
            entity_id=request.entity_id,
            outcome=type(refusal).__name__,
            after={**request.input, **request.seen, "message": refusal.message},
        )
