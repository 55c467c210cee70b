"""Queries drawn at random over the whole of the schema's queries, with a salon's own values; most are right, some are not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_object_type,
)

from schema.schema import schema

CORE = schema._schema
DEPTH_MAX = 4
UNMARKED = {"firstAvailable", "booking", "bookings", "dashboard", "analytics", "explainDay", "conflicts", "setup"}
UNMARKED |= {"auditLog", "offerHistory", "waitlist", "webhooks", "webhookDeliveries"}
UNMARKED_SHARE, WRONG_SHARE = 0.02, 0.015
WRONG = {
    "ID": ["asha", "", 7, "99999999-0000-4000-8000-000000000009", None],
    "Date": ["2026-02-30", "tomorrow", 20261215, "2200-01-01", None],
    "DateTime": ["now", "2026-12-15", 5],
    "Int": [0, -1, 201, 2**31, "3", 1.5],
    "String": ["Nowhere/At all", "", 1],
    "Freshness": ["verified", "NEW", 1],
    "SlotStatus": ["FREE", "held"],
}


@dataclass
class Drawing:
    """One document under way. values: an argument's or type's name to the values that it may have."""

    random: Random
    values: Mapping[str, Sequence[Any]]
    numbers: Any = field(default_factory=itertools.count)
    declared: list[str] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    bare: set[str] = field(default_factory=set)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def name(self, of: str) -> str:
        """One that no other thing of the document has; that of a field begins with the field's own."""
        return f"{of}_{next(self.numbers)}"

    def selections(self, type_: GraphQLObjectType, depth: int) -> str:
        """Some fields of a type, some of them in fragments."""
        names = [name for name in type_.fields if self.may_ask(type_, name, depth)]
        chosen = self.random.choices(names, k=self.random.choice((1, 2, 2, 3))) if names else []
        shown = [self.field(name, type_.fields[name], depth) for name in chosen]
        if not names or self.chance(0.15):
            shown.insert(self.random.randrange(len(shown) + 1), self.random.choice(("__typename", "t: __typename")))
        return "{ " + " ".join(self.wrapped(type_, shown)) + " }"

    def may_ask(self, type_: GraphQLObjectType, name: str, depth: int) -> bool:
        if name in UNMARKED or (type_.name == "Booking"):
            return self.chance(UNMARKED_SHARE) and depth < 2
        return self.chance(1 - depth / DEPTH_MAX) or is_leaf_type(get_named_type(type_.fields[name].type))

    def wrapped(self, type_: GraphQLObjectType, shown: list[str]) -> list[str]:
        """Some of what stands one after another in a fragment, named or not, once or twice."""
        if not self.chance(0.25):
            return shown
        cut = self.random.randrange(len(shown))
        inside = " ".join(shown[cut:])
        if self.chance(0.5):
            on = self.random.choice(("", f"on {type_.name} "))
            return [*shown[:cut], f"... {on}{self.directive()}{{ {inside} }}"]
        name = self.name("F")
        self.fragments.append(f"fragment {name} on {type_.name} {{ {inside} }}")
        return [*shown[:cut], f"...{name} {self.directive()}", *([f"...{name}"] if self.chance(0.3) else [])]

    def field(self, name: str, of: GraphQLField, depth: int) -> str:
        """A field, perhaps twice, to be merged; under an alias where it has arguments and stands elsewhere with others."""
        arguments = self.arguments(of)
        is_alone = not of.args or name not in self.bare
        alias = "" if is_alone and self.chance(0.7) else f"{self.name(name)}: "
        if of.args and not alias:
            self.bare.add(name)
        type_ = get_named_type(of.type)
        times = 2 if self.chance(0.08) else 1
        shown = []
        for _ in range(times):
            inner = self.selections(type_, depth + 1) if is_object_type(type_) else ""
            shown.append(f"{alias}{name}{arguments} {self.directive()}{inner}")
        return " ".join(shown)

    def arguments(self, of: GraphQLField) -> str:
        shown = [
            f"{name}: {self.argument(name, one)}"
            for name, one in of.args.items()
            if isinstance(one.type, GraphQLNonNull) or self.chance(0.3)
        ]
        return f"({', '.join(shown)})" if shown else ""

    def argument(self, name: str, of: GraphQLArgument) -> str:
        """A literal, or a variable that is given, null, or left to its default."""
        value = self.value(name, of.type)
        if not self.chance(0.4):
            return literal(value, of.type)
        variable = self.name("v")
        default = ""
        if self.chance(0.3) and value is not None:
            default = f" = {literal(value, of.type)}"
            value = self.value(name, of.type)
        if not default or self.chance(0.5):
            self.given[variable] = value
        self.declared.append(f"${variable}: {of.type}{default}")
        return f"${variable}"

    def value(self, name: str, type_: Any) -> Any:
        if isinstance(type_, GraphQLNonNull):
            return self.value(name, type_.of_type)
        named = get_named_type(type_).name
        if self.chance(WRONG_SHARE):
            return self.random.choice(WRONG[named])
        if isinstance(type_, GraphQLList):
            if self.chance(0.1):
                return None
            return [self.value(name, type_.of_type) for _ in range(self.random.choice((0, 1, 1, 2, 2, 3)))]
        return self.random.choice(self.values.get(name) or self.values.get(named) or WRONG[named])

    def directive(self) -> str:
        if not self.chance(0.12):
            return ""
        value = self.random.choice(("true", "false"))
        if self.chance(0.5):
            variable = self.name("b")
            self.declared.append(f"${variable}: Boolean!")
            self.given[variable], value = value == "true", f"${variable}"
        return f"@{self.random.choice(('skip', 'include'))}(if: {value}) "


def literal(value: Any, type_: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, list):
        return f"[{', '.join(literal(one, get_named_type(type_)) for one in value)}]"
    if isinstance(value, str) and isinstance(get_named_type(type_), GraphQLEnumType):
        return value or '""'
    return json.dumps(value)


def draw(random: Random, values: Mapping[str, Sequence[Any]]) -> tuple[str, dict[str, Any]]:
    """A document of one query, and its variables."""
    drawing = Drawing(random, values)
    assert CORE.query_type is not None
    body = drawing.selections(CORE.query_type, 0)
    declared = f"query ({', '.join(drawing.declared)}) " if drawing.declared else ""
    query = " ".join((f"{declared}{body}", *drawing.fragments))
    if drawing.chance(WRONG_SHARE):
        query = spoiled(random, query)
    if drawing.given and drawing.chance(WRONG_SHARE):
        del drawing.given[random.choice(list(drawing.given))]
    return query, drawing.given


def spoiled(random: Random, query: str) -> str:
    """A document with something amiss."""
    ways: list[Callable[[], str]] = [
        lambda: query[:-1],
        lambda: query.replace("name", "nome", 1),
        lambda: query.replace("{", "{ nothing ", 1),
        lambda: query + " fragment Unused on Query { __typename }",
    ]
    return random.choice(ways)()
