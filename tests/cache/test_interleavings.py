"""Random interleavings of readers, changes, messages, failures and cancellations, held against what was committed.

Every query sees the database at one instant and is answered at a later one, both chosen at random among all that happens.
CHAIRTIME_SOAK=1 tells far more, other ones each time.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from cache.shared import Kept, Shared
from cache.versioned import Freshness, Reading
from domain.errors import Unavailable
from domain.versions import DayVersion
from tests.cache.conftest import BENS, MONDAY, TTL, TUESDAY, FakeRedis, Scene, ended, settled, value_of

SOAK = "CHAIRTIME_SOAK" in os.environ
STORIES = 20_000 if SOAK else 1_000
KEYS = (MONDAY, TUESDAY, BENS)
PARTS = ([MONDAY], [TUESDAY], [BENS], [MONDAY, TUESDAY], [MONDAY, TUESDAY, BENS])


@dataclass(frozen=True)
class Reader:
    """One read under way, and what was true when it began.

    committed: the versions. told: those of them that this process had heard of or made itself; all, while it did not
    listen. failures: how many queries had failed of which nobody knew yet that it is over.
    """

    task: asyncio.Task[Any]
    keys: Sequence[Any]
    how: str
    committed: dict[Any, DayVersion]
    told: dict[Any, DayVersion]
    failures: int


class Story:
    """A scene in which things happen one by one, each a number that chooses among what can happen."""

    def __init__(self, redis: FakeRedis | None) -> None:
        self.scene = Scene(entries_max=2, redis=redis)
        self.scene.cache.trusting = True
        self.readers: list[Reader] = []
        self.messages: list[Callable[[], None]] = []
        self.told = self.committed()
        self.failures = 0

    def committed(self) -> dict[Any, DayVersion]:
        return {key: self.scene.database.version(key) for key in KEYS}

    def read(self, how: str, keys: Sequence[Any]) -> None:
        """Somebody reads: `load` as a context opens, `prepare` and `anew` what nobody waits for, else at a freshness."""
        if how in ("prepare", "anew"):
            self.prepare(keys, anew=how == "anew")
            return
        cache = self.scene.cache
        work = cache.load(keys[0]) if how == "load" else cache.read(keys, Freshness(how))
        keys = keys[:1] if how == "load" else keys
        task: asyncio.Task[Any] = asyncio.create_task(work)
        committed = self.committed()
        told = dict(self.told) if cache.trusting else committed
        failures = self.failures - (not self.scene.check._breaker.allows())
        self.readers.append(Reader(task, keys, how, committed, told, failures))

    def write(self, key: Any, *, all_days: bool, own: bool) -> None:
        """Somebody commits a change: this process, which doubts it at once, or another, of which it may hear."""
        database, cache = self.scene.database, self.scene.cache
        if all_days:
            database.change_rules(key.stylist_id)
        else:
            database.change(key)
        touched = {one: self.committed()[one] for one in KEYS if one == key or (all_days and one.group == key.group)}

        def hear() -> None:
            if all_days:
                cache.drop_group(key.group)
            elif own:
                for one in KEYS:
                    cache.doubt(one)
            else:
                cache.drop(key, version=touched[key].day)
            self.told |= {one: max(self.told[one], version) for one, version in touched.items()}

        if own:
            hear()
        elif cache.trusting:
            self.messages.append(hear)

    def prepare(self, keys: Sequence[Any], *, anew: bool) -> None:
        """Somebody makes these ready."""
        work = self.scene.cache.prepare(keys, TTL, least=TTL / 3, anew=anew)
        self.scene.tasks.append(task := asyncio.create_task(work))
        task.add_done_callback(lambda one: one.cancelled() or one.exception())

    def listen(self, listening: bool) -> None:
        """The listening connection comes or goes. What was on its way is lost with it."""
        self.messages.clear()
        self.scene.cache.trusting = listening
        if listening:
            self.told = self.committed()

    def fail(self, choice: int) -> None:
        """The database is away for one query, or Redis for one call."""
        pending = self.scene.pending
        if pending:
            pending[choice % len(pending)].fail(Unavailable("away"))
            self.failures += 1

    def share(self, key: Any) -> None:
        """Another process stores what it has just loaded."""
        if self.scene.redis:
            database, version = self.scene.database, self.committed()[key]
            kept = Kept(version, value_of(key, version), database.now, database.now + TTL)
            Shared[Any, str](self.scene.second, Counter()).save({key: kept})

    def go_on(self, choice: int) -> None:
        """One query sees the database, or is answered with what it saw."""
        pending = self.scene.pending
        if pending:
            sent = pending[choice % len(pending)]
            sent.answer() if sent.has_seen else sent.see()

    def happen(self, what: str, choice: int) -> None:
        match what:
            case "read":
                how = ("VERIFIED", "VERIFIED", "CACHED", "CACHED", "BYPASS", "load", "prepare", "anew")[choice % 8]
                self.read(how, PARTS[choice // 8 % len(PARTS)])
            case "write":
                self.write(KEYS[choice % 3], all_days=choice // 3 % 3 == 0, own=choice // 9 % 2 == 0)
            case "hear" if self.messages:
                self.messages.pop(choice % len(self.messages))()
            case "listen":
                self.listen(choice % 3 > 0)
            case "fail":
                self.fail(choice)
            case "cancel" if self.readers:
                self.readers[choice % len(self.readers)].task.cancel()
            case "share":
                self.share(KEYS[choice % 3])
            case "time":
                self.scene.database.now += TTL / 2
            case "go on":
                self.go_on(choice)

    async def tell(self, events: Sequence[tuple[str, int]]) -> None:
        """Everything in turn, then every answer, then what each reader got."""
        for what, choice in events:
            self.happen(what, choice)
            await settled()
        await self.scene.finish()
        await ended(*(reader.task for reader in self.readers))
        for reader in self.readers:
            self.judge(reader)
        await self.judge_memory()

    def judge(self, reader: Reader) -> None:
        """Fails unless a reader got what it was promised: an answer, or Unavailable when a query failed."""
        failed = self.failures > reader.failures
        if reader.task.cancelled():
            return
        if reader.task.exception() is not None:
            assert failed, reader
            assert isinstance(reader.task.exception(), Unavailable)
            return
        found = reader.task.result()
        readings = {reader.keys[0]: found} if isinstance(found, Reading) else found[0]
        assert set(readings) == set(reader.keys)
        for key, reading in readings.items():
            self.judge_reading(reader, key, reading, failed=failed)

    def judge_reading(self, reader: Reader, key: Any, reading: Reading[str], *, failed: bool) -> None:
        version = reading.entry.version
        assert self.committed()[key].covers(version)
        assert reading.entry.value == value_of(key, version)
        assert reading.verified is (reader.how != "CACHED") or (failed and reading.hit)
        if reading.verified:
            assert version.covers(reader.committed[key]), (reader, reading)
        elif not failed:
            assert version.covers(reader.told[key]), (reader, reading)

    async def judge_memory(self) -> None:
        """Fails if memory still has what a change that was told of made stale, or has lost count."""
        cache = self.scene.cache
        assert cache._flights == {}
        assert sum(map(len, cache._groups.values())) == len(cache) <= 2
        assert cache.counts["mismatch"] == 0
        if cache.trusting:
            for key, reading in (await self.scene.done(cache.read(KEYS, Freshness.CACHED)))[0].items():
                assert reading.entry.version.covers(self.told[key])


LIKELY = {"read": 8, "write": 4, "go on": 20, "hear": 3, "listen": 1, "fail": 1, "cancel": 1, "time": 1}
WITH_REDIS = {**LIKELY, "go on": 26, "share": 4}


def events(seed: int, likely: dict[str, int]) -> list[tuple[str, int]]:
    """Sixty things that happen, each with the number that it chooses by."""
    draw = random.Random(seed)
    return [(what, draw.randrange(720)) for what in draw.choices([*likely], [*likely.values()], k=60)]


@pytest.mark.parametrize("has_redis", [False, True], ids=["memory alone", "redis"])
def test_nobody_gets_less_than_what_was_committed_or_told_before_they_asked(has_redis: bool) -> None:
    found: Counter[str] = Counter()
    first = random.randrange(10**9) if SOAK else 0
    for seed in range(first, first + STORIES):
        loop = asyncio.new_event_loop()
        try:
            redis = FakeRedis() if has_redis else None
            loop.run_until_complete(_told(redis, events(seed, WITH_REDIS if has_redis else LIKELY), found))
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            loop.close()
    assert (found["redis_hit"] > STORIES) is has_redis  # Redis was really in play


async def _told(redis: FakeRedis | None, events_: Sequence[tuple[str, int]], found: Counter[str]) -> None:
    story = Story(redis)
    await story.tell(events_)
    found.update(story.scene.cache.counts)
    await story.scene.check.close()
