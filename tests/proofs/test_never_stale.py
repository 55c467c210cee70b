"""R14: once a write has answered, every later VERIFIED read shows it, in another process too.

Another process is another App: its own cache, its own pool, and no listener, so that only the version check can save it.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cache.stores import Redis
from cache.versioned import Freshness
from db.pool import Connection, Database, PoolSettings
from domain.model import BookingStatus, Slot, SlotStatus
from resolvers import app as wiring
from resolvers import availability, bookings
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

if TYPE_CHECKING:
    from tests.conftest import RedisServer, Salon

PAIRS = 10_000 if "CHAIRTIME_SOAK" in os.environ else 500
WRITERS = 12
ROUNDS = PAIRS // WRITERS // 2 + 1  # of two pairs each
TURNS_MAX = 100  # of the event loop, in which others write and read
CALLER = Caller(holder="session:prover")
TIME_OFF = "insert into time_off (tenant_id, stylist_id, starts_at, ends_at) values ($1, $2, $3, $4)"
TIME_ON = "delete from time_off where tenant_id = $1 and stylist_id = $2 and starts_at = $3"
REPRICE = "update offerings set price_cents = $3 where tenant_id = $1 and stylist_id = $2"
CLEO = "33333333-0000-4000-8000-000000000003"
MAKE_CLEO = f"""
insert into stylists (tenant_id, id, name, home_location_id)
select tenant_id, '{CLEO}', 'Cleo', home_location_id from stylists where id = $1;
insert into offerings (tenant_id, stylist_id, service_id)
select tenant_id, '{CLEO}', service_id from offerings where stylist_id = $1;
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
select tenant_id, '{CLEO}', location_id, weekday, starts_minute, ends_minute from schedule_hours where stylist_id = $1;
"""


class FarAway(Database):
    """A database whose answers dawdle on their way, so that they are often old when they arrive."""

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        async with super().connection() as connection:
            yield connection
        for _ in range(random.randrange(TURNS_MAX)):
            await asyncio.sleep(0)


@pytest.fixture(params=[1, 2], ids=["one process", "two that share Redis"])
async def elsewhere(
    request: pytest.FixtureRequest, database_url: str, redis_server: RedisServer
) -> AsyncIterator[list[App]]:
    """Processes that hear nothing."""
    database = await FarAway.open(database_url, PoolSettings())
    limits, ttl = Limits(), timedelta(minutes=15)
    apps = [
        wiring.build(
            database,
            default_tenant="",
            limits=limits,
            entries_max=50_000,
            ttl=ttl,
            redis=Redis(redis_server.url, timeout_s=0.5) if request.param > 1 else None,
        )
        for _ in range(request.param)
    ]
    yield apps
    for app in apps:
        await app.close()
    await database.close()


class Proof:
    """Writers in one process and in raw SQL, who each read in another process what they have just written."""

    def __init__(self, here: App, elsewhere: list[App], salon: Salon) -> None:
        self.here = here
        self.elsewhere = elsewhere
        self.salon = salon
        self.pairs: Counter[str] = Counter()
        self.stale: list[str] = []

    async def book_and_cancel(self, stylist: str, starts_at: datetime) -> None:
        """Through the server's own writes."""
        for _ in range(ROUNDS):
            context = await Context.open(self.here, CALLER)
            await context.renew()
            start = Start((stylist,), self.salon.cut, starts_at)
            claim = await bookings.create(context, start, Contact("Ann"), None, Request("bookingCreate", {}))
            await self.sees(stylist, starts_at, "booking", SlotStatus.BOOKED)
            cancel = Request("bookingCancel", {}, claim.id)
            await bookings.end(context, BookingStatus.CANCELLED, None, cancel)
            await self.sees(stylist, starts_at, "cancellation", SlotStatus.AVAILABLE)

    async def take_time_off(self, stylist: str, starts_at: datetime) -> None:
        """Raw SQL that touches the days of its span."""
        for _ in range(ROUNDS):
            key = (self.salon.tenant, stylist, starts_at)
            await self.sql(TIME_OFF, *key, starts_at + timedelta(minutes=30))
            await self.sees(stylist, starts_at, "raw time off", SlotStatus.UNAVAILABLE)
            await self.sql(TIME_ON, *key)
            await self.sees(stylist, starts_at, "raw time on", SlotStatus.AVAILABLE)

    async def reprice(self, stylist: str, starts_at: datetime) -> None:
        """Raw SQL that touches every day of the stylist."""
        for price_cents in range(1_000, 1_000 + 2 * ROUNDS):
            await self.sql(REPRICE, self.salon.tenant, stylist, price_cents)
            await self.sees(stylist, starts_at, "raw price", price_cents)

    async def read_along(self, stylist: str, starts_at: datetime, done: asyncio.Event) -> None:
        """Reads of others, whose loads and checks are always in flight."""
        while not done.is_set():
            await self.read(stylist, starts_at)
            self.pairs["other reads"] += 1

    async def sees(self, stylist: str, starts_at: datetime, what: str, expected: SlotStatus | int) -> None:
        slot = await self.read(stylist, starts_at)
        self.pairs[what] += 1
        if expected not in (slot.status, slot.price_cents):
            self.stale.append(f"{what} of {starts_at}: {slot}")

    async def read(self, stylist: str, starts_at: datetime) -> Slot:
        """A start as another process answers it, verified."""
        context = await Context.open(random.choice(self.elsewhere), CALLER)
        asked: dict[str, Any] = {"stylist_id": stylist, "service_id": self.salon.cut, "dates": [self.salon.day]}
        (found,) = await availability.of_stylist(context, **asked, zone=None, freshness=Freshness.VERIFIED)
        assert all(reading.verified for reading in found.readings)
        return next(slot for slot in found.slots if slot.starts_at == starts_at)

    async def sql(self, statement: str, *values: object) -> None:
        async with self.here.database.transaction(self.salon.tenant) as connection:
            await connection.execute(statement, *values)


async def test_what_was_written_is_in_the_next_verified_read_elsewhere(
    app: App, elsewhere: list[App], salon: Salon, sql: Any
) -> None:
    """Every writer has a start of its own, on three stylists' same day."""
    await sql.execute(MAKE_CLEO.replace("$1", f"'{salon.bina}'"))
    proof, done = Proof(app, elsewhere, salon), asyncio.Event()
    day = [datetime.fromisoformat(salon.at(9)).astimezone(UTC) + timedelta(minutes=30 * n) for n in range(16)]
    readers = [asyncio.create_task(proof.read_along(one, day[0], done)) for one in (salon.asha, salon.bina, CLEO) * 2]

    await asyncio.gather(
        *(proof.book_and_cancel(one, start) for one in (salon.asha, salon.bina) for start in day[:4]),
        *(proof.take_time_off(one, day[10]) for one in (salon.bina, CLEO)),
        proof.book_and_cancel(CLEO, day[0]),
        proof.reprice(CLEO, day[11]),
    )
    done.set()
    await asyncio.gather(*readers)

    counts = sum((one.days.counts for one in elsewhere), Counter())
    print(f"\nwrite-then-read pairs {dict(proof.pairs)}: {len(proof.stale)} stale; the cache: {dict(counts)}")
    assert not proof.stale, proof.stale[:10]
    assert counts["stale"] > PAIRS // 20  # the cache was really in play
    assert len(elsewhere) == 1 or counts["redis_hit"] > PAIRS // 20
