"""A salon that another program writes to by raw SQL, its versions by readable keys, and what is heard of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from string import Template
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import pytest

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

WAIT_S = 10
PAYLOAD_BYTES_MAX = 7999  # Postgres refuses 8000

# Ids by name: $ana in a statement is her id as a literal.
NAMES = (
    *(
        "salon",
        "rival",
        "guest",
        "here",
        "annex",
        "far",
        "shed",
        "attic",
        "cut",
        "color",
        "wax",
        "perm",
        "ana",
        "ben",
        "cleo",
    ),
    *("dora", "client", "rule", "second_rule", "row", "second_row", "third_row"),
)
IDS = {name: str(UUID(int=number)) for number, name in enumerate(NAMES, 1)}
NAME_OF = {value: name for name, value in IDS.items()}

# Ana and Ben cut, Cleo colours; Cleo works at one place and lives at another, on two sides of the date line. Nothing has
# buffers, no way takes time. The rival's Ana has the same id, place and service as the salon's.
SALON = """
insert into tenants (id, slug, name, timezone, currency)
values ($salon, 'salon', 'Salon', 'Europe/Berlin', 'EUR'), ($rival, 'rival', 'Rival', 'Europe/Berlin', 'EUR');
insert into locations (tenant_id, id, name, timezone)
values ($salon, $here, 'Here', 'Europe/Berlin'), ($salon, $annex, 'Annex', 'Europe/Berlin'),
       ($salon, $far, 'Far', 'Pacific/Auckland'), ($salon, $shed, 'Shed', 'Europe/Berlin'),
       ($rival, $here, 'Here', 'Europe/Berlin'), ($rival, $annex, 'Annex', 'Europe/Berlin');
insert into services (tenant_id, id, name, duration_minutes, price_cents)
values ($salon, $cut, 'Cut', 60, 4000), ($salon, $color, 'Color', 120, 9000), ($salon, $wax, 'Wax', 15, 2000),
       ($rival, $cut, 'Cut', 60, 4000);
insert into stylists (tenant_id, id, name, home_location_id)
values ($salon, $ana, 'Ana', $here), ($salon, $ben, 'Ben', $here), ($salon, $cleo, 'Cleo', $here),
       ($rival, $ana, 'Ana', $here);
insert into offerings (tenant_id, stylist_id, service_id)
values ($salon, $ana, $cut), ($salon, $ben, $cut), ($salon, $cleo, $color), ($rival, $ana, $cut);
insert into schedule_hours (tenant_id, id, stylist_id, location_id, weekday, starts_minute, ends_minute)
values ($salon, $row, $ana, $here, 3, 540, 1020), ($salon, $second_row, $ben, $here, 3, 540, 1020),
       ($salon, $third_row, $cleo, $far, 2, 540, 1020), ($rival, $row, $ana, $here, 3, 540, 1020);
insert into busy_sources (tenant_id, stylist_id, source, as_of)
values ($salon, $ana, 'google', '2030-01-01'), ($salon, $ana, 'outlook', '2030-01-01'),
       ($salon, $ben, 'google', '2030-01-01');
insert into customers (tenant_id, id, name) values ($salon, $client, 'Client');
"""

VERSIONS = """
select tenant_id, null::uuid as stylist_id, null::date as on_date, version from directory_versions
union all select tenant_id, stylist_id, null::date, version from stylist_versions
union all select tenant_id, stylist_id, on_date, version from day_versions
"""

# Deletes every row without a trigger or a cascade, a millisecond's work.
EMPTY = """
do $$
declare found record;
begin
    set local session_replication_role = replica;
    for found in select oid::regclass as name from pg_class
                  where relkind = 'r' and relnamespace = 'public'::regnamespace and relname <> 'schema_migrations'
    loop
        execute 'delete from ' || found.name;
    end loop;
end $$
"""


def spelled(text: str) -> str:
    """A statement with the ids in place of their names."""
    return Template(text).substitute({name: f"'{value}'" for name, value in IDS.items()})


def key(tenant_id: object, stylist_id: object = None, on_date: object = None) -> str:
    """How a version is called in these tests: `salon` for its directory, `ana`, `ana 2030-01-16`, `rival ana`."""
    tenant = NAME_OF[str(tenant_id)]
    if stylist_id is None:
        return tenant
    stylist = NAME_OF[str(stylist_id)]
    return " ".join(str(part) for part in (None if tenant == "salon" else tenant, stylist, on_date) if part)


class Salon:
    """A database of one test's own: `sql` is another program's connection; a second one listens and sees what is committed."""

    def __init__(self, url: str, sql: Connection, ear: Connection) -> None:
        self.url = url
        self.sql = sql
        self.ear = ear
        self.payloads: asyncio.Queue[str] = asyncio.Queue()
        self.others: list[Connection] = []

    @staticmethod
    async def connect(url: str) -> Connection:
        return await asyncpg.connect(url, server_settings={"timezone": "UTC"})

    async def another(self) -> Connection:
        """One more program's connection, closed with the test."""
        self.others.append(await self.connect(self.url))
        return self.others[-1]

    async def leave(self) -> None:
        """Ends what the test's programs left open: transactions, connections, settings, temporary tables."""
        for connection in self.others:
            await connection.close(timeout=WAIT_S)
        self.others.clear()
        await self.sql.execute("rollback" if self.sql.is_in_transaction() else "select")
        await self.sql.execute("reset all; discard temp")

    def hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self.payloads.put_nowait(str(payload))

    async def run(self, text: str, *, by: Connection | None = None) -> None:
        """Raw SQL with names for ids; several statements are one transaction."""
        await (by or self.sql).execute(spelled(text or "select"))

    async def value(self, query: str) -> object:
        """What a query of one value finds among what is committed."""
        return await self.ear.fetchval(spelled(query))

    async def versions(self, *, by: Connection | None = None) -> dict[str, int]:
        """Every version by key; a missing one is 0. What is committed, unless a connection is asked that sees more."""
        rows = await (by or self.ear).fetch(VERSIONS)
        return {key(row["tenant_id"], row["stylist_id"], row["on_date"]): row["version"] for row in rows}

    async def raised(self, since: dict[str, int]) -> dict[str, int]:
        """The versions that are no longer what they were, all of them higher."""
        now = await self.versions()
        changed = {name for name in now | since if now.get(name, 0) != since.get(name, 0)}
        assert all(now.get(name, 0) > since.get(name, 0) for name in changed)
        return {name: now[name] for name in changed}

    async def heard(self) -> dict[str, int]:
        """The last version notified of by key, since this was last asked. Each payload is small and none goes back."""
        heard: dict[str, int] = {}
        for payload in await self.drained():
            assert len(payload.encode()) <= PAYLOAD_BYTES_MAX
            for name, version in self.told(json.loads(payload)):
                assert version >= heard.get(name, 0)
                heard[name] = version
        return heard

    async def drained(self) -> list[str]:
        """The payloads of all that was committed until now, since this was last asked."""
        await self.ear.execute("select pg_notify('chairtime', 'that is all')")
        async with asyncio.timeout(WAIT_S):
            return [payload async for payload in self.until_that_is_all()]

    async def until_that_is_all(self) -> AsyncIterator[str]:
        while (payload := await self.payloads.get()) != "that is all":
            yield payload

    @staticmethod
    def told(message: dict[str, object]) -> list[tuple[str, int]]:
        """What one payload says: a directory's version, a stylist's, or those of some of a stylist's days."""
        match message:
            case {"t": tenant, "s": stylist, "d": dict(days)} if len(message) == 3:
                return [(key(tenant, stylist, day), version) for day, version in days.items()]
            case {"t": tenant, "s": stylist, "v": int(version)} if len(message) == 3:
                return [(key(tenant, stylist), version)]
            case {"t": tenant, "v": int(version)} if len(message) == 2:
                return [(key(tenant), version)]
        raise AssertionError(f"an unknown payload: {message}")

    async def waits(self, waiting: Connection, work: asyncio.Task[None], *, on: Connection | None = None) -> bool:
        """Whether work, which runs on one connection, comes to wait for another (or for that one) instead of to its end."""
        async with asyncio.timeout(WAIT_S):
            while not work.done():
                ahead = await self.ear.fetchval("select pg_blocking_pids($1)", waiting.get_server_pid())
                if ahead and (on is None or on.get_server_pid() in ahead):
                    return True
        return False


@pytest.fixture(scope="module")
async def one_salon(server_url: str, template: str) -> AsyncIterator[Salon]:
    """A migrated database that the tests of a module use in turn, which is cheaper than a clone for each."""
    server = await asyncpg.connect(server_url)
    await server.execute(f"create database salon template {template}")
    url = urlunsplit(urlsplit(server_url)._replace(path="/salon"))
    salon = Salon(url, await Salon.connect(url), await Salon.connect(url))
    await salon.ear.add_listener("chairtime", salon.hear)
    yield salon
    await salon.sql.close()
    await salon.ear.close()
    await server.execute("drop database salon with (force)")
    await server.close()


@pytest.fixture
async def salon(one_salon: Salon) -> AsyncIterator[Salon]:
    """The salon as SALON makes it, with nothing of another test left."""
    await one_salon.ear.execute(EMPTY)
    await one_salon.run(SALON)
    await one_salon.drained()
    yield one_salon
    await one_salon.leave()
