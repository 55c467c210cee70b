"""What an operation costs, from its arguments, before it is run: how many objects its answer has, and availabilities among them.

Stylists x days x services x slots, as the arguments bound them; a list of the tenant's own is taken to be of average length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLNamedType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    get_operation_ast,
    is_list_type,
    is_non_null_type,
    value_from_ast_untyped,
)

from domain.model import Directory
from execution.documents import Asked
from execution.limits import too_complex
from resolvers.app import Limits

SLOTS = 32  # of one availability: eight hours, every quarter of an hour
LEAVES = 4  # which cost as much as the object that they are of
LIST = 10  # what a list has of which nothing is known
WHAT = "objects in the answer, stylists x days x services x slots, four fields counting as one more"
# An operation of no more takes some 10 ms on the stock path, and is done in one go.
SHORT_OBJECTS, SHORT_AVAILABILITIES = 500, 20
COUNTED = "stylists x days x services"


class Sizes(NamedTuple):
    """How long a tenant's own lists are."""

    locations: int
    services: int
    stylists: int
    offerings: int

    @classmethod
    def of(cls, directory: Directory) -> Sizes:
        return cls(len(directory.locations), len(directory.services), len(directory.stylists), len(directory.offerings))

    def each(self, of: int) -> int:
        """How many offerings, on average, one of so many has."""
        return -(-self.offerings // max(1, of))


@dataclass(slots=True)
class Cost:
    """What is found on the way. most: where looking on is of no use any more."""

    most: int
    objects: int = 0
    availabilities: int = 0
    values: dict[str, Any] = field(default_factory=dict)


Arguments = Mapping[str, Any]
Size = Callable[[Arguments, Sizes, Limits], int]


def _page(of: Callable[[Sizes], int]) -> Size:
    def size(given: Arguments, sizes: Sizes, limits: Limits) -> int:
        ids = given.get("ids")
        named = len(ids) if isinstance(ids, list) else limits.page
        return min(_number(given.get("limit"), 50), named, limits.page, of(sizes))

    return size


def _days(given: Arguments, _sizes: Sizes, limits: Limits) -> int:
    try:
        first, last = (date.fromisoformat(given[end]) for end in ("from", "to"))
    except (KeyError, TypeError, ValueError):  # the field itself says what is wrong
        return 1
    return max(1, min((last - first).days + 1, limits.days))


def _first(most: int, default: int, name: str = "first") -> Size:
    return lambda given, _sizes, _limits: min(_number(given.get(name), default), most)


# How many objects a field has, if it is not one.
SIZES: dict[str, Size] = {
    "Query.locations": lambda _given, sizes, _limits: sizes.locations,
    "Query.services": _page(lambda sizes: sizes.services),
    "Query.stylists": _page(lambda sizes: sizes.stylists),
    "Query.firstAvailable": _first(100, 10, "limit"),
    "Query.bookings": _first(200, 50),
    "Query.auditLog": _first(200, 50),
    "BookingConnection.edges": lambda *_: 1,  # of which the connection is taken as many times
    "AuditConnection.edges": lambda *_: 1,
    "Location.stylists": lambda _given, sizes, _limits: -(-sizes.stylists // max(1, sizes.locations)),
    "Stylist.locations": lambda *_: 2,
    "Stylist.services": lambda _given, sizes, _limits: sizes.each(sizes.stylists),
    "Service.offerings": lambda _given, sizes, _limits: sizes.each(sizes.services),
    "Stylist.availability": _days,
    "Availability.slots": lambda *_: SLOTS,
}
AVAILABILITIES = {
    "Query.availableSlots",
    "Stylist.availableSlots",
    "Stylist.availability",
    "Offering.availableSlots",
}


def asked(document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None) -> Asked | None:
    """An operation of a document; None where it is not clear which."""
    operation = get_operation_ast(document, name)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    return None if operation is None else Asked(operation, fragments, variables or {})


def check(schema: GraphQLSchema, asked: Asked, directory: Directory, limits: Limits) -> bool:
    """Lets pass what a valid operation of a tenant may cost; what was let pass is asked no more. Raises GraphQLError.

    Returns whether it is long, so that it should take turns with others.
    """
    sizes = Sizes.of(directory)
    if asked.admitted is None or asked.admitted[0] != sizes:
        found = _cost(schema, asked, sizes, limits)
        if error := _refusal(found, limits):
            raise error
        asked.admitted = sizes, found.objects > SHORT_OBJECTS or found.availabilities > SHORT_AVAILABILITIES
    return bool(asked.admitted[1])


def _cost(schema: GraphQLSchema, asked: Asked, sizes: Sizes, limits: Limits) -> Cost:
    root = schema.get_root_type(asked.operation.operation)
    assert root is not None
    most = max(limits.cost, limits.availabilities)
    found = Cost(most, values={**_defaults(asked.operation), **asked.variables})
    _add(found, schema, asked, root, asked.operation.selection_set, 1, sizes, limits)
    return found


def _refusal(found: Cost, limits: Limits) -> GraphQLError | None:
    if found.availabilities > limits.availabilities:
        return too_complex("availabilities", found.availabilities, limits.availabilities, COUNTED)
    return too_complex("cost", found.objects, limits.cost, WHAT) if found.objects > limits.cost else None


def _add(
    found: Cost,
    schema: GraphQLSchema,
    asked: Asked,
    type_: GraphQLNamedType,
    selection: SelectionSetNode,
    count: int,
    sizes: Sizes,
    limits: Limits,
) -> None:
    """Adds what a selection of so many objects of a type has within it."""
    leaves = 0
    for owner, node in _fields(schema, asked, type_, selection):
        definition = getattr(owner, "fields", {}).get(node.name.value)
        if definition is None or node.selection_set is None:
            leaves += 1
            continue
        name = f"{owner.name}.{node.name.value}"
        size = SIZES.get(name)
        many = count * (_unknown(definition.type) if size is None else size(_given(found, node), sizes, limits))
        found.objects += many
        found.availabilities += many if name in AVAILABILITIES else 0
        if found.objects <= found.most:
            _add(found, schema, asked, get_named_type(definition.type), node.selection_set, many, sizes, limits)
    found.objects += count * (leaves // LEAVES)


def _fields(
    schema: GraphQLSchema, asked: Asked, type_: GraphQLNamedType, selection: SelectionSetNode
) -> Iterator[tuple[GraphQLNamedType, FieldNode]]:
    """A selection's fields with the types that they are of, fragments and what may be skipped included."""
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield type_, node
            continue
        fragment: Any = asked.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        condition = fragment.type_condition
        of = schema.type_map[condition.name.value] if condition else type_
        yield from _fields(schema, asked, of, fragment.selection_set)


def _given(found: Cost, node: FieldNode) -> Arguments:
    return {one.name.value: value_from_ast_untyped(one.value, found.values) for one in node.arguments or ()}


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value
    }


def _unknown(type_: Any) -> int:
    inner = type_.of_type if is_non_null_type(type_) else type_
    return LIST if is_list_type(inner) else 1


def _number(value: Any, default: int) -> int:
    """A bound as it was given; what is none is the field's to refuse."""
    return max(0, value) if isinstance(value, int) else default
