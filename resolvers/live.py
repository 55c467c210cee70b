"""The live answer: what subscribers watch, computed anew once for all who watch the same, whenever facts or time may have
changed it.

A group keeps the last answer of every stylist and date it watches. Each change of one goes, numbered, to the group's outlets; a
subscriber who comes gets the answers as snapshots, or what is new since its cursor, and every change from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cache.versioned import Freshness
from domain.errors import Unavailable
from domain.model import Slot, SlotStatus
from resolvers import availability, resuming
from resolvers.app import App
from resolvers.availability import Availability
from resolvers.context import Caller, Context
from resolvers.feed import Watch
from resolvers.resuming import Cursor

RETRY_S = 0.5

Key = tuple[str, date]
About = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """What subscribers ask for. dates: consecutive."""

    stylist_ids: tuple[str, ...]
    service_id: str
    dates: tuple[date, ...]
    zone: ZoneInfo | None

    def places(self) -> Iterator[Key]:
        """Each stylist and date, in order."""
        return ((one, day) for one in self.stylist_ids for day in self.dates)


@dataclass(frozen=True, slots=True)
class Change:
    """One stylist and date: the answer now, and how it differs from the one before. A snapshot has every free start.

    context: in which the answer was read. cursor: what whoever was told of this has, of all that is watched.
    """

    context: Context
    before: Availability | None
    availability: Availability
    opened: Sequence[Slot]
    closed: Sequence[Slot]
    cursor: Cursor
    snapshot: bool

    @property
    def key(self) -> Key:
        return self.availability.stylist_id, self.availability.date


class Waiting(NamedTuple):
    """A change not yet taken. since: the number of the first of those that it is made of; number: of the last."""

    since: int
    number: int
    change: Change


class Outlet:
    """Changes of a group on their way to somebody: in order, and no more than one a stylist and date, so that they are
    bounded; two of one become the difference over both. number: of the last one taken.
    """

    def __init__(self) -> None:
        self.number = 0
        self._waiting: dict[Key, Waiting] = {}
        self._ended: Exception | None = None
        self._woken = asyncio.Event()

    def put(self, number: int, change: Change | Exception) -> None:
        """Takes in the next change, or the end."""
        if isinstance(change, Exception):
            self._ended = change
        else:
            earlier = self._waiting.pop(change.key, None)
            both = (
                _change(change.context, earlier.change.before, change.availability, change.cursor)
                if earlier
                else change
            )
            self._waiting[change.key] = Waiting(earlier.since if earlier else number, number, both)
        self._woken.set()

    async def take(self) -> Change:
        """The next change. Raises what ended the group."""
        while not self._waiting:
            if self._ended is not None:
                raise self._ended
            self._woken.clear()
            await self._woken.wait()
        _, self.number, change = self._waiting.pop(next(iter(self._waiting)))
        # What waits behind with a part from before this one is not what the cursor says of it.
        untold = [key for key, one in self._waiting.items() if one.since < self.number]
        return replace(change, cursor=change.cursor.without(untold)) if untold else change


class Group:
    """All who watch the same of one tenant. It lives as long as it has outlets."""

    def __init__(self, app: App, tenant_slug: str, watched: Watched, gone: Callable[[], None]) -> None:
        self.watched = watched
        self._app = app
        self._caller = Caller(tenant_slug=tenant_slug)
        self._gone = gone
        self._state: dict[Key, Availability] = {}
        self._shown: dict[Key, About] = {}
        self._number = 0
        self._outlets: list[Outlet] = []
        self._rounds = 0  # begun
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._context: Context | None = None
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, outlet: Outlet) -> None:
        """Sends every change from now on to an outlet."""
        self._outlets.append(outlet)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="live group")

    def remove(self, outlet: Outlet) -> None:
        """Lets go of an outlet, and with the last one of everything."""
        self._outlets.remove(outlet)
        if not self._outlets:
            self._gone()
            if self._task is not None:
                self._task.cancel()

    async def first(self, since: str | None) -> tuple[int, list[Change]]:
        """What a subscriber who comes now is to be told, of answers read after this was called; and the number of the last
        change that is in it. Raises BadRequest.
        """
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._rounds + 1, over))  # the round under way may have read before us
        if self._watch:
            self._touch_all(self._watch)
        await over
        assert self._context is not None
        return self._number, [*self._since(self._context, since)]

    def _since(self, context: Context, since: str | None) -> Iterator[Change]:
        """A snapshot of each answer, or what is new since a cursor."""
        had = resuming.parse(since, self._about(), list(self.watched.places())) if since is not None else None
        cursor = self._cursor()
        for key in self.watched.places():
            found = self._state[key]
            before = resuming.as_it_was(had, key, found) if had else None
            if before is None or before.slots != found.slots:
                yield _change(context, before, found, cursor)

    async def _run(self) -> None:
        try:
            await self._look()
        except Exception as error:  # whatever it is, those who watch are told of it
            for outlet in self._outlets:
                outlet.put(self._number, error)
            self._answer_waiters(error)
            self._gone()

    async def _look(self) -> None:
        tenant_id = (await self._open()).tenant_id
        with self._app.feed.watching(tenant_id, self.watched.stylist_ids) as watch:
            self._watch, due = watch, list(self.watched.places())
            while True:
                self._rounds += 1
                try:
                    context = await self._open()
                    await context.renew()
                    found = await _read(context, self.watched, due)
                except Unavailable:
                    self._touch_all(watch)
                    await asyncio.sleep(RETRY_S)
                else:
                    self._context = context
                    self._tell(context, found)
                    self._answer_waiters()
                due = await _next_due(self._app, self.watched, watch, self._state)

    def _answer_waiters(self, error: Exception | None = None) -> None:
        for round_, waiter in self._waiters:
            if not waiter.done() and error is not None:
                waiter.set_exception(error)
            elif not waiter.done() and round_ <= self._rounds:
                waiter.set_result(None)
        self._waiters = [(round_, waiter) for round_, waiter in self._waiters if not waiter.done()]

    async def _open(self) -> Context:
        return await Context.open(self._app, self._caller, remembers=False)

    def _touch_all(self, watch: Watch) -> None:
        for stylist_id in self.watched.stylist_ids:
            watch.touch(stylist_id, None)

    def _tell(self, context: Context, found: Iterable[Availability]) -> None:
        for one in found:
            key, about = (one.stylist_id, one.date), _about(context, one)
            before, is_same = self._state.get(key), self._shown.get(key) == about
            self._state[key], self._shown[key] = one, about
            if before is not None and (before.slots != one.slots or not is_same):
                self._number += 1
                change = _change(context, before, one, self._cursor())
                for outlet in self._outlets:
                    outlet.put(self._number, change)

    def _cursor(self) -> Cursor:
        return resuming.cursor(
            self._about(), {key: self._state[key] for key in self.watched.places() if key in self._state}
        )

    def _about(self) -> str:
        return resuming.about(repr(self.watched))


def group(app: App, tenant_slug: str, watched: Watched) -> Group:
    """The group of a tenant that watches this, made if there is none."""
    groups: dict[Any, Group] = app.feed.groups
    key = (tenant_slug, watched)
    if key not in groups:
        groups[key] = Group(app, tenant_slug, watched, lambda: groups.pop(key, None))  # type: ignore[arg-type]
    return groups[key]


async def changes(app: App, tenant_slug: str, watched: Watched, since: str | None) -> AsyncGenerator[Change, None]:
    """What a subscriber is told: what comes first, then each change, in the order of versions and then of time.

    While the database is away nothing is sent; what happened meanwhile comes as soon as it is back. Raises BadRequest for what is
    unknown, at the start or later.
    """
    outlet, watching = Outlet(), group(app, tenant_slug, watched)
    watching.add(outlet)
    try:
        number, first = await watching.first(since)
        for change in first:
            yield change
        while True:
            change = await outlet.take()
            if outlet.number > number:
                yield change
    finally:
        watching.remove(outlet)


async def _read(context: Context, watched: Watched, due: Iterable[Key]) -> list[Availability]:
    by_stylist: dict[str, list[date]] = {}
    for stylist_id, day in due:
        by_stylist.setdefault(stylist_id, []).append(day)
    answers: Iterable[Awaitable[list[Availability]]] = [
        availability.of_stylist(
            context,
            stylist_id=stylist_id,
            service_id=watched.service_id,
            dates=days,
            zone=watched.zone,
            freshness=Freshness.VERIFIED,
        )
        for stylist_id, days in by_stylist.items()
    ]
    return [one for answer in answers for one in await answer]


async def _next_due(app: App, watched: Watched, watch: Watch, sent: dict[Key, Availability]) -> list[Key]:
    """Waits until facts or time may have changed something; what to look at then."""
    ends = [one.true_until for one in sent.values() if one.true_until]
    wait_s = max(0.0, (min(ends) - app.clock.now()).total_seconds()) if ends else None
    dirty = await watch.next(wait_s)
    now = app.clock.now()
    return [key for key in watched.places() if key not in sent or _outdated(sent[key], dirty, now)]


def _outdated(last: Availability, dirty: dict[str, set[date] | None], now: datetime) -> bool:
    if last.true_until and now >= last.true_until:
        return True
    if last.stylist_id not in dirty:
        return False
    days = dirty[last.stylist_id]
    return days is None or any(reading.entry.key.day in days for reading in last.readings)


def _about(context: Context, found: Availability) -> About:
    """What an answer shows besides its slots: names and all else of whom and what it is about."""
    directory = context.directory
    stylist, service = directory.stylists[found.stylist_id], directory.services[found.service_id]
    return stylist, service, *(directory.locations[place] for place in stylist.location_ids)


def _change(context: Context, before: Availability | None, found: Availability, cursor: Cursor) -> Change:
    if before is None:
        free = [slot for slot in found.slots if _is_free(slot)]
        return Change(context, None, found, opened=free, closed=(), cursor=cursor, snapshot=True)
    was = {slot.starts_at: slot for slot in before.slots}
    now = {slot.starts_at: slot for slot in found.slots}
    return Change(
        context,
        before,
        found,
        opened=[slot for slot in found.slots if _is_free(slot) and not _is_free(was.get(slot.starts_at))],
        closed=[
            now.get(slot.starts_at, slot._replace(status=SlotStatus.UNAVAILABLE))
            for slot in before.slots
            if _is_free(slot) and not _is_free(now.get(slot.starts_at))
        ],
        cursor=cursor,
        snapshot=False,
    )


def _is_free(slot: Slot | None) -> bool:
    return slot is not None and slot.status is SlotStatus.AVAILABLE
