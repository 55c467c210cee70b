"""The salon that is asked about: twenty stylists, every day of two seasons the same hours, a few bookings in each day."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ZONE = "Europe/Berlin"
LOCATION = "11111111-0000-4000-8000-000000000001"
SLOTS_16 = "22222222-0000-4000-8000-000000000016"
SLOTS_48 = "22222222-0000-4000-8000-000000000048"
STYLISTS = tuple(f"33333333-0000-4000-8000-0000000000{n:02}" for n in range(20))
DAYS = 150
FIRST_IN = timedelta(7)
OPENS, CLOSES = time(9), time(17)
BOOKED = (time(9, 30), time(11), time(14, 30))

Json = dict[str, Any]


def first_day(today: date) -> date:
    """Of the days that are asked about: far enough ahead that no start comes too near during a run."""
    return today + FIRST_IN


def days(today: date) -> list[date]:
    """All that are asked about."""
    return [first_day(today) + timedelta(n) for n in range(DAYS)]


def name_of(stylist: str) -> str:
    """As the salon's file says."""
    return f"Stylist {stylist[-2:]}"


def salon(today: date) -> Json:
    """In the import format."""
    return {
        "tenant": {"slug": "bench", "name": "Bench", "timezone": ZONE, "currency": "EUR"},
        "locations": [{"id": LOCATION, "name": "Here", "timezone": ZONE}],
        "services": [_service(SLOTS_16, "Cut", minutes=30), _service(SLOTS_48, "Fringe", minutes=10)],
        "stylists": [_stylist(one, today) for one in STYLISTS],
        "priceRules": [{"name": "Early bird", "percent": -10, "from": "09:00", "to": "10:00"}],
    }


def _service(id_: str, name: str, *, minutes: int) -> Json:
    return {
        "id": id_,
        "name": name,
        "durationMinutes": minutes,
        "slotIntervalMinutes": minutes,
        "priceCents": minutes * 150,
        "minNoticeMinutes": 0,
        "horizonDays": 365,
    }


def _stylist(id_: str, today: date) -> Json:
    return {
        "id": id_,
        "name": name_of(id_),
        "location": LOCATION,
        "services": [{"service": SLOTS_16}, {"service": SLOTS_48}],
        "hours": [
            {
                "days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"],
                "windows": [[f"{OPENS:%H:%M}", f"{CLOSES:%H:%M}"]],
            }
        ],
        "bookings": [_booking(day, at) for day in days(today) for at in BOOKED],
    }


def _booking(day: date, at: time) -> Json:
    starts_at = datetime.combine(day, at, ZoneInfo(ZONE)).astimezone(ZoneInfo("Etc/UTC"))
    return {
        "startUtc": f"{starts_at:%Y-%m-%dT%H:%M:%SZ}",
        "endUtc": f"{starts_at + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}",
        "service": SLOTS_16,
    }
