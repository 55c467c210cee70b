"""What is asked for often is ready again before the next asker; the next days are; and a night is done once, by one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cache.keys import DayKey
from cache.stores import Redis
from cache.versioned import Freshness, Source
from db import ahead
from domain.errors import BadRequest
from resolvers import app as wiring
from resolvers import nightly
from resolvers.app import App, Limits
from resolvers.budget import SHARE
from resolvers.chores import Chores
from resolvers.context import Caller, Context, Role
from resolvers.warming import Warming

if TYPE_CHECKING:
    import asyncpg

    from db.pool import Database
    from tests.conftest import Client, RedisServer, Salon

WAIT_S = 10
DAYS = 14
FREE = """query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) { freeCount cache { hit } }
}"""
BOOKED = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
select tenant_id, $1, $2, home_location_id, 'CONFIRMED', $3::timestamptz, $3 + interval '30 minutes',
       tstzrange($3, $3 + interval '30 minutes'), 0
  from stylists where id = $1
"""


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not is_so():
            await asyncio.sleep(0.005)


def key_of(salon: Salon, days: int = 0) -> DayKey:
    return DayKey(salon.tenant, salon.asha, salon.day + timedelta(days))


async def read(app: App, key: DayKey) -> bool:
    """Whether it was a hit."""
    readings, _ = await app.days.read([key], Freshness.VERIFIED)
    return readings[key].hit


async def book(sql: asyncpg.Connection[asyncpg.Record], salon: Salon, hour: int, days: int = 0) -> None:
    """As another program would."""
    at = datetime.fromisoformat(salon.at(hour, days=days))
    await sql.execute(BOOKED, salon.asha, salon.cut, at)


@asynccontextmanager
async def sharing(database: Database, redis_server: RedisServer) -> AsyncIterator[App]:
    """A process with a patient Redis."""
    app = wiring.build(
        database,
        default_tenant="",
        limits=Limits(),
        entries_max=50_000,
        ttl=timedelta(minutes=15),
        redis=Redis(redis_server.url, timeout_s=1.0),
        lineage="tests",
    )
    yield app
    await app.close()


async def test_the_second_reader_after_a_booking_finds_a_hit(
    app: App, client: Client, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Even the first does: it was ready before they came."""
    asked = {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day)}
    async with Warming(app, 0).running():
        for _ in range(6):  # the last ones are answered by the door, which the demand must see too
            await client.data(FREE, asked)
        misses = app.days.counts["miss"]
        hits = []
        for hour in (9, 10, 11, 13, 14):
            prepared = app.prepared["changed", "database"]
            await book(sql, salon, hour)
            await until(lambda before=prepared: app.prepared["changed", "database"] > before)  # type: ignore[misc]
            hits += [(await client.data(FREE, asked))["availableSlots"]["cache"]["hit"] for _ in range(2)]

    assert hits == [True] * 10
    assert app.days.counts["miss"] == misses


async def test_what_nobody_asks_for_is_not_prepared_again(
    app: App, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    async with Warming(app, 0).running():
        await read(app, key_of(salon))
        await book(sql, salon, 9)
        await until(lambda: not len(app.days))
        app.demand.add([key_of(salon, 1)], 10)
        await read(app, key_of(salon, 1))
        await book(sql, salon, 9, days=1)
        await until(lambda: app.prepared["changed", "database"] == 1)

    assert await app.days.peek(key_of(salon)) is None
    assert await app.days.peek(key_of(salon, 1)) is not None


async def test_hits_of_the_fast_path_count_as_demand(app: App, client: Client, salon: Salon) -> None:
    asked = {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day)}
    for _ in range(40):
        await client.data(FREE, asked)
    app.demand.count()

    assert app.demand.of(key_of(salon)) == pytest.approx(40, rel=0.1)


async def test_a_storm_of_changes_costs_a_tenth_of_the_time_and_one_connection(
    app: App, database: Database, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    keys = [key_of(salon, days) for days in range(30)]
    app.demand.add(keys, 1_000)
    used = []
    loop = asyncio.get_running_loop()
    async with Warming(app, 0).running():
        began = loop.time()
        while loop.time() - began < 2:
            for key in keys:
                app.days.drop(key)
            used.append(database.connections[0])
            await asyncio.sleep(0.001)
        took = loop.time() - began

    assert app.prepared["changed", "database"] > 30
    assert app.budget.spent_s < SHARE * took + 0.2
    assert max(used) <= 2


async def test_all_next_days_are_ready_soon_after_the_start(app: App, salon: Salon) -> None:
    async with Warming(app, DAYS).running():
        await until(lambda: app.warmth.days > 0)

    today = app.clock.now().date()
    assert (app.warmth.days, app.warmth.ready) == (2 * DAYS, 2 * DAYS)
    for stylist in (salon.asha, salon.bina):
        assert await read(app, DayKey(salon.tenant, stylist, today + timedelta(DAYS - 2)))


async def test_another_process_finds_what_the_night_prepared_in_redis(
    database: Database, redis_server: RedisServer, salon: Salon
) -> None:
    async with sharing(database, redis_server) as one, sharing(database, redis_server) as other:
        await night(one, database)
        assert one.redis is not None
        await one.redis.idle()
        await Warming(other, DAYS).fill()

        assert one.prepared == {("night", "database"): 2 * DAYS}
        assert other.prepared == {("ahead", "redis"): 2 * DAYS}
        assert (other.warmth.days, other.warmth.ready) == (2 * DAYS, 2 * DAYS)
        assert other.days.counts["recalled"] == other.days.counts["miss"] == 0


async def test_while_one_process_has_the_night_others_leave_it_to_it(
    database: Database, redis_server: RedisServer, salon: Salon
) -> None:
    async with sharing(database, redis_server) as other:
        await Warming(other, DAYS).fill()

        assert other.prepared == {}


async def night(app: App, database: Database, steps: int = 100) -> int:
    """Steps until nothing is due; how many."""
    chores = Chores(database, [nightly.chore(app, DAYS)])
    for done in range(steps):
        if await chores.step(chores.chores[0]) is None:
            return done
    return steps


async def of_night(sql: asyncpg.Connection[asyncpg.Record]) -> Any:
    return await sql.fetchrow("select on_date, after_id, days_prepared, finished_at from nights")


async def test_a_night_is_done_once_and_again_after_the_next_two_o_clock(
    app: App, database: Database, salon: Salon, sql: asyncpg.Connection[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    await sql.execute("update tenants set timezone = 'Asia/Kathmandu'")  # UTC+5:45: 02:00 is 20:15Z
    clock = {"now": datetime(2030, 1, 16, 20, 14, tzinfo=UTC)}
    monkeypatch.setattr(app.clock, "now", lambda: clock["now"])

    assert await night(app, database) > 0
    assert (await of_night(sql))["on_date"] == date(2030, 1, 16)
    assert await night(app, database) == 0

    clock["now"] += timedelta(minutes=1)

    assert await night(app, database) > 0
    found = await of_night(sql)
    assert (found["on_date"], found["days_prepared"], found["finished_at"] is None) == (
        date(2030, 1, 17),
        2 * DAYS,
        False,
    )
    assert await night(app, database) == 0


async def test_a_night_goes_on_where_another_process_left_it(
    app: App, database: Database, salon: Salon, sql: asyncpg.Connection[asyncpg.Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nightly.preparing, "BATCH_MAX", DAYS)  # a stylist at a time
    await night(app, database, steps=1)
    left = await of_night(sql)
    before = app.prepared["night", "database"]
    await night(app, database)

    assert (str(left["after_id"]), left["days_prepared"], before) == (salon.asha, DAYS, DAYS)
    assert app.prepared["night", "database"] == 2 * DAYS
    assert (await of_night(sql))["finished_at"] is not None


async def test_one_process_has_the_night_at_a_time(app: App, database: Database, salon: Salon) -> None:
    held, enough = asyncio.Event(), asyncio.Event()
    chore = nightly.chore(app, DAYS)
    chores = Chores(database, [chore])

    async def other(connection: Any) -> None:
        await connection.execute("select pg_advisory_xact_lock(3217, hashtext($1))", chore.name)
        held.set()
        await enough.wait()

    holder = asyncio.create_task(database.transact(None, other))
    await held.wait()
    assert await chores.step(chore) is None
    assert app.prepared == {}
    enough.set()
    await holder

    assert await chores.step(chore) == 0.0


async def test_a_night_clears_away_what_has_had_its_time(
    app: App, database: Database, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    old, tenant = app.clock.now().date() - timedelta(200), salon.tenant
    await sql.execute(
        "insert into idempotency_keys (tenant_id, owner, mutation, key, input_hash, created_at)"
        " select $1, 'session:one', 'holdPlace', n::text, '', now() - n * interval '1 hour' from generate_series(1, 1200) n",
        tenant,
    )
    for expired in ("2 hours", "-2 hours"):
        await sql.execute(
            "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, holder, expires_at, starts_at,"
            " ends_at, occupied, price_cents) select tenant_id, id, $2, home_location_id, 'HELD', 'session:one',"
            f" now() - interval '{expired}', x.at, x.at + interval '30 minutes',"
            " tstzrange(x.at, x.at + interval '30 minutes'), 0"
            f" from stylists, (select $3::timestamptz + interval '{expired}' as at) x where id = $1",
            salon.asha,
            salon.cut,
            datetime.fromisoformat(salon.at(12)),
        )
    await sql.execute(
        "insert into day_versions select $1, $2, $3::date + n, 7 from generate_series(1, 40) n", tenant, salon.asha, old
    )
    await sql.execute(
        "insert into day_versions select $1, $2, $3::date + n, 7 from generate_series(1, 5) n", tenant, salon.bina, old
    )
    key = DayKey(tenant, salon.asha, old + timedelta(3))
    before = (await app.days.load(key)).entry.version

    await night(app, database)

    after = (await app.days.load(key)).entry.version
    assert await sql.fetchval("select count(*) from idempotency_keys") == 23
    assert await sql.fetch("select status, count(*) from bookings group by 1 order by 1") == [
        ("HELD", 1),
        ("RELEASED", 1),
    ]
    assert await sql.fetch(
        "select stylist_id::text, count(*) from day_versions where on_date < $1 group by 1", old + timedelta(100)
    ) == [(salon.bina, 5)]
    assert (before.day, after.day) == (7, 0)
    assert after > before  # compared number by number


async def test_recalculating_is_at_once_and_from_the_facts(
    app: App, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    key = key_of(salon)
    await read(app, key)
    entry = await app.days.peek(key)
    context = await Context.open(app, Caller(role=Role.SERVICE))

    found = await nightly.recalculate(context, [salon.asha], [salon.day, salon.day + timedelta(1)])

    assert found.days == 2
    assert await app.days.peek(key) is not entry
    with pytest.raises(BadRequest, match="no stylist"):
        await nightly.recalculate(context, [salon.cut], [salon.day])


async def test_the_weekday_suggests_what_was_asked_for_on_it(app: App, database: Database, salon: Salon) -> None:
    monday = datetime(2030, 1, 14, 9, tzinfo=UTC)
    for week in range(2):
        async with database.transaction(salon.tenant) as connection:
            at = monday + timedelta(weeks=week)
            asked = {(salon.asha, at.date() + timedelta(40)): 10, (salon.bina, at.date() + timedelta(1)): 3}
            await ahead.remember(connection, salon.tenant, at, asked)

    async with database.transaction(salon.tenant) as connection:
        next_monday, tuesday = monday.date() + timedelta(14), monday.date() + timedelta(15)
        found = await ahead.suggested(connection, salon.tenant, next_monday, 10)
        other = await ahead.suggested(connection, salon.tenant, tuesday, 10)

    assert found == [(salon.asha, next_monday + timedelta(40)), (salon.bina, next_monday + timedelta(1))]
    assert other == []


async def test_what_was_asked_for_today_is_told_and_then_prepared(
    app: App, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> None:
    far = DayKey(salon.tenant, salon.bina, app.clock.now().date() + timedelta(50))
    app.demand.add([far], 20)
    warming = Warming(app, 0)
    await warming.remember()
    await warming.fill()

    assert await sql.fetchval("select count(*) from asked") == 1
    assert await app.days.peek(far) is not None


async def test_what_is_prepared_is_no_hit_and_no_miss(app: App, salon: Salon) -> None:
    found = await app.days.prepare([key_of(salon)], timedelta(hours=1))

    assert found == {Source.DATABASE: 1}
    assert (app.days.counts["hit"], app.days.counts["miss"]) == (0, 0)
    assert await app.days.prepare([key_of(salon)], timedelta(hours=1)) == {}
    assert await app.days.prepare([key_of(salon)], timedelta(hours=3), least=timedelta(hours=2)) == {Source.DATABASE: 1}
