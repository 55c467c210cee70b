"""A claim's change raises every day in which it changes the answer of a start, however far a stretch of work carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from db import days
from domain import slots
from domain.model import Slot
from tests.db.conftest import IDS

if TYPE_CHECKING:
    from tests.db.conftest import Salon

ROUNDS = 40
CHANGES = 4
MINUTE = timedelta(minutes=1)
DAYS = [date(2030, 1, 16) + timedelta(n) for n in range(-3, 4)]
NOW = datetime(2030, 1, 1, tzinfo=UTC)
MIDNIGHT = datetime(2030, 1, 15, 23, tzinfo=UTC)  # where the 16th begins in Berlin

# Ana works round the clock, and starts at any quarter of an hour.
ALWAYS = """
update services set horizon_days = 3660, slot_interval_minutes = 15 where tenant_id = $salon and id = $cut;
delete from schedule_hours where tenant_id = $salon and stylist_id = $ana;
insert into schedule_hours (tenant_id, stylist_id, location_id, weekday, starts_minute, ends_minute)
select $salon, $ana, $here, n, 0, 1440 from generate_series(1, 7) n;
"""
CLAIM = """
insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, price_cents)
values ($salon, $ana, $cut, $here, 'CONFIRMED', '{starts}', '{ends}', tstzrange('{starts}', '{ends}'), 1);
"""


async def seen(salon: Salon) -> Mapping[date, tuple[Slot, ...]]:
    """What a reader sees of Ana's days."""
    _, found = await days.load(salon.sql, IDS["salon"], [(IDS["ana"], day) for day in DAYS])
    return {day: slots.day_slots(found[IDS["ana"], day][1], IDS["cut"], NOW).slots for day in DAYS}


def chain(random: Random, pause: int) -> list[str]:
    """Claims one after the other, mostly without a pause that is long enough, that end or begin near midnight."""
    at, claims = timedelta(0), []
    for _ in range(random.randint(3, 9)):
        length = random.randint(20, 180) * MINUTE
        claims.append((at, at + length))
        at += length + random.choice((0, 1, pause - 1, pause - 1, pause)) * MINUTE
    shift = random.choice((timedelta(0), -at)) + random.randint(-120, 120) * MINUTE
    return [
        CLAIM.replace("{starts}", f"{MIDNIGHT + shift + starts}").replace("{ends}", f"{MIDNIGHT + shift + ends}")
        for starts, ends in claims
    ]


async def given(salon: Salon, random: Random) -> None:
    """Ana has a wish for pauses, and claims that go near it."""
    run, pause = random.choice((240, 480, 720)), random.choice((15, 60, 240))
    await salon.run(
        "delete from preferences; delete from bookings;"
        "insert into preferences (tenant_id, stylist_id, run_minutes_max, pause_minutes)"
        f" values ($salon, $ana, {run}, {pause});" + "".join(chain(random, pause))
    )


async def test_a_claim_raises_every_day_that_a_stretch_of_work_carries_it_to(salon: Salon) -> None:
    random, far, missed = Random(20300116), 0, []
    await salon.run(ALWAYS)
    for number in range(ROUNDS):
        await given(salon, random)
        for _ in range(CHANGES):
            versions, before = await salon.versions(), await seen(salon)

            one = f"select id from bookings order by starts_at limit 1 offset {random.randrange(3)}"
            await salon.run(f"delete from bookings where id = ({one})")

            raised, after = await salon.raised(versions), await seen(salon)
            changed = {f"ana {day}" for day in DAYS if before[day] != after[day]}
            missed += [(number, day) for day in changed - set(raised)]
            far += len(changed) > 1

    assert missed == []
    assert far > ROUNDS / 4


async def test_a_day_read_alone_has_every_claim_that_a_stretch_of_work_carries_to_it(salon: Salon) -> None:
    random, closed = Random(20300117), 0
    await salon.run(ALWAYS)
    for _ in range(ROUNDS):
        await given(salon, random)

        alone = [(await days.load(salon.sql, IDS["salon"], [(IDS["ana"], day)]))[1][IDS["ana"], day][1] for day in DAYS]

        everything = tuple({one for facts in alone for one in facts.busy})
        for facts in alone:
            found = slots.day_slots(facts, IDS["cut"], NOW).slots
            assert found == slots.day_slots(replace(facts, busy=everything), IDS["cut"], NOW).slots
            near = replace(facts, busy=tuple(one for one in facts.busy if one.starts_at.date() == facts.day))
            closed += found != slots.day_slots(near, IDS["cut"], NOW).slots

    assert closed > ROUNDS / 4
