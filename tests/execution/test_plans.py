"""Operations become plans at the second sight of their text; requests are prepared by their bytes, or left to the stock path."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from strawberry.extensions import MaskErrors, SchemaExtension
from strawberry.schema.config import StrawberryConfig

from execution import plans
from execution.plans import Plans
from execution.projectors import Unplanned
from tests.execution.conftest import SCHEMA, Query, body

ECHO = 'query ($t: String! = "a") { echo(text: $t) }'


@pytest.fixture
def known() -> Plans:
    return Plans(SCHEMA)


def learned(plans_: Plans, asked: bytes) -> bool:
    """Whether a request is prepared after its text was seen twice."""
    plans_.learn(asked)
    plans_.learn(asked)
    return plans_.prepare(asked) is not None


def test_a_plan_is_made_at_the_second_sight_of_its_text(known: Plans) -> None:
    assert known.prepare(body(ECHO)) is None
    assert not known.learn(body(ECHO))
    assert known.prepare(body(ECHO)) is None
    assert known.learn(body(ECHO, {"t": "b"}))
    assert known.learn(body(ECHO))
    assert known.prepare(body(ECHO)) is not None


def test_one_plan_does_for_all_variables(known: Plans) -> None:
    known.learn(body(ECHO))
    known.learn(body(ECHO))

    one, other = known.prepare(body(ECHO)), known.prepare(body(ECHO, {"t": "b", "more": 1}))

    assert one
    assert other
    assert one.projector is other.projector
    assert (one.values, other.values) == ([{"text": "a", "colours": None}], [{"text": "b", "colours": None}])


@pytest.mark.parametrize("variables", [{"t": None}, {"t": 1}, {"t": ["a"]}, {"t": {}}])
def test_variables_that_are_wrong_are_the_stock_paths(known: Plans, variables: Any) -> None:
    assert learned(known, body(ECHO))
    assert known.prepare(body(ECHO, variables)) is None


def test_arguments_that_an_input_refuses_are_the_stock_paths(known: Plans) -> None:
    query = "query ($of: Range!) { width(of: $of) }"
    assert learned(known, body(query, {"of": {"first": 1, "last": 2}}))
    assert known.prepare(body(query, {"of": {"first": 2, "last": 1}})) is None


def test_each_way_of_the_switches_has_a_projector_of_its_own(known: Plans) -> None:
    query = "query ($a: Boolean!, $b: Boolean = true) { echo @skip(if: $a) x: echo @include(if: $b) }"
    known.learn(body(query))
    known.learn(body(query))

    ways = [known.prepare(body(query, {"a": a, "b": b})) for a in (True, False) for b in (True, False)]
    again = known.prepare(body(query, {"a": True}))

    assert all(ways)
    assert len({one.projector for one in ways if one}) == 4
    assert again
    assert ways[0]
    assert again.projector is ways[0].projector
    assert known.prepare(body(query, {"a": None})) is None


@pytest.mark.parametrize("most", [4, 5])
def test_switches_are_bounded(known: Plans, most: int) -> None:
    names = [f"v{n}" for n in range(most)]
    declared = ", ".join(f"${name}: Boolean = false" for name in names)
    shown = " ".join(f"{name}: echo @skip(if: ${name})" for name in names)

    assert learned(known, body(f"query ({declared}) {{ {shown} }}")) is (most == 4)


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "PLANS_SIZE_MAX", 2_000)
    known = Plans(SCHEMA)
    queries = [body(f"{{ a{n}: echo }}") for n in range(40)]

    assert all(learned(known, one) for one in queries)

    left = [known.prepare(one) is not None for one in queries]
    assert left == [False] * (40 - sum(left)) + [True] * sum(left)
    assert 0 < sum(left) < 20
    assert learned(known, queries[0])
    assert not learned(known, body("{ echo } # " + "x" * 2_000))


@pytest.mark.parametrize(
    "asked",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"query": 1}',
        b'{"query": "{ echo }", "variables": []}',
        b'{"query": "{ echo }", "operationName": 1}',
        b'{"query": "{ echo }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "00"}}}',
        b'[{"query": "{ echo }"}]',
        body("mutation { touch }"),
        body("query @include(if: true) { echo }"),
        body("query A { echo } query B { echo }"),
        body("query A { echo } query B { echo }", operationName="C"),
        body("query A { echo } mutation B { touch }", operationName="B"),
        body("fragment A on Query { echo }"),
    ],
)
def test_what_is_no_single_query_is_the_stock_paths(known: Plans, asked: bytes) -> None:
    assert not learned(known, asked)


def test_one_of_several_operations_is_planned_by_its_name(known: Plans) -> None:
    query = "query A { echo } query B { x: echo y: echo } mutation C { touch }"

    assert learned(known, body(query, operationName="A"))
    assert learned(known, body(query, operationName="B"))
    assert known.prepare(body(query, operationName="C")) is None
    assert known.prepare(body(query)) is None


def test_the_arguments_within_what_is_awaited_tell_its_fragments_apart(known: Plans) -> None:
    query = "query ($n: Int!, $u: Boolean!) { page(number: $n) { words(upper: $u) } }"
    known.learn(body(query))
    known.learn(body(query))

    def key(number: int, *, upper: bool) -> Any:
        prepared = known.prepare(body(query, {"n": number, "u": upper}))
        assert prepared
        (found,) = prepared.keys.values()
        return found

    assert key(1, upper=True) == key(2, upper=True) != key(1, upper=False)


class Resolving(SchemaExtension):
    def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
        return _next(root, info, *args, **kwargs)


def test_a_schema_that_wraps_its_resolvers_has_no_plans() -> None:
    with pytest.raises(Unplanned):
        Plans(strawberry.Schema(query=Query, extensions=[Resolving]))
    with pytest.raises(Unplanned):
        Plans(strawberry.Schema(query=Query, config=StrawberryConfig(default_resolver=lambda one, name: one[name])))
    assert Plans(strawberry.Schema(query=Query, extensions=[MaskErrors]))
