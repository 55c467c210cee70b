"""Any salon that the rules allow, as an import file near today and what such a file has no words for: the same for the same
seed and day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

ZONES = ("Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland", "Etc/UTC", "America/St_Johns")
WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
WINDOWS = (
    [["09:00", "17:00"]],
    [["09:00", "17:00"]],
    [["08:15", "12:00"], ["12:00", "19:40"]],
    [["22:00", "03:00"]],
    [["00:00", "24:00"]],
    [["06:30", "10:00"], ["14:00", "24:00"]],
)


def salon(random: Random, number: int, today: date) -> dict[str, Any]:
    """Places in any zones, hours over midnight and round the clock, seasons, breaks off the grid, everything else."""

    def id_(kind: int, n: int) -> str:
        return str(UUID(int=kind << 64 | number << 16 | n))

    places = [id_(1, n) for n in range(random.randint(1, 3))]
    services = [service(random, id_(2, n)) for n in range(random.randint(1, 3))]
    zones = random.choices(ZONES, k=len(places))
    return {
        "tenant": {"slug": f"salon-{number}", "name": "Salon", "timezone": zones[0], "currency": "EUR"},
        "locations": [
            {"id": place, "name": "Place", "timezone": zone, "closures": some_days(random, today, most=1)}
            for place, zone in zip(places, zones, strict=True)
        ],
        "travel": [
            {"from": one, "to": other, "minutes": random.choice((0, 15, 30, 90))}
            for n, one in enumerate(places)
            for other in places[n + 1 :]
            if random.random() < 0.7
        ],
        "services": services,
        "stylists": [stylist(random, id_(3, n), places, services, today) for n in range(random.randint(1, 2))],
        "priceRules": [price_rule(random, services, today) for _ in range(random.randint(0, 3))],
    }


async def furnish(random: Random, sql: Any, file: dict[str, Any]) -> None:
    """What the stylists of half the salons rather not do, how old calendars may be and are, and bookings to be paid for."""
    if random.random() < 0.5:
        return
    tenant_id = await sql.fetchval("select id from tenants where slug = $1", file["tenant"]["slug"])
    stylists, services = ([one["id"] for one in file[kind]] for kind in ("stylists", "services"))
    await _stale_calendars(random, sql, tenant_id, stylists)
    for id_ in stylists:
        if random.random() < 0.7:
            await sql.execute(WISHES, tenant_id, id_, *wishes(random))
        for _ in range(random.choice((0, 0, 0, 1, 2))):
            weekdays = random.sample(range(1, 8), random.randint(1, 4))
            edges = random.choice(((540, 780), (1320, 240), (0, 1440), (615, 616), (900, 900)))
            await sql.execute(AVOIDED, tenant_id, id_, random.choice(services), weekdays, *edges)
    for (id_,) in await sql.fetch(BOOKINGS, tenant_id):
        if random.random() < 0.4:
            await sql.execute(UNPAID, tenant_id, id_, timedelta(minutes=random.choice((-1440, -1, 60, 3000))))


async def _stale_calendars(random: Random, sql: Any, tenant_id: UUID, stylist_ids: list[str]) -> None:
    """Calendars heard of hours or days ago, where days are closed for that or not."""
    seconds, closes = random.choice((None, 7200, 86400, 86400)), random.random() < 0.4
    await sql.execute(STALE, tenant_id, seconds, closes)
    for id_ in stylist_ids:
        for source in ("calendar", "another"):
            if random.random() < 0.6:
                await sql.execute(HEARD, tenant_id, id_, source, timedelta(hours=random.choice((0, 1, 1, 1, 3, 72))))


STALE = "update tenants set busy_stale_seconds = $2, busy_stale_closes = $3 where id = $1"
HEARD = """
insert into busy_sources (tenant_id, stylist_id, source, as_of) values ($1, $2, $3, now() - $4::interval)
on conflict on constraint busy_sources_pkey do update set as_of = excluded.as_of
"""
WISHES = """
insert into preferences (tenant_id, stylist_id, run_minutes_max, pause_minutes, bookings_a_day_max) values ($1, $2, $3, $4, $5)
"""
AVOIDED = """
insert into avoided_services (tenant_id, stylist_id, service_id, weekdays, from_minute, to_minute) values ($1, $2, $3, $4, $5, $6)
"""
BOOKINGS = "select id from bookings where tenant_id = $1 order by stylist_id, starts_at"
UNPAID = "update bookings set payment_required = true, payment_due_at = now() + $3::interval where tenant_id = $1 and id = $2"


def wishes(random: Random) -> tuple[int | None, int, int | None]:
    """The longest run and the pause that ends it, in minutes, and bookings a day."""
    run, pause = random.choice((None, 120, 240, 480, 720)), random.choice((1, 15, 15, 60, 240))
    return run, pause, random.choice((None, None, None, None, 4, 2, 1, 0))


def service(random: Random, id_: str) -> dict[str, Any]:
    return {
        "id": id_,
        "name": "Service",
        "durationMinutes": random.choice((10, 15, 30, 45, 60, 95, 180, 600)),
        "slotIntervalMinutes": random.choice((15, 20, 30, 45, 60)),
        "bufferBeforeMinutes": random.choice((0, 0, 5, 15)),
        "bufferAfterMinutes": random.choice((0, 0, 10, 30)),
        "priceCents": random.randint(0, 500_000),
        "minNoticeMinutes": random.choice((0, 60, 1440, 3000)),
        "horizonDays": random.choice((3, 7, 60)),
    }


def stylist(random: Random, id_: str, places: list[str], services: list[dict[str, Any]], today: date) -> dict[str, Any]:
    return {
        "id": id_,
        "name": "Stylist",
        "location": random.choice(places),
        "services": [offering(random, one["id"]) for one in services if random.random() < 0.9],
        "hours": [hours(random, places, today) for _ in range(random.randint(1, 4))],
        "overrides": [override(random, day, places) for day in some_days(random, today, most=3)],
        "timeOff": [*times(random, today, most=2), *({"date": day} for day in some_days(random, today, most=1))],
        "busy": [{"source": "calendar", **time} for time in times(random, today, most=3)],
        "bookings": [booking(random, time, places, services) for time in times(random, today, most=10)],
    }


def offering(random: Random, service_id: str) -> dict[str, Any]:
    own = {"durationMinutes": random.choice((20, 50)), "priceCents": random.randint(0, 90_000)}
    return {"service": service_id, **{name: value for name, value in own.items() if random.random() < 0.3}}


def hours(random: Random, places: list[str], today: date) -> dict[str, Any]:
    """Some weekdays at one place, in a season that begins or ends about now, or always."""
    season = {
        "from": str(today + timedelta(random.randint(-3, 3))),
        "until": str(today + timedelta(random.randint(4, 9))),
    }
    return {
        "days": random.sample(WEEK, random.randint(3, 7)),
        "windows": random.choice(WINDOWS),
        "breaks": breaks(random),
        "location": random.choice(places),
        **{name: day for name, day in season.items() if random.random() < 0.15},
    }


def override(random: Random, day: str, places: list[str]) -> dict[str, Any]:
    windows = random.choice((*WINDOWS, []))
    return {"date": day, "windows": windows, "breaks": breaks(random), "location": random.choice(places)}


def breaks(random: Random) -> list[list[str]]:
    return [[f"12:{random.choice((0, 7, 30)):02}", "13:10"]] if random.random() < 0.5 else []


def booking(random: Random, time: dict[str, str], places: list[str], services: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **time,
        "bufferBeforeMinutes": random.choice((0, 10)),
        "bufferAfterMinutes": random.choice((0, 25)),
        "service": random.choice(services)["id"],
        "location": random.choice(places),
    }


def price_rule(random: Random, services: list[dict[str, Any]], today: date) -> dict[str, Any]:
    conditions = {
        "service": random.choice(services)["id"],
        "days": random.sample(WEEK, random.randint(1, 6)),
        "from": "08:00",
        "to": "11:30",
        "fromDate": str(today + timedelta(random.randint(-2, 3))),
        "untilDate": str(today + timedelta(random.randint(4, 9))),
    }
    kept = {name: value for name, value in conditions.items() if random.random() < 0.4}
    return {"name": "Rule", "percent": random.choice((-33, -10, 15, 20)), **kept}


def some_days(random: Random, today: date, *, most: int) -> list[str]:
    return [str(today + timedelta(n)) for n in random.sample(range(-1, 12), random.randint(0, most))]


def times(random: Random, today: date, *, most: int) -> list[dict[str, str]]:
    """Spans from yesterday on, on no grid."""
    midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)
    begins = [midnight + timedelta(minutes=random.randrange(-1440, 17280, 5)) for _ in range(random.randint(0, most))]
    ends = [at + timedelta(minutes=random.choice((15, 30, 60, 240))) for at in begins]
    return [
        {"startUtc": f"{one:%Y-%m-%dT%H:%M:%SZ}", "endUtc": f"{other:%Y-%m-%dT%H:%M:%SZ}"}
        for one, other in zip(begins, ends, strict=True)
    ]
