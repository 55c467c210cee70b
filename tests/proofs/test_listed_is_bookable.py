"""Every start that is listed can be booked, and no other start of the grid can, in random salons; rolled back each time."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import pytest

from cache.versioned import Freshness
from db.pool import Connection, Database, PoolSettings
from domain.errors import Refusal
from domain.model import Slot, SlotStatus
from resolvers import app as wiring
from resolvers import availability, bookings, importing, salon_file
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

SALONS = 1_000 if "CHAIRTIME_SOAK" in os.environ else 25
ZONES = ("Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland", "Etc/UTC")
DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
T = TypeVar("T")


class Undo(Exception):
    """Carries a result out of a transaction that is rolled back."""

    def __init__(self, result: object) -> None:
        self.result = result


class Rehearsal(Database):
    """A database in which every write works and none stays."""

    async def transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with self.transaction() as connection:
                raise Undo(await work(connection))
        except Undo as undo:
            return undo.result  # type: ignore[return-value]


@pytest.fixture
async def rehearsal(database_url: str) -> AsyncIterator[App]:
    database = await Rehearsal.open(database_url, PoolSettings())
    yield wiring.build(database, default_tenant="", limits=Limits(), entries_max=1_000, ttl=timedelta(minutes=15))
    await database.close()


async def test_every_listed_start_can_be_booked_and_no_other(database: Database, rehearsal: App) -> None:
    seed = int(os.environ.get("CHAIRTIME_SEED", "20261121"))
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for number in range(SALONS):
        random = Random(f"{seed}:{number}")
        file = salon(random, number)
        await importing.import_salon(database, salon_file.parse(json.dumps(file)), lambda *_: None)
        stylist, service = random.choice(file["stylists"]), random.choice(file["services"])
        for offset in random.sample(range(-1, 12), 2):
            day = datetime.now(UTC).date() + timedelta(offset)
            wrong += [
                f"salon {number}: {fault}"
                for fault in await compare(rehearsal, file["tenant"]["slug"], stylist["id"], service["id"], day, counts)
            ]

    print(f"\n{SALONS:,} salons: {dict(counts)}; {len(wrong)} wrong")
    assert wrong == []
    assert counts["listed"] > SALONS
    assert counts["not listed"] > SALONS


async def compare(app: App, slug: str, stylist: str, service: str, day: date, counts: Counter[str]) -> list[str]:
    """What is listed and cannot be booked, or the other way round."""
    caller = Caller(holder="session:prover", tenant_slug=slug)
    faults = []
    slots = await listed(app, caller, stylist, service, day)
    free = {slot.starts_at for slot in slots if slot.status is SlotStatus.AVAILABLE}
    grid = {slot.starts_at for slot in slots}
    beside = {start + timedelta(minutes=step) for start in sorted(grid)[:4] for step in (-1, 1, 7)} - grid
    for start in sorted(grid | beside):
        got = await booked(app, caller, stylist, service, start)
        counts["listed" if start in free else "not listed"] += 1
        if (got is None) == (start in free):
            continue
        # Time may have passed its notice since it was listed: then it is no longer listed either.
        again = await listed(app, caller, stylist, service, day)
        if (got is None) != any(slot.starts_at == start and slot.status is SlotStatus.AVAILABLE for slot in again):
            faults.append(
                f"{stylist} {service} {start.isoformat()} {'listed' if start in free else 'not listed'}, got {got!r}"
            )
    return faults


async def listed(app: App, caller: Caller, stylist: str, service: str, day: date) -> Sequence[Slot]:
    context = await Context.open(app, caller, fresh=True)
    (found,) = await availability.of_stylist(
        context, stylist_id=stylist, service_id=service, dates=[day], zone=None, freshness=Freshness.VERIFIED
    )
    return found.slots


async def booked(app: App, caller: Caller, stylist: str, service: str, start: datetime) -> Refusal | None:
    """None when the start could be booked, else why not."""
    context = await Context.open(app, caller, fresh=True)
    try:
        await bookings.create(
            context, Start(stylist, service, start), Contact("Ann"), None, Request("bookingCreate", {})
        )
    except Refusal as refusal:
        return refusal
    return None


def salon(random: Random, number: int) -> dict[str, Any]:
    """Any salon that the rules allow: places in any zones, hours over midnight, breaks off the grid, everything else."""

    def id_(kind: int, n: int) -> str:
        return str(UUID(int=kind << 64 | number << 16 | n))

    today = datetime.now(UTC).date()
    places = [id_(1, n) for n in range(random.randint(1, 3))]
    zones = random.choices(ZONES, k=len(places))
    services = [
        {
            "id": id_(2, n),
            "name": f"Service {n}",
            "durationMinutes": random.choice((10, 15, 30, 45, 60, 95, 180, 600)),
            "slotIntervalMinutes": random.choice((15, 20, 30, 45, 60)),
            "bufferBeforeMinutes": random.choice((0, 0, 5, 15)),
            "bufferAfterMinutes": random.choice((0, 0, 10, 30)),
            "priceCents": random.randint(0, 500_000),
            "minNoticeMinutes": random.choice((0, 60, 1440, 3000)),
            "horizonDays": random.choice((3, 7, 60)),
        }
        for n in range(random.randint(1, 3))
    ]
    return {
        "tenant": {"slug": f"salon-{number}", "name": "Salon", "timezone": zones[0], "currency": "EUR"},
        "locations": [
            {"id": place, "name": f"Place {n}", "timezone": zone, "closures": closures(random, today)}
            for n, (place, zone) in enumerate(zip(places, zones, strict=True))
        ],
        "travel": [
            {"from": one, "to": other, "minutes": random.choice((0, 15, 30, 90))}
            for n, one in enumerate(places)
            for other in places[n + 1 :]
            if random.random() < 0.7
        ],
        "services": services,
        "stylists": [stylist(random, id_(3, n), places, services, today) for n in range(random.randint(1, 2))],
        "priceRules": [{"name": "Weekend", "percent": 20, "days": ["SAT", "SUN"]}],
    }


def closures(random: Random, today: date) -> list[str]:
    return [str(today + timedelta(random.randint(0, 12)))] if random.random() < 0.3 else []


def stylist(random: Random, id_: str, places: list[str], services: list[dict[str, Any]], today: date) -> dict[str, Any]:
    spans = [instants(random, today) for _ in range(12)]
    return {
        "id": id_,
        "name": "Stylist",
        "location": random.choice(places),
        "services": [{"service": service["id"]} for service in services if random.random() < 0.9],
        "hours": [hours(random, places) for _ in range(random.randint(1, 4))],
        "overrides": [
            {"date": str(today + timedelta(n)), "windows": windows(random), "location": random.choice(places)}
            for n in random.sample(range(-1, 12), random.randint(0, 3))
        ],
        "timeOff": [{"startUtc": begins, "endUtc": ends} for begins, ends in spans[:2]],
        "busy": [{"source": "calendar", "startUtc": begins, "endUtc": ends} for begins, ends in spans[2:4]],
        "bookings": [
            {
                "startUtc": begins,
                "endUtc": ends,
                "bufferBeforeMinutes": random.choice((0, 10)),
                "bufferAfterMinutes": random.choice((0, 25)),
                "service": services[0]["id"],
                "location": random.choice(places),
            }
            for begins, ends in spans[4:]
        ],
    }


def hours(random: Random, places: list[str]) -> dict[str, Any]:
    return {
        "days": random.sample(DAYS, random.randint(3, 7)),
        "windows": windows(random),
        "breaks": [[f"12:{random.choice((0, 7, 30)):02}", "13:10"]] if random.random() < 0.6 else [],
        "location": random.choice(places),
    }


def windows(random: Random) -> list[list[str]]:
    return random.choice(
        (
            [["09:00", "17:00"]],
            [["08:15", "12:00"], ["12:00", "19:40"]],
            [["22:00", "03:00"]],
            [["00:00", "24:00"]],
            [["06:30", "10:00"], ["14:00", "24:00"]],
            [],
        )
    )


def instants(random: Random, today: date) -> tuple[str, str]:
    begins = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(
        minutes=random.randrange(-1440, 17280, 5)
    )
    ends = begins + timedelta(minutes=random.choice((15, 30, 60, 240)))
    return f"{begins:%Y-%m-%dT%H:%M:%SZ}", f"{ends:%Y-%m-%dT%H:%M:%SZ}"
