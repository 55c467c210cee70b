"""Who is woken by which change, and that a slow watcher keeps dates and not messages."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from domain.events import Change
from resolvers.feed import Feed

SOON = 0.01
LONG = 5.0
MONDAY, TUESDAY = date(2030, 1, 14), date(2030, 1, 15)


def days(stylist: str, *of: date, tenant: str = "salon") -> Change:
    """Some of a stylist's days changed."""
    return Change(tenant, stylist, None, dict.fromkeys(of, 1))


def rules(stylist: str, *, tenant: str = "salon") -> Change:
    """What touches every day of a stylist changed."""
    return Change(tenant, stylist, 7, None)


async def test_a_change_wakes_those_who_watch_the_stylist_and_says_where_to_look() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha", "bina"]) as one, feed.watching("salon", ["bina"]) as other:
        feed.changed(days("asha", MONDAY))

        assert await one.next(LONG) == {"asha": {MONDAY}}
        assert await other.next(SOON) == {}


@pytest.mark.parametrize(
    "change",
    [days("cleo", MONDAY), days("asha", MONDAY, tenant="rival"), Change("salon", None, 3, None)],
    ids=["another stylist", "another tenant's stylist of the same id", "a directory"],
)
async def test_other_changes_wake_nobody(change: Change) -> None:
    feed = Feed()
    with feed.watching("salon", ["asha"]) as watch:
        feed.changed(change)

        assert await watch.next(SOON) == {}


async def test_changes_are_gathered_until_somebody_looks() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha", "bina"]) as watch:
        for _ in range(1_000):
            feed.changed(days("asha", MONDAY))
            feed.changed(days("asha", TUESDAY))
        feed.changed(days("bina", MONDAY))

        assert await watch.next(LONG) == {"asha": {MONDAY, TUESDAY}, "bina": {MONDAY}}
        assert await watch.next(SOON) == {}


@pytest.mark.parametrize("order", [(days("asha", MONDAY), rules("asha")), (rules("asha"), days("asha", MONDAY))])
async def test_every_day_stands_for_each(order: tuple[Change, ...]) -> None:
    feed = Feed()
    with feed.watching("salon", ["asha"]) as watch:
        for change in order:
            feed.changed(change)

        assert await watch.next(LONG) == {"asha": None}


async def test_after_a_gap_everybody_looks_everywhere() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha", "bina"]) as one, feed.watching("rival", ["asha"]) as other:
        feed.changed(days("asha", MONDAY))
        feed.reconnected()

        assert await one.next(LONG) == {"asha": None, "bina": None}
        assert await other.next(LONG) == {"asha": None}


async def test_who_waits_is_woken_at_once() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha"]) as watch:
        waiting = asyncio.create_task(watch.next(None))
        await asyncio.sleep(0)
        feed.changed(days("asha", MONDAY))

        async with asyncio.timeout(LONG):
            assert await waiting == {"asha": {MONDAY}}


async def test_a_change_that_comes_when_the_time_is_up_is_not_lost() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha"]) as watch:
        feed.changed(days("asha", MONDAY))
        late = await watch.next(0)

        assert late | await watch.next(LONG if not late else SOON) == {"asha": {MONDAY}}


async def test_a_watch_that_is_cancelled_while_waiting_leaves_nothing_behind() -> None:
    feed = Feed()

    async def watching() -> None:
        with feed.watching("salon", ["asha", "bina"]) as watch:
            await watch.next(None)

    tasks = [asyncio.create_task(watching()) for _ in range(3)]
    await asyncio.sleep(0)
    assert len(feed) == 3
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert len(feed) == 0
    feed.changed(days("asha", MONDAY))
    feed.reconnected()


async def test_the_same_stylist_named_twice_is_one_watch() -> None:
    feed = Feed()
    with feed.watching("salon", ["asha", "asha"]) as watch:
        feed.changed(days("asha", MONDAY))

        assert len(feed) == 1
        assert await watch.next(LONG) == {"asha": {MONDAY}}

    assert len(feed) == 0
