"""Documents measured by their tokens: rightly, and without a way to make that long."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Lexer,
    OperationDefinitionNode,
    Source,
    TokenKind,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

from execution import limits
from execution.limits import Limiter, of_document, of_variables

MANY = 1_000_000
KB_95 = 95_000


def measured(text: str) -> tuple[int, int, int, int, int]:
    """Depth, aliases, directives, fields at the root, and fields."""
    found = of_document(text, MANY)
    return found["depth"], found["aliases"], found["directives"], found["root_fields"], found["fields"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{ a }", (1, 0, 0, 1, 1), id="one field"),
        pytest.param("{ a { b c { d } } e }", (3, 0, 0, 2, 5), id="fields within fields"),
        pytest.param("{ x: a { y: b } z: a }", (2, 3, 0, 2, 3), id="an alias is no field of its own"),
        pytest.param("{ a(b: {c: 1}, d: [x: 1]) }", (1, 0, 0, 1, 1), id="what stands in brackets is no field"),
        pytest.param("{ a(b: [[{c: [1]}]]) }", (4, 0, 0, 1, 1), id="the depth of values counts too"),
        pytest.param("query Q($a: I = {b: 1} @d) @e { a @f }", (1, 0, 3, 1, 1), id="variables and names are no fields"),
        pytest.param("{ ... on Q { a ... { b } ... @skip(if: $c) { d } } }", (1, 0, 1, 3, 3), id="inline fragments"),
        pytest.param(
            "{ on query on { fragment on } }", (2, 0, 0, 3, 5), id="fields that are called as words of GraphQL"
        ),
        pytest.param("{ ...F } fragment F on Q { a { b } c }", (2, 0, 0, 2, 3), id="a fragment at the root"),
        pytest.param("{ x { ...F } } fragment F on Q { a { b } c }", (3, 0, 0, 1, 4), id="a fragment further in"),
        pytest.param("{ ...F ...F } fragment F on Q { a b }", (1, 0, 0, 4, 4), id="a fragment each time"),
        pytest.param("{ ...F } fragment F on Q { a ...F }", (1, 0, 0, 1, 1), id="a fragment that spreads itself"),
        pytest.param("{ ...F }", (0, 0, 0, 0, 0), id="a fragment that there is not"),
        pytest.param("query A { a } query B { b { c } d }", (2, 0, 0, 2, 3), id="of several operations the largest"),
        pytest.param('{ a(b: "{ c { d", e: """{"f" \\""" {""") } # { g', (1, 0, 0, 1, 1), id="texts and comments"),
        pytest.param('"What it is" query { a }', (1, 0, 0, 1, 1), id="a description"),
        pytest.param("} ) ] : @ ... { } } a", (0, 1, 1, 0, 0), id="nonsense"),
    ],
)
def test_what_a_document_measures(text: str, expected: tuple[int, ...]) -> None:
    assert measured(text) == expected


def test_a_fragment_bomb_is_counted_without_going_off() -> None:
    bomb = "{ ...F0 } " + " ".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))

    found = of_document(f"{bomb} fragment F90 on Q {{ a }}", MANY)

    assert (found["fields"], found["root_fields"]) == (2**90, 2**90)


def test_a_long_chain_of_fragments_is_counted() -> None:
    chain = "{ ...F0 } " + " ".join(f"fragment F{n} on Q {{ a {{ ...F{n + 1} }} }}" for n in range(50))

    assert of_document(f"{chain} fragment F50 on Q {{ a }}", MANY)["depth"] == 51


pieces = [*'{}()[]:@$!=|&." ,\\_aé0-1', "\n", "...", "on ", "fragment ", '"""', "# {\n"]
documents = st.lists(st.sampled_from(pieces), max_size=60).map("".join)


@given(documents)
def test_tokens_are_those_of_the_lexer(text: str) -> None:
    lexer = Lexer(Source(text))
    first = lexer.token
    try:
        while lexer.advance().kind is not TokenKind.EOF:
            pass
    except GraphQLSyntaxError:  # what is no GraphQL may be measured as whatever it likes
        of_document(text, MANY)
        return
    tokens, token = 0, first.next
    while token is not None and token.kind is not TokenKind.EOF:
        tokens, token = tokens + 1, token.next

    assert of_document(text, MANY)["tokens"] == tokens


def walked(selections: Any, depth: int = 1) -> list[int]:
    """The depth of each field, by the parsed document."""
    found: list[int] = []
    for one in selections:
        if isinstance(one, FieldNode):
            found += [depth, *(walked(one.selection_set.selections, depth + 1) if one.selection_set else [])]
        elif isinstance(one, InlineFragmentNode):
            found += walked(one.selection_set.selections, depth)
    return found


HEADS = ["a", "x: a", "... on Q", "...", "... @include(if: $a)", "fragment"]


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    fields = st.lists(inner, min_size=1, max_size=4).map(" ".join)
    return st.tuples(st.sampled_from(HEADS), fields).map(lambda pair: f"{pair[0]} {{ {pair[1]} }}")


leaves = st.sampled_from(["a", "b: a", "on", "a @skip(if: true)", 'a(b: {c: ["{"]})'])
selections = st.recursive(leaves, nested, max_leaves=20)


@given(st.lists(selections, min_size=1, max_size=4))
def test_fields_and_depth_are_those_of_the_parser(fields: list[str]) -> None:
    text = f"{{ {' '.join(fields)} }}"
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    depths = walked(operation.selection_set.selections)

    found = of_document(text, MANY)

    assert found["fields"] == len(depths)
    assert found["root_fields"] == depths.count(1)
    assert max(depths, default=0) <= found["depth"] <= max(2, *depths, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("{" * KB_95, "[]" * (KB_95 // 2), '"' * KB_95, '"""' * (KB_95 // 3), '"\\' * (KB_95 // 2), "." * KB_95),
        *(" " * KB_95, "\r\n" * (KB_95 // 2), "#\n" * (KB_95 // 2), "\ufeff" * KB_95, "x" * KB_95, "1" * KB_95),
        *('"' + "x" * KB_95, '"""' + "x\n" * (KB_95 // 2), '"""' + '""\\' * (KB_95 // 3), "é" * KB_95, "\x00" * KB_95),
        "{" + "a:b " * (KB_95 // 4) + "}",
    ],
    ids=lambda text: f"{text[:4]!a}",
)
def test_measuring_what_will_be_refused_takes_no_time(text: str) -> None:
    def took() -> float:
        started = time.thread_time()
        of_document(text, 1_000)
        return time.thread_time() - started

    assert min(took() for _ in range(5)) < 0.005


def test_variables_are_measured() -> None:
    assert of_variables({}) == {"variables_depth": 1, "variables_values": 0, "list_length": 0}
    assert of_variables({"a": 1, "b": {"c": [1, 2, [3]]}}) == {
        "variables_depth": 4,
        "variables_values": 7,
        "list_length": 3,
    }


@dataclass(frozen=True)
class Few:
    tokens: int = 50
    characters: int = 100
    depth: int = 3
    aliases: int = 3
    directives: int = 3
    root_fields: int = 3
    fields: int = 8
    variables_depth: int = 3
    variables_values: int = 6
    list_length: int = 4


PAST: dict[str, tuple[str, Any, int]] = {
    "tokens": ("{ " + "a " * 49 + "}", None, 51),
    "characters": ('{ a(b: "' + "x" * 92 + '") }', None, 101),
    "depth": ("{ a { a { a { a } } } }", None, 4),
    "aliases": ("{ a: b { a: b a: b a: b } }", None, 4),
    "directives": ("{ a @b @b @b @b }", None, 4),
    "root_fields": ("{ a a a a }", None, 4),
    "fields": ("{ a { ...F ...F ...F ...F } } fragment F on Q { b c }", None, 9),
    "variables_depth": ("{ a }", {"a": [[[1]]]}, 4),
    "variables_values": ("{ a }", dict.fromkeys("abcdefg", 1), 7),
    "list_length": ("{ a }", {"a": [1, 2, 3, 4, 5]}, 5),
}


@pytest.mark.parametrize("limit", PAST)
def test_an_error_names_the_limit_the_figure_and_the_maximum(limit: str) -> None:
    text, variables, figure = PAST[limit]
    most = getattr(Few(), limit)

    for _ in range(2):  # the second time by what is remembered
        error = Limiter().refusal(text, variables, Few())

        assert error is not None
        assert error.extensions == {"code": "TOO_COMPLEX", "limit": limit, "figure": figure, "maximum": most}
        assert error.message.startswith(f"{limit}: {figure} ")
        assert error.message.endswith(f"at most {most}")


def test_what_is_at_its_limits_is_let_pass() -> None:
    limiter = Limiter()

    for text in ("{ " + "a { b } " * 3 + "}", "{ a { a { a } } }", "{ a: b @c b: b @c c: b @c }"):
        assert limiter.refusal(text, {"a": {"b": [1, 2, 3]}}, Few()) is None


def test_every_limit_has_its_words() -> None:
    assert set(limits.WORDS) == set(PAST)
