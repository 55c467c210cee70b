"""One operation from the wire to its context: who asks, what they see, and the second try when that turned out stale."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, parse, validate
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from domain.errors import BadRequest
from execution.metering import Meter
from resolvers import live, offers
from resolvers.app import App
from resolvers.context import Caller, Context
from resolvers.live import Watched

Authenticate = Callable[[Mapping[str, str]], Awaitable[Caller]]


FanOut = Callable[..., AsyncGenerator[Any, None]]
Live = Callable[["Asking", Watched, str | None], AsyncGenerator[live.Change, None]]


class Asking:
    """A request or a WebSocket: its headers, with the same names in connection_init's payload added.

    context: of the operation under way; a subscription puts a new one here before each event.
    expires_at: when a WebSocket's token ends, known once its connection is acknowledged.
    answering: the tasks of its operations that have one answer, until that is sent.
    meter: what counts its operations; None for those that no client asked for. is_valid: its document was found to be.
    """

    def __init__(
        self, app: App, authenticate: Authenticate, headers: Mapping[str, str], meter: Meter | None = None
    ) -> None:
        self.app = app
        self.authenticate = authenticate
        self.headers = headers
        self.connection_params: Mapping[str, Any] | None = None
        self.context: Context | None = None
        self.live: Live = _alone
        self.on_slow: Callable[[], None] = _ignored
        self.expires_at: datetime | None = None
        self.answering: set[asyncio.Task[Any]] = set()
        self.meter = meter
        self.is_valid = False

    def for_operation(self) -> Asking:
        """A copy: operations of one WebSocket must not see each other's contexts."""
        copy = Asking(self.app, self.authenticate, self.headers, self.meter)
        copy.connection_params = self.connection_params
        copy.live, copy.on_slow = self.live, self.on_slow
        copy.answering = self.answering
        return copy

    def answer_is_due(self) -> None:
        """The operation of the task under way has one answer, which is worth waiting for when the server stops."""
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)

    async def caller(self) -> Caller:
        """Who is asking, found anew for each answer: a key may have been withdrawn. Raises BadRequest, Unavailable."""
        named = {name.lower(): value for name, value in self.headers.items()}
        params = self.connection_params or {}
        named |= {str(name).lower(): str(value) for name, value in params.items() if value is not None}
        return await self.authenticate(named)

    async def open(self, *, fresh: bool = False, remembers: bool = True) -> Context:
        """A new context, for one answer. Raises BadRequest, Unavailable."""
        self.context = await Context.open(self.app, await self.caller(), fresh=fresh, remembers=remembers)
        return self.context


def _ignored() -> None:
    """Nobody to be told."""


def _alone(asking: Asking, watched: Watched, since: str | None) -> AsyncGenerator[live.Change, None]:
    """The changes for one subscriber by itself."""
    assert asking.context is not None
    return live.changes(asking.app, asking.context.directory.tenant.slug, watched, since)


def headers_of_asker(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers that say who asks. Browsers cannot set any on a WebSocket: there connection_init adds them."""
    return {name: headers[name] for name in ("authorization", "x-session-id", "x-tenant") if name in headers}


def context_of(info: strawberry.Info[Any, Any]) -> Context:
    """The operation's context."""
    asking = info.context
    assert isinstance(asking, Asking)
    assert asking.context is not None
    return asking.context


class Schema(strawberry.Schema):
    """Strawberry's, with a context for each operation, and queries run again when the directory moved under them.

    fan_out: what makes the results of a stream (schema/fanout.py).
    """

    fan_out: FanOut

    def problems_of(self, text: str) -> list[GraphQLError]:
        """What is wrong with a document, whatever its operations are asked with."""
        try:
            return validate(self._schema, parse(text))
        except GraphQLError as error:
            return [error]

    async def execute(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """As Strawberry's; counts what is no valid document."""
        asking = kwargs.get("context_value")
        if isinstance(asking, Asking) and asking.meter:
            kwargs["context_value"] = asking = asking.for_operation()
        try:
            return await super().execute(query, *args, **kwargs)
        finally:
            if isinstance(asking, Asking) and asking.meter and not asking.is_valid:
                asking.meter.invalid += 1

    async def _execute_operation(self, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        """The one place that HTTP and WebSocket queries and mutations both pass, once parsed and validated."""
        started, asked = time.perf_counter(), execution_context.context
        asked.is_valid = True
        result = await self._answer(execution_context, *args, **kwargs)
        if asked.meter:
            kind, name = execution_context.operation_type.value, execution_context.operation_name
            asked.meter.asked(kind, name, time.perf_counter() - started, is_error=bool(result.errors))
        return result

    async def _answer(self, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        asking = execution_context.context.for_operation()
        execution_context.context = asking
        try:
            if execution_context.operation_type is OperationType.SUBSCRIPTION:
                raise BadRequest("BAD_INPUT", "subscriptions go over a WebSocket, by the protocol graphql-transport-ws")
            asking.answer_is_due()
            # What a mutation has read, the next one in its document may have changed.
            is_query = execution_context.operation_type is OperationType.QUERY
            context = await asking.open(remembers=is_query)
            result = await super()._execute_operation(execution_context, *args, **kwargs)
            if is_query and await context.is_stale():
                execution_context.result = None
                execution_context.pre_execution_errors = None
                await asking.open(fresh=True)
                result = await super()._execute_operation(execution_context, *args, **kwargs)
            if is_query and asking.meter and asking.context:
                offers.note(asking.context)
        except Exception as error:  # whatever it is: what leaves here goes out as it stands, past schema/errors.py
            result = ExecutionResult(data=None, errors=[GraphQLError(str(error), original_error=error)])
            execution_context.result = result
        return result

    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """As Strawberry's; each operation gets its own copy of what is known of the asker, and shares its results if it can."""
        asking = kwargs["context_value"].for_operation()
        stock = super().stream

        async def start(asking_: Asking) -> Any:
            return await stock(query, *args, **{**kwargs, "context_value": asking_})

        if query is None:
            return await start(asking)
        return self.fan_out(asking, start, query, kwargs.get("variable_values"), kwargs.get("operation_name"))

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: schema/errors.py logs what is our fault, and only that."""
