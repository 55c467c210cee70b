"""A salon file in the database: what it adds, changes, replaces and leaves alone, all of it or nothing."""

from __future__ import annotations

import asyncio
import copy
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

import asyncpg
import pytest

from db import queries
from db.imports import Counts
from db.pool import Database
from resolvers import importing, salon_file
from resolvers.importing import ImportSummary

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

EXAMPLE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs" / "salon.example.json").read_text())
THAMEL, PATAN = (location["id"] for location in EXAMPLE["locations"])
CUT = EXAMPLE["services"][0]["id"]
ASHA = EXAMPLE["stylists"][0]["id"]
BINITA = "33333333-0000-4000-8000-000000000002"

FACTS = (
    "tenants locations closures travel_times services stylists offerings schedule_hours overrides override_hours "
    "time_off busy_sources busy_times price_rules bookings"
)
VERSIONS = "directory_versions stylist_versions day_versions"


def example(**asha: Any) -> dict[str, Any]:
    """The example, with some of Asha's keys replaced."""
    salon = copy.deepcopy(EXAMPLE)
    salon["stylists"][0].update(asha)
    return salon


def utc(text: str) -> datetime:
    """`2026-12-15 10:00`, UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def booking(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"startUtc": f"{start.replace(' ', 'T')}Z", "endUtc": f"{end.replace(' ', 'T')}Z", "service": CUT, **more}


async def load(database: Database, salon: dict[str, Any]) -> ImportSummary:
    return await importing.import_salon(database, salon_file.parse(json.dumps(salon)), lambda *_: None)


async def rows(sql: Connection, tables: str) -> dict[str, list[tuple[str, str]]]:
    """Every row of these tables as text, with the transaction that wrote it."""
    return {
        table: [tuple(row) for row in await sql.fetch(f"select xmin::text, t::text from {table} t order by 2")]
        for table in tables.split()
    }


async def row(sql: Connection, query: str) -> dict[str, Any]:
    """The one row that the query finds."""
    (found,) = await sql.fetch(query)
    return dict(found)


async def versions(sql: Connection) -> dict[str, int]:
    """By stylist id."""
    return {str(row[0]): row[1] for row in await sql.fetch("select stylist_id, version from stylist_versions")}


async def starts(sql: Connection) -> list[datetime]:
    """Of confirmed bookings, in order."""
    return [
        row[0]
        for row in await sql.fetch("select starts_at from bookings where status = 'CONFIRMED' order by starts_at")
    ]


async def test_the_example_comes_in_as_it_says(database: Database, sql: Connection) -> None:
    summary = await load(database, EXAMPLE)

    assert {kind: counts.added for kind, counts in summary.counts.items()} == {
        "tenant": 1,
        "locations": 2,
        "services": 1,
        "stylists": 1,
        "closures": 1,
        "travel": 1,
        "offerings": 1,
        "hours": 11,
        "overrides": 2,
        "overrideHours": 2,
        "timeOff": 2,
        "busy": 1,
        "priceRules": 3,
        "bookings": 1,
    }
    assert await row(sql, "select id, slug, name, timezone, currency, hold_seconds from tenants") == {
        "id": UUID(summary.tenant_id),
        "slug": "kb-stylish",
        "name": "KB Stylish",
        "timezone": "Asia/Kathmandu",
        "currency": "NPR",
        "hold_seconds": 600,
    }


async def test_hours_are_a_row_a_weekday_at_home_or_where_they_say(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)

    found = await sql.fetch(
        "select weekday, starts_minute, ends_minute, is_break, location_id::text, valid_from, valid_until"
        "  from schedule_hours order by 1, 2"
    )
    assert [tuple(row) for row in found] == [
        *(
            (weekday, starts, ends, is_break, THAMEL, None, None)
            for weekday in range(1, 6)
            for starts, ends, is_break in ((540, 1020, False), (780, 840, True))
        ),
        (6, 1320, 1560, False, PATAN, date(2026, 12, 1), date(2027, 2, 28)),
    ]


async def test_a_date_off_is_the_local_day_at_home(database: Database, sql: Connection) -> None:
    await load(database, example(timeOff=[{"date": "2026-12-11"}]))

    found = await row(sql, "select starts_at, ends_at from time_off")
    assert found == {"starts_at": utc("2026-12-10 18:15"), "ends_at": utc("2026-12-11 18:15")}


async def test_a_date_off_that_home_skipped_is_nothing(database: Database, sql: Connection) -> None:
    salon = example(timeOff=[{"date": "2011-12-30"}])
    salon["locations"][0]["timezone"] = "Pacific/Apia"

    await load(database, salon)

    assert await sql.fetchval("select count(*) from time_off") == 0


async def test_windows_that_end_where_they_start_are_nothing(database: Database, sql: Connection) -> None:
    empty = [["09:00", "09:00"]]
    salon = example(
        hours=[{"days": ["MON"], "windows": empty, "breaks": empty}],
        overrides=[{"date": "2026-12-24", "windows": empty, "breaks": empty}],
    )

    await load(database, salon)

    assert await sql.fetchval("select count(*) from schedule_hours") == 0
    assert await sql.fetchval("select count(*) from override_hours") == 0
    assert await sql.fetchval("select count(*) from overrides") == 1


async def test_an_override_is_at_home_or_where_it_says(database: Database, sql: Connection) -> None:
    there = {"date": "2026-12-24", "windows": [["10:00", "13:00"]], "location": PATAN}

    await load(database, example(overrides=[there, {"date": "2026-12-25", "windows": []}]))

    found = await sql.fetch("select on_date, location_id::text from overrides order by 1")
    assert [tuple(row) for row in found] == [(date(2026, 12, 24), PATAN), (date(2026, 12, 25), THAMEL)]


async def test_a_booking_keeps_its_buffers_and_has_the_stylists_price(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)

    found = await row(sql, "select lower(occupied), upper(occupied), price_cents, status from bookings")
    assert list(found.values()) == [utc("2026-12-15 04:15"), utc("2026-12-15 04:55"), 180000, "CONFIRMED"]


async def test_without_a_price_of_the_stylist_a_booking_has_the_services(database: Database, sql: Connection) -> None:
    await load(database, example(services=[]))

    assert await sql.fetchval("select price_cents from bookings") == 150000


async def test_price_rules_stand_in_the_order_of_the_file(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)

    found = await sql.fetch(
        "select name, basis_points, weekdays, from_minute, to_minute from price_rules order by position"
    )
    assert [tuple(row) for row in found] == [
        ("Weekend", 2000, [6, 7], None, None),
        ("Early bird", -1000, [], 480, 600),
        ("Dashain", 1500, [], None, None),
    ]


async def test_the_same_file_twice_writes_no_row_and_raises_no_version(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    before = await rows(sql, f"{FACTS} {VERSIONS}")

    summary = await load(database, EXAMPLE)

    assert summary.is_empty
    assert summary.counts["bookings"] == Counts(known=1)
    assert await rows(sql, f"{FACTS} {VERSIONS}") == before


async def test_the_same_list_in_another_order_is_the_same(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    before = await rows(sql, f"{FACTS} {VERSIONS}")
    asha = {key: value[::-1] for key, value in EXAMPLE["stylists"][0].items() if isinstance(value, list)}

    await load(database, example(**asha))

    assert await rows(sql, f"{FACTS} {VERSIONS}") == before


CHANGES = [
    pytest.param(("tenant", "holdMinutes"), 5, "tenants", id="a tenant's hold time"),
    pytest.param(("locations", 0, "name"), "Lazimpat", "locations", id="a location's name"),
    pytest.param(("services", 0, "priceCents"), 1, "services", id="a service's price"),
    pytest.param(("services", 0, "active"), False, "services", id="a service taken off sale"),
    pytest.param(("stylists", 0, "name"), "Usha", "stylists", id="a stylist's name"),
    pytest.param(("stylists", 0, "active"), False, "stylists", id="a stylist taken off sale"),
    pytest.param(("stylists", 0, "services", 0, "priceCents"), None, "offerings", id="an offering's price"),
    pytest.param(("stylists", 0, "overrides", 0, "location"), PATAN, "overrides", id="an override's place"),
    pytest.param(("stylists", 0, "overrides", 0, "breaks"), [], "override_hours", id="an override's break"),
    pytest.param(("stylists", 0, "hours", 1, "until"), "2027-03-31", "schedule_hours", id="a season's end"),
    pytest.param(("stylists", 0, "timeOff", 0, "endUtc"), "2026-12-10T06:30:00Z", "time_off", id="time off"),
    pytest.param(("travel", 0, "minutes"), 20, "travel_times", id="the time of a way"),
    pytest.param(("locations", 0, "closures"), ["2027-01-02"], "closures", id="a closure"),
    pytest.param(("priceRules", 1, "percent"), -12.5, "price_rules", id="a price rule's percentage"),
]


@pytest.mark.parametrize("path, value, table", CHANGES)
async def test_a_change_is_written_where_it_belongs_and_nowhere_else(
    database: Database, sql: Connection, path: tuple[Any, ...], value: Any, table: str
) -> None:
    await load(database, EXAMPLE)
    before = await rows(sql, FACTS)
    salon: Any = copy.deepcopy(EXAMPLE)
    place = salon
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value

    summary = await load(database, salon)
    after = await rows(sql, FACTS)

    assert not summary.is_empty
    assert [name for name in before if before[name] != after[name]] == [table]
    assert (await load(database, salon)).is_empty


async def test_without_active_a_thing_is_on_sale_again(database: Database, sql: Connection) -> None:
    off_sale = example(active=False)
    off_sale["services"][0]["active"] = False
    await load(database, off_sale)
    assert await sql.fetchval("select count(*) from services s, stylists y where s.active or y.active") == 0

    await load(database, EXAMPLE)

    assert await sql.fetchval("select count(*) from services s, stylists y where s.active and y.active") == 1


@pytest.mark.parametrize(
    "key, table",
    [
        ("hours", "schedule_hours"),
        ("overrides", "overrides"),
        ("overrides", "override_hours"),
        ("timeOff", "time_off"),
        ("busy", "busy_times"),
        ("services", "offerings"),
    ],
)
async def test_a_list_of_a_stylist_is_replaced(database: Database, sql: Connection, key: str, table: str) -> None:
    two = example()
    two["stylists"].append({**two["stylists"][0], "id": BINITA, "name": "Binita"})
    await load(database, two)
    others = await sql.fetch(f"select xmin, t from {table} t where stylist_id = $1", BINITA)

    await load(database, example(**{key: []}))

    assert await sql.fetchval(f"select count(*) from {table} where stylist_id = $1", ASHA) == 0
    assert await sql.fetch(f"select xmin, t from {table} t where stylist_id = $1", BINITA) == others != []


async def test_travel_price_rules_and_closures_are_replaced(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    salon = example()
    del salon["travel"], salon["priceRules"], salon["locations"][0]["closures"]

    summary = await load(database, salon)

    assert [summary.counts[kind].removed for kind in ("travel", "priceRules", "closures")] == [1, 3, 1]
    assert [
        await sql.fetchval(f"select count(*) from {table}") for table in ("travel_times", "price_rules", "closures")
    ] == [0] * 3


async def test_bookings_are_never_removed(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)

    await load(database, example(bookings=[]))

    assert await sql.fetchval("select count(*) from bookings") == 1


async def test_what_the_file_does_not_name_stays(database: Database, sql: Connection) -> None:
    two = example()
    two["stylists"].append({**two["stylists"][0], "id": BINITA, "name": "Binita"})
    await load(database, two)
    before = await rows(sql, FACTS)

    summary = await load(database, EXAMPLE)

    assert summary.is_empty
    assert await rows(sql, FACTS) == before


async def test_a_closure_of_a_place_outside_the_file_stays(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    alone = example(hours=[])
    alone["locations"] = [alone["locations"][1]]
    alone["travel"] = []
    alone["stylists"][0].update(location=PATAN, bookings=[])

    await load(database, alone)

    assert await sql.fetchval("select location_id::text from closures") == THAMEL


async def test_like_things_of_a_list_are_counted(database: Database, sql: Connection) -> None:
    once = EXAMPLE["stylists"][0]["timeOff"][0]
    await load(database, example(timeOff=[once, once, once]))
    before = await rows(sql, "time_off")

    summary = await load(database, example(timeOff=[once, once]))

    assert summary.counts["timeOff"] == Counts(removed=1)
    assert set((await rows(sql, "time_off"))["time_off"]) < set(before["time_off"])


async def test_what_stays_of_a_list_keeps_what_the_file_cannot_say(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    for table in ("closures", "overrides", "time_off"):
        await sql.execute(f"update {table} set reason = 'wedding'")

    summary = await load(database, EXAMPLE)

    assert summary.is_empty
    assert await sql.fetchval("select count(*) from overrides natural join time_off where reason = 'wedding'") == 4


async def test_only_the_stylist_whose_list_changed_gets_a_new_version(database: Database, sql: Connection) -> None:
    two = example()
    two["stylists"].append({**two["stylists"][0], "id": BINITA, "name": "Binita"})
    await load(database, two)
    before = await versions(sql)

    two["stylists"][0]["hours"] = two["stylists"][0]["hours"][:1]
    await load(database, two)
    after = await versions(sql)

    assert after[ASHA] > before[ASHA]
    assert after[BINITA] == before[BINITA]


async def test_price_rules_may_change_places(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    salon = example()
    salon["priceRules"].reverse()

    await load(database, salon)

    names = [row["name"] for row in await sql.fetch("select name from price_rules order by position")]
    assert names == ["Dashain", "Early bird", "Weekend"]


async def test_the_way_between_two_places_is_the_same_both_ways_round(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    salon = example()
    salon["travel"] = [{"from": PATAN, "to": THAMEL, "minutes": 30}]

    summary = await load(database, salon)

    assert summary.is_empty
    assert await sql.fetchval("select count(*) from travel_times") == 1


async def test_a_calendar_is_heard_of_when_its_list_changes(database: Database, sql: Connection) -> None:
    google, outlook = (
        {"source": name, "startUtc": "2026-12-14T05:00:00Z", "endUtc": "2026-12-14T06:00:00Z"}
        for name in ("google", "outlook")
    )
    await load(database, example(busy=[google, outlook]))
    await sql.execute("update busy_sources set as_of = '2026-01-01Z'")

    await load(database, example(busy=[google]))

    heard = {row["source"]: row["as_of"] for row in await sql.fetch("select source, as_of from busy_sources")}
    assert heard["google"] == utc("2026-01-01 00:00")
    assert heard["outlook"] > utc("2026-01-01 00:00")


async def test_a_booking_with_the_start_of_a_known_one_is_that_one(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    longer = booking("2026-12-15 04:15", "2026-12-15 06:15")

    summary = await load(database, example(bookings=[longer]))

    assert summary.counts["bookings"] == Counts(known=1)
    assert await sql.fetchval("select ends_at from bookings") == utc("2026-12-15 04:45")


@pytest.mark.parametrize("status", ["CONFIRMED", "COMPLETED", "NO_SHOW", "CANCELLED"])
async def test_a_booking_is_known_whatever_became_of_it(database: Database, sql: Connection, status: str) -> None:
    await load(database, EXAMPLE)
    await sql.execute("update bookings set status = $1", status)
    before = await rows(sql, f"bookings {VERSIONS}")

    summary = await load(database, EXAMPLE)

    assert summary.counts["bookings"] == Counts(known=1)
    assert await rows(sql, f"bookings {VERSIONS}") == before


async def test_a_cancelled_booking_leaves_its_time_to_another_start(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    await sql.execute("update bookings set status = 'CANCELLED'")

    summary = await load(database, example(bookings=[booking("2026-12-15 04:20", "2026-12-15 04:40")]))

    assert summary.counts["bookings"] == Counts(added=1)


async def test_a_cancelled_booking_of_another_stylist_is_another(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    await sql.execute("update bookings set status = 'CANCELLED'")
    two = example()
    two["stylists"].append({**two["stylists"][0], "id": BINITA, "name": "Binita"})

    summary = await load(database, two)

    assert summary.counts["bookings"] == Counts(added=1, known=1)


OVERLAPS = [
    pytest.param(booking("2026-12-15 04:30", "2026-12-15 05:00"), Counts(skipped=1), id="its own time is taken"),
    pytest.param(
        booking("2026-12-15 04:50", "2026-12-15 05:20"), Counts(skipped=1), id="the other's buffer is in the way"
    ),
    pytest.param(booking("2026-12-15 04:55", "2026-12-15 05:25"), Counts(added=1), id="touching is not overlapping"),
    pytest.param(
        booking("2026-12-15 05:00", "2026-12-15 05:30", bufferBeforeMinutes=6),
        Counts(skipped=1),
        id="its buffer is in the way",
    ),
    pytest.param(
        booking("2026-12-15 05:00", "2026-12-15 05:30", bufferBeforeMinutes=5),
        Counts(added=1),
        id="buffers that touch fit",
    ),
    pytest.param(
        booking("2026-12-15 04:30", "2026-12-15 05:00", location=PATAN), Counts(skipped=1), id="taken at another place"
    ),
    pytest.param(booking("2026-12-15 22:00", "2026-12-16 04:00"), Counts(added=1), id="working hours do not matter"),
]


@pytest.mark.parametrize("second, counts", OVERLAPS)
async def test_a_booking_comes_in_only_if_it_fits(database: Database, second: dict[str, Any], counts: Counts) -> None:
    await load(database, EXAMPLE)

    summary = await load(database, example(bookings=[second]))

    assert summary.counts["bookings"] == counts


async def test_of_overlapping_bookings_in_a_file_the_first_to_start_fits(database: Database, sql: Connection) -> None:
    late, early = booking("2026-12-15 10:15", "2026-12-15 11:00"), booking("2026-12-15 10:00", "2026-12-15 10:30")

    summary = await load(database, example(bookings=[late, early, early]))

    assert summary.counts["bookings"] == Counts(added=1, skipped=2)
    assert await starts(sql) == [utc("2026-12-15 10:00")]


@pytest.mark.parametrize(
    "status, expires, counts",
    [
        pytest.param("HELD", timedelta(hours=1), Counts(skipped=1), id="a live hold stands in the way"),
        pytest.param("HELD", timedelta(hours=-1), Counts(added=1), id="an expired hold does not"),
        pytest.param("RELEASED", timedelta(hours=1), Counts(added=1), id="a released hold does not"),
    ],
)
async def test_a_hold_is_no_booking_and_counts_until_it_ends(
    database: Database, sql: Connection, status: str, expires: timedelta, counts: Counts
) -> None:
    await load(database, example(bookings=[]))
    await sql.execute(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
        " price_cents, holder, expires_at)"
        " select tenant_id, id, $1, home_location_id, $2, $3, $4, tstzrange($3, $4), 1, 'session:x', now() + $5"
        " from stylists",
        CUT,
        status,
        utc("2026-12-15 04:15"),
        utc("2026-12-15 04:45"),
        expires,
    )

    summary = await load(database, EXAMPLE)

    assert summary.counts["bookings"] == counts


@pytest.mark.parametrize(
    "due, counts",
    [
        pytest.param(timedelta(hours=1), Counts(skipped=1), id="one that may still be paid for stands in the way"),
        pytest.param(timedelta(hours=-1), Counts(added=1), id="one not paid for in time does not"),
        pytest.param(None, Counts(skipped=1), id="one that is paid for, or need not be, stands in the way"),
    ],
)
async def test_a_booking_that_awaits_payment_counts_until_it_is_due(
    database: Database, sql: Connection, due: timedelta | None, counts: Counts
) -> None:
    await load(database, example(bookings=[]))
    await sql.execute(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
        " price_cents, payment_due_at)"
        " select tenant_id, id, $1, home_location_id, 'CONFIRMED', $2, $3, tstzrange($2, $3), 1, now() + $4 from stylists",
        CUT,
        utc("2026-12-15 04:30"),
        utc("2026-12-15 04:45"),
        due,
    )

    summary = await load(database, EXAMPLE)

    assert summary.counts["bookings"] == counts


async def test_two_tenants_may_have_the_same_ids(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    before = await rows(sql, FACTS)
    rival = example(hours=[])
    rival["tenant"]["slug"] = "rival"

    summary = await load(database, rival)
    after = await rows(sql, FACTS)

    assert summary.counts["bookings"] == Counts(added=1)
    assert all(set(before[table]) <= set(after[table]) for table in before)
    assert await sql.fetchval("select count(*) from stylists where id = $1", ASHA) == 2


async def test_a_failure_leaves_nothing_behind(database: Database, sql: Connection) -> None:
    await sql.execute("alter table bookings add constraint nothing_fits check (price_cents < 0)")

    with pytest.raises(asyncpg.CheckViolationError):
        await load(database, EXAMPLE)

    assert not any((await rows(sql, f"{FACTS} {VERSIONS}")).values())


async def test_a_failure_leaves_what_was_there(database: Database, sql: Connection) -> None:
    await load(database, EXAMPLE)
    before = await rows(sql, f"{FACTS} {VERSIONS}")
    await sql.execute("alter table bookings add constraint nothing_fits check (price_cents < 0) not valid")
    other = example(name="Usha", hours=[], bookings=[booking("2026-12-16 10:00", "2026-12-16 10:30")])

    with pytest.raises(asyncpg.CheckViolationError):
        await load(database, other)

    assert await rows(sql, f"{FACTS} {VERSIONS}") == before


async def test_a_zone_that_postgres_does_not_know_is_a_fault(database: Database, sql: Connection) -> None:
    salon = salon_file.parse(json.dumps(EXAMPLE))
    places = [salon.locations[0], salon.locations[1].model_copy(update={"timezone": "Asia/Lalitpur"})]

    with pytest.raises(salon_file.BadFile) as caught:
        await importing.import_salon(database, salon.model_copy(update={"locations": places}), lambda *_: None)

    assert str(caught.value) == (
        'locations[1].timezone: "Asia/Lalitpur" is a time zone that this Postgres does not know'
    )
    assert await sql.fetchval("select count(*) from tenants") == 0


async def test_two_imports_at_once_are_as_good_as_one(database: Database, sql: Connection) -> None:
    first, second = await asyncio.gather(load(database, EXAMPLE), load(database, EXAMPLE))

    assert sorted([first.is_empty, second.is_empty]) == [False, True]
    assert await sql.fetchval("select count(*) from bookings") == 1
    assert await sql.fetchval("select count(*) from time_off") == 2


async def test_progress_is_told_by_kind_up_to_the_end(database: Database) -> None:
    told: list[tuple[str, int, int]] = []

    await importing.import_salon(database, salon_file.parse(json.dumps(EXAMPLE)), lambda *news: told.append(news))

    assert told[:2] == [("locations", 2, 2), ("services", 1, 1)]
    assert told[-1] == ("bookings", 1, 1)
    assert ("hours", 11, 11) in told


def _many(stylists: int) -> dict[str, Any]:
    salon = example()
    asha = salon["stylists"][0]
    salon["stylists"] = [{**asha, "id": f"33333333-0000-4000-8000-{n:012}"} for n in range(stylists)]
    return salon


async def test_statements_do_not_grow_with_the_file(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(queries, "observers", [lambda name, _: ran.append(name)])

    await load(database, _many(2))
    few = len(ran)
    await load(database, _many(40))

    assert len(ran) == 2 * few


async def test_a_file_in_many_statements_is_the_same(
    database: Database, sql: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "ROWS_A_STATEMENT", 2)
    summary = await load(database, _many(5))
    before = await rows(sql, FACTS)
    monkeypatch.undo()

    again = await load(database, _many(5))

    assert summary.counts["hours"] == Counts(added=55)
    assert summary.counts["bookings"] == Counts(added=5)
    assert again.is_empty
    assert await rows(sql, FACTS) == before
