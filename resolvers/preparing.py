"""Stylists' days made ready before anybody asks for them: in this process's memory, and in Redis where there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby

from cache.keys import DayKey
from resolvers.app import App

BATCH_MAX = 64  # days read in one go: some milliseconds in which nothing else is done
LASTS = timedelta(hours=26)  # what is prepared one night is there until the next has come to it


async def prepare(app: App, keys: Sequence[DayKey], why: str, *, least: timedelta = timedelta(0)) -> None:
    """Makes these ready within the budget, where they are not, or not for longer than `least`. why: for the count.

    Raises Unavailable.
    """
    for batch in _batches(keys):
        async with app.budget.turn():
            found = await app.days.prepare(batch, LASTS, least=least)
        for source, count in found.items():
            app.prepared[why, source.lower()] += count


async def anew(app: App, keys: Sequence[DayKey], why: str) -> int:
    """Makes all of these from Postgres's facts, as fast as it goes; how many. Raises Unavailable."""
    made = 0
    for batch in _batches(keys):
        found = await app.days.prepare(batch, LASTS, anew=True)
        for source, count in found.items():
            app.prepared[why, source.lower()] += count
        made += found.total()
        await asyncio.sleep(0)  # somebody may have waited
    return made


def horizon(tenant_id: str, stylist_ids: Sequence[str], first: date, days: int) -> list[DayKey]:
    """So many days of each stylist from the first on, stylist by stylist."""
    return [
        DayKey(tenant_id, stylist_id, first + timedelta(offset)) for stylist_id in stylist_ids for offset in range(days)
    ]


def _batches(keys: Sequence[DayKey]) -> Iterator[list[DayKey]]:
    """Of one tenant each, as one statement has it."""
    for _, group in groupby(keys, key=lambda key: key.tenant_id):
        own = list(group)
        for start in range(0, len(own), BATCH_MAX):
            yield own[start : start + BATCH_MAX]
