"""Whose turn a chore is: one process's of all on the database."""

from __future__ import annotations

from db import queries
from db.pool import Connection

sql = queries.load("chores")


async def is_ours(connection: Connection, name: str) -> bool:
    """Whether this transaction does the chore now, until its end: no other does meanwhile."""
    found: bool = await sql.chore_turn(connection, name=name)
    return found
