"""Any sequence of holds, bookings, moves, cancellations, changed hours and passing time, against a model that knows neither SQL
nor a cache nor an interval: what the server answers, at every step and in every list, is what the model says.

A Hypothesis state machine draws the steps, and makes a sequence that fails as short as it can. It runs in a thread; two
server processes, of which one hears of no change, serve it from the test's loop. CHAIRTIME_SOAK=1 draws 10,000 steps, other
ones each time.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from db.pool import Database, PoolSettings
from resolvers import importing, salon_file
from resolvers.context import Role
from tests.conftest import SALON, Client
from tests.proofs.salon_model import DAY, OFFERED, STAFF, TICK, Hours, Model, Told
from tests.schema.conftest import COPY, Answer, Shop, Visitor, serving

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

FULL = "CHAIRTIME_SOAK" in os.environ
EXAMPLES, STEPS_EACH = (220, 50) if FULL else (10, 50)
STEPS = 10_000 if FULL else 500
ANSWERS = {"Hold", "Booking", "SlotTaken", "SlotNotOffered", "NotFound", "HoldExpired", "AlreadyEnded"}
T = TypeVar("T")

# Postgres's clock, as everything in this database asks for it, runs ahead by as much as the proof says.
CLOCK = """
set allow_system_table_mods = on;
create table clock (ahead interval not null);
insert into clock values ('0');
grant select on clock to public;
alter function pg_catalog.clock_timestamp() rename to wall_clock;
create function pg_catalog.clock_timestamp() returns timestamptz language sql volatile as
    'select wall_clock() + ahead from public.clock';
"""
TAKE_OFF = """
with gone as (delete from time_off where tenant_id = $1 and stylist_id = $2)
insert into time_off (tenant_id, stylist_id, starts_at, ends_at)
select $1, $2, at, at + interval '40 minutes' from unnest($3::timestamptz[]) at
"""
SET_HOURS = """
mutation ($stylist: ID!, $date: Date!, $windows: [WallTimesInput!]!, $breaks: [WallTimesInput!]!) {
  answer: overrideSet(input: {stylistId: $stylist, date: $date, windows: $windows, breaks: $breaks}) { kind: __typename }
}
"""
UNSET_HOURS = """
mutation ($stylist: ID!, $date: Date!) { answer: overrideRemove(stylistId: $stylist, date: $date) { kind: __typename } }
"""
LISTS = """
query ($first: Date!, $second: Date!) {
  stylists {
    name
    services { service { name } first: availableSlots(date: $first) { ...All } second: availableSlots(date: $second) { ...All } }
  }
}
fragment All on Availability { slots { startUtc status heldByYou } cache { verified } }
"""


@dataclass(frozen=True)
class World:
    """The server, for a thread that is not its loop's: the clients of its processes, and a business to copy."""

    loop: asyncio.AbstractEventLoop
    sql: Connection
    clients: tuple[Client, ...]
    pattern: str
    steps: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=30)

    async def shop(self) -> Shop:
        """A business of one sequence's own, and a day a week after what its clock says."""
        slug = f"model-{await self.sql.fetchval('select count(*) from tenants')}"
        tenant = await self.sql.fetchval("select another($1, $2)::text", slug, self.pattern)
        today: datetime = await self.sql.fetchval("select clock_timestamp()")
        return Shop(tenant, slug=slug, day=today.date() + timedelta(7))


IDS = {one["name"].lower(): one["id"] for kind in ("stylists", "services") for one in SALON[kind]}
NAMES = {id_: name for name, id_ in IDS.items()}

OTHER_HOURS = [
    Hours(()),
    Hours(((480, 660),)),
    Hours(((550, 910),), ((690, 710),)),  # another grid
    Hours(((540, 630), (660, 1020)), ((600, 610),)),
]
STARTS = (540, 570, 600, 630, 660, 690, 990, 550, 510)
WHO = st.sampled_from(["ann", "ben", STAFF])
PROCESS = st.sampled_from([0, 1])
STYLIST = st.sampled_from(["asha", "bina"])
WHAT = st.sampled_from([("asha", "cut"), ("asha", "colour"), ("asha", "colour"), ("bina", "cut"), ("bina", "colour")])
DATE = st.sampled_from([0, 0, 1])
START = st.sampled_from([day * DAY + minute for day in (0, 0, 1) for minute in STARTS])


class Machine(RuleBasedStateMachine):
    """Does everything twice, to the server and to the model. A claim goes by the id that the server gave it."""

    world: ClassVar[World]
    named = Bundle("named")

    def __init__(self) -> None:
        super().__init__()
        self.shop = self.world.do(self.world.shop())
        self.model = Model()

    @initialize(target=named, wanted=st.lists(st.tuples(st.booleans(), WHO, WHAT, START), min_size=4, max_size=8))
    def begin(self, wanted: list[tuple[bool, str, tuple[str, str], int]]) -> MultipleResults[str]:
        """Somebody was here before, so that there is something to change and to collide with."""
        got = [(self.hold if holds else self.book)(who, 0, what, start) for holds, who, what, start in wanted]
        return multiple(*(named for one in got for named in one.values))

    @rule(target=named, who=WHO, process=PROCESS, what=WHAT, start=START)
    def hold(self, who: str, process: int, what: tuple[str, str], start: int) -> MultipleResults[str]:
        stylist, service = what
        asked = self.visitor(who, process).hold(self.utc(start), stylist=IDS[stylist], service=IDS[service])
        answer = self.world.do(asked)
        self.same("hold", answer, self.model.hold(who, stylist, service, start, answer.get("id", "")))
        return self.got(answer)

    @rule(target=named, who=WHO, process=PROCESS, what=WHAT, start=START)
    def book(self, who: str, process: int, what: tuple[str, str], start: int) -> MultipleResults[str]:
        stylist, service = what
        asked = self.visitor(who, process).book(self.utc(start), stylist=IDS[stylist], service=IDS[service])
        answer = self.world.do(asked)
        self.same("book", answer, self.model.book(who, stylist, service, start, answer.get("id", "")))
        return self.got(answer)

    @rule(who=WHO, process=PROCESS, named=named)
    def confirm(self, who: str, process: int, named: str) -> None:
        answer = self.world.do(self.visitor(who, process).confirm(named))
        self.same("confirm", answer, self.model.confirm(who, named))

    @rule(who=WHO, process=PROCESS, named=named)
    def release(self, who: str, process: int, named: str) -> None:
        answer = self.world.do(self.visitor(who, process).release(named))
        self.same("release", answer, self.model.release(who, named))

    @rule(who=WHO, process=PROCESS, named=named)
    def cancel(self, who: str, process: int, named: str) -> None:
        answer = self.world.do(self.visitor(who, process).cancel(named))
        self.same("cancel", answer, self.model.cancel(who, named))

    @rule(who=WHO, process=PROCESS, named=named, stylist=STYLIST, start=START)
    def move(self, who: str, process: int, named: str, stylist: str, start: int) -> None:
        asked = self.visitor(who, process).move(named, self.utc(start), stylistId=IDS[stylist])
        answer = self.world.do(asked)
        self.same("move", answer, self.model.move(who, named, stylist, start))

    @rule(process=PROCESS, stylist=STYLIST, day=DATE, hours=st.sampled_from([None, *OTHER_HOURS]))
    def set_hours(self, process: int, stylist: str, day: int, hours: Hours | None) -> None:
        """A day's own, or by None the week's again."""
        given: Answer = {"stylist": IDS[stylist], "date": self.date(day)}
        had = self.model.hours.pop((stylist, day), None)
        if hours is None:
            answer = self.manage(process, UNSET_HOURS, given)
            self.same("set_hours", answer, ("StylistChange" if had else "NotFound",))
            return
        self.model.hours[stylist, day] = hours
        windows, breaks = ([{"from": clock(a), "to": clock(b)} for a, b in spans] for spans in hours)
        answer = self.manage(process, SET_HOURS, {**given, "windows": windows, "breaks": breaks})
        self.same("set_hours", answer, ("StylistChange",))

    @rule(stylist=STYLIST, start=st.none() | START)
    def take_off(self, stylist: str, start: int | None) -> None:
        """By raw SQL, 40 minutes; by None all comes back."""
        self.model.off[stylist] = set(range(start, start + 40, TICK)) if start is not None else set()
        spans = [] if start is None else [self.instant(start)]
        self.world.do(self.world.sql.execute(TAKE_OFF, self.shop.tenant, IDS[stylist], spans))
        self.same("take_off")

    @precondition(lambda self: any(claim.state == "HELD" for claim in self.model.claims.values()))
    @rule(minutes=st.sampled_from([5, 1, 9]))
    def wait(self, minutes: int) -> None:
        self.world.do(self.world.sql.execute("update clock set ahead = ahead + $1", timedelta(minutes=minutes)))
        self.same("wait")
        self.model.now += minutes

    @rule(who=WHO, process=PROCESS, named=named)
    def look(self, who: str, process: int, named: str) -> None:
        found = self.world.do(self.visitor(who, process).booking(named))
        self.same("look", found and {"kind": "Booking", **found}, self.model.look(who, named))

    @rule(who=WHO, process=PROCESS)
    def read(self, who: str, process: int) -> None:
        self.same("read")
        self.same_lists(who, process)

    @invariant()
    def each_step_shows(self) -> None:
        """In the process that hears nothing, and that has just read the lists as they were before."""
        self.same_lists("ann", 1)

    def same_lists(self, who: str, process: int) -> None:
        """Every list of both days, verified, is the model's."""
        visitor = self.visitor(who, process)
        asked = {"first": self.date(0), "second": self.date(1)}
        found = self.world.do(visitor.client.data(LISTS, asked, **visitor.who))
        lists = {
            (stylist["name"].lower(), offering["service"]["name"].lower(), day): offering[alias]
            for stylist in found["stylists"]
            for offering in stylist["services"]
            for day, alias in enumerate(("first", "second"))
        }
        assert lists.keys() == {(one, service, day) for one in OFFERED for service in OFFERED[one] for day in (0, 1)}
        for of, listed in lists.items():
            self.same_list(who, *of, listed)

    def same_list(self, who: str, stylist: str, service: str, day: int, listed: Answer) -> None:
        """Where holds of two sessions cover a start, it may be shown as either's."""
        shown = [(self.minute(slot["startUtc"]), slot["status"]) for slot in listed["slots"]]
        starts = self.model.grid(stylist, service, day)
        assert shown == [(start, self.model.shown(stylist, service, start)) for start in starts]
        assert listed["cache"]["verified"]
        for slot, (start, status) in zip(listed["slots"], shown, strict=True):
            held = self.model.covering(stylist, service, start) if status == "HELD" else []
            assert slot["heldByYou"] in ({claim.who == who for claim in held} or {False})

    def same(self, step: str, answer: Answer | None = None, expected: Told = ()) -> None:
        """Counts a step, whose answer is the model's."""
        self.world.steps[step] += 1
        self.world.answers.update([answer["kind"]] if answer else [])
        assert (self.told(answer) if answer else ()) == expected

    def told(self, answer: Answer) -> Told:
        """An answer, as the model tells it."""
        near = [self.minute(one["startUtc"]) for one in answer.get("nearest", ())]
        place = (NAMES[answer["stylist"]["id"]], self.minute(answer["startUtc"])) if "stylist" in answer else ()
        rest = [answer[name] for name in ("status", "slotStatus", "reason") if name in answer]
        return answer["kind"], *([answer["id"]] if place else []), *place, *rest, *near

    def got(self, answer: Answer) -> MultipleResults[str]:
        """What a claim is named from now on, if it was got."""
        return multiple(answer["id"]) if "id" in answer else multiple()

    def manage(self, process: int, mutation: str, given: Answer) -> Answer:
        staff = self.visitor(STAFF, process)
        answer: Answer = self.world.do(staff.client.data(mutation, given, **staff.who))["answer"]
        return answer

    def visitor(self, who: str, process: int) -> Visitor:
        visitor = Visitor(self.world.clients[process], self.shop, {})
        return visitor.role(Role.STAFF, who) if who == STAFF else visitor.named(who)

    def date(self, day: int) -> str:
        return str(self.shop.day + timedelta(day))

    def instant(self, minute: int) -> datetime:
        return datetime.fromisoformat(self.shop.at(0)) + timedelta(minutes=minute)

    def utc(self, minute: int) -> str:
        return f"{self.instant(minute):%Y-%m-%dT%H:%M:%SZ}"

    def minute(self, utc: str) -> int:
        return (datetime.fromisoformat(utc) - self.instant(0)) // timedelta(minutes=1)


def clock(minute: int) -> str:
    """A wall time."""
    return f"{minute // 60:02}:{minute % 60:02}"


@pytest.fixture
async def world(server_url: str, database_url: str, sql: Connection) -> AsyncIterator[World]:
    """Two processes; the second listens at another database, and hears nothing: only the version check can save its reads."""
    await sql.execute(CLOCK)
    await sql.execute(COPY)
    one, other = [await Database.open(database_url, PoolSettings()) for _ in range(2)]
    pattern = await importing.import_salon(one, salon_file.parse(json.dumps(SALON)), lambda *_: None)
    async with serving(one, database_url) as (_, here), serving(other, server_url) as (_, elsewhere):
        yield World(asyncio.get_running_loop(), sql, (here, elsewhere), pattern.tenant_id)
    for database in (one, other):
        await database.close()


async def test_the_server_answers_whatever_the_model_does(world: World) -> None:
    Machine.world = world
    profile = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS_EACH,
        derandomize=not FULL,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )

    began = time.perf_counter()
    await asyncio.to_thread(run_state_machine_as_test, Machine, settings=profile)
    seconds = time.perf_counter() - began

    steps = world.steps.total()
    print(f"\n{steps:,} steps, 0 differences, {seconds:.0f} s: {dict(world.steps)}; answers: {dict(world.answers)}")
    assert steps >= STEPS
    assert world.answers.keys() >= ANSWERS
