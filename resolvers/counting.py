"""What the caches have done, counted when it happened; and how often each stylist's days changed, which Postgres counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import NamedTuple

from db import versions
from resolvers.app import App
from resolvers.context import Context


@dataclass(frozen=True, slots=True)
class CacheNumbers:
    """Of the stylist-days in one process's cache, or in several's.

    Reads: memory, redis, database (own loads), joined (waited for another reader's load), bypassed (did not want the cache).
    entries, size, expired: what there is now, in bytes and of those nobody asked for since they expired. ahead, ready: of the
    next days, how many are to be in memory, and how many were there a while ago.
    """

    processes: int
    memory: int
    redis: int
    database: int
    joined: int
    bypassed: int
    mismatches: int
    entries: int
    size: int
    expired: int
    ahead: int
    ready: int

    def without_what_there_is(self) -> CacheNumbers:
        """Of a process that has ended: what it did counts, what it had is gone."""
        done = (self.memory, self.redis, self.database, self.joined, self.bypassed, self.mismatches)
        return CacheNumbers(0, *done, entries=0, size=0, expired=0, ahead=0, ready=0)

    @property
    def hit_rate(self) -> float | None:
        """Of the reads that wanted the cache, the share that found what they wanted there; None before the first."""
        hits = self.memory + self.redis
        reads = hits + self.database + self.joined
        return hits / reads if reads else None

    @property
    def warm_share(self) -> float | None:
        """Of the next days, the share that is in memory; None where none is to be."""
        return self.ready / self.ahead if self.ahead else None


class Invalidated(NamedTuple):
    """How often a stylist's date has changed; on None: all of the stylist's dates at once, as by new hours."""

    stylist_id: str
    on: date | None
    times: int


def here(app: App, *, size: int | None = None, expired: int | None = None) -> CacheNumbers:
    """This process's numbers. size, expired: as found a moment ago, where looking again costs too much."""
    counts = app.days.counts
    return CacheNumbers(
        processes=1,
        memory=counts["hit"] + counts["unverified"],
        redis=counts["recalled"],
        database=counts["miss"],
        joined=counts["joined"],
        bypassed=counts["bypass"],
        mismatches=counts["mismatch"] + app.directories.counts["mismatch"],
        entries=len(app.days),
        size=app.days.weigh() if size is None else size,
        expired=app.days.expired() if expired is None else expired,
        ahead=app.warmth.days,
        ready=app.warmth.ready,
    )


def everywhere(app: App) -> CacheNumbers:
    """This process's and the others' of the same server."""
    return together([here(app), *app.others()])


def together(numbers: Sequence[CacheNumbers]) -> CacheNumbers:
    """All in one."""
    return CacheNumbers(*(sum(getattr(one, field.name) for one in numbers) for field in fields(CacheNumbers)))


async def invalidations(context: Context, *, from_on: date, until_on: date, most: int) -> list[Invalidated]:
    """The stylists' dates between two that changed, the most often changed first, and stylists all of whose dates did.

    Versions say it, so raw SQL, other processes and the time before this start are in it.
    """
    async with context.app.database.transaction(context.tenant_id) as connection:
        rows = await versions.raised(connection, context.tenant_id, from_on=from_on, until_on=until_on, most=most)
    return [Invalidated(*row) for row in rows]
