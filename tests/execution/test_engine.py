"""The way of a request: one makes an answer for all who wait for it, each gets their own, and a surprise is the stock view's."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from tests.execution.conftest import Server, body

QUERY = "{ page { number yours } }"
PUBLIC = "{ page { number } }"


async def ask(server: Server, query: str = PUBLIC, **headers: str) -> Any:
    """A plan's answer; None where the stock view is to answer."""
    found = await server.engine.answer(body(query), headers)
    return None if found is None else orjson.loads(found.text)["data"]["page"]


@pytest.fixture
def knowing(server: Server) -> Server:
    """It has a plan of both queries."""
    for query in (QUERY, PUBLIC) * 2:
        server.engine.plans.learn(body(query))
    return server


@pytest.fixture
def gate(knowing: Server) -> asyncio.Event:
    """What everything that is made waits for."""
    event = asyncio.Event()
    knowing.world.wait = event.wait
    return event


async def until_made(server: Server, times: int) -> None:
    async with asyncio.timeout(5):
        while server.world.made < times:
            await asyncio.sleep(0)


async def test_an_answer_is_kept_while_it_is_proved(knowing: Server) -> None:
    for _ in range(3):
        assert await ask(knowing) == {"number": 1}
    assert (knowing.world.made, dict(knowing.engine.counts)) == (1, {"made": 1, "kept": 2})

    knowing.world.version += 1

    for _ in range(2):
        assert await ask(knowing) == {"number": 1}
    assert knowing.world.made == 2


async def test_what_cannot_be_proved_is_made_each_time(knowing: Server) -> None:
    knowing.world.proves = False

    for _ in range(3):
        assert await ask(knowing) == {"number": 1}

    assert knowing.world.made == 3


async def test_one_makes_it_for_all_who_wait(knowing: Server, gate: asyncio.Event) -> None:
    asking = [asyncio.create_task(ask(knowing)) for _ in range(50)]
    await until_made(knowing, 1)

    gate.set()

    assert await asyncio.gather(*asking) == [{"number": 1}] * 50
    assert knowing.world.made == 1


async def test_whoever_waits_is_not_hurt_when_the_one_who_makes_it_goes_away(
    knowing: Server, gate: asyncio.Event
) -> None:
    owner, *others = (asyncio.create_task(ask(knowing)) for _ in range(5))
    await until_made(knowing, 1)

    owner.cancel()
    await until_made(knowing, 2)
    gate.set()

    assert await asyncio.gather(*others) == [{"number": 1}] * 4
    assert owner.cancelled()
    assert knowing.world.made == 2


async def test_the_one_who_makes_it_is_not_hurt_when_somebody_who_waits_goes_away(
    knowing: Server, gate: asyncio.Event
) -> None:
    owner, waiter, other = (asyncio.create_task(ask(knowing)) for _ in range(3))
    await until_made(knowing, 1)
    await asyncio.sleep(0)

    waiter.cancel()
    await asyncio.sleep(0)
    gate.set()

    assert await asyncio.gather(owner, other) == [{"number": 1}] * 2
    assert knowing.world.made == 1


async def test_a_failure_is_its_makers_alone_and_is_the_stock_views(knowing: Server) -> None:
    failures = 1

    async def fail_once() -> None:
        nonlocal failures
        await asyncio.sleep(0)
        if failures:
            failures -= 1
            raise LookupError

    knowing.world.wait = fail_once

    found = await asyncio.gather(*(ask(knowing) for _ in range(5)))

    assert found == [None] + [{"number": 1}] * 4
    assert knowing.engine.counts["stock"] == 1


async def test_what_changes_faster_than_it_is_made_is_left_to_the_stock_view(knowing: Server) -> None:
    async def change() -> None:
        await asyncio.sleep(0)
        knowing.world.version += 1

    knowing.world.wait = change

    found = await asyncio.gather(*(ask(knowing) for _ in range(8)))

    assert found[:4] == [{"number": 1}] * 4
    assert set(map(str, found)) == {"{'number': 1}", "None"}
    knowing.world.wait = None
    assert await ask(knowing) == {"number": 1}


async def test_those_for_whom_it_differs_get_their_own(knowing: Server) -> None:
    knowing.world.askers = frozenset({"ann"})
    askers: list[dict[str, str]] = [{}, {"name": "ann"}, {"name": "bob"}, {"scope": "there", "name": "ann"}]

    for _ in range(3):
        found = [(await ask(knowing, QUERY, **one))["yours"] for one in askers]
        assert found == [False, True, False, True]

    assert knowing.world.made == 4  # nobody's and Ann's, in each world
    assert [(await ask(knowing, **one)) for one in askers] == [{"number": 1}] * 4
    assert knowing.world.made == 6  # who asks makes no difference


async def test_somebody_for_whom_it_begins_to_differ_gets_their_own_at_once(knowing: Server) -> None:
    assert (await ask(knowing, QUERY, name="ann"))["yours"] is False  # as nobody's proof says

    knowing.world.askers = frozenset({"ann"})
    knowing.world.version += 1

    assert (await ask(knowing, QUERY, name="ann"))["yours"] is True
    assert (await ask(knowing, QUERY))["yours"] is False

    knowing.world.askers = frozenset()
    knowing.world.version += 1

    assert (await ask(knowing, QUERY, name="ann"))["yours"] is False


async def test_by_asker_and_unproved_is_the_stock_views_but_for_nobody(knowing: Server) -> None:
    knowing.world.proves = False

    assert await ask(knowing, QUERY, name="ann") is None
    assert await ask(knowing, QUERY) == {"number": 1, "yours": False}
    assert await ask(knowing, PUBLIC, name="ann") == {"number": 1}


async def test_a_proof_may_have_to_be_awaited(knowing: Server) -> None:
    knowing.world.is_prompt = False
    await ask(knowing)

    asking = [asyncio.create_task(ask(knowing)) for _ in range(5)]
    await asyncio.sleep(0)
    for proof in knowing.world.asked:
        proof.set_result(None)

    assert await asyncio.gather(*asking) == [{"number": 1}] * 5
    assert (len(knowing.world.asked), knowing.world.made) == (5, 1)


async def test_what_a_proof_cannot_find_out_is_made_anew(knowing: Server) -> None:
    knowing.world.is_prompt = False
    await ask(knowing)

    asking = asyncio.create_task(ask(knowing))
    await asyncio.sleep(0)
    knowing.world.asked[0].set_exception(ConnectionError())

    assert await asking == {"number": 1}
    assert knowing.world.made == 2


async def test_whoever_cannot_be_known_is_the_stock_views(knowing: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_headers: Any) -> Any:
        raise PermissionError

    assert await ask(knowing, later="yes") == {"number": 1}
    monkeypatch.setattr(knowing.world, "asker", refuse)

    assert await ask(knowing, later="yes") is None


async def test_what_has_no_plan_is_the_stock_views(server: Server) -> None:
    assert await ask(server, "{ page { number } } # never seen") is None
    assert await server.engine.answer(b"nothing", {}) is None
    assert server.world.made == 0
