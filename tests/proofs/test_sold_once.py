"""Nothing sold twice: many callers want the same starts at once, through the server."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import asyncpg
import pytest

FULL = "CHAIRTIME_SOAK" in os.environ
STARTS, CALLERS = (100, 50) if FULL else (20, 10)
AT_ONCE = 50

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


@pytest.mark.parametrize(("mutation", "status"), [(CREATE, "CONFIRMED"), (HOLD, "HELD")], ids=["bookings", "holds"])
async def test_each_start_is_had_by_exactly_one_of_all_who_want_it(
    mutation: str, status: str, client: Any, salon: Any, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
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

    answers = Counter(await asyncio.gather(*(attempt(*start, caller) for caller in range(CALLERS) for start in starts)))

    print(f"\n{STARTS} starts, {CALLERS} callers each, {AT_ONCE} at once: {dict(answers)}")
    won = "Booking" if status == "CONFIRMED" else "Hold"
    assert answers == {won: STARTS, "SlotTaken": STARTS * (CALLERS - 1)}
    assert await sql.fetchval("select count(*) from bookings where status = $1", status) == STARTS
    assert await sql.fetchval(OVERLAPS) == 0
    assert await sql.fetchval("select deadlocks from pg_stat_database where datname = current_database()") == 0


async def test_cross_moves_of_two_stylists_never_deadlock(
    client: Any, salon: Any, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
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
    assert await sql.fetchval("select deadlocks from pg_stat_database where datname = current_database()") == 0
