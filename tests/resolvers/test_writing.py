"""How anything is written: all of it or nothing, once a key, again when Postgres asks for it, audited, and then let go of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from cache.keys import DayKey
from db import bookings as claims
from db.pool import TRANSACTION_TRIES, Again, Connection, Database
from domain.errors import AlreadyEnded, BadRequest, IdempotencyConflict, NotFound, Unavailable
from domain.model import BookingStatus, Claim, Customer
from resolvers import app as wiring
from resolvers import writing
from resolvers.app import App, Limits
from resolvers.context import Caller, Context
from resolvers.writing import Request

if TYPE_CHECKING:
    from tests.conftest import Salon

INSTANT = datetime(2026, 12, 15, 4, 15, 0, 123456, tzinfo=UTC)
BOOKED = Claim(
    id="44444444-0000-4000-8000-000000000001",
    stylist_id="33333333-0000-4000-8000-000000000001",
    service_id="22222222-0000-4000-8000-000000000001",
    location_id="11111111-0000-4000-8000-000000000001",
    status=BookingStatus.CONFIRMED,
    starts_at=INSTANT,
    ends_at=INSTANT + timedelta(minutes=30),
    price_cents=150_000,
    holder="session:cleo",
    expires_at=INSTANT - timedelta(days=1),
    created_at=INSTANT - timedelta(days=2),
    ended_at=None,
    customer=Customer("55555555-0000-4000-8000-000000000001", "आशा 🪒", "a@b.cd", None),
    notes='"quoted"',
)
AUDIT = "select action, outcome from audit_log order by id"

Work = Callable[[Connection], Awaitable[Claim]]


@pytest.fixture
def app(database: Database) -> App:
    """The parts of a server that hears of no changes: what it knows of its own writes it knows by itself."""
    return wiring.build(database, default_tenant="", limits=Limits(), entries_max=1000, ttl=timedelta(minutes=15))


@pytest.fixture
async def context(app: App, salon: Salon) -> Context:
    """A session's operation."""
    return await Context.open(app, Caller(holder="session:cleo"))


def holding(context: Context, salon: Salon, hour: int = 9) -> Work:
    """Work that takes Asha's time, whether it is free or not, and keeps no order."""

    async def work(connection: Connection) -> Claim:
        starts_at = datetime.fromisoformat(salon.at(hour))
        found = await connection.fetchval(
            "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
            " price_cents) values ($1, $2, $3, $4, 'CONFIRMED', $5, $6, tstzrange($5, $6), 1) returning id::text",
            *(salon.tenant, salon.asha, salon.cut, salon.location, starts_at, starts_at + timedelta(minutes=30)),
        )
        claim = await claims.get(connection, salon.tenant, found)
        assert claim
        return claim

    return work


class TestClaimsAsJson:
    @pytest.mark.parametrize(
        "claim",
        [
            pytest.param(BOOKED, id="a booking"),
            pytest.param(replace(BOOKED, status=BookingStatus.HELD, customer=None, notes=None), id="a hold"),
            pytest.param(replace(BOOKED, holder=None, expires_at=None), id="a booking of nobody's"),
            pytest.param(replace(BOOKED, status=BookingStatus.CANCELLED, ended_at=INSTANT), id="what has ended"),
            pytest.param(replace(BOOKED, starts_at=INSTANT.replace(microsecond=0)), id="a whole second"),
        ],
    )
    def test_a_claim_comes_back_as_it_was(self, claim: Claim) -> None:
        kept = json.loads(json.dumps(writing.as_json(claim)))

        assert writing.from_json(kept) == claim

    def test_its_instants_come_back_aware(self) -> None:
        found = writing.from_json(writing.as_json(BOOKED))

        assert found.starts_at.tzinfo is not None
        assert isinstance(found.status, BookingStatus)


class TestTheDaysTouched:
    def test_they_are_eleven(self) -> None:
        assert writing.touched_days(INSTANT) == [date(2026, 12, day) for day in range(10, 21)]

    @pytest.mark.parametrize("hour", [0, 12, 23])
    @pytest.mark.parametrize("offset", [-12, 0, 14])
    def test_they_hold_every_zone_s_day_and_those_around_it(self, hour: int, offset: int) -> None:
        instant = INSTANT.replace(hour=hour)
        local = (instant + timedelta(hours=offset)).date()

        assert {local - timedelta(1), local, local + timedelta(1)} <= set(writing.touched_days(instant))


class TestVersionsSeen:
    @pytest.mark.parametrize("version", [None, "0", "0.0", "12.3", "1.2.3.4", "9" * 18])
    def test_a_version_is_passed_on(self, version: str | None) -> None:
        assert writing.seen(version) == version

    @pytest.mark.parametrize("version", ["", ".", "1.", ".1", "1..2", "v1", "1.2\n", " 1", "1e3", "-1", "9" * 19])
    def test_anything_else_is_refused(self, version: str) -> None:
        with pytest.raises(BadRequest, match="seenVersion: "):
            writing.seen(version)


class TestRunning:
    async def test_what_was_done_is_answered_committed_and_audited(
        self, context: Context, salon: Salon, sql: Any
    ) -> None:
        claim = await writing.run(context, Request("test", {"a": 1}), holding(context, salon))

        assert claim.starts_at == datetime.fromisoformat(salon.at(9))
        assert await sql.fetchval("select id::text from bookings") == claim.id
        (line,) = await sql.fetch("select actor, action, entity_id::text, outcome, before, after from audit_log")
        assert line["actor"] == "public:session:cleo"
        assert (line["action"], line["entity_id"], line["outcome"], line["before"]) == ("test", claim.id, "DONE", None)
        assert writing.from_json(json.loads(line["after"])) == claim

    async def test_a_refusal_undoes_everything_and_is_audited_with_what_was_asked_for(
        self, context: Context, salon: Salon, sql: Any
    ) -> None:
        async def refused(connection: Connection) -> Claim:
            await holding(context, salon)(connection)
            raise AlreadyEnded

        with pytest.raises(AlreadyEnded):
            await writing.run(context, Request("test", {"a": 1}, key="k"), refused)

        assert await sql.fetchval("select count(*) from bookings") == 0
        assert await sql.fetchval("select count(*) from idempotency_keys") == 0
        (line,) = await sql.fetch("select outcome, after from audit_log")
        assert line["outcome"] == "AlreadyEnded"
        assert json.loads(line["after"]) == {"a": 1, "message": AlreadyEnded().message}

    @pytest.mark.parametrize("error", [BadRequest("BAD_INPUT", "no"), ZeroDivisionError()])
    async def test_a_fault_undoes_everything_and_is_nobody_s_refusal(
        self, context: Context, salon: Salon, sql: Any, error: Exception
    ) -> None:
        async def faulty(connection: Connection) -> Claim:
            await holding(context, salon)(connection)
            raise error

        with pytest.raises(type(error)):
            await writing.run(context, Request("test", {}, key="k"), faulty)

        for table in ("bookings", "idempotency_keys", "audit_log"):
            assert await sql.fetchval(f"select count(*) from {table}") == 0

    @pytest.mark.parametrize("error", [asyncpg.DeadlockDetectedError, asyncpg.SerializationError, Again])
    async def test_a_victim_of_postgres_and_who_asks_for_it_goes_again_from_the_start(
        self, context: Context, salon: Salon, sql: Any, error: type[Exception]
    ) -> None:
        tries = []

        async def unlucky(connection: Connection) -> Claim:
            claim = await holding(context, salon)(connection)
            tries.append(claim)
            if len(tries) <= 3:
                raise error("chosen")
            return claim

        claim = await writing.run(context, Request("test", {}, key="k"), unlucky)

        assert len(tries) == 4
        assert [row["id"] for row in await sql.fetch("select id::text from bookings")] == [claim.id]
        assert [tuple(row) for row in await sql.fetch(AUDIT)] == [("test", "DONE")]

    async def test_once_too_often_is_too_much(self, context: Context, sql: Any) -> None:
        tries = 0

        async def unlucky(_: Connection) -> Claim:
            nonlocal tries
            tries += 1
            raise asyncpg.DeadlockDetectedError("chosen")

        with pytest.raises(Unavailable):
            await writing.run(context, Request("test", {}), unlucky)

        assert tries == TRANSACTION_TRIES
        assert await sql.fetch(AUDIT) == []

    async def test_what_it_made_stale_is_let_go_of_when_it_has_committed(
        self, context: Context, app: App, salon: Salon
    ) -> None:
        app.trust(listening=True)
        key = DayKey(salon.tenant, salon.asha, salon.day)
        other = DayKey(salon.tenant, salon.bina, salon.day)
        for one in (key, other):
            await app.days.load(one)
        seen = []

        async def work(connection: Connection) -> Claim:
            claim = await holding(context, salon)(connection)
            seen.append(await app.days.peek(key))
            return claim

        await writing.run(context, Request("test", {}), work)

        assert seen[0] is not None
        assert not await may_serve(app, key)
        assert await may_serve(app, other)

    async def test_so_is_what_a_claim_leaves(self, context: Context, app: App, salon: Salon) -> None:
        claim = await writing.run(context, Request("test", {}), holding(context, salon))
        app.trust(listening=True)
        keys = [DayKey(salon.tenant, stylist, salon.day) for stylist in (salon.asha, salon.bina)]
        for key in keys:
            await app.days.load(key)

        async def move(connection: Connection) -> Claim:
            await connection.execute("update bookings set stylist_id = $1", salon.bina)
            return replace(claim, stylist_id=salon.bina)

        await writing.run(context, Request("test", {}, entity_id=claim.id), move)

        assert [await may_serve(app, key) for key in keys] == [False, False]


async def may_serve(app: App, key: DayKey) -> bool:
    """Whether CACHED serves what memory has of a key."""
    entry = await app.days.peek(key)
    return entry is not None and app.days.may_serve([entry])


class TestKeys:
    async def run(self, context: Context, work: Work, given: Any, key: str | None = "k") -> Claim:
        return await writing.run(context, Request("test", given, key=key), work)

    async def test_the_first_result_is_given_again_and_the_work_not_done(
        self, context: Context, salon: Salon, sql: Any
    ) -> None:
        async def never(_: Connection) -> Claim:
            raise AssertionError("done twice")

        first = await self.run(context, holding(context, salon), {"a": 1, "b": 2})
        again = await self.run(context, never, {"b": 2, "a": 1})

        assert again == first
        assert [tuple(row) for row in await sql.fetch(AUDIT)] == [("test", "DONE")]

    @pytest.mark.parametrize("other", [{"a": 2}, {"a": "1"}, {"a": 1, "b": None}, {}])
    async def test_another_input_is_a_conflict(
        self, context: Context, salon: Salon, sql: Any, other: dict[str, Any]
    ) -> None:
        await self.run(context, holding(context, salon), {"a": 1})

        with pytest.raises(IdempotencyConflict):
            await self.run(context, holding(context, salon, 10), other)

        assert [tuple(row) for row in await sql.fetch(AUDIT)] == [("test", "DONE"), ("test", "IdempotencyConflict")]

    async def test_a_twin_waits_for_the_first_and_gets_its_result(self, context: Context, salon: Salon) -> None:
        began, go = asyncio.Event(), asyncio.Event()

        async def slow(connection: Connection) -> Claim:
            began.set()
            await go.wait()
            return await holding(context, salon)(connection)

        async def never(_: Connection) -> Claim:
            raise AssertionError("done twice")

        async with asyncio.timeout(10):
            first = asyncio.create_task(self.run(context, slow, {}))
            await began.wait()
            twin = asyncio.create_task(self.run(context, never, {}))
            done, _ = await asyncio.wait([twin], timeout=0.1)
            go.set()

            assert not done
            assert await twin == await first

    async def test_a_twin_goes_ahead_when_the_first_is_refused(self, context: Context, salon: Salon) -> None:
        began, go = asyncio.Event(), asyncio.Event()

        async def refused(_: Connection) -> Claim:
            began.set()
            await go.wait()
            raise NotFound

        async with asyncio.timeout(10):
            first = asyncio.create_task(self.run(context, refused, {}))
            await began.wait()
            twin = asyncio.create_task(self.run(context, holding(context, salon), {}))
            go.set()

            assert (await twin).status is BookingStatus.CONFIRMED
            with pytest.raises(NotFound):
                await first

    @pytest.mark.parametrize("key", ["", "k" * 201])
    async def test_a_key_of_another_length_is_refused_before_anything(
        self, context: Context, salon: Salon, sql: Any, key: str
    ) -> None:
        with pytest.raises(BadRequest, match="idempotencyKey: "):
            await self.run(context, holding(context, salon), {}, key)

        assert await sql.fetchval("select count(*) from bookings") == 0

    async def test_whoever_is_nobody_has_no_keys(self, app: App, salon: Salon) -> None:
        nobody = await Context.open(app, Caller())

        with pytest.raises(BadRequest, match="X-Session-Id"):
            await self.run(nobody, holding(nobody, salon), {})
