"""A server that the tests of writes share, a business of its own for each of them, and whoever writes to it over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from db.listen import Listener
from db.pool import Database, PoolSettings
from resolvers import app as wiring
from resolvers import importing, salon_file, tokens
from resolvers.app import App, Limits
from resolvers.context import Role
from schema.view import HEADER_MAX, View
from tests.conftest import SALON, TOKENS, Client, Salon, on

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

WAIT_S = 10
numbers = itertools.count(1)

# A business like another one, in some milliseconds; importing one takes ten times as long.
COPY = """
create function another(slug text, example uuid) returns uuid language plpgsql as $$
declare
    made uuid := gen_random_uuid();
    tab text;
    cols text;
begin
    insert into tenants (id, slug, name, timezone, currency, hold_seconds)
    select made, another.slug, name, timezone, currency, hold_seconds from tenants where id = example;
    foreach tab in array '{locations,services,stylists,offerings,schedule_hours}'::text[] loop
        select string_agg(quote_ident(column_name), ', ') into cols
          from information_schema.columns
         where table_schema = 'public' and table_name = tab and column_name <> 'tenant_id';
        execute format('insert into %I (tenant_id, %s) select $1, %s from %I where tenant_id = $2', tab, cols, cols, tab)
          using made, example;
    end loop;
    return made;
end $$
"""

HOLD = """... on Hold { id startUtc endUtc priceCents expiresAt stylist { id } service { id } }"""
BOOKING = """... on Booking {
  id startUtc endUtc priceCents status createdAt paymentRequired paymentUrl
  stylist { id } service { id } location { id } customer { name email phone }
}"""
PROBLEM = """... on Problem {
  message
  ... on SlotTaken { slotStatus version nearest { ...Near } }
  ... on SlotNotOffered { reason nearest { ...Near } }
  ... on HoldExpired { expiredAt }
}"""
NEAR = "fragment Near on Slot { startUtc status isAvailable priceCents stylist { id } location { id } }"
MUTATIONS = {
    "holdPlace": ("$input: HoldPlaceInput!", "input: $input", HOLD),
    "holdRelease": ("$id: ID!", "holdId: $id", HOLD),
    "bookingConfirm": ("$input: BookingConfirmInput!", "input: $input", BOOKING),
    "bookingCreate": ("$input: BookingCreateInput!", "input: $input", BOOKING),
    "bookingReschedule": ("$input: BookingRescheduleInput!", "input: $input", BOOKING),
    "bookingCancel": ("$id: ID!, $reason: String", "bookingId: $id, reason: $reason", BOOKING),
    "bookingComplete": ("$id: ID!", "bookingId: $id", BOOKING),
    "bookingNoShow": ("$id: ID!", "bookingId: $id", BOOKING),
}
MUTATIONS |= {
    "waitlistJoin": ("$input: WaitlistJoinInput!", "input: $input", "... on WaitlistEntry { id status }"),
    "waitlistLeave": ("$id: ID!", "entryId: $id", "... on WaitlistEntry { id status }"),
}
SLOTS = """
query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {
    slots { startUtc status heldByYou priceCents } cache { version }
  }
}
"""
SEEN = "query ($id: ID!) { booking(id: $id) { id status startUtc priceCents stylist { id } } }"

Answer = dict[str, Any]
NewShop = Callable[[], Awaitable["Shop"]]


@dataclass(frozen=True, slots=True)
class Shop(Salon):
    """A business of one test's own, with the same ids as every other's."""

    slug: str = ""


@dataclass(frozen=True)
class Visitor:
    """One caller of the API. Each write answers its result with its type as `kind`, or the first error with its code."""

    client: Client
    salon: Shop
    who: dict[str, str | None]

    def named(self, session: str | None) -> Visitor:
        """Another browser, or one without a session."""
        return replace(self, who={"session": session, "tenant": self.salon.slug})

    def bearing(self, token: str) -> Visitor:
        """Somebody with a token."""
        return replace(self, who={"session": None, "token": token})

    def role(self, role: Role, subject: str) -> Visitor:
        """Somebody with a token of this business."""
        return self.bearing(
            tokens.make(TOKENS, role=role, tenant=self.salon.slug, subject=subject, expires_in=timedelta(hours=1))
        )

    async def hold(self, start: str, *, stylist: str | None = None, service: str | None = None, **more: Any) -> Answer:
        return await self.write("holdPlace", {"input": {**self.start(start, stylist, service), **more}})

    async def release(self, hold_id: str) -> Answer:
        return await self.write("holdRelease", {"id": hold_id})

    async def confirm(self, hold_id: str, *, customer: Answer | None = None, **more: Any) -> Answer:
        return await self.write(
            "bookingConfirm", {"input": {"holdId": hold_id, "customer": customer or {"name": "Cleo"}, **more}}
        )

    async def book(
        self,
        start: str,
        *,
        stylist: str | None = None,
        service: str | None = None,
        customer: Answer | None = None,
        **more: Any,
    ) -> Answer:
        wanted = {**self.start(start, stylist, service), "customer": customer or {"name": "Cleo"}, **more}
        return await self.write("bookingCreate", {"input": wanted})

    async def move(self, booking_id: str, start: str, **more: Any) -> Answer:
        return await self.write("bookingReschedule", {"input": {"bookingId": booking_id, "startUtc": start, **more}})

    async def cancel(self, booking_id: str, reason: str | None = None) -> Answer:
        return await self.write("bookingCancel", {"id": booking_id, "reason": reason})

    async def complete(self, booking_id: str) -> Answer:
        return await self.write("bookingComplete", {"id": booking_id})

    async def miss(self, booking_id: str) -> Answer:
        return await self.write("bookingNoShow", {"id": booking_id})

    async def join(self, wish: Answer) -> Answer:
        return await self.write("waitlistJoin", {"input": wish})

    async def wait(self, service: str | None = None, *, on: int = 0, **more: Any) -> Answer:
        """Waits for a cut on the salon's day unless said otherwise; on: so many days later."""
        day = str(self.salon.day + timedelta(on))
        wish = {"serviceId": service or self.salon.cut, "from": day, "to": day, "customer": {"name": "Cleo"}}
        return await self.join({**wish, **more})

    async def leave(self, entry_id: str) -> Answer:
        return await self.write("waitlistLeave", {"id": entry_id})

    async def booking(self, booking_id: str) -> Any:
        """A booking as this caller sees it, or None."""
        return (await self.client.data(SEEN, {"id": booking_id}, **self.who))["booking"]

    async def slots(
        self, *, stylist: str | None = None, service: str | None = None, days: int = 0, freshness: str = "VERIFIED"
    ) -> Any:
        """Availability of the salon's day, or of one so many days later."""
        asked = {
            "stylist": stylist or self.salon.asha,
            "service": service or self.salon.cut,
            "date": str(self.salon.day + timedelta(days)),
            "freshness": freshness,
        }
        return (await self.client.data(SLOTS, asked, **self.who))["availableSlots"]

    async def status(self, start: str, **which: Any) -> str:
        """What a start is shown as."""
        slots = (await self.slots(**which))["slots"]
        return next(slot["status"] for slot in slots if slot["startUtc"] == start)

    async def free(self, **which: Any) -> list[str]:
        """The free starts of a day."""
        slots = (await self.slots(**which))["slots"]
        return [slot["startUtc"] for slot in slots if slot["status"] == "AVAILABLE"]

    async def version(self, **which: Any) -> str:
        """The version of a day's list."""
        found: str = (await self.slots(**which))["cache"]["version"]
        return found

    async def write(self, field_: str, variables: Answer) -> Answer:
        """One mutation's result, `kind` being its type; of an error its code, with its message."""
        declared, given, fields = MUTATIONS[field_]
        near = NEAR if field_.startswith(("holdPlace", "booking")) else ""
        expired = "... on HoldExpired { expiredAt }" if field_ == "holdRelease" else ""
        problem = PROBLEM if near else f"... on Problem {{ message {expired} }}"
        query = (
            f"mutation ({declared}) {{ answer: {field_}({given}) {{ kind: __typename {fields} {problem} }} }} {near}"
        )
        return answer(await self.client.post(query, variables, **self.who))

    @staticmethod
    async def until(check: Callable[[], Awaitable[bool]]) -> None:
        """Waits for what nobody tells us of, as time that passes, for a few seconds at most."""
        async with asyncio.timeout(WAIT_S):
            while not await check():
                await asyncio.sleep(0.02)

    def start(self, start: str, stylist: str | None, service: str | None) -> Answer:
        """Asha's for a cut unless said otherwise."""
        return {
            "stylistId": stylist or self.salon.asha,
            "serviceId": service or self.salon.cut,
            "startUtc": start,
        }


def answer(whole: Answer) -> Answer:
    """The result of a mutation called `answer`, or its error as one."""
    if "errors" in whole:
        (error,) = whole["errors"]
        return {"kind": error["extensions"]["code"], "message": error["message"]}
    found: Answer = whole["data"]["answer"]
    return found


@asynccontextmanager
async def serving(database: Database, url: str) -> AsyncIterator[tuple[App, Client]]:
    """A server process on a database, on a free port of loopback, and a client of it."""
    app = wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))
    listener = Listener(url, app.hear, app.trust)
    listener.start()
    application = web.Application()
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, TOKENS)))
    server = TestServer(application)
    await server.start_server(max_field_size=HEADER_MAX)
    async with aiohttp.ClientSession() as http:
        yield app, Client(http, str(server.make_url("/graphql")))
    await server.close()
    await listener.stop()


@pytest.fixture(scope="session")
async def mall_url(server_url: str, template: str) -> AsyncIterator[str]:
    """A database that many businesses share: one a test is cheaper than a database a test."""
    connection = await asyncpg.connect(server_url)
    await connection.execute(f"create database mall template {template}")
    yield on(server_url, "mall")
    await connection.execute("drop database mall with (force)")
    await connection.close()


@pytest.fixture(scope="session")
async def mall(mall_url: str) -> AsyncIterator[tuple[App, Client]]:
    """The server of that database."""
    database = await Database.open(mall_url, PoolSettings())
    async with serving(database, mall_url) as found:
        yield found
    await database.close()


@pytest.fixture(scope="session")
async def mall_sql(mall_url: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(mall_url, server_settings={"timezone": "UTC"})
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
async def new_shop(mall: tuple[App, Client], mall_sql: Connection) -> NewShop:
    """Makes one more business with the same ids, by the same file but for its slug."""
    await mall_sql.execute(COPY)
    summary = await importing.import_salon(mall[0].database, salon_file.parse(json.dumps(SALON)), lambda *_: None)

    async def make() -> Shop:
        slug = f"shop-{next(numbers)}"
        tenant = await mall_sql.fetchval("select another($1, $2)::text", slug, summary.tenant_id)
        return Shop(tenant, slug=slug)

    return make


@pytest.fixture
async def shop(new_shop: NewShop) -> Shop:
    """A business of this test's own."""
    return await new_shop()


@pytest.fixture
async def elsewhere(mall_url: str, visitor: Visitor) -> AsyncIterator[Visitor]:
    """The visitor at another server process: a pool, caches and a clock of its own, and only Postgres in common."""
    database = await Database.open(mall_url, PoolSettings())
    async with serving(database, mall_url) as (_, client):
        yield replace(visitor, client=client)
    await database.close()


@pytest.fixture
async def neighbour(mall: tuple[App, Client], new_shop: NewShop) -> Visitor:
    """A browser whose session is `tester` too, at another business of the same database, with the same ids."""
    return Visitor(mall[1], await new_shop(), {}).named("tester")


class Raw:
    """Another program at the same database. $1 in its statements is the test's business."""

    def __init__(self, connection: Connection, shop: Shop) -> None:
        self.connection = connection
        self.tenant = shop.tenant

    async def run(self, statement: str, *values: object) -> None:
        await self.connection.execute(statement, self.tenant, *values)

    async def value(self, query: str, *values: object) -> Any:
        return await self.connection.fetchval(query, self.tenant, *values)

    async def rows(self, query: str, *values: object) -> list[Any]:
        return await self.connection.fetch(query, self.tenant, *values)

    async def lock_days(self, stylist_id: str, span: Mapping[str, str]) -> None:
        """Takes the turn of a stylist's days, as a booking of this span does."""
        starts_at, ends_at = (datetime.fromisoformat(span[end]) for end in ("startUtc", "endUtc"))
        await self.run("select lock_days($1, $2, $3, $4)", stylist_id, starts_at, ends_at)

    async def somebody_waits(self) -> None:
        """Until another connection to this database waits for a lock."""
        async with asyncio.timeout(WAIT_S):
            while not await self.connection.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.01)


@pytest.fixture
def raw(mall_sql: Connection, shop: Shop) -> Raw:
    """Another program."""
    return Raw(mall_sql, shop)


@pytest.fixture
def visitor(mall: tuple[App, Client], shop: Shop) -> Visitor:
    """A browser whose session is `tester`."""
    return Visitor(mall[1], shop, {}).named("tester")


@pytest.fixture
def rival(visitor: Visitor) -> Visitor:
    """Another browser."""
    return visitor.named("rival")


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    """A member of the staff."""
    return visitor.role(Role.STAFF, "sita")


@pytest.fixture
def customer(visitor: Visitor) -> Visitor:
    """Somebody with a customer's token."""
    return visitor.role(Role.CUSTOMER, "cleo")
