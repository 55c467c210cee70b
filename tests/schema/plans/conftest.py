"""A salon in which a start is held, one is booked, and names are hard to write; its two servers; and who asks them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from db import days, directory, versions
from db.pool import Database
from resolvers import app as wiring
from resolvers import importing, salon_file, tokens
from resolvers.app import App, Limits
from resolvers.context import Role
from tests.conftest import SALON, TOKENS, Salon
from tests.schema.plans.twins import Twins, twins_of

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

OTHERS: dict[str, Any] = {
    **SALON,
    "tenant": {**SALON["tenant"], "slug": "others", "name": "Others"},
}  # with the same ids
HARD = 'Bíña "B" \\ \t </script> \u2028 \U0001f600 नेपाल'

CLAIM = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, holder, expires_at, starts_at, ends_at, occupied,
                      price_cents)
select s.tenant_id, s.id, $3::text::uuid, home_location_id, $4, $5, now() + $6::interval, at, at + interval '30 minutes',
       tstzrange(at, at + interval '30 minutes'), 1
  from (select $7::text::timestamptz as at) as claimed, stylists s join tenants t on t.id = s.tenant_id
 where t.slug = $1 and s.id = $2::text::uuid
returning id::text
"""


async def claim(sql: Connection, salon: Salon, start: str, **more: Any) -> str:
    """A claim by raw SQL on half an hour; its id. more: as the parameters of a booking of Asha's cut at the testers'."""
    chosen = {
        "slug": "testers",
        "stylist": salon.asha,
        "service": salon.cut,
        "status": "CONFIRMED",
        "holder": None,
    } | more
    expires_in = chosen.get("expires_in", timedelta(hours=1)) if chosen["status"] == "HELD" else None
    found: str = await sql.fetchval(
        CLAIM, *(chosen[name] for name in ("slug", "stylist", "service", "status", "holder")), expires_in, start
    )
    return found


async def hold(sql: Connection, salon: Salon, start: str, holder: str, **more: Any) -> str:
    """A hold by raw SQL; its id."""
    return await claim(sql, salon, start, status="HELD", holder=holder, **more)


@pytest.fixture
def who(staff_token: str) -> dict[str, dict[str, str]]:
    """The headers of those who ask, by name."""
    of_others = tokens.make(TOKENS, role=Role.CUSTOMER, tenant="others", subject="sita", expires_in=timedelta(hours=1))
    return {
        "nobody": {},
        "tester": {"X-Session-Id": "tester"},
        "stranger": {"X-Session-Id": "stranger"},
        "staff": {"Authorization": f"Bearer {staff_token}"},
        "other staff": {"Authorization": f"Bearer {of_others}"},
        "forger": {"Authorization": "Bearer no.such.token"},
        "tester of testers": {"X-Session-Id": "tester", "X-Tenant": "testers"},
        "tester of others": {"X-Session-Id": "tester", "X-Tenant": "others"},
        "nobody of others": {"X-Tenant": "others"},
        "lost": {"X-Tenant": "nowhere"},
    }


@pytest.fixture
async def furnished(database: Database, salon: Salon, sql: Connection) -> Salon:
    """The salon, with claims: of a session, of a token, of nobody whom we know; and another one with the same ids."""
    await importing.import_salon(database, salon_file.parse(json.dumps(OTHERS)), lambda *_: None)
    await sql.execute("update stylists set name = $1 where name = 'Bina'", HARD)
    await hold(sql, salon, salon.at(10), "session:tester")
    await hold(sql, salon, salon.at(11), "sub:sita")
    await hold(sql, salon, salon.at(14), "session:tester", slug="others")
    await hold(sql, salon, salon.at(9), "session:tester", stylist=salon.bina)
    await claim(sql, salon, salon.at(15))
    return salon


@pytest.fixture
async def twins(app: App, who: dict[str, dict[str, str]], furnished: Salon) -> AsyncIterator[Twins]:
    """Servers that hear of changes."""
    async with twins_of(app, who) as found:
        yield found


@pytest.fixture
def deaf_app(database: Database) -> App:
    """The parts of a server that hears of no change: it is right by checking versions, or not at all."""
    return wiring.build(database, default_tenant="", limits=Limits(), entries_max=50_000, ttl=timedelta(minutes=15))


@pytest.fixture
async def deaf_twins(deaf_app: App, who: dict[str, dict[str, str]], furnished: Salon) -> AsyncIterator[Twins]:
    """Servers that hear of no change."""
    async with twins_of(deaf_app, who) as found:
        yield found


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far ahead of its own Postgres's clock is told to be; in one place, so that it can be set."""
    ahead = [timedelta()]

    def put_ahead(module: Any, name: str) -> None:
        ask = getattr(module, name)

        async def asked(*given: Any, **more: Any) -> Any:
            now, *found = await ask(*given, **more)
            return now + ahead[0], *found

        monkeypatch.setattr(module, name, asked)

    for module, name in ((versions, "now"), (days, "read"), (directory, "load")):
        put_ahead(module, name)
    return ahead
