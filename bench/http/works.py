"""What is asked, of whom, and what is to come out of it. All of it data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson

from bench.http import salon

DAY = """date timezone
    slots { startUtc endUtc startLocal endLocal display status isAvailable priceCents }
    cache { hit source verified version computedAt expiresAt ageSeconds }"""
MODAL = f"""query Modal($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness!) {{
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {{
    {DAY}
  }}
}}"""
MONTH = f"""query Month($stylist: ID!, $service: ID!, $from: Date!, $to: Date!, $freshness: Freshness!) {{
  stylist(id: $stylist) {{
    name
    availability(serviceId: $service, from: $from, to: $to, freshness: $freshness) {{
      {DAY}
    }}
  }}
}}"""
WALL = f"""query Wall($stylists: [ID!], $service: ID!, $from: Date!, $to: Date!, $freshness: Freshness!) {{
  stylists(ids: $stylists) {{
    id
    name
    availability(serviceId: $service, from: $from, to: $to, freshness: $freshness) {{
      {DAY}
    }}
  }}
}}"""
MONTH_DAYS, WALL_DAYS = 31, 7
MANY, MANY_QUICK = 3_000, 300

Variables = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Variant:
    """One column of comparison: a server, and how it is asked."""

    name: str
    server: str
    freshness: str = "VERIFIED"


BARE, CACHED, VERIFIED = "bare aiohttp", "CACHED", "VERIFIED"
NO_FRAGMENTS, NO_PLANS = "CACHED, --no-fragments", "VERIFIED, --no-plans"
STOCK_CACHES, STOCK, MERCURIUS = "Strawberry, its caches", "Strawberry", "Mercurius, jit"
VARIANTS = (
    Variant(BARE, "bare"),
    Variant(CACHED, "chairtime", "CACHED"),
    Variant(VERIFIED, "chairtime"),
    Variant(NO_FRAGMENTS, "no-fragments", "CACHED"),
    Variant(NO_PLANS, "no-plans"),
    Variant(STOCK_CACHES, "stock-caches"),
    Variant(STOCK, "stock"),
    Variant(MERCURIUS, "mercurius"),
)
# Our servers, each with the options that make it what it is: one whose option `serve` does not know is skipped.
OURS = {"chairtime": (), "no-fragments": ("--no-fragments",), "no-plans": ("--no-plans",)}
OPTIONS_IF_KNOWN = (("--rate-limits", "off"),)

FAST = (BARE, CACHED, VERIFIED, MERCURIUS)
OWN = (CACHED, VERIFIED)
STEADY = (BARE, CACHED, VERIFIED)
ALL = tuple(one.name for one in VARIANTS)


@dataclass(frozen=True, slots=True)
class Work:
    """A query, the variables it is asked with in turn, and by how many at once. books: whether others book meanwhile."""

    name: str
    query: str
    variables: tuple[Variables, ...]
    variants: tuple[str, ...]
    connections: int = 32
    books: bool = False

    def bodies(self, freshness: str) -> list[bytes]:
        """One for each of the variables."""
        return [
            orjson.dumps({"query": self.query, "variables": {**one, "freshness": freshness}}) for one in self.variables
        ]


MODAL_16, MODAL_48, MODAL_ALONE = "modal, 16 slots", "modal, 48 slots", "modal, 16 slots, 1 connection"
MONTH_NAME, WALL_NAME, MANY_NAME = "month", "wall", "modal, different bodies"
BOOKED_NAME, MANY_BOOKED_NAME = "modal, 1 % bookings", "modal, different bodies, 1 % bookings"


def works(today: date, *, many: int) -> list[Work]:
    """In the order of the table. many: how many different bodies."""
    first = salon.first_day(today)
    here: Variables = {"stylist": salon.STYLISTS[0], "service": salon.SLOTS_16}
    modal = (here | {"date": first.isoformat()},)
    modal_48 = (here | {"date": first.isoformat(), "service": salon.SLOTS_48},)
    different = tuple(
        here | {"stylist": stylist, "date": day.isoformat()} for day in salon.days(today) for stylist in salon.STYLISTS
    )[:many]
    month = (here | _span(first, MONTH_DAYS),)
    wall = ({"stylists": salon.STYLISTS, "service": salon.SLOTS_16} | _span(first, WALL_DAYS),)
    return [
        Work(MODAL_16, MODAL, modal, ALL),
        Work(MODAL_48, MODAL, modal_48, ALL),
        Work(MODAL_ALONE, MODAL, modal, FAST, connections=1),
        Work(MONTH_NAME, MONTH, month, (*FAST, NO_FRAGMENTS, STOCK_CACHES), connections=8),
        Work(WALL_NAME, WALL, wall, FAST, connections=8),
        Work(MANY_NAME, MODAL, different, FAST),
        Work(BOOKED_NAME, MODAL, modal, OWN, books=True),
        Work(MANY_BOOKED_NAME, MODAL, different, OWN, books=True),
    ]


def _span(first: date, days: int) -> Variables:
    return {"from": first.isoformat(), "to": (first + timedelta(days - 1)).isoformat()}
