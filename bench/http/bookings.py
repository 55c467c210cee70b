"""Reads of which one in a hundred is a booking, of what is read; each is cancelled soon, so that no day fills up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

import orjson

from bench.http.answers import Asker
from bench.http.client import Address, Failed, Request, encode
from bench.http.works import Variables, Work

EVERY = 100
FREE = """query ($stylist: ID!, $service: ID!, $date: Date!) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date) { slots(status: AVAILABLE) { startUtc } }
}"""
BOOK = """mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  done: bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) {
    kind: __typename ... on Booking { id } ... on Problem { message }
  }
}"""
CANCEL = "mutation ($id: ID!) { done: bookingCancel(bookingId: $id) { kind: __typename ... on Problem { message } } }"
DAYS_MAX = 200  # that are booked, of those that are read

Start = tuple[str, str, str]  # stylist, service, instant


class Bookings:
    """Of the days that a work reads, through one server. Nobody else may book there meanwhile."""

    def __init__(self, address: Address, work: Work) -> None:
        self._address = address
        self._sent = 0
        self._standing: deque[tuple[Start, str]] = deque()
        days = work.variables[:: max(1, len(work.variables) // DAYS_MAX)]
        with closing(Asker(address)) as asker:
            free = [_free(asker, day) for day in days]
        self._free = deque(start for starts in zip(*free, strict=False) for start in starts)

    @contextmanager
    def among(self, reads: Sequence[bytes]) -> Iterator[Iterator[Request]]:
        """Endless requests; afterwards what still stands is cancelled."""
        yield self._requests([Request(one) for one in reads])
        with closing(Asker(self._address)) as asker:
            while self._standing:
                start, id_ = self._standing.popleft()
                asker.data(CANCEL, id=id_)
                self._free.append(start)

    def _requests(self, reads: Sequence[Request]) -> Iterator[Request]:
        """In the middle between two bookings the oldest that still stands is cancelled."""
        while True:
            self._sent += 1
            turn = self._sent % EVERY
            if turn == 0 and self._free:
                yield self._booking(self._free.popleft())
            elif turn == EVERY // 2 and self._standing:
                yield self._cancelling(*self._standing.popleft())
            else:
                yield reads[self._sent % len(reads)]

    def _booking(self, start: Start) -> Request:
        stylist, service, at = start
        variables = {"stylist": stylist, "service": service, "start": at}
        return self._request(BOOK, variables, lambda body: self._standing.append((start, _done(body)["id"])))

    def _cancelling(self, start: Start, id_: str) -> Request:
        def freed(body: bytes) -> None:
            _done(body)
            self._free.append(start)

        return self._request(CANCEL, {"id": id_}, freed)

    def _request(self, query: str, variables: dict[str, str], then: Callable[[bytes], None]) -> Request:
        return Request(encode(orjson.dumps({"query": query, "variables": variables}), self._address), then)


def _free(asker: Asker, day: Variables) -> list[Start]:
    slots = asker.data(FREE, **day)["availableSlots"]["slots"]
    return [(day["stylist"], day["service"], one["startUtc"]) for one in slots]


def _done(body: bytes) -> dict[str, str]:
    """The booking of an answer that must have one."""
    done: dict[str, str] = orjson.loads(body)["data"]["done"]
    if done["kind"] != "Booking":
        raise Failed(f"a booking is refused: {done}")
    return done
