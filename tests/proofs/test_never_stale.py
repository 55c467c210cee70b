"""R14: once a write has answered, every later VERIFIED read shows it, in another process too.

Another process is another App: its own cache, its own pool, and no listener, so that only the version check can save it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from cache.versioned import Freshness
from db.pool import Database, PoolSettings
from domain.model import BookingStatus, SlotStatus
from resolvers import app as wiring
from resolvers import availability, bookings
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

PAIRS = 10_000 if "CHAIRTIME_SOAK" in os.environ else 400
WRITERS = 8
CALLER = Caller(holder="session:prover")


@pytest.fixture
async def elsewhere(database_url: str) -> AsyncIterator[App]:
    """A process that hears nothing."""
    database = await Database.open(database_url, PoolSettings())
    yield wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    await database.close()


async def test_what_was_written_is_in_the_next_verified_read_elsewhere(app: App, elsewhere: App, salon: Any) -> None:
    """Eight writers book and cancel, four on each of two stylists' same days; each then reads its own start elsewhere."""
    stale: list[str] = []
    done = asyncio.Event()

    async def write_and_read(number: int) -> None:
        stylist = (salon.asha, salon.bina)[number % 2]
        starts_at = datetime.fromisoformat(salon.at(9 + number // 4, number // 2 % 2 * 30)).astimezone(UTC)
        for _ in range(PAIRS // WRITERS // 2):
            context = await Context.open(app, CALLER)
            await context.renew()
            start = Start(stylist, salon.cut, starts_at)
            claim = await bookings.create(context, start, Contact("Ann"), None, Request("bookingCreate", {}))
            if await status(elsewhere, stylist, salon, starts_at) is not SlotStatus.BOOKED:
                stale.append(f"{starts_at} offered after it was booked")
            cancel = Request("bookingCancel", {}, claim.id)
            await bookings.end(context, BookingStatus.CANCELLED, None, cancel)
            if await status(elsewhere, stylist, salon, starts_at) is not SlotStatus.AVAILABLE:
                stale.append(f"{starts_at} not offered after it was cancelled")

    async def read_along() -> int:
        count = 0
        while not done.is_set():
            await status(elsewhere, salon.asha, salon, datetime.fromisoformat(salon.at(9)).astimezone(UTC))
            count += 1
        return count

    readers = [asyncio.create_task(read_along()) for _ in range(4)]
    await asyncio.gather(*(write_and_read(number) for number in range(WRITERS)))
    done.set()
    others = sum(await asyncio.gather(*readers))

    print(
        f"\n{PAIRS:,} write-then-read pairs, {others:,} other reads: {len(stale)} stale; {dict(elsewhere.days.counts)}"
    )
    assert stale == []
    assert elsewhere.days.counts["stale"] > PAIRS // 20  # the cache was really in play


async def status(app: App, stylist: str, salon: Any, starts_at: datetime) -> SlotStatus:
    """How a start looks to a process."""
    context = await Context.open(app, CALLER)
    day: date = salon.day
    (found,) = await availability.of_stylist(
        context, stylist_id=stylist, service_id=salon.cut, dates=[day], zone=None, freshness=Freshness.VERIFIED
    )
    assert all(reading.verified for reading in found.readings)
    return next(slot.status for slot in found.slots if slot.starts_at == starts_at)
