"""Whoever writes over HTTP: a browser's session or a token's bearer, one mutation a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from resolvers import tokens
from resolvers.context import Role
from resolvers.tokens import TokenSettings

if TYPE_CHECKING:
    from tests.conftest import Client, Salon

SECRET = "a secret for tests, longer than 32 characters"  # as in tests/conftest.py
WAIT_S = 10

HOLD = """... on Hold { id startUtc endUtc priceCents expiresAt stylist { id } service { id } }"""
BOOKING = """... on Booking {
  id startUtc endUtc priceCents status createdAt paymentRequired paymentUrl
  stylist { id } service { id } location { id } customer { name email phone }
}"""
PROBLEM = """... on Problem {
  message
  ... on SlotTaken { slotStatus version nearest { ...Near } }
  ... on SlotNotOffered { reason nearest { ...Near } }
  ... on HoldExpired { expiredAt }
}"""
NEAR = "fragment Near on Slot { startUtc status isAvailable priceCents stylist { id } location { id } }"
MUTATIONS = {
    "holdPlace": ("$input: HoldPlaceInput!", "input: $input", HOLD),
    "holdRelease": ("$id: ID!", "holdId: $id", HOLD),
    "bookingConfirm": ("$input: BookingConfirmInput!", "input: $input", BOOKING),
    "bookingCreate": ("$input: BookingCreateInput!", "input: $input", BOOKING),
    "bookingReschedule": ("$input: BookingRescheduleInput!", "input: $input", BOOKING),
    "bookingCancel": ("$id: ID!, $reason: String", "bookingId: $id, reason: $reason", BOOKING),
    "bookingComplete": ("$id: ID!", "bookingId: $id", BOOKING),
    "bookingNoShow": ("$id: ID!", "bookingId: $id", BOOKING),
}
SLOTS = """
query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {
    slots { startUtc status heldByYou priceCents } cache { version }
  }
}
"""
SEEN = "query ($id: ID!) { booking(id: $id) { id status startUtc priceCents stylist { id } } }"

Answer = dict[str, Any]


@dataclass(frozen=True)
class Visitor:
    """One caller of the API. Each write answers its result with its type as `kind`, or the first error with its code."""

    client: Client
    salon: Salon
    who: dict[str, str | None] = field(default_factory=lambda: {"session": "tester"})

    def named(self, session: str | None, *, tenant: str | None = None) -> Visitor:
        """Another browser, or one without a session."""
        return replace(self, who={"session": session, "tenant": tenant})

    def bearing(self, token: str, *, tenant: str | None = None, session: str | None = None) -> Visitor:
        """Somebody with a token."""
        return replace(self, who={"session": session, "token": token, "tenant": tenant})

    async def hold(self, start: str, *, stylist: str | None = None, service: str | None = None, **more: Any) -> Answer:
        return await self.write("holdPlace", {"input": {**self.start(start, stylist, service), **more}})

    async def release(self, hold_id: str) -> Answer:
        return await self.write("holdRelease", {"id": hold_id})

    async def confirm(self, hold_id: str, *, customer: Answer | None = None, **more: Any) -> Answer:
        return await self.write(
            "bookingConfirm", {"input": {"holdId": hold_id, "customer": customer or {"name": "Cleo"}, **more}}
        )

    async def book(
        self,
        start: str,
        *,
        stylist: str | None = None,
        service: str | None = None,
        customer: Answer | None = None,
        **more: Any,
    ) -> Answer:
        wanted = {**self.start(start, stylist, service), "customer": customer or {"name": "Cleo"}, **more}
        return await self.write("bookingCreate", {"input": wanted})

    async def move(self, booking_id: str, start: str, **more: Any) -> Answer:
        return await self.write("bookingReschedule", {"input": {"bookingId": booking_id, "startUtc": start, **more}})

    async def cancel(self, booking_id: str, reason: str | None = None) -> Answer:
        return await self.write("bookingCancel", {"id": booking_id, "reason": reason})

    async def complete(self, booking_id: str) -> Answer:
        return await self.write("bookingComplete", {"id": booking_id})

    async def miss(self, booking_id: str) -> Answer:
        return await self.write("bookingNoShow", {"id": booking_id})

    async def booking(self, booking_id: str) -> Any:
        """A booking as this caller sees it, or None."""
        return (await self.client.data(SEEN, {"id": booking_id}, **self.who))["booking"]

    async def slots(
        self, *, stylist: str | None = None, service: str | None = None, days: int = 0, freshness: str = "VERIFIED"
    ) -> Any:
        """Availability of the salon's day, or of one so many days later."""
        asked = {
            "stylist": stylist or self.salon.asha,
            "service": service or self.salon.cut,
            "date": str(self.salon.day + timedelta(days)),
            "freshness": freshness,
        }
        return (await self.client.data(SLOTS, asked, **self.who))["availableSlots"]

    async def status(self, start: str, **which: Any) -> str:
        """What a start is shown as."""
        slots = (await self.slots(**which))["slots"]
        return next(slot["status"] for slot in slots if slot["startUtc"] == start)

    async def free(self, **which: Any) -> list[str]:
        """The free starts of a day."""
        slots = (await self.slots(**which))["slots"]
        return [slot["startUtc"] for slot in slots if slot["status"] == "AVAILABLE"]

    async def version(self, **which: Any) -> str:
        """The version of a day's list."""
        found: str = (await self.slots(**which))["cache"]["version"]
        return found

    async def write(self, field_: str, variables: Answer) -> Answer:
        """One mutation's result, `kind` being its type; of an error its code, with its message."""
        declared, given, fields = MUTATIONS[field_]
        near = NEAR if field_ != "holdRelease" else ""
        problem = PROBLEM if near else "... on Problem { message ... on HoldExpired { expiredAt } }"
        query = f"mutation ({declared}) {{ answer: {field_}({given}) {{ kind: __typename {fields} {problem} }} }} {near}"
        return answer(await self.client.post(query, variables, **self.who))

    @staticmethod
    async def until(check: Callable[[], Awaitable[bool]]) -> None:
        """Waits for what nobody tells us of, as time that passes, for a few seconds at most."""
        async with asyncio.timeout(WAIT_S):
            while not await check():
                await asyncio.sleep(0.02)

    def start(self, start: str, stylist: str | None, service: str | None) -> Answer:
        """Asha's for a cut unless said otherwise."""
        return {
            "stylistId": stylist or self.salon.asha,
            "serviceId": service or self.salon.cut,
            "startUtc": start,
        }


def answer(whole: Answer) -> Answer:
    """The result of a mutation called `answer`, or its error as one."""
    if "errors" in whole:
        (error,) = whole["errors"]
        return {"kind": error["extensions"]["code"], "message": error["message"]}
    found: Answer = whole["data"]["answer"]
    return found


@pytest.fixture
def visitor(client: Client, salon: Salon) -> Visitor:
    """A browser whose session is `tester`."""
    return Visitor(client, salon)


@pytest.fixture
def rival(visitor: Visitor) -> Visitor:
    """Another browser."""
    return visitor.named("rival")


@pytest.fixture
def staff(visitor: Visitor, staff_token: str) -> Visitor:
    """A member of the salon's staff."""
    return visitor.bearing(staff_token)


@pytest.fixture
def customer(visitor: Visitor) -> Visitor:
    """Somebody with a customer's token."""
    settings = TokenSettings(SECRET)
    return visitor.bearing(
        tokens.make(settings, role=Role.CUSTOMER, tenant="testers", subject="cleo", expires_in=timedelta(hours=1))
    )
