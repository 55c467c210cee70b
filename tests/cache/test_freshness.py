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


class Remembering:
    """Somebody who remembers the state in which they saw their key's version."""

    def __init__(self, asking: Asking, key: Any) -> None:
        self._asking, self._key = asking, key
        self.state = freshness.NEVER

    async def ask(self) -> asyncio.Future[Checked]:
        answer = self._asking.check.ask([self._key], self.state)
        await settled()
        return answer

    async def told(self, answer: asyncio.Future[Checked]) -> Checked:
        """The answer, after as many of the last queries as it takes."""
        for _ in range(2):
            if not answer.done():
                self._asking.database.pending[-1].answer()
                await settled()
        checked = answer.result()
        self.state = checked.state
        return checked

    async def learned(self) -> Checked:
        return await self.told(await self.ask())


@pytest.fixture
async def ana(asking: Asking) -> Remembering:
    """Who has seen MONDAY's version twice, since when nothing was committed."""
    ana = Remembering(asking, MONDAY)
    for _ in range(2):
        await ana.learned()
    return ana


async def test_while_nothing_is_committed_no_version_is_asked_for(asking: Asking, ana: Remembering) -> None:
    state = ana.state

    checked = [await ana.learned() for _ in range(3)]

    assert asking.sent == [[MONDAY], [MONDAY], [], [], []]
    assert {(one.state, len(one.versions)) for one in checked} == {(state, 0)}


async def test_when_something_was_committed_all_versions_are_asked_for(asking: Asking, ana: Remembering) -> None:
    state = ana.state
    asking.database.change(TUESDAY)

    answer = await ana.ask()
    asking.database.checks[-1].answer()
    await settled()
    assert not answer.done()  # something has changed; whether this has is not known yet
    checked = await ana.told(answer)

    assert asking.sent[-2:] == [[], [MONDAY]]
    assert (checked.versions, checked.state > state) == ({MONDAY: DayVersion(0, 0)}, True)


async def test_what_changes_between_the_look_and_the_versions_is_in_the_versions(
    asking: Asking, ana: Remembering
) -> None:
    asking.database.change(TUESDAY)
    answer = await ana.ask()
    asking.database.checks[-1].answer()
    await settled()
    asking.database.change(MONDAY)

    assert (await ana.told(answer)).versions == {MONDAY: DayVersion(0, 1)}


async def test_while_much_is_committed_versions_are_asked_for_at_once(asking: Asking, ana: Remembering) -> None:
    for _ in range(3):
        asking.database.change(TUESDAY)
        await ana.learned()

    assert asking.sent[2:] == [[], [MONDAY], [MONDAY], [MONDAY]]


async def test_of_two_who_ask_the_one_who_knows_is_told_by_the_query_of_the_other(
    asking: Asking, ana: Remembering
) -> None:
    ben = Remembering(asking, BENS)
    answers = [asking.check.ask([MONDAY], ana.state), asking.check.ask([BENS], ben.state)]
    await settled()

    found = [await ana.told(answers[0]), await ben.told(answers[1])]

    assert asking.sent[-1] == [BENS]
    assert ana.state == ben.state
    assert BENS in found[1].versions


async def test_an_answer_that_comes_late_is_of_its_own_state() -> None:
    """Two queries under way, of which the first to look is the last to be answered: it must not pass for what is now."""
    asking = Asking(in_flight_max=2)
    ana, ben = Remembering(asking, MONDAY), Remembering(asking, BENS)
    for _ in range(2):
        await ana.learned()
    late = await ben.ask()
    asking.database.pending[0].see()
    asking.database.change(MONDAY)
    now = await ana.learned()
    asking.database.pending[0].answer()
    await settled()
    before = await ben.told(late)

    assert now.versions == {MONDAY: DayVersion(0, 1)}
    assert before.state != now.state
    asking.database.change(BENS)
    assert (await ben.learned()).versions.get(BENS) == DayVersion(0, 1)
    await asking.check.close()


async def test_after_a_failure_nothing_is_known(asking: Asking, ana: Remembering) -> None:
    """Another server may answer, on which other transactions have the same numbers."""
    state = ana.state
    answer = await ana.ask()
    asking.database.checks[-1].fail(ValueError("of ours"))
    await asyncio.gather(answer, return_exceptions=True)

    assert (await ana.learned()).state > state
    assert asking.sent[-1] == [MONDAY]


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
