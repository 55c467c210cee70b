"""One operation from the wire to its context: who asks, what they see, and the second try when that turned out stale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from domain.errors import BadRequest
from resolvers.app import App
from resolvers.context import Caller, Context

Authenticate = Callable[[Mapping[str, str]], Caller]


class Asking:
    """A request or a WebSocket: its headers, with the same names in connection_init's payload added.

    context: of the operation under way; a subscription puts a new one here before each event.
    """

    def __init__(self, app: App, authenticate: Authenticate, headers: Mapping[str, str]) -> None:
        self.app = app
        self.authenticate = authenticate
        self.headers = headers
        self.connection_params: Mapping[str, Any] | None = None
        self.context: Context | None = None

    def for_operation(self) -> Asking:
        """A copy: operations of one WebSocket must not see each other's contexts."""
        copy = Asking(self.app, self.authenticate, self.headers)
        copy.connection_params = self.connection_params
        return copy

    def caller(self) -> Caller:
        """Who is asking. Raises BadRequest UNAUTHENTICATED, FORBIDDEN."""
        named = {name.lower(): value for name, value in self.headers.items()}
        params = self.connection_params or {}
        named |= {str(name).lower(): str(value) for name, value in params.items() if value is not None}
        return self.authenticate(named)

    async def open(self, *, fresh: bool = False, remembers: bool = True) -> Context:
        """A new context, for one answer. Raises BadRequest, Unavailable."""
        self.context = await Context.open(self.app, self.caller(), fresh=fresh, remembers=remembers)
        return self.context


def context_of(info: strawberry.Info[Any, Any]) -> Context:
    """The operation's context."""
    asking = info.context
    assert isinstance(asking, Asking)
    assert asking.context is not None
    return asking.context


class Schema(strawberry.Schema):
    """Strawberry's, with a context for each operation, and queries run again when the directory moved under them."""

    async def _execute_operation(self, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        """The one place that HTTP and WebSocket queries and mutations both pass, once parsed and validated."""
        asking = execution_context.context.for_operation()
        execution_context.context = asking
        try:
            if execution_context.operation_type is OperationType.SUBSCRIPTION:
                raise BadRequest("BAD_INPUT", "subscriptions go over a WebSocket, by the protocol graphql-transport-ws")
            # What a mutation has read, the next one in its document may have changed.
            is_query = execution_context.operation_type is OperationType.QUERY
            context = await asking.open(remembers=is_query)
            result = await super()._execute_operation(execution_context, *args, **kwargs)
            if is_query and await context.is_stale():
                execution_context.result = None
                execution_context.pre_execution_errors = None
                await asking.open(fresh=True)
                result = await super()._execute_operation(execution_context, *args, **kwargs)
        except Exception as error:  # whatever it is: what leaves here goes out as it stands, past schema/errors.py
            result = ExecutionResult(data=None, errors=[GraphQLError(str(error), original_error=error)])
            execution_context.result = result
        return result

    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """As Strawberry's; each operation of a WebSocket gets its own copy of what is known of the asker."""
        asking = kwargs["context_value"]
        return await super().stream(query, *args, **{**kwargs, "context_value": asking.for_operation()})

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: schema/errors.py logs what is our fault, and only that."""
