"""What bench.http books among its reads."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import orjson
import pytest

from bench.http import bookings
from bench.http.bookings import Bookings
from bench.http.client import Failed, Request
from bench.http.works import Work

DAY = {"stylist": "s", "service": "c", "date": "2026-12-15"}
STARTS = [f"2026-12-15T{hour:02}:00:00Z" for hour in range(3)]


class Salon:
    """A server that knows what is booked."""

    def __init__(self) -> None:
        self.booked: dict[str, str] = {}

    def __call__(self, _address: object) -> Salon:
        return self

    def data(self, query: str, **given: Any) -> Any:
        if query == bookings.FREE:
            return {"availableSlots": {"slots": [{"startUtc": one} for one in STARTS]}}
        return orjson.loads(self.answer(query, given))["data"]

    def answer(self, query: str, given: dict[str, str]) -> bytes:
        if query == bookings.CANCEL:
            del self.booked[given["id"]]
            return b'{"data": {"done": {"kind": "Booking"}}}'
        assert given["start"] not in self.booked.values()
        id_ = f"{len(self.booked)} {given['start']}"
        self.booked[id_] = given["start"]
        return orjson.dumps({"data": {"done": {"kind": "Booking", "id": id_}}})

    def take(self, request: Request) -> str:
        """What a request was, answered."""
        if request.then is None:
            return "read"
        sent = orjson.loads(request.data.partition(b"\r\n\r\n")[2])
        request.then(self.answer(sent["query"], sent["variables"]))
        return "cancelled" if sent["query"] == bookings.CANCEL else "booked"

    def close(self) -> None:
        pass


@pytest.fixture
def salon(monkeypatch: pytest.MonkeyPatch) -> Salon:
    found = Salon()
    monkeypatch.setattr(bookings, "Asker", found)
    return found


def test_one_request_in_a_hundred_books_and_nothing_stays_booked(salon: Salon) -> None:
    book = Bookings(("127.0.0.1", 80), Work("", "", (DAY,), ()))

    with book.among([b"read"]) as requests:
        done = Counter(salon.take(one) for one in itertools.islice(requests, 1_000))
        standing = len(salon.booked)

    assert done == {"read": 981, "booked": 10, "cancelled": 9}
    assert standing == 1
    assert not salon.booked


def test_a_refused_booking_ends_the_run(salon: Salon) -> None:
    with Bookings(("127.0.0.1", 80), Work("", "", (DAY,), ())).among([b"read"]) as requests:
        booking = next(one for one in requests if one.then)
        assert booking.then is not None
        with pytest.raises(Failed, match="SlotTaken"):
            booking.then(b'{"data": {"done": {"kind": "SlotTaken"}}}')
