"""Why: a stylist's day for staff, start by start, as GraphQL tells it. The rules themselves: tests/domain/test_explain.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

QUERY = """
query ($stylist: ID!, $service: ID!, $date: Date!) {
  explainDay(stylistId: $stylist, serviceId: $service, date: $date) {
    startUtc endUtc startLocal display status isFree priceCents location { id }
    causes { closedBy startUtc endUtc through source expiresAt booking { id customer { name } } }
  }
}
"""


async def explained(staff: Visitor, shop: Shop, *, service: str | None = None, days: int = 0, stylist: str = "") -> Any:
    asked = {
        "stylist": stylist or shop.asha,
        "service": service or shop.cut,
        "date": str(shop.day + timedelta(days)),
    }
    return (await staff.client.data(QUERY, asked, **staff.who))["explainDay"]


async def causes(staff: Visitor, shop: Shop, **which: Any) -> dict[str, list[str]]:
    """What closes each start, by its wall time."""
    return {
        one["startUtc"][11:16]: [cause["closedBy"] for cause in one["causes"]]
        for one in await explained(staff, shop, **which)
    }


async def test_each_start_comes_with_all_that_closes_it(
    visitor: Visitor, rival: Visitor, staff: Visitor, shop: Shop, raw: Raw
) -> None:
    booked = await visitor.book(shop.at(9))
    await rival.hold(shop.at(14))
    await raw.run("insert into busy_sources values ($1, $2, 'google')", shop.asha)
    for table, columns, values, span in (
        ("time_off", "", "", (14, 15)),
        ("busy_times", ", source", ", 'google'", (16, 17)),
    ):
        await raw.run(
            f"insert into {table} (tenant_id, stylist_id, starts_at, ends_at{columns}) values ($1, $2, $3, $4{values})",
            *(shop.asha, *(datetime.fromisoformat(shop.at(hour)).astimezone(UTC) for hour in span)),
        )

    found = await explained(staff, shop)

    closed = {one["display"]: sorted(cause["closedBy"] for cause in one["causes"]) for one in found if one["causes"]}
    assert closed == {
        "9:00 AM": ["BOOKING"],
        "12:00 PM": ["BREAK"],
        "12:30 PM": ["BREAK"],
        "2:00 PM": ["HOLD", "TIME_OFF"],
        "2:30 PM": ["TIME_OFF"],
        "4:00 PM": ["EXTERNAL"],
        "4:30 PM": ["EXTERNAL"],
    }
    (cause,) = found[0]["causes"]
    assert cause["booking"] == {"id": booked["id"], "customer": {"name": "Cleo"}}
    assert (cause["through"], cause["startUtc"], cause["endUtc"]) == ("TIME", shop.at(9), shop.at(9, 30))
    by_source = {one["display"]: one["causes"] for one in found}["4:00 PM"]
    assert [cause["source"] for cause in by_source] == ["google"]


async def test_it_agrees_with_the_list(visitor: Visitor, staff: Visitor, shop: Shop) -> None:
    await visitor.book(shop.at(10), service=shop.colour)

    for service in (shop.cut, shop.colour):
        listed = (await visitor.slots(service=service))["slots"]
        found = await explained(staff, shop, service=service)
        assert {one["startUtc"] for one in found if one["isFree"]} == {
            one["startUtc"] for one in listed if one["status"] == "AVAILABLE"
        }
        assert [
            {"startUtc": one["startUtc"], "status": one["status"], "priceCents": one["priceCents"]}
            for one in found
            if one["status"]
        ] == [{name: one[name] for name in ("startUtc", "status", "priceCents")} for one in listed]


async def test_a_start_that_does_not_fit_the_window_is_there_and_says_so(staff: Visitor, shop: Shop) -> None:
    found = await causes(staff, shop, service=shop.colour)

    assert [start for start, why in found.items() if "WINDOW_END" in why] == ["16:00", "16:30"]


@pytest.mark.parametrize(
    "statement, given, why",
    [
        ("delete from schedule_hours where tenant_id = $1", lambda _: (), "NO_HOURS"),
        ("insert into overrides values ($1, $2, $3, $4)", lambda s: (s.asha, s.day, s.location), "DAY_OFF"),
        ("insert into closures values ($1, $2, $3)", lambda s: (s.location, s.day), "CLOSURE"),
    ],
)
async def test_a_closed_day_says_why(
    staff: Visitor, shop: Shop, raw: Raw, statement: str, given: Any, why: str
) -> None:
    await raw.run(statement, *given(shop))

    (found,) = await explained(staff, shop)

    assert (found["startUtc"], found["status"], found["isFree"]) == (None, None, False)
    assert [cause["closedBy"] for cause in found["causes"]] == [why]


async def test_a_service_that_the_stylist_does_not_give_says_so(staff: Visitor, shop: Shop) -> None:
    (found,) = await explained(staff, shop, service=shop.colour, stylist=shop.bina)

    assert [cause["closedBy"] for cause in found["causes"]] == ["NOT_OFFERED"]


async def test_what_is_past_and_what_is_beyond(staff: Visitor, shop: Shop) -> None:
    past, beyond = await causes(staff, shop, days=-9), await causes(staff, shop, days=60)

    assert all("NOTICE" in why for why in past.values())
    assert all("HORIZON" in why for why in beyond.values())


async def test_all_bookings_of_a_day_are_one_statement(
    visitor: Visitor, staff: Visitor, shop: Shop, statements: list[str]
) -> None:
    for hour in (9, 10, 11):
        await visitor.book(shop.at(hour))
    await explained(staff, shop)
    statements.clear()

    await explained(staff, shop)

    assert statements == ["versions_now", "claims"]
