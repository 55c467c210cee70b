"""Why: for staff, a stylist's day start by start with what closes each, from the function that lists the starts."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import date

from cache.keys import DayKey
from cache.versioned import Freshness, Reading
from domain import explain
from domain.explain import Explained
from domain.model import DayFacts
from resolvers import availability
from resolvers.context import Context
from resolvers.loaders import Later


def day(context: Context, *, stylist_id: str, service_id: str, on: date) -> Awaitable[list[Explained]]:
    """Every start of the stylist's own day, as VERIFIED. Raises BadRequest NOT_FOUND, Unavailable."""
    availability.known_stylist(context, stylist_id)
    availability.known_service(context, service_id)
    context.count(1)

    def explained(found: list[Reading[DayFacts]]) -> list[Explained]:
        (reading,) = found
        return explain.day(reading.entry.value, service_id, reading.now)

    return Later(context.days(Freshness.VERIFIED).load([DayKey(context.tenant_id, stylist_id, on)]), explained)
