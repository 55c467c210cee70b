"""What was done or refused, by whom, for admins."""

from __future__ import annotations

from datetime import datetime

from db import journal
from db.journal import Entry
from resolvers.context import Context


async def between(
    context: Context, *, from_at: datetime, until_at: datetime, after: tuple[datetime, int] | None, most: int
) -> list[Entry]:
    """The lines of [from_at, until_at), in order, at most `most`."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await journal.between(
            connection, context.tenant_id, from_at=from_at, until_at=until_at, after=after, most=most
        )
