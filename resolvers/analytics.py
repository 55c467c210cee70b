"""Analytics: what staff ask of the past, read where reports are read, one statement at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from db import days
from db.analytics import Dates
from db.pool import Connection
from domain import hours, utilisation
from domain.utilisation import Utilisation
from resolvers.context import Context

R = TypeVar("R")


class StylistDay(NamedTuple):
    """How much of a stylist's own date is sold."""

    date: date
    stylist_id: str
    found: Utilisation


class Report:
    """One question's dates, in the tenant's zone. What is asked of it takes turns, so that it has one connection at most."""

    def __init__(self, context: Context, from_on: date, until_on: date) -> None:
        self.dates = Dates(context.directory.tenant.timezone, from_on, until_on)
        self._context = context
        self._turn = asyncio.Lock()

    async def ask(self, of: Callable[[Connection, str, Dates], Awaitable[list[R]]]) -> list[R]:
        """What one of db.analytics's functions finds. Raises Unavailable."""
        tenant_id = self._context.tenant_id
        async with self._turn, self._context.app.reports.transaction(tenant_id) as connection:
            return await of(connection, tenant_id, self.dates)

    async def utilisation(self) -> list[StylistDay]:
        """Of every active stylist, by date and name; dates are the stylist's own here. Raises BadRequest, Unavailable."""
        context, tenant_id = self._context, self._context.tenant_id
        stylists = [one for one in context.directory.stylists.values() if one.active]
        count = (self.dates.until_on - self.dates.from_on).days + 1
        context.count(len(stylists) * count)
        wanted = [(one.id, self.dates.from_on + timedelta(n)) for n in range(count) for one in stylists]
        async with self._turn, context.app.reports.transaction(tenant_id) as connection:
            now, made = await days.read(connection, tenant_id, wanted)
        found = {day: facts async for day, facts in context.app.turns.through(made)}
        zones = {one.id: ZoneInfo(one.timezone) for one in stylists}
        return [
            StylistDay(
                day,
                stylist_id,
                utilisation.of(found[stylist_id, day][1], hours.local_day(day, zones[stylist_id]), now),
            )
            for stylist_id, day in wanted
        ]
