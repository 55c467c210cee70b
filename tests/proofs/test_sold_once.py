"""Nothing sold twice: many callers want the same starts at once, through the server."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from resolvers.app import App

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FULL = "CHAIRTIME_SOAK" in os.environ
STARTS, CALLERS = (100, 50) if FULL else (20, 10)
AT_ONCE = 100

CREATE = """
mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  answer: bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) {
    __typename ... on Booking { id } ... on SlotTaken { nearest { startUtc } }
  }
}
"""
HOLD = """
mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  answer: holdPlace(input: {stylistId: $stylist, serviceId: $service, startUtc: $start}) { __typename ... on Hold { id } }
}
"""
OVERLAPS = """
select count(*) from bookings a join bookings b
    on a.tenant_id = b.tenant_id and a.stylist_id = b.stylist_id and a.id < b.id and a.occupied && b.occupied
 where a.status in ('HELD', 'CONFIRMED') and b.status in ('HELD', 'CONFIRMED')
"""
SESSIONS = """
select count(*) from pg_stat_activity where datname = current_database() and application_name = 'chairtime'
"""


@pytest.mark.parametrize(("mutation", "status"), [(CREATE, "CONFIRMED"), (HOLD, "HELD")], ids=["bookings", "holds"])
async def test_each_start_is_had_by_exactly_one_of_all_who_want_it(
    mutation: str, status: str, app: App, client: Any, salon: Any, sql: Connection
) -> None:
    """All who want one start ask at once, and those who want the next one, so that every claim has rivals in flight."""
    starts = [
        (stylist, salon.at(9 + n // 2, n % 2 * 30, days=day))
        for day in range(STARTS)
        for stylist in (salon.asha, salon.bina)
        for n in range(6)
    ][:STARTS]
    gate = asyncio.Semaphore(AT_ONCE)

    async def attempt(stylist: str, start: str, caller: int) -> str:
        async with gate:
            asked = {"stylist": stylist, "service": salon.cut, "start": start}
            answer = await client.data(mutation, asked, session=f"caller-{caller}")
        name: str = answer["answer"]["__typename"]
        return name

    began = time.perf_counter()
    answers = Counter(await asyncio.gather(*(attempt(*start, caller) for start in starts for caller in range(CALLERS))))
    seconds = time.perf_counter() - began

    died = await deadlocks(app, sql)
    print(
        f"\n{STARTS} starts, {CALLERS} callers each, {AT_ONCE} at once: {dict(answers)}, {died} deadlocks, "
        f"{STARTS * CALLERS / seconds:.0f} a second"
    )
    won = "Booking" if status == "CONFIRMED" else "Hold"
    assert answers == {won: STARTS, "SlotTaken": STARTS * (CALLERS - 1)}
    assert await sql.fetchval("select count(*) from bookings where status = $1", status) == STARTS
    assert await sql.fetchval(OVERLAPS) == 0
    assert died == 0


async def deadlocks(app: App, sql: Connection) -> int:
    """How many this test's database has seen. Sessions tell when they end, so the server's are ended first."""
    await app.database.close()
    async with asyncio.timeout(10):
        while await sql.fetchval(SESSIONS) > 1:  # the listening one stays
            await asyncio.sleep(0)
    count: int = await sql.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
    return count


async def test_cross_moves_of_two_stylists_never_deadlock(app: App, client: Any, salon: Any, sql: Connection) -> None:
    booked = []
    for number, stylist in enumerate((salon.asha, salon.bina) * 4):
        asked = {"stylist": stylist, "service": salon.cut, "start": salon.at(9 + number // 4, number // 2 % 2 * 30)}
        booked.append((await client.data(CREATE, asked))["answer"]["id"])
    move = """
    mutation ($id: ID!, $stylist: ID!, $start: DateTime!) {
      bookingReschedule(input: {bookingId: $id, stylistId: $stylist, startUtc: $start}) { __typename }
    }
    """

    gate = asyncio.Semaphore(8)

    async def attempt(asked: dict[str, str]) -> Any:
        async with gate:
            return await client.data(move, asked)

    answers = await asyncio.gather(
        *(
            attempt({"id": id_, "stylist": stylist, "start": salon.at(9 + n % 7, n % 2 * 30, days=n % 2)})
            for n, id_ in enumerate(booked * 5)
            for stylist in ((salon.bina, salon.asha) if n % 2 else (salon.asha, salon.bina))
        )
    )

    assert {answer["bookingReschedule"]["__typename"] for answer in answers} <= {
        "Booking",
        "SlotTaken",
        "SlotNotOffered",
    }
    assert await sql.fetchval(OVERLAPS) == 0
    assert await deadlocks(app, sql) == 0
