"""Generated functions give what graphql-core gives, or leave it to it: every kind of field, value and selection."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any

import pytest

from tests.execution.conftest import Cat, Colour, Dog, Server, Values

BIG = 2**31


class Small(IntEnum):
    ONE = 1


class Word(StrEnum):
    A = "r"


class Other(Enum):
    RED = "r"


class Text(str):
    __slots__ = ()


class Kitten(Cat):
    pass


async def _later() -> str:
    return "later"


SAME: list[tuple[str, Any]] = [
    *(("text", one) for one in ("", 'é "\\\n\x00\u2028\U0001f600', "x" * 1000)),
    ("id", "a b"),
    *(("number", one) for one in (0, -1, BIG - 1, -BIG)),
    *(("share", one) for one in (0.0, -0.0, 1e300, 5e-324, 0.1)),
    *(("isSo", one) for one in (True, False)),
    *(("colour", one) for one in Colour),
    ("day", date(1, 1, 1)),
    ("day", datetime(2026, 12, 15, 3)),  # noqa: DTZ001 - a date too, which Strawberry writes as it is
    *(("maybe", one) for one in (None, "", "x")),
    *(("texts", one) for one in ([], ["a"], ("a", "b"))),
    *(("grid", one) for one in ([], [None], [[]], [[1, None], None, [2]], ([1],))),
    *(("days", one) for one in (None, [], [date(2026, 1, 1), None])),
    *(("cat { name lives __typename }", one) for one in (None, Cat(name="Tom"))),
    *(("cats { name }", one) for one in ([], [None, Cat(name="Tom"), None], (Cat(name="Tom"),))),
]
STRANGE: list[tuple[str, Any]] = [
    *(("text", one) for one in (None, 1, True, 1.5, b"a", Word.A, Text("a"), [], object(), "\ud800")),
    *(("id", one) for one in (None, 1, 1.0, True, Text("a"), [])),
    *(("number", one) for one in (None, BIG, -BIG - 1, True, 1.0, 1.5, "1", Small.ONE, float("nan"), Decimal(1))),
    *(("share", one) for one in (None, 1, True, "1.5", float("inf"), float("nan"), Decimal("0.5"), 10**400)),
    *(("isSo", one) for one in (None, 1, 0, "true", 1.0, [])),
    *(("colour", one) for one in (None, "RED", Other.RED, 1, [])),
    *(("day", one) for one in (None, "2026-12-15", 5, [])),
    *(("maybe", one) for one in (1, [], Word.A)),
    *(("texts", one) for one in (None, [None], [1], "ab", 5, {"a": 1}, {"a"}, iter(["a"]))),
    *(("grid", one) for one in (None, [1], [["x"]], [[BIG]])),
    *(("cat { name }", one) for one in (Dog(name="Rex"), Kitten(name="Tom"), "Tom", [], Cat(name=None))),  # type: ignore[arg-type]
    *(("cats { name }", one) for one in (None, [Dog(name="Rex")], Cat(name="Tom"))),
]


def valued(selection: str, value: Any) -> Values:
    """Values of which one field is this."""
    found = Values()
    name = selection.split(maxsplit=1)[0]
    setattr(found, "is_so" if name == "isSo" else name, value)
    return found


@pytest.mark.parametrize(("selection", "value"), SAME, ids=repr)
async def test_a_value_of_the_fields_kind_is_projected_as_graphql_core_has_it(
    server: Server, selection: str, value: Any
) -> None:
    server.world.values = valued(selection, value)

    found = await server.planned(f"{{ values {{ {selection} }} }}")

    assert found == await server.stock(f"{{ values {{ {selection} }} }}")
    assert server.engine.counts["made"] == 1


@pytest.mark.parametrize(("selection", "value"), STRANGE, ids=lambda one: repr(one).partition(" at 0x")[0])
async def test_any_other_value_is_graphql_cores_to_judge_or_no_different(
    server: Server, selection: str, value: Any
) -> None:
    server.world.values = valued(selection, value)

    found = await server.planned(f"{{ values {{ {selection} }} }}")

    assert found is None or found == await server.stock(f"{{ values {{ {selection} }} }}")


@pytest.mark.parametrize(
    "selection",
    [
        "forbidden",
        "shouted",
        "awaited",
        "unmarked",
        "ofRoot",
        "perhaps { number }",
        "values { pet { name } }",
        "values { either { __typename } }",
        "page { next { number } }",
        "pages(numbers: [1]) { next { next { number } } }",
        "__schema { queryType { name } }",
        '__type(name: "Page") { name }',
    ],
)
async def test_what_is_not_understood_is_not_planned(server: Server, selection: str) -> None:
    assert await server.planned(f"{{ echo {selection} }}") is None
    assert server.world.made == 0


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ a: echo b: echo echo }", None),
        ("{ echo: __typename values { text: __typename __typename: text } }", None),
        ("{ values { text } values { number text } ...F } fragment F on Query { values { isSo } echo }", None),
        ("{ values { ...F ... on Values { text } ... { id } } } fragment F on Values { number text }", None),
        ("{ values { cat { ... on Named { name } ... on Cat { lives } } } }", None),
        ("{ echo @skip(if: true) values { text @include(if: false) } }", None),
        ("query ($a: Boolean = true) { x: echo @skip(if: $a) echo @include(if: $a) }", None),
        ("query ($a: Boolean = true) { x: echo @skip(if: $a) echo @include(if: $a) }", {"a": False}),
        ('query ($t: String! = "é") { echo(text: $t, colours: GREEN) }', None),
        ('query ($t: String! = "é", $c: [Colour!]) { echo(text: $t, colours: $c) }', {"c": ["RED", "GREEN"], "t": "x"}),
        ("{ page { words upper: words(upper: true) number } pages(numbers: [3, 2]) { number words } }", None),
        ("{ pages(numbers: []) { number } }", None),
    ],
)
async def test_selections_are_collected_as_graphql_core_does(server: Server, query: str, variables: Any) -> None:
    server.world.values.cat = Cat(name="Tom")
    expected = await server.stock(query, variables)

    found = await server.planned(query, variables)

    assert found == expected
    assert list(found["data"]) == list(expected["data"])
    assert [list(one) for one in found["data"].values() if isinstance(one, dict)] == [
        list(one) for one in expected["data"].values() if isinstance(one, dict)
    ]


async def test_what_is_awaited_and_is_not_as_declared_is_graphql_cores_to_judge(server: Server) -> None:
    query = "{ pages(numbers: [1]) { number } }"
    strange: list[Any] = [None, "", {}, iter(()), [None], [Cat(name="Tom")], 5]

    for value in strange:

        async def pages(_self: Any, _numbers: Any, value: Any = value) -> Any:
            return value

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tests.execution.conftest._Context.pages", pages)
            found = await server.planned(query)
            assert found is None or found == await server.stock(query), value
