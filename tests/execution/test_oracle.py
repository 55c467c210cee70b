"""The stock path as judge: of plans as such, and of a sample of their answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from execution import answers, oracle, projectors
from execution.oracle import Oracle
from tests.execution.conftest import SCHEMA, Server, _Context, body

QUERY = "query Q($n: Int) { page(number: $n) { number again at words } }"
ASKED = body(QUERY, {"n": 3}, operationName="Q")


class Judge:
    """An oracle, and the stock path that it asks; `world` may be changed while it does."""

    def __init__(self, server: Server, share: float = 1.0) -> None:
        self.server = server
        self.number: int | None = None  # that the stock path shows, whatever it is asked for
        self.oracle = Oracle(server.engine, self.stock, share)
        for _ in range(2):
            server.engine.plans.learn(ASKED)

    async def stock(self, query: str, name: str | None, variables: dict[str, Any], headers: Mapping[str, str]) -> Any:
        context = _Context(self.server.world, await self.server.world.asker(headers))
        shown = variables if self.number is None else {"n": self.number}
        return (await SCHEMA.execute(query, shown, context_value=context, operation_name=name)).data

    async def judge(self) -> tuple[int, int]:
        """How many answers were checked, and how many differed."""
        found = await self.server.engine.answer(ASKED, {})
        assert found is not None
        await self.oracle.judge(ASKED, {}, found.text)
        return self.server.engine.counts["checked"], self.server.engine.counts["mismatch"]


async def test_what_is_the_same_but_for_the_moment_is_right(server: Server) -> None:
    judge = Judge(server)

    assert await judge.judge() == (1, 0)
    server.world.now += 1
    assert await judge.judge() == (2, 0)


async def test_a_difference_is_counted_and_told(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    judge = Judge(server)
    judge.number = 4

    assert await judge.judge() == (1, 1)


async def test_what_the_stock_path_refuses_is_not_judged(server: Server) -> None:
    judge = Judge(server)

    async def refuse(*_: Any) -> Any:
        raise LookupError

    judge.oracle._stock = refuse

    assert await judge.judge() == (0, 0)


@pytest.mark.parametrize(("share", "checked"), [(1.0, oracle.UNDER_WAY_MAX), (0.0, 0)])
async def test_a_sample_is_judged_and_a_few_at_a_time(server: Server, share: float, checked: int) -> None:
    judge = Judge(server, share)
    found = await server.engine.answer(ASKED, {})
    assert found is not None

    for _ in range(20):
        judge.oracle.sample(ASKED, {}, found.text)
    await asyncio.sleep(0)
    while judge.oracle._tasks:
        await asyncio.wait(judge.oracle._tasks)

    assert server.engine.counts["checked"] == checked


def test_plans_are_trusted_here() -> None:
    assert oracle.trust()


@pytest.mark.parametrize(
    ("of", "name", "broken"),
    [
        (projectors._Writer, "includes", lambda *_: False),
        (projectors._Writer, "applies", lambda *_: False),
        (answers, "rendered", lambda *_: answers.Rendering([b"{}"], [])),
    ],
)
def test_plans_that_answer_otherwise_than_graphql_core_are_not(
    of: Any, name: str, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of, name, broken)

    assert not oracle.trust()
