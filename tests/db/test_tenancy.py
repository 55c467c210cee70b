"""One business never sees another's, even where a statement forgets to ask for its own only: row-level security, for the role
that the program works as."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from db import pool
from db.pool import Database, PoolSettings, StartupError

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

ROLE = pool.SETTINGS["role"]
OURS, THEIRS = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"

TABLES = """
select c.relname::text as name, case when c.relname = 'tenants' then 'id' else 'tenant_id' end as key
  from pg_class c
 where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace and c.relname <> 'schema_migrations'
 order by 1
"""
FORCED = """
select c.relrowsecurity and c.relforcerowsecurity as forced,
       exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = $2 and not a.attisdropped) as has_key
  from pg_class c
 where c.oid = $1::text::regclass
"""
# A row in every table for both tenants, with the same ids but for the tenant's.
FURNISH = """
do $$
declare
    tenant uuid;
    one uuid := '00000000-0000-4000-8000-000000000001';
    two uuid := '00000000-0000-4000-8000-000000000002';
    at timestamptz := '2030-01-16T09:00Z';
begin
    foreach tenant in array array['{OURS}', '{THEIRS}']::uuid[] loop
        insert into tenants (id, slug, name, timezone, currency)
            values (tenant, right(tenant::text, 1), 'Salon', 'Etc/UTC', 'EUR');
        insert into locations (tenant_id, id, name, timezone) values
            (tenant, one, 'Here', 'Etc/UTC'), (tenant, two, 'There', 'Etc/UTC');
        insert into closures values (tenant, one, '2030-01-01', 'New Year');
        insert into travel_times values (tenant, one, two, 10);
        insert into services (tenant_id, id, name, duration_minutes, price_cents) values (tenant, one, 'Cut', 30, 100);
        insert into stylists (tenant_id, id, name, home_location_id) values (tenant, one, 'Asha', one);
        insert into offerings values (tenant, one, one);
        insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
            values (tenant, one, one, 3, 540, 1020);
        insert into overrides values (tenant, one, '2030-01-17', one);
        insert into override_hours values (tenant, one, '2030-01-17', false, 540, 600);
        insert into time_off (tenant_id, stylist_id, starts_at, ends_at) values (tenant, one, at, at + interval '1 hour');
        insert into busy_sources values (tenant, one, 'google');
        insert into busy_times (tenant_id, stylist_id, source, starts_at, ends_at)
            values (tenant, one, 'google', at, at + interval '1 hour');
        insert into preferences values (tenant, one, 240);
        insert into avoided_services (tenant_id, stylist_id, service_id, from_minute, to_minute)
            values (tenant, one, one, 540, 600);
        insert into price_rules (tenant_id, position, name, basis_points) values (tenant, 0, 'Peak', 2000);
        insert into customers (tenant_id, id, name) values (tenant, one, 'Cleo');
        insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
        values (tenant, one, one, one, 'CONFIRMED', at, at + interval '30 minutes',
            tstzrange(at, at + interval '30 minutes'), 100);
        insert into waitlist (tenant_id, id, holder, service_id, from_on, until_on, customer_id)
            values (tenant, one, 'session:one', one, '2030-01-16', '2030-01-17', one);
        insert into waitlist_offers (tenant_id, hold_id, entry_id, stylist_id, starts_at)
            select tenant, id, one, one, at from bookings where tenant_id = tenant;
        insert into webhooks (tenant_id, id, url, secret) values (tenant, one, 'https://example.org', 'whsec_AAAA');
        insert into outbox (tenant_id, webhook_id, booking_id, event, body)
            values (tenant, one, one, 'booking.confirmed', '{}');
        insert into summaries values (tenant, 'customer:' || one);
        insert into calendar_feeds values (tenant, one, sha256(''));
        insert into offered_lists values (tenant, 1, one, one, '2030-01-16', null, '1.1', array[at], true, at);
        insert into offers (tenant_id, at, lists, times) values (tenant, at, '{1}', 1);
        insert into demand values (tenant, at, one, 1, 0);
        insert into idempotency_keys values (tenant, 'session:one', 'holdPlace', 'key', '');
        insert into nights (tenant_id, on_date) values (tenant, '2030-01-16');
        insert into asked values (tenant, 3, one, 0, 1, '2030-01-16');
        insert into audit_log (tenant_id, actor, action) values (tenant, 'session:one', 'holdPlace');
    end loop;
end $$
""".replace("{OURS}", OURS).replace("{THEIRS}", THEIRS)


@pytest.fixture
async def raw(database_url: str) -> AsyncIterator[Connection]:
    """The superuser's connection to a database in which two tenants have everything."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(FURNISH)
    yield connection
    await connection.close()


async def faults(connection: Connection) -> list[str]:
    """Every way in which the program's role could reach past the tenant that it named."""
    found = []
    for name, key in [(row["name"], row["key"]) for row in await connection.fetch(TABLES)]:
        table = await connection.fetchrow(FORCED, name, key)
        assert table is not None
        if not table["has_key"]:
            found.append(f"{name} has no {key}")
            continue
        if not table["forced"]:
            found.append(f"{name} does not force row-level security")
        for tenant, sees in ((OURS, 1), ("", 0)):
            count = f"select count(*), count(*) filter (where {key}::text = '{tenant}') as own from {name}"
            row = await as_the_program(connection, tenant, count)
            if row["count"] != row["own"] or min(row["count"], 1) != sees:
                found.append(f"{name} shows tenant {tenant!r} {row['count']} rows, of which {row['own']} are theirs")
        with suppress(asyncpg.InsufficientPrivilegeError):
            with suppress(asyncpg.IntegrityConstraintViolationError):
                await as_the_program(connection, OURS, f"update {name} set {key} = '{THEIRS}'")
            found.append(f"{name} lets rows be given to another tenant")
    return found


async def as_the_program(connection: Connection, tenant: str, statement: str) -> Any:
    """The first row of a statement in a transaction of the program's role, which comes to nothing."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"set local role {ROLE}")
        await pool.become(connection, tenant)
        return await connection.fetchrow(statement)
    finally:
        await transaction.rollback()


async def test_every_table_shows_and_takes_the_rows_of_the_named_tenant_alone(raw: Connection) -> None:
    assert await faults(raw) == []


@pytest.mark.parametrize(
    "mutant",
    [
        "drop policy tenant on {}",
        "alter table {} disable row level security",
        "alter table {} no force row level security",
        "create policy too_kind on {} using (true)",
    ],
)
@pytest.mark.parametrize("table", ["bookings", "tenants", "day_versions", "audit_log"])
async def test_a_table_that_is_left_open_is_found(raw: Connection, mutant: str, table: str) -> None:
    await raw.execute(mutant.format(table))

    found = await faults(raw)

    assert found
    assert all(fault.startswith(table) for fault in found), found


async def test_a_new_table_without_a_tenant_is_found(raw: Connection) -> None:
    await raw.execute("create table notes (id integer)")

    assert await faults(raw) == ["notes has no tenant_id"]


async def test_the_program_is_neither_owner_nor_superuser(raw: Connection) -> None:
    role = await raw.fetchrow(
        "select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole from pg_roles where rolname = $1", ROLE
    )
    owned = await raw.fetchval("select count(*) from pg_class where relowner = $1::text::regrole", ROLE)

    assert role is not None
    assert set(role.values()) == {False}
    assert owned == 0


@pytest.mark.parametrize(
    "statement", ["update audit_log set actor = 'nobody'", "delete from audit_log", "truncate audit_log"]
)
async def test_the_audit_log_is_only_added_to(raw: Connection, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_the_program(raw, OURS, statement)


async def test_a_pool_works_as_that_role_and_forgets_the_tenant_with_the_transaction(database: Database) -> None:
    async with database.transaction(OURS) as connection:
        inside = await connection.fetchrow("select current_user::text, current_tenant()::text")
    async with database.connection() as connection:
        after = await connection.fetchval("select current_tenant()")

    assert tuple(inside) == (ROLE, OURS)
    assert after is None


async def test_a_user_who_may_not_be_the_role_is_told_what_to_do(raw: Connection, database_url: str) -> None:
    await raw.execute("drop role if exists stranger; create role stranger login")

    with pytest.raises(StartupError, match="grant chairtime_app to"):
        await Database.open(database_url.replace("postgres:", "stranger:", 1), PoolSettings())
    await raw.execute("drop role stranger")
