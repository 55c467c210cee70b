"""R14: once a write has answered, every later VERIFIED read shows it, in another process too.

Another process is another App: its own cache, its own pool, and no listener, so that only the version check can save it.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cache.versioned import Freshness
from db.pool import Database, PoolSettings
from domain.model import BookingStatus, Slot, SlotStatus
from resolvers import app as wiring
from resolvers import availability, bookings
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

if TYPE_CHECKING:
    from tests.conftest import Salon

PAIRS = 10_000 if "CHAIRTIME_SOAK" in os.environ else 500
BOOKERS, OTHERS = 8, 4
ROUNDS = PAIRS // (BOOKERS + OTHERS) // 2  # of two pairs each
CALLER = Caller(holder="session:prover")
TIME_OFF = "insert into time_off (tenant_id, stylist_id, starts_at, ends_at) values ($1, $2, $3, $4)"
TIME_ON = "delete from time_off where tenant_id = $1 and stylist_id = $2 and starts_at = $3"
REPRICE = "update offerings set price_cents = $3 where tenant_id = $1 and stylist_id = $2"


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[App]:
    """A process that hears nothing."""
    database = await Database.open(database_url, PoolSettings())
    yield wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    await database.close()


class Proof:
    """Writers in one process and in raw SQL, who each read in another process what they have just written."""

    def __init__(self, here: App, elsewhere: App, salon: Salon) -> None:
        self.here = here
        self.elsewhere = elsewhere
        self.salon = salon
        self.pairs: Counter[str] = Counter()
        self.stale: list[str] = []

    async def book_and_cancel(self, number: int) -> None:
        """Through the server's own writes: four starts of each stylist's same day, each one writer's."""
        stylist, starts_at = self.place(number, hour=9)
        for _ in range(ROUNDS):
            context = await Context.open(self.here, CALLER)
            await context.renew()
            start = Start(stylist, self.salon.cut, starts_at)
            claim = await bookings.create(context, start, Contact("Ann"), None, Request("bookingCreate", {}))
            await self.sees(stylist, starts_at, "booking", SlotStatus.BOOKED)
            cancel = Request("bookingCancel", {}, claim.id)
            await bookings.end(context, BookingStatus.CANCELLED, None, cancel)
            await self.sees(stylist, starts_at, "cancellation", SlotStatus.AVAILABLE)

    async def take_time_off(self, number: int) -> None:
        """Raw SQL that touches the days of its span."""
        stylist, starts_at = self.place(number, hour=14)
        for _ in range(ROUNDS):
            key = (self.salon.tenant, stylist, starts_at)
            await self.sql(TIME_OFF, *key, starts_at + timedelta(minutes=30))
            await self.sees(stylist, starts_at, "raw time off", SlotStatus.UNAVAILABLE)
            await self.sql(TIME_ON, *key)
            await self.sees(stylist, starts_at, "raw time on", SlotStatus.AVAILABLE)

    async def reprice(self, number: int) -> None:
        """Raw SQL that touches every day of the stylist."""
        stylist, starts_at = self.place(number, hour=15)
        for price_cents in range(1_000, 1_000 + 2 * ROUNDS):
            await self.sql(REPRICE, self.salon.tenant, stylist, price_cents)
            await self.sees(stylist, starts_at, "raw price", price_cents)

    async def read_along(self, done: asyncio.Event) -> None:
        """Reads of others, whose loads and checks are always in flight."""
        while not done.is_set():
            await self.read(self.salon.asha, self.place(0, hour=9)[1])
            self.pairs["other reads"] += 1

    async def sees(self, stylist: str, starts_at: datetime, what: str, expected: SlotStatus | int) -> None:
        slot = await self.read(stylist, starts_at)
        self.pairs[what] += 1
        if expected not in (slot.status, slot.price_cents):
            self.stale.append(f"{what} of {starts_at}: {slot}")

    async def read(self, stylist: str, starts_at: datetime) -> Slot:
        """A start as the other process answers it, verified."""
        context = await Context.open(self.elsewhere, CALLER)
        asked: dict[str, Any] = {"stylist_id": stylist, "service_id": self.salon.cut, "dates": [self.salon.day]}
        (found,) = await availability.of_stylist(context, **asked, zone=None, freshness=Freshness.VERIFIED)
        assert all(reading.verified for reading in found.readings)
        return next(slot for slot in found.slots if slot.starts_at == starts_at)

    async def sql(self, statement: str, *values: object) -> None:
        async with self.here.database.connection() as connection:
            await connection.execute(statement, *values)

    def place(self, number: int, *, hour: int) -> tuple[str, datetime]:
        """A stylist and a start that are one writer's own."""
        at = datetime.fromisoformat(self.salon.at(hour + number // 4, number // 2 % 2 * 30)).astimezone(UTC)
        return (self.salon.asha, self.salon.bina)[number % 2], at


async def test_what_was_written_is_in_the_next_verified_read_elsewhere(app: App, elsewhere: App, salon: Salon) -> None:
    proof, done = Proof(app, elsewhere, salon), asyncio.Event()
    readers = [asyncio.create_task(proof.read_along(done)) for _ in range(4)]
    writers: list[Awaitable[None]] = [proof.book_and_cancel(number) for number in range(BOOKERS)]
    writers += [proof.take_time_off(number) for number in range(2)] + [proof.reprice(number) for number in range(2)]

    await asyncio.gather(*writers)
    done.set()
    await asyncio.gather(*readers)

    counts = elsewhere.days.counts
    print(f"\nwrite-then-read pairs {dict(proof.pairs)}: {len(proof.stale)} stale; the cache: {dict(counts)}")
    assert not proof.stale, proof.stale[:10]
    assert counts["stale"] > PAIRS // 20  # the cache was really in play
