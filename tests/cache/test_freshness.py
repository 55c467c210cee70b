"""Versions checked: one query that many share, always one that was sent after they asked; and Postgres's clock."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from cache import freshness
from cache.freshness import Checked, Clock, VersionCheck
from domain.errors import Unavailable
from domain.versions import DayVersion
from tests.cache.conftest import (
    BENS,
    DIRECTORY,
    MONDAY,
    NOON,
    TUESDAY,
    WAIT_S,
    FakeDatabase,
    Scene,
    ended,
    result,
    settled,
)

SECOND = timedelta(seconds=1)


class Asking:
    """A version check, and who asks it."""

    def __init__(self, in_flight_max: int, rest_s: float = WAIT_S) -> None:
        self.database = FakeDatabase()
        self.clock = Clock()
        self.check = VersionCheck(self.database.session, self.clock, in_flight_max, patience_s=0.0, rest_s=rest_s)

    @property
    def sent(self) -> list[list[Any]]:
        """The keys of each query, in order."""
        return [sorted(query.keys, key=str) for query in self.database.checks]

    async def ask(self, *keys: Any) -> asyncio.Task[Checked]:
        """Somebody who waits for an answer."""
        task = asyncio.create_task(self.check(keys))
        await settled()
        return task


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    """With one query in flight at most, where it is plain who joins which."""
    asking = Asking(in_flight_max=1)
    yield asking
    await asking.check.close()


async def test_everybody_who_asks_before_a_query_is_sent_shares_it(asking: Asking) -> None:
    everybody = [asyncio.create_task(asking.check([key])) for key in (MONDAY, TUESDAY, DIRECTORY) * 40]
    await settled()
    asking.database.checks[0].answer()

    answers = await ended(*everybody)

    assert asking.sent == [sorted([MONDAY, TUESDAY, DIRECTORY], key=str)]
    assert len({id(answer) for answer in answers}) == 1


async def test_who_asks_while_a_query_is_in_flight_gets_a_later_one(asking: Asking) -> None:
    early = await asking.ask(MONDAY)
    asking.database.checks[0].see()
    asking.database.change(MONDAY)
    late = await asking.ask(MONDAY)

    asking.database.checks[0].answer()
    before = (await result(early)).versions[MONDAY]
    assert not late.done()
    await settled()
    asking.database.checks[1].answer()

    assert (before, (await result(late)).versions[MONDAY]) == (DayVersion(0, 0), DayVersion(0, 1))


async def test_who_asks_while_a_query_is_in_flight_does_not_join_it_though_another_may_be_sent() -> None:
    asking = Asking(in_flight_max=2)
    early = await asking.ask(MONDAY)
    asking.database.checks[0].see()
    asking.database.change(MONDAY)
    late = await asking.ask(MONDAY)

    for query in asking.database.checks:
        query.answer()

    assert [(await result(one)).versions[MONDAY].day for one in (early, late)] == [0, 1]


@pytest.mark.parametrize("bound", [1, 2, 3])
async def test_no_more_queries_are_in_flight_than_the_bound(bound: int) -> None:
    asking = Asking(in_flight_max=bound)
    tasks = [await asking.ask(key) for key in (MONDAY, TUESDAY, BENS, DIRECTORY, MONDAY)]
    assert asking.sent == [[key] for key in (MONDAY, TUESDAY, BENS)[:bound]]

    asking.database.checks[0].answer()
    await settled()

    assert len(asking.database.pending) == bound
    assert set(asking.sent[-1]) == set((MONDAY, TUESDAY, BENS, DIRECTORY, MONDAY)[bound:])
    for query in asking.database.pending:
        query.answer()
    await ended(*tasks)


@pytest.mark.parametrize("bound", [1, 2])
async def test_who_asks_in_the_turn_in_which_the_last_queries_end_is_answered_too(bound: int) -> None:
    asking = Asking(in_flight_max=bound)
    first = [await asking.ask(key) for key in (MONDAY, TUESDAY)[:bound]]

    for query in asking.database.pending:
        query.answer()
    late = asyncio.create_task(asking.check([BENS]))  # its turn comes right after theirs
    await settled()
    assert asking.sent[bound:] == [[BENS]]
    asking.database.checks[-1].answer()

    assert BENS in (await result(late)).versions
    await ended(*first)


async def test_an_error_reaches_all_who_share_a_query_and_nobody_else(asking: Asking) -> None:
    both = [await asking.ask(MONDAY)]
    waiting = [asyncio.create_task(asking.check([key])) for key in (TUESDAY, BENS)]
    await settled()

    asking.database.checks[0].answer()
    await settled()
    asking.database.checks[1].fail(ValueError("of ours"))
    found = await ended(*both, *waiting)
    after = await asking.ask(MONDAY)
    asking.database.checks[2].answer()

    assert [type(one) for one in found] == [Checked, ValueError, ValueError]
    assert isinstance(await result(after), Checked)


async def test_nobody_waits_for_a_postgres_that_does_not_answer(asking: Asking) -> None:
    first = await asking.ask(MONDAY)
    queued = await asking.ask(TUESDAY)
    asking.database.checks[0].fail(Unavailable("away"))
    found = await ended(first, queued, await asking.ask(BENS))

    assert [type(one) for one in found] == 3 * [Unavailable]
    assert len(asking.database.checks) == 1


async def test_a_probe_finds_out_that_postgres_answers_again() -> None:
    asking = Asking(in_flight_max=1, rest_s=0.0)
    first = await asking.ask(MONDAY)
    asking.database.checks[0].fail(Unavailable("away"))
    await ended(first)

    still = await ended(await asking.ask(TUESDAY), await asking.ask(BENS))  # the probe is under way
    assert asking.sent == [[MONDAY], [MONDAY]]
    asking.database.checks[1].answer()
    await settled()
    after = await asking.ask(TUESDAY)
    asking.database.checks[2].answer()

    assert [type(one) for one in still] == 2 * [Unavailable]
    assert isinstance(await result(after), Checked)


async def test_one_who_goes_away_takes_the_answer_from_nobody(asking: Asking) -> None:
    leaving, staying = (asyncio.create_task(asking.check([key])) for key in (MONDAY, TUESDAY))
    await settled()

    leaving.cancel()
    await settled()
    asking.database.checks[0].answer()

    assert TUESDAY in (await result(staying)).versions
    assert leaving.cancelled()


async def test_an_error_that_nobody_waits_for_any_more_is_no_complaint(asking: Asking, complaints: list[Any]) -> None:
    leaving = await asking.ask(MONDAY)
    leaving.cancel()
    await settled()

    asking.database.checks[0].fail(Unavailable("away"))
    await settled()
    del leaving
    gc.collect()

    assert complaints == []


async def test_an_answer_sets_the_clock(asking: Asking) -> None:
    asking.database.now = NOON
    task = await asking.ask(MONDAY)
    asking.database.checks[0].answer()

    assert (await result(task)).now == NOON
    assert NOON <= asking.clock.now() < NOON + WAIT_S * SECOND


async def test_each_key_gets_its_own_version(scene: Scene) -> None:
    scene.database.change(TUESDAY)
    scene.database.change_rules("ben")

    checked = await scene.done(scene.check([BENS, TUESDAY]))

    assert checked.versions == {BENS: DayVersion(1, 0), TUESDAY: DayVersion(0, 1)}


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the clock counts with, in a list of one."""
    seconds = [1000.0]
    monkeypatch.setattr(freshness, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    return seconds


def test_a_clock_goes_on_from_when_it_was_heard(monotonic: list[float]) -> None:
    clock = Clock()
    clock.heard(NOON)

    monotonic[0] += 2.5

    assert clock.now() == NOON + 2.5 * SECOND


def test_a_later_instant_sets_a_clock_and_an_earlier_one_does_not(monotonic: list[float]) -> None:
    clock = Clock()
    clock.heard(NOON)
    monotonic[0] += 10

    clock.heard(NOON + 9 * SECOND)
    clock.heard(NOON + 3 * SECOND)  # looked at the clock before, and took longer

    assert clock.now() == NOON + 9 * SECOND


@pytest.mark.parametrize("hours", [-1, 1], ids=["behind", "ahead"])
def test_a_machine_whose_own_clock_is_wrong_goes_by_postgres(hours: int, monotonic: list[float]) -> None:
    clock = Clock()
    postgres = clock.now() + timedelta(hours=hours)

    clock.heard(postgres)

    assert clock.now() == postgres
