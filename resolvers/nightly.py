"""The night: at 02:00 in each tenant's zone one process clears away what has had its time and prepares the next days."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from db import ahead
from db.pool import Connection, become
from domain.errors import BadRequest
from resolvers import availability, preparing
from resolvers.app import App
from resolvers.chores import Chore
from resolvers.context import Context

EVERY_S = 30.0
LEAST = preparing.LASTS / 2


class Recalculated(NamedTuple):
    """How many stylists' days were computed, and how many seconds it took."""

    days: int
    seconds: float


def chore(app: App, days_ahead: int) -> Chore:
    """One step clears some of one kind away, or prepares a batch of days. What it came to is committed with it, so that whoever
    has the next turn goes on there.
    """
    stylists_max = max(1, preparing.BATCH_MAX // max(1, days_ahead))

    async def step(connection: Connection) -> float | None:
        night, *_ = await ahead.nights(connection, app.clock.now(), 1) or (None,)
        if night is None or not night.is_due:
            return None
        await become(connection, night.tenant_id)
        after_id = await ahead.begin(connection, night)
        if after_id is None:
            async with app.budget.turn():
                if await ahead.tidy(connection, night):
                    return 0.0
        stylists = await ahead.next_stylists(connection, night, after_id, stylists_max) if days_ahead else []
        if not stylists:
            await ahead.end(connection, night)
            return 0.0
        keys = preparing.horizon(night.tenant_id, stylists, night.on_date, days_ahead)
        await preparing.prepare(app, keys, "night", least=LEAST)
        await ahead.go_on(connection, night, stylists[-1], len(keys))
        return 0.0

    return Chore("night", step, EVERY_S)


async def recalculate(context: Context, stylist_ids: Sequence[str] | None, dates: Sequence[date]) -> Recalculated:
    """Computes these stylists' days anew, at once; None: those of all active ones. Raises BadRequest, Unavailable."""
    if stylist_ids is None:
        stylist_ids = [one.id for one in context.directory.stylists.values() if one.active]
    for stylist_id in stylist_ids:
        availability.known_stylist(context, stylist_id)
    most = context.app.days.entries_max // 2
    if len(stylist_ids) * len(dates) > most:
        raise BadRequest("BAD_INPUT", f"{len(stylist_ids)} stylists x {len(dates)} days are more than {most} at a time")
    began = time.monotonic()
    keys = preparing.horizon(context.tenant_id, stylist_ids, dates[0], len(dates))
    made = await preparing.anew(context.app, keys, "recalculated")
    return Recalculated(made, time.monotonic() - began)
