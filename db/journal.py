"""What was done: the audit log, and the results that idempotency keys give again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from db import queries
from db.pool import Connection

sql = queries.load("journal")

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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


class Entry(NamedTuple):
    """One line of the audit log; before and after as JSON values. actor: role and owner, as `staff:sub:sita`."""

    id: int
    at: datetime
    actor: str
    action: str
    entity_id: str | None
    outcome: str
    before: Any
    after: Any


async def between(
    connection: Connection,
    tenant_id: str,
    *,
    from_at: datetime,
    until_at: datetime,
    after: tuple[datetime, int] | None,
    most: int,
) -> list[Entry]:
    """What was done or refused in [from_at, until_at), in order, at most `most` lines."""
    after_at, after_id = after or (None, None)
    rows = sql.audit_between(
        connection,
        tenant_id=tenant_id,
        from_at=from_at,
        until_at=until_at,
        after_at=after_at,
        after_id=after_id,
        most=most,
    )
    return [
        Entry(*row.values())._replace(
            before=orjson.loads(row["before"]) if row["before"] else None,
            after=orjson.loads(row["after"]) if row["after"] else None,
        )
        async for row in rows
    ]


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
        before=None if before is None else orjson.dumps(_storable(before)).decode(),
        after=None if after is None else orjson.dumps(_storable(after)).decode(),
    )


def _storable(value: Any) -> Any:
    """JSON values as jsonb takes them: a refused input may hold what no text of Postgres can, and numbers beyond 64 bits."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_storable(name): _storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(one) for one in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value
