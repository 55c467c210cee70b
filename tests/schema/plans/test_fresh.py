"""An answer that is kept is served only while it is true (R14): whoever changes what it is made of, heard of or not, and time."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from db.pool import Database
from tests.conftest import Salon, away
from tests.schema.plans.conftest import claim, hold
from tests.schema.plans.twins import Asked, Twins
from tests.schema.plans.written import ASHA, CUT, DAY, NEXT, ROOT

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

SLOTS = Asked(
    "slots", f"{{ {ROOT} {{ freeCount slots {{ startUtc status priceCents }} cache {{ hit source verified }} }} }}"
)
HELD = Asked("held", f"{{ {ROOT} {{ slots {{ startUtc status heldByYou }} }} }}", who="tester")
NAMES = Asked("names", "{ stylists { name services { priceCents service { name } } } tenant { name } }")
BOOK = "mutation ($input: BookingCreateInput!) { bookingCreate(input: $input) { ... on Booking { id } } }"
CANCEL = "mutation ($id: ID!) { bookingCancel(bookingId: $id) { ... on Booking { id } } }"


@pytest.fixture(params=["heard", "unheard"])
def either(request: pytest.FixtureRequest, twins: Twins, deaf_twins: Twins) -> Twins:
    """Servers that hear of changes, and such that do not."""
    return twins if request.param == "heard" else deaf_twins


async def kept(twins: Twins, *all_: Asked) -> None:
    """Asks until the next answers will be kept ones, if nothing changes."""
    for asked in all_:
        for _ in range(4):
            await twins.plans(asked)
        before = twins.engine.counts["kept"]
        await twins.plans(asked)
        assert twins.engine.counts["kept"] == before + 1


async def answered(twins: Twins, asked: Asked) -> Any:
    """The first field of the next answer, which a plan gives."""
    before = twins.by_plans()
    found = json.loads((await twins.plans(asked)).body)
    assert twins.by_plans() > before
    return next(iter(found["data"].values()))


async def status(twins: Twins, start: str) -> str:
    """What the next answer has for a start."""
    found: str = next(slot["status"] for slot in (await answered(twins, SLOTS))["slots"] if slot["startUtc"] == start)
    return found


Book: TypeAlias = Callable[[str], Awaitable[str]]
Cancel: TypeAlias = Callable[[str], Awaitable[Any]]


@pytest.fixture(params=["this process", "another process", "another program"])
def writer(
    request: pytest.FixtureRequest, either: Twins, twins: Twins, deaf_twins: Twins, furnished: Salon, sql: Connection
) -> tuple[Book, Cancel]:
    """How somebody books and cancels: with the servers asked, with others of the same database, by raw SQL."""
    if request.param == "another program":
        return (
            lambda start: claim(sql, furnished, start),
            lambda id_: sql.execute("update bookings set status = 'CANCELLED' where id = $1::text::uuid", id_),
        )
    other = deaf_twins if either is twins else twins
    asked = either if request.param == "this process" else other

    async def write(query: str, variables: dict[str, Any]) -> str:
        answer = await asked.plans(Asked("a write", query, variables, who="tester"))
        (found,) = json.loads(answer.body)["data"].values()
        return str(found["id"])

    def book(start: str) -> Awaitable[str]:
        wanted = {"stylistId": ASHA, "serviceId": CUT, "startUtc": start, "customer": {"name": "Cleo"}}
        return write(BOOK, {"input": wanted})

    return book, lambda id_: write(CANCEL, {"id": id_})


async def test_the_very_next_answer_shows_a_booking_and_its_end(
    either: Twins, writer: tuple[Book, Cancel], furnished: Salon
) -> None:
    book, cancel = writer
    await kept(either, SLOTS)

    for start in (furnished.at(13), furnished.at(9), furnished.at(16, 30)):
        assert await status(either, start) == "AVAILABLE"
        id_ = await book(start)
        assert await status(either, start) == "BOOKED"
        assert not await either.differences_now(SLOTS)
        await cancel(id_)
        assert await status(either, start) == "AVAILABLE"


async def test_an_answer_is_found_in_the_database_once_after_a_change(
    either: Twins, furnished: Salon, sql: Connection
) -> None:
    await kept(either, SLOTS)
    await claim(sql, furnished, furnished.at(13))

    found = [(await answered(either, SLOTS))["cache"] for _ in range(3)]

    memory = {"hit": True, "source": "MEMORY", "verified": True}
    assert found[0] == {"hit": False, "source": "DATABASE", "verified": True}
    assert found[-1] == memory


async def test_a_hold_ends_at_its_instant_without_anybody_saying_so(
    either: Twins, furnished: Salon, sql: Connection
) -> None:
    id_ = await hold(sql, furnished, furnished.at(13), "session:tester", expires_in=timedelta(seconds=3))
    end = await sql.fetchval("select expires_at from bookings where id = $1::text::uuid", id_)
    await kept(either, SLOTS, HELD)
    seen = set()

    async def clock() -> datetime:
        now: datetime = await sql.fetchval("select clock_timestamp()")
        return now

    while (before := await clock()) < end + timedelta(milliseconds=100):
        one, own = await status(either, furnished.at(13)), await answered(either, HELD)
        (start,) = (slot for slot in own["slots"] if slot["startUtc"] == furnished.at(13))
        if before >= end:
            assert (one, start["status"], start["heldByYou"]) == ("AVAILABLE", "AVAILABLE", False)
        elif await clock() < end:
            assert (one, start["status"], start["heldByYou"]) == ("HELD", "HELD", True)
        seen.add(one)

    assert seen == {"HELD", "AVAILABLE"}


@pytest.mark.parametrize("notice", [0, 90])
async def test_a_start_that_passes_its_notice_cannot_be_booked_in_the_next_answer(
    later: list[timedelta], deaf_twins: Twins, furnished: Salon, sql: Connection, notice: int
) -> None:
    await sql.execute("update services set min_notice_minutes = $1", notice)
    passes = datetime.combine(DAY, time(13), UTC) - timedelta(minutes=notice)
    later[0] = passes - timedelta(minutes=2) - datetime.now(UTC)
    await kept(deaf_twins, SLOTS)
    assert await status(deaf_twins, furnished.at(13)) == "AVAILABLE"

    later[0] += timedelta(minutes=4)

    assert await status(deaf_twins, furnished.at(13)) == "UNAVAILABLE"
    assert await status(deaf_twins, furnished.at(13, 30)) == "AVAILABLE"
    assert not await deaf_twins.differences_now(SLOTS)


async def test_another_name_and_another_price_are_in_the_next_answer(
    either: Twins, furnished: Salon, sql: Connection
) -> None:
    await kept(either, NAMES, SLOTS)

    await sql.execute("update stylists set name = 'Aša' where name = 'Asha'")
    assert "Aša" in [one["name"] for one in await answered(either, NAMES)]
    assert not await either.differences_now(NAMES)

    await sql.execute(
        "update services set price_cents = 2500 where name = 'Cut'; update offerings set price_cents = null"
    )
    assert {slot["priceCents"] for slot in (await answered(either, SLOTS))["slots"]} == {2500}
    assert not await either.differences_now(NAMES)

    await sql.execute(
        "insert into price_rules (tenant_id, position, name, basis_points) select id, 1, 'Rush', 2000 from tenants"
    )
    assert {slot["priceCents"] for slot in (await answered(either, SLOTS))["slots"]} == {3000}
    assert not await either.differences_now(SLOTS)


async def test_tenants_and_holders_never_get_each_others_answers(
    twins: Twins, furnished: Salon, sql: Connection
) -> None:
    query = f"{{ tenant {{ slug }} {ROOT} {{ slots {{ startUtc status heldByYou }} }} }}"
    askers = [name for name in twins.who if name not in ("forger", "lost")]
    all_ = [Asked(f"by {name}", query, who=name) for name in askers] * 5
    await kept(twins, *all_)

    for start in (furnished.at(13), furnished.at(16)):
        await hold(sql, furnished, start, "session:tester")
        found = await asyncio.gather(*map(twins.plans, all_))
        expected = dict(zip(askers, [await twins.stock(one) for one in all_[: len(askers)]], strict=True))
        assert [one.body for one in found] == [expected[one.who].body for one in all_]

    assert len({one.body for one in expected.values()}) == 5  # who holds something, of two tenants, and who does not


async def test_a_tenant_that_is_renamed_is_not_found_by_its_name(
    either: Twins, furnished: Salon, sql: Connection
) -> None:
    asked = Asked("named", NAMES.query, who="tester of testers")
    await kept(either, asked)

    await sql.execute("update tenants set slug = 'renamed' where slug = 'testers'")

    assert b"NOT_FOUND" in (await either.plans(asked)).body
    assert not await either.differences_now(asked)


async def test_without_postgres_an_answer_says_that_it_is_not_verified(
    twins: Twins, furnished: Salon, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    two = "query ($a: Date!, $b: Date!) { a: ONE, date: $a) { freeCount } b: ONE, date: $b) { freeCount } }"
    two = two.replace("ONE", ROOT[: ROOT.index(", date")])
    await kept(twins, Asked("known", two, {"a": str(DAY), "b": str(NEXT)}))
    unknown = Asked("unknown", two, {"a": str(NEXT), "b": "2027-01-01"})
    await kept(twins, SLOTS)

    async with away(database):
        assert json.loads((await twins.plans(SLOTS)).body)["data"]["availableSlots"]["cache"]["verified"] is False
        assert not await twins.differences_now(SLOTS)
        assert not await twins.differences_now(unknown)

    assert (await answered(twins, SLOTS))["cache"]["verified"] is True
    gc.collect()  # what nobody awaits says so then
    assert not caplog.records
