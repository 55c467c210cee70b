"""Whether a start is offered: the write's question, answered by the same function that makes the list."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from domain import hours, prices, slots
from domain.errors import NotOfferedReason, SlotNotOffered, SlotTaken
from domain.model import Busy, ClosedBy, DayFacts, Slot, SlotStatus, Terms


def offered(
    days: Sequence[DayFacts], service_id: str, starts_at: datetime, *, now: datetime, zone: ZoneInfo
) -> tuple[Slot, Terms]:
    """The slot that starts at this instant, free to be claimed, and the service's terms.

    days: those of the stylist that the instant lies in. zone: the stylist's, for the horizon where there are no hours.
    Raises SlotTaken when a claim closes it, SlotNotOffered when a rule does.
    """
    terms = next((day.terms[service_id] for day in days if service_id in day.terms), None)
    if terms is None:
        raise SlotNotOffered(NotOfferedReason.SERVICE_NOT_OFFERED)
    if starts_at < now + terms.min_notice:
        raise SlotNotOffered(NotOfferedReason.TOO_SOON)
    found = [
        (slot, day.zones[slot.location_id])
        for day in days
        for slot in slots.day_slots(day, service_id, now).slots
        if slot.starts_at == starts_at
    ]
    # Two days at once, in two zones, may have it: the free one is offered, as within a day.
    slot, zone = min(found, key=lambda one: one[0].status is not SlotStatus.AVAILABLE, default=(None, zone))
    if starts_at >= slots.horizon_ends_at(now, terms.horizon_days, zone):
        raise SlotNotOffered(NotOfferedReason.BEYOND_HORIZON)
    if slot:
        return _unclosed(slot), terms
    if any(
        window.starts_at <= starts_at and starts_at + terms.duration <= window.ends_at
        for day in days
        for window in day.windows
    ):
        raise SlotNotOffered(NotOfferedReason.OFF_GRID)
    raise SlotNotOffered(NotOfferedReason.OUTSIDE_WORKING_HOURS)


def traced(days: Sequence[DayFacts], slot: Slot, terms: Terms) -> prices.PriceTrace:
    """What the price of a slot of these days was made of."""
    zone, rules = next((day.zones[slot.location_id], day.price_rules) for day in days if slot.location_id in day.zones)
    local = slot.starts_at.astimezone(zone)
    _, applied = prices.trace(terms.price_cents, prices.for_service(rules, terms.service_id), local)
    return prices.PriceTrace(terms.price_cents, tuple((rule.name, rule.basis_points) for rule in applied))


def bookings_on(days: Sequence[DayFacts], slot: Slot, now: datetime) -> int:
    """How many bookings of the stylist begin on a slot's local day: who has the fewest is asked first."""
    zone = next(day.zones[slot.location_id] for day in days if slot.location_id in day.zones)
    today = hours.local_day(slot.starts_at.astimezone(zone).date(), zone)
    begun = {
        one.id
        for day in days
        for one in day.busy
        if one.kind is ClosedBy.BOOKING and slots.is_live(one, now) and today.starts_at <= one.starts_at < today.ends_at
    }
    return len(begun)


def opened(days: Sequence[DayFacts], left: Busy, service_id: str, now: datetime) -> list[tuple[Slot, ZoneInfo]]:
    """The free starts of these days that were not free while `left` stood there, by start, and the zone of each one's place."""
    before = [replace(day, busy=(*day.busy, left)) for day in days]
    taken = _free(before, service_id, now)
    return [found for start, found in sorted(_free(days, service_id, now).items()) if start not in taken]


def without(days: Sequence[DayFacts], claim_ids: Collection[str]) -> list[DayFacts]:
    """The same days as if these claims were not there: what the holder of a hold, or the mover of a booking, may claim."""
    return [replace(day, busy=tuple(one for one in day.busy if one.id not in claim_ids)) for day in days]


def _free(days: Sequence[DayFacts], service_id: str, now: datetime) -> dict[datetime, tuple[Slot, ZoneInfo]]:
    """The free starts of these days, with the zone of each one's place."""
    return {
        slot.starts_at: (slot, day.zones[slot.location_id])
        for day in days
        if service_id in day.terms
        for slot in slots.day_slots(day, service_id, now).slots
        if slot.status is SlotStatus.AVAILABLE
    }


def _unclosed(slot: Slot) -> Slot:
    if slot.status is SlotStatus.AVAILABLE:
        return slot
    if slot.claimed:
        raise SlotTaken(slot_status=slot.status)
    raise SlotNotOffered(NotOfferedReason.UNAVAILABLE)
