"""A cache whose every answer says how fresh it is. It knows nothing of what it keeps but keys and versions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

import structlog

from cache import keys as cache_keys
from cache.freshness import Checked, Clock, VersionCheck
from cache.keys import Key
from cache.stores import BoundedMemory
from domain.errors import Unavailable
from domain.versions import DayVersion

K = TypeVar("K", bound=Key)
V = TypeVar("V")

Load = Callable[[Sequence[K]], Awaitable[tuple[datetime, Mapping[K, tuple[DayVersion, V]]]]]

log = structlog.get_logger("cache")


class Freshness(StrEnum):
    """How sure a reader wants to be."""

    VERIFIED = "VERIFIED"
    CACHED = "CACHED"
    BYPASS = "BYPASS"


class Source(StrEnum):
    """Where an answer came from."""

    MEMORY = "MEMORY"
    REDIS = "REDIS"
    DATABASE = "DATABASE"


@dataclass(eq=False, slots=True)
class Entry(Generic[V]):
    """A value at a version. `derived` keeps what is made of the value alone; it dies with the entry.

    era: when it was loaded or last checked, counted in stretches of listening for changes.
    """

    key: Any
    version: DayVersion
    value: V
    computed_at: datetime
    expires_at: datetime
    era: int
    derived: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading(Generic[V]):
    """An entry as one read got it. now: Postgres's clock when its version was checked, else as last heard."""

    entry: Entry[V]
    hit: bool
    source: Source
    verified: bool
    now: datetime


@dataclass(eq=False, slots=True)
class Flight(Generic[V]):
    """One load under way, for all who miss the same key.

    dropped: the key changed since it was sent, or may have, or a later load has taken its place. Nobody joins it any more,
    and its answer is not stored.
    """

    answer: asyncio.Future[tuple[Entry[V], datetime]]
    dropped: bool = False


Readings = dict[K, Reading[V]]


class VersionedCache(Generic[K, V]):
    """Reads by key at the freshness asked for; loads what is missing once for all who miss it."""

    def __init__(
        self,
        *,
        load: Load[K, V],
        check: VersionCheck,
        clock: Clock,
        entries_max: int,
        ttl: timedelta,
        same: Callable[[V, V, datetime], bool] = lambda one, other, _now: one == other,
    ) -> None:
        """same: whether two values at one version answer alike at an instant; what BYPASS compares by."""
        self._load = load
        self._same = same
        self._check = check
        self._clock = clock
        self._ttl = ttl
        self._memory = BoundedMemory(entries_max, on_evict=lambda entry: self._forget(entry.key))
        self._groups: dict[tuple[str, ...], set[K]] = {}
        self._flights: dict[K, Flight[V]] = {}
        self._trusting = False
        self._era = 0
        self.counts: Counter[str] = Counter()

    @property
    def trusting(self) -> bool:
        """Whether changes are heard, so that CACHED may be served unverified."""
        return self._trusting

    @trusting.setter
    def trusting(self, listening: bool) -> None:
        """What is from before listening began may have changed unheard: it is checked before CACHED serves it."""
        self._trusting = listening
        if listening:
            self._era += 1
            for flight in self._flights.values():
                flight.dropped = True

    async def read(
        self, keys: Sequence[K], freshness: Freshness, also: Sequence[Key] = ()
    ) -> tuple[dict[K, Reading[V]], Checked | None]:
        """A reading of each key, and what was checked on the way: always of `also`, unless the database is away.

        Raises Unavailable when the database is away and a key is not in memory.
        """
        if freshness is Freshness.BYPASS:
            return await self._read_bypass(keys), await self._check(also) if also else None
        held = await self._held(keys)
        if freshness is Freshness.CACHED and self.trusting and all(one.era == self._era for one in held.values()):
            return await self._read_cached(keys, held), None
        return await self._read_verified(keys, held, also, verified=freshness is Freshness.VERIFIED)

    async def peek(self, key: K) -> Entry[V] | None:
        """What memory has, unchecked."""
        return (await self._held([key])).get(key)

    async def load(self, key: K) -> Reading[V]:
        """One key computed anew and stored, without asking what memory has. As fresh as VERIFIED. Raises Unavailable."""
        readings, _ = await self._read_verified([key], {}, (), verified=True)
        return readings[key]

    def drop(self, key: K) -> None:
        """Lets go of one key, here and in loads under way."""
        if key in self._flights:
            self._flights[key].dropped = True
        self._forget(key)
        self._memory.discard(cache_keys.text(key))

    def drop_group(self, group: tuple[str, ...]) -> None:
        """Lets go of every key of a group."""
        for key, flight in self._flights.items():
            if key.group == group:
                flight.dropped = True
        for key in self._groups.pop(group, set()):
            self._memory.discard(cache_keys.text(key))

    def __len__(self) -> int:
        return len(self._memory)

    async def _held(self, keys: Sequence[K]) -> dict[K, Entry[V]]:
        found = await self._memory.multi_get([cache_keys.text(key) for key in keys])
        now = self._clock.now()
        return {
            key: entry for key, entry in zip(keys, found, strict=True) if entry is not None and now < entry.expires_at
        }

    async def _read_cached(self, keys: Sequence[K], held: Mapping[K, Entry[V]]) -> dict[K, Reading[V]]:
        now = self._clock.now()
        readings = {key: Reading(entry, True, Source.MEMORY, False, now) for key, entry in held.items()}
        self.counts["hit"] += len(readings)
        missing = [key for key in keys if key not in readings]
        if missing:
            for key, reading in (await self._fetch(missing, at_least={})).items():
                readings[key] = Reading(reading.entry, reading.hit, reading.source, False, reading.now)
        return readings

    async def _read_verified(
        self, keys: Sequence[K], held: Mapping[K, Entry[V]], also: Sequence[Key], *, verified: bool
    ) -> tuple[dict[K, Reading[V]], Checked | None]:
        known = [key for key in keys if key in held or key in self._flights]
        era, checked = self._era, None
        if known or also:
            try:
                checked = await self._check([*known, *also])
            except Unavailable:
                if len(held) < len(set(keys)):
                    raise
                now = self._clock.now()
                self.counts["unverified"] += len(held)
                return {key: Reading(entry, True, Source.MEMORY, False, now) for key, entry in held.items()}, None
        readings = {}
        if checked:
            if len(held) < len(known):
                held = {**await self._held(known), **held}  # what was in flight may have landed meanwhile
            for key, entry in held.items():
                if entry.version == checked.versions[key]:
                    entry.era = era
                    readings[key] = Reading(entry, True, Source.MEMORY, verified, checked.now)
        self.counts["hit"] += len(readings)
        missing = [key for key in keys if key not in readings]
        if missing:
            self.counts["stale"] += sum(key in held for key in missing)
            fetched = await self._fetch(missing, at_least=checked.versions if checked else {})
            for key, reading in fetched.items():
                # A load that was joined may have been sent before the check, and looked at the clock before us.
                now = max(reading.now, checked.now) if checked else reading.now
                readings[key] = Reading(reading.entry, reading.hit, reading.source, verified, now)
        return readings, checked

    async def _read_bypass(self, keys: Sequence[K]) -> dict[K, Reading[V]]:
        held = await self._held(keys)
        readings = await self._send(list(dict.fromkeys(keys)))
        for key, reading in readings.items():
            other = held.get(key)
            if (
                other
                and other.version == reading.entry.version
                and not self._same(other.value, reading.entry.value, reading.now)
            ):
                self.counts["mismatch"] += 1
                log.error("a cached entry differs from the database at the same version", key=cache_keys.text(key))
        return readings

    async def _fetch(
        self, keys: Iterable[K], *, at_least: Mapping[Any, DayVersion], again: bool = False
    ) -> dict[K, Reading[V]]:
        """Loads keys, or joins a load under way whose answer turns out to be at least at the version checked.

        A key without a version to compare may only join in the CACHED way, where lagging is allowed; the verified way
        always checks what is in flight. again: those who joined in vain share the next load too, and then fail with it.
        """
        readings: dict[K, Reading[V]] = {}
        joined = {key: flight for key in keys if (flight := self._flights.get(key)) and not flight.dropped}
        own = [key for key in dict.fromkeys(keys) if key not in joined]
        if own:
            readings |= await self._send(own)
        late: list[K] = []
        for key, flight in joined.items():
            try:
                entry, now = await asyncio.shield(flight.answer)
            except Unavailable:
                if again:
                    raise
                late.append(key)
                continue
            if key in at_least and not entry.version.covers(at_least[key]):
                late.append(key)
                continue
            self.counts["joined"] += 1
            readings[key] = Reading(entry, False, Source.DATABASE, True, now)
        if late:
            readings |= await (self._send(late) if again else self._fetch(late, at_least=at_least, again=True))
        return readings

    async def _send(self, keys: list[K]) -> dict[K, Reading[V]]:
        """One load of our own. It goes on when we are cancelled: others may have joined."""
        loop = asyncio.get_running_loop()
        flights: dict[K, Flight[V]] = {key: Flight(loop.create_future()) for key in keys}
        for key in keys:
            if key in self._flights:
                self._flights[key].dropped = True  # a change is told to the latest flight only
        self._flights |= flights
        task = asyncio.create_task(self._land(flights), name="cache load")
        task.add_done_callback(_seen)
        answers = await asyncio.shield(task)
        self.counts["miss"] += len(keys)
        return {key: Reading(entry, False, Source.DATABASE, True, now) for key, (entry, now) in answers.items()}

    async def _land(self, flights: dict[K, Flight[V]]) -> dict[K, tuple[Entry[V], datetime]]:
        try:
            now, found = await self._load(list(flights))
            self._clock.heard(now)
            answers = {}
            for key, flight in flights.items():
                version, value = found[key]
                entry = Entry(key, version, value, computed_at=now, expires_at=now + self._ttl, era=self._era)
                answers[key] = entry, now
                if not flight.dropped:
                    await self._keep(key, entry)
                flight.answer.set_result(answers[key])
            return answers
        except BaseException as error:
            for flight in flights.values():
                if not flight.answer.done():
                    flight.answer.set_exception(error)
                    flight.answer.exception()
            raise
        finally:
            for key, flight in flights.items():
                if self._flights.get(key) is flight:
                    del self._flights[key]

    async def _keep(self, key: K, entry: Entry[V]) -> None:
        """Stores an entry. Memory has none that is newer: of two loads of a key only the one sent last is stored."""
        self._groups.setdefault(key.group, set()).add(key)
        await self._memory.set(cache_keys.text(key), entry)

    def _forget(self, key: K) -> None:
        group = self._groups.get(key.group)
        if group:
            group.discard(key)
            if not group:
                del self._groups[key.group]


def _seen(task: asyncio.Task[Any]) -> None:
    """Marks an error as retrieved: who sent the load may have gone away, and who joined has it from the flight."""
    if not task.cancelled():
        task.exception()
