"""Bookings watched by staff: those that are there, then each that comes, changes or goes, whoever writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from resolvers.context import Role

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

WAIT_S = 10
QUERY = """
subscription ($from: Date!, $to: Date!, $stylists: [ID!]) {
  bookingsChanged(from: $from, to: $to, stylistIds: $stylists) {
    kind booking { id startUtc status customer { name } stylist { id } }
  }
}
"""


@asynccontextmanager
async def watching(who: Visitor, *, stylists: list[str] | None = None) -> AsyncIterator[Any]:
    """What comes, an event a call."""
    day = str(who.salon.day)
    async with who.client.http.ws_connect(who.client.url, protocols=("graphql-transport-ws",)) as ws:
        payload = (
            {"Authorization": f"Bearer {who.who['token']}"} if who.who.get("token") else {"X-Tenant": who.salon.slug}
        )
        await ws.send_json({"type": "connection_init", "payload": payload})
        await ws.receive_json(timeout=WAIT_S)
        variables = {"from": day, "to": day, "stylists": stylists}
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": QUERY, "variables": variables}})

        async def event() -> tuple[str, Any]:
            message = await ws.receive_json(timeout=WAIT_S)
            assert message["type"] == "next", message
            assert "errors" not in message["payload"], message
            found = message["payload"]["data"]["bookingsChanged"]
            return found["kind"], found["booking"]

        yield event


async def test_each_that_is_there_and_each_that_comes_changes_and_goes(
    staff: Visitor, visitor: Visitor, shop: Shop
) -> None:
    there = await visitor.book(shop.at(9))
    async with watching(staff) as event:
        first = await event()
        added = await visitor.book(shop.at(10), stylist=shop.bina)
        second = await event()
        await visitor.move(there["id"], shop.at(11))
        third = await event()
        await visitor.cancel(added["id"])
        fourth = await event()
        await visitor.move(there["id"], shop.at(11, days=1))
        fifth = await event()

    assert (first[0], first[1]["id"], first[1]["customer"]) == ("THERE", there["id"], {"name": "Cleo"})
    assert (second[0], second[1]["id"]) == ("ADDED", added["id"])
    assert (third[0], third[1]["startUtc"]) == ("CHANGED", shop.at(11))
    assert (fourth[0], fourth[1]["status"]) == ("CHANGED", "CANCELLED")
    assert (fifth[0], fifth[1]["id"]) == ("LEFT", there["id"])


async def test_one_moved_to_another_stylist_leaves_one_and_comes_to_the_other(
    staff: Visitor, visitor: Visitor, shop: Shop
) -> None:
    booked = await visitor.book(shop.at(9))
    async with watching(staff) as event:
        await event()
        await visitor.move(booked["id"], shop.at(9), stylistId=shop.bina)
        kinds = {(await event())[0], (await event())[0]}

    assert kinds == {"ADDED", "LEFT"}


async def test_holds_of_others_are_no_bookings_and_other_stylists_are_not_told_of(
    staff: Visitor, visitor: Visitor, shop: Shop
) -> None:
    async with watching(staff, stylists=[shop.bina]) as event:
        await visitor.hold(shop.at(9), stylist=shop.bina)
        await visitor.book(shop.at(10))
        booked = await visitor.book(shop.at(11), stylist=shop.bina)

        assert await event() == ("ADDED", event_of(booked))


def event_of(booked: Any) -> Any:
    return {name: booked[name] for name in ("id", "startUtc", "status")} | {
        "customer": {"name": "Cleo"},
        "stylist": booked["stylist"],
    }


async def test_raw_sql_and_an_overdue_payment_are_told_too(
    staff: Visitor, visitor: Visitor, shop: Shop, raw: Raw
) -> None:
    await raw.run("update tenants set payment_url = 'https://pay.example/{booking}' where id = $1")
    booked = await visitor.book(shop.at(9))
    async with watching(staff) as event:
        await event()
        await raw.run(
            "update bookings set payment_due_at = clock_timestamp() + interval '0.5 seconds' where tenant_id = $1 and id = $2",
            booked["id"],
        )
        first, second = await event(), await event()

    assert (first[0], first[1]["status"]) == ("CHANGED", "CONFIRMED")
    assert (second[0], second[1]["status"]) == ("CHANGED", "CANCELLED")


async def test_another_business_s_staff_are_not_told(
    staff: Visitor, visitor: Visitor, neighbour: Visitor, shop: Shop
) -> None:
    theirs = neighbour.role(Role.STAFF, "other")
    async with watching(theirs) as event, watching(staff) as ours:
        await visitor.book(shop.at(9))
        await ours()
        booked = await neighbour.book(shop.at(10))

        assert (await event())[1]["id"] == booked["id"]
