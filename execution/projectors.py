"""Generated functions that make of resolvers' values what graphql-core would: the same data, or a Surprise.

Each object type of a selection becomes one function, a dict display with an expression per field, so that Python's own
compiler sees constant keys and direct attributes. Fields whose value is not known yet, or changes, leave a hole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
    is_abstract_type,
    is_object_type,
)
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from execution.marks import Kind, Mark, Written, mark_of

DEFINITION = "strawberry-definition"
INT_MIN, INT_MAX = -(2**31), 2**31 - 1
GAP = b"\x00"  # no JSON has it: orjson writes it as an escape
HOLE = orjson.Fragment(GAP)
INDENT = "\n        "


class Unplanned(Exception):
    """No plan can be made of an operation; the message says why."""


class Surprise(Exception):
    """A value that graphql-core is to judge: it may be an error, or a thing that it would turn into another."""


@dataclass(eq=False, slots=True)
class Changing:
    """A leaf that changes. found(object): as it was found. In an answer that is served again: later(object), or, of what is
    momentary, later(the object's attribute `of`, moment).
    """

    of: str
    found: Callable[[Any], Any]
    later: Callable[..., Any]


@dataclass(eq=False, slots=True)
class Child:
    """What is made of a LATER field's value.

    bind: gives its holes again, in order; None where it has some in lists. arguments: which of the projector's are its.
    """

    is_list: bool
    arguments: slice
    project: Callable[..., Any]
    bind: Callable[..., Any] | None


class Hole(NamedTuple):
    """A place in a rendering. value: the object to ask, or what is awaited."""

    what: Changing | Child
    value: Any


class Arguments(NamedTuple):
    """A field's arguments as the operation has them: their values come with a request's variables."""

    field: GraphQLField
    node: FieldNode


@dataclass(eq=False, slots=True)
class Projector:
    """A selection, compiled. project(source, arguments, info, holes) gives its data.

    arguments: of its fields, by the index that its code has for them. is_by_asker: whether who asks makes a difference.
    changing: where in the data leaves are that change, as response keys.
    """

    project: Callable[..., Any]
    arguments: list[Arguments]
    children: list[Child]
    is_by_asker: bool
    changing: frozenset[tuple[str, ...]]


class Functions(NamedTuple):
    """An object type's functions by name. is_bindable: no hole of it is in a list."""

    project: str
    bind: str
    has_holes: bool
    is_bindable: bool


def compile_selection(
    schema: GraphQLSchema,
    type_: GraphQLObjectType,
    selections: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    switches: Mapping[str, bool],
) -> Projector:
    """switches: the variables that @skip and @include ask for. Raises Unplanned."""
    writer = _Writer(schema, fragments, switches)
    written = writer.object(type_, [selections], is_root=True)
    namespace = writer.compiled()
    for child, project, bind in writer.children:
        child.project = namespace[project]
        child.bind = namespace[bind] if bind else None
    for changing, leaf, mark, resolver in writer.changing:
        changing.found, changing.later = _after(resolver, namespace[leaf]), _after(mark.value, namespace[leaf])
    children = [child for child, *_ in writer.children]
    changing_paths = frozenset(writer.changing_paths)
    return Projector(namespace[written.project], writer.arguments, children, writer.is_by_asker, changing_paths)


@dataclass(eq=False)
class _Writer:
    """Writes the functions of one selection."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    switches: Mapping[str, bool]
    source: list[str] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=lambda: dict(HELPERS))
    arguments: list[Arguments] = field(default_factory=list)
    children: list[tuple[Child, str, str | None]] = field(default_factory=list)
    changing: list[tuple[Changing, str, Mark, Callable[..., Any]]] = field(default_factory=list)
    changing_paths: set[tuple[str, ...]] = field(default_factory=set)
    path: tuple[str, ...] = ()
    is_by_asker: bool = False
    in_child: bool = False

    def compiled(self) -> dict[str, Any]:
        namespace = self.constants
        exec(compile("\n".join(self.source), "<projector>", "exec"), namespace)  # noqa: S102 - names and numbers of ours; the document's words are literals
        return namespace

    def constant(self, value: Any) -> str:
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def object(self, type_: GraphQLObjectType, selections: Iterable[SelectionSetNode], *, is_root: bool) -> Functions:
        """Writes the functions of an object type under these selection sets, merged."""
        number = len(self.source)
        self.source.append("")
        entries, binders, has_holes, is_bindable = [], [], False, True
        for key, nodes in self.collect(type_, selections).items():
            if nodes[0].name.value == "__typename":
                entries.append(f"{key!r}: {type_.name!r}")
                continue
            self.path += (key,)
            entry = self.field(type_, nodes)
            self.path = self.path[:-1]
            entries.append(f"{key!r}: {entry.code}")
            has_holes = has_holes or entry.has_holes
            is_bindable = is_bindable and (entry.bind is not None or not entry.has_holes)
            if entry.bind:
                binders.append(entry.bind)
        check = "" if is_root else f"\n    if v.__class__ is not {self.constant(_class_of(type_))}: bad(v)"
        written = Functions(f"p{number}", f"b{number}", has_holes, is_bindable)
        shown = f",{INDENT}".join(entries)
        lines = [f"def {written.project}(v, a, i, h):{check}", f"    return {{{INDENT}{shown}}}"]
        if has_holes and is_bindable:
            lines += [f"def {written.bind}(v, a, i, h):", *(f"    {one}" for one in binders)]
        self.source[number] = "\n".join(lines)
        return written

    def field(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> _Entry:
        name = nodes[0].name.value
        definition = type_.fields.get(name)
        if definition is None:
            raise Unplanned(f"{type_.name}.{name} is not a field of the schema's own")
        own = definition.extensions.get(DEFINITION)
        if not isinstance(own, StrawberryField):
            raise Unplanned(f"{type_.name}.{name} is not Strawberry's")
        mark, call = self.call(f"{type_.name}.{name}", own, definition, nodes[0])
        selections = [node.selection_set for node in nodes if node.selection_set]
        self.is_by_asker = self.is_by_asker or mark.is_by_asker
        if mark.kind is Kind.LATER:
            return self.later(definition.type, call, selections)
        if mark.kind in (Kind.SETTLED, Kind.MOMENTARY):
            if selections or definition.args or own.base_resolver is None:
                raise Unplanned(f"{type_.name}.{name} changes, and is no leaf without arguments")
            code = f"hole(h, {self.changes(mark, own.base_resolver.wrapped_func, definition.type)}, v)"
            return _Entry(code, code, has_holes=True)
        return self.complete(definition.type, call, selections, depth=0)

    def call(self, name: str, own: StrawberryField, definition: GraphQLField, node: FieldNode) -> tuple[Mark, str]:
        """A field's mark, and the expression of its resolver's result."""
        resolver = own.base_resolver
        if resolver is None:
            if own.extensions or not own.python_name.isidentifier():
                raise Unplanned(f"{name} has extensions")
            return Mark(), f"v.{own.python_name}"
        mark = mark_of(resolver.wrapped_func)
        info = resolver.info_parameter
        if own.extensions or resolver.is_async or resolver.root_parameter or resolver.parent_parameter:
            raise Unplanned(f"{name} is resolved in a way of its own")
        if info and mark is None:
            raise Unplanned(f"{name} is not marked")
        parts = ["v"] if resolver.self_parameter else []
        if info:
            parts.append(f"{info.name}=i")
        if definition.args:
            parts.append(f"**a[{len(self.arguments)}]")
            self.arguments.append(Arguments(definition, node))
        return mark or Mark(), f"{self.constant(resolver.wrapped_func)}({', '.join(parts)})"

    def later(self, type_: Any, call: str, selections: list[SelectionSetNode]) -> _Entry:
        if self.in_child:
            raise Unplanned("it asks for more inside of what is awaited")
        inner, is_list = _required(type_), False
        if isinstance(inner, GraphQLList):
            inner, is_list = _required(inner.of_type), True
        if not isinstance(inner, GraphQLObjectType):
            raise Unplanned(f"{type_} is awaited, and no object")
        first, self.in_child = len(self.arguments), True
        written = self.object(inner, selections, is_root=False)
        self.in_child = False
        child = Child(is_list, slice(first, len(self.arguments)), _unwritten, None)
        bind = (written.bind if written.has_holes else "nothing") if written.is_bindable else None
        self.children.append((child, written.project, bind))
        return _Entry(f"hole(h, {self.constant(child)}, {call})", None, has_holes=True)

    def changes(self, mark: Mark, resolver: Any, type_: Any) -> str:
        self.changing_paths.add(self.path)
        changing, name = Changing(mark.of, _unwritten, _unwritten), f"c{len(self.source)}"
        self.source.append(f"def {name}(v):\n    return {self.complete(type_, 'v', [], depth=0).code}")
        self.changing.append((changing, name, mark, resolver))
        return self.constant(changing)

    def complete(self, type_: Any, code: str, selections: list[SelectionSetNode], *, depth: int) -> _Entry:
        """The expression that completes the value of an expression, as graphql-core's complete_value would."""
        if not isinstance(type_, GraphQLNonNull):
            inner = self.complete(GraphQLNonNull(type_), f"n{depth}", selections, depth=depth + 1)
            unless = f"None if (n{depth} := {code}) is None else"
            return _Entry(f"({unless} {inner.code})", inner.bind and f"({unless} {inner.bind})", inner.has_holes)
        inner_type = type_.of_type
        if isinstance(inner_type, GraphQLList):
            item = self.complete(inner_type.of_type, f"y{depth}", selections, depth=depth + 1)
            return _Entry(f"[{item.code} for y{depth} in items({code})]", None, has_holes=item.has_holes)
        if isinstance(inner_type, GraphQLObjectType):
            written = self.object(inner_type, selections, is_root=False)
            bind = f"{written.bind}({code}, a, i, h)" if written.has_holes and written.is_bindable else None
            return _Entry(f"{written.project}({code}, a, i, h)", bind, written.has_holes)
        return _Entry(self.leaf(inner_type, code, f"x{depth}"), None, has_holes=False)

    def leaf(self, type_: Any, code: str, name: str) -> str:
        if isinstance(type_, GraphQLEnumType):
            return f"{self.constant(_names_of(type_))}[{code}]"
        if not isinstance(type_, GraphQLScalarType):
            raise Unplanned(f"{type_.name} is abstract")
        if check := LEAVES.get(type_.name):
            return check.format(name=name, code=code)
        serialize = f"{self.constant(type_.serialize)}(given({name}))"
        return f"({name} if ({name} := {code}).__class__ is Written or ({name} := {serialize}) is not None else bad({name}))"

    def collect(self, type_: GraphQLObjectType, selections: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """The field nodes of an object type by response key, in order, as graphql-core's collect_fields has them."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection in selections:
            self._collect(type_, selection, found, visited)
        return found

    def _collect(
        self,
        type_: GraphQLObjectType,
        selections: SelectionSetNode,
        found: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for one in selections.selections:
            if not self.includes(one):
                continue
            if isinstance(one, FieldNode):
                found.setdefault(one.alias.value if one.alias else one.name.value, []).append(one)
            elif isinstance(one, InlineFragmentNode):
                if one.type_condition is None or self.applies(one.type_condition.name.value, type_):
                    self._collect(type_, one.selection_set, found, visited)
            elif isinstance(one, FragmentSpreadNode) and one.name.value not in visited:
                visited.add(one.name.value)
                fragment = self.fragments[one.name.value]
                if self.applies(fragment.type_condition.name.value, type_):
                    self._collect(type_, fragment.selection_set, found, visited)

    def applies(self, condition: str, type_: GraphQLObjectType) -> bool:
        other = self.schema.get_type(condition)
        return other is type_ or (is_abstract_type(other) and self.schema.is_sub_type(other, type_))

    def includes(self, node: Any) -> bool:
        for one in node.directives or ():
            if one.name.value not in ("skip", "include"):
                raise Unplanned(f"@{one.name.value} is not planned")
            (argument,) = one.arguments
            value = argument.value
            is_on = self.switches[value.name.value] if isinstance(value, VariableNode) else value.value
            if is_on is (one.name.value == "skip"):
                return False
        return True


class _Entry(NamedTuple):
    """A field's expression, and the statement that gives its holes again."""

    code: str
    bind: str | None
    has_holes: bool


def _required(type_: Any) -> Any:
    if not isinstance(type_, GraphQLNonNull):
        raise Unplanned("what is awaited may be null")
    return type_.of_type


def _class_of(type_: GraphQLObjectType) -> type:
    definition = type_.extensions.get(DEFINITION)
    if not isinstance(definition, StrawberryObjectDefinition) or definition.is_type_of or not is_object_type(type_):
        raise Unplanned(f"{type_.name} is not a plain Strawberry type")
    return definition.origin


def _names_of(type_: GraphQLEnumType) -> dict[Any, str]:
    """The names of an enum's members, as graphql-core would write them."""
    members: Any = getattr(type_, "wrapped_cls", None)
    if members is None:
        raise Unplanned(f"{type_.name} is not Strawberry's")
    return {member: type_.serialize(member) for member in members}


# Helpers of the generated code.


def hole(holes: list[Hole], what: Any, value: Any) -> orjson.Fragment:
    """Leaves a place for what comes later."""
    holes.append(Hole(what, value))
    return HOLE


def bad(value: Any) -> Any:
    """A value that only graphql-core can judge."""
    raise Surprise(f"a {type(value).__name__} where none is planned")


def given(value: Any) -> Any:
    """The value; None, where there must be one, is an error."""
    return bad(value) if value is None else value


def items(value: Any) -> Any:
    """A list's or a tuple's items."""
    return value if value.__class__ in (list, tuple) else bad(value)


def nothing(*_: Any) -> None:
    """The binder of what has no holes."""


def _after(first: Callable[..., Any] | None, then: Callable[[Any], Any]) -> Callable[..., Any]:
    assert first is not None
    return lambda *given: then(first(*given))


def _unwritten(*_: Any) -> Any:
    raise AssertionError("a projector before it is compiled")


HELPERS: dict[str, Any] = {
    "hole": hole,
    "bad": bad,
    "given": given,
    "items": items,
    "nothing": nothing,
    "Written": Written,
    "isfinite": math.isfinite,
}
TEXT = "({name} if ({name} := {code}).__class__ is str else bad({name}))"
LEAVES = {
    "String": TEXT,
    "ID": TEXT,
    "Boolean": "({name} if ({name} := {code}).__class__ is bool else bad({name}))",
    "Int": f"({{name}} if ({{name}} := {{code}}).__class__ is int and {INT_MIN} <= {{name}} <= {INT_MAX} else bad({{name}}))",
    "Float": "({name} if ({name} := {code}).__class__ is float and isfinite({name}) else bad({name}))",
}
