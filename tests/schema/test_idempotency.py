"""The same request again, by its idempotency key, over HTTP: the first result, once; and what the audit log keeps of it all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

MUTATIONS = ["holdPlace", "bookingConfirm", "bookingCreate", "bookingReschedule"]
CONFLICT = {
    "kind": "IdempotencyConflict",
    "message": "This idempotency key was used with another input. Use a new key for a new request.",
}
CLAIMS = "select count(*) from bookings where tenant_id = $1"
UNKNOWN = "99999999-0000-4000-8000-000000000009"


async def request(visitor: Visitor, mutation: str, start: str) -> dict[str, Any]:
    """The variables of a mutation that gets this start, whatever else it needs being there; without a key."""
    if mutation == "holdPlace":
        return {"input": visitor.start(start, None, None)}
    if mutation == "bookingCreate":
        return {"input": {**visitor.start(start, None, None), "customer": {"name": "Cleo"}, "notes": "hello"}}
    if mutation == "bookingConfirm":
        held = await visitor.hold(start)
        return {"input": {"holdId": held["id"], "customer": {"name": "Cleo"}}}
    booked = await visitor.book(visitor.salon.at(16, days=3))
    return {"input": {"bookingId": booked["id"], "startUtc": start}}


def keyed(variables: dict[str, Any], key: str | None = "k") -> dict[str, Any]:
    """The same with a key."""
    return {"input": {**variables["input"], "idempotencyKey": key}}


def altered(mutation: str, variables: dict[str, Any], shop: Shop) -> dict[str, Any]:
    """The same with another input, which would be fine by itself."""
    other = {"customer": {"name": "Dora"}} if mutation.startswith("bookingC") else {"startUtc": shop.at(15)}
    return {"input": {**variables["input"], **other}}


class TestTheSameAgain:
    @pytest.mark.parametrize("mutation", MUTATIONS)
    async def test_it_answers_the_first_result_and_does_nothing(
        self, visitor: Visitor, raw: Raw, shop: Shop, mutation: str
    ) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))
        first = await visitor.write(mutation, asked)
        claims, version = await raw.value(CLAIMS), await visitor.version()

        again = await visitor.write(mutation, asked)

        assert first["kind"] in ("Hold", "Booking")
        assert again == first
        assert (await raw.value(CLAIMS), await visitor.version()) == (claims, version)

    @pytest.mark.parametrize("mutation", MUTATIONS)
    async def test_ten_at_once_do_it_once(self, visitor: Visitor, raw: Raw, shop: Shop, mutation: str) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))

        answers = await asyncio.gather(*(visitor.write(mutation, asked) for _ in range(10)))

        assert all(one == answers[0] for one in answers)
        assert answers[0]["kind"] in ("Hold", "Booking")
        assert await raw.value(CLAIMS) == 1
        assert await raw.value("select count(*) from audit_log where tenant_id = $1 and action = $2", mutation) == 1

    async def test_a_booking_that_was_cancelled_since_is_answered_as_it_was(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey="k")
        await visitor.cancel(booked["id"])

        assert await visitor.book(shop.at(9), idempotencyKey="k") == booked
        assert await visitor.status(shop.at(9)) == "AVAILABLE"

    async def test_a_start_that_somebody_took_since_is_answered_as_it_was(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9), idempotencyKey="k")
        await visitor.release(held["id"])
        await rival.book(shop.at(9))

        assert await visitor.hold(shop.at(9), idempotencyKey="k") == held

    async def test_a_hold_that_was_confirmed_since_is_answered_as_it_was(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9), idempotencyKey="k")
        await visitor.confirm(held["id"])

        assert await visitor.hold(shop.at(9), idempotencyKey="k") == held

    @pytest.mark.parametrize("mutation", ["bookingCreate", "holdPlace"])
    async def test_what_does_not_change_the_request_is_no_other_input(
        self, visitor: Visitor, shop: Shop, mutation: str
    ) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))
        first = await visitor.write(mutation, asked)
        same = {
            "stylistId": shop.asha.upper(),
            "startUtc": shop.at(10).replace("Z", "+01:00"),
            "seenVersion": "1.2",
        }

        assert await visitor.write(mutation, {"input": {**asked["input"], **same}}) == first


class TestAnotherInput:
    @pytest.mark.parametrize("mutation", MUTATIONS)
    async def test_it_is_refused_and_nothing_is_done(
        self, visitor: Visitor, raw: Raw, shop: Shop, mutation: str
    ) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))
        first = await visitor.write(mutation, asked)
        claims = await raw.value(CLAIMS)

        assert await visitor.write(mutation, altered(mutation, asked, shop)) == CONFLICT
        assert await raw.value(CLAIMS) == claims
        assert await visitor.write(mutation, asked) == first

    @pytest.mark.parametrize("customer", [{"name": "Cleo", "email": "c@example.com"}, {"name": "Cleo", "phone": "555"}])
    async def test_every_part_of_the_customer_counts(self, visitor: Visitor, shop: Shop, customer: Any) -> None:
        await visitor.book(shop.at(9), idempotencyKey="k")

        assert await visitor.book(shop.at(9), idempotencyKey="k", customer=customer) == CONFLICT

    async def test_the_notes_count(self, visitor: Visitor, shop: Shop) -> None:
        await visitor.book(shop.at(9), idempotencyKey="k", notes="one")

        assert await visitor.book(shop.at(9), idempotencyKey="k", notes="other") == CONFLICT


class TestWhoseKey:
    async def test_each_mutation_has_keys_of_its_own(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9), idempotencyKey="k")
        booked = await visitor.book(shop.at(10), idempotencyKey="k")
        confirmed = await visitor.confirm(held["id"], idempotencyKey="k")
        moved = await visitor.move(booked["id"], shop.at(11), idempotencyKey="k")

        assert [one["kind"] for one in (held, booked, confirmed, moved)] == ["Hold", "Booking", "Booking", "Booking"]

    async def test_each_session_has_keys_of_its_own(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey="k")
        others = await rival.book(shop.at(10), idempotencyKey="k")

        assert (booked["startUtc"], others["startUtc"]) == (shop.at(9), shop.at(10))
        assert (await rival.book(shop.at(9), idempotencyKey="l"))["kind"] == "SlotTaken"

    async def test_a_session_does_not_get_another_s_result(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        await visitor.book(shop.at(9), idempotencyKey="k")

        assert (await rival.book(shop.at(9), idempotencyKey="k"))["kind"] == "SlotTaken"

    async def test_a_session_called_like_a_subject_is_another(
        self, visitor: Visitor, customer: Visitor, shop: Shop
    ) -> None:
        await customer.book(shop.at(9), idempotencyKey="k")

        for session in ("cleo", "sub:cleo"):
            assert (await visitor.named(session).book(shop.at(9), idempotencyKey="k"))["kind"] == "SlotTaken"

    @pytest.mark.parametrize("mutation", ["bookingCreate", "bookingReschedule"])
    async def test_whoever_has_no_name_has_no_keys(self, visitor: Visitor, shop: Shop, mutation: str) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))

        refused = await visitor.named(None).write(mutation, asked)

        assert refused["kind"] == "BAD_INPUT"
        assert "X-Session-Id" in refused["message"]
        assert await visitor.status(shop.at(9)) == "AVAILABLE"


class TestARefusal:
    @pytest.mark.parametrize("mutation", ["holdPlace", "bookingCreate", "bookingReschedule"])
    async def test_it_leaves_the_key_free_for_the_same_request(
        self, visitor: Visitor, rival: Visitor, shop: Shop, mutation: str
    ) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))
        taken = await rival.book(shop.at(9))

        refused = await visitor.write(mutation, asked)
        await rival.cancel(taken["id"])
        done = await visitor.write(mutation, asked)

        assert refused["kind"] == "SlotTaken"
        assert (done["kind"] in ("Hold", "Booking"), done["startUtc"]) == (True, shop.at(9))

    @pytest.mark.parametrize("mutation", ["holdPlace", "bookingCreate", "bookingReschedule"])
    async def test_it_leaves_the_key_free_for_another_request(
        self, visitor: Visitor, rival: Visitor, shop: Shop, mutation: str
    ) -> None:
        asked = keyed(await request(visitor, mutation, shop.at(9)))
        await rival.book(shop.at(9))
        await visitor.write(mutation, asked)

        done = await visitor.write(mutation, {"input": {**asked["input"], "startUtc": shop.at(15)}})

        assert done["startUtc"] == shop.at(15)

    async def test_of_ten_twins_that_are_refused_every_one_is_told_so(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        await rival.book(shop.at(9))

        answers = await asyncio.gather(*(visitor.book(shop.at(9), idempotencyKey="k") for _ in range(10)))

        assert [one["kind"] for one in answers] == ["SlotTaken"] * 10

    async def test_a_hold_that_was_not_found_leaves_the_key_free(self, visitor: Visitor, shop: Shop) -> None:
        await visitor.confirm(UNKNOWN, idempotencyKey="k")
        held = await visitor.hold(shop.at(9))

        assert (await visitor.confirm(held["id"], idempotencyKey="k"))["kind"] == "Booking"


class TestTheKeyItself:
    @pytest.mark.parametrize("mutation", MUTATIONS)
    @pytest.mark.parametrize("key", ["", "k" * 201, "k" * 100_00], ids=["empty", "too long", "far too long"])
    async def test_its_length_is_bounded(self, visitor: Visitor, shop: Shop, mutation: str, key: str) -> None:
        asked = await request(visitor, mutation, shop.at(9))

        refused = await visitor.write(mutation, keyed(asked, key))

        assert refused["kind"] == "BAD_INPUT"
        assert refused["message"].startswith("idempotencyKey: ")

    @pytest.mark.parametrize("mutation", MUTATIONS)
    async def test_it_may_not_have_a_nul(self, visitor: Visitor, shop: Shop, mutation: str) -> None:
        asked = await request(visitor, mutation, shop.at(9))

        refused = await visitor.write(mutation, keyed(asked, "k\x00"))

        assert refused["kind"] == "BAD_INPUT"
        assert refused["message"].startswith("idempotencyKey: ")

    @pytest.mark.parametrize("key", ["k" * 200, "🪒" * 200, " ", "a'b\"c\\%", "\n"])
    async def test_any_other_text_will_do(self, visitor: Visitor, shop: Shop, key: str) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey=key)

        assert booked["kind"] == "Booking"
        assert await visitor.book(shop.at(9), idempotencyKey=key) == booked

    async def test_none_is_as_good_as_no_key(self, visitor: Visitor, shop: Shop) -> None:
        await visitor.book(shop.at(9), idempotencyKey=None)

        assert (await visitor.book(shop.at(9), idempotencyKey=None))["kind"] == "SlotTaken"


class TestItsAge:
    AGE = "update idempotency_keys set created_at = created_at - $2::interval where tenant_id = $1"

    @pytest.mark.parametrize(
        "age, same, other",
        [("23 hours 59 minutes", "Booking", "IdempotencyConflict"), ("24 hours 1 second", "SlotTaken", "Booking")],
        ids=["it is kept for a day", "a day later it is free"],
    )
    async def test_a_key_is_kept_for_24_hours(
        self, visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop, age: str, same: str, other: str
    ) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey="k")
        await raw.run(self.AGE.replace("$2::interval", f"interval '{age}'"))

        again = await visitor.book(shop.at(9), idempotencyKey="k")
        another = await visitor.book(shop.at(10), idempotencyKey="k")

        assert (again["kind"], another["kind"]) == (same, other)
        assert (again == booked) == (same == "Booking")

    async def test_an_old_key_counts_from_its_new_use(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        await visitor.book(shop.at(9), idempotencyKey="k")
        await raw.run(self.AGE.replace("$2::interval", "interval '25 hours'"))

        second = await visitor.book(shop.at(10), idempotencyKey="k")

        assert await visitor.book(shop.at(10), idempotencyKey="k") == second
        assert await visitor.book(shop.at(9), idempotencyKey="k") == CONFLICT


LOG = "select actor, action, entity_id::text, outcome, before, after from audit_log where tenant_id = $1 order by id"


class TestTheAuditLog:
    async def log(self, raw: Raw) -> list[dict[str, Any]]:
        """Its lines, oldest first."""
        lines = [dict(row) for row in await raw.rows(LOG)]
        for line in lines:
            line |= {name: line[name] and json.loads(line[name]) for name in ("before", "after")}
        return lines

    async def test_every_write_leaves_one_line_with_what_was_and_what_is(
        self, visitor: Visitor, staff: Visitor, raw: Raw, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))
        await visitor.confirm(held["id"])
        await visitor.move(held["id"], shop.at(10))
        await staff.complete(held["id"])
        second = await visitor.hold(shop.at(9))
        await visitor.release(second["id"])
        third = await visitor.book(shop.at(9))
        await visitor.cancel(third["id"])
        fourth = await visitor.book(shop.at(9))
        await staff.miss(fourth["id"])

        log = await self.log(raw)

        mine, theirs = "public:session:tester", "staff:sub:sita"
        assert [(line["actor"], line["action"], line["entity_id"]) for line in log] == [
            (mine, "holdPlace", held["id"]),
            (mine, "bookingConfirm", held["id"]),
            (mine, "bookingReschedule", held["id"]),
            (theirs, "bookingComplete", held["id"]),
            (mine, "holdPlace", second["id"]),
            (mine, "holdRelease", second["id"]),
            (mine, "bookingCreate", third["id"]),
            (mine, "bookingCancel", third["id"]),
            (mine, "bookingCreate", fourth["id"]),
            (theirs, "bookingNoShow", fourth["id"]),
        ]
        assert {line["outcome"] for line in log} == {"DONE"}
        statuses = [(line["before"] and line["before"]["status"], line["after"]["status"]) for line in log]
        assert statuses == [
            (None, "HELD"),
            ("HELD", "CONFIRMED"),
            ("CONFIRMED", "CONFIRMED"),
            ("CONFIRMED", "COMPLETED"),
            (None, "HELD"),
            ("HELD", "RELEASED"),
            (None, "CONFIRMED"),
            ("CONFIRMED", "CANCELLED"),
            (None, "CONFIRMED"),
            ("CONFIRMED", "NO_SHOW"),
        ]

    @pytest.mark.parametrize(
        "action, outcome, act",
        [
            ("holdPlace", "SlotTaken", lambda visitor, shop, _: visitor.hold(shop.at(10))),
            ("bookingCreate", "SlotNotOffered", lambda visitor, shop, _: visitor.book(shop.at(8))),
            ("bookingCreate", "NotFound", lambda visitor, shop, _: visitor.book(shop.at(9), stylist=UNKNOWN)),
            ("bookingConfirm", "NotFound", lambda visitor, shop, _: visitor.confirm(UNKNOWN)),
            ("holdRelease", "NotFound", lambda visitor, shop, _: visitor.release(UNKNOWN)),
            ("bookingReschedule", "NotFound", lambda visitor, shop, _: visitor.move(UNKNOWN, shop.at(9))),
            ("bookingReschedule", "SlotTaken", lambda visitor, shop, own: visitor.move(own, shop.at(10))),
            ("bookingReschedule", "SlotNotOffered", lambda visitor, shop, own: visitor.move(own, shop.at(8))),
            ("bookingCancel", "NotFound", lambda visitor, shop, _: visitor.cancel(UNKNOWN)),
        ],
    )
    async def test_every_refusal_leaves_one_line_with_what_was_asked_for(
        self,
        visitor: Visitor,
        rival: Visitor,
        raw: Raw,
        shop: Shop,
        action: str,
        outcome: str,
        act: Callable[[Visitor, Shop, str], Awaitable[dict[str, Any]]],
    ) -> None:
        await rival.book(shop.at(10))
        own = await visitor.book(shop.at(11))

        refused = await act(visitor, shop, own["id"])

        *_, line = log = await self.log(raw)
        assert len(log) == 3
        assert (line["actor"], line["action"], line["outcome"]) == ("public:session:tester", action, outcome)
        assert line["after"]["message"] == refused["message"]
        assert set(line["after"]) > {"message"}

    async def test_a_key_s_second_use_is_not_a_write_and_a_conflict_is_a_refusal(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        for start in (shop.at(9), shop.at(9), shop.at(10)):
            await visitor.book(start, idempotencyKey="k")

        assert [line["outcome"] for line in await self.log(raw)] == ["DONE", "IdempotencyConflict"]

    async def test_whoever_has_no_name_is_called_unknown(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        await visitor.named(None).book(shop.at(9))

        assert [line["actor"] for line in await self.log(raw)] == ["public:unknown"]

    async def test_what_ended_twice_is_refused_the_second_time(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))
        await visitor.cancel(booked["id"])
        await visitor.cancel(booked["id"])

        assert [line["outcome"] for line in await self.log(raw)] == ["DONE", "DONE", "AlreadyEnded"]

    async def test_a_hold_that_expired_is_refused_and_stays_as_it_was(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("update bookings set expires_at = clock_timestamp() where tenant_id = $1")
        await visitor.confirm(held["id"])

        line = (await self.log(raw))[-1]
        assert (line["action"], line["outcome"], line["entity_id"]) == ("bookingConfirm", "HoldExpired", held["id"])
