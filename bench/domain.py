"""What a stylist's day costs to compute, against writing its result as JSON."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.harness import Row, medians
from domain import hours, slots
from domain.model import Busy, ClosedBy, DayFacts, DaySlots, Terms

ZONE = ZoneInfo("Asia/Kathmandu")
DAY = date(2026, 12, 15)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def run() -> list[Row]:
    """16 slots, 12 bookings."""
    facts = day(bookings=12)
    result = as_json(slots.day_slots(facts, "cut", NOW))
    assert len(result) == 16
    found = medians(
        {"compute": lambda: slots.day_slots(facts, "cut", NOW), "dumps": lambda: json.dumps(result)},
        rounds=60,
        calls=200,
    )
    ratio = found["compute"] / found["dumps"]
    return [
        Row("a day of 16 slots with 12 bookings", f"{found['compute'] * 1e6:.0f} us"),
        Row("json.dumps of its result", f"{found['dumps'] * 1e6:.0f} us"),
        Row("  computing / json.dumps", f"{ratio:.2f}", "under 3"),
    ]


def day(*, bookings: int) -> DayFacts:
    """09:00 to 17:00, half-hour slots, booked one after the other from the first."""
    weekly = tuple(hours.WeeklyHours(weekday, 540, 1020, "here") for weekday in range(1, 8))
    windows = hours.day_windows(hours.Hours(weekly, {}, frozenset(), {"here": ZONE}), DAY)
    busy = tuple(_booking(windows[0].starts_at + number * 30 * MINUTE) for number in range(bookings))
    terms = Terms("cut", 30 * MINUTE, 30 * MINUTE, 0 * MINUTE, 0 * MINUTE, 60 * MINUTE, 60, 150_000)
    return DayFacts("asha", DAY, {"here": ZONE}, windows, busy, {}, {"cut": terms}, ())


def as_json(found: DaySlots) -> list[dict[str, object]]:
    """The list as PRODUCT.md's row A has it."""
    return [
        {
            "slotStartUtc": slot.starts_at.isoformat(),
            "slotEndUtc": slot.ends_at.isoformat(),
            "slotStartLocal": slot.starts_at.astimezone(ZONE).isoformat(),
            "slotEndLocal": slot.ends_at.astimezone(ZONE).isoformat(),
            "slotDisplay": f"{slot.starts_at.astimezone(ZONE):%I:%M %p}",
            "status": slot.status.value.lower(),
            "isAvailable": slot.status == "AVAILABLE",
            "priceCents": slot.price_cents,
        }
        for slot in found.slots
    ]


def _booking(starts_at: datetime) -> Busy:
    ends_at = starts_at + 30 * MINUTE
    return Busy(ClosedBy.BOOKING, starts_at, ends_at, starts_at, ends_at, "here")
