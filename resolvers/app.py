"""What every operation shares: the database, the caches over it, the live feed. Made once by server.py."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from cache.freshness import Clock, Fetch, VersionCheck
from cache.keys import DayKey, DirectoryKey
from cache.shared import Second
from cache.stores import Redis
from cache.versioned import VersionedCache
from db import days, directory, versions
from db.pool import Database
from domain import slots
from domain.events import Change
from domain.model import DayFacts, Directory
from domain.versions import DayVersion
from resolvers import packing
from resolvers.budget import Budget
from resolvers.demand import Demand
from resolvers.feed import Feed
from resolvers.offers import OfferLog
from resolvers.turns import Turns

DIRECTORIES_MAX = 1_000
EXPORTS_MAX = 2  # at once
CHECK_S = 1.0  # a check takes a millisecond; without an answer until then what memory has is served as unverified
DAY_CODEC = packing.codec(DayFacts, common=("travel", "terms", "price_rules"))
DIRECTORY_CODEC = packing.codec(Directory)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what may be asked for; docs/decisions/0015-limits.md says why so many.

    Of a request: body_bytes; header_bytes, all together; seconds until it is answered. Of a document, and of its variables: see
    execution/limits.py. Of an operation: days of a range, rows of a page, starts of `firstAvailable`, availabilities (stylists x
    days x services), and cost, see schema/cost.py. Of WebSockets: how many a caller may have open, operations under way on one,
    bytes of a message, seconds until connection_init, and between pings.
    """

    body_bytes: int = 100_000
    header_bytes: int = 1_200_000
    seconds: float = 5.0
    tokens: int = 2_000
    characters: int = 20_000
    depth: int = 16
    aliases: int = 100
    directives: int = 50
    root_fields: int = 50
    fields: int = 1_000
    variables_depth: int = 16
    variables_values: int = 5_000
    list_length: int = 2_000
    days: int = 62
    page: int = 200
    starts: int = 100
    availabilities: int = 6_000
    cost: int = 250_000
    sockets: int = 50
    socket_operations: int = 20
    message_bytes: int = 65_536
    init_seconds: float = 5.0
    ping_seconds: float = 25.0


@dataclass(slots=True)
class Warmth:
    """Of the days that this process is to have ready: how many there are, and how many it had when it last looked."""

    days: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class App:
    """The parts of a running server.

    heard: changes, by what they were of. written: mutations, by name and outcome. prepared: days, by why and from where. told:
    what became of webhooks, see resolvers/telling.py; private_webhooks: whether they may go anywhere. others: what the caches of
    the server's other processes count, see resolvers/counting.py.
    """

    database: Database
    days: VersionedCache[DayKey, DayFacts]
    directories: VersionedCache[DirectoryKey, Directory]
    check: VersionCheck
    clock: Clock
    feed: Feed
    offers: OfferLog
    limits: Limits
    tenant_ids: dict[str, str]
    default_tenant: str
    redis: Redis | None = None
    private_webhooks: bool = False
    heard: Counter[str] = field(default_factory=Counter)
    written: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    turns: Turns = field(default_factory=Turns)
    others: Callable[[], Sequence[Any]] = tuple
    demand: Demand = field(default_factory=Demand)
    budget: Budget = field(default_factory=Budget)
    warmth: Warmth = field(default_factory=Warmth)
    prepared: Counter[tuple[str, str]] = field(default_factory=Counter)
    replica: Database | None = None
    exporting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(EXPORTS_MAX))

    @property
    def reports(self) -> Database:
        """Where reports read, which may be late: the replica, if there is one. Never for VERIFIED, nor for anything written."""
        return self.replica or self.database

    async def close(self) -> None:
        """Lets go of Redis; the database is its opener's to close."""
        await self.check.close()
        if self.redis:
            await self.redis.close()

    def hear(self, change: Change) -> None:
        """Lets go of what a change made stale, then wakes who watches it."""
        what = "directory" if change.stylist_id is None else "stylist" if change.days is None else "day"
        self.heard[what] += 1
        forget(self, change.tenant_id, change.stylist_id, change.days, what)
        self.feed.changed(change)

    def trust(self, listening: bool) -> None:
        """Whether changes are heard. What was missed before is unknown, so watchers look again."""
        self.days.trusting = self.directories.trusting = listening
        if listening:
            self.feed.reconnected()


def forget(
    app: App,
    tenant_id: str,
    stylist_id: str | None,
    days_: Mapping[date, int] | Sequence[date] | None,
    cause: str = "written",
) -> None:
    """Drops cached entries: a tenant's directory, all of a stylist's days, or some of them.

    days_: with the versions that they came to; without, those that may have changed, which are only checked before they are
    served again. cause: for the count; what this process wrote itself, or what it was told has changed.
    """
    if stylist_id is None:
        app.directories.drop(DirectoryKey(tenant_id), cause)
    elif days_ is None:
        app.days.drop_group((tenant_id, stylist_id), cause)
    else:
        for day in days_:
            key = DayKey(tenant_id, stylist_id, day)
            if isinstance(days_, Mapping):
                app.days.drop(key, cause, days_[day])
            else:
                app.days.doubt(key)


def build(
    database: Database,
    *,
    default_tenant: str,
    limits: Limits,
    entries_max: int,
    ttl: timedelta,
    redis: Redis | None = None,
    lineage: str = "",
    others: Callable[[], Sequence[Any]] = tuple,
    private_webhooks: bool = False,
    replica: Database | None = None,
    offer_log_days: int = 30,
) -> App:
    """The parts, wired: the caches load from the database and check their versions there.

    redis: what other processes on the same database share with this one. lineage: of the database's versions.
    replica: for reports. offer_log_days: how long it is kept who was shown what; 0 = not at all.
    """
    clock, turns = Clock(), Turns()

    @asynccontextmanager
    async def version_queries() -> AsyncIterator[Fetch]:
        async with database.connection() as connection:

            async def fetch(
                keys: Sequence[tuple[str, str | None, date | None]],
            ) -> tuple[datetime, str, list[DayVersion]]:
                return await versions.now(connection, keys, timeout_s=CHECK_S)

            yield fetch

    async def load_days(
        keys: Sequence[DayKey],
    ) -> tuple[datetime, dict[DayKey, tuple[DayVersion, DayFacts]]]:
        tenant_id = keys[0].tenant_id
        async with database.connection() as connection:
            now, made = await days.read(connection, tenant_id, [(key.stylist_id, key.day) for key in keys])
        return now, {DayKey(tenant_id, *day): facts async for day, facts in turns.through(made)}

    async def load_directory(
        keys: Sequence[DirectoryKey],
    ) -> tuple[datetime, dict[DirectoryKey, tuple[DayVersion, Directory]]]:
        (key,) = keys
        async with database.connection() as connection:
            found = await directory.load(connection, key.tenant_id)
        if found is None:
            raise KeyError(key.tenant_id)
        now, version, loaded = found
        return now, {key: (version, loaded)}

    check = VersionCheck(version_queries, clock)
    return App(
        database=database,
        days=VersionedCache(
            load=load_days,
            check=check,
            clock=clock,
            entries_max=entries_max,
            ttl=ttl,
            same=_same_slots,
            pause=turns.wait,
            second=Second(redis, DAY_CODEC, lineage) if redis else None,
        ),
        directories=VersionedCache(
            load=load_directory,
            check=check,
            clock=clock,
            entries_max=DIRECTORIES_MAX,
            ttl=ttl,
            second=Second(redis, DIRECTORY_CODEC, lineage) if redis else None,
        ),
        check=check,
        clock=clock,
        turns=turns,
        feed=Feed(),
        offers=OfferLog(database, kept_days=offer_log_days),
        limits=limits,
        tenant_ids={},
        default_tenant=default_tenant,
        redis=redis,
        private_webhooks=private_webhooks,
        others=others,
        replica=replica,
    )


def _same_slots(one: DayFacts, other: DayFacts, now: datetime) -> bool:
    """Whether two readings of a day's facts give the same slots: an expired hold may be in one and not in the other."""
    return one.terms == other.terms and all(
        slots.day_slots(one, service_id, now).slots == slots.day_slots(other, service_id, now).slots
        for service_id in one.terms
    )
