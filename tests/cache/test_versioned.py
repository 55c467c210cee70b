"""The cache whose every answer says how fresh it is, before a database whose answers come when the test says."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from cache.keys import DayKey
from cache.versioned import Entry, Freshness, Reading, Source, VersionedCache
from domain.errors import Unavailable
from domain.versions import DayVersion
from tests.cache.conftest import BENS, DIRECTORY, MONDAY, NOON, TTL, TUESDAY, Scene, ended, result, settled, value_of

VERIFIED, CACHED, BYPASS = Freshness.VERIFIED, Freshness.CACHED, Freshness.BYPASS
Read = Callable[[Scene, Any], Coroutine[Any, Any, Reading[str]]]


async def read(scene: Scene, key: Any, freshness: Freshness = VERIFIED) -> Reading[str]:
    """One key's reading."""
    readings, _ = await scene.cache.read([key], freshness)
    return readings[key]


async def verified(scene: Scene, key: Any) -> Reading[str]:
    return await read(scene, key)


async def loaded(scene: Scene, key: Any) -> Reading[str]:
    return await scene.cache.load(key)


def found(reading: Reading[str]) -> tuple[bool, Source, bool, int]:
    """What an answer says of itself: hit, source, verified, and the day's version."""
    return reading.hit, reading.source, reading.verified, reading.entry.version.day


@pytest.fixture
async def warm(scene: Scene) -> Scene:
    """Monday and Tuesday have been read."""
    await scene.done(scene.cache.read([MONDAY, TUESDAY], VERIFIED))
    return scene


# Hit, miss, stale.


async def test_the_first_read_is_loaded_without_a_check(scene: Scene) -> None:
    reading = await scene.done(read(scene, MONDAY))

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert reading.entry.value == value_of(MONDAY, DayVersion(0, 0))
    assert (len(scene.database.checks), len(scene.database.loads)) == (0, 1)


async def test_the_second_read_is_checked_and_not_loaded(warm: Scene) -> None:
    reading = await warm.done(read(warm, MONDAY))

    assert found(reading) == (True, Source.MEMORY, True, 0)
    assert (len(warm.database.checks), len(warm.database.loads)) == (1, 1)
    assert (warm.cache.counts["hit"], warm.cache.counts["miss"]) == (1, 2)


@pytest.mark.parametrize("change", ["day", "rules"])
async def test_what_has_changed_is_loaded_anew(warm: Scene, change: str) -> None:
    warm.database.change(MONDAY) if change == "day" else warm.database.change_rules("ana")

    stale, again = await warm.done(read(warm, MONDAY)), await warm.done(read(warm, MONDAY))

    version = warm.database.version(MONDAY)
    assert (stale.hit, stale.entry.version, again.hit, again.entry.version) == (False, version, True, version)
    assert warm.cache.counts["stale"] == 1


async def test_a_version_that_went_down_is_no_match_either(warm: Scene) -> None:
    warm.database.change(MONDAY)
    await warm.done(read(warm, MONDAY))

    warm.database.days.clear()  # as after a restored backup

    assert found(await warm.done(read(warm, MONDAY))) == (False, Source.DATABASE, True, 0)


async def test_one_read_asks_one_check_and_one_load_for_all_its_keys(warm: Scene) -> None:
    warm.database.change(TUESDAY)

    readings, checked = await warm.done(warm.cache.read([MONDAY, TUESDAY, BENS, MONDAY], VERIFIED, also=[DIRECTORY]))

    assert {key: one.hit for key, one in readings.items()} == {MONDAY: True, TUESDAY: False, BENS: False}
    assert len(warm.database.checks) == 1
    assert [sorted(sent.keys) for sent in warm.database.loads[1:]] == [sorted([TUESDAY, BENS])]
    assert checked is not None
    assert checked.versions[DIRECTORY] == DayVersion(0, 0)


async def test_what_is_older_than_its_time_is_loaded_anew(warm: Scene) -> None:
    warm.clock.heard(NOON + TTL)

    assert found(await warm.done(read(warm, MONDAY))) == (False, Source.DATABASE, True, 0)


@pytest.mark.parametrize("freshness", list(Freshness))
async def test_now_is_the_instant_at_which_the_answer_was_known_to_hold(warm: Scene, freshness: Freshness) -> None:
    warm.database.now = NOON + TTL / 2

    reading = await warm.done(read(warm, MONDAY, freshness))

    assert reading.now == (NOON if freshness is CACHED else NOON + TTL / 2)


async def test_who_joins_a_load_is_not_told_an_instant_before_their_own_check(scene: Scene) -> None:
    early = await scene.start(read(scene, MONDAY))
    scene.database.loads[0].see()
    scene.database.now = NOON + TTL / 2
    late = await scene.start(read(scene, MONDAY))

    scene.database.checks[0].answer()
    await settled()
    scene.database.loads[0].answer()

    assert [(await result(early)).now, (await result(late)).now] == [NOON, NOON + TTL / 2]


# Single flight.


@pytest.mark.parametrize("freshness", [VERIFIED, CACHED])
async def test_a_hundred_who_miss_at_once_cost_one_load(scene: Scene, freshness: Freshness) -> None:
    everybody = [asyncio.create_task(read(scene, MONDAY, freshness)) for _ in range(100)]
    await scene.finish()

    values = {(await result(one)).entry.value for one in everybody}

    assert (len(scene.database.loads), len(values)) == (1, 1)
    assert len(scene.database.checks) == (1 if freshness is VERIFIED else 0)


async def test_a_hundred_who_come_while_a_load_is_in_flight_cost_one_check_more(scene: Scene) -> None:
    early = await scene.start(read(scene, MONDAY))
    late = [asyncio.create_task(read(scene, MONDAY)) for _ in range(100)]

    await scene.finish()

    assert {(await result(one)).verified for one in [early, *late]} == {True}
    assert (len(scene.database.checks), len(scene.database.loads)) == (1, 1)


@pytest.mark.parametrize("reader", [verified, loaded])
async def test_a_hundred_who_come_after_a_change_share_one_load_more(scene: Scene, reader: Read) -> None:
    early = await scene.start(read(scene, MONDAY))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    late = [asyncio.create_task(reader(scene, MONDAY)) for _ in range(100)]
    await settled()

    scene.database.checks[0].answer()
    await settled()
    await scene.finish()

    assert (await result(early)).entry.version.day == 0
    assert {(await result(one)).entry.version.day for one in late} == {1}
    assert (len(scene.database.checks), len(scene.database.loads)) == (1, 2)


async def test_keys_of_several_loads_are_joined_and_only_the_rest_is_loaded(scene: Scene) -> None:
    await scene.start(read(scene, MONDAY))
    await scene.start(read(scene, TUESDAY))

    readings, _ = await scene.done(scene.cache.read([MONDAY, TUESDAY, BENS], VERIFIED))

    assert set(readings) == {MONDAY, TUESDAY, BENS}
    assert [sent.keys for sent in scene.database.loads] == [[MONDAY], [TUESDAY], [BENS]]


async def test_who_joined_a_load_that_failed_share_the_next_one(scene: Scene) -> None:
    everybody = [asyncio.create_task(read(scene, MONDAY)) for _ in range(100)]
    await settled()
    scene.database.checks[0].answer()
    await settled()

    scene.database.loads[0].fail(Unavailable("away"))
    await settled()
    scene.database.loads[1].answer()
    answers = await ended(*everybody)

    assert [type(one) for one in answers] == [Unavailable] + 99 * [Reading]
    assert len(scene.database.loads) == 2


async def test_when_the_next_load_fails_too_nobody_waits_for_a_third(scene: Scene) -> None:
    everybody = [asyncio.create_task(read(scene, MONDAY)) for _ in range(100)]
    await settled()
    scene.database.checks[0].answer()
    await settled()

    for load in (0, 1):
        scene.database.loads[load].fail(Unavailable("away"))
        await settled()
    answers = await ended(*everybody)

    assert {type(one) for one in answers} == {Unavailable}
    assert len(scene.database.loads) == 2


# A load that is overtaken by a change.


@pytest.mark.parametrize("reader", [verified, loaded])
@pytest.mark.parametrize("first", ["check", "load"])
async def test_a_load_sent_before_a_change_is_not_served_to_who_came_after_it(
    scene: Scene, reader: Read, first: str
) -> None:
    before = await scene.start(read(scene, MONDAY))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)

    after = await scene.start(reader(scene, MONDAY))
    (scene.database.checks if first == "check" else scene.database.loads)[0].answer()
    await settled()
    await scene.finish()

    assert found(await result(before)) == (False, Source.DATABASE, True, 0)
    assert found(await result(after)) == (False, Source.DATABASE, True, 1)


async def test_a_load_sent_after_a_change_is_served_to_who_came_after_it(scene: Scene) -> None:
    scene.database.change(MONDAY)
    before = await scene.start(read(scene, MONDAY))

    after = await scene.done(read(scene, MONDAY))

    assert (await result(before)).entry is after.entry


@pytest.mark.parametrize("drop", ["key", "group"])
async def test_a_load_sent_before_a_change_was_heard_is_not_stored(scene: Scene, drop: str) -> None:
    before = await scene.start(read(scene, MONDAY, CACHED))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)

    scene.cache.drop(MONDAY) if drop == "key" else scene.cache.drop_group(MONDAY.group)
    scene.database.loads[0].answer()

    assert (await result(before)).entry.version.day == 0
    assert await scene.cache.peek(MONDAY) is None
    assert (await scene.done(read(scene, MONDAY, CACHED))).entry.version.day == 1


async def test_a_load_sent_before_a_change_was_heard_is_not_joined_either(scene: Scene) -> None:
    before = await scene.start(read(scene, MONDAY, CACHED))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    scene.cache.drop(MONDAY)

    after = await scene.done(read(scene, MONDAY, CACHED))

    assert [(await result(before)).entry.version.day, after.entry.version.day] == [0, 1]


@pytest.mark.parametrize("drop", ["key", "group"])
async def test_of_two_loads_in_flight_a_change_stops_both_from_being_stored(scene: Scene, drop: str) -> None:
    first = await scene.start(read(scene, MONDAY, CACHED))
    second = await scene.start(read(scene, MONDAY, BYPASS))
    for load in scene.database.loads:
        load.see()
    scene.database.change(MONDAY)

    scene.cache.drop(MONDAY) if drop == "key" else scene.cache.drop_group(MONDAY.group)
    await scene.finish()

    assert [(await result(one)).entry.version.day for one in (first, second)] == [0, 0]
    assert await scene.cache.peek(MONDAY) is None


async def test_an_older_load_does_not_replace_a_newer_entry(scene: Scene) -> None:
    slow = await scene.start(read(scene, MONDAY, BYPASS))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    quick = await scene.start(read(scene, MONDAY, BYPASS))

    for load in reversed(scene.database.loads):
        load.answer()
        await settled()

    assert [(await result(one)).entry.version.day for one in (slow, quick)] == [0, 1]
    assert (await scene.done(read(scene, MONDAY, CACHED))).entry is (await result(quick)).entry


async def test_an_older_load_of_another_kind_does_not_replace_a_newer_entry(scene: Scene) -> None:
    both = await scene.start(scene.cache.read([MONDAY, TUESDAY], BYPASS))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    newer = await scene.start(read(scene, MONDAY, BYPASS))
    scene.database.loads[1].answer()
    await settled()

    scene.database.loads[0].answer()
    await result(both)

    assert await scene.cache.peek(MONDAY) is (await result(newer)).entry
    assert await scene.cache.peek(TUESDAY) is not None


# CACHED.


async def test_cached_is_served_as_is_and_never_says_that_it_was_checked(warm: Scene) -> None:
    warm.database.change(MONDAY)  # nothing is heard of it

    reading = await warm.done(read(warm, MONDAY, CACHED))

    assert found(reading) == (True, Source.MEMORY, False, 0)
    assert (len(warm.database.checks), len(warm.database.loads)) == (0, 1)


async def test_cached_says_so_of_what_it_has_to_load_too(scene: Scene) -> None:
    assert found(await scene.done(read(scene, MONDAY, CACHED))) == (False, Source.DATABASE, False, 0)


async def test_cached_is_checked_while_changes_are_not_heard(warm: Scene) -> None:
    warm.cache.trusting = False
    warm.database.change(MONDAY)

    readings, _ = await warm.done(warm.cache.read([MONDAY, TUESDAY], CACHED))

    assert found(readings[MONDAY]) == (False, Source.DATABASE, False, 1)
    assert found(readings[TUESDAY]) == (True, Source.MEMORY, False, 0)
    assert len(warm.database.checks) == 1


async def test_what_was_held_before_listening_again_is_checked_once(warm: Scene) -> None:
    warm.cache.trusting = False
    warm.database.change(MONDAY)  # nothing is heard of it
    warm.cache.trusting = True

    first = [found(await warm.done(read(warm, key, CACHED))) for key in (MONDAY, TUESDAY)]
    checks = len(warm.database.checks)
    second = [found(await warm.done(read(warm, key, CACHED))) for key in (MONDAY, TUESDAY)]

    assert first == [(False, Source.DATABASE, False, 1), (True, Source.MEMORY, False, 0)]
    assert second == [(True, Source.MEMORY, False, 1), (True, Source.MEMORY, False, 0)]
    assert (checks, len(warm.database.checks)) == (2, 2)


@pytest.mark.parametrize("landed", [False, True], ids=["in flight", "landed"])
async def test_a_load_from_before_listening_again_is_neither_joined_nor_kept(scene: Scene, landed: bool) -> None:
    scene.cache.trusting = False
    await scene.start(read(scene, MONDAY))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)  # nothing is heard of it
    scene.cache.trusting = True
    if landed:
        await scene.finish()

    assert (await scene.done(read(scene, MONDAY, CACHED))).entry.version.day == 1


async def test_a_check_from_before_listening_again_proves_nothing_for_later(warm: Scene) -> None:
    warm.cache.trusting = False
    before = await warm.start(read(warm, MONDAY))
    warm.database.checks[0].see()
    warm.database.change(MONDAY)  # nothing is heard of it
    warm.cache.trusting = True
    warm.database.checks[0].answer()
    assert (await result(before)).hit

    assert (await warm.done(read(warm, MONDAY, CACHED))).entry.version.day == 1


# BYPASS.


async def test_bypass_loads_although_memory_has_it_and_stores_what_it_found(warm: Scene) -> None:
    reading = await warm.done(read(warm, MONDAY, BYPASS))

    assert found(reading) == (False, Source.DATABASE, True, 0)
    assert await warm.cache.peek(MONDAY) is reading.entry
    assert warm.cache.counts["mismatch"] == 0


async def test_bypass_joins_no_load_that_was_sent_before(scene: Scene) -> None:
    await scene.start(read(scene, MONDAY))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)

    assert (await scene.done(read(scene, MONDAY, BYPASS))).entry.version.day == 1


async def test_bypass_counts_and_logs_a_cached_entry_that_is_wrong(warm: Scene) -> None:
    entry = await warm.cache.peek(MONDAY)
    assert entry is not None
    entry.value = "something else at the same version"

    with capture_logs() as logs:
        await warm.done(warm.cache.read([MONDAY, TUESDAY], BYPASS))

    assert warm.cache.counts["mismatch"] == 1
    assert [(one["log_level"], one["key"]) for one in logs] == [("error", "1:5:salon:3:ana:10:2030-01-14")]


async def test_a_cached_entry_that_is_merely_older_is_no_mismatch(warm: Scene) -> None:
    warm.database.change(MONDAY)

    await warm.done(read(warm, MONDAY, BYPASS))

    assert warm.cache.counts["mismatch"] == 0


async def test_what_counts_as_the_same_is_the_owners_to_say(scene: Scene) -> None:
    asked: list[Any] = []
    scene.cache._same = lambda *values: asked.append(values) is None
    await scene.done(read(scene, MONDAY))

    await scene.done(read(scene, MONDAY, BYPASS))

    value = value_of(MONDAY, DayVersion(0, 0))
    assert asked == [(value, value, NOON)]
    assert scene.cache.counts["mismatch"] == 0


# The database is away.


@pytest.mark.parametrize("freshness", [VERIFIED, CACHED])
async def test_what_memory_has_is_served_unverified(warm: Scene, freshness: Freshness) -> None:
    warm.cache.trusting = False
    task = await warm.start(read(warm, MONDAY, freshness))

    warm.database.checks[0].fail(Unavailable("away"))

    assert found(await result(task)) == (True, Source.MEMORY, False, 0)
    assert warm.cache.counts["unverified"] == 1


async def test_what_memory_lacks_is_unavailable(warm: Scene) -> None:
    task = await warm.start(warm.cache.read([MONDAY, BENS], VERIFIED))

    warm.database.checks[0].fail(Unavailable("away"))

    with pytest.raises(Unavailable):
        await result(task)


async def test_what_is_known_to_be_stale_is_not_served_when_it_cannot_be_loaded(warm: Scene) -> None:
    warm.database.change(MONDAY)
    task = await warm.start(read(warm, MONDAY))

    warm.database.checks[0].answer()
    await settled()
    warm.database.loads[-1].fail(Unavailable("away"))

    with pytest.raises(Unavailable):
        await result(task)


@pytest.mark.parametrize("freshness", [VERIFIED, CACHED, BYPASS])
async def test_a_first_read_is_unavailable_and_the_next_one_is_not(scene: Scene, freshness: Freshness) -> None:
    task = await scene.start(read(scene, MONDAY, freshness))
    scene.database.loads[0].fail(Unavailable("away"))
    with pytest.raises(Unavailable):
        await result(task)

    assert (await scene.done(read(scene, MONDAY, freshness))).entry.version == DayVersion(0, 0)


async def test_an_error_of_another_kind_reaches_all_who_share_the_load(scene: Scene, complaints: list[Any]) -> None:
    everybody = [asyncio.create_task(read(scene, MONDAY, CACHED)) for _ in range(3)]
    await settled()

    scene.database.loads[0].fail(KeyError("salon"))
    answers = await ended(*everybody)
    gc.collect()

    assert [type(one) for one in answers] == 3 * [KeyError]
    assert (len(scene.database.loads), complaints) == (1, [])


# Readers who go away.


async def test_who_sent_a_load_may_go_away_and_who_joined_it_does_not_notice(scene: Scene) -> None:
    leader, follower = (asyncio.create_task(read(scene, MONDAY, CACHED)) for _ in range(2))
    await settled()

    leader.cancel()
    await settled()
    scene.database.loads[0].answer()

    assert found(await result(follower)) == (False, Source.DATABASE, False, 0)
    assert leader.cancelled()
    assert len(scene.database.loads) == 1


async def test_a_load_whose_reader_went_away_is_stored_all_the_same(scene: Scene) -> None:
    leader = await scene.start(read(scene, MONDAY))
    leader.cancel()

    await scene.finish()

    assert found(await scene.done(read(scene, MONDAY))) == (True, Source.MEMORY, True, 0)


async def test_a_load_that_fails_when_its_reader_has_gone_away_is_no_complaint(
    scene: Scene, complaints: list[Any]
) -> None:
    leader = asyncio.create_task(read(scene, MONDAY))
    await settled()
    leader.cancel()
    await settled()
    del leader

    scene.database.loads[0].fail(Unavailable("away"))
    await settled()
    gc.collect()

    assert complaints == []
    assert (await scene.done(read(scene, MONDAY))).entry.version == DayVersion(0, 0)


async def test_who_joined_may_go_away(scene: Scene) -> None:
    leader, follower = (asyncio.create_task(read(scene, MONDAY, CACHED)) for _ in range(2))
    await settled()

    follower.cancel()
    await settled()
    scene.database.loads[0].answer()

    assert found(await result(leader)) == (False, Source.DATABASE, False, 0)


# What is let go of.


async def test_a_drop_lets_go_of_one_key(warm: Scene) -> None:
    warm.cache.drop(MONDAY)
    warm.cache.drop(BENS)  # never there

    assert [await warm.cache.peek(key) is None for key in (MONDAY, TUESDAY)] == [True, False]
    assert len(warm.cache) == 1


async def test_a_drop_by_version_leaves_what_has_it(warm: Scene) -> None:
    warm.database.change(MONDAY)
    after = await warm.done(read(warm, MONDAY))

    warm.cache.drop(MONDAY, version=1)
    assert await warm.cache.peek(MONDAY) is after.entry

    warm.cache.drop(MONDAY, version=2)
    assert await warm.cache.peek(MONDAY) is None


async def test_what_is_doubted_is_checked_and_then_served_as_before(warm: Scene) -> None:
    checks = len(warm.database.checks)
    warm.cache.doubt(MONDAY)

    readings = [await warm.done(read(warm, MONDAY, CACHED)) for _ in range(2)]

    assert [found(one) for one in readings] == [(True, Source.MEMORY, False, 0)] * 2
    assert len(warm.database.checks) == checks + 1


async def test_what_is_doubted_and_has_changed_is_loaded(warm: Scene) -> None:
    warm.database.change(MONDAY)
    warm.cache.doubt(MONDAY)

    assert found(await warm.done(read(warm, MONDAY, CACHED))) == (False, Source.DATABASE, False, 1)


async def test_a_doubt_outlives_a_check_that_was_asked_for_before_it(warm: Scene) -> None:
    """The check did not see the change, so it cannot settle whether there was one."""
    warm.cache.doubt(MONDAY)
    reading = await warm.start(read(warm, MONDAY, CACHED))
    warm.database.checks[-1].see()
    warm.database.change(MONDAY)
    warm.cache.doubt(MONDAY)
    await warm.finish()

    assert (await result(reading)).entry.version.day == 0
    assert (await warm.done(read(warm, MONDAY, CACHED))).entry.version.day == 1


async def test_what_goes_or_is_doubted_is_told(warm: Scene) -> None:
    told: list[Any] = []
    warm.cache.on_gone = told.append

    warm.cache.doubt(MONDAY)
    warm.cache.drop(MONDAY, version=0)
    warm.cache.drop(BENS)
    warm.cache.drop_group(TUESDAY.group)

    assert told == [MONDAY, BENS, *sorted([MONDAY, TUESDAY], key=told[2:].index)]


async def test_a_reader_joins_what_is_being_prepared(scene: Scene) -> None:
    preparing = await scene.start(scene.cache.prepare([MONDAY], TTL))
    scene.database.checks[0].answer()
    await settled()
    reading = await scene.start(read(scene, MONDAY, CACHED))
    await scene.finish()

    assert await result(preparing) == {Source.DATABASE: 1}
    assert found(await result(reading)) == (False, Source.DATABASE, False, 0)
    assert len(scene.database.loads) == 1


async def test_a_group_goes_together_and_no_other(warm: Scene) -> None:
    await warm.done(read(warm, BENS))

    warm.cache.drop_group(("salon", "ana"))
    warm.cache.drop_group(("salon", "nobody"))

    assert [await warm.cache.peek(key) is None for key in (MONDAY, TUESDAY, BENS)] == [True, True, False]


async def test_what_is_derived_from_a_value_goes_with_its_entry(warm: Scene) -> None:
    entry: Entry[str] | None = await warm.cache.peek(MONDAY)
    assert entry is not None
    entry.derived["cut"] = "slots"
    warm.database.change(MONDAY)

    reading = await warm.done(read(warm, MONDAY))

    assert reading.entry.derived == {}


def remembered(cache: VersionedCache[Any, str]) -> set[Any]:
    """Every key that the cache believes to be in memory."""
    return set().union(*cache._groups.values())


async def test_what_is_evicted_is_forgotten_by_its_group() -> None:
    scene = Scene(entries_max=2)
    keys = [DayKey("salon", f"stylist {number}", MONDAY.day) for number in range(50)]

    await scene.done(scene.cache.read(keys, VERIFIED))

    assert remembered(scene.cache) == {key for key in keys if await scene.cache.peek(key)} == set(keys[-2:])
    assert len(scene.cache._groups) == 2


async def test_nothing_is_remembered_of_what_was_dropped(warm: Scene) -> None:
    warm.cache.drop(MONDAY)
    warm.cache.drop_group(TUESDAY.group)

    assert (remembered(warm.cache), len(warm.cache)) == (set(), 0)


async def test_a_load_under_way_that_saw_the_change_that_is_told_is_stored(scene: Scene) -> None:
    scene.database.change(MONDAY)
    before = await scene.start(read(scene, MONDAY, CACHED))
    scene.database.loads[0].see()
    scene.cache.drop(MONDAY, version=1)
    scene.database.loads[0].answer()

    assert (await result(before)).entry.version.day == 1
    assert found(await scene.done(read(scene, MONDAY, CACHED))) == (True, Source.MEMORY, False, 1)


async def test_a_load_under_way_that_did_not_see_it_is_not(scene: Scene) -> None:
    before = await scene.start(read(scene, MONDAY, CACHED))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    scene.cache.drop(MONDAY, version=1)
    scene.database.loads[0].answer()

    assert (await result(before)).entry.version.day == 0
    assert await scene.cache.peek(MONDAY) is None


async def test_a_load_under_way_that_is_doubted_is_stored_and_checked(scene: Scene) -> None:
    before = await scene.start(read(scene, MONDAY, CACHED))
    scene.database.loads[0].see()
    scene.database.change(MONDAY)
    scene.cache.doubt(MONDAY)
    scene.database.loads[0].answer()

    assert (await result(before)).entry.version.day == 0
    assert (await scene.done(read(scene, MONDAY, CACHED))).entry.version.day == 1
