"""Who watches which stylists, and their waking when something changed. The messages say where to look, never what is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from domain.events import Change

StylistKey = tuple[str, str]


class Watch:
    """What changed since one watcher last looked: coalesced, so that a slow one holds a few dates and no more.

    None stands for every day of the stylist.
    """

    def __init__(self) -> None:
        self._dirty: dict[str, set[date] | None] = {}
        self._woken = asyncio.Event()

    def touch(self, stylist_id: str, days: Iterable[date] | None) -> None:
        """Marks days to look at again."""
        known = self._dirty.get(stylist_id, set())
        self._dirty[stylist_id] = None if days is None or known is None else known | set(days)
        self._woken.set()

    async def next(self, timeout_s: float | None) -> dict[str, set[date] | None]:
        """What changed since the last call; empty when the time runs out first."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return {}
        self._woken.clear()
        dirty, self._dirty = self._dirty, {}
        return dirty


class Feed:
    """One a process: from its listening connection to its watchers."""

    def __init__(self) -> None:
        self._watchers: dict[StylistKey, set[Watch]] = {}
        self.groups: dict[Any, Any] = {}  # resolvers/live.py's, of who watches the same
        self.renderings: dict[Any, Any] = {}  # schema/fanout.py's, of who does so in the same words

    @contextmanager
    def watching(self, tenant_id: str, stylist_ids: Iterable[str]) -> Iterator[Watch]:
        """A watch on these stylists' days."""
        watch = Watch()
        keys = {(tenant_id, stylist_id) for stylist_id in stylist_ids}
        for key in keys:
            self._watchers.setdefault(key, set()).add(watch)
        try:
            yield watch
        finally:
            for key in keys:
                self._watchers[key].discard(watch)
                if not self._watchers[key]:
                    del self._watchers[key]

    def changed(self, change: Change) -> None:
        """Wakes those who watch what changed."""
        if change.stylist_id is not None:
            for watch in self._watchers.get((change.tenant_id, change.stylist_id), ()):
                watch.touch(change.stylist_id, change.days)

    def reconnected(self) -> None:
        """Wakes everybody: what happened in between is unknown."""
        for (_, stylist_id), watches in self._watchers.items():
            for watch in watches:
                watch.touch(stylist_id, None)

    def __len__(self) -> int:
        return len({watch for watches in self._watchers.values() for watch in watches})
