"""A cache whose every answer says how fresh it is. It knows nothing of what it keeps but keys and versions."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import structlog

from cache import keys as cache_keys
from cache.freshness import Checked, Clock, VersionCheck
from cache.keys import Key
from cache.shared import Kept, Second, Shared
from cache.stores import BoundedMemory
from cache.weighing import weight
from domain.errors import Unavailable
from domain.versions import DayVersion

K = TypeVar("K", bound=Key)
V = TypeVar("V")

Load = Callable[[Sequence[K]], Awaitable[tuple[datetime, Mapping[K, tuple[DayVersion, V]]]]]
Pause = Callable[[], Awaitable[None]]

HEARD_MAX = 1_000  # changes remembered for the time of a version check
WEIGHED_MAX = 32  # entries' sizes remembered
NEVER = math.inf
DOUBTED = -1  # the era of entries that are checked before they are served again

log = structlog.get_logger("cache")


async def _at_once() -> None:
    """No pause."""


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
    """One search under way, in Redis and the database, for all who miss the same key.

    needs: of a change that was heard since it was sent, the version of the day; NEVER when that is not known, or a later load
    has taken its place. What it finds is stored if it has that. is_doubted: it is stored, but must be checked. In either case
    nobody joins it any more.
    """

    answer: asyncio.Future[Reading[V]]
    needs: float = 0
    is_doubted: bool = False

    @property
    def dropped(self) -> bool:
        """Whether it may be older than what was heard of."""
        return self.needs > 0 or self.is_doubted


class Life(NamedTuple):
    """How long what is loaded may be served, and until when at least what is found in Redis may be."""

    ttl: timedelta
    until: datetime | None = None


class Asked(NamedTuple):
    """A version check, and what had been heard when it was asked for: how often listening began, and how many changes."""

    checked: Checked
    era: int
    heard: int


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
        second: Second[V] | None = None,
        pause: Pause = _at_once,
    ) -> None:
        """pause: awaited between entries, of which there may be many.

        same: whether two values at one version answer alike at an instant; what BYPASS compares by.

        second: a store that processes share, asked for what memory lacks. Without one, or while it does not answer, a read
        costs no check that it would not cost anyway.
        """
        self._load = load
        self._same = same
        self._pause = pause
        self._check = check
        self._clock = clock
        self._ttl = ttl
        self.entries_max = entries_max
        self._memory = BoundedMemory(entries_max, on_evict=self._evicted)
        self._groups: dict[tuple[str, ...], set[K]] = {}
        self._flights: dict[K, Flight[V]] = {}
        self._trusting = False
        self._era = 0
        self._heard: deque[Any] = deque(maxlen=HEARD_MAX)
        self._heard_count = 0
        self.counts: Counter[str] = Counter()
        self.invalidations: Counter[str] = (
            Counter()
        )  # entries that memory let go of, by cause; outdated ones are `stale`
        self._weighed: deque[int] = deque(maxlen=WEIGHED_MAX)
        self._shared: Shared[K, V] | None = Shared(second, self.counts) if second else None
        self.on_gone: Callable[[K], None] = _nobody  # told each key whose entry was let go of or doubted

    @property
    def trusting(self) -> bool:
        """Whether changes are heard, so that CACHED may be served unverified."""
        return self._trusting

    @trusting.setter
    def trusting(self, listening: bool) -> None:
        """What is from before listening began may have changed unheard: it is checked before CACHED serves it."""
        self._trusting = listening
        self._memory.changes += 1
        if listening:
            self._era += 1
            for flight in self._flights.values():
                flight.needs = NEVER

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

    @property
    def changes(self) -> int:
        """Counts what comes into memory, what goes, and whenever CACHED comes to be trusted or not."""
        return self._memory.changes

    def holds(self, entries: Mapping[str, Entry[V]]) -> bool:
        """Whether memory has these very entries, by their keys' texts; it knows then that they are in use."""
        return all(self._memory.peek(text) is entry for text, entry in entries.items())

    def may_serve(self, entries: Iterable[Entry[V]]) -> bool:
        """Whether CACHED may serve entries that memory holds: every change since they were last checked has been heard."""
        return self._trusting and all(entry.era == self._era for entry in entries)

    async def load(self, key: K) -> Reading[V]:
        """One key found anew and stored, without asking what memory has. As fresh as VERIFIED. Raises Unavailable."""
        readings, _ = await self._read_verified([key], {}, (), verified=True)
        return readings[key]

    def lacks(self, keys: Iterable[K], least: timedelta) -> list[K]:
        """Those of which memory has nothing that may be served for so long yet. It does not count as use."""
        until = self._clock.now() + least
        found = ((key, self._memory.seen(cache_keys.text(key))) for key in keys)
        return [key for key, entry in found if entry is None or entry.expires_at <= until]

    async def prepare(
        self, keys: Sequence[K], ttl: timedelta, *, least: timedelta = timedelta(0), anew: bool = False
    ) -> Counter[Source]:
        """Has keys ready before they are asked for: in memory, and in Redis where there is one. Neither hits nor misses.

        What memory has at the version that Postgres has is left there if it may be served for longer than `least`. ttl: of
        what is found. anew: everything is read in the database. Returns from where how many came. Raises Unavailable.
        """
        era, heard = self._era, self._heard_count
        checked = await self._check(keys)
        until = checked.now + least
        held = {} if anew else await self._held(keys)
        for key, entry in list(held.items()):
            if entry.version != checked.versions[key] or entry.expires_at <= until:
                del held[key]
            else:
                self._trust(entry, era, heard)
        under_way = {key for key, flight in self._flights.items() if not flight.dropped}
        missing = [key for key in keys if key not in held and key not in under_way]
        if not missing:
            return Counter()
        readings = await self._send(missing, Asked(checked, era, heard), Life(ttl, until), anew=anew)
        return Counter(reading.source for reading in readings.values())

    def drop(self, key: K, cause: str = "written", version: int | None = None) -> None:
        """Lets go of one key, here and in loads under way. version: of the day now; an entry that has it stays."""
        self._hear(key)
        if key in self._flights:
            self._flights[key].needs = max(self._flights[key].needs, NEVER if version is None else version)
        entry = self._memory.seen(cache_keys.text(key))
        if entry is None or version is None or entry.version.day < version:
            self._discard(key, cause)
            self.on_gone(key)

    def doubt(self, key: K) -> None:
        """One key may have changed: its version is checked before it is served again, loads under way too."""
        self._hear(key)
        if key in self._flights:
            self._flights[key].is_doubted = True
        entry = self._memory.seen(cache_keys.text(key))
        if entry is not None and entry.expires_at <= self._clock.now():
            self._discard(key, "expired")
        elif entry is not None:
            entry.era = DOUBTED
            self._memory.changes += 1
        self.on_gone(key)

    def drop_group(self, group: tuple[str, ...], cause: str = "written") -> None:
        """Lets go of every key of a group."""
        self._hear(group)
        for key, flight in self._flights.items():
            if key.group == group:
                flight.needs = NEVER
        for key in self._groups.pop(group, set()):
            self._discard(key, cause)
            self.on_gone(key)

    def __len__(self) -> int:
        return len(self._memory)

    def weigh(self) -> int:
        """Bytes of all entries, about: the mean of some, one of them weighed now, times their number."""
        count = len(self._memory)
        if not count:
            self._weighed.clear()
            return 0
        one = next(islice(self._memory.values(), random.randrange(count), None))  # noqa: S311 - a sample, not a secret
        self._weighed.append(weight(one))
        return count * sum(self._weighed) // len(self._weighed)

    def expired(self) -> int:
        """How many entries nobody has asked for since they expired. It looks at each."""
        now = self._clock.now()
        return sum(entry.expires_at <= now for entry in self._memory.values())

    async def _held(self, keys: Sequence[K]) -> dict[K, Entry[V]]:
        found = await self._memory.multi_get([cache_keys.text(key) for key in keys])
        now = self._clock.now()
        held = {}
        for key, entry in zip(keys, found, strict=True):
            if entry is not None and now < entry.expires_at:
                held[key] = entry
            elif entry is not None:
                self._discard(key, "expired")
        return held

    async def _read_cached(self, keys: Sequence[K], held: Mapping[K, Entry[V]]) -> dict[K, Reading[V]]:
        now = self._clock.now()
        readings = {key: Reading(entry, True, Source.MEMORY, False, now) for key, entry in held.items()}
        self.counts["hit"] += len(readings)
        missing = [key for key in keys if key not in readings]
        if missing and self._shares():
            fetched, _ = await self._read_verified(missing, {}, (), verified=False)
            readings |= fetched
        elif missing:
            for key, reading in (await self._fetch(missing, None)).items():
                readings[key] = Reading(reading.entry, reading.hit, reading.source, False, reading.now)
        return readings

    async def _read_verified(
        self, keys: Sequence[K], held: Mapping[K, Entry[V]], also: Sequence[Key], *, verified: bool
    ) -> tuple[dict[K, Reading[V]], Checked | None]:
        shares = self._shares()
        known = [key for key in keys if shares or key in held or key in self._flights]
        era, heard, checked = self._era, self._heard_count, None
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
                    self._trust(entry, era, heard)
                    readings[key] = Reading(entry, True, Source.MEMORY, verified, checked.now)
        self.counts["hit"] += len(readings)
        missing = [key for key in keys if key not in readings]
        if missing:
            self.counts["stale"] += sum(key in held for key in missing)
            fetched = await self._fetch(missing, Asked(checked, era, heard) if checked else None)
            for key, reading in fetched.items():
                # A load that was joined may have been sent before the check, and looked at the clock before us.
                now = max(reading.now, checked.now) if checked else reading.now
                readings[key] = Reading(reading.entry, reading.hit, reading.source, verified, now)
        return readings, checked

    async def _read_bypass(self, keys: Sequence[K]) -> dict[K, Reading[V]]:
        held = await self._held(keys)
        readings = await self._send(list(dict.fromkeys(keys)), None)
        self.counts["bypass"] += len(readings)
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

    async def _fetch(self, keys: Iterable[K], asked: Asked | None, *, again: bool = False) -> dict[K, Reading[V]]:
        """Finds keys, or joins a load under way whose answer turns out to be at least at the version checked.

        A key without a version to compare may only join in the CACHED way, where lagging is allowed; the verified way
        always checks what is in flight. again: those who joined in vain share the next load too, and then fail with it.
        """
        readings: dict[K, Reading[V]] = {}
        at_least: Mapping[Any, DayVersion] = asked.checked.versions if asked else {}
        joined = {key: flight for key in keys if (flight := self._flights.get(key)) and not flight.dropped}
        own = [key for key in dict.fromkeys(keys) if key not in joined]
        if own:
            readings |= self._missed(await self._send(own, asked))
        late: list[K] = []
        for key, flight in joined.items():
            try:
                reading = await asyncio.shield(flight.answer)
            except Unavailable:
                if again:
                    raise
                late.append(key)
                continue
            if key in at_least and not reading.entry.version.covers(at_least[key]):
                late.append(key)
                continue
            self.counts["joined"] += 1
            readings[key] = reading
        if late:
            sent = self._missed(await self._send(late, asked)) if again else await self._fetch(late, asked, again=True)
            readings |= sent
        return readings

    def _missed(self, readings: dict[K, Reading[V]]) -> dict[K, Reading[V]]:
        for reading in readings.values():
            self.counts["miss" if reading.source is Source.DATABASE else "recalled"] += 1
        return readings

    async def _send(
        self, keys: list[K], asked: Asked | None, life: Life | None = None, *, anew: bool = False
    ) -> dict[K, Reading[V]]:
        """One search of our own. It goes on when we are cancelled: others may have joined. asked: None keeps Redis out of it;
        anew: what is in Redis is written over.
        """
        loop = asyncio.get_running_loop()
        flights: dict[K, Flight[V]] = {key: Flight(loop.create_future()) for key in keys}
        for key in keys:
            if key in self._flights:
                self._flights[key].needs = NEVER  # a change is told to the latest flight only
        self._flights |= flights
        versions = self._recallable(keys, asked) if asked and self._shared and not anew else {}
        task = asyncio.create_task(self._land(flights, asked, versions, life or Life(self._ttl)), name="cache load")
        task.add_done_callback(_seen)
        return await asyncio.shield(task)

    async def _land(
        self, flights: dict[K, Flight[V]], asked: Asked | None, versions: Mapping[K, DayVersion], life: Life
    ) -> dict[K, Reading[V]]:
        try:
            readings: dict[K, Reading[V]] = {}
            if asked and versions and self._shared:
                found = await self._shared.find(versions, life.until or asked.checked.now)
                await self._answer(flights, found, Source.REDIS, asked.checked.now, readings)
            rest = [key for key in flights if key not in readings]
            if rest:
                now, loaded = await self._load(rest)
                self._clock.heard(now)
                fresh = {key: Kept(*loaded[key], computed_at=now, expires_at=now + life.ttl) for key in rest}
                if asked and self._shared:
                    self._shared.save(fresh)
                await self._answer(flights, fresh, Source.DATABASE, now, readings)
            return readings
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

    async def _answer(
        self,
        flights: Mapping[K, Flight[V]],
        found: Mapping[K, Kept[V]],
        source: Source,
        now: datetime,
        readings: dict[K, Reading[V]],
    ) -> None:
        """Stores what was found, and tells all who wait for it."""
        for number, (key, kept) in enumerate(found.items()):
            if number:
                await self._pause()
            flight = flights[key]
            entry = Entry(key, *kept, era=DOUBTED if flight.is_doubted else self._era)
            readings[key] = Reading(entry, source is Source.REDIS, source, True, now)
            if entry.version.day >= flight.needs and not (readings[key].hit and await self._has_newer(key, entry)):
                await self._keep(key, entry)
            flight.answer.set_result(readings[key])

    async def _keep(self, key: K, entry: Entry[V]) -> None:
        """Stores an entry. Memory has none that is newer: of two loads of a key only the one sent last is stored."""
        self._groups.setdefault(key.group, set()).add(key)
        await self._memory.set(cache_keys.text(key), entry)

    async def _has_newer(self, key: K, entry: Entry[V]) -> bool:
        """A load may have landed since that saw more than the check by whose version Redis was asked."""
        other: Entry[V] | None = await self._memory.get(cache_keys.text(key))
        return other is not None and other.version != entry.version and other.version.covers(entry.version)

    def _shares(self) -> bool:
        return self._shared is not None and self._shared.ready()

    def _recallable(self, keys: Iterable[K], asked: Asked) -> dict[K, DayVersion]:
        """The versions to look for in Redis: none of a key of which a change was heard since its version was asked for.

        From now on a change is told to the flight. One that came before would be told to nobody, and what was seen before it
        would stay in memory, for CACHED to serve.
        """
        since = self._heard_since(asked.heard)
        if asked.era != self._era or since is None:
            return {}
        versions = asked.checked.versions
        return {key: versions[key] for key in keys if key in versions and not {key, key.group} & since}

    def _trust(self, entry: Entry[V], era: int, heard: int) -> None:
        """An entry had Postgres's version when that was checked. era, heard: of when it was asked for; what was heard since
        may be newer.
        """
        if entry.era == era:
            return
        since = self._heard_since(heard)
        if since is not None and not {entry.key, entry.key.group} & since:
            entry.era = era

    def _heard_since(self, heard: int) -> set[Any] | None:
        """What changed since so much had been heard; None if that is not remembered."""
        count = self._heard_count - heard
        return set(islice(reversed(self._heard), count)) if count <= len(self._heard) else None

    def _hear(self, what: Any) -> None:
        self._heard.append(what)
        self._heard_count += 1

    def _discard(self, key: K, cause: str) -> None:
        self._forget(key)
        self.invalidations[cause] += self._memory.discard(cache_keys.text(key))

    def _evicted(self, entry: Entry[V]) -> None:
        self._forget(entry.key)
        self.invalidations["evicted"] += 1

    def _forget(self, key: K) -> None:
        group = self._groups.get(key.group)
        if group:
            group.discard(key)
            if not group:
                del self._groups[key.group]


def _nobody(_key: Any) -> None:
    """Whom nothing needs to be told."""


def _seen(task: asyncio.Task[Any]) -> None:
    """Marks an error as retrieved: who sent the load may have gone away, and who joined has it from the flight."""
    if not task.cancelled():
        task.exception()
