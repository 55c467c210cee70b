"""Who is told of bookings over HTTP: endpoints, set by admins, and what became of what they were told."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from db import journal, outbox
from db.pool import Connection
from domain.errors import InvalidInput, NotFound, Refusal
from domain.webhooks import Delivery, DeliveryState, Webhook, WebhookEvent, is_public, secret_of
from resolvers import writing
from resolvers.chores import Chore
from resolvers.context import Context
from resolvers.writing import Request

WEBHOOKS_MAX = 10  # of a tenant
URL_MAX = 2000
KEY_BYTES = 32
CLEARED_A_STEP, CLEAR_EVERY_S = 1_000, 600.0
LOCAL_NAMES = (".localhost", ".local", ".internal")

Work = Callable[[Connection], Awaitable["Changed"]]


@dataclass(frozen=True, slots=True)
class Given:
    """What an admin says of an endpoint; None = as it was, or its default."""

    id: str | None
    url: str | None
    events: Sequence[WebhookEvent] | None
    active: bool | None
    new_secret: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """An endpoint as it now is, or was. secret: shown this once, when it is new."""

    webhook: Webhook
    secret: str | None = None


async def set_(context: Context, given: Given, request: Request) -> Changed:
    """Adds or changes an endpoint. Raises InvalidInput with every fault."""

    async def work(connection: Connection) -> Changed:
        known = {one.id: one for one in await outbox.webhooks(connection, context.tenant_id)}
        before = known.get(given.id or "")
        after = _becomes(given, before)
        faults = _faults(after, takes_any=context.app.private_webhooks)
        if before is None and len(known) >= WEBHOOKS_MAX:
            faults.append(("id", f"there are {len(known)} endpoints, which is all there may be; remove one first"))
        if faults:
            raise InvalidInput(faults)
        secret = secret_of(secrets.token_bytes(KEY_BYTES)) if given.new_secret or before is None else None
        await outbox.put(connection, context.tenant_id, after, secret)
        (found,) = await outbox.webhooks(connection, context.tenant_id, after.id)
        await _audit(connection, context, request, before, found)
        return Changed(found, secret)

    return await _write(context, request, work)


async def remove(context: Context, webhook_id: str, request: Request) -> Changed:
    """Takes an endpoint away, with all that it was still to be told. Raises NotFound."""

    async def work(connection: Connection) -> Changed:
        found = await outbox.webhooks(connection, context.tenant_id, webhook_id)
        if not found:
            raise NotFound
        await outbox.remove(connection, context.tenant_id, webhook_id)
        await _audit(connection, context, request, found[0], None)
        return Changed(found[0])

    return await _write(context, request, work)


async def retry(context: Context, delivery_id: str, request: Request) -> Delivery:
    """What was given up is tried again. Raises NotFound when it was not."""
    try:
        async with context.app.database.transaction(context.tenant_id) as connection:
            found = await outbox.retry(connection, context.tenant_id, delivery_id)
            if found is None:
                raise NotFound
            await _audit(connection, context, request, None, None)
            return found
    except Refusal as refusal:
        await writing.audit_refusal(context, request, refusal)
        raise


async def all_(context: Context) -> list[Webhook]:
    """Every endpoint, in the order in which they were made."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await outbox.webhooks(connection, context.tenant_id)


async def deliveries(context: Context, webhook_id: str, *, state: DeliveryState | None, most: int) -> list[Delivery]:
    """The latest deliveries to an endpoint, the newest first."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await outbox.deliveries(connection, context.tenant_id, webhook_id=webhook_id, state=state, most=most)


def clearing() -> Chore:
    """Forgets what was delivered long ago, in small steps."""

    async def step(connection: Connection) -> float | None:
        gone = await outbox.clear(connection, CLEARED_A_STEP)
        return 1.0 if gone == CLEARED_A_STEP else None

    return Chore("clear outbox", step, CLEAR_EVERY_S)


async def _write(context: Context, request: Request, work: Work) -> Changed:
    async def transaction(connection: Connection) -> Changed:
        await outbox.lock(connection, context.tenant_id)
        return await work(connection)

    try:
        changed = await context.app.database.transact(context.tenant_id, transaction)
    except Refusal as refusal:
        await writing.audit_refusal(context, request, refusal)
        raise
    context.app.written[request.mutation, writing.DONE] += 1
    return changed


def _becomes(given: Given, before: Webhook | None) -> Webhook:
    """The endpoint as it is to be."""
    was = before or Webhook(given.id or str(uuid4()), "", (), active=True, created_at=datetime.now(UTC))
    return replace(
        was,
        url=was.url if given.url is None else given.url,
        events=was.events if given.events is None else tuple(dict.fromkeys(given.events)),
        active=was.active if given.active is None else given.active,
    )


def _faults(after: Webhook, *, takes_any: bool) -> list[tuple[str, str]]:
    """What is wrong with an endpoint, with its place in the input."""
    what = _wrong_url(after.url, takes_any=takes_any)
    return [("url", what)] if what else []


def _wrong_url(url: str, *, takes_any: bool) -> str | None:
    """What is wrong with an endpoint's address, if anything."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return f"{url[:60]!r} is not a URL"
    schemes = ("https", "http") if takes_any else ("https",)
    if parts.scheme not in schemes or not host:
        return f"{url[:60]!r} is not an address; write https://, a host and a path"
    if len(url) > URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        return f"write at most {URL_MAX} printable ASCII characters, without spaces"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "leave out user, password and #fragment; the signature says who calls"
    if not takes_any and not _may_be_public(host):
        return f"{host[:60]!r} is not on the Internet; `serve --webhooks-to any` allows private addresses and http"
    return None


def _may_be_public(host: str) -> bool:
    """Whether a host can be on the Internet, as far as its name tells; what it resolves to is looked at when it is called."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host != "localhost" and not host.endswith(LOCAL_NAMES)
    return is_public(host)


async def _audit(
    connection: Connection, context: Context, request: Request, before: Webhook | None, after: Webhook | None
) -> None:
    await journal.audit(
        connection,
        context.tenant_id,
        actor=context.caller.actor,
        action=request.mutation,
        entity_id=after.id if after else request.entity_id,
        outcome=writing.DONE,
        before=before and _as_json(before),
        after=after and _as_json(after),
    )


def _as_json(webhook: Webhook) -> Mapping[str, Any]:
    """An endpoint as the audit log keeps it: without its secret."""
    return {"id": webhook.id, "url": webhook.url, "events": list(webhook.events), "active": webhook.active}
