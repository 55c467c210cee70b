"""How a mutation of the setup becomes a Change (resolvers/managing.py), and the Change an answer. Its name is its field's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from db.managing import Kind, Row
from domain.errors import InvalidInput, NotFound, Refusal
from domain.model import Span
from resolvers import managing, shapes, writing
from resolvers.context import Context
from resolvers.managing import Change, Changed
from resolvers.salon_file import Shape
from resolvers.writing import Request
from schema import changes, setup_inputs
from schema.operation import context_of
from schema.types import Info, Location, Service, Stylist

S = TypeVar("S", bound=Shape)
Given = Mapping[str, Any]  # what was sent, as JSON values, for the audit log

NULLABLE = {
    "payment_url",
    "payment_seconds",
    "busy_stale_seconds",
}  # null clears them; elsewhere it is as good as nothing
# The type that a change of a thing answers, and which of its members shows the thing.
SHOWN: Mapping[Kind, tuple[Callable[..., changes.Change], str, Any]] = {
    Kind.LOCATION: (changes.LocationChange, "location", Location),
    Kind.SERVICE: (changes.ServiceChange, "service", Service),
    Kind.STYLIST: (changes.StylistChange, "stylist", Stylist),
}


class OfStylist(NamedTuple):
    """What is to change of a stylist's: a thing of a kind under a key; span: when, if not always."""

    kind: Kind
    key: Row
    becomes: managing.Next
    span: Span | None = None


async def create(info: Info, kind: Kind, shape: type[Shape], input: Any, **also: Any) -> Any:
    """Adds a place, service or stylist. also: columns that the input does not say."""

    async def work(context: Context, parsed: Any, given: Given) -> Any:
        row = {**parsed.model_dump(), **also}
        row["id"] = row["id"] or str(uuid4())
        change = Change(info.field_name, kind, {"id": row["id"]}, managing.creating(row), given)
        return shown(info, context, kind, row["id"], await managing.make(context, change))

    return await with_input(info, shape, input, work)


async def update(info: Info, kind: Kind, shape: type[Shape], input: Any) -> Any:
    """Changes what is given of a place, service or stylist."""

    async def work(context: Context, parsed: Shape, given: Given) -> Any:
        return await _updated(info, context, kind, given_columns(parsed), given)

    return await with_input(info, shape, input, work)


async def retire(info: Info, kind: Kind, id_: str) -> Any:
    """Takes a service or stylist off sale."""

    async def work(context: Context) -> Any:
        return await _updated(info, context, kind, {"id": id_, "active": False}, {"id": id_})

    return await answer(info, work)


async def of_stylist(info: Info, shape: type[S], input: Any, change_of: Callable[[Context, S], OfStylist]) -> Any:
    """Changes something of a stylist's. The stylist must be known before change_of is asked."""

    async def work(context: Context, parsed: S, given: Given) -> Any:
        stylist_id = managing.known(context, parsed.stylist_id).id  # type: ignore[attr-defined]
        return await _of_stylist_changed(info, context, stylist_id, change_of(context, parsed), given)

    return await with_input(info, shape, input, work)


async def without(info: Info, kind: Kind, key: Row, day: date | None = None) -> Any:
    """Takes something of a stylist's away. day: on which it is, if it is of one."""

    async def work(context: Context) -> Any:
        stylist_id = managing.known(context, key["stylist_id"]).id
        span = managing.date_span(context, day) if day else None
        given = {name: str(value) for name, value in key.items()}
        return await _of_stylist_changed(
            info, context, stylist_id, OfStylist(kind, key, managing.removing, span), given
        )

    return await answer(info, work)


async def with_input(
    info: Info,
    shape: type[S],
    input: Any,
    work: Callable[[Context, S, Given], Awaitable[Any]],
    *,
    keep_null: bool = False,
) -> Any:
    """What the work answers to an input in its shape. What is refused is audited, and answered with every fault.

    keep_null: null says something.
    """

    async def whole(context: Context) -> Any:
        values = setup_inputs.plain(input, keep_null=keep_null)
        given = setup_inputs.as_json(values)
        try:
            parsed = shapes.parse(shape, values, context.directory)
        except InvalidInput as refusal:
            await writing.audit_refusal(context, Request(info.field_name, given), refusal)
            raise
        return await work(context, parsed, given)

    return await answer(info, whole)


async def answer(info: Info, work: Callable[[Context], Awaitable[Any]]) -> Any:
    """What the work answers, with a directory that was certainly current when it began; or the Problem of its refusal."""
    context = context_of(info)
    await context.renew()
    try:
        return await work(context)
    except Refusal as refusal:
        return changes.problem(refusal)


def shown(info: Info, context: Context, kind: Kind, id_: str, found: Changed) -> Any:
    """What a change answers that shows a place, service or stylist as it now is."""
    of, member, thing = SHOWN[kind]
    return changes.changed(info, of, found, **{member: thing.of(context.directory, id_)})


def given_columns(shape: Shape) -> dict[str, Any]:
    """The columns that an update gives."""
    found = shape.model_dump(include=shape.model_fields_set)
    return {name: value for name, value in found.items() if value is not None or name in NULLABLE}


def known(things: Mapping[str, Any], id_: str) -> str:
    """An id that is among them. Raises NotFound."""
    if id_ not in things:
        raise NotFound
    return id_


async def _updated(info: Info, context: Context, kind: Kind, row: Row, given: Given) -> Any:
    key, who = {"id": row["id"]}, managing.who_has(context, kind, row["id"])
    change = Change(info.field_name, kind, key, managing.updating(row), given, who)
    return shown(info, context, kind, row["id"], await managing.make(context, change))


async def _of_stylist_changed(info: Info, context: Context, stylist_id: str, one: OfStylist, given: Given) -> Any:
    change = Change(info.field_name, one.kind, one.key, one.becomes, given, [stylist_id], one.span)
    return shown(info, context, Kind.STYLIST, stylist_id, await managing.make(context, change))
