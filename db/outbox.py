"""Who is told of bookings, and what is still to be told them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from db import queries
from db.pool import Connection
from domain.webhooks import Delivery, DeliveryState, Try, Webhook, WebhookEvent

sql = queries.load("outbox")


class Backlog(NamedTuple):
    """How much waits to be told, and for how many seconds the oldest."""

    pending: int
    oldest_s: float


async def due(connection: Connection, most: int) -> list[str]:
    """The tenants that have something due, the longest due first."""
    return [row["tenant_id"] async for row in sql.outbox_due(connection, most=most)]


async def take(connection: Connection, tenant_id: str, *, busy: Sequence[str], lease_s: float, most: int) -> list[Try]:
    """What is due of a tenant, ours for lease_s seconds; of each booking and endpoint the first. busy: endpoints left out."""
    rows = sql.outbox_take(connection, tenant_id=tenant_id, busy=busy, lease_s=lease_s, most=most)
    return [Try(**row) async for row in rows]


async def delivered(connection: Connection, one: Try, answer: str) -> None:
    """Notes that it was delivered."""
    await sql.outbox_delivered(connection, tenant_id=one.tenant_id, id=one.id, answer=answer)


async def again(connection: Connection, one: Try, answer: str, wait_s: float | None) -> None:
    """Notes that a try failed; the next is wait_s seconds from now, or none."""
    await sql.outbox_again(
        connection, tenant_id=one.tenant_id, id=one.id, tries=one.tries, answer=answer, wait_s=wait_s
    )


async def retry(connection: Connection, tenant_id: str, delivery_id: str) -> Delivery | None:
    """What was given up, due again; None when it was not."""
    row = await sql.outbox_retry(connection, tenant_id=tenant_id, id=delivery_id)
    return _delivery(row) if row else None


async def deliveries(
    connection: Connection, tenant_id: str, *, webhook_id: str, state: DeliveryState | None, most: int
) -> list[Delivery]:
    """The latest deliveries to an endpoint, the newest first."""
    rows = sql.outbox_of(connection, tenant_id=tenant_id, webhook_id=webhook_id, state=state, most=most)
    return [_delivery(row) async for row in rows]


async def backlog(connection: Connection) -> Backlog:
    """Of all tenants."""
    return Backlog(*(await sql.outbox_waiting(connection)).values())


async def clear(connection: Connection, most: int) -> int:
    """Forgets at most so many deliveries that ended long ago; how many."""
    found: int = await sql.outbox_clear(connection, most=most)
    return found


async def lock(connection: Connection, tenant_id: str) -> None:
    """Changes of a tenant's endpoints go one at a time."""
    await sql.webhooks_lock(connection, tenant_id=tenant_id)


async def webhooks(connection: Connection, tenant_id: str, webhook_id: str | None = None) -> list[Webhook]:
    """Endpoints in the order in which they were made; or one."""
    return [_webhook(row) async for row in sql.webhooks(connection, tenant_id=tenant_id, id=webhook_id)]


async def put(connection: Connection, tenant_id: str, webhook: Webhook, secret: str | None) -> None:
    """Adds or changes an endpoint. secret: None = as it was."""
    columns = {
        "tenant_id": tenant_id,
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "active": webhook.active,
    }
    if secret is None:
        await sql.webhook_change(connection, **columns)
    else:
        await sql.webhook_put(connection, **columns, secret=secret)


async def remove(connection: Connection, tenant_id: str, webhook_id: str) -> None:
    """Takes an endpoint away, with all that it was still to be told."""
    await sql.webhook_remove(connection, tenant_id=tenant_id, id=webhook_id)


def _webhook(row: Any) -> Webhook:
    return Webhook(**{**row, "events": tuple(map(WebhookEvent, row["events"]))})


def _delivery(row: Any) -> Delivery:
    found = {name: value for name, value in row.items() if name != "last_answer"}
    return Delivery(
        **{**found, "event": WebhookEvent(row["event"]), "state": DeliveryState(row["state"])},
        answer=row["last_answer"],
    )
