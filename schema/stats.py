"""What GraphQL shows admins of the cache."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import strawberry

from resolvers import counting
from resolvers.counting import CacheNumbers, Invalidated
from schema import inputs
from schema.inputs import FromDateArgument, ToDateArgument
from schema.operation import context_of
from schema.types import Info


@strawberry.type(
    description="How often a stylist's date changed, so that what was cached of it was of no use any more."
)
class CacheInvalidations:
    stylist_id: strawberry.ID = strawberry.field(description="The stylist, who may be gone by now.")
    date: date | None = strawberry.field(
        description="The stylist's own date; null: all dates at once, as by new hours or prices."
    )
    count: float = strawberry.field(description="How often since the database was made; a whole number.")

    @classmethod
    def of(cls, found: Invalidated) -> CacheInvalidations:
        return cls(stylist_id=strawberry.ID(found.stylist_id), date=found.on, count=found.times)


@strawberry.type(
    description="The cache of stylists' dates, of all businesses of this server and all its processes, since they started. Other "
    "processes' numbers are a second old. Counts are whole numbers, which may be beyond Int."
)
class CacheStats:
    processes: int = strawberry.field(description="How many processes answer, each with a cache.")
    hit_rate: float | None = strawberry.field(
        description="hits / (hits + misses), 0 to 1, each counted when it happened; null before the first read."
    )
    hits: float = strawberry.field(description="Reads answered from memory or Redis.")
    misses: float = strawberry.field(description="Reads that had to wait for Postgres's facts.")
    from_memory: float = strawberry.field(description="Hits in the process's own memory.")
    from_redis: float = strawberry.field(description="Hits in Redis.")
    from_database: float = strawberry.field(description="Misses that asked Postgres.")
    joined: float = strawberry.field(description="Misses that waited for another's question to Postgres or Redis.")
    bypassed: float = strawberry.field(description="Reads with BYPASS: neither hits nor misses.")
    mismatches: float = strawberry.field(
        description="Times that BYPASS found another answer than the cache had at the same version: 0."
    )
    entries: float = strawberry.field(description="Stylists' dates in memory now; in each process its own.")
    bytes: float = strawberry.field(description="What they take, estimated by weighing some.")
    expired: float = strawberry.field(
        description="Of the entries, those past their time that nobody asked for since. They are never served."
    )
    warm_share: float | None = strawberry.field(
        description="Of the next days of all active stylists, 14 unless the server is told otherwise, the share that is in "
        "memory, 0 to 1; half a minute old at most. Null where none is to be."
    )

    @classmethod
    def of(cls, found: CacheNumbers) -> CacheStats:
        return cls(
            processes=found.processes,
            hit_rate=found.hit_rate,
            hits=found.memory + found.redis,
            misses=found.database + found.joined,
            from_memory=found.memory,
            from_redis=found.redis,
            from_database=found.database,
            joined=found.joined,
            bypassed=found.bypassed,
            mismatches=found.mismatches,
            entries=found.entries,
            bytes=found.size,
            expired=found.expired,
            warm_share=found.warm_share,
        )

    @strawberry.field(
        description="How often your stylists' dates changed, by any program, the most often changed first."
    )
    async def invalidations(
        self,
        info: Info,
        from_: FromDateArgument,
        to: ToDateArgument,
        first: Annotated[int | None, strawberry.argument(description="How many at most, 1 to 200.")] = 50,
    ) -> list[CacheInvalidations]:
        context = context_of(info)
        most = inputs.bounded(first, "first", context.app.limits.page, 50)
        inputs.dates(from_, to, context.app.limits.days)
        found = await counting.invalidations(context, from_on=from_, until_on=to, most=most)
        return [CacheInvalidations.of(one) for one in found]
