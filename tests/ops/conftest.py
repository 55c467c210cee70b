"""A server whose every part can be reached, and what Prometheus would be shown of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cache.counts import Counts
from cache.keys import DayKey
from cache.rates import Rates
from cache.stores import Redis
from db.listen import Listener
from execution.oracle import Oracle
from ops import metrics as ops_metrics
from ops import running
from ops.guard import Guard
from ops.metrics import Metrics
from resolvers import app as wiring
from resolvers import tokens
from resolvers.app import App, Limits
from resolvers.context import Role
from schema.quick import World
from schema.view import HEADER_MAX
from tests.conftest import SALON, TOKENS, Client, Served

if TYPE_CHECKING:
    import asyncpg

    from db.pool import Database
    from tests.conftest import RedisServer, Salon

WAIT_S = 5
DAY = """query Day($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) { freeCount }
}"""
WATCH = """subscription Watch($stylist: ID!, $service: ID!, $date: Date!) {
  availabilityChanged(stylistIds: [$stylist], serviceId: $service, from: $date, to: $date) { version }
}"""
WRITE = "mutation Write($input: %s!) { done: %s(input: $input) { __typename ... on %s { id } } }"

Samples = dict[str, float]


def samples_of(text: str) -> Samples:
    """Each sample by its name and labels, as they are written, labels in order of their names."""
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


@dataclass
class Judging:
    """Whether plans' answers are made again by the stock path, and whether that answers something else."""

    is_on: bool = False
    lies: bool = False


@dataclass
class Server:
    """A server of one process."""

    app: App
    listener: Listener
    client: Client
    salon: Salon
    sql: asyncpg.Connection[asyncpg.Record]
    root: str
    oracle: Judging
    rates: Rates
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def metrics(self) -> Samples:
        """What Prometheus is shown."""
        async with self.client.http.get(f"{self.root}/metrics") as response:
            assert response.status == 200
            return samples_of(await response.text())

    def key(self, days: int = 0) -> DayKey:
        return DayKey(self.salon.tenant, self.salon.asha, self.salon.day + timedelta(days))

    def about(self, days: int = 0, **more: Any) -> dict[str, Any]:
        date = str(self.salon.day + timedelta(days))
        return {"stylist": self.salon.asha, "service": self.salon.cut, "date": date, **more}

    async def slots(self, days: int = 0, freshness: str = "VERIFIED") -> Any:
        return await self.client.data(DAY, self.about(days, freshness=freshness))

    async def write(self, mutation: str, made: str, session: str = "tester", **input_: Any) -> Any:
        query = WRITE % (f"{mutation[0].upper()}{mutation[1:]}Input", mutation, made)
        return (await self.client.data(query, {"input": input_}, session=session))["done"]

    def start(self, hour: int) -> dict[str, str]:
        return {"stylistId": self.salon.asha, "serviceId": self.salon.cut, "startUtc": self.salon.at(hour)}

    async def hold(self, hour: int = 9) -> Any:
        return await self.write("holdPlace", "Hold", **self.start(hour))

    async def book(self, hour: int = 9, session: str = "tester") -> Any:
        return await self.write("bookingCreate", "Booking", session, **self.start(hour), customer={"name": "Ann"})

    def token(self, role: Role) -> str:
        slug = SALON["tenant"]["slug"]
        return tokens.make(TOKENS, role=role, tenant=slug, subject="sita", expires_in=timedelta(hours=1))

    async def watch(self) -> aiohttp.ClientWebSocketResponse:
        """A subscription that has got its first result; it lasts as long as the test."""
        url = f"{self.root}/graphql"
        ws = await self.stack.enter_async_context(self.client.http.ws_connect(url, protocols=["graphql-transport-ws"]))
        await ws.send_json({"type": "connection_init"})
        await ws.receive_json(timeout=WAIT_S)
        payload = {"query": WATCH, "variables": self.about()}
        await ws.send_json({"id": "one", "type": "subscribe", "payload": payload})
        await ws.receive_json(timeout=WAIT_S)
        return ws

    async def until(self, is_so: Callable[[Samples], bool]) -> Samples:
        """The metrics, once something is so of them; or as they are after some seconds."""
        deadline = asyncio.get_running_loop().time() + WAIT_S
        while not is_so(found := await self.metrics()) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        return found


@asynccontextmanager
async def serving(
    database: Database,
    url: str,
    salon: Salon,
    sql: asyncpg.Connection[asyncpg.Record],
    redis: Redis | None,
    redis_url: str | None = None,
) -> AsyncIterator[Server]:
    judging, truth, sample = Judging(), World.stock, Oracle.sample

    async def stock(self: World, *asked: Any) -> Any:
        return {"lie": 1} if judging.lies else await truth(self, *asked)

    def sampled(self: Oracle, *given: Any) -> None:
        if judging.is_on:
            sample(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Oracle, "sample", sampled)
        patch.setattr(ops_metrics, "LOOK_AT_ALL_S", 0.0)
        patch.setattr(World, "stock", stock)
        app = wiring.build(
            database,
            default_tenant="",
            limits=Limits(),
            entries_max=50_000,
            ttl=timedelta(minutes=15),
            redis=redis,
            lineage="tests",
        )
        listener = Listener(url, app.hear, app.trust)
        listener.start()
        metrics = Metrics(app, listener)
        rates = Rates(read="1000/hour", write="1000/hour", tenant="1000/hour", counts=Counts(redis and redis_url))
        web = running.application(
            app, TOKENS, plans=True, metrics=metrics, listener=listener, checked_share=1, guard=Guard(rates)
        )
        server = Served(web)
        async with metrics.running(), AsyncExitStack() as stack:
            await server.start_server(max_field_size=HEADER_MAX)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            client = Client(http, str(server.make_url("/graphql")))
            found = Server(app, listener, client, salon, sql, str(server.make_url("")).rstrip("/"), judging, rates)
            await found.until(lambda now: now["chairtime_listeners"] == 1)
            async with found.stack:
                yield found
            await server.close()
        await listener.stop()
        await rates.counts.close()
        await app.close()


@pytest.fixture
async def server(
    database: Database, database_url: str, salon: Salon, sql: asyncpg.Connection[asyncpg.Record]
) -> AsyncIterator[Server]:
    """A server without Redis."""
    async with serving(database, database_url, salon, sql, None) as found:
        yield found


@pytest.fixture
async def with_redis(
    database: Database,
    database_url: str,
    salon: Salon,
    sql: asyncpg.Connection[asyncpg.Record],
    redis_server: RedisServer,
) -> AsyncIterator[Server]:
    """A server with a Redis, which is patient: the machine may be busy."""
    async with serving(
        database, database_url, salon, sql, Redis(redis_server.url, timeout_s=1.0), redis_server.url
    ) as found:
        yield found


Does = Callable[[Server], Awaitable[object]]
