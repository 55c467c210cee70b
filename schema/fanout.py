"""One rendering for all who watch the same in the same words: a change is executed and encoded once, and its bytes go to all.

A subscriber's own operation runs the stock way for what comes first; from then on it is handed what the rendering makes. The
rendering is the same operation, run once for all, of somebody with the same rights who comes from nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    parse,
)
from strawberry.types.execution import ExecutionResult

from execution.metering import Meter
from resolvers import live
from resolvers.context import Caller
from resolvers.live import Change, Group, Outlet, Watched
from schema import errors
from schema.operation import Asking

FIELD, SINCE, HELD_BY_YOU = "availabilityChanged", "sinceVersion", "heldByYou"
WAITING_MAX = 64  # results that a subscriber may be behind; then it is hung up on

Start = Callable[[Asking], Awaitable[Any]]


class Watch(NamedTuple):
    """A document's operation, if it is a subscription. since: the variable of its sinceVersion, if it has one.

    is_shared: whether others can have its results too. name: the operation's.
    """

    name: str | None
    is_shared: bool
    since: str | None


class Member:
    """One subscriber's place at a rendering: results and the numbers of their changes, a bounded few."""

    def __init__(self, rendering: Rendering, on_slow: Callable[[], None]) -> None:
        self.after = 0
        self._rendering = rendering
        self._on_slow = on_slow
        self._results: asyncio.Queue[tuple[int, ExecutionResult | None]] = asyncio.Queue()

    def put(self, number: int, result: ExecutionResult | None) -> None:
        """Hands a result in; None is the end. Who is too far behind is hung up on."""
        if self._results.qsize() < WAITING_MAX:
            self._results.put_nowait((number, result))
        else:
            self._on_slow()

    async def results(self) -> AsyncGenerator[ExecutionResult, None]:
        """Those of changes after the subscriber's first, to the end."""
        while True:
            number, result = await self._results.get()
            if result is None:
                return
            if number > self.after or result.errors:
                yield result

    def leave(self) -> None:
        """Nothing comes any more."""
        self._rendering.leave(self)


class Rendering:
    """The operation, run once for its members. It lives as long as it has any."""

    def __init__(self, group: Group, gone: Callable[[], None]) -> None:
        self._group = group
        self._gone = gone
        self._outlet = Outlet()
        self._members: list[Member] = []
        self._task: asyncio.Task[None] | None = None

    def join(self, member: Member, start: Start, asking: Asking) -> None:
        """Hands a member all results from now on. start, asking: the operation, and for whom, should this be the first."""
        self._members.append(member)
        if self._task is None:
            self._group.add(self._outlet)
            asking.live = self._changes
            self._task = asyncio.create_task(self._render(start, asking), name="live rendering")

    def leave(self, member: Member) -> None:
        self._members.remove(member)
        if not self._members and self._task is not None:
            self._gone()
            self._group.remove(self._outlet)
            self._task.cancel()

    def __len__(self) -> int:
        return len(self._members)

    async def _changes(self, _asking: Asking, _watched: Watched, _since: str | None) -> AsyncGenerator[Change, None]:
        while True:
            yield await self._outlet.take()

    async def _render(self, start: Start, asking: Asking) -> None:
        async with aclosing(await start(asking)) as results:
            async for result in results:
                if not result.errors:
                    result.data = orjson.Fragment(orjson.dumps(result.data))
                for member in list(self._members):
                    member.put(self._outlet.number, result)
        self._gone()
        for member in list(self._members):
            member.put(self._outlet.number, None)


def stream(
    asking: Asking, start: Start, query: str, variables: Mapping[str, Any] | None, operation_name: str | None
) -> AsyncGenerator[Any, None]:
    """An operation's results: one that can be shared is, after its own first ones. start: runs it the stock way."""
    watch = _watch(query, operation_name)
    results = _results(asking, start, query, variables, operation_name, watch)
    return _counted(results, asking.meter, watch.name) if watch and asking.meter else results


async def _counted(results: AsyncGenerator[Any, None], meter: Meter, name: str | None) -> AsyncGenerator[Any, None]:
    subscribed = meter.subscribed(name)
    try:
        async with aclosing(results):
            async for result in results:
                subscribed.sends(is_error=bool(result.errors))
                yield result
    finally:
        subscribed.ends()


async def _results(
    asking: Asking,
    start: Start,
    query: str,
    variables: Mapping[str, Any] | None,
    operation_name: str | None,
    watch: Watch | None,
) -> AsyncGenerator[Any, None]:
    subscriber = _Subscriber(asking, start, query, (operation_name, _named(variables, watch)))
    if watch and watch.is_shared:
        asking.live = subscriber.first
    if watch and (refused := await _refused(asking)):
        yield refused
        return
    try:
        async with aclosing(await start(asking)) as results:
            async for result in results:
                yield result
                if subscriber.member is not None and result.errors:
                    return
        if subscriber.member is not None:
            async for result in subscriber.member.results():
                if not result.errors and (refused := await _refused(asking)):
                    yield refused
                    return
                yield result
    finally:
        if subscriber.member is not None:
            subscriber.member.leave()


class _Subscriber:
    """Somebody whose operation may turn out to be a watch; then they become a member of its rendering."""

    def __init__(self, asking: Asking, start: Start, query: str, words: tuple[Any, ...]) -> None:
        self.member: Member | None = None
        self._asking = asking
        self._start = start
        self._query = query
        self._words = words

    async def first(self, _asking: Asking, watched: Watched, since: str | None) -> AsyncGenerator[Change, None]:
        """What comes first, and from its last change on the rendering's results are the member's."""
        asking = self._asking
        assert asking.context is not None
        caller, slug = await asking.caller(), asking.context.directory.tenant.slug
        group = live.group(asking.app, slug, watched)
        renderings: dict[Any, Rendering] = asking.app.feed.renderings
        key = (group, self._query, self._words, caller.role, _holder(self._query, caller))
        if key not in renderings:
            renderings[key] = Rendering(group, lambda: renderings.pop(key, None))  # type: ignore[arg-type]
        self.member = Member(renderings[key], asking.on_slow)
        renderings[key].join(self.member, self._start, _anyone(asking, caller, slug))
        self.member.after, first = await group.first(since)
        for change in first:
            yield change


async def _refused(asking: Asking) -> ExecutionResult | None:
    """The error of somebody who may not ask here, or not any more; of anybody else, the context to begin with."""
    try:
        await asking.open(remembers=False)
    except Exception as refusal:  # whatever it is: what is our fault is logged there under an id
        message, extensions = errors.describe(GraphQLError(str(refusal), original_error=refusal))
        return ExecutionResult(data=None, errors=[GraphQLError(message, extensions=extensions)])
    return None


def _anyone(asking: Asking, caller: Caller, slug: str) -> Asking:
    """Somebody with this caller's rights, whose token does not end."""

    async def authenticate(_headers: Mapping[str, str]) -> Caller:
        return Caller(holder=caller.holder, role=caller.role, tenant_slug=slug)

    return Asking(asking.app, authenticate, {})


def _holder(query: str, caller: Caller) -> str | None:
    """Who asks, where the answer depends on it."""
    return caller.holder if HELD_BY_YOU in query else None


def _named(variables: Mapping[str, Any] | None, watch: Watch | None) -> bytes:
    """The variables, but for where the subscriber stopped, which is their own."""
    kept = {name: value for name, value in (variables or {}).items() if not watch or name != watch.since}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)


@lru_cache(maxsize=1024)
def _watch(query: str, operation_name: str | None) -> Watch | None:
    """What is known of a document's operation before it is run; None unless it is a subscription."""
    with suppress(GraphQLError, RecursionError):
        for one in parse(query).definitions:
            if (
                isinstance(one, OperationDefinitionNode)
                and one.operation is OperationType.SUBSCRIPTION
                and (operation_name is None or (one.name and one.name.value == operation_name))
            ):
                name = one.name.value if one.name else None
                field, *others = one.selection_set.selections
                if not others and isinstance(field, FieldNode) and field.name.value == FIELD:
                    return Watch(name, is_shared=True, since=_variable_of(field, SINCE))
                return Watch(name, is_shared=False, since=None)
    return None


def _variable_of(field: FieldNode, argument: str) -> str | None:
    """The variable that is an argument's value."""
    values = [one.value for one in field.arguments or () if one.name.value == argument]
    return next((value.name.value for value in values if isinstance(value, VariableNode)), None)
