"""One operation from the wire to its context: who asks, what they see, and the second try when that turned out stale."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import strawberry
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    SelectionSetNode,
    get_operation_ast,
    parse,
    validate,
)
from strawberry.types.execution import ExecutionContext, PreExecutionError
from strawberry.types.graphql import OperationType

from domain.errors import BadRequest, Unavailable
from execution import asked
from execution.limits import Limiter
from execution.metering import Meter
from resolvers import live, offers
from resolvers.app import App
from resolvers.context import Caller, Context
from resolvers.live import Watched
from resolvers.turns import TURNS, Turns
from schema import cost

# What takes a start that others could have; each counts by itself, however many are in one document.
CLAIMS = frozenset({"holdPlace", "bookingConfirm", "bookingCreate", "bookingReschedule"})
# In a text between quotes too, which nobody has reason to write.
INTROSPECTS = re.compile(r"\b__(?:schema|type)\b")
NO_INTROSPECTION = "the schema is shown to staff only; ask with their token, or a server in the profile `open`"

Authenticate = Callable[[Mapping[str, str]], Awaitable[Caller]]
SocketOwner = tuple[str | None, str]  # tenant's slug, and subject or session

FanOut = Callable[..., AsyncGenerator[Any, None]]
Live = Callable[["Asking", Watched, str | None], AsyncGenerator[live.Change, None]]


class Gate(NamedTuple):
    """What lets a caller's operations in.

    admit: given the headers that say who asks. charge: given the same and how many availabilities it was. admit_writes: given how
    many holds and bookings. Those that admit raise RateLimited. is_hardened: strangers are told nothing of the schema.
    """

    admit: Callable[[Mapping[str, str]], Awaitable[None]]
    charge: Callable[[Mapping[str, str], int], Awaitable[None]]
    admit_writes: Callable[[int], Awaitable[None]]
    is_hardened: bool


class Asking:
    """A request or a WebSocket: its headers, with the same names in connection_init's payload added.

    context: of the operation under way; a subscription puts a new one here before each event.
    expires_at: when a WebSocket's token ends, known once its connection is acknowledged. socket_owner: whose it is counted as.
    answering: the tasks of its operations that have one answer, until that is sent.
    meter: what counts its operations; None for those that no client asked for. is_valid: its document was found to be.
    turns: in which the server's long operations hold the event loop; None for those that do not take any.
    gate: what lets its operations in; None for those that are in. is_stranger: is told nothing of the schema.
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
        self.turns: Turns | None = None
        self.socket_owner: SocketOwner | None = None
        self.is_valid = False
        self.gate: Gate | None = None
        self.is_stranger = False

    def for_operation(self) -> Asking:
        """A copy: operations of one WebSocket must not see each other's contexts."""
        copy = Asking(self.app, self.authenticate, self.headers, self.meter)
        copy.connection_params = self.connection_params
        copy.live, copy.on_slow = self.live, self.on_slow
        copy.answering = self.answering
        copy.turns = self.turns
        copy.gate, copy.is_stranger = self.gate, self.is_stranger
        return copy

    def answer_is_due(self) -> None:
        """The operation of the task under way has one answer, which is worth waiting for when the server stops."""
        task = asyncio.current_task()
        assert task is not None
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)

    def named(self) -> dict[str, str]:
        """What says who asks, names in lower case."""
        named = {name.lower(): value for name, value in self.headers.items()}
        params = self.connection_params or {}
        return named | {str(name).lower(): str(value) for name, value in params.items() if value is not None}

    async def caller(self) -> Caller:
        """Who is asking, found anew for each answer: a key may have been withdrawn. Raises BadRequest, Unavailable."""
        return await self.authenticate(self.named())

    async def refusal(self, query: str | None) -> PreExecutionError | None:
        """Finds out whether a stranger asks, and refuses them what is of the schema."""
        if self.gate is None or not self.gate.is_hardened:
            return None
        try:
            self.is_stranger = not (await self.caller()).is_staff
        except (BadRequest, Unavailable):
            self.is_stranger = True
        if not self.is_stranger or not INTROSPECTS.search(query or ""):
            return None
        return PreExecutionError(data=None, errors=[GraphQLError(NO_INTROSPECTION, extensions={"code": "FORBIDDEN"})])

    async def open(self, *, fresh: bool = False, remembers: bool = True) -> Context:
        """A new context, for one answer. Raises BadRequest, Unavailable."""
        self.context = await Context.open(self.app, await self.caller(), fresh=fresh, remembers=remembers)
        return self.context


@contextmanager
def in_turns(turns: Turns | None) -> Iterator[None]:
    """What is done within takes turns with others that do."""
    token = TURNS.set(turns)
    try:
        yield
    finally:
        TURNS.reset(token)


@asynccontextmanager
async def in_time(seconds: float, kind: OperationType) -> AsyncIterator[None]:
    """Ends what has not ended in time. Raises BadRequest; for a mutation Unavailable: it waited for others, and may try again."""
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        if kind is OperationType.MUTATION:
            raise Unavailable(f"not answered within {seconds:g} s") from None
        raise BadRequest("TOO_COMPLEX", f"seconds: not answered within {seconds:g} s; ask for less at a time") from None


async def _once(result: Any) -> AsyncGenerator[Any, None]:
    yield result


def _ignored() -> None:
    """Nobody to be told."""


def _alone(asking: Asking, watched: Watched, since: str | None) -> AsyncGenerator[live.Change, None]:
    """The changes for one subscriber by itself."""
    assert asking.context is not None
    return live.changes(asking.app, asking.context.directory.tenant.slug, watched, since)


def headers_of_asker(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers that say who asks. Browsers cannot set any on a WebSocket: there connection_init adds them."""
    return {name: headers[name] for name in ("authorization", "x-session-id", "x-tenant") if name in headers}


async def _admit_writes(gate: Gate, execution_context: ExecutionContext) -> None:
    """Counts what an operation wants to hold and book, wherever it says so. Raises RateLimited."""
    document = execution_context.graphql_document
    assert document is not None
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    operation = get_operation_ast(document, execution_context.operation_name)
    count = _claims_in(operation.selection_set, fragments) if operation else 0
    if count:
        await gate.admit_writes(count)


def _claims_in(selected: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """Fields that hold or book; a valid document's fragments are no circles."""
    count = 0
    for one in selected.selections:
        if isinstance(one, FieldNode):
            count += one.name.value in CLAIMS
        elif isinstance(one, FragmentSpreadNode):
            count += _claims_in(fragments[one.name.value].selection_set, fragments)
        elif isinstance(one, InlineFragmentNode):
            count += _claims_in(one.selection_set, fragments)
    return count


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
    _limiter = Limiter()

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
            refusal = self._refusal(query, *args, **kwargs)
            if refusal is None and isinstance(asking, Asking):
                refusal = await asking.refusal(query)
            return refusal or await super().execute(query, *args, **kwargs)
        finally:
            if isinstance(asking, Asking) and asking.meter and not asking.is_valid:
                asking.meter.invalid += 1
                if request := asked.current.get():
                    request.kind = "invalid"

    async def _execute_operation(self, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        """The one place that HTTP and WebSocket queries and mutations both pass, once parsed and validated."""
        started, asking, request = time.perf_counter(), execution_context.context, asked.current.get()
        asking.is_valid = True
        result = await self._answer(execution_context, *args, **kwargs)
        kind, name = execution_context.operation_type.value, execution_context.operation_name
        seconds = time.perf_counter() - started
        if asking.meter:
            asking.meter.asked(kind, name, seconds, is_error=bool(result.errors))
            if request is not None:
                request.answered(kind, asking.meter.named(name), seconds)
        return result

    async def _answer(self, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        asking = execution_context.context.for_operation()
        execution_context.context = asking
        try:
            if execution_context.operation_type is OperationType.SUBSCRIPTION:
                raise BadRequest("BAD_INPUT", "subscriptions go over a WebSocket, by the protocol graphql-transport-ws")
            asking.answer_is_due()
            async with in_time(asking.app.limits.seconds, execution_context.operation_type):
                result = await self._result(asking, execution_context, *args, **kwargs)
        except Exception as error:  # whatever it is: what leaves here goes out as it stands, past schema/errors.py
            told = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            result = ExecutionResult(data=None, errors=[told])
            execution_context.result = result
        return result

    async def _result(self, asking: Asking, execution_context: ExecutionContext, *args: Any, **kwargs: Any) -> Any:
        """Raises BadRequest, Unavailable, GraphQLError."""
        # What a mutation has read, the next one in its document may have changed.
        is_query = execution_context.operation_type is OperationType.QUERY
        context = await asking.open(remembers=is_query)
        document = execution_context.graphql_document
        assert document is not None
        fields = cost.asked(document, execution_context.operation_name, execution_context.variables)
        is_long = fields is not None and cost.check(self._schema, fields, context.directory, asking.app.limits)
        if not is_query and asking.gate and not context.caller.is_staff:
            await _admit_writes(asking.gate, execution_context)
        with in_turns(asking.turns if is_long else None):
            result = await super()._execute_operation(execution_context, *args, **kwargs)
            if is_query and await context.is_stale():
                execution_context.result = None
                execution_context.pre_execution_errors = None
                await asking.open(fresh=True)
                result = await super()._execute_operation(execution_context, *args, **kwargs)
        if is_query and asking.meter and asking.context:
            offers.note(asking.context)
        if asking.gate:
            await asking.gate.charge(asking.named(), context.asked)
        return result

    def _refusal(self, query: str | None, variable_values: Any = None, **kwargs: Any) -> PreExecutionError | None:
        """The answer to what is past a limit by its document or its variables."""
        asking = kwargs.get("context_value")
        if not isinstance(asking, Asking):
            return None
        error = self._limiter.refusal(query, variable_values, asking.app.limits)
        return PreExecutionError(data=None, errors=[error]) if error else None

    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:
        """As Strawberry's; each operation gets its own copy of what is known of the asker, and shares its results if it can."""
        asking = kwargs["context_value"].for_operation()
        stock = super().stream

        async def start(asking_: Asking) -> Any:
            return await stock(query, *args, **{**kwargs, "context_value": asking_})

        if refusal := self._refusal(query, *args, **kwargs) or await asking.refusal(query):
            return _once(refusal)
        if query is None:
            return await start(asking)
        return self.fan_out(asking, start, query, kwargs.get("variable_values"), kwargs.get("operation_name"))

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing here: schema/errors.py logs what is our fault, and only that."""
