"""Bookings over HTTP: made, moved, ended and refused, and what happens when several want the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from db.pool import Database
from resolvers import bookings

if TYPE_CHECKING:
    from tests.schema.conftest import Raw, Shop, Visitor

UNKNOWN = "99999999-0000-4000-8000-000000000009"
NOT_FOUND = {"kind": "NotFound", "message": "There is no such thing, or it is not yours to see."}
ENDED = {
    "kind": "AlreadyEnded",
    "message": "The booking was cancelled, completed or missed, and can no longer be changed.",
}
WRITES = ["hold", "book", "move"]
INSERT = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents,
                      holder, expires_at)
values ($1, $2, $3, $4, $5, $6, $6::timestamptz + interval '30 min', tstzrange($6, $6::timestamptz + interval '30 min'), 1,
        'session:raw', clock_timestamp() + interval '1 hour')
"""

CLAIMS = "select count(*) from bookings where tenant_id = $1 and starts_at = $2"


def instant(text: str) -> datetime:
    """What GraphQL writes, as a value."""
    return datetime.fromisoformat(text)


async def asker(visitor: Visitor, write: str, service: str | None = None) -> Callable[..., Awaitable[Any]]:
    """What asks for a start, of Asha unless said otherwise, by holding, by booking, or by moving a booking made here."""
    shop = visitor.salon
    if write != "move":
        return partial(getattr(visitor, write), service=service)
    other = await visitor.book(
        shop.at(14, days=20), service=service, stylist=shop.asha if service == shop.colour else shop.bina
    )

    async def move(start: str, stylist: str = shop.asha) -> Any:
        return await visitor.move(other["id"], start, stylistId=stylist)

    return move


async def insert_raw(raw: Raw, shop: Shop, start: str, status: str = "CONFIRMED") -> None:
    """Asha's time, taken by another program."""
    await raw.run(INSERT, shop.asha, shop.cut, shop.location, status, instant(start))


class TestCreating:
    async def test_a_free_start_is_booked_at_its_price(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(
            shop.at(9), customer={"name": " Cleo ", "email": "cleo@example.com", "phone": "+977 1-555 0100"}
        )

        created_at = instant(booked.pop("createdAt"))
        assert abs(created_at - datetime.now(UTC)) < timedelta(seconds=30)
        assert booked == {
            "kind": "Booking",
            "id": booked["id"],
            "startUtc": shop.at(9),
            "endUtc": shop.at(9, 30),
            "priceCents": 2000,
            "status": "CONFIRMED",
            "paymentRequired": False,
            "paymentUrl": None,
            "stylist": {"id": shop.asha},
            "service": {"id": shop.cut},
            "location": {"id": shop.location},
            "customer": {"name": "Cleo", "email": "cleo@example.com", "phone": "+977 1-555 0100"},
        }

    @pytest.mark.parametrize("freshness", ["VERIFIED", "CACHED", "BYPASS"])
    async def test_everybody_sees_it_at_once(
        self, visitor: Visitor, rival: Visitor, shop: Shop, freshness: str
    ) -> None:
        await rival.slots()
        await visitor.book(shop.at(9))

        assert await rival.status(shop.at(9), freshness=freshness) == "BOOKED"

    async def test_without_a_session_it_is_for_staff_alone(self, visitor: Visitor, staff: Visitor, shop: Shop) -> None:
        nobody = visitor.named(None)

        booked = await nobody.book(shop.at(9))

        assert booked["kind"] == "Booking"
        assert await nobody.booking(booked["id"]) is None
        assert await nobody.cancel(booked["id"]) == NOT_FOUND
        assert (await staff.cancel(booked["id"]))["status"] == "CANCELLED"

    async def test_a_start_that_one_holds_is_booked_by_the_hold_at_its_frozen_price(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("update services set price_cents = 7777 where tenant_id = $1")

        booked = await visitor.book(shop.at(9))

        assert (booked["kind"], booked["id"], booked["priceCents"]) == ("Booking", held["id"], 2000)

    async def test_a_start_that_one_holds_for_another_service_is_booked_at_that_one_s_price(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))

        booked = await visitor.book(shop.at(9), service=shop.colour)

        assert (booked["kind"], booked["priceCents"]) == ("Booking", 9000)
        assert (await visitor.confirm(held["id"]))["kind"] == "HoldExpired"

    async def test_the_same_contact_of_the_same_caller_is_one_customer(
        self, visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop
    ) -> None:
        await visitor.book(shop.at(9))
        await visitor.book(shop.at(10))
        await rival.book(shop.at(11))

        owners = await raw.rows("select owner from customers where tenant_id = $1 order by owner")

        assert [row["owner"] for row in owners] == ["session:rival", "session:tester"]

    async def test_one_of_ten_gets_the_start(self, visitor: Visitor, shop: Shop) -> None:
        sessions = [visitor.named(f"s{number}") for number in range(10)]

        answers = await asyncio.gather(*(session.book(shop.at(9)) for session in sessions))

        assert sorted(one["kind"] for one in answers) == ["Booking"] + ["SlotTaken"] * 9

    async def test_one_session_s_hold_is_booked_once_however_often_it_asks(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))

        answers = await asyncio.gather(*(visitor.confirm(held["id"]) for _ in range(10)))

        assert {(one["kind"], one["id"]) for one in answers} == {("Booking", held["id"])}
        assert await raw.value("select count(*) from bookings where tenant_id = $1") == 1


class TestConfirming:
    async def test_a_hold_becomes_a_booking_at_its_frozen_price(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("update services set price_cents = 7777 where tenant_id = $1")

        booked = await visitor.confirm(held["id"], notes="  by the window ")

        assert (booked["kind"], booked["id"], booked["status"]) == ("Booking", held["id"], "CONFIRMED")
        assert (booked["priceCents"], booked["startUtc"], booked["endUtc"]) == (2000, held["startUtc"], held["endUtc"])
        assert await raw.value("select notes from bookings where tenant_id = $1") == "by the window"

    @pytest.mark.parametrize("other", [None, {"name": "Dora"}], ids=["the same customer", "another customer"])
    async def test_twice_it_answers_the_same_booking(self, visitor: Visitor, shop: Shop, other: Any) -> None:
        held = await visitor.hold(shop.at(9))
        booked = await visitor.confirm(held["id"])

        assert await visitor.confirm(held["id"], customer=other) == booked

    async def test_after_booking_the_held_start_it_answers_that_booking(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        booked = await visitor.book(shop.at(9))

        assert await visitor.confirm(held["id"]) == booked

    async def test_what_is_no_longer_on_sale_can_still_be_confirmed(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        held = await visitor.hold(shop.at(9))
        await raw.run("delete from offerings where tenant_id = $1")

        assert (await visitor.confirm(held["id"]))["kind"] == "Booking"

    async def test_a_booking_that_was_cancelled_has_ended(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await visitor.confirm(held["id"])
        await visitor.cancel(held["id"])

        assert await visitor.confirm(held["id"]) == ENDED

    async def test_a_hold_that_was_given_back_has_expired(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        await visitor.release(held["id"])

        assert (await visitor.confirm(held["id"]))["kind"] == "HoldExpired"

    async def test_a_booking_that_was_never_held_is_not_found(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        assert await visitor.confirm(booked["id"]) == NOT_FOUND


def case(told: str, reason: str, start: Callable[[Shop], str], *, given: str = "", **which: str) -> Any:
    """A start that is not offered: after which raw SQL, and whose and what, by name."""
    return pytest.param(given, start, which, reason, id=told)


def on_the_day(table: str, columns: str, values: str, hours: tuple[str, str]) -> str:
    """Raw SQL that takes some of Asha's hours of the day."""
    return (
        f"insert into {table} (tenant_id, stylist_id, {columns}starts_at, ends_at)"
        f" select id, '33333333-0000-4000-8000-000000000001', {values}"
        f" date_trunc('day', now()) + interval '7 days {hours[0]}', date_trunc('day', now()) + interval '7 days {hours[1]}'"
        "  from tenants where id = $1"
    )


BREAK_UP = "update schedule_hours set starts_minute = 600, ends_minute = 630 where tenant_id = $1 and is_break"
HORIZON = "update services set horizon_days = {} where tenant_id = $1"
NOTICE = "update services set min_notice_minutes = {} where tenant_id = $1"
NOT_OFFERED = [
    case("before the working hours", "OUTSIDE_WORKING_HOURS", lambda shop: shop.at(8, 30)),
    case("at their end", "OUTSIDE_WORKING_HOURS", lambda shop: shop.at(17)),
    case("too late for the service to fit", "OUTSIDE_WORKING_HOURS", lambda shop: shop.at(16), service="colour"),
    case("off the grid and too late for the service to fit", "OUTSIDE_WORKING_HOURS", lambda shop: shop.at(16, 45)),
    case(
        "on a day off",
        "OUTSIDE_WORKING_HOURS",
        lambda shop: shop.at(9),
        given="insert into overrides (tenant_id, stylist_id, on_date, location_id)"
        " select tenant_id, id, (now() at time zone 'UTC')::date + 7, home_location_id from stylists where tenant_id = $1",
    ),
    case(
        "on a day when the place is closed",
        "OUTSIDE_WORKING_HOURS",
        lambda shop: shop.at(9),
        given="insert into closures (tenant_id, location_id, closed_on)"
        " select tenant_id, id, (now() at time zone 'UTC')::date + 7 from locations where tenant_id = $1",
    ),
    case("between two starts", "OFF_GRID", lambda shop: shop.at(9, 10)),
    case("half a second late", "OFF_GRID", lambda shop: shop.at(9).replace("00Z", "00.5Z")),
    case("yesterday", "TOO_SOON", lambda shop: shop.at(9, days=-8)),
    case("fifty years ago", "TOO_SOON", lambda _: "1976-01-01T09:00:00Z"),
    case("with more notice asked for", "TOO_SOON", lambda shop: shop.at(9), given=NOTICE.format(8 * 1440)),
    case("beyond the horizon, on the grid", "BEYOND_HORIZON", lambda shop: shop.at(9), given=HORIZON.format(6)),
    case("beyond the horizon, off the grid", "BEYOND_HORIZON", lambda shop: shop.at(9, 10), given=HORIZON.format(6)),
    case("beyond the horizon, at night", "BEYOND_HORIZON", lambda shop: shop.at(3), given=HORIZON.format(6)),
    case("in the last year of all", "BEYOND_HORIZON", lambda _: "2199-12-31T23:30:00Z"),
    case("of another stylist alone", "SERVICE_NOT_OFFERED", lambda shop: shop.at(9), service="colour", stylist="bina"),
    case("in a break", "UNAVAILABLE", lambda shop: shop.at(12)),
    case("running into a break", "UNAVAILABLE", lambda shop: shop.at(11), service="colour"),
    case(
        "with a buffer that runs into a break",
        "UNAVAILABLE",
        lambda shop: shop.at(10, 30),
        service="colour",
    ),
    case(
        "in time off",
        "UNAVAILABLE",
        lambda shop: shop.at(9, 30),
        given=on_the_day("time_off", "", "", ("9:45", "10:00")),
    ),
]


class TestNotOffered:
    @pytest.mark.parametrize("write", WRITES)
    @pytest.mark.parametrize("given, start, which, reason", NOT_OFFERED)
    async def test_the_refusal_says_why(
        self,
        visitor: Visitor,
        raw: Raw,
        shop: Shop,
        write: str,
        given: str,
        start: Callable[[Shop], str],
        which: dict[str, str],
        reason: str,
    ) -> None:
        names = {name: getattr(shop, value) for name, value in which.items()}
        asks = await asker(visitor, write, names.pop("service", None))
        if given:
            await raw.run(given)

        refused = await asks(start(shop), **names)

        assert (refused["kind"], refused.get("reason")) == ("SlotNotOffered", reason)

    async def test_external_busy_time_is_unavailable(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        await raw.run("insert into busy_sources (tenant_id, stylist_id, source) values ($1, $2, 'google')", shop.asha)
        await raw.run(on_the_day("busy_times", "source, ", "'google',", ("10:15", "10:20")))

        refused = await visitor.hold(shop.at(10))

        assert (refused["kind"], refused["reason"]) == ("SlotNotOffered", "UNAVAILABLE")

    @pytest.mark.parametrize("days", [6, 7], ids=["a day beyond the horizon", "the horizon's last day"])
    async def test_the_horizon_s_last_day_can_be_booked(
        self, visitor: Visitor, raw: Raw, shop: Shop, days: int
    ) -> None:
        await raw.run(HORIZON.format(days))

        assert (await visitor.hold(shop.at(9)))["kind"] == ("Hold" if days == 7 else "SlotNotOffered")

    @pytest.mark.parametrize("which", ["stylist", "service"])
    async def test_an_unknown_stylist_or_service_is_not_found(self, visitor: Visitor, shop: Shop, which: str) -> None:
        assert await visitor.book(shop.at(9), **{which: UNKNOWN}) == NOT_FOUND

    async def test_a_start_without_an_offset_is_refused(self, visitor: Visitor, shop: Shop) -> None:
        refused = await visitor.book(shop.at(9).removesuffix("Z"))

        assert refused["kind"] == "BAD_INPUT"
        assert "instant" in refused["message"]

    async def test_a_start_with_another_offset_is_the_same_instant(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(14).replace("Z", "+05:00"))

        assert booked["startUtc"] == shop.at(9)


class TestNearest:
    @pytest.mark.parametrize("write", WRITES)
    async def test_a_taken_start_comes_with_the_nearest_free_ones(
        self, visitor: Visitor, rival: Visitor, shop: Shop, write: str
    ) -> None:
        for start in (shop.at(10), shop.at(10, 30)):
            await rival.book(start)
        asks = await asker(visitor, write)

        refused = await asks(shop.at(10))

        assert refused["nearest"] == [
            {
                "startUtc": start,
                "status": "AVAILABLE",
                "isAvailable": True,
                "priceCents": 2000,
                "stylist": {"id": shop.asha},
                "location": {"id": shop.location},
            }
            for start in (shop.at(9), shop.at(9, 30), shop.at(11))
        ]

    @pytest.mark.parametrize("write", WRITES)
    async def test_each_of_them_can_be_booked(self, visitor: Visitor, rival: Visitor, shop: Shop, write: str) -> None:
        await rival.book(shop.at(10))
        asks = await asker(visitor, write)
        refused = await asks(shop.at(10))

        booked = [await rival.book(near["startUtc"]) for near in refused["nearest"]]

        assert [one["kind"] for one in booked] == ["Booking"] * 3

    @pytest.mark.parametrize(
        "start, near",
        [
            pytest.param((8, 0), [(9, 0), (9, 30), (10, 0)], id="before the working hours"),
            pytest.param((20, 0), [(15, 30), (16, 0), (16, 30)], id="after them"),
            pytest.param((9, 10), [(9, 0), (9, 30), (10, 0)], id="off the grid"),
            pytest.param((12, 0), [(11, 0), (11, 30), (13, 0)], id="in the break, the earlier of two as near"),
        ],
    )
    async def test_a_start_that_is_not_offered_comes_with_them_too(
        self, visitor: Visitor, shop: Shop, start: tuple[int, int], near: list[tuple[int, int]]
    ) -> None:
        refused = await visitor.hold(shop.at(*start))

        assert refused["kind"] == "SlotNotOffered"
        assert [one["startUtc"] for one in refused["nearest"]] == [shop.at(*one) for one in near]

    async def test_a_past_start_comes_with_the_first_from_now(self, visitor: Visitor, shop: Shop) -> None:
        refused = await visitor.hold(shop.at(9, days=-8))

        starts = [instant(one["startUtc"]) for one in refused["nearest"]]
        assert len(starts) == 3
        assert datetime.now(UTC) - timedelta(seconds=30) < starts[0] < datetime.now(UTC) + timedelta(days=2)
        assert starts == sorted(starts)

    @pytest.mark.parametrize(
        "days",
        [
            1,
            2,
            3,
            4,
            17,
            40,
        ],
    )
    async def test_days_off_are_passed_over(self, visitor: Visitor, raw: Raw, shop: Shop, days: int) -> None:
        await raw.run(
            "insert into overrides (tenant_id, stylist_id, on_date, location_id)"
            " select $1, $2, d, $3 from generate_series($4::date - 7, $4::date + $5::int - 1, '1 day') d",
            shop.asha,
            shop.location,
            shop.day,
            days,
        )

        refused = await visitor.hold(shop.at(16, 30))

        assert [one["startUtc"] for one in refused["nearest"]] == [
            shop.at(9, days=days),
            shop.at(9, 30, days=days),
            shop.at(10, days=days),
        ]

    async def test_there_are_none_where_the_stylist_does_not_offer_the_service(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        refused = await visitor.hold(shop.at(9), stylist=shop.bina, service=shop.colour)

        assert (refused["reason"], refused["nearest"]) == ("SERVICE_NOT_OFFERED", [])

    async def test_they_do_not_remember_what_the_same_operation_took_since(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        await rival.book(shop.at(10))
        query = """
            mutation ($taken: HoldPlaceInput!, $near: HoldPlaceInput!) {
              first: holdPlace(input: $taken) { ...on SlotTaken { nearest { startUtc } } }
              got: holdPlace(input: $near) { ...on Hold { startUtc } }
              last: holdPlace(input: $taken) { ...on SlotTaken { nearest { startUtc } } }
            }"""
        wanted = {
            name: visitor.start(start, None, None) for name, start in (("taken", shop.at(10)), ("near", shop.at(9, 30)))
        }

        answers = await visitor.client.data(query, wanted, **visitor.who)

        assert {"startUtc": shop.at(9, 30)} in answers["first"]["nearest"]
        assert answers["got"] == {"startUtc": shop.at(9, 30)}
        assert {"startUtc": shop.at(9, 30)} not in answers["last"]["nearest"]


class TestCancelling:
    async def test_it_answers_the_booking_and_frees_its_time(
        self, visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9))

        cancelled = await visitor.cancel(booked["id"], " ill ")

        assert cancelled == {**booked, "status": "CANCELLED"}
        assert await raw.value("select cancel_reason from bookings where tenant_id = $1") == "ill"
        assert (await rival.book(shop.at(9)))["kind"] == "Booking"

    async def test_staff_may(self, visitor: Visitor, staff: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        assert (await staff.cancel(booked["id"]))["status"] == "CANCELLED"

    async def test_a_hold_is_no_booking(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))

        assert await visitor.cancel(held["id"]) == NOT_FOUND

    async def test_ten_times_at_once_it_is_cancelled_once(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        answers = await asyncio.gather(*(visitor.cancel(booked["id"]) for _ in range(10)))

        assert sorted(one["kind"] for one in answers) == ["AlreadyEnded"] * 9 + ["Booking"]

    @pytest.mark.parametrize(
        "reason, told",
        [
            ("x" * 2001, "reason: longer than 2000 characters"),
            ("\x00", "reason: has a character that no text can have (NUL or half of a surrogate pair)"),
        ],
        ids=["too long", "with a NUL"],
    )
    async def test_a_reason_that_cannot_be_kept_is_refused(
        self, visitor: Visitor, shop: Shop, reason: str, told: str
    ) -> None:
        booked = await visitor.book(shop.at(9))

        assert await visitor.cancel(booked["id"], reason) == {"kind": "BAD_INPUT", "message": told}


class TestEnding:
    @pytest.mark.parametrize("act, status", [("complete", "COMPLETED"), ("miss", "NO_SHOW")])
    async def test_staff_say_how_it_ended_and_its_time_stays_taken(
        self, visitor: Visitor, staff: Visitor, shop: Shop, act: str, status: str
    ) -> None:
        booked = await visitor.book(shop.at(9))

        assert await getattr(staff, act)(booked["id"]) == {**booked, "status": status}
        assert await visitor.status(shop.at(9)) == "BOOKED"

    @pytest.mark.parametrize("act", ["complete", "miss"])
    async def test_nobody_else_may(self, visitor: Visitor, customer: Visitor, shop: Shop, act: str) -> None:
        booked = await customer.book(shop.at(9))

        unnamed = await getattr(visitor, act)(booked["id"])
        own = await getattr(customer, act)(booked["id"])

        assert (unnamed["kind"], own["kind"]) == ("UNAUTHENTICATED", "FORBIDDEN")
        assert await visitor.status(shop.at(9)) == "BOOKED"
        assert (await customer.booking(booked["id"]))["status"] == "CONFIRMED"

    @pytest.mark.parametrize("act", ["complete", "miss", "cancel"])
    @pytest.mark.parametrize("ended", ["complete", "miss", "cancel"])
    async def test_what_has_ended_does_not_end_again(
        self, visitor: Visitor, staff: Visitor, shop: Shop, ended: str, act: str
    ) -> None:
        booked = await visitor.book(shop.at(9))
        before = await getattr(staff, ended)(booked["id"])

        assert await getattr(staff, act)(booked["id"]) == ENDED
        assert (await staff.booking(booked["id"]))["status"] == before["status"]

    @pytest.mark.parametrize("ended", ["complete", "miss", "cancel"])
    async def test_what_has_ended_is_not_moved(self, visitor: Visitor, staff: Visitor, shop: Shop, ended: str) -> None:
        booked = await visitor.book(shop.at(9))
        await getattr(staff, ended)(booked["id"])

        assert await visitor.move(booked["id"], shop.at(10)) == ENDED

    @pytest.mark.parametrize("act", ["complete", "miss", "cancel"])
    async def test_an_unknown_booking_and_a_hold_are_not_found(
        self, visitor: Visitor, staff: Visitor, shop: Shop, act: str
    ) -> None:
        held = await visitor.hold(shop.at(9))

        assert await getattr(staff, act)(UNKNOWN) == NOT_FOUND
        assert await getattr(staff, act)(held["id"]) == NOT_FOUND


class TestMoving:
    async def test_to_another_time_it_is_the_same_booking_and_the_old_time_is_free(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9), customer={"name": "Cleo", "phone": "555 0100"})

        moved = await visitor.move(booked["id"], shop.at(15))

        assert moved == {**booked, "startUtc": shop.at(15), "endUtc": shop.at(15, 30)}
        assert await visitor.status(shop.at(9)) == "AVAILABLE"
        assert await visitor.status(shop.at(15)) == "BOOKED"

    @pytest.mark.parametrize("freshness", ["VERIFIED", "CACHED"])
    async def test_to_another_stylist_both_their_days_show_it_at_once(
        self, visitor: Visitor, shop: Shop, freshness: str
    ) -> None:
        booked = await visitor.book(shop.at(9))
        await visitor.slots()
        await visitor.slots(stylist=shop.bina)

        moved = await visitor.move(booked["id"], shop.at(9), stylistId=shop.bina)

        assert (moved["stylist"]["id"], moved["startUtc"]) == (shop.bina, shop.at(9))
        assert await visitor.status(shop.at(9), freshness=freshness) == "AVAILABLE"
        assert await visitor.status(shop.at(9), stylist=shop.bina, freshness=freshness) == "BOOKED"

    async def test_to_another_day_both_days_show_it_at_once(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))
        await visitor.slots()
        await visitor.slots(days=9)

        await visitor.move(booked["id"], shop.at(9, days=9))

        assert await visitor.status(shop.at(9), freshness="CACHED") == "AVAILABLE"
        assert await visitor.status(shop.at(9, days=9), days=9, freshness="CACHED") == "BOOKED"

    async def test_over_its_own_old_time(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(14), service=shop.colour)

        moved = await visitor.move(booked["id"], shop.at(14, 30))

        assert (moved["kind"], moved["startUtc"], moved["endUtc"]) == ("Booking", shop.at(14, 30), shop.at(16))

    async def test_to_where_it_is(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        assert await visitor.move(booked["id"], shop.at(9)) == booked

    async def test_its_price_stays(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))
        await raw.run("update services set price_cents = 7777 where tenant_id = $1")

        assert (await visitor.move(booked["id"], shop.at(10)))["priceCents"] == 2000

    async def test_its_length_is_the_new_stylist_s(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))
        await raw.run("update offerings set duration_minutes = 60 where tenant_id = $1 and stylist_id = $2", shop.bina)

        moved = await visitor.move(booked["id"], shop.at(9), stylistId=shop.bina)

        assert moved["endUtc"] == shop.at(10)

    async def test_a_refused_move_leaves_it_where_it_is(self, visitor: Visitor, rival: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))
        await rival.book(shop.at(10))

        refused = await visitor.move(booked["id"], shop.at(10))

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", "BOOKED")
        assert refused["version"] == await visitor.version()
        assert await visitor.booking(booked["id"]) == {
            "id": booked["id"],
            "status": "CONFIRMED",
            "startUtc": shop.at(9),
            "priceCents": 2000,
            "stylist": {"id": shop.asha},
        }
        assert (await rival.hold(shop.at(9)))["kind"] == "SlotTaken"

    async def test_somebody_s_hold_is_in_the_way_and_one_s_own_is_used_up(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9))
        own = await visitor.hold(shop.at(10))
        await rival.hold(shop.at(11))

        onto_own = await visitor.move(booked["id"], shop.at(10))
        onto_rival = await visitor.move(booked["id"], shop.at(11))

        assert onto_own["startUtc"] == shop.at(10)
        assert (onto_rival["kind"], onto_rival["slotStatus"]) == ("SlotTaken", "HELD")
        assert (await visitor.confirm(own["id"]))["kind"] == "HoldExpired"

    @pytest.mark.parametrize(
        "start, kind",
        [
            pytest.param((9, 30), "SlotTaken", id="its own buffer after runs into a booking"),
            pytest.param((13, 0), "SlotTaken", id="its own buffer before runs into a booking"),
            pytest.param((9, 0), "Booking", id="its buffer ends where a booking begins"),
        ],
    )
    async def test_buffers_are_respected(
        self, visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop, start: tuple[int, int], kind: str
    ) -> None:
        await raw.run("delete from schedule_hours where tenant_id = $1 and is_break")
        await raw.run("update services set buffer_after_minutes = 30 where tenant_id = $1 and id = $2", shop.colour)
        booked = await visitor.book(shop.at(15), service=shop.colour)
        for hour in (11, 12):
            await rival.book(shop.at(hour))
        await rival.book(shop.at(12, 30))

        assert (await visitor.move(booked["id"], shop.at(*start)))["kind"] == kind

    @pytest.mark.parametrize(
        "minutes, kind", [(30, "Booking"), (31, "SlotTaken")], ids=["there is just time", "a minute short"]
    )
    async def test_the_way_between_two_places_is_respected(
        self, visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop, minutes: int, kind: str
    ) -> None:
        there = "11111111-0000-4000-8000-000000000002"
        await raw.run(
            "insert into locations (tenant_id, id, name, timezone) values ($1, $2, 'There', 'Etc/UTC')", there
        )
        await raw.run("insert into travel_times values ($1, $2, $3, $4)", shop.location, there, minutes)
        await raw.run(
            "insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)"
            " select $1, $2, $3, d, 1020, 1200 from generate_series(1, 7) d",
            shop.asha,
            there,
        )
        await rival.book(shop.at(17))
        booked = await visitor.book(shop.at(9))

        moved = await visitor.move(booked["id"], shop.at(16))

        assert moved["kind"] == kind
        assert (await rival.slots())["slots"][-1]["startUtc"] == shop.at(19, 30)

    async def test_another_session_s_booking_reads_like_one_that_never_was(
        self, visitor: Visitor, rival: Visitor, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9))

        assert await rival.move(booked["id"], shop.at(10)) == NOT_FOUND
        assert await rival.move(UNKNOWN, shop.at(10)) == NOT_FOUND
        assert await rival.cancel(booked["id"]) == NOT_FOUND
        assert await rival.booking(booked["id"]) is None

    async def test_staff_may(self, visitor: Visitor, staff: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        moved = await staff.move(booked["id"], shop.at(10))

        assert moved["startUtc"] == shop.at(10)
        assert (await visitor.booking(booked["id"]))["startUtc"] == shop.at(10)

    async def test_a_hold_is_no_booking(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))

        assert await visitor.move(held["id"], shop.at(10)) == NOT_FOUND

    async def test_an_unknown_stylist_is_not_found(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9))

        assert await visitor.move(booked["id"], shop.at(10), stylistId=UNKNOWN) == NOT_FOUND

    async def test_a_stylist_who_does_not_offer_the_service_is_told_as_such(self, visitor: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9), service=shop.colour)

        refused = await visitor.move(booked["id"], shop.at(9), stylistId=shop.bina)

        assert (refused["kind"], refused["reason"]) == ("SlotNotOffered", "SERVICE_NOT_OFFERED")


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Those that the server's transactions ran into; it does such a transaction again, which takes a second."""
    found: list[Exception] = []
    transaction = Database.transaction

    @asynccontextmanager
    async def watched(self: Database, tenant_id: str | None) -> AsyncIterator[Any]:
        try:
            async with transaction(self, tenant_id) as connection:
                yield connection
        except asyncpg.DeadlockDetectedError as error:
            found.append(error)
            raise

    monkeypatch.setattr(Database, "transaction", watched)
    return found


class TestManyAtOnce:
    async def test_crossing_moves_and_holds_of_two_stylists_never_wait_in_a_circle(
        self, visitor: Visitor, raw: Raw, shop: Shop, deadlocks: list[Exception]
    ) -> None:
        booked = {
            (await visitor.book(shop.at(hour), stylist=stylist))["id"]: stylist
            for hour in (9, 10, 11, 14, 15, 16)
            for stylist in (shop.asha, shop.bina)
        }
        other = {shop.asha: shop.bina, shop.bina: shop.asha}

        kinds: Counter[str] = Counter()
        for turn in range(3):
            writes = [
                # Across midnight and days, two of them to each start, so that half find it taken.
                visitor.move(booking_id, shop.at(9 + number // 4, days=turn % 2), stylistId=other[stylist])
                for number, (booking_id, stylist) in enumerate(booked.items())
            ]
            writes += [
                visitor.named(f"{turn}").hold(shop.at(9 + number, 30, days=turn % 2), stylist=stylist)
                for number in range(3)
                for stylist in other
            ]
            answers = await asyncio.gather(*writes)
            kinds += Counter(one["kind"] for one in answers)
            booked |= {one["id"]: one["stylist"]["id"] for one in answers if one["kind"] == "Booking"}

        assert set(kinds) == {"Booking", "Hold", "SlotTaken"}
        assert deadlocks == []
        assert await raw.value("select count(*) from bookings where tenant_id = $1 and status = 'CONFIRMED'") == 12

    async def test_bookings_swap_stylists_only_where_there_is_room(
        self, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        ashas = await visitor.book(shop.at(9), stylist=shop.asha)
        binas = await visitor.book(shop.at(9), stylist=shop.bina)

        answers = await asyncio.gather(
            visitor.move(ashas["id"], shop.at(9), stylistId=shop.bina),
            visitor.move(binas["id"], shop.at(9), stylistId=shop.asha),
        )

        assert [one["kind"] for one in answers] == ["SlotTaken", "SlotTaken"]

    async def test_one_booking_moved_to_four_places_at_once_ends_at_one(
        self, visitor: Visitor, raw: Raw, shop: Shop, deadlocks: list[Exception]
    ) -> None:
        booked = await visitor.book(shop.at(9))
        starts = [shop.at(hour, days=days) for days in (1, 2) for hour in (9, 10)]

        answers = await asyncio.gather(*(visitor.move(booked["id"], start) for start in starts))

        assert {one["kind"] for one in answers} == {"Booking"}
        assert deadlocks == []
        assert (await visitor.booking(booked["id"]))["startUtc"] in starts
        assert await raw.value("select count(*) from bookings where tenant_id = $1") == 1

    async def test_a_move_and_a_cancellation_at_once_leave_it_cancelled_or_refuse_the_move(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9))

        moved, cancelled = await asyncio.gather(
            visitor.move(booked["id"], shop.at(10), stylistId=shop.bina), visitor.cancel(booked["id"])
        )

        assert cancelled["status"] == "CANCELLED"
        assert moved["kind"] in ("Booking", "AlreadyEnded")
        assert await visitor.status(shop.at(9)) == await visitor.status(shop.at(10), stylist=shop.bina) == "AVAILABLE"

    @pytest.fixture
    def neck_and_neck(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two writers that have both taken their turns before either goes on, unless one has to wait for the other."""
        turns, both, lock = 0, asyncio.Event(), bookings.bookings.sql.lock_days

        async def lock_and_meet(*args: Any, **kwargs: Any) -> Any:
            nonlocal turns
            found = await lock(*args, **kwargs)
            turns += 1
            if turns == 2:
                both.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(both.wait(), 0.3)
            return found

        monkeypatch.setattr(bookings.bookings.sql, "lock_days", lock_and_meet)

    async def test_writers_of_neighbouring_days_do_not_wait_in_a_circle_over_expired_holds(
        self, visitor: Visitor, raw: Raw, shop: Shop, deadlocks: list[Exception], request: pytest.FixtureRequest
    ) -> None:
        for days in (0, 1):
            await visitor.hold(shop.at(9, days=days))
        await raw.run("update bookings set expires_at = clock_timestamp() where tenant_id = $1")
        request.getfixturevalue("neck_and_neck")

        answers = await asyncio.gather(visitor.hold(shop.at(9)), visitor.hold(shop.at(9, days=1)))

        assert [one["kind"] for one in answers] == ["Hold", "Hold"]
        assert deadlocks == []

    async def test_writers_before_and_after_midnight_do_not_wait_in_a_circle_over_buffers(
        self, visitor: Visitor, raw: Raw, shop: Shop, deadlocks: list[Exception], neck_and_neck: None
    ) -> None:
        await raw.run("delete from schedule_hours where tenant_id = $1 and is_break")
        await raw.run("update schedule_hours set starts_minute = 0, ends_minute = 1440 where tenant_id = $1")
        await raw.run(
            "update services set buffer_before_minutes = 120, buffer_after_minutes = 120 where tenant_id = $1"
        )

        # By themselves they touch one day each; with their buffers, both touch both.
        answers = await asyncio.gather(
            visitor.hold(shop.at(19), service=shop.colour), visitor.hold(shop.at(5, days=1), service=shop.colour)
        )

        assert [one["kind"] for one in answers] == ["Hold", "Hold"]
        assert deadlocks == []


@pytest.mark.parametrize("write", WRITES)
async def test_a_hold_that_expires_while_one_is_writing_is_not_in_the_way(
    visitor: Visitor, rival: Visitor, raw: Raw, shop: Shop, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    asks = await asker(visitor, write)
    await rival.hold(shop.at(9))
    await raw.run(
        "update bookings set expires_at = clock_timestamp() + interval '0.2 s' where status = 'HELD' and tenant_id = $1"
    )
    lock = bookings.bookings.lock

    async def lock_and_wait(*args: Any) -> None:
        await lock(*args)
        await raw.value(
            "select pg_sleep_until(max(expires_at) + interval '1 ms') from bookings where status = 'HELD' and tenant_id = $1"
        )

    monkeypatch.setattr(bookings.bookings, "lock", lock_and_wait)

    got = await asks(shop.at(9))

    assert (got["kind"] in ("Hold", "Booking"), got.get("startUtc")) == (True, shop.at(9))


@pytest.mark.parametrize("write", ["book", "confirm"])
async def test_a_hold_of_one_s_own_that_expires_while_one_is_writing_is_not_booked(
    visitor: Visitor, raw: Raw, shop: Shop, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    held = await visitor.hold(shop.at(9))
    await raw.run("update bookings set expires_at = clock_timestamp() + interval '0.2 s' where tenant_id = $1")
    ensure = bookings.bookings.ensure_customer

    async def wait_and_ensure(*args: Any, **kwargs: Any) -> Any:
        await raw.value("select pg_sleep_until(expires_at + interval '1 ms') from bookings where tenant_id = $1")
        return await ensure(*args, **kwargs)

    monkeypatch.setattr(bookings.bookings, "ensure_customer", wait_and_ensure)

    refused = await getattr(visitor, write)(held["id"] if write == "confirm" else shop.at(9))

    assert refused["kind"] == "HoldExpired"
    assert await raw.value("select count(*) from customers where tenant_id = $1") == 0


@pytest.mark.parametrize("act", ["cancel", "complete", "move", "confirm"])
async def test_a_booking_that_moves_away_while_one_waits_for_its_turn_is_followed(
    visitor: Visitor, staff: Visitor, raw: Raw, shop: Shop, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    held = await visitor.hold(shop.at(9))
    await visitor.confirm(held["id"])
    lock, turns = bookings.bookings.lock, []

    async def late(connection: Any, tenant_id: str, stylist_id: str, occupied: Any) -> None:
        if not turns:
            await raw.run(
                "update bookings set stylist_id = $2, starts_at = starts_at + '1 day', ends_at = ends_at + '1 day',"
                " occupied = tstzrange(lower(occupied) + '1 day', upper(occupied) + '1 day') where tenant_id = $1",
                shop.bina,
            )
        turns.append((stylist_id, occupied.starts_at))
        await lock(connection, tenant_id, stylist_id, occupied)

    monkeypatch.setattr(bookings.bookings, "lock", late)

    done = await getattr(staff, act)(held["id"], *([shop.at(10)] if act == "move" else []))

    assert (done["kind"], done["stylist"]["id"]) == ("Booking", shop.bina)
    assert (shop.bina, instant(shop.at(9, days=1))) in turns


class TestTwoServers:
    async def test_what_one_answered_the_other_shows_and_keeps(
        self, visitor: Visitor, elsewhere: Visitor, shop: Shop
    ) -> None:
        assert await elsewhere.status(shop.at(9)) == "AVAILABLE"
        held = await visitor.hold(shop.at(9))
        assert await elsewhere.status(shop.at(9)) == "HELD"
        booked = await elsewhere.confirm(held["id"])
        assert await visitor.status(shop.at(9)) == "BOOKED"
        moved = await visitor.move(booked["id"], shop.at(10))

        assert await elsewhere.status(shop.at(9)) == "AVAILABLE"
        assert (await elsewhere.named("rival").hold(shop.at(10)))["kind"] == "SlotTaken"
        assert await elsewhere.confirm(held["id"]) == moved

    async def test_a_key_is_good_at_both(self, visitor: Visitor, elsewhere: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey="k")

        assert await elsewhere.book(shop.at(9), idempotencyKey="k") == booked

    async def test_a_price_that_changed_at_one_is_charged_at_the_other(
        self, visitor: Visitor, elsewhere: Visitor, raw: Raw, shop: Shop
    ) -> None:
        for server in (visitor, elsewhere):
            await server.slots()
        await raw.run("update services set price_cents = 7777 where tenant_id = $1")

        prices = [
            (await server.book(shop.at(9 + hour)))["priceCents"] for hour, server in enumerate((visitor, elsewhere))
        ]

        assert prices == [7777, 7777]

    async def test_each_start_is_sold_once(
        self, visitor: Visitor, elsewhere: Visitor, raw: Raw, shop: Shop, deadlocks: list[Exception]
    ) -> None:
        starts = [shop.at(hour, minute) for hour in (9, 10) for minute in (0, 30)]

        answers = await asyncio.gather(
            *(
                server.named(f"{number}").book(start, idempotencyKey=start)
                for start in starts
                for number in range(3)
                for server in (visitor, elsewhere)
            )
        )

        assert {one["kind"] for one in answers} == {"Booking", "SlotTaken"}
        assert deadlocks == []
        assert len({one["id"] for one in answers if one["kind"] == "Booking"}) == len(starts)
        assert await raw.value("select count(*) from bookings where tenant_id = $1") == len(starts)


class TestAnotherProgram:
    """Raw SQL that claims the same time, at the worst moment."""

    @pytest.fixture
    def between(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[None]]], None]:
        """Does something when a start has been found free and before it is claimed."""

        def set_up(act: Callable[[], Awaitable[None]]) -> None:
            for name in ("insert", "move"):
                monkeypatch.setattr(bookings.bookings, name, self.after(act, getattr(bookings.bookings, name)))

        return set_up

    @staticmethod
    def after(
        act: Callable[[], Awaitable[None]], claim: Callable[..., Awaitable[Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def late(*args: Any, **kwargs: Any) -> Any:
            await act()
            return await claim(*args, **kwargs)

        return late

    @pytest.mark.parametrize("status, shown", [("CONFIRMED", "BOOKED"), ("HELD", "HELD")])
    @pytest.mark.parametrize("write", WRITES)
    async def test_what_takes_no_turn_is_found_by_the_constraint(
        self,
        visitor: Visitor,
        raw: Raw,
        shop: Shop,
        between: Callable[[Callable[[], Awaitable[None]]], None],
        write: str,
        status: str,
        shown: str,
    ) -> None:
        async def act() -> None:
            await raw.connection.execute("set session_replication_role = replica")
            await insert_raw(raw, shop, shop.at(9), status)
            await raw.connection.execute("reset session_replication_role")

        asks = await asker(visitor, write)
        between(act)

        refused = await asks(shop.at(9))

        assert (refused["kind"], refused["slotStatus"]) == ("SlotTaken", shown)
        assert refused["version"] == await visitor.version(freshness="BYPASS")
        assert await raw.value(CLAIMS, instant(shop.at(9))) == 1

    @pytest.mark.parametrize("write", WRITES)
    async def test_what_takes_its_turn_waits_for_ours_or_we_for_it(
        self,
        visitor: Visitor,
        raw: Raw,
        shop: Shop,
        between: Callable[[Callable[[], Awaitable[None]]], None],
        write: str,
    ) -> None:
        others: list[asyncio.Task[None]] = []

        async def act() -> None:
            if not others:
                others.append(asyncio.create_task(insert_raw(raw, shop, shop.at(9))))
                await asyncio.wait(others, timeout=0.2)

        asks = await asker(visitor, write)
        between(act)

        answer = await asks(shop.at(9))
        (other,) = await asyncio.gather(*others, return_exceptions=True)

        assert answer["kind"] in ("Hold", "Booking", "SlotTaken")
        assert isinstance(other, asyncpg.DeadlockDetectedError | asyncpg.ExclusionViolationError | None)
        assert (answer["kind"] == "SlotTaken") == (other is None)
        assert await raw.value(CLAIMS, instant(shop.at(9))) == 1

    @pytest.mark.parametrize("end, kind", [("commit", "SlotTaken"), ("rollback", "Booking")])
    async def test_what_is_not_committed_is_waited_for(
        self, visitor: Visitor, raw: Raw, shop: Shop, end: str, kind: str
    ) -> None:
        await visitor.slots()
        await raw.connection.execute("begin")
        await insert_raw(raw, shop, shop.at(9))
        booking = asyncio.create_task(visitor.book(shop.at(9)))
        done, _ = await asyncio.wait([booking], timeout=0.2)
        await raw.connection.execute(end)

        answer = await booking

        assert not done
        assert answer["kind"] == kind
        if kind == "SlotTaken":
            assert (answer["slotStatus"], answer["version"]) == ("BOOKED", await visitor.version())
