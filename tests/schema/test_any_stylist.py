"""Any stylist: the order of firstAvailable with its reasons; holds and bookings of whoever is free, chosen the same way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

FIRST = """
query ($service: ID!, $from: DateTime!, $limit: Int!) {
  firstAvailable(serviceId: $service, from: $from, limit: $limit) { startUtc orderReason stylist { id } }
}
"""
CLEO = "33333333-0000-4000-8000-000000000003"


async def first(visitor: Visitor, shop: Shop, *, limit: int = 4) -> list[tuple[str, str, str]]:
    asked = {"service": shop.cut, "from": shop.at(9), "limit": limit}
    found = (await visitor.client.data(FIRST, asked, **visitor.who))["firstAvailable"]
    return [(one["startUtc"][11:16], one["stylist"]["id"], one["orderReason"]) for one in found]


def any_of(shop: Shop, *ids: str) -> dict[str, Any]:
    """Without a stylistId."""
    return {"stylistId": None, "anyOf": list(ids or (shop.bina, shop.asha))}


async def test_of_one_start_who_has_fewer_bookings_that_day_comes_first(visitor: Visitor, shop: Shop) -> None:
    await visitor.book(shop.at(16))

    assert await first(visitor, shop) == [
        ("09:00", shop.bina, "FEWEST_BOOKINGS"),
        ("09:00", shop.asha, "FEWEST_BOOKINGS"),
        ("09:30", shop.bina, "FEWEST_BOOKINGS"),
        ("09:30", shop.asha, "FEWEST_BOOKINGS"),
    ]


async def test_as_many_bookings_are_a_tie_by_id(visitor: Visitor, shop: Shop) -> None:
    await visitor.book(shop.at(16))
    await visitor.book(shop.at(15), stylist=shop.bina)

    assert await first(visitor, shop, limit=2) == [("09:00", shop.asha, "TIE"), ("09:00", shop.bina, "TIE")]


async def test_a_start_of_one_alone_stands_there_for_being_early(visitor: Visitor, shop: Shop) -> None:
    await visitor.book(shop.at(9))

    assert (await first(visitor, shop, limit=1)) == [("09:00", shop.bina, "EARLIEST")]


async def test_bookings_of_other_days_holds_and_cancelled_ones_do_not_count(visitor: Visitor, shop: Shop) -> None:
    await visitor.book(shop.at(16, days=1))
    await visitor.hold(shop.at(16))
    await visitor.cancel((await visitor.book(shop.at(15)))["id"])

    assert await first(visitor, shop, limit=2) == [("09:00", shop.asha, "TIE"), ("09:00", shop.bina, "TIE")]


@pytest.mark.parametrize("mutation", ["hold", "book"])
async def test_who_is_free_with_the_fewest_bookings_gets_it(visitor: Visitor, shop: Shop, mutation: str) -> None:
    await visitor.book(shop.at(16))

    got = await getattr(visitor, mutation)(shop.at(9), **any_of(shop))
    other = await getattr(visitor.named("rival"), mutation)(shop.at(9), **any_of(shop))
    third = await getattr(visitor.named("third"), mutation)(shop.at(9), **any_of(shop))

    assert [got["stylist"]["id"], other["stylist"]["id"]] == [shop.bina, shop.asha]
    assert third["kind"] == "SlotTaken"
    assert {one["stylist"]["id"] for one in third["nearest"]} == {shop.asha, shop.bina}
    assert {one["startUtc"] for one in third["nearest"]} == {shop.at(9, 30), shop.at(10)}


async def test_a_stylist_named_besides_is_one_of_them(visitor: Visitor, shop: Shop) -> None:
    held = await visitor.hold(shop.at(9), stylist=shop.asha, anyOf=[shop.bina])

    assert held["stylist"]["id"] == shop.asha


async def test_who_does_not_give_the_service_or_is_off_is_passed_over(visitor: Visitor, shop: Shop, raw: Raw) -> None:
    await raw.run(
        "insert into stylists (tenant_id, id, name, home_location_id) values ($1, $2, 'Cleo', $3)", CLEO, shop.location
    )

    booked = await visitor.book(shop.at(12), **any_of(shop, CLEO, shop.asha, shop.bina))

    assert booked["stylist"]["id"] == shop.bina  # Asha has a break at noon


async def test_nobody_who_gives_it_is_not_offered(visitor: Visitor, shop: Shop) -> None:
    refused = await visitor.book(shop.at(9), service=shop.colour, **any_of(shop, shop.bina))

    assert (refused["kind"], refused["reason"]) == ("SlotNotOffered", "SERVICE_NOT_OFFERED")


async def test_taken_by_one_and_not_offered_by_another_is_taken(visitor: Visitor, shop: Shop) -> None:
    await visitor.named("rival").book(shop.at(12), stylist=shop.bina)

    assert (await visitor.book(shop.at(12), **any_of(shop)))["kind"] == "SlotTaken"


async def test_one_s_own_hold_of_any_of_them_is_used(visitor: Visitor, shop: Shop) -> None:
    held = await visitor.hold(shop.at(9), stylist=shop.bina)

    again = await visitor.hold(shop.at(9), **any_of(shop))
    booked = await visitor.book(shop.at(9), **any_of(shop))

    assert again["id"] == held["id"] == booked["id"]


async def test_one_s_own_holds_of_several_become_one_booking_and_free_times(visitor: Visitor, shop: Shop) -> None:
    first = await visitor.hold(shop.at(9), stylist=shop.bina)
    await visitor.hold(shop.at(9), stylist=shop.asha)

    booked = await visitor.book(shop.at(9), **any_of(shop))

    assert booked["id"] == first["id"]
    assert await visitor.status(shop.at(9), stylist=shop.asha) == "AVAILABLE"


async def test_an_unknown_one_among_them_is_not_found(visitor: Visitor, shop: Shop) -> None:
    assert (await visitor.book(shop.at(9), **any_of(shop, shop.asha, CLEO)))["kind"] == "NotFound"


@pytest.mark.parametrize("given", [{}, {"anyOf": []}, {"anyOf": None}])
async def test_nobody_at_all_is_a_fault_of_the_request(visitor: Visitor, shop: Shop, given: dict[str, Any]) -> None:
    refused = await visitor.hold(shop.at(9), stylistId=None, **given)

    assert refused["kind"] == "BAD_INPUT"
    assert refused["message"].startswith("stylistId: ")


async def test_more_than_can_be_locked_at_once_are_a_fault_of_the_request(visitor: Visitor, shop: Shop) -> None:
    refused = await visitor.hold(shop.at(9), stylistId=None, anyOf=[shop.asha] * 52)

    assert refused["kind"] == "BAD_INPUT"


async def test_many_at_once_sell_each_stylist_s_start_once_and_never_wait_in_a_circle(
    visitor: Visitor, shop: Shop
) -> None:
    pairs = [any_of(shop), any_of(shop, shop.asha, shop.bina)] * 10

    answers = await asyncio.gather(
        *(visitor.named(f"one-{n}").book(shop.at(9), **pair) for n, pair in enumerate(pairs))
    )

    kinds = sorted(one["kind"] for one in answers)
    assert kinds == ["Booking"] * 2 + ["SlotTaken"] * 18
    assert {one["stylist"]["id"] for one in answers if one["kind"] == "Booking"} == {shop.asha, shop.bina}
