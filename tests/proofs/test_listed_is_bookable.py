"""Every start that is listed can be booked, at its price and place, and no other can, in random salons; each booking is
rolled back. CHAIRTIME_SEED chooses the salons."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from cache.versioned import Freshness
from db.pool import Connection, Database, PoolSettings
from domain.errors import Refusal, SlotNotOffered
from domain.model import Claim, Slot, SlotStatus
from resolvers import app as wiring
from resolvers import availability, bookings, importing, salon_file
from resolvers.app import App, Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request
from tests.proofs import random_salon

SALONS = 1_000 if "CHAIRTIME_SOAK" in os.environ else 25
SEED = os.environ.get("CHAIRTIME_SEED", "20261121")
BESIDE = [timedelta(minutes=step) for step in (-7, -1, 1, 7)]
BESIDE_MAX = 24
T = TypeVar("T")
Promise = tuple[datetime, datetime, str, int]  # start, end, place, price


class Undo(Exception):
    """Carries a result out of a transaction that is rolled back."""

    def __init__(self, result: object) -> None:
        self.result = result


class Rehearsal(Database):
    """A database in which every write works and none stays."""

    async def transact(self, tenant_id: str | None, work: Callable[[Connection], Awaitable[T]]) -> T:
        try:
            async with self.transaction(tenant_id) as connection:
                raise Undo(await work(connection))
        except Undo as undo:
            return undo.result  # type: ignore[return-value]


def build(database: Database) -> App:
    return wiring.build(database, default_tenant="", limits=Limits(), entries_max=1_000, ttl=timedelta(minutes=15))


@pytest.fixture
async def rehearsal(database_url: str) -> AsyncIterator[App]:
    """A server whose bookings are rolled back."""
    database = await Rehearsal.open(database_url, PoolSettings())
    yield build(database)
    await database.close()


class Proof:
    """One stylist's day for one service in one salon, as the prover sees it: what is listed, and what can be booked."""

    def __init__(self, real: App, rehearsal: App, asked: dict[str, Any], day: date, caller: Caller) -> None:
        self.real = real
        self.rehearsal = rehearsal
        self.asked = asked
        self.day = day
        self.caller = caller
        self.counts: Counter[str] = Counter()

    async def listed(self, *days_from: int) -> Sequence[Slot]:
        """The day's list, or those of days so many from it: verified, with a directory read anew."""
        context = await Context.open(self.rehearsal, self.caller, fresh=True)
        dates = [self.day + timedelta(days) for days in days_from or (0,)]
        found = await availability.of_stylist(context, **self.asked, dates=dates, freshness=Freshness.VERIFIED)
        return [slot for one in found for slot in one.slots]

    async def to_the_brink(self, slots: Sequence[Slot], random: Random, sql: Any) -> None:
        """Gives the service such a notice that a free start is less than a minute this side of it, or beyond."""
        free = [slot.starts_at for slot in slots if slot.status is SlotStatus.AVAILABLE]
        if free:
            minutes = (random.choice(free) - datetime.now(UTC)) // timedelta(minutes=1) + random.randint(0, 1)
            notice = "update services set min_notice_minutes = $2 where id = $1"
            await sql.execute(notice, self.asked["service_id"], minutes)

    async def hold(self, slots: Sequence[Slot], random: Random, sql: Any) -> Claim | None:
        """Holds, for good, up to three free starts: one that has expired, one of another, and the prover's, which it returns."""
        free = [slot.starts_at for slot in slots if slot.status is SlotStatus.AVAILABLE]
        held = {}
        for holder in ("session:expired", "session:other", "session:prover"):
            caller = Caller(holder=holder, tenant_slug=self.caller.tenant_slug)
            context = await Context.open(self.real, caller, fresh=True)
            if free:
                start = self.start(random.choice(free))
                try:
                    held[holder] = await bookings.hold(context, start, Request("holdPlace", {}))
                except Refusal:  # one of the others is in the way
                    continue
                self.counts[f"hold of {holder}"] += 1
            if "session:expired" in held:
                expire = "update bookings set expires_at = now() - interval '1 second' where id = $1"
                await sql.execute(expire, held.pop("session:expired").id)
        return held.get("session:prover")

    async def faults(self, own: Sequence[Claim], random: Random) -> list[str]:
        """What is listed and cannot be booked as listed, or the other way round. own: the prover's holds."""
        slots, around = {slot.starts_at for slot in await self.listed()}, await self.around()
        beside = sorted({start + step for start in slots for step in BESIDE} - around.keys())
        context = await Context.open(self.rehearsal, self.caller, fresh=True)
        found = []
        for start in sorted([*slots, *random.sample(beside, min(BESIDE_MAX, len(beside)))]):
            free = promised(around[start], own, start, self.asked["service_id"])
            self.counts["listed" if free else "closed" if start in slots else "beside"] += 1
            # Held for another service, a start is given back for this one, unless a rule closes it for this one besides.
            may_refuse = any(one.starts_at == start and one.service_id != self.asked["service_id"] for one in own)
            # Time may have passed since it was listed: then it must be right by now.
            if await self.fault(context, start, free, may_refuse=may_refuse):
                now = (await self.around())[start]
                free = promised(now, own, start, self.asked["service_id"])
                if fault := await self.fault(context, start, free, may_refuse=may_refuse):
                    found.append(f"{self.caller.tenant_slug} {self.day} {self.asked}: {start} {now}: {fault}")
        return found

    async def around(self) -> defaultdict[datetime, list[Slot]]:
        """The lists of the day and its neighbours by start: two places' days, in two zones, may share an instant."""
        found = defaultdict(list)
        for slot in await self.listed(-1, 0, 1):
            found[slot.starts_at].append(slot)
        return found

    async def fault(
        self, context: Context, start: datetime, promises: Collection[Promise], *, may_refuse: bool
    ) -> str | None:
        """What booking a start gives against what is promised of it; None when it is right. may_refuse: by a rule."""
        try:
            create = bookings.create(context, self.start(start), Contact("Ann"), None, Request("bookingCreate", {}))
            got = promise(await create)
        except Refusal as refusal:
            if may_refuse and isinstance(refusal, SlotNotOffered):
                return None
            return f"refused: {refusal!r}" if promises else None
        return None if got in promises else f"booked: {got}"

    def start(self, at: datetime) -> Start:
        return Start((self.asked["stylist_id"],), self.asked["service_id"], at)


def promised(slots: Sequence[Slot], own: Sequence[Claim], start: datetime, service_id: str) -> set[Promise]:
    """What one who books a start may get: the slot that is listed as free, or what a hold of the prover has settled."""
    if held := [claim for claim in own if claim.starts_at == start]:
        # Held for another service, the hold is given back for this one.
        same = {promise(claim) for claim in held if claim.service_id == service_id}
        return same or {promise(slot) for slot in slots}
    return {promise(slot) for slot in slots if slot.status is SlotStatus.AVAILABLE}


def promise(of: Slot | Claim) -> Promise:
    return of.starts_at, of.ends_at, of.location_id, of.price_cents


def chosen(random: Random, file: dict[str, Any]) -> dict[str, Any]:
    """What to ask of a salon: one of its stylists, for what they offer if anything, dates counted in some zone or theirs."""
    stylist = random.choice(file["stylists"])
    offered = [one["service"] for one in stylist["services"]] or [one["id"] for one in file["services"]]
    zone = random.choice((None, None, ZoneInfo(random.choice(random_salon.ZONES))))
    return {"stylist_id": stylist["id"], "service_id": random.choice(offered), "zone": zone}


async def test_every_listed_start_can_be_booked_and_no_other(database: Database, rehearsal: App, sql: Any) -> None:
    today = datetime.now(UTC).date()
    real, counts, faults = build(database), Counter[str](), []
    for number in range(SALONS):
        random = Random(f"{SEED}:{number}")
        file = random_salon.salon(random, number, today)
        await importing.import_salon(database, salon_file.parse(json.dumps(file)), lambda *_: None)
        await random_salon.furnish(random, sql, file)
        caller = Caller(holder="session:prover", tenant_slug=file["tenant"]["slug"])
        holds: list[Claim] = []
        for offset in random.sample(range(-1, 12), 2):
            proof = Proof(real, rehearsal, chosen(random, file), today + timedelta(offset), caller)
            if random.random() < 0.5:
                await proof.to_the_brink(await proof.listed(), random, sql)
            own = await proof.hold(await proof.listed(), random, sql)
            holds += [own] if own else []
            stylist = proof.asked["stylist_id"]
            faults += await proof.faults([one for one in holds if one.stylist_id == stylist], random)
            counts += proof.counts

    print(f"\n{SALONS:,} salons, seed {SEED}: {dict(counts)}; {len(faults)} wrong")
    assert not faults, "\n".join(faults[:10])
    assert min(counts[kind] for kind in ("listed", "closed", "beside")) > SALONS
    assert min(counts[f"hold of session:{who}"] for who in ("prover", "other", "expired")) > SALONS // 8
