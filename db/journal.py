"""What was done: the audit log, and the results that idempotency keys give again."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from db import queries
from db.pool import Connection

sql = queries.load("journal")


class Key(NamedTuple):
    """An idempotency key is per tenant, caller and mutation. It is kept for 24 hours."""

    tenant_id: str
    owner: str
    mutation: str
    key: str


async def claim_key(connection: Connection, key: Key, input_hash: bytes) -> bool:
    """Whether this is the first use of the key. A twin waits here until the first has committed or failed."""
    status: str = await sql.key_claim(connection, **key._asdict(), input_hash=input_hash)
    return status == "INSERT 0 1"


async def key_result(connection: Connection, key: Key) -> tuple[bytes, Any]:
    """The input's hash and the result of the key's first use."""
    row = await sql.key_result(connection, **key._asdict())
    return (row["input_hash"], orjson.loads(row["result"]) if row["result"] else None) if row else (b"", None)


async def store_result(connection: Connection, key: Key, result: Any) -> None:
    """Keeps a result, as JSON."""
    await sql.key_store(connection, **key._asdict(), result=orjson.dumps(result).decode())


async def free_key(connection: Connection, key: Key) -> None:
    """Lets the key be used again."""
    await sql.key_free(connection, **key._asdict())


async def audit(
    connection: Connection,
    tenant_id: str,
    *,
    actor: str,
    action: str,
    entity_id: str | None,
    outcome: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """One line of the audit log; before and after as JSON."""
    await sql.audit(
        connection,
        tenant_id=tenant_id,
        actor=actor,
        action=action,
        entity_id=entity_id,
        outcome=outcome,
        before=None if before is None else orjson.dumps(before).decode(),
        after=None if after is None else orjson.dumps(after).decode(),
    )
