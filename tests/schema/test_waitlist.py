"""Who waits for a time that is taken gets what others leave: the first to join whom it fits, in the same transaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import waitlist
from resolvers.chores import Chores

if TYPE_CHECKING:
    from resolvers.app import App
    from tests.conftest import Client
    from tests.schema.conftest import Answer, Raw, Visitor

MINE = """
query ($first: Int = 50, $after: String) { waitlist(first: $first, after: $after) {
  edges { node { id status from to times { from to } service { id } stylists { id } customer { name } endedAt
                 offer { id startUtc endUtc priceCents expiresAt stylist { id } service { id } } } }
  pageInfo { hasNextPage endCursor }
} }
"""
OFFERED = "subscription { waitlistOffered { entry { id status } hold { id startUtc expiresAt } } }"
OFFERS = "select count(*) from waitlist_offers where tenant_id = $1"
WAIT_S = 10


async def entries(who: Visitor, **page: Any) -> list[Answer]:
    found = await who.client.data(MINE, page, **who.who)
    return [edge["node"] for edge in found["waitlist"]["edges"]]


async def offers(who: Visitor) -> list[Answer]:
    """What somebody is offered now."""
    return [one["offer"] for one in await entries(who) if one["offer"]]


@asynccontextmanager
async def watching(who: Visitor) -> AsyncIterator[Any]:
    """waitlistOffered, over a real WebSocket; what it gives next."""
    async with who.client.http.ws_connect(who.client.url, protocols=("graphql-transport-ws",)) as ws:
        await ws.send_json(
            {"type": "connection_init", "payload": {"X-Tenant": who.salon.slug, "X-Session-Id": who.who["session"]}}
        )
        assert (await ws.receive_json(timeout=WAIT_S))["type"] == "connection_ack"
        await ws.send_json({"type": "subscribe", "id": "1", "payload": {"query": OFFERED}})

        async def following() -> Any:
            message = await ws.receive_json(timeout=WAIT_S)
            assert message["type"] == "next", message
            return message["payload"]["data"]["waitlistOffered"]

        yield following


@pytest.fixture
async def sweeper(mall: tuple[App, Client]) -> AsyncIterator[None]:
    """What a server does when time passes."""
    app, _ = mall
    async with Chores(app.database, [waitlist.sweeping(app)]).running():
        yield


async def test_a_cancelled_time_is_held_for_who_waits(visitor: Visitor, rival: Visitor) -> None:
    shop = visitor.salon
    booking = await visitor.book(shop.at(10))
    entry = await rival.wait(stylistIds=[shop.asha])

    await visitor.cancel(booking["id"])

    (mine,) = await entries(rival)
    assert (mine["id"], mine["status"]) == (entry["id"], "OFFERED")
    assert mine["offer"]["startUtc"] == shop.at(10)
    assert mine["offer"]["stylist"]["id"] == shop.asha
    assert await visitor.status(shop.at(10)) == "HELD"
    confirmed = await rival.confirm(mine["offer"]["id"])
    assert (confirmed["kind"], confirmed["startUtc"]) == ("Booking", shop.at(10))
    assert [one["status"] for one in await entries(rival)] == ["BOOKED"]


async def test_it_never_was_free_in_between(visitor: Visitor, rival: Visitor, raw: Raw) -> None:
    """In one transaction: at no version of the day is the start free."""
    shop = visitor.salon
    booking = await visitor.book(shop.at(10))
    await rival.wait()
    seen: set[str] = set()
    stop = asyncio.Event()

    async def look() -> None:
        while not stop.is_set():
            seen.add(await visitor.named("onlooker").status(shop.at(10)))

    looking = asyncio.create_task(look())
    await visitor.cancel(booking["id"])
    seen.add(await visitor.named("onlooker").status(shop.at(10)))
    stop.set()
    await looking

    assert seen <= {"BOOKED", "HELD"}
    assert "HELD" in seen


@pytest.mark.parametrize(
    ("wish", "fits"),
    [
        pytest.param({}, True, id="anybody at any time"),
        pytest.param({"stylistIds": ["asha"]}, True, id="the stylist"),
        pytest.param({"stylistIds": ["bina"]}, False, id="another stylist"),
        pytest.param({"stylistIds": ["bina", "asha"]}, True, id="one of several"),
        pytest.param({"times": [{"from": "10:00", "to": "10:30"}]}, True, id="from is in"),
        pytest.param({"times": [{"from": "09:00", "to": "10:00"}]}, False, id="to is out"),
        pytest.param(
            {"times": [{"from": "15:00", "to": "24:00"}, {"from": "09:30", "to": "11:00"}]}, True, id="a second span"
        ),
        pytest.param({"on": 1}, False, id="another date"),
        pytest.param({"service": "colour"}, True, id="a longer service, where the time beside is free"),
    ],
)
async def test_it_is_offered_to_whom_it_fits(visitor: Visitor, rival: Visitor, wish: Answer, fits: bool) -> None:
    shop = visitor.salon
    named = {"asha": shop.asha, "bina": shop.bina}
    booking = await visitor.book(shop.at(10))
    if "stylistIds" in wish:
        wish = {**wish, "stylistIds": [named[one] for one in wish["stylistIds"]]}
    if "service" in wish:
        wish = {**wish, "service": shop.colour}
    await rival.wait(**wish)

    await visitor.cancel(booking["id"])

    assert len(await offers(rival)) == fits


async def test_the_first_to_join_comes_first(visitor: Visitor, rival: Visitor) -> None:
    shop = visitor.salon
    booking = await visitor.book(shop.at(10))
    await rival.wait()
    await visitor.named("second").wait()

    await visitor.cancel(booking["id"])

    assert len(await offers(rival)) == 1
    assert await offers(visitor.named("second")) == []


async def test_who_leaves_a_time_is_not_offered_it(visitor: Visitor, rival: Visitor) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await visitor.wait()
    await rival.wait()

    await visitor.cancel(booking["id"])

    assert await offers(visitor) == []
    assert len(await offers(rival)) == 1


async def test_declined_it_goes_to_the_next_and_not_back(visitor: Visitor, rival: Visitor) -> None:
    shop, second = visitor.salon, visitor.named("second")
    booking = await visitor.book(shop.at(10))
    await rival.wait()
    await second.wait()
    await visitor.cancel(booking["id"])

    await rival.release((await offers(rival))[0]["id"])

    assert [one["status"] for one in await entries(rival)] == ["WAITING"]
    (offer,) = await offers(second)
    assert offer["startUtc"] == shop.at(10)
    await second.release(offer["id"])
    assert await offers(rival) == []  # they let this start pass
    assert await visitor.status(shop.at(10)) == "AVAILABLE"


async def test_run_out_it_goes_to_the_next(visitor: Visitor, rival: Visitor, raw: Raw, sweeper: None) -> None:
    shop, second = visitor.salon, visitor.named("second")
    await raw.run("update tenants set hold_seconds = 1 where id = $1")
    booking = await visitor.book(shop.at(10))
    await rival.wait()
    await second.wait()
    await visitor.cancel(booking["id"])
    (first,) = await offers(rival)

    async def passed_on() -> bool:
        return bool(await offers(second))

    await visitor.until(passed_on)

    (offer,) = await offers(second)
    assert offer["startUtc"] == first["startUtc"]
    held_at = await raw.value("select created_at from bookings where tenant_id = $1 and id = $2", offer["id"])
    late = held_at - datetime.fromisoformat(first["expiresAt"])
    assert timedelta(0) <= late < timedelta(seconds=1)


async def test_who_lets_three_run_out_waits_no_longer(
    visitor: Visitor, rival: Visitor, raw: Raw, sweeper: None
) -> None:
    await raw.run("update tenants set hold_seconds = 1 where id = $1")
    bookings = [(await visitor.book(visitor.salon.at(hour)))["id"] for hour in (9, 10, 11)]
    await rival.wait(stylistIds=[visitor.salon.asha])
    for n, booking in enumerate(bookings, 1):
        await visitor.cancel(booking)

        async def run_out(n: int = n) -> bool:
            query = "select count(*) = $2 from waitlist_offers where tenant_id = $1 and outcome = 'EXPIRED'"
            return bool(await raw.value(query, n))

        await visitor.until(run_out)

    (entry,) = await entries(rival)
    assert (entry["status"], entry["offer"]) == ("MISSED", None)
    assert entry["endedAt"]


async def test_a_hold_that_nobody_waited_for_when_it_was_placed_is_passed_on_too(
    visitor: Visitor, rival: Visitor
) -> None:
    hold = await visitor.hold(visitor.salon.at(10))
    await rival.wait()

    await visitor.release(hold["id"])

    assert [one["startUtc"] for one in await offers(rival)] == [visitor.salon.at(10)]


async def test_a_booking_that_moves_leaves_its_old_time_to_who_waits(visitor: Visitor, rival: Visitor) -> None:
    shop = visitor.salon
    booking = await visitor.book(shop.at(10))
    await rival.wait(times=[{"from": "10:00", "to": "10:30"}], stylistIds=[shop.asha])

    moved = await visitor.move(booking["id"], shop.at(14), stylistId=shop.bina)

    assert moved["kind"] == "Booking"
    assert [one["startUtc"] for one in await offers(rival)] == [shop.at(10)]


async def test_a_booking_not_paid_in_time_leaves_its_time_too(
    visitor: Visitor, rival: Visitor, raw: Raw, sweeper: None
) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await rival.wait()
    await raw.run(
        "update bookings set payment_required = true, payment_due_at = clock_timestamp() + interval '0.3 s'"
        " where tenant_id = $1 and id = $2",
        booking["id"],
    )

    async def offered() -> bool:
        return bool(await offers(rival))

    await visitor.until(offered)

    assert (await visitor.booking(booking["id"]))["status"] == "CANCELLED"


async def test_a_long_booking_s_time_is_offered_to_several(visitor: Visitor, rival: Visitor) -> None:
    shop = visitor.salon
    colour = await visitor.book(shop.at(9), service=shop.colour)
    times = [{"from": "09:00", "to": "10:30"}]
    others = [visitor.named(f"waiting-{n}") for n in range(5)]
    await asyncio.gather(*(one.wait(stylistIds=[shop.asha], times=times) for one in others))

    await visitor.cancel(colour["id"])

    found = [offer for one in others for offer in await offers(one)]
    assert sorted(offer["startUtc"] for offer in found) == [shop.at(9), shop.at(9, 30), shop.at(10)]


async def test_a_no_show_frees_nothing(staff: Visitor, visitor: Visitor, rival: Visitor) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await rival.wait()

    await staff.miss(booking["id"])

    assert await offers(rival) == []


async def test_leaving_gives_the_offer_to_the_next(visitor: Visitor, rival: Visitor) -> None:
    second = visitor.named("second")
    booking = await visitor.book(visitor.salon.at(10))
    entry = await rival.wait()
    await second.wait()
    await visitor.cancel(booking["id"])

    left = await rival.leave(entry["id"])

    assert left == {"kind": "WaitlistEntry", "id": entry["id"], "status": "LEFT"}
    assert len(await offers(second)) == 1
    assert (await rival.leave(entry["id"]))["kind"] == "AlreadyEnded"


async def test_an_entry_is_its_own_and_the_staff_s(visitor: Visitor, rival: Visitor, staff: Visitor) -> None:
    entry = await visitor.wait()

    assert await entries(rival) == []
    assert (await rival.leave(entry["id"]))["kind"] == "NotFound"
    assert [one["id"] for one in await entries(staff)] == [entry["id"]]
    assert (await staff.leave(entry["id"]))["status"] == "LEFT"


async def test_pages_go_on_where_the_last_ended(visitor: Visitor) -> None:
    made = [(await visitor.wait())["id"] for _ in range(3)]

    found = await visitor.client.data(MINE, {"first": 2}, **visitor.who)
    rest = await entries(visitor, after=found["waitlist"]["pageInfo"]["endCursor"])

    assert found["waitlist"]["pageInfo"]["hasNextPage"]
    assert [edge["node"]["id"] for edge in found["waitlist"]["edges"]] + [one["id"] for one in rest] == made


async def test_the_same_key_joins_once(visitor: Visitor) -> None:
    first = await visitor.wait(idempotencyKey="k")
    again = await visitor.wait(idempotencyKey="k")
    other = await visitor.wait(idempotencyKey="k", on=1)

    assert again == first
    assert other["kind"] == "IdempotencyConflict"
    assert len(await entries(visitor)) == 1


async def test_nobody_waits_for_more_than_twenty(visitor: Visitor) -> None:
    for _ in range(20):
        await visitor.wait()

    refused = await visitor.wait()

    assert refused["kind"] == "BAD_INPUT"
    assert "leave one" in refused["message"]


@pytest.mark.parametrize(
    ("wish", "kind", "says"),
    [
        ({"times": [{"from": "9", "to": "10:00"}]}, "BAD_INPUT", "times.0.from"),
        ({"times": [{"from": "10:00", "to": "10:00"}]}, "BAD_INPUT", "times.0"),
        ({"to": "2020-01-01"}, "BAD_INPUT", "turn them round"),
        ({"stylistIds": ["nobody"]}, "BAD_INPUT", "stylistIds"),
        ({"stylistIds": ["99999999-0000-4000-8000-000000000001"]}, "NotFound", ""),
        ({"service": "99999999-0000-4000-8000-000000000001"}, "NotFound", ""),
        ({"customer": {"name": ""}}, "BAD_INPUT", "customer.name"),
    ],
)
async def test_what_is_wrong_is_said(visitor: Visitor, wish: Answer, kind: str, says: str) -> None:
    found = await visitor.wait(**wish)

    assert found["kind"] == kind
    assert says in found["message"]


async def test_waiting_for_what_the_stylist_does_not_do_is_refused(visitor: Visitor) -> None:
    shop = visitor.salon

    found = await visitor.wait(shop.colour, stylistIds=[shop.bina])

    assert found["kind"] == "SlotNotOffered"


async def test_who_is_nobody_cannot_wait(visitor: Visitor) -> None:
    nobody = visitor.named("")

    assert (await nobody.wait())["kind"] == "BAD_INPUT"


async def test_offers_are_told_as_they_are_made_and_found_by_who_comes_later(visitor: Visitor, rival: Visitor) -> None:
    shop = visitor.salon
    first, second = await visitor.book(shop.at(10)), await visitor.book(shop.at(11))
    async with watching(rival) as offered:
        entry = await rival.wait(stylistIds=[shop.asha])  # joined after the watch began
        await visitor.cancel(first["id"])
        told = await offered()
        await rival.release(told["hold"]["id"])
        await visitor.cancel(second["id"])
        after = await offered()

    async with watching(rival) as offered:
        late = await offered()

    assert told["entry"] == {"id": entry["id"], "status": "OFFERED"}
    assert [one["hold"]["startUtc"] for one in (told, after)] == [shop.at(10), shop.at(11)]
    assert late == after


async def test_at_another_process_it_is_told_too(visitor: Visitor, rival: Visitor, elsewhere: Visitor) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await rival.wait()
    async with watching(elsewhere.named("rival")) as offered:
        await visitor.cancel(booking["id"])

        assert (await offered())["hold"]["startUtc"] == visitor.salon.at(10)


async def test_a_hold_that_is_deleted_leaves_its_waiter_waiting(visitor: Visitor, rival: Visitor, raw: Raw) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await rival.wait()
    await visitor.cancel(booking["id"])

    await raw.run("delete from bookings where tenant_id = $1")

    assert [(one["status"], one["offer"]) for one in await entries(rival)] == [("WAITING", None)]
    assert await raw.value(OFFERS) == 0


async def test_offers_are_in_the_audit_log(visitor: Visitor, rival: Visitor, raw: Raw) -> None:
    booking = await visitor.book(visitor.salon.at(10))
    await rival.wait()

    await visitor.cancel(booking["id"])

    actions = [row["action"] for row in await raw.rows("select action from audit_log where tenant_id = $1 order by id")]
    assert actions == ["bookingCreate", "waitlistJoin", "waitlistOffer", "bookingCancel"]


@pytest.mark.parametrize(
    "starts",
    [
        pytest.param([(0, 9 + n // 2, n % 2 * 30) for n in range(10)], id="of one day, where writers take turns"),
        pytest.param([(n, 10, 0) for n in range(10)], id="of ten days, where they do not"),
    ],
)
async def test_a_hundred_wait_ten_cancel_ten_are_offered(
    visitor: Visitor, raw: Raw, starts: list[tuple[int, int, int]]
) -> None:
    """All at once: each time is offered once, to those who joined first, and nobody is offered two."""
    shop = visitor.salon
    bookings = [
        await visitor.book(shop.at(hour, minute, days=days), stylist=shop.bina) for days, hour, minute in starts
    ]
    waiting = [visitor.named(f"waiting-{n}") for n in range(100)]
    for one in waiting:
        await one.wait(stylistIds=[shop.bina], to=str(shop.day + timedelta(9)))

    cancelled = await asyncio.gather(*(visitor.cancel(booking["id"]) for booking in bookings))

    assert {one["kind"] for one in cancelled} == {"Booking"}
    rows = await raw.rows(
        "select w.holder, o.starts_at from waitlist_offers o"
        "  join waitlist w on w.tenant_id = o.tenant_id and w.id = o.entry_id where o.tenant_id = $1"
    )
    assert len(rows) == 10
    assert {row["holder"] for row in rows} == {f"session:waiting-{n}" for n in range(10)}
    assert {f"{row['starts_at']:%Y-%m-%dT%H:%M:%SZ}" for row in rows} == {one["startUtc"] for one in bookings}
    states = await raw.rows("select status, count(*) as n from waitlist where tenant_id = $1 group by 1")
    assert {row["status"]: row["n"] for row in states} == {"OFFERED": 10, "WAITING": 90}
    claims = Counter(row["status"] for row in await raw.rows("select status from bookings where tenant_id = $1"))
    assert claims == {"CANCELLED": 10, "HELD": 10}
