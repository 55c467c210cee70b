"""Whatever is asked, a server with plans answers as one without them does, to the byte: queries drawn at random, while bookings
come and go. CHAIRTIME_SOAK=1 draws 2,000, CHAIRTIME_SEED others."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from db.pool import Database
from resolvers import importing, salon_file
from resolvers.app import App
from tests.proofs import random_salon
from tests.schema.plans.drawn import draw
from tests.schema.plans.twins import DIFFERS, Asked, Twins, twins_of

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

QUERIES = 2_000 if "CHAIRTIME_SOAK" in os.environ else 150
A_ROUND = 25
SEED = os.environ.get("CHAIRTIME_SEED", "20261121")
ZONES = ("Asia/Kathmandu", "America/New_York", "Etc/UTC", "Pacific/Auckland")

# Whatever starts are in the middle of free hours: some of them are taken, held, or given back, as raw SQL may.
CLAIM = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, holder, expires_at, starts_at, ends_at, occupied,
                      price_cents)
select s.tenant_id, s.id, $2::text::uuid, home_location_id, $3, $4, now() + interval '1 hour', $5::timestamptz,
       $5::timestamptz + interval '40 minutes', tstzrange($5::timestamptz, $5::timestamptz + interval '40 minutes'), 1
  from stylists s where s.id = $1::text::uuid
on conflict do nothing
"""
CHANGES = (
    "update bookings set status = 'CANCELLED' where id = (select id from bookings where status in ('HELD', 'CONFIRMED')"
    " order by md5(id::text || $1) limit 1)",
    "update stylists set name = name || $1 where id = (select id from stylists order by md5(id::text || $1) limit 1)",
    "update services set price_cents = price_cents + length($1)",
    "update locations set name = name || $1",
)


def values_of(file: Mapping[str, Any], days: Sequence[str]) -> dict[str, Sequence[Any]]:
    """What arguments may be, in this salon, by their names or types."""
    services, stylists, places = ([one["id"] for one in file[kind]] for kind in ("services", "stylists", "locations"))
    return {
        "serviceId": services,
        "stylistId": stylists,
        "stylistIds": stylists,
        "locationId": places,
        "customerId": [None, None, *places],
        "ids": [*services, *stylists],
        "id": [*services, *stylists],
        "after": [None] * 12 + [*services, *stylists],
        "Date": days,
        "DateTime": [f"{day}T00:00:00Z" for day in days],
        "to": [days[-1]] * 9 + [days[0]],
        "String": [None, *ZONES],
        "Int": [1, 2, 50, None],
        "Freshness": ["VERIFIED"] * 6 + ["CACHED", "CACHED", "BYPASS", None],
        "SlotStatus": ["AVAILABLE", "HELD", "BOOKED", "UNAVAILABLE"],
    }


async def change(random: Random, sql: Connection, file: Mapping[str, Any], days: Sequence[str]) -> None:
    """Some bookings and holds, and one thing more, by raw SQL."""
    for _ in range(3):
        at = datetime.fromisoformat(random.choice(days)).replace(tzinfo=UTC)
        at += timedelta(minutes=random.randrange(0, 1440, 15))
        status, holder = random.choice((("HELD", "session:tester"), ("HELD", "sub:sita"), ("CONFIRMED", None)))
        stylist, service = random.choice(file["stylists"])["id"], random.choice(file["services"])["id"]
        await sql.execute(CLAIM, stylist, service, status, holder, at)
    await sql.execute(random.choice(CHANGES), random.choice("abc"))


async def test_every_drawn_query_is_answered_as_without_plans(
    database: Database, deaf_app: App, who: dict[str, dict[str, str]], sql: Connection
) -> None:
    today, wrong, counts = datetime.now(UTC).date(), list[str](), Counter[str]()
    days = [str(today + timedelta(n)) for n in range(4, 7)]
    for number in range(QUERIES // A_ROUND):
        random = Random(f"{SEED}:{number}")
        if number % 4 == 0:
            await sql.execute("delete from tenants")
            file = random_salon.salon(random, number, today)
            file["tenant"]["slug"] = "testers"
            await importing.import_salon(database, salon_file.parse(json.dumps(file)), lambda *_: None)
        async with twins_of(deaf_app, who, fragments=number % 5 != 4) as twins:
            asked = [drawn(random, n, values_of(file, days)) for n in range(A_ROUND)]
            for one in asked:
                wrong += await differences(twins, one, counts)
            await change(random, sql, file, days)
            for one in asked:
                wrong += await twins.differences_now(one)

    print(f"\n{QUERIES:,} queries, seed {SEED}: {dict(counts)}; {len(wrong)} wrong")
    assert not wrong, "\n\n".join([f"{len(wrong)} differences", *wrong[:5]])
    assert counts["by a plan"] > QUERIES * 0.6
    assert counts["refused"] > QUERIES * 0.05


def drawn(random: Random, number: int, values: Mapping[str, Sequence[Any]]) -> Asked:
    query, given = draw(random, values)
    return Asked(f"{number}", query, given, who=random.choice(("nobody", "nobody", "tester", "staff", "stranger")))


async def differences(twins: Twins, asked: Asked, counts: Counter[str]) -> list[str]:
    """As the twins have them, whoever answers; and counts who did."""
    before, kept = twins.by_plans(), twins.engine.counts["kept"]
    found = [one for one in await twins.differences(asked) if DIFFERS in one]
    counts["by a plan"] += twins.by_plans() > before
    counts["kept"] += twins.engine.counts["kept"] > kept
    counts["refused"] += twins.last is not None and b'"errors"' in twins.last.body
    return found
