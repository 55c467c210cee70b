"""Stock Strawberry at its best: its own aiohttp view, and resolvers that take what they answer from a dict.

python -m bench.peers.stock VALUES.json [--caches]: with ParserCache and ValidationCache, or without.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NewType

import orjson
import strawberry
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from bench import peers

# Instants and dates are texts already, so that no scalar needs serializing.
Date = NewType("Date", str)
SCALARS: dict[object, ScalarDefinition] = {Date: strawberry.scalar(name="Date", serialize=str, parse_value=str)}


@strawberry.enum
class Freshness(Enum):
    VERIFIED = "VERIFIED"
    CACHED = "CACHED"
    BYPASS = "BYPASS"


@strawberry.enum
class SlotStatus(Enum):
    AVAILABLE = "AVAILABLE"
    HELD = "HELD"
    BOOKED = "BOOKED"
    UNAVAILABLE = "UNAVAILABLE"


@strawberry.enum
class CacheSource(Enum):
    MEMORY = "MEMORY"
    REDIS = "REDIS"
    DATABASE = "DATABASE"


@strawberry.type
class Slot:
    start_utc: str
    end_utc: str
    start_local: str
    end_local: str
    display: str
    status: SlotStatus
    is_available: bool
    price_cents: int


@strawberry.type
class CacheInfo:
    hit: bool
    source: CacheSource
    verified: bool
    version: str
    computed_at: str
    expires_at: str
    age_seconds: float


@strawberry.type
class Availability:
    date: str
    timezone: str
    slots: list[Slot]
    cache: CacheInfo


Days = dict[tuple[str, str, str], Availability]


@strawberry.type
class Stylist:
    days: strawberry.Private[Days]
    id: strawberry.ID
    name: str

    @strawberry.field
    def availability(
        self,
        service_id: strawberry.ID,
        from_: Annotated[Date, strawberry.argument(name="from")],
        to: Date,
        freshness: Freshness = Freshness.VERIFIED,
    ) -> list[Availability]:
        return [self.days[self.id, service_id, day] for day in _dates(from_, to)]


class Salon:
    """The values of a file, made into the types once."""

    def __init__(self, file: Path) -> None:
        values = orjson.loads(file.read_bytes())
        self.days: Days = {}
        for key, found in values["days"].items():
            stylist, service, day = key.split()
            self.days[stylist, service, day] = _availability(found)
        self.stylists = [
            Stylist(days=self.days, id=strawberry.ID(one["id"]), name=one["name"]) for one in values["stylists"]
        ]


@strawberry.type
class Query:
    @strawberry.field
    def available_slots(
        self,
        info: strawberry.Info[Any, Salon],
        stylist_id: strawberry.ID,
        service_id: strawberry.ID,
        date: Date,
        freshness: Freshness = Freshness.VERIFIED,
    ) -> Availability:
        return info.root_value.days[stylist_id, service_id, date]

    @strawberry.field
    def stylist(self, info: strawberry.Info[Any, Salon], id: strawberry.ID) -> Stylist | None:  # noqa: A002 - its name
        return next((one for one in info.root_value.stylists if one.id == id), None)

    @strawberry.field
    def stylists(self, info: strawberry.Info[Any, Salon], ids: list[strawberry.ID]) -> list[Stylist]:
        return [one for one in info.root_value.stylists if one.id in ids]


def _availability(found: dict[str, Any]) -> Availability:
    return Availability(
        date=found["date"],
        timezone=found["timezone"],
        slots=[
            Slot(
                start_utc=slot["startUtc"],
                end_utc=slot["endUtc"],
                start_local=slot["startLocal"],
                end_local=slot["endLocal"],
                display=slot["display"],
                status=SlotStatus[slot["status"]],
                is_available=slot["isAvailable"],
                price_cents=slot["priceCents"],
            )
            for slot in found["slots"]
        ],
        cache=CacheInfo(
            hit=found["cache"]["hit"],
            source=CacheSource[found["cache"]["source"]],
            verified=found["cache"]["verified"],
            version=found["cache"]["version"],
            computed_at=found["cache"]["computedAt"],
            expires_at=found["cache"]["expiresAt"],
            age_seconds=found["cache"]["ageSeconds"],
        ),
    )


def _dates(from_: str, to: str) -> Iterator[str]:
    at, last = date.fromisoformat(from_), date.fromisoformat(to)
    while at <= last:
        yield at.isoformat()
        at += timedelta(1)


def application(file: Path, *, caches: bool) -> web.Application:
    """Strawberry's view as it is, but for the root value."""
    salon = Salon(file)
    schema = strawberry.Schema(
        Query,
        config=StrawberryConfig(scalar_map=SCALARS),
        extensions=[ParserCache, ValidationCache] if caches else [],
    )

    class View(GraphQLView[Any, Salon]):
        async def get_root_value(self, request: web.Request) -> Salon:
            return salon

    app = web.Application()
    app.router.add_route("*", "/graphql", View(schema))
    return app


if __name__ == "__main__":
    asyncio.run(peers.serve(application(Path(sys.argv[1]), caches="--caches" in sys.argv), "Stock Strawberry"))
