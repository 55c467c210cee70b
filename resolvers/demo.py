"""The demo business, in the import format: three places in two time zones, fifty stylists, a year of bookings.

All of it follows from the date it is made for, and nothing else; ids and names not even from that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from domain.model import Busy, Terms
from resolvers import demo_bookings, salon_file

SLUG = "demo"
IDS = UUID("c0a1e5ce-0000-5000-8000-00000000da1e")
KATHMANDU, NEW_YORK = "Asia/Kathmandu", "America/New_York"
MINUTE = timedelta(minutes=1)
BROOKLYN_PRICE = 6  # times Kathmandu's

Json = dict[str, Any]

CREWS: Mapping[str, str] = {
    "Thamel": (
        "Asha Gurung, Bikash Shrestha, Sunita Tamang, Prakash Thapa, Maya Rai, Deepak Karki, Sarita Magar, "
        "Roshan Maharjan, Anita Lama, Suman Adhikari, Kabita Basnet, Nabin Khadka, Puja Poudel, Rajesh Bhandari, "
        "Sabina Limbu, Dipesh Acharya, Gita Bhattarai, Manish Chhetri"
    ),
    "Patan": (
        "Binita Shakya, Sujan Bajracharya, Nirmala Dangol, Arjun Subedi, Rekha Koirala, Kiran Dahal, Laxmi Pandey, "
        "Bibek Ghimire, Sangita Sapkota, Hari Neupane, Menuka Regmi, Sagar Tuladhar, Ritu Joshi, Umesh Pokharel, "
        "Pratima Manandhar, Tenzin Sherpa"
    ),
    "Brooklyn": (
        "Maria Santos, Jamal Washington, Rachel Cohen, Luis Rivera, Aaliyah Johnson, Kevin O'Brien, Mei Chen, "
        "Dmitri Volkov, Chloe Baptiste, Andre Williams, Priya Patel, Tony Esposito, Fatima Diallo, Hannah Kim, "
        "Marcus Greene, Sofia Rossi"
    ),
}
OTHER_PLACE: Mapping[str, str] = {"Thamel": "Patan", "Patan": "Thamel", "Brooklyn": "Brooklyn"}


class _Service(NamedTuple):
    """Minutes, paisa, days; demand: how often it is asked for, to the others."""

    name: str
    duration: int
    interval: int
    buffer_before: int
    buffer_after: int
    price_cents: int
    min_notice: int
    horizon_days: int
    demand: int


SERVICES = (
    _Service("Beard trim", 15, 15, 0, 5, 60_000, 15, 60, 5),
    _Service("Haircut", 30, 30, 0, 10, 150_000, 60, 120, 8),
    _Service("Wash and blow-dry", 45, 15, 0, 5, 180_000, 60, 183, 4),
    _Service("Colour", 120, 30, 5, 15, 650_000, 720, 365, 2),
    _Service("Bridal styling", 150, 60, 15, 15, 1_500_000, 2880, 365, 1),
)

# Weeks: weekdays, windows, breaks, whether at the other place. Nepal's own runs from Sunday to Friday.
WEEK = tuple[tuple[str, tuple[str, ...], tuple[str, ...], bool], ...]
COMMON_WEEKS: tuple[WEEK, ...] = (
    (("SUN MON TUE WED THU", ("09:00-17:00",), ("13:00-14:00",), False),),
    (
        ("TUE WED THU FRI", ("10:00-18:30",), ("13:30-14:15",), False),
        ("SAT", ("09:00-16:00",), ("12:30-13:00",), False),
    ),
    (("MON TUE WED THU FRI", ("08:00-16:00",), ("12:00-12:45",), False),),
    (("WED THU FRI SAT SUN", ("11:00-19:30",), ("15:00-15:30",), False),),
    (("MON TUE WED THU FRI SAT", ("07:00-11:00", "15:00-19:00"), (), False),),
    (
        ("MON WED FRI", ("12:00-20:00",), ("16:00-16:30",), False),
        ("SUN", ("10:00-15:00",), (), False),
    ),
)
NIGHTS: WEEK = (("WED THU FRI SAT", ("20:00-02:00",), ("22:30-23:00",), False),)
LATE: WEEK = (("THU FRI SAT SUN", ("16:00-24:00",), ("19:00-19:30",), False),)
OWN_WEEKS: Mapping[str, WEEK] = {
    "Tenzin Sherpa": NIGHTS,
    "Dmitri Volkov": NIGHTS,
    "Luis Rivera": LATE,
    "Sabina Limbu": LATE,
    "Roshan Maharjan": (
        ("SUN MON TUE", ("09:00-17:00",), ("13:00-14:00",), False),
        ("THU FRI", ("10:00-18:00",), ("13:00-13:45",), True),
    ),
    "Sujan Bajracharya": (
        ("MON TUE WED", ("10:00-18:00",), ("14:00-14:45",), False),
        ("FRI SAT", ("09:00-16:00",), ("12:30-13:00",), True),
    ),
    "Kabita Basnet": (
        ("SUN MON TUE WED THU", ("08:00-12:00",), (), False),
        ("SUN MON TUE WED THU", ("13:30-18:00",), (), True),
    ),
}
SEASONAL = frozenset({"Nirmala Dangol", "Manish Chhetri", "Hannah Kim"})
SUMMER: WEEK = (("MON TUE WED THU FRI SAT", ("07:30-13:30",), ("10:30-10:45",), False),)
WINTER: WEEK = (("MON TUE WED THU FRI", ("10:00-17:00",), ("13:00-13:30",), False),)


def salon(today: date) -> Json:
    """The demo as its file would be read: the same for the same date. About forty thousand bookings, made in seconds.

    Bookings lie from half a year before to half a year after, on the grid, in working hours, and apart from each other.
    """
    file = without_bookings(today)
    parsed = salon_file.parse(json.dumps(file))
    demand = {_id(service.name): service.demand for service in SERVICES}
    for stylist, plain in zip(parsed.stylists, file["stylists"], strict=True):
        made = demo_bookings.year(parsed, stylist, demand, today)
        plain["bookings"] = [_booking(terms, claim) for terms, claim in made]
    return file


def without_bookings(today: date) -> Json:
    """The demo as it is before anybody booked."""
    return {
        "tenant": {
            "slug": SLUG,
            "name": "Himal & Hudson",
            "timezone": KATHMANDU,
            "currency": "NPR",
            "holdMinutes": 10,
        },
        "locations": [
            {"id": _id("Thamel"), "name": "Thamel", "timezone": KATHMANDU, "closures": _nepal_holidays(today)},
            {"id": _id("Patan"), "name": "Patan", "timezone": KATHMANDU, "closures": _nepal_holidays(today)},
            {"id": _id("Brooklyn"), "name": "Brooklyn", "timezone": NEW_YORK, "closures": _us_holidays(today)},
        ],
        "travel": [{"from": _id("Thamel"), "to": _id("Patan"), "minutes": 30}],
        "services": [_service(service) for service in SERVICES],
        "stylists": [
            _stylist(name, number, home, today)
            for home, names in CREWS.items()
            for number, name in enumerate(names.split(", "))
        ],
        "priceRules": _price_rules(today),
    }


def _id(name: str) -> str:
    return str(uuid5(IDS, name))


def _nepal_holidays(today: date) -> list[str]:
    days = [(4, 14), (5, 29), (9, 20), (10, 20), (10, 21), (10, 22)]
    return [date(year, *day).isoformat() for year in _years(today) for day in days]


def _us_holidays(today: date) -> list[str]:
    found = []
    for year in _years(today):
        thanksgiving = date(year, 11, 22) + timedelta((3 - date(year, 11, 22).weekday()) % 7)
        found += [date(year, 1, 1), date(year, 7, 4), thanksgiving, date(year, 12, 25)]
    return [day.isoformat() for day in found]


def _years(today: date) -> range:
    return range(today.year - 1, today.year + 2)


def _service(service: _Service) -> Json:
    return {
        "id": _id(service.name),
        "name": service.name,
        "durationMinutes": service.duration,
        "slotIntervalMinutes": service.interval,
        "bufferBeforeMinutes": service.buffer_before,
        "bufferAfterMinutes": service.buffer_after,
        "priceCents": service.price_cents,
        "minNoticeMinutes": service.min_notice,
        "horizonDays": service.horizon_days,
    }


def _price_rules(today: date) -> list[Json]:
    dashain = [
        {"name": f"Dashain {year}", "percent": 20, "fromDate": f"{year}-10-01", "untilDate": f"{year}-10-25"}
        for year in _years(today)
    ]
    return [
        {"name": "Weekend", "percent": 15, "days": ["SAT", "SUN"]},
        {"name": "Early bird", "percent": -10, "from": "07:00", "to": "10:00", "service": _id("Haircut")},
        {"name": "Late evening", "percent": 12.5, "from": "20:00", "to": "02:00"},
        *dashain,
    ]


def _stylist(name: str, number: int, home: str, today: date) -> Json:
    """Dates are told from the first of the month, so that the demo of tomorrow is mostly that of today."""
    fixed, month = Random(name), today.replace(day=1)  # noqa: S311 - a demo, not a secret
    return {
        "id": _id(name),
        "name": name,
        "location": _id(home),
        "services": _offerings(fixed, number, home),
        "hours": _hours(name, number, OTHER_PLACE[home], today),
        "overrides": _overrides(fixed, month),
        "timeOff": _time_off(fixed, month),
        "busy": _busy(fixed, month),
    }


def _offerings(random: Random, number: int, home: str) -> list[Json]:
    """Two to five services. Brooklyn has its own prices, and so has every third stylist elsewhere."""
    found = []
    times = BROOKLYN_PRICE if home == "Brooklyn" else 1
    for service in sorted(random.sample(SERVICES, random.randint(2, len(SERVICES)))):
        offering: Json = {"service": _id(service.name)}
        if times > 1 or number % 3 == 0:
            offering["priceCents"] = service.price_cents * times * random.choice((90, 100, 110, 120, 130)) // 100
        if service.name == "Haircut" and number % 7 == 3:
            offering["durationMinutes"] = 45
        found.append(offering)
    return found


def _hours(name: str, number: int, other: str, today: date) -> list[Json]:
    if name not in SEASONAL:
        return _week(OWN_WEEKS.get(name) or COMMON_WEEKS[number % len(COMMON_WEEKS)], other)
    found = []
    for year in _years(today):
        spring, autumn, next_spring = date(year, 3, 1), date(year, 11, 1), date(year + 1, 3, 1)
        found += _week(SUMMER, other, {"from": spring.isoformat(), "until": _eve(autumn)})
        found += _week(WINTER, other, {"from": autumn.isoformat(), "until": _eve(next_spring)})
    return found


def _eve(day: date) -> str:
    return (day - timedelta(1)).isoformat()


def _week(week: WEEK, other: str, season: Mapping[str, str] | None = None) -> list[Json]:
    return [
        {
            "days": days.split(),
            "windows": [window.split("-") for window in windows],
            "breaks": [window.split("-") for window in breaks],
            **({"location": _id(other)} if elsewhere else {}),
            **(season or {}),
        }
        for days, windows, breaks, elsewhere in week
    ]


def _overrides(random: Random, month: date) -> list[Json]:
    """A few dates of the half year around: days off, short days, and days that are worked besides."""
    found = []
    for offset in sorted(random.sample(range(-60, 120), 4)):
        windows, breaks = random.choice(
            (
                ([], []),
                ([["10:00", "14:00"]], []),
                ([["09:00", "12:00"], ["13:00", "18:00"]], [["10:30", "10:45"]]),
                ([["12:00", "20:00"]], [["15:30", "16:00"]]),
            )
        )
        day = (month + timedelta(offset)).isoformat()
        found.append({"date": day, "windows": windows, "breaks": breaks})
    return found


def _time_off(random: Random, month: date) -> list[Json]:
    """A holiday of some days, and some hours now and then."""
    leaves = month + timedelta(random.randrange(-120, 120))
    holiday = [{"date": (leaves + timedelta(n)).isoformat()} for n in range(random.randint(4, 9))]
    return [*holiday, *(_span(random, month, range(-60, 90), range(2, 5)) for _ in range(3))]


def _busy(random: Random, month: date) -> list[Json]:
    sources = random.sample(("google", "outlook", "icloud"), random.randint(0, 2))
    return [
        {"source": source, **_span(random, month, range(-14, 75), range(1, 4))}
        for source in sources
        for _ in range(random.randint(3, 8))
    ]


def _span(random: Random, month: date, days: range, half_hours: range) -> Json:
    starts_at = datetime.combine(month + timedelta(random.choice(days)), time(random.randrange(24)), UTC)
    return {"startUtc": _utc(starts_at), "endUtc": _utc(starts_at + random.choice(half_hours) * timedelta(minutes=30))}


def _booking(terms: Terms, claim: Busy) -> Json:
    return {
        "startUtc": _utc(claim.starts_at),
        "endUtc": _utc(claim.ends_at),
        "bufferBeforeMinutes": terms.buffer_before // MINUTE,
        "bufferAfterMinutes": terms.buffer_after // MINUTE,
        "service": terms.service_id,
        "location": claim.location_id,
    }


def _utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
