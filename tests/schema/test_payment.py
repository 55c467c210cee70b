"""Bookings that are paid for online, and what a price was made of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

URL = "https://pay.example/{booking}?amount={amount}&currency={currency}"
PAYMENT = "query ($id: ID!) { booking(id: $id) { status paymentRequired paymentUrl paymentDueAt paidAt } }"
TRACE = "query ($id: ID!) { booking(id: $id) { priceCents priceTrace { baseCents rules { name percent } } } }"
PAY = (
    "mutation ($id: ID!) { bookingPaid(bookingId: $id) { kind: __typename ... on Booking { paymentRequired paidAt } } }"
)


@pytest.fixture
async def online(raw: Raw) -> Raw:
    """A business whose bookings are paid for online, within ten minutes."""
    await raw.run("update tenants set payment_url = $2, payment_seconds = 600 where id = $1", URL)
    return raw


async def payment(visitor: Visitor, booking_id: str) -> Any:
    return (await visitor.client.data(PAYMENT, {"id": booking_id}, **visitor.who))["booking"]


async def overdue(raw: Raw, booking_id: str, *, seconds: float = 0) -> None:
    await raw.run(
        "update bookings set payment_due_at = clock_timestamp() + make_interval(secs => $3) where tenant_id = $1 and id = $2",
        *(booking_id, seconds),
    )


async def test_what_costs_something_says_where_to_pay_and_until_when(visitor: Visitor, shop: Shop, online: Raw) -> None:
    before = datetime.now(UTC)

    booked = await visitor.book(shop.at(9))

    found = await payment(visitor, booked["id"])
    due = datetime.fromisoformat(found["paymentDueAt"])
    assert booked["paymentRequired"] is True
    assert booked["paymentUrl"] == f"https://pay.example/{booked['id']}?amount=2000&currency=EUR"
    assert timedelta(minutes=9, seconds=55) < due - before < timedelta(minutes=10, seconds=5)


async def test_a_hold_that_is_confirmed_is_to_be_paid_from_then_on(visitor: Visitor, shop: Shop, online: Raw) -> None:
    held = await visitor.hold(shop.at(9))
    due_while_held = await online.value("select payment_due_at from bookings where tenant_id = $1")

    booked = await visitor.confirm(held["id"])

    assert due_while_held is None
    assert booked["paymentRequired"] is True
    assert (await payment(visitor, booked["id"]))["paymentDueAt"]


async def test_what_costs_nothing_is_not_paid_for(visitor: Visitor, shop: Shop, online: Raw) -> None:
    await online.run("update services set price_cents = 0 where tenant_id = $1")

    booked = await visitor.book(shop.at(9))

    assert (booked["paymentRequired"], booked["paymentUrl"]) == (False, None)
    assert (await payment(visitor, booked["id"]))["paymentDueAt"] is None


async def test_without_a_deadline_it_waits_for_ever(visitor: Visitor, shop: Shop, online: Raw) -> None:
    await online.run("update tenants set payment_seconds = null where id = $1")

    booked = await visitor.book(shop.at(9))

    assert booked["paymentRequired"] is True
    assert (await payment(visitor, booked["id"]))["paymentDueAt"] is None


async def test_unpaid_it_frees_itself_at_the_deadline_with_nobody_sweeping(
    visitor: Visitor, rival: Visitor, shop: Shop, online: Raw
) -> None:
    booked = await visitor.book(shop.at(9))
    await overdue(online, booked["id"], seconds=0.7)
    first = await visitor.status(shop.at(9))

    async def free() -> bool:
        return await visitor.status(shop.at(9)) == "AVAILABLE"

    await visitor.until(free)

    assert first == "BOOKED"
    assert (await payment(visitor, booked["id"])) == {
        "status": "CANCELLED",
        "paymentRequired": False,
        "paymentUrl": None,
        "paymentDueAt": None,
        "paidAt": None,
    }
    assert (await rival.book(shop.at(9)))["kind"] == "Booking"
    assert await online.value("select cancel_reason from bookings where tenant_id = $1 and id = $2", booked["id"]) == (
        "not paid in time"
    )


@pytest.mark.parametrize("act", ["cancel", "complete", "miss", "move", "pay"])
async def test_overdue_it_can_no_longer_be_changed(
    visitor: Visitor, staff: Visitor, shop: Shop, online: Raw, act: str
) -> None:
    booked = await visitor.book(shop.at(9))
    await overdue(online, booked["id"])

    if act == "pay":
        kind = (await staff.client.data(PAY, {"id": booked["id"]}, **staff.who))["bookingPaid"]["kind"]
    else:
        kind = (await getattr(staff, act)(booked["id"], *([shop.at(10)] if act == "move" else [])))["kind"]

    assert kind == "AlreadyEnded"


async def test_paid_it_stays(visitor: Visitor, staff: Visitor, shop: Shop, online: Raw) -> None:
    booked = await visitor.book(shop.at(9))

    paid = (await staff.client.data(PAY, {"id": booked["id"]}, **staff.who))["bookingPaid"]
    again = (await staff.client.data(PAY, {"id": booked["id"]}, **staff.who))["bookingPaid"]

    assert paid["kind"] == "Booking"
    assert paid["paymentRequired"] is False
    assert paid["paidAt"] == again["paidAt"]
    assert (await payment(visitor, booked["id"]))["paymentDueAt"] is None
    assert await visitor.status(shop.at(9)) == "BOOKED"


async def test_a_price_s_trace_is_frozen_with_it_and_for_staff(
    visitor: Visitor, staff: Visitor, customer: Visitor, shop: Shop, raw: Raw
) -> None:
    await raw.run("insert into price_rules (tenant_id, position, name, basis_points) values ($1, 0, 'Peak', 2000)")
    await raw.run("insert into price_rules (tenant_id, position, name, basis_points) values ($1, 1, 'Loyal', -550)")
    held = await visitor.hold(shop.at(9))
    await raw.run("update price_rules set basis_points = 0 where tenant_id = $1")

    booked = await visitor.confirm(held["id"])
    found = (await staff.client.data(TRACE, {"id": booked["id"]}, **staff.who))["booking"]

    assert found == {
        "priceCents": 2268,
        "priceTrace": {
            "baseCents": 2000,
            "rules": [{"name": "Peak", "percent": 20.0}, {"name": "Loyal", "percent": -5.5}],
        },
    }
    assert await visitor.client.code(TRACE, {"id": booked["id"]}, **visitor.who) == "UNAUTHENTICATED"


async def test_an_idempotent_repeat_gives_the_trace_and_the_deadline_again(
    visitor: Visitor, shop: Shop, online: Raw
) -> None:
    first = await visitor.book(shop.at(9), idempotencyKey="k")

    second = await visitor.book(shop.at(9), idempotencyKey="k")

    assert first == second
    assert second["paymentUrl"]


async def test_who_is_paid_is_for_staff_to_say(visitor: Visitor, customer: Visitor, shop: Shop, online: Raw) -> None:
    booked = await customer.book(shop.at(9))

    assert await customer.client.code(PAY, {"id": booked["id"]}, **customer.who) == "FORBIDDEN"
    assert await visitor.client.code(PAY, {"id": booked["id"]}, **visitor.who) == "UNAUTHENTICATED"
