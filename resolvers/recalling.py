"""Answers given before: whether all that they were made of is still true, at the freshness that they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from cache import keys
from cache.freshness import NEVER, Checked
from cache.keys import DirectoryKey
from cache.versioned import Freshness
from resolvers.availability import Availability
from resolvers.context import Context
from resolvers.offers import Shown

KEPT_ELSEWHERE_S = 1


def proof(context: Context, found: Sequence[Availability]) -> Verified | Cached | None:
    """That an answer made of the directory and these availabilities is true; None if that cannot be told again."""
    verified = {reading.verified for one in found for reading in one.readings}
    if context.freshnesses <= {Freshness.VERIFIED} and verified <= {True}:
        return Verified(context, found)
    if context.freshnesses == {Freshness.CACHED} and verified <= {False}:
        return Cached(context, found)
    return None


class Recalled:
    """The proof of one answer. askers: who hold something that it shows; they would be told that it is theirs."""

    def __init__(self, context: Context, found: Sequence[Availability]) -> None:
        self.askers = frozenset(slot.holder for one in found for slot in one.slots if slot.holder is not None)
        self.shown = Shown(context.tenant_id, found)
        self._app = context.app
        entries = {reading.entry.key: reading.entry for one in found for reading in one.readings}
        self._days = {keys.text(key): entry for key, entry in entries.items()}
        self._directory = {keys.text(DirectoryKey(context.tenant_id)): context.entry}
        self.day_keys = list(entries)
        self.hits = 0  # since the demand was counted
        self._keys = [DirectoryKey(context.tenant_id), *entries]
        self._versions = [context.entry.version, *(entry.version for entry in entries.values())]
        self._since = max((one.now for one in found), default=None)
        ends = [one.true_until for one in found if one.true_until]
        self._until = min([*ends, context.entry.expires_at, *(entry.expires_at for entry in entries.values())])
        self._seen_days = self._seen_directories = -1
        self.tag = f"{self._versions} {sorted(ends)}"

    def ask(self) -> asyncio.Future[Checked] | None:
        """What `judge` is told; nothing here."""
        return None

    def _is_in_memory(self) -> bool:
        """Whether the caches hold the very entries. They are asked, and so keep them, only when something has changed there."""
        days, directories = self._app.days, self._app.directories
        if days.changes != self._seen_days or directories.changes != self._seen_directories:
            if not self._is_held():
                return False
            self._seen_days, self._seen_directories = days.changes, directories.changes
        return True

    def _is_held(self) -> bool:
        return self._app.days.holds(self._days) and self._app.directories.holds(self._directory)

    def _at(self, now: datetime) -> datetime | None:
        """The moment, if time alone has changed nothing."""
        return None if now >= self._until or (self._since is not None and now < self._since) else now

    def given(self) -> None:
        """The answer is given again: a hit of each of its days."""
        self._app.days.counts["hit"] += len(self._days)
        if not self.hits:
            self._app.demand.met(self)
        self.hits += 1


class Cached(Recalled):
    """True as far as is known here, while changes are heard."""

    is_prompt = True

    def fresh_for(self, now: datetime) -> int:
        """Who asks for CACHED has said that being late by a little is all right."""
        return max(0, min(KEPT_ELSEWHERE_S, int((self._until - now).total_seconds())))

    def judge(self, _told: object) -> datetime | None:
        """Postgres's clock as last heard; None when memory has something else, or may have missed a change."""
        return self._at(self._app.clock.now()) if self._is_in_memory() else None

    def _is_held(self) -> bool:
        days, directories = self._app.days, self._app.directories
        return (
            super()._is_held()
            and days.may_serve(self._days.values())
            and directories.may_serve(self._directory.values())
        )


class Verified(Recalled):
    """True by Postgres."""

    is_prompt = False
    _state = NEVER

    def fresh_for(self, _now: datetime) -> int:
        """Nobody else can verify it."""
        return 0

    def ask(self) -> asyncio.Future[Checked] | None:
        """The versions as Postgres has them after this was called; None when memory has something else."""
        return self._app.check.ask(self._keys, self._state) if self._is_in_memory() else None

    def judge(self, checked: Checked) -> datetime | None:
        """Postgres's clock when it had the same versions; None when it had others."""
        if checked.state != self._state:  # else nothing was committed since they were the same
            if [checked.versions[key] for key in self._keys] != self._versions:
                return None
            self._state = checked.state
        return self._at(checked.now)
