"""A process's memory, kept ready: what is asked for often as soon as it has changed, and all of the next days."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta

import structlog

from cache.keys import DayKey, DirectoryKey
from cache.versioned import Freshness
from db import ahead
from db.ahead import Night
from domain.errors import Unavailable
from resolvers.app import App, Warmth
from resolvers.preparing import BATCH_MAX, horizon, prepare

POPULAR = 2.0  # readings in about a quarter of an hour
CHANGED_MAX = 10_000  # days that wait to be prepared again
FILL_EVERY_S = 30.0
REMEMBER_EVERY_S = 300.0
RETRY_S = 1.0
LEAST = timedelta(hours=1)  # what is ready for less is prepared again
ROOM = 0.5  # of memory is for the next days; the rest is for whatever else is asked for
TENANTS_MAX = 1_000
LOOKED_MAX = 500  # days in one go: a millisecond
SUGGESTED_MAX = 100  # a tenant's
TOLD_MAX = 1_000

log = structlog.get_logger("warming")


class Warming:
    """One a process. days_ahead: how many of each stylist's next days are kept ready; 0: none."""

    def __init__(self, app: App, days_ahead: int) -> None:
        self._app = app
        self._days_ahead = days_ahead
        self._changed: dict[DayKey, None] = {}
        self._woken = asyncio.Event()
        self._suggested: dict[str, tuple[date, list[DayKey]]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Memory is kept ready meanwhile."""
        self._app.days.on_gone = self.changed
        loops = _again(self.renew, 0.0), _again(self.fill, FILL_EVERY_S), _again(self.remember, REMEMBER_EVERY_S)
        tasks = [asyncio.create_task(loop, name="warming") for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def changed(self, key: DayKey) -> None:
        """A day has changed, or may have."""
        if len(self._changed) < CHANGED_MAX:
            self._changed[key] = None
            self._woken.set()

    async def renew(self) -> None:
        """Waits for changes, and prepares what is asked for often again: the most often first, one batch. Raises Unavailable."""
        await self._woken.wait()
        self._woken.clear()
        changed, self._changed = self._changed, {}
        self._app.demand.count()
        popular = {key: score for key in changed if (score := self._app.demand.of(key)) >= POPULAR}
        ordered = sorted(popular, key=lambda key: (-popular[key], key))
        for key in ordered[BATCH_MAX:]:
            self.changed(key)
        await prepare(self._app, sorted(ordered[:BATCH_MAX]), "changed")

    async def fill(self) -> None:
        """Prepares what memory lacks of the days that are to be ready, from Redis where they are. Raises Unavailable."""
        looked, room = Warmth(), int(self._app.days.entries_max * ROOM)
        for night in await self._nights():
            wanted = (await self._wanted(night))[: room - looked.days]
            lacking = await self._lacking(wanted, LEAST)
            await prepare(self._app, lacking, "ahead", least=LEAST)
            looked.days += len(wanted)
            looked.ready += len(wanted) - len(await self._lacking(lacking, timedelta(0)))
        self._app.warmth.days, self._app.warmth.ready = looked.days, looked.ready

    async def remember(self) -> None:
        """Tells the database what was asked for, so that the weekday can suggest it. Raises Unavailable."""
        told: dict[str, dict[tuple[str, date], int]] = defaultdict(dict)
        for key, times in self._app.demand.untold(TOLD_MAX):
            told[key.tenant_id][key.stylist_id, key.day] = times
        for tenant_id, asked in told.items():
            async with self._app.budget.turn(), self._app.database.transaction(tenant_id) as connection:
                await ahead.remember(connection, tenant_id, self._app.clock.now(), asked)

    async def _lacking(self, keys: list[DayKey], least: timedelta) -> list[DayKey]:
        found = []
        for start in range(0, len(keys), LOOKED_MAX):
            async with self._app.budget.turn():
                found += self._app.days.lacks(keys[start : start + LOOKED_MAX], least)
        return found

    async def _nights(self) -> list[Night]:
        async with self._app.budget.turn(), self._app.database.connection() as connection:
            return await ahead.nights(connection, self._app.clock.now(), TENANTS_MAX)

    async def _wanted(self, night: Night) -> list[DayKey]:
        """What the weekday suggests, then the next days. While one process prepares those for all, they are left to it."""
        suggested = await self._suggestions(night)
        redis = self._app.redis
        if night.is_due and redis is not None and redis.ready():
            return suggested
        key = DirectoryKey(night.tenant_id)
        try:
            async with self._app.budget.turn():
                readings, _ = await self._app.directories.read([key], Freshness.CACHED)
        except KeyError:  # the tenant is gone
            return []
        stylists = [one.id for one in readings[key].entry.value.stylists.values() if one.active]
        return [*dict.fromkeys([*suggested, *horizon(night.tenant_id, stylists, night.on_date, self._days_ahead)])]

    async def _suggestions(self, night: Night) -> list[DayKey]:
        known = self._suggested.get(night.tenant_id)
        if known and known[0] == night.on_date:
            return known[1]
        async with self._app.budget.turn(), self._app.database.transaction(night.tenant_id) as connection:
            found = await ahead.suggested(connection, night.tenant_id, night.on_date, SUGGESTED_MAX)
        keys = [DayKey(night.tenant_id, *one) for one in found]
        self._suggested[night.tenant_id] = night.on_date, keys
        return keys


async def _again(work: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Again and again; what fails is tried again."""
    while True:
        try:
            await work()
            await asyncio.sleep(every_s)
        except Unavailable as error:
            log.warning("warming waits for the database", error=str(error))
            await asyncio.sleep(max(RETRY_S, every_s))
        except Exception:
            log.exception("warming failed")
            await asyncio.sleep(max(RETRY_S, every_s))
