"""Operations compiled, by their text; and requests prepared, by their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import strawberry
from graphql import (
    FragmentDefinitionNode,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_argument_values,
    get_variable_values,
    parse,
    visit,
)
from strawberry.extensions import SchemaExtension
from strawberry.types.arguments import convert_arguments

from execution.answers import Bounded
from execution.documents import Asked, Persisted, Refused
from execution.limits import Bounds, are_bounded
from execution.projectors import DEFINITION, Child, Projector, Unplanned, compile_selection

PLANS_SIZE_MAX = 2_000_000  # of their texts; a plan is about ten times as large
SEEN_SIZE, SEEN_SIZE_MAX = 100, 2_000_000  # of texts that have been seen, by their hashes
SWITCHES_MAX = 4
ANSWERS_MAX = 16  # of one request, for as many who ask
PLAIN = (str, int, float, bool, type(None), Enum, date, datetime, time, timedelta, UUID)
Who = tuple[Hashable, Hashable]
MEMBERS = {"query", "variables", "operationName", "extensions"}


@dataclass(eq=False, slots=True)
class Operation:
    """An operation that can be planned. switches: the variables that @skip and @include ask for, each with its own plan."""

    node: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    switches: tuple[str, ...]
    projectors: dict[tuple[bool, ...], Projector | None] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Prepared:
    """A request, as far as it does not depend on who asks and when: its plan, and its fields' arguments.

    keys: of the arguments of each LATER field's selection: the same for the same ones. answers: kept of it, for a scope and
    somebody in it, or for nobody in particular. flights: answers being made. operation: its name. asked: what was asked for.
    """

    projector: Projector
    values: list[dict[str, Any]]
    keys: dict[Child, Hashable]
    asked: Asked
    answers: dict[Who, Any] = field(default_factory=dict)
    flights: dict[Who, asyncio.Future[None]] = field(default_factory=dict)
    operation: str | None = None

    def keep(self, who: Who, answer: Any) -> None:
        """Keeps an answer, a few at most."""
        if len(self.answers) >= ANSWERS_MAX and who not in self.answers:
            del self.answers[next(iter(self.answers))]
        self.answers[who] = answer


class Plans:
    """Makes plans of a schema's queries, each at the second sight of its text."""

    def __init__(
        self, schema: strawberry.Schema, persisted: Persisted | None = None, bounds: Bounds | None = None
    ) -> None:
        """persisted: the texts of requests that name them by a hash. bounds: of variables; None for none.

        Raises Unplanned where something wraps all resolvers.
        """
        if schema.exception_handlers or any(
            type(one).resolve is not SchemaExtension.resolve for one in schema.get_extensions()
        ):
            raise Unplanned("extensions of the schema wrap its resolvers")
        if schema.config.default_resolver is not getattr:
            raise Unplanned("the schema has a default resolver of its own")
        self._schema = schema
        self._persisted = persisted or Persisted()
        self._bounds = bounds
        self._core = schema._schema
        self._operations: Bounded[tuple[str, str | None], Operation | None] = Bounded(PLANS_SIZE_MAX)
        self._seen: Bounded[int, bool] = Bounded(SEEN_SIZE_MAX)

    def prepare(self, body: bytes) -> Prepared | None:
        """A request by its body; None where the stock path is to answer, and perhaps to word an error."""
        found = self.asked(body)
        if found is None:
            return None
        query, name, variables = found
        operation = self._operations.get((query, name))
        if operation is None or (self._bounds and not are_bounded(variables, self._bounds)):
            return None
        values = get_variable_values(self._core, operation.node.variable_definitions or (), variables)
        if isinstance(values, list):
            return None
        switches = {one: values.coerced.get(one) for one in operation.switches}
        if not all(isinstance(one, bool) for one in switches.values()):
            return None
        projector = self._projector(operation, switches)  # type: ignore[arg-type]
        if projector is None:
            return None
        try:
            arguments = [
                convert_arguments(
                    get_argument_values(one.field, one.node, values),
                    one.field.extensions[DEFINITION].arguments,
                    self._schema.schema_converter.scalar_registry,
                    self._schema.config,
                )
                for one in projector.arguments
            ]
        except Exception:  # of an input's own too: whatever it is, the stock path words it
            return None
        keys = {one: _key(arguments[one.arguments]) for one in projector.children}
        asked = Asked(operation.node, operation.fragments, variables)
        named = operation.node.name.value if operation.node.name else None
        return Prepared(projector, arguments, keys, asked, operation=named)

    def learn(self, body: bytes) -> bool:
        """The stock path has answered this without an error: at the second time a plan is made. Whether there is one now."""
        found = self.asked(body)
        if found is None:
            return False
        query, name, _ = found
        key = (query, name)
        mark = hash(key)  # two texts with one hash: the second is planned when it comes first, or never
        if self._operations.get(key) is not None:
            return True
        if self._seen.get(mark) is None:
            self._seen.put(mark, True, SEEN_SIZE)
            return False
        if self._seen.get(mark):
            operation = self._operation(query, name)
            if operation is not None:
                self._operations.put(key, operation, 2 * len(query) + 100)
            if self._operations.get(key) is not None:
                return True
            self._seen.put(mark, False, SEEN_SIZE)  # it cannot be planned, or kept
        return False

    def asked(self, body: bytes) -> tuple[str, str | None, dict[str, Any]] | None:
        """A request's query, operation name and variables; None for what is not plainly that."""
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(found, dict) or not found.keys() <= MEMBERS:
            return None
        query, name, variables = found.get("query"), found.get("operationName"), found.get("variables")
        extensions = found.get("extensions")
        if not isinstance(name, str | None) or not all(isinstance(one, dict | None) for one in (variables, extensions)):
            return None
        try:
            text = self._persisted.text(query, extensions)
        except Refused:
            return None
        return (text, name, variables or {}) if isinstance(text, str) else None

    def _operation(self, query: str, name: str | None) -> Operation | None:
        document = parse(query)
        fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        chosen = [one for one in operations if len(operations) == 1 or (one.name and one.name.value == name)]
        if len(chosen) != 1:  # of several without a name Strawberry takes one
            return None
        (node,) = chosen
        if node.operation is not OperationType.QUERY or node.directives:
            return None
        finder = _Switches()
        visit(document, finder)
        switches = tuple(sorted(finder.names & {one.variable.name.value for one in node.variable_definitions or ()}))
        return Operation(node, fragments, switches) if len(switches) <= SWITCHES_MAX else None

    def _projector(self, operation: Operation, switches: Mapping[str, bool]) -> Projector | None:
        key = tuple(switches.values())
        if key not in operation.projectors:
            query_type = self._core.query_type
            assert query_type is not None
            try:
                operation.projectors[key] = compile_selection(
                    self._core, query_type, operation.node.selection_set, operation.fragments, switches
                )
            except (Unplanned, RecursionError):
                operation.projectors[key] = None
        return operation.projectors[key]


class _Switches(Visitor):
    """The variables that @skip and @include ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: Any, *_: Any) -> None:
        if node.name.value in ("skip", "include"):
            self.names |= {one.value.name.value for one in node.arguments if isinstance(one.value, VariableNode)}


def _key(values: Any) -> Hashable:
    """The same for equal arguments; one of its own where that cannot be told."""
    return repr(values) if _is_plain(values) else object()


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, PLAIN)
