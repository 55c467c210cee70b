"""Webhooks as admins set them, and what is written to be told: in the transaction that it tells of, whoever wrote that."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from resolvers.context import Role

if TYPE_CHECKING:
    from tests.schema.conftest import Answer, NewShop, Raw, Visitor

SET = """mutation ($input: WebhookSetInput!) { answer: webhookSet(input: $input) { kind: __typename
  ... on WebhookChange { secret webhook { id url events active pending failed } } ... on Problem { message }
  ... on InvalidInput { faults { path message } } } }"""
REMOVE = """mutation ($id: ID!) { answer: webhookRemove(webhookId: $id) { kind: __typename
  ... on WebhookChange { secret webhook { id } } } }"""
RETRY = """mutation ($id: ID!) { answer: webhookRetry(deliveryId: $id) { kind: __typename
  ... on WebhookDelivery { id state tries event } } }"""
ALL = "{ webhooks { id url events active pending failed } }"
DELIVERIES = """query ($id: ID!, $state: DeliveryState) {
  webhookDeliveries(webhookId: $id, state: $state) { id event state tries bookingId answer } }"""
URL = "https://example.org/hook"


async def ask(who: Visitor, query: str, **variables: Any) -> Any:
    data = await who.client.data(query, variables, **who.who)
    return data.get("answer", data)


@pytest.fixture
def admin(visitor: Visitor) -> Visitor:
    return visitor.role(Role.ADMIN, "ada")


@pytest.fixture
async def hook(admin: Visitor) -> Answer:
    """An endpoint that is told everything."""
    found: Answer = await ask(admin, SET, input={"url": URL})
    return found


async def written(raw: Raw) -> list[Answer]:
    """What is to be told, in order."""
    return [
        json.loads(row["body"]) for row in await raw.rows("select body from outbox where tenant_id = $1 order by seq")
    ]


async def types(raw: Raw) -> list[str]:
    return [one["type"] for one in await written(raw)]


async def test_the_secret_is_shown_once_and_kept_out_of_the_log(admin: Visitor, hook: Answer, raw: Raw) -> None:
    log = json.dumps([dict(row) for row in await raw.rows("select before, after from audit_log where tenant_id = $1")])
    again = await ask(admin, SET, input={"id": hook["webhook"]["id"], "active": False})
    other = await ask(admin, SET, input={"id": hook["webhook"]["id"], "newSecret": True})

    assert hook["secret"].startswith("whsec_")
    assert hook["secret"] not in log
    assert again["secret"] is None
    assert again["webhook"] == {**hook["webhook"], "active": False}
    assert other["secret"] not in (None, hook["secret"])
    assert await raw.value("select secret from webhooks where tenant_id = $1") == other["secret"]


async def test_the_same_id_again_makes_one(admin: Visitor) -> None:
    id_ = str(uuid4())

    for _ in range(2):
        await ask(admin, SET, input={"id": id_, "url": URL, "events": ["BOOKING_CONFIRMED", "BOOKING_CONFIRMED"]})

    assert (await ask(admin, ALL))["webhooks"] == [
        {"id": id_, "url": URL, "events": ["BOOKING_CONFIRMED"], "active": True, "pending": 0, "failed": 0}
    ]


@pytest.mark.parametrize(
    "url",
    [
        "", "http://example.org/", "ftp://example.org/", "https://", "https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/",
        "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/", "https://localhost/", "https://db.internal/",
        "https://user:word@example.org/", "https://example.org/#here", "https://example.org/a b", "https://example.org:0x/",
        "https://2130706433.localhost/",
    ],
)  # fmt: skip
async def test_where_it_may_not_go_is_refused(admin: Visitor, url: str) -> None:
    found = await ask(admin, SET, input={"url": url})

    assert found["kind"] == "InvalidInput"
    assert [fault["path"] for fault in found["faults"]] == ["url"]


async def test_there_are_ten_at_most(admin: Visitor) -> None:
    for _ in range(10):
        assert (await ask(admin, SET, input={"url": URL}))["kind"] == "WebhookChange"

    assert (await ask(admin, SET, input={"url": URL}))["faults"][0]["path"] == "id"


async def test_all_that_becomes_of_a_booking_is_written_in_order(
    hook: Answer, visitor: Visitor, staff: Visitor, raw: Raw
) -> None:
    shop = visitor.salon
    hold = await visitor.hold(shop.at(9))
    assert await types(raw) == []  # a hold is nobody's business yet
    booking = await visitor.confirm(hold["id"], customer={"name": "Cleo", "email": "cleo@example.org"})
    await visitor.move(booking["id"], shop.at(10))
    await visitor.cancel(booking["id"], "ill")
    done = await visitor.book(shop.at(11))
    await staff.complete(done["id"])
    missed = await visitor.book(shop.at(14))
    await staff.miss(missed["id"])

    found = await written(raw)

    assert [one["type"] for one in found] == [
        "booking.confirmed", "booking.rescheduled", "booking.cancelled", "booking.confirmed", "booking.completed",
        "booking.confirmed", "booking.no_show",
    ]  # fmt: skip
    confirmed, moved, cancelled = (one["data"] for one in found[:3])
    assert confirmed == {
        "id": booking["id"],
        "status": "CONFIRMED",
        "startUtc": shop.at(9),
        "endUtc": shop.at(9, 30),
        "priceCents": 2000,
        "createdAt": confirmed["createdAt"],
        "stylist": {"id": shop.asha, "name": "Asha"},
        "service": {"id": shop.cut, "name": "Cut"},
        "location": {"id": shop.location, "name": "Here", "timezone": "Etc/UTC"},
        "customer": {**confirmed["customer"], "name": "Cleo", "email": "cleo@example.org", "phone": None},
    }
    assert (moved["startUtc"], moved["previous"]["startUtc"]) == (shop.at(10), shop.at(9))
    assert (cancelled["status"], cancelled["cancelReason"]) == ("CANCELLED", "ill")
    assert found[0]["tenant"] == shop.slug
    assert "tester" not in json.dumps(found)  # a session's id opens what is the session's


async def test_what_is_refused_or_changes_nothing_is_not_written(
    hook: Answer, visitor: Visitor, rival: Visitor, raw: Raw
) -> None:
    booking = await visitor.book(visitor.salon.at(9))
    await rival.book(visitor.salon.at(9))
    await visitor.cancel(booking["id"])
    await visitor.cancel(booking["id"])
    await raw.run("update bookings set notes = 'x' where tenant_id = $1")

    assert await types(raw) == ["booking.confirmed", "booking.cancelled"]


async def test_another_program_s_writes_are_written_too(hook: Answer, visitor: Visitor, raw: Raw) -> None:
    await visitor.book(visitor.salon.at(9))
    await raw.run("update bookings set status = 'CANCELLED', ended_at = now() where tenant_id = $1")

    assert await types(raw) == ["booking.confirmed", "booking.cancelled"]


async def test_an_offer_says_whom_to_reach(hook: Answer, visitor: Visitor, rival: Visitor, raw: Raw) -> None:
    booking = await visitor.book(visitor.salon.at(9))
    entry = await rival.wait(customer={"name": "Rika", "phone": "+44 20 7946 0000"})
    await visitor.cancel(booking["id"])

    _, *others = await written(raw)

    offered = next(one["data"] for one in others if one["type"] == "waitlist.offered")
    assert (offered["startUtc"], offered["status"]) == (visitor.salon.at(9), "HELD")
    assert (offered["customer"]["name"], offered["customer"]["phone"]) == ("Rika", "+44 20 7946 0000")
    assert offered["waitlistEntry"]["id"] == entry["id"]
    assert offered["expiresAt"]
    assert {one["type"] for one in others} == {"waitlist.offered", "booking.cancelled"}


async def test_who_asked_for_some_is_told_those(admin: Visitor, visitor: Visitor, raw: Raw) -> None:
    await ask(admin, SET, input={"url": URL, "events": ["BOOKING_CANCELLED"]})
    booking = await visitor.book(visitor.salon.at(9))
    await visitor.cancel(booking["id"])

    assert await types(raw) == ["booking.cancelled"]


async def test_who_is_not_active_is_told_nothing(admin: Visitor, hook: Answer, visitor: Visitor, raw: Raw) -> None:
    await ask(admin, SET, input={"id": hook["webhook"]["id"], "active": False})
    await visitor.book(visitor.salon.at(9))

    assert await types(raw) == []


async def test_another_business_is_told_nothing(hook: Answer, neighbour: Visitor, raw: Raw) -> None:
    await neighbour.book(neighbour.salon.at(9))

    assert await types(raw) == []


async def test_what_is_imported_of_the_past_is_no_news(hook: Answer, visitor: Visitor, raw: Raw) -> None:
    shop = visitor.salon
    for days in (-30, 0):
        start = shop.day + timedelta(days)
        await raw.run(
            "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
            " price_cents)"
            " select $1, $2, $3, $4, 'CONFIRMED', at, at + interval '30 min', tstzrange(at, at + interval '30 min'), 1"
            "   from (select $5::date + interval '9 h' as at) a",
            *(shop.asha, shop.cut, shop.location, start),
        )

    assert [one["data"]["startUtc"] for one in await written(raw)] == [shop.at(9)]


async def test_who_is_removed_is_told_nothing_more(admin: Visitor, hook: Answer, visitor: Visitor, raw: Raw) -> None:
    await visitor.book(visitor.salon.at(9))

    removed = await ask(admin, REMOVE, id=hook["webhook"]["id"])

    assert removed == {"kind": "WebhookChange", "secret": None, "webhook": {"id": hook["webhook"]["id"]}}
    assert await types(raw) == []
    assert (await ask(admin, REMOVE, id=hook["webhook"]["id"]))["kind"] == "NotFound"


async def test_what_was_given_up_is_seen_and_may_be_tried_again(
    admin: Visitor, hook: Answer, visitor: Visitor, raw: Raw
) -> None:
    id_ = hook["webhook"]["id"]
    booking = await visitor.book(visitor.salon.at(9))
    await raw.run(
        "update outbox set state = 'FAILED', ended_at = now(), tries = 20, last_answer = 'HTTP 500' where tenant_id = $1"
    )

    (failed,) = (await ask(admin, DELIVERIES, id=id_, state="FAILED"))["webhookDeliveries"]
    counted = (await ask(admin, ALL))["webhooks"][0]["failed"]
    again = await ask(admin, RETRY, id=failed["id"])

    assert failed == {
        "id": failed["id"], "event": "BOOKING_CONFIRMED", "state": "FAILED", "tries": 20, "bookingId": booking["id"],
        "answer": "HTTP 500",
    }  # fmt: skip
    assert counted == 1
    assert again == {
        "kind": "WebhookDelivery", "id": failed["id"], "state": "PENDING", "tries": 0, "event": "BOOKING_CONFIRMED"
    }  # fmt: skip
    assert (await ask(admin, RETRY, id=failed["id"]))["kind"] == "NotFound"


async def test_another_business_s_endpoint_cannot_be_taken_over(
    hook: Answer, visitor: Visitor, new_shop: NewShop, raw: Raw
) -> None:
    theirs = replace(visitor, salon=await new_shop()).role(Role.ADMIN, "eve")

    found = await ask(theirs, SET, input={"id": hook["webhook"]["id"], "url": "https://eve.example/"})

    assert found["kind"] == "WebhookChange"  # one of their own, under the same id
    assert await raw.value("select url from webhooks where tenant_id = $1") == URL
