"""Bookings in large numbers: a cursor in Postgres, read piece by piece; and what a calendar feed shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, NamedTuple

from db import queries
from db.pool import Connection, Database, translated

sql = queries.load("exports")

Row = Any  # asyncpg.Record


class FeedBooking(NamedTuple):
    """A booking as a calendar shows it."""

    id: str
    service_name: str
    location_name: str
    customer_name: str | None
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    status: str


@asynccontextmanager
async def bookings(
    database: Database, tenant_id: str, *, stylist_id: str | None, from_on: date, until_on: date, batch: int
) -> AsyncIterator[AsyncIterator[Sequence[Row]]]:
    """Bookings by start whose local date lies in [from_on, until_on], in lists of at most `batch`, all of one snapshot.

    Whoever leaves the block ends the cursor, and whatever Postgres is doing for it. Raises Unavailable.
    """
    async with (
        database.alone(tenant_id) as connection,
        sql.export_bookings_cursor(
            connection, tenant_id=tenant_id, stylist_id=stylist_id, from_on=from_on, until_on=until_on
        ) as opening,
    ):
        with translated():
            cursor = await opening

        async def fetch() -> Sequence[Row]:
            with translated():
                found: Sequence[Row] = await cursor.fetch(batch)
                return found

        async def batches() -> AsyncIterator[Sequence[Row]]:
            while rows := await fetch():
                yield rows

        yield batches()


async def put_feed(connection: Connection, tenant_id: str, stylist_id: str, token_hash: bytes) -> None:
    """Gives a stylist's feed a token, in place of the one it had."""
    await sql.feed_put(connection, tenant_id=tenant_id, stylist_id=stylist_id, token_hash=token_hash)


async def drop_feed(connection: Connection, tenant_id: str, stylist_id: str) -> None:
    """Takes a feed's token away."""
    await sql.feed_drop(connection, tenant_id=tenant_id, stylist_id=stylist_id)


async def feed(
    connection: Connection, tenant_id: str, stylist_id: str, *, token_hash: bytes, most: int
) -> tuple[str, list[FeedBooking]] | None:
    """The stylist's name and bookings by start, at most `most`; None for a token that is not the feed's."""
    name = await sql.feed_name(connection, tenant_id=tenant_id, stylist_id=stylist_id, token_hash=token_hash)
    if name is None:
        return None
    rows = sql.feed_bookings(connection, tenant_id=tenant_id, stylist_id=stylist_id, most=most)
    return name, [FeedBooking(*row) async for row in rows]
