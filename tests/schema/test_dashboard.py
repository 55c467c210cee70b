"""A dashboard over GraphQL: whose it is, and what staff see of today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from resolvers.context import Role

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Visitor

FIGURES = """
query ($customer: ID) {
  dashboard(customerId: $customer) {
    upcoming thisMonth completed next { id customer { id name } } recent { at what booking { id status } }
  }
}
"""
TODAY = "{ dashboard { stylists { stylist { name } date bookings bookedMinutes openMinutes utilisation } } }"


async def figures(who: Visitor, customer: str | None = None) -> Any:
    return (await who.client.data(FIGURES, {"customer": customer}, **who.who))["dashboard"]


async def test_who_books_sees_their_own_figures_and_others_do_not(visitor: Visitor, neighbour: Visitor) -> None:
    booking = await visitor.book(visitor.salon.at(9))
    await visitor.named("another").book(visitor.salon.at(10))

    own, theirs = await figures(visitor), await figures(neighbour)

    assert (own["upcoming"], own["next"]["id"]) == (1, booking["id"])
    assert [(one["what"], one["booking"]["id"]) for one in own["recent"]] == [("BOOKED", booking["id"])]
    nothing = {"upcoming": 0, "thisMonth": 0, "completed": 0, "next": None, "recent": []}
    assert theirs == await figures(visitor.named(None)) == nothing


async def test_a_customer_is_seen_by_whose_they_are_and_by_staff(visitor: Visitor, neighbour: Visitor) -> None:
    booking = await visitor.book(visitor.salon.at(9))
    customer = (await figures(visitor))["next"]["customer"]["id"]
    staff = visitor.role(Role.STAFF, "sita")

    own, seen = await figures(visitor, customer), await figures(staff, customer)

    assert own == seen
    assert own["next"]["id"] == booking["id"]
    strangers = [
        visitor.named("another"),
        visitor.named(None),
        visitor.role(Role.CUSTOMER, "x"),
        neighbour,
        neighbour.role(Role.STAFF, "sita"),
    ]
    for stranger in strangers:
        assert await stranger.client.code(FIGURES, {"customer": customer}, **stranger.who) == "NOT_FOUND"


async def test_what_happens_is_told_the_latest_first_and_five_at_most(visitor: Visitor) -> None:
    staff = visitor.role(Role.STAFF, "sita")
    first = await visitor.book(visitor.salon.at(9))
    await visitor.move(first["id"], visitor.salon.at(10))
    await staff.complete(first["id"])
    second = await visitor.book(visitor.salon.at(9))
    await visitor.cancel(second["id"])
    third = await visitor.book(visitor.salon.at(9))
    await staff.miss(third["id"])

    found = await figures(visitor)

    whats = [one["what"] for one in found["recent"]]
    assert whats == ["NO_SHOW", "BOOKED", "CANCELLED", "BOOKED", "COMPLETED"]
    assert [one["at"] for one in found["recent"]] == sorted((one["at"] for one in found["recent"]), reverse=True)
    assert (found["upcoming"], found["completed"], found["next"]) == (0, 1, None)


async def test_staff_see_how_much_of_today_is_sold(visitor: Visitor, raw: Raw) -> None:
    """By whatever program: the booking is raw SQL's, between two looks."""
    staff = visitor.role(Role.STAFF, "sita")
    before = (await staff.client.data(TODAY, **staff.who))["dashboard"]["stylists"]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    await raw.run(
        "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)"
        " values ($1, $2, $3, $4, 'COMPLETED', $5, $6, tstzrange($5, $6), 1)",
        *(visitor.salon.asha, visitor.salon.cut, visitor.salon.location),
        *(today + timedelta(hours=9), today + timedelta(hours=12, minutes=30)),
    )

    after = (await staff.client.data(TODAY, **staff.who))["dashboard"]["stylists"]
    asha, bina = before
    assert asha == {
        "stylist": {"name": "Asha"},
        "date": str(today.date()),
        "bookings": 0,
        "bookedMinutes": 0,
        "openMinutes": 420,
        "utilisation": 0,
    }
    assert after == [{**asha, "bookings": 1, "bookedMinutes": 210, "utilisation": 0.5}, bina]


@pytest.mark.parametrize("role", [Role.PUBLIC, Role.CUSTOMER])
async def test_nobody_else_does(visitor: Visitor, role: Role) -> None:
    caller = visitor if role is Role.PUBLIC else visitor.role(role, "x")

    code = await caller.client.code(TODAY, **caller.who)

    assert code == ("UNAUTHENTICATED" if role is Role.PUBLIC else "FORBIDDEN")
