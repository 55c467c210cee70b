"""The stock path as judge of plans: at start by a schema of its own, and in production of a sample of answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

import orjson
import strawberry
import structlog
from graphql import execute_sync, parse, validate

from execution import answers
from execution.engine import Engine, Found
from execution.plans import Plans
from execution.projectors import Hole

UNDER_WAY_MAX = 4

Stock = Callable[[str, str | None, dict[str, Any], Mapping[str, str]], Any]

log = structlog.get_logger("execution")


class Oracle:
    """Has a sample of answers made again by the stock path, and counts those that differ. There must be none.

    share: of the answers. stock: a coroutine of (query, operation name, variables, headers) that gives its data.
    """

    def __init__(self, engine: Engine, stock: Stock, share: float) -> None:
        self._engine = engine
        self._stock = stock
        self._share = share
        self._tasks: set[asyncio.Task[None]] = set()

    def sample(self, body: bytes, headers: Mapping[str, str], text: bytes) -> None:
        """Perhaps has this answer judged, later."""
        if random.random() < self._share and len(self._tasks) < UNDER_WAY_MAX:  # noqa: S311 - a sample, not a secret
            task = asyncio.create_task(self.judge(body, headers, text), name="plan check")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def judge(self, body: bytes, headers: Mapping[str, str], text: bytes) -> None:
        """Compares an answer with the stock path's. If it changed in between, the plan answers otherwise too by then."""
        counts, plans = self._engine.counts, self._engine.plans
        asked, prepared = plans.asked(body), plans.prepare(body)
        if asked is None or prepared is None:
            return
        try:
            stock = await self._stock(*asked, headers)
            again = await self._engine.answer(body, headers, is_asked=False)
        except Exception as error:  # whatever the stock path has to say of it, this is not the place
            log.debug("an answer could not be checked", error=type(error).__name__)
            return
        shown = [_masked(orjson.loads(one)["data"], prepared.projector.changing) for one in _texts(text, again)]
        counts["checked"] += 1
        if (
            _masked(orjson.loads(orjson.dumps(stock)), prepared.projector.changing) not in shown
            and shown[0] == shown[-1]
        ):
            counts["mismatch"] += 1
            log.error("a plan's answer differs from the stock path's", query=asked[0], variables=asked[1])


def _texts(text: bytes, again: Found | None) -> list[bytes]:
    return [text] if again is None else [text, again.text]


def _masked(data: Any, changing: frozenset[tuple[str, ...]], path: tuple[str, ...] = ()) -> Any:
    """Data without the leaves that change by the moment."""
    if isinstance(data, dict):
        return {key: _masked(value, changing, (*path, key)) for key, value in data.items()}
    if isinstance(data, list):
        return [_masked(one, changing, path) for one in data]
    return None if path in changing else data


@strawberry.enum(name="Colour")
class _Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.type(name="Leaf")
class _Leaf:
    text: str
    number: int
    share: float
    is_on: bool
    colour: _Colour
    nothing: str | None = None

    @strawberry.field
    def times(self, by: int = 2, colours: list[_Colour] | None = None) -> list[list[int]]:
        return [[self.number * n for n in range(by)], [len(colours or [])]]


@strawberry.type(name="Branch")
class _Branch:
    id: strawberry.ID
    leaves: list[_Leaf | None]

    @strawberry.field
    def first(self) -> _Leaf | None:
        return self.leaves[0]


@strawberry.type(name="Tree")
class _Tree:
    @strawberry.field
    def branches(self, count: int = 2) -> list[_Branch]:
        leaf = _Leaf(text='\u00e9 "\\ \u2028', number=-7, share=0.1, is_on=True, colour=_Colour.BLUE)
        return [_Branch(id=strawberry.ID(str(n)), leaves=[leaf, None]) for n in range(count)]


TRIALS = (
    "{ branches { id leaves { text number share isOn colour nothing } first { times } } }",
    "query ($n: Int = 1, $deep: Boolean = true, $c: [Colour!]) { a: branches(count: $n) { ...B ... @include(if: $deep) "
    "{ first { t: times(by: 3, colours: $c) __typename } } } } fragment B on Branch { x: id first { number } }",
    "{ branches(count: 0) { id } again: branches { leaves @skip(if: false) { colour } } __typename }",
)


def trust() -> bool:
    """Whether plans answer as graphql-core does here: with these versions, on this machine."""
    schema = strawberry.Schema(_Tree)
    plans = Plans(schema)
    for query in TRIALS:
        body = orjson.dumps({"query": query, "variables": {"c": ["RED", "BLUE"]} if "$c" in query else {}})
        plans.learn(body)
        plans.learn(body)
        prepared = plans.prepare(body)
        variables = orjson.loads(body)["variables"]
        expected = execute_sync(schema._schema, parse(query), variable_values=variables)
        holes: list[Hole] = []
        found = prepared and answers.rendered(prepared.projector.project(None, prepared.values, None, holes), holes)
        if (
            validate(schema._schema, parse(query))
            or expected.errors
            or not found
            or b"".join(found.parts) != orjson.dumps(expected.data)
        ):
            log.error("plans are off: they answer otherwise than graphql-core", query=query)
            return False
    return True
