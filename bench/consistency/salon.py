"""The business of the trial, and its requests as ready bytes. The standard library only: readers start fast."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

LOCATION = "11111111-0000-4000-8000-000000000001"
SERVICE = "22222222-0000-4000-8000-000000000001"
STYLISTS = tuple(f"33333333-0000-4000-8000-00000000000{n}" for n in range(2))
FRESHNESS = ("VERIFIED", "CACHED")
HOURS = range(10, 15)  # few starts, short answers
STARTS = 2 * len(HOURS)
SALON: dict[str, Any] = {
    "tenant": {"slug": "bench", "name": "Bench", "timezone": "Etc/UTC", "currency": "EUR"},
    "locations": [{"id": LOCATION, "name": "Here", "timezone": "Etc/UTC"}],
    "services": [
        {"id": SERVICE, "name": "Cut", "durationMinutes": 30, "slotIntervalMinutes": 30, "priceCents": 2000,
         "minNoticeMinutes": 0, "horizonDays": 60},
    ],
    "stylists": [
        {"id": one, "name": one[-1], "location": LOCATION, "services": [{"service": SERVICE}],
         "hours": [{"days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "windows": [["10:00", "15:00"]]}]}
        for one in STYLISTS
    ],
}  # fmt: skip

READ = """{ availableSlots(stylistId: "%s", serviceId: "%s", date: "%s", freshness: %s) {
  slots(status: AVAILABLE) { startUtc } } }"""  # no variables: the server has less to check, while it checks each time
BOOK = """mutation ($stylist: ID!, $service: ID!, $start: DateTime!) {
  bookingCreate(input: {stylistId: $stylist, serviceId: $service, startUtc: $start, customer: {name: "Ann"}}) {
    __typename ... on Booking { id } } }"""
CANCEL = "mutation ($id: ID!) { bookingCancel(bookingId: $id) { __typename } }"


def freshness_of(stylist: int) -> str:
    """How a stylist is read, by number."""
    return FRESHNESS[stylist]


def starts(day: date) -> list[str]:
    """All starts of a day, as the server writes them."""
    return [f"{day}T{hour}:{minute}:00Z" for hour in HOURS for minute in ("00", "30")]


def read_request(stylist: int, day: date) -> bytes:
    """A whole HTTP request, to be sent again and again on one connection."""
    query = READ % (STYLISTS[stylist], SERVICE, day, freshness_of(stylist))
    body = json.dumps({"query": query}).encode()
    head = "POST /graphql HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-Session-Id: reader\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
