"""Holds over HTTP: placed, refused, given back, and ended by the clock alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

UNKNOWN = "99999999-0000-4000-8000-000000000009"
SOON = timedelta(seconds=30)  # what a slow machine may take between two clocks


async def test_a_free_start_is_held_for_ten_minutes_at_its_price(visitor: Visitor, shop: Shop) -> None:
    held = await visitor.hold(shop.at(9))

    assert held["kind"] == "Hold"
    assert (held["startUtc"], held["endUtc"], held["priceCents"]) == (shop.at(9), shop.at(9, 30), 2000)
    assert (held["stylist"]["id"], held["service"]["id"]) == (shop.asha, shop.cut)
    assert abs(datetime.fromisoformat(held["expiresAt"]) - datetime.now(UTC) - timedelta(minutes=10)) < SOON


async def test_a_hold_lasts_as_long_as_the_tenant_says(visitor: Visitor, shop: Shop, raw: Raw) -> None:
    await visitor.hold(shop.at(9))
    await raw.run("update tenants set hold_seconds = 7200 where id = $1")

    held = await visitor.hold(shop.at(10))

    assert abs(datetime.fromisoformat(held["expiresAt"]) - datetime.now(UTC) - timedelta(hours=2)) < SOON


@pytest.mark.parametrize("freshness", ["VERIFIED", "CACHED", "BYPASS"])
async def test_everybody_sees_a_hold_at_once_and_only_its_owner_sees_whose_it_is(
    visitor: Visitor, rival: Visitor, shop: Shop, freshness: str
) -> None:
    await visitor.slots()
    await visitor.hold(shop.at(9))

    own = (await visitor.slots(freshness=freshness))["slots"][0]
    others = (await rival.slots(freshness=freshness))["slots"][0]

    assert own == {"startUtc": shop.at(9), "status": "HELD", "heldByYou": True, "priceCents": 2000}
    assert others == {**own, "heldByYou": False}


async def test_a_hold_needs_an_owner_and_says_how_to_be_one(visitor: Visitor, shop: Shop) -> None:
    refused = await visitor.named(None).hold(shop.at(9))

    assert refused["kind"] == "BAD_INPUT"
    assert "X-Session-Id" in refused["message"]


async def test_a_token_s_subject_owns_holds_without_a_session(customer: Visitor, shop: Shop) -> None:
    held = await customer.hold(shop.at(9))

    assert held["kind"] == "Hold"
    assert (await customer.confirm(held["id"]))["kind"] == "Booking"


@pytest.mark.parametrize("which", ["stylist", "service"])
async def test_an_unknown_stylist_or_service_is_not_found(visitor: Visitor, shop: Shop, which: str) -> None:
    refused = await visitor.hold(shop.at(9), **{which: UNKNOWN})

    assert refused == {"kind": "NotFound", "message": "There is no such thing, or it is not yours to see."}


@pytest.mark.parametrize("table, which", [("stylists", "stylist"), ("services", "service")])
async def test_what_is_off_sale_is_not_found(visitor: Visitor, shop: Shop, raw: Raw, table: str, which: str) -> None:
    await visitor.slots()
    await raw.run(f"update {table} set active = false where tenant_id = $1")

    assert (await visitor.hold(shop.at(9)))["kind"] == "NotFound", which


@pytest.mark.parametrize("name", ["stylistId", "serviceId"])
@pytest.mark.parametrize("value", ["", "asha", "33333333-0000-4000-8000-00000000000", "\x00"])
async def test_an_id_that_is_none_is_named(visitor: Visitor, shop: Shop, name: str, value: str) -> None:
    refused = await visitor.hold(shop.at(9), **{name: value})

    assert refused["kind"] == "BAD_INPUT"
    assert refused["message"].startswith(f"{name}: ")


class TestOnesOwnHold:
    async def test_holding_again_answers_the_same_hold(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))

        assert await visitor.hold(shop.at(9)) == held

    async def test_holding_again_keeps_the_price_it_was_held_for(self, visitor: Visitor, shop: Shop, raw: Raw) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("update services set price_cents = 7777 where tenant_id = $1")

        assert await visitor.hold(shop.at(9)) == held

    async def test_another_service_at_the_same_start_replaces_it(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        cut = await visitor.hold(shop.at(9))

        colour = await visitor.hold(shop.at(9), service=shop.colour)

        assert (colour["kind"], colour["service"]["id"], colour["endUtc"]) == ("Hold", shop.colour, shop.at(10, 30))
        assert (await visitor.confirm(cut["id"]))["kind"] == "HoldExpired"
        assert (await rival.hold(shop.at(10)))["kind"] == "SlotTaken"

    async def test_a_shorter_service_at_the_same_start_frees_the_rest(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        await visitor.hold(shop.at(9), service=shop.colour)

        await visitor.hold(shop.at(9))

        assert (await rival.hold(shop.at(9, 30)))["kind"] == "Hold"

    async def test_it_stays_when_the_other_service_does_not_fit(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        cut = await visitor.hold(shop.at(9))
        await rival.book(shop.at(10))

        refused = await visitor.hold(shop.at(9), service=shop.colour)

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", "BOOKED")
        assert (await visitor.confirm(cut["id"]))["kind"] == "Booking"

    async def test_it_stands_in_the_way_of_an_overlapping_start_like_anybody_s(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        await visitor.hold(shop.at(9, 30))

        refused = await visitor.hold(shop.at(9), service=shop.colour)

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", "HELD")


class TestTakenStarts:
    @pytest.mark.parametrize("write", ["hold", "book"])
    @pytest.mark.parametrize(
        "taken, service, start, status",
        [
            pytest.param("hold", "cut", (10, 0), "HELD", id="held at the same start"),
            pytest.param("book", "cut", (10, 0), "BOOKED", id="booked at the same start"),
            pytest.param("hold", "colour", (9, 0), "HELD", id="held in the middle"),
            pytest.param("book", "colour", (9, 0), "BOOKED", id="booked in the middle"),
            pytest.param("book", "colour", (10, 30), "UNAVAILABLE", id="only the wanted service's buffer collides"),
        ],
    )
    async def test_the_refusal_says_how_the_start_looks(
        self,
        visitor: Visitor,
        rival: Visitor,
        shop: Shop,
        write: str,
        taken: str,
        service: str,
        start: tuple[int, int],
        status: str,
    ) -> None:
        await getattr(rival, taken)(shop.at(10))

        refused = await getattr(visitor, write)(shop.at(*start), service=getattr(shop, service))

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", status)

    @pytest.mark.parametrize("taken", ["hold", "book"])
    @pytest.mark.parametrize("start", [(9, 30), (11, 30)], ids=["before it", "after it"])
    async def test_the_buffer_of_what_is_taken_makes_a_start_unavailable(
        self, visitor: Visitor, rival: Visitor, shop: Shop, taken: str, start: tuple[int, int]
    ) -> None:
        await getattr(rival, taken)(shop.at(10), service=shop.colour)

        refused = await visitor.hold(shop.at(*start))

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", "UNAVAILABLE")
        assert refused["slotStatus"] == await visitor.status(shop.at(*start))

    async def test_it_carries_the_day_s_version(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        await rival.hold(shop.at(9))

        refused = await visitor.hold(shop.at(9))

        assert refused["version"] == await visitor.version()

    async def test_whoever_names_the_version_they_saw_is_told_that_it_changed_since(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        seen = await visitor.version()
        await rival.hold(shop.at(9))

        refused = await visitor.hold(shop.at(9), seenVersion=seen)

        assert refused["message"] == (
            f"Somebody took this time after version {seen}; the day is now at {await visitor.version()}."
        )

    async def test_whoever_names_the_present_version_is_told_the_usual(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        await rival.hold(shop.at(9))

        refused = await visitor.hold(shop.at(9), seenVersion=await visitor.version())

        assert refused["message"] == "Somebody else has this time. `nearest` are free starts close to it."

    async def test_a_version_that_is_seen_and_old_does_not_keep_from_holding_a_free_start(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        seen = await visitor.version()
        await rival.hold(shop.at(9))

        assert (await visitor.hold(shop.at(10), seenVersion=seen))["kind"] == "Hold"

    @pytest.mark.parametrize("write", ["hold", "book"])
    @pytest.mark.parametrize("seen", ["", "new", "1.", "-1", "1.2\n", "1,2", "1." * 20 + "1", "9" * 30, "\x00"])
    async def test_a_seen_version_that_is_none_is_refused(
        self, visitor: Visitor, shop: Shop, write: str, seen: str
    ) -> None:
        refused = await getattr(visitor, write)(shop.at(9), seenVersion=seen)

        assert refused["kind"] == "BAD_INPUT"
        assert refused["message"].startswith("seenVersion: ")


class TestConcurrently:
    async def test_one_of_ten_sessions_gets_the_start(self, visitor: Visitor, shop: Shop) -> None:
        sessions = [visitor.named(f"s{number}") for number in range(10)]

        answers = await asyncio.gather(*(session.hold(shop.at(9)) for session in sessions))

        assert sorted(one["kind"] for one in answers) == ["Hold"] + ["SlotTaken"] * 9

    async def test_one_session_asking_ten_times_gets_one_hold(self, visitor: Visitor, shop: Shop, raw: Raw) -> None:
        answers = await asyncio.gather(*(visitor.hold(shop.at(9)) for _ in range(10)))

        assert {one["kind"] for one in answers} == {"Hold"}
        assert len({one["id"] for one in answers}) == 1
        assert await raw.value("select count(*) from bookings where tenant_id = $1") == 1

    async def test_starts_that_overlap_are_never_both_held(self, visitor: Visitor, shop: Shop, raw: Raw) -> None:
        starts = [shop.at(9), shop.at(9, 30), shop.at(10)]
        holds = (
            visitor.named(f"{service} {start}".replace(" ", "-")).hold(start, service=service)
            for service in (shop.cut, shop.colour)
            for start in starts
        )

        answers = await asyncio.gather(*holds)

        assert {one["kind"] for one in answers} <= {"Hold", "SlotTaken"}
        assert not await raw.rows(
            "select from bookings one join bookings other on one.occupied && other.occupied and one.id < other.id"
            " where one.tenant_id = $1 and other.tenant_id = $1"
        )


class TestReleasing:
    async def test_it_answers_the_hold_and_frees_its_time(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))

        released = await visitor.release(held["id"])

        assert released == held
        assert await visitor.status(shop.at(9)) == "AVAILABLE"
        assert (await rival.hold(shop.at(9)))["kind"] == "Hold"

    async def test_a_second_time_it_has_expired_when_it_was_given_back(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await visitor.release(held["id"])

        again = await visitor.release(held["id"])

        assert again["kind"] == "HoldExpired"
        assert abs(datetime.fromisoformat(again["expiredAt"]) - datetime.now(UTC)) < SOON

    @pytest.mark.parametrize("act", ["release", "confirm"])
    async def test_another_session_s_hold_reads_like_one_that_never_was(
        self, visitor: Visitor, rival: Visitor, shop: Shop, act: str
    ) -> None:
        held = await visitor.hold(shop.at(9))

        others = await getattr(rival, act)(held["id"])

        assert others == await getattr(rival, act)(UNKNOWN)
        assert others["kind"] == "NotFound"
        assert await visitor.status(shop.at(9)) == "HELD"

    async def test_a_booking_is_no_hold(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        assert (await visitor.release(booked["id"]))["kind"] == "NotFound"
        assert await visitor.status(shop.at(9)) == "BOOKED"

    async def test_a_hold_that_became_a_booking_is_no_hold(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await visitor.confirm(held["id"])

        assert (await visitor.release(held["id"]))["kind"] == "NotFound"
        assert await visitor.status(shop.at(9)) == "BOOKED"

    async def test_staff_may(self, visitor: Visitor, staff: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))

        assert await staff.release(held["id"]) == held

    async def test_nobody_is_nobody_s_owner(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("update bookings set holder = null where tenant_id = $1")

        assert (await visitor.named(None).release(held["id"]))["kind"] == "NotFound"

    @pytest.mark.parametrize("act", ["release", "confirm"])
    async def test_an_id_that_is_none_is_named(self, visitor: Visitor, act: str) -> None:
        refused = await getattr(visitor, act)("a hold")

        assert refused == {"kind": "BAD_INPUT", "message": "holdId: 'a hold' is not an id; ids are UUIDs"}


class TestTheClockAlone:
    """A hold of one second, which nothing and nobody ends."""

    @pytest.fixture
    async def over(self, visitor: Visitor, shop: Shop, raw: Raw) -> Any:
        """The visitor's hold, when it is over."""
        await raw.run("update tenants set hold_seconds = 1 where id = $1")
        held = await visitor.hold(shop.at(9))
        await raw.run("update tenants set hold_seconds = 600 where id = $1")
        await visitor.until(lambda: self.is_free(visitor, shop.at(9)))
        assert await raw.value("select status from bookings where tenant_id = $1") == "HELD"
        return held

    async def is_free(self, visitor: Visitor, start: str) -> bool:
        return await visitor.status(start, freshness="CACHED") == "AVAILABLE"

    async def test_it_counts_until_then(self, visitor: Visitor, rival: Visitor, shop: Shop, raw: Raw) -> None:
        await raw.run("update tenants set hold_seconds = 1 where id = $1")
        held = await visitor.hold(shop.at(9))
        expires_at = datetime.fromisoformat(held["expiresAt"])

        while (refused := await rival.hold(shop.at(9)))["kind"] == "SlotTaken":
            assert refused["slotStatus"] == "HELD"
            assert await raw.value("select clock_timestamp() from tenants where id = $1") < expires_at + SOON

        assert refused["kind"] == "Hold"
        assert await raw.value("select clock_timestamp() from tenants where id = $1") >= expires_at
        assert await raw.value("select max(created_at) from bookings where tenant_id = $1") >= expires_at

    @pytest.mark.parametrize("service", ["cut", "colour"])
    @pytest.mark.parametrize("write, kind", [("hold", "Hold"), ("book", "Booking")])
    async def test_somebody_else_gets_its_time(
        self, rival: Visitor, shop: Shop, over: Any, write: str, kind: str, service: str
    ) -> None:
        got = await getattr(rival, write)(shop.at(9), service=getattr(shop, service))

        assert got["kind"] == kind

    async def test_somebody_else_s_booking_is_moved_there(self, rival: Visitor, shop: Shop, over: Any) -> None:
        booked = await rival.book(shop.at(15))

        assert (await rival.move(booked["id"], shop.at(9)))["startUtc"] == shop.at(9)

    @pytest.mark.parametrize("act", ["confirm", "release"])
    async def test_its_owner_is_told_when_it_ended(self, visitor: Visitor, over: Any, act: str) -> None:
        refused = await getattr(visitor, act)(over["id"])

        assert refused == {
            "kind": "HoldExpired",
            "message": "The hold has ended. Place a new one if the time is still free.",
            "expiredAt": over["expiresAt"],
        }

    async def test_its_owner_is_told_the_same_when_somebody_else_has_the_time(
        self, visitor: Visitor, rival: Visitor, shop: Shop, over: Any
    ) -> None:
        await rival.book(shop.at(9))

        refused = await visitor.confirm(over["id"])

        assert (refused["kind"], refused["expiredAt"]) == ("HoldExpired", over["expiresAt"])

    async def test_its_owner_may_hold_anew(self, visitor: Visitor, shop: Shop, over: Any) -> None:
        held = await visitor.hold(shop.at(9))

        assert held["kind"] == "Hold"
        assert held["id"] != over["id"]
        assert held["expiresAt"] > over["expiresAt"]
