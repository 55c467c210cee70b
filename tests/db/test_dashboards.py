"""A dashboard's statement at the edges of days and months, where only time passes; and its summaries under raw SQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import pytest

from db import dashboards
from db.dashboards import Figures
from db.pool import Database
from domain.model import ActivityKind

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

TENANT = "00000000-0000-4000-8000-00000000000a"
ONE, KATHMANDU, AUCKLAND = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
SALON = f"""
insert into tenants (id, slug, name, timezone, currency) values ('{TENANT}', 'a', 'Salon', 'Etc/UTC', 'EUR');
insert into locations (tenant_id, id, name, timezone) values
    ('{TENANT}', '{KATHMANDU}', 'Kathmandu', 'Asia/Kathmandu'), ('{TENANT}', '{AUCKLAND}', 'Auckland', 'Pacific/Auckland');
insert into services (tenant_id, id, name, duration_minutes, price_cents) values ('{TENANT}', '{ONE}', 'Cut', 30, 100);
insert into stylists (tenant_id, id, name, home_location_id) values ('{TENANT}', '{ONE}', 'Asha', '{KATHMANDU}');
insert into customers (tenant_id, id, owner, name) values ('{TENANT}', '{ONE}', 'session:ann', 'Ann');
"""
BOOK = f"""
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents, holder,
                      customer_id, payment_due_at)
values ('{TENANT}', '{ONE}', '{ONE}', $2, $3, $1::timestamptz, $1 + interval '30 minutes',
        tstzrange($1, $1 + interval '30 minutes'), 100, 'session:ann', '{ONE}', $4)
returning id::text
"""
SECOND = timedelta(seconds=1)


@pytest.fixture
async def ann(sql: Connection, database: Database) -> Any:
    """Books for Ann, and answers her figures as of an instant: as a customer and as a session they must be the same."""
    await sql.execute(SALON)

    class Ann:
        async def book(
            self, at: datetime, place: str = KATHMANDU, status: str = "CONFIRMED", due: datetime | None = None
        ) -> str:
            return str(await sql.fetchval(BOOK, at, place, status, due))

        async def figures(self, at: datetime | None = None) -> Figures:
            async with database.transaction(TENANT) as connection:
                found = [
                    await dashboards.load(
                        *(connection, TENANT), customer_id=who, holder="session:ann", is_staff=False, at=at
                    )
                    for who in (ONE, None)
                ]
            assert found[0] == found[1]
            assert found[0] is not None
            return found[0]

    return Ann()


@pytest.mark.parametrize("place", [KATHMANDU, AUCKLAND])
async def test_a_month_begins_and_ends_at_midnight_of_the_place(ann: Any, place: str) -> None:
    """At +5:45, and where daylight saving has moved midnight by an hour within the month."""
    edges = {
        KATHMANDU: (datetime(2030, 3, 31, 18, 15, tzinfo=UTC), datetime(2030, 4, 30, 18, 15, tzinfo=UTC)),
        AUCKLAND: (datetime(2030, 3, 31, 11, tzinfo=UTC), datetime(2030, 4, 30, 12, tzinfo=UTC)),
    }
    begins, ends = edges[place]
    for at in (begins - timedelta(hours=1), begins, ends - timedelta(hours=1), ends):
        await ann.book(at, place)

    months = [
        (await ann.figures(at)).this_month
        for at in (begins - SECOND, begins, ends - SECOND, ends, ends + 31 * 24 * SECOND)
    ]

    assert months == [1, 2, 2, 1, 1]


async def test_a_booking_is_to_come_until_it_begins(ann: Any) -> None:
    begins = datetime(2030, 3, 31, 12, tzinfo=UTC)
    first, second = await ann.book(begins), await ann.book(begins + timedelta(hours=1))

    before, at = await ann.figures(begins - SECOND), await ann.figures(begins)

    assert (before.upcoming, before.next_id) == (2, first)
    assert (at.upcoming, at.next_id) == (1, second)


async def test_a_booking_not_paid_in_time_is_off_by_itself(ann: Any) -> None:
    begins, due = datetime(2030, 3, 20, 12, tzinfo=UTC), datetime(2030, 3, 15, tzinfo=UTC)
    booking = await ann.book(begins, due=due)

    before, after = await ann.figures(due - SECOND), await ann.figures(due)

    assert (before.upcoming, before.this_month, before.next_id) == (1, 1, booking)
    assert (after.upcoming, after.this_month, after.next_id) == (0, 0, None)
    assert [one.what for one in before.recent] == [ActivityKind.BOOKED]
    assert [(one.at, one.what) for one in after.recent][:1] == [(due, ActivityKind.CANCELLED)]


async def test_a_hold_is_nothing_and_a_booking_made_of_it_is(ann: Any, sql: Connection) -> None:
    begins = datetime(2030, 3, 20, 12, tzinfo=UTC)
    hold = await sql.fetchval(BOOK.replace("payment_due_at", "expires_at"), begins, KATHMANDU, "HELD", begins)
    held = await ann.figures(begins - timedelta(days=1))

    await sql.execute("update bookings set status = 'CONFIRMED'")

    assert held == Figures(0, 0, 0, None, ())
    assert [(one.what, one.booking_id) for one in (await ann.figures()).recent] == [(ActivityKind.BOOKED, hold)]


async def test_many_rows_at_once_count_once_each(ann: Any, sql: Connection) -> None:
    for days in range(8):
        await ann.book(datetime(2030, 3, 1 + days, 12, tzinfo=UTC))

    await sql.execute("update bookings set status = 'COMPLETED'")
    completed = await ann.figures()
    await sql.execute("delete from bookings where starts_at < '2030-03-04'")
    fewer = await ann.figures()
    await sql.execute("update bookings set customer_id = null, holder = null where starts_at < '2030-03-06'")
    given_away = await ann.figures()
    await sql.execute("truncate bookings cascade")

    assert (completed.completed, fewer.completed, given_away.completed) == (8, 5, 3)
    assert [one.what for one in completed.recent] == [ActivityKind.COMPLETED] * 5
    assert await ann.figures() == Figures(0, 0, 0, None, ())


@pytest.mark.parametrize(
    ("statement", "left"),
    [("delete from customers", ["session:ann"]), ("delete from tenants", [])],
)
async def test_summaries_go_with_whose_they_are(ann: Any, sql: Connection, statement: str, left: list[str]) -> None:
    await ann.book(datetime(2030, 3, 1, 12, tzinfo=UTC), status="COMPLETED")

    await sql.execute(statement)

    assert [row["whose"] for row in await sql.fetch("select whose from summaries")] == left
    assert all(row["completed"] == 0 for row in await sql.fetch("select completed from summaries"))


async def test_what_was_there_before_summaries_is_summed_up(ann: Any, sql: Connection) -> None:
    """The part of the migration that does it, run over rows of which nobody took note."""
    begins = datetime(2030, 3, 1, 12, tzinfo=UTC)
    for days, status in enumerate(["COMPLETED", "CANCELLED", "CONFIRMED", "NO_SHOW", "COMPLETED"]):
        await ann.book(begins + timedelta(days=days), status=status)
    await sql.execute("update bookings set ended_at = starts_at where status <> 'CONFIRMED'")
    await sql.execute("truncate summaries")
    migration = (dashboards.queries.SQL.parent / "migrations" / "0008_summaries.sql").read_text()
    (backfill,) = [part for part in migration.split("\ndo $$\n") if "insert into summaries" in part and "loop" in part][
        -1:
    ]

    await sql.execute(f"do $$\n{backfill.split('end $$;')[0]}end $$;")

    found = await ann.figures()
    assert found.completed == 2
    assert [one.what.value for one in found.recent] == ["COMPLETED", "NO_SHOW", "CANCELLED", "COMPLETED", "BOOKED"]
    whole = json.loads(await sql.fetchval("select json_agg(whose order by whose)::text from summaries"))
    assert whole == [f"customer:{ONE}", "session:ann"]
