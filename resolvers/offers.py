"""The offer log: what was shown as free, to whom, at which version; and how much was asked for.

Whoever answers only notes it: a count in a dictionary. What is noted is written each second, off everybody's way; what there is
no room for is counted and lost.
"""

from __future__ import annotations

import asyncio
import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog

from db import offers
from db.offers import Asked, Offer, OfferedList, OfferEvent
from db.pool import Database
from domain.model import SlotStatus

if TYPE_CHECKING:
    from resolvers.context import Context

EVERY_S = 1.0
NOTED_MAX = 5_000  # answers to different callers, or of different lists, between two writes
LISTS_MAX = 2_000  # lists that were not shown before, likewise
WRITTEN_MAX = 50_000  # lists remembered as written
AT_A_TIME = 50  # lists put together before others get a turn
EXPIRE_EVERY_S, EXPIRE_ROWS, EXPIRE_STEPS_MAX = 3600.0, 2_000, 500
HISTORY_MAX = 500
QUARTER_S = 900
WHO_LENGTH = 24

log = structlog.get_logger("offers")


@dataclass(eq=False, slots=True)
class Shown:
    """The availabilities that an answer shows; the same object for the same answer given again.

    is_whole: with all their starts. lists: the same in the log's form, once that is known.
    """

    tenant_id: str
    found: Sequence[Any]
    is_whole: bool = True
    lists: tuple[OfferedList, ...] | None = None


class OfferLog:
    """One a process. counts: answers noted, those of whom it is not known who got them, lists, and what could not be written."""

    def __init__(self, database: Database, *, kept_days: int) -> None:
        """kept_days: 0 = who was shown what is not logged, only demand is counted."""
        self.counts: Counter[str] = Counter()
        self.is_on = False
        self._database = database
        self._kept_days = kept_days
        self._noted: dict[tuple[Shown, str | None], list[Any]] = {}
        self._written: dict[tuple[str, int], None] = {}

    def note(self, shown: Shown, who: str | None, at: datetime) -> None:
        """An answer was given. who: as bookings have their holder. at: Postgres's clock when it was true."""
        if not self.is_on:
            return
        known = self._noted.get((shown, who))
        if known is not None:
            known[0] += 1
        elif len(self._noted) < NOTED_MAX:
            self._noted[shown, who] = [1, at]
        else:
            self._overflow(shown, at)

    def _overflow(self, shown: Shown, at: datetime) -> None:
        """Demand is counted all the same, for the answers that are known."""
        known = self._noted.get((shown, None))
        self.counts["unknown" if known else "lost"] += 1
        if known:
            known[0] += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is noted meanwhile is written, the last of it at the end."""
        self.is_on = True
        task = asyncio.create_task(self._keep_writing(), name="offers")
        try:
            yield
        finally:
            self.is_on = False
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.write()

    async def write(self) -> None:
        """Writes what is noted. What cannot be written is counted as lost: nobody waits for it, and it is not tried again."""
        noted, self._noted = self._noted, {}
        by_tenant: dict[str, list[tuple[Shown, str | None, int, datetime]]] = defaultdict(list)
        for (shown, who), (times, at) in noted.items():
            by_tenant[shown.tenant_id].append((shown, who, times, at))
        room = LISTS_MAX
        for tenant_id, answers in by_tenant.items():
            try:
                room -= await self._write(tenant_id, answers, room)
            except Exception as error:  # whatever it is: the next second's are to be written
                self.counts["lost"] += sum(times for _, _, times, _ in answers)
                log.warning("offers could not be written", error=str(error) or type(error).__name__)

    async def expire(self) -> None:
        """Takes away what is older than it is to be kept, in small steps."""
        for _ in range(EXPIRE_STEPS_MAX):
            async with self._database.transaction(None) as connection:
                if not await offers.expire(connection, kept_days=max(self._kept_days, 1), most=EXPIRE_ROWS):
                    return

    async def _keep_writing(self) -> None:
        loop = asyncio.get_running_loop()
        expires_at, told = loop.time() + EVERY_S, 0
        while True:
            await asyncio.sleep(EVERY_S)
            await self.write()
            if self.counts["lost"] > told:
                log.warning("offers were lost", count=self.counts["lost"] - told)
                told = self.counts["lost"]
            if loop.time() >= expires_at:
                expires_at = loop.time() + EXPIRE_EVERY_S
                self._written.clear()  # so that lists that are still shown are marked so
                try:
                    await self.expire()
                except Exception as error:  # likewise
                    log.warning("old offers could not be taken away", error=str(error) or type(error).__name__)

    async def _write(
        self, tenant_id: str, answers: Sequence[tuple[Shown, str | None, int, datetime]], room: int
    ) -> int:
        """How many lists were put together for it, at most `room`."""
        made, asked, rows = 0, _Demand(), []
        new: dict[int, OfferedList] = {}
        for shown, who, times, at in answers:
            if shown.lists is None:
                if made + len(shown.found) > room:
                    self.counts["lost"] += times
                    continue
                made += len(shown.found)
                shown.lists = await _lists(shown)
            if shown.is_whole:
                asked.add(shown.lists, times, at)
            new |= {one.id: one for one in shown.lists if (tenant_id, one.id) not in self._written}
            rows.append(Offer(at, who and who_of(tenant_id, who), tuple(one.id for one in shown.lists), times))
            self.counts["noted"] += times
        logs = self._kept_days > 0
        async with self._database.transaction(tenant_id) as connection:
            await offers.put(
                connection,
                tenant_id,
                lists=list(new.values()) if logs else [],
                offers=rows if logs else [],
                asked=asked.rows(),
            )
        self._remember(tenant_id, new)
        return made

    def _remember(self, tenant_id: str, written: Iterable[int]) -> None:
        if len(self._written) > WRITTEN_MAX:
            self._written.clear()
        self._written |= {(tenant_id, id_): None for id_ in written}


class _Demand:
    def __init__(self) -> None:
        self._asked: Counter[tuple[datetime, str]] = Counter()
        self._empty: Counter[tuple[datetime, str]] = Counter()

    def add(self, lists: Iterable[OfferedList], times: int, at: datetime) -> None:
        quarter = at - timedelta(seconds=at.timestamp() % QUARTER_S)
        for one in lists:
            self._asked[quarter, one.service_id] += times
            self._empty[quarter, one.service_id] += 0 if one.free else times

    def rows(self) -> list[Asked]:
        return [
            Asked(quarter, service_id, asked, self._empty[quarter, service_id])
            for (quarter, service_id), asked in self._asked.items()
        ]


def note(context: Context) -> None:
    """Notes what an operation that has been answered showed to its caller."""
    for shown in context.shown:
        if shown.found:
            context.app.offers.note(shown, context.caller.holder, shown.found[0].now)


def who_of(tenant_id: str, holder: str) -> str:
    """A caller in the log's words: the same for the same caller, and not to be turned back. As SQL's offer_who."""
    return hashlib.sha256(f"{tenant_id} {holder}".encode()).hexdigest()[:WHO_LENGTH]


async def history(
    context: Context, stylist_id: str, *, starts_at: datetime, around: datetime, within: timedelta
) -> list[OfferEvent]:
    """What was shown of a start, and asked for there, about an instant, in order of time: the first 500."""
    async with context.app.database.transaction(context.tenant_id) as connection:
        return await offers.history(
            connection,
            context.tenant_id,
            stylist_id=stylist_id,
            starts_at=starts_at,
            from_at=around - within,
            until_at=around + within,
            most=HISTORY_MAX,
        )


async def _lists(shown: Shown) -> tuple[OfferedList, ...]:
    found = []
    for n, one in enumerate(shown.found):
        if n % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        kept = one.kept if shown.is_whole else None
        key = ("offered", one.date, one.zone and one.zone.key)
        if kept is None or key not in kept:
            made = _list(one, is_whole=shown.is_whole)
            if kept is not None:
                kept[key] = made
        else:
            made = kept[key]
        found.append(made)
    return tuple(found)


def _list(found: Any, *, is_whole: bool) -> OfferedList:
    free = tuple(slot.starts_at for slot in found.slots if slot.status is SlotStatus.AVAILABLE)
    zone = found.zone and found.zone.key
    said = f"{found.stylist_id} {found.service_id} {found.date} {zone} {found.version} {is_whole}".encode()
    digest = hashlib.blake2b(said + array("d", [one.timestamp() for one in free]).tobytes(), digest_size=8).digest()
    id_ = int.from_bytes(digest, "big", signed=True)
    return OfferedList(id_, found.stylist_id, found.service_id, found.date, zone, found.version, free, is_whole)
