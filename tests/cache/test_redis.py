"""Redis as the second store: a real one that is stopped, killed, emptied and lied to, under caches that must not notice."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from structlog.testing import capture_logs

from cache import breaker as breakers
from cache import keys as cache_keys
from cache import shared, stores
from cache.breaker import Breaker
from cache.freshness import VersionCheck
from cache.keys import DayKey
from cache.shared import Codec, Second
from cache.stores import Redis
from cache.versioned import Freshness, Reading, Source, VersionedCache
from domain.errors import Unavailable
from domain.versions import DayVersion
from tests.cache.conftest import BENS, DIRECTORY, MONDAY, NOON, TTL, TUESDAY, FakeDatabase, Sent, StillClock, value_of
from tests.conftest import RedisServer

VERIFIED, CACHED, BYPASS = Freshness.VERIFIED, Freshness.CACHED, Freshness.BYPASS
DAYS = [DayKey("salon", "ana", MONDAY.day + timedelta(n)) for n in range(40)]
WAIT_S = 10


class Postgres(FakeDatabase):
    """Answers at once what nobody has asked to wait."""

    waits = False

    async def fetch(self, versioned: Any) -> Any:
        return await self._at_once(super().fetch(versioned), self.checks)

    async def load(self, keys: Any) -> Any:
        return await self._at_once(super().load(keys), self.loads)

    async def _at_once(self, query: Coroutine[Any, Any, Any], sent: list[Sent]) -> Any:
        if self.waits:
            return await query
        future = query.send(None)  # to where it waits: it is the last one sent
        sent[-1].answer()
        assert future.done()
        query.close()
        return future.result()


class Process:
    """A server process: caches of its own, and the database and Redis that all have."""

    def __init__(
        self, database: Postgres, url: str, *, lineage: str = "one", entries_max: int = 100, **of: Any
    ) -> None:
        self.database = database
        self.redis = Redis(url, **{"timeout_s": 0.5, "rest_s": 0.05, **of})
        self.clock = StillClock()
        self.clock.heard(NOON)
        self.cache: VersionedCache[Any, str] = VersionedCache(
            load=database.load,
            check=VersionCheck(database.session, self.clock),
            clock=self.clock,
            entries_max=entries_max,
            ttl=TTL,
            second=Second(self.redis, Codec(str.encode, bytes.decode), lineage),
        )
        self.cache.trusting = True

    async def read(self, key: Any = MONDAY, freshness: Freshness = VERIFIED) -> Reading[str]:
        """One key, and what is to be stored has been."""
        readings, _ = await self.cache.read([key], freshness)
        await self.redis.idle()
        return readings[key]

    async def seconds(self, key: Any = MONDAY) -> float:
        """How long a read takes that memory cannot answer."""
        self.cache.drop(key)
        began = time.perf_counter()
        readings, _ = await self.cache.read([key], VERIFIED)
        took = time.perf_counter() - began
        assert readings[key].verified
        assert readings[key].entry.value == value_of(key, self.database.version(key))
        return took

    async def finds(self, key: Any = MONDAY) -> bool:
        """Whether what memory lacks comes from Redis."""
        self.cache.drop(key)
        return (await self.read(key)).source is Source.REDIS


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():
            await asyncio.sleep(0)


async def until_it_finds(process: Process) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await process.finds():
            await asyncio.sleep(0.01)


def found(reading: Reading[str]) -> tuple[bool, Source, bool, int]:
    """What an answer says of itself: hit, source, verified, and the day's version."""
    return reading.hit, reading.source, reading.verified, reading.entry.version.day


def calls(server: RedisServer, command: str) -> int:
    """How often a command has been given since the server started."""
    for line in server.ask("INFO commandstats").decode().splitlines():
        if line.startswith(f"cmdstat_{command}:"):
            return int(line.split("calls=")[1].split(",")[0])
    return 0


def names(server: RedisServer) -> list[str]:
    """All keys there are."""
    return [line for line in server.ask("KEYS *").decode().splitlines() if ":" in line]


NewProcess = Callable[..., Process]


@pytest.fixture
async def new_process(redis_server: RedisServer) -> AsyncIterator[NewProcess]:
    processes = []
    database = Postgres()

    def make(url: str = redis_server.url, **of: Any) -> Process:
        processes.append(Process(database, url, **of))
        return processes[-1]

    yield make
    for one in processes:
        await one.redis.close()


@pytest.fixture
def process(new_process: NewProcess) -> Process:
    return new_process()


@pytest.fixture
def other(new_process: NewProcess) -> Process:
    """A second process."""
    return new_process()


# What one process has loaded, the others have.


async def test_a_second_process_finds_what_the_first_has_loaded(process: Process, other: Process) -> None:
    first = await process.read()
    other.clock.heard(NOON + TTL / 3)

    second, third = await other.read(), await other.read()

    assert found(first) == (False, Source.DATABASE, True, 0)
    assert found(second) == (True, Source.REDIS, True, 0)
    assert found(third) == (True, Source.MEMORY, True, 0)
    assert second.entry.value == value_of(MONDAY, DayVersion(0, 0))
    assert (second.entry.computed_at, second.entry.expires_at) == (NOON, NOON + TTL)
    assert (len(process.database.loads), other.cache.counts["redis_hit"], other.cache.counts["miss"]) == (1, 1, 0)


async def test_a_directory_is_found_too(process: Process, other: Process) -> None:
    await process.cache.load(DIRECTORY)
    await process.redis.idle()

    assert found(await other.cache.load(DIRECTORY)) == (True, Source.REDIS, True, 0)


async def test_what_changed_since_is_not_found(process: Process, other: Process) -> None:
    await process.read()

    process.database.change(MONDAY)

    assert found(await other.read()) == (False, Source.DATABASE, True, 1)
    assert other.cache.counts["redis_miss"] == 1


async def test_a_stale_entry_is_replaced_by_what_another_process_has_loaded(process: Process, other: Process) -> None:
    await process.read()
    await other.read()
    process.database.change(MONDAY)
    await process.read()

    assert found(await other.read()) == (True, Source.REDIS, True, 1)
    assert found(await other.read()) == (True, Source.MEMORY, True, 1)


async def test_cached_finds_it_by_a_check_and_does_not_say_that_it_was_checked(
    process: Process, other: Process
) -> None:
    await process.read()

    assert found(await other.read(MONDAY, CACHED)) == (True, Source.REDIS, False, 0)
    assert found(await other.read(MONDAY, CACHED)) == (True, Source.MEMORY, False, 0)
    assert (len(process.database.checks), len(process.database.loads)) == (2, 1)


async def test_bypass_neither_looks_nor_stores(process: Process, redis_server: RedisServer) -> None:
    reading = await process.read(MONDAY, BYPASS)

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert names(redis_server) == []
    assert (len(process.database.checks), process.cache.counts["redis_miss"]) == (0, 0)


async def test_one_read_costs_one_check_one_call_and_one_load_for_all_its_keys(
    process: Process, other: Process, redis_server: RedisServer
) -> None:
    await process.cache.read(DAYS[:20], VERIFIED)
    await process.redis.idle()
    await other.cache.read([TUESDAY], VERIFIED)
    before = calls(redis_server, "mget"), len(process.database.checks), len(process.database.loads)

    readings, _ = await other.cache.read([*DAYS, BENS], VERIFIED, also=[DIRECTORY])

    sources = [reading.source for reading in readings.values()]
    assert [sources.count(one) for one in Source] == [1, 19, 21]
    after = calls(redis_server, "mget"), len(process.database.checks), len(process.database.loads)
    assert [one - other for one, other in zip(after, before, strict=True)] == [1, 1, 1]
    assert len(process.database.loads[-1].keys) == 21


async def test_a_hundred_who_miss_at_once_cost_one_call(
    process: Process, other: Process, redis_server: RedisServer
) -> None:
    await process.read()
    before = calls(redis_server, "mget")

    readings = await asyncio.gather(*(other.read() for _ in range(100)))

    assert {found(reading) for reading in readings} == {(True, Source.REDIS, True, 0)}
    assert (calls(redis_server, "mget") - before, len(process.database.loads)) == (1, 1)


async def test_what_memory_had_no_room_for_comes_back(new_process: NewProcess) -> None:
    small = new_process(entries_max=2)
    for key in DAYS[:3]:
        await small.read(key)

    assert found(await small.read(DAYS[0])) == (True, Source.REDIS, True, 0)


async def test_it_ends_when_the_first_process_said_that_it_would(
    process: Process, other: Process, redis_server: RedisServer
) -> None:
    await process.read()
    (name,) = names(redis_server)

    left_s = int(redis_server.ask(f"TTL {name}")[1:])
    process.database.now = NOON + TTL
    other.clock.heard(NOON + TTL)

    assert TTL.total_seconds() - 5 <= left_s <= TTL.total_seconds()
    assert found(await other.read()) == (False, Source.DATABASE, True, 0)


# An entry is never wrong.


async def test_no_two_values_have_one_name(process: Process, redis_server: RedisServer) -> None:
    for _ in range(3):
        await process.read()
        process.database.change(MONDAY)
    process.database.change_rules("ana")
    await process.read()

    assert len(names(redis_server)) == 4


def test_a_shared_name_says_the_lengths_of_all_its_parts() -> None:
    assert (
        cache_keys.shared(DayKey("salon", "ana", MONDAY.day), DayVersion(12, 3), "a.b")
        == f"{cache_keys.FORM}:5:salon:3:ana:10:2030-01-14:2:12:1:3:3:a.b"
    )
    assert cache_keys.shared(DIRECTORY, DayVersion(1, 23), "") != cache_keys.shared(DIRECTORY, DayVersion(12, 3), "")


async def test_a_loader_slower_than_a_change_stores_under_the_old_version_only(
    process: Process, other: Process
) -> None:
    process.database.waits = True
    slow = asyncio.create_task(process.read())
    await until(lambda: bool(process.database.checks))
    process.database.checks[0].answer()
    await until(lambda: bool(process.database.loads))
    process.database.loads[0].see()
    process.database.change(MONDAY)
    process.database.waits = False
    process.database.loads[0].answer()
    await slow

    reading = await other.read()

    assert found(reading) == (False, Source.DATABASE, True, 1)
    assert reading.entry.value == value_of(MONDAY, DayVersion(0, 1))


@pytest.mark.parametrize("drop", ["key", "group", "listening"])
async def test_a_change_heard_during_the_check_keeps_the_older_entry_out_of_memory(
    process: Process, other: Process, drop: str
) -> None:
    await process.read()
    process.database.waits = True
    reader = asyncio.create_task(other.read())
    await until(lambda: len(process.database.checks) == 2)
    process.database.checks[1].see()
    process.database.change(MONDAY)
    if drop == "key":
        other.cache.drop(MONDAY)
    elif drop == "group":
        other.cache.drop_group(MONDAY.group)
    else:
        other.cache.trusting = True
    process.database.waits = False
    process.database.checks[1].answer()
    await reader

    assert (await other.read(MONDAY, CACHED)).entry.version.day == 1


async def test_a_change_heard_during_the_call_keeps_the_older_entry_out_of_memory(
    process: Process, other: Process, redis_server: RedisServer
) -> None:
    await process.read()
    redis_server.stall()
    reader = asyncio.create_task(other.read())
    await until(lambda: MONDAY in other.cache._flights)
    process.database.change(MONDAY)
    other.cache.drop(MONDAY)
    redis_server.go_on()

    reading = await reader

    assert found(reading) == (True, Source.REDIS, True, 0)  # the check was before the change
    assert (await other.read(MONDAY, CACHED)).entry.version.day == 1


async def test_a_load_that_saw_more_than_the_check_is_not_replaced(process: Process, other: Process) -> None:
    await process.read()
    process.database.waits = True
    reader = asyncio.create_task(other.cache.read([MONDAY], VERIFIED))
    await until(lambda: len(process.database.checks) == 2)
    process.database.checks[1].see()
    process.database.change(MONDAY)
    process.database.waits = False
    newer = (await other.read(MONDAY, BYPASS)).entry
    process.database.checks[1].answer()
    await reader

    assert await other.cache.peek(MONDAY) is newer


async def test_another_database_s_entries_are_not_found(process: Process, new_process: NewProcess) -> None:
    await process.read()

    assert found(await new_process(lineage="a copy").read()) == (False, Source.DATABASE, True, 0)


async def test_another_program_s_entries_are_not_found(
    process: Process, other: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.read()

    monkeypatch.setattr(cache_keys, "FORM", "next")

    assert found(await other.read()) == (False, Source.DATABASE, True, 0)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda name, other: f"SET {name} garbage",
        lambda name, other: f"SET {name} ''",
        lambda name, other: f"SETRANGE {name} 0 another-",
        lambda name, other: f'SET {name} "{name}\\n2030-01-16T12:00:00 2030-01-16T12:15:00\\nno zones"',
        lambda name, other: f'SET {name} "{name}\\n2030-01-16T12:00:00+00:00 2030-01-16T12:15:00+00:00\\n\\xff"',
        lambda name, other: f'SET {name} "{name}\\n2030-01-16T12:"',
        lambda name, other: f"RENAME {other} {name}",
        lambda name, other: f"DEL {name}",
        lambda name, other: "FLUSHALL",
    ],
    ids=["garbage", "nothing", "damaged", "no zones", "not its codec's", "cut off", "another's", "gone", "all gone"],
)
async def test_what_is_not_what_was_stored_is_a_miss_and_is_stored_anew(
    process: Process, other: Process, redis_server: RedisServer, spoil: Callable[[str, str], str]
) -> None:
    await process.read()
    (name,) = names(redis_server)
    await process.read(TUESDAY)
    (another,) = set(names(redis_server)) - {name}
    answer = redis_server.ask(spoil(name, another))

    with capture_logs() as logs:
        reading = await other.read()
        again = await other.finds()

    assert not answer.startswith(b"-")
    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert again
    is_gone = "DEL" in spoil("", "") or "FLUSH" in spoil("", "")
    assert (other.cache.counts["redis_unreadable"], len(logs)) == ((0, 0) if is_gone else (1, 1))
    assert (other.cache.counts["redis_miss"], other.cache.counts["redis_error"]) == (1, 0)


async def test_garbage_is_counted_each_time_and_complained_of_once(
    process: Process, other: Process, redis_server: RedisServer
) -> None:
    await process.cache.read(DAYS[:3], VERIFIED)
    await process.redis.idle()
    for name in names(redis_server):
        redis_server.ask(f"SET {name} garbage")

    with capture_logs() as logs:
        await other.cache.read(DAYS[:3], VERIFIED)

    assert (other.cache.counts["redis_unreadable"], len(logs)) == (3, 1)


async def test_what_cannot_be_encoded_is_answered_all_the_same(new_process: NewProcess) -> None:
    process = new_process()
    assert process.cache._shared is not None
    process.cache._shared._codec = Codec(lambda _: 1 / 0, bytes.decode)  # type: ignore[arg-type, return-value]

    with capture_logs() as logs:
        reading = await process.read()

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert (process.cache.counts["redis_unsaved"], len(logs)) == (1, 1)


# Redis away.


async def test_a_stalled_redis_costs_one_call_its_time_and_the_others_none(
    new_process: NewProcess, redis_server: RedisServer
) -> None:
    process = new_process(timeout_s=stores.TIMEOUT_S, rest_s=0.2)
    usual = median([await process.seconds() for _ in range(50)])
    redis_server.stall()

    first = await process.seconds()
    later = []
    began = time.perf_counter()
    while time.perf_counter() - began < 2:  # some probes long
        later.append(await process.seconds())
        process.database.checks.clear()  # or collecting the garbage is what is measured
        process.database.loads.clear()
    redis_server.go_on()

    print(
        f"\nusual {usual * 1e3:.2f} ms, stalled {first * 1e3:.1f}, then {median(later) * 1e3:.3f} (most {max(later) * 1e3:.1f})"
    )
    assert first - usual < 0.05
    assert median(later) < usual + 0.001
    assert sorted(later)[len(later) * 99 // 100] < 0.02
    assert process.cache.counts["redis_error"] == 1
    await until_it_finds(process)


async def test_everybody_in_flight_when_it_stalls_waits_once(
    new_process: NewProcess, redis_server: RedisServer
) -> None:
    process = new_process(timeout_s=stores.TIMEOUT_S)
    redis_server.stall()

    began = time.perf_counter()
    await asyncio.gather(*(process.seconds(key) for key in DAYS))

    assert time.perf_counter() - began < 0.2


async def test_it_is_killed_and_comes_back_empty(process: Process, redis_server: RedisServer) -> None:
    await process.read()
    assert await process.finds()

    redis_server.kill()
    process.cache.drop(MONDAY)
    with capture_logs() as logs:
        away = await process.read()
        redis_server.start()
        await until_it_finds(process)

    assert found(away) == (False, Source.DATABASE, True, 0)
    assert [entry["event"] for entry in logs] == [
        "redis does not answer: working without it",
        "redis answers again",
    ]


async def test_while_it_is_away_a_read_costs_what_it_costs_without_one(new_process: NewProcess) -> None:
    process = new_process("unix:///nowhere/redis.sock", rest_s=60)
    await process.read()
    before = len(process.database.checks)

    first, cached = await process.read(TUESDAY), await process.read(BENS, CACHED)

    assert found(first) == (False, Source.DATABASE, True, 0)
    assert found(cached) == (False, Source.DATABASE, False, 0)
    assert (before, len(process.database.checks)) == (1, 1)
    assert process.cache.counts["redis_error"] == 1


async def test_a_stale_entry_is_not_looked_for_while_it_is_away(new_process: NewProcess) -> None:
    process = new_process("unix:///nowhere/redis.sock", rest_s=60)
    await process.read()
    process.database.change(MONDAY)

    assert found(await process.read()) == (False, Source.DATABASE, True, 1)
    assert process.cache.counts["redis_skipped"] == 1


async def test_a_port_that_refuses_is_a_redis_that_is_away(new_process: NewProcess) -> None:
    process = new_process("redis://127.0.0.1:1/0", timeout_s=5)

    began = time.perf_counter()
    reading = await process.read()

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert time.perf_counter() - began < 0.1  # it is not tried again


async def test_an_answer_that_is_an_error_is_a_redis_that_is_away(process: Process, redis_server: RedisServer) -> None:
    redis_server.ask("CONFIG SET requirepass secret")
    try:
        reading = await process.read()
    finally:
        redis_server.ask("AUTH secret\r\nCONFIG SET requirepass ''")

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert process.cache.counts["redis_error"] == 1


async def test_a_redis_that_is_full_is_still_read(process: Process, other: Process, redis_server: RedisServer) -> None:
    await process.read()
    redis_server.ask("CONFIG SET maxmemory 1")
    with capture_logs() as logs:
        try:
            unsaved = [await process.read(TUESDAY), await process.read(BENS)]
            still = await other.read()
        finally:
            redis_server.ask("CONFIG SET maxmemory 0")

    assert [found(one) for one in unsaved] == [(False, Source.DATABASE, True, 0)] * 2
    assert found(still) == (True, Source.REDIS, True, 0)
    assert (process.cache.counts["redis_error"], process.cache.counts["redis_unsaved"], len(logs)) == (2, 2, 1)


async def test_without_the_database_nothing_is_said_to_be_verified(
    process: Process, other: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def away() -> AsyncIterator[Any]:
        raise Unavailable("the database is away")
        yield

    await process.read()
    monkeypatch.setattr(other.cache._check, "_session", away)

    with pytest.raises(Unavailable):
        await other.read()


async def test_writes_that_redis_does_not_take_are_dropped_and_not_waited_for(
    new_process: NewProcess, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "TASKS_MAX", 4)
    monkeypatch.setattr(shared.Shared, "find", nothing)
    process = new_process()
    redis_server.stall()

    for key in DAYS:
        await process.cache.read([key], VERIFIED)

    assert len(process.redis._tasks) <= 4
    assert process.cache.counts["redis_unsaved"] >= 36


async def nothing(*_: Any) -> dict[Any, Any]:
    return {}


async def test_closing_in_the_middle_of_calls_takes_no_time_and_leaves_nothing(
    new_process: NewProcess, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = new_process(timeout_s=5)
    await process.read()
    redis_server.stall()
    monkeypatch.setattr(shared.Shared, "find", nothing)
    await process.cache.read(DAYS, VERIFIED)
    assert process.redis._tasks

    began = time.perf_counter()
    await process.redis.close()

    assert time.perf_counter() - began < 0.5
    assert not process.redis._tasks
    assert (await process.read(BENS)).source is Source.DATABASE
    assert not process.redis._pool._in_use_connections


async def test_connections_do_not_add_up(new_process: NewProcess, redis_server: RedisServer) -> None:
    process = new_process(timeout_s=stores.TIMEOUT_S, rest_s=0.01)
    await asyncio.gather(*(process.read(key) for key in DAYS))
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(5):
        redis_server.stall()
        await asyncio.gather(*(process.seconds(key) for key in DAYS))
        redis_server.go_on()
        await until_it_finds(process)

    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert len(redis_server.ask("CLIENT LIST").splitlines()) <= stores.CONNECTIONS_MAX + 3


async def test_a_reader_who_goes_away_spoils_nothing(process: Process, other: Process) -> None:
    await process.read()
    for turns in range(12):
        other.cache.drop(MONDAY)
        reader = asyncio.create_task(other.read())
        for _ in range(turns):
            await asyncio.sleep(0)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

    assert await other.finds()
    assert other.cache.counts["redis_error"] == 0


# The breaker.


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a breaker rested between its probes; it takes no time here."""
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(breakers, "sleep", rest)
    return rests


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def probing(outcomes: list[bool | asyncio.Future[None]]) -> Callable[[], Awaitable[None]]:
    async def probe() -> None:
        outcome = outcomes.pop(0)
        if isinstance(outcome, asyncio.Future):
            await outcome
        elif not outcome:
            raise OSError

    return probe


async def test_the_rest_grows_while_probes_fail_up_to_its_bound(rests: list[float]) -> None:
    breaker = Breaker("redis", probing([False] * 4 + [True]), rest_s=1)
    breaker.failed(OSError())
    before = breaker.allows()
    await turns()

    assert (before, rests, breaker.allows()) == (False, [1, 2, 4, 8, 10], True)


async def test_nothing_is_allowed_while_a_probe_is_under_way(rests: list[float]) -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    breaker = Breaker("redis", probing([answer]), rest_s=1)
    breaker.failed(OSError())
    await turns()
    during = breaker.allows()
    answer.set_result(None)
    await turns()

    assert (rests, during, breaker.allows()) == ([1], False, True)


async def test_only_a_call_that_succeeds_makes_the_next_failure_a_first_one(rests: list[float]) -> None:
    breaker = Breaker("redis", probing([True, True, True]), rest_s=1)
    breaker.failed(OSError())
    await turns()
    breaker.failed(OSError())
    await turns()
    breaker.succeeded()
    breaker.failed(OSError())
    await turns()

    assert rests == [1, 2, 1]


async def test_failures_of_calls_that_were_under_way_together_are_one(rests: list[float]) -> None:
    breaker = Breaker("redis", probing([True]), rest_s=1)
    for _ in range(20):
        breaker.failed(OSError())
    await turns()

    assert (rests, breaker.allows()) == ([1], True)


async def test_a_breaker_that_is_closed_allows_nothing_and_leaves_no_probe(rests: list[float]) -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    breaker = Breaker("redis", probing([answer]), rest_s=1)
    breaker.failed(OSError())
    await turns()
    await breaker.close()

    assert (answer.cancelled(), breaker.allows()) == (True, False)
