"""Strawberry's aiohttp view: our context, our GraphiQL, graphql-transport-ws only."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import WSCloseCode, web
from strawberry.aiohttp.views import AiohttpWebSocketAdapter
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.unset import UNSET, UnsetType

from domain.errors import BadRequest, RateLimited, Unavailable
from execution import asked
from execution.documents import Persisted, Refused
from execution.limits import too_complex
from execution.metering import Meter
from resolvers.app import App
from resolvers.context import Caller
from schema import frames, operation, page
from schema.frames import Frames
from schema.operation import Asking, Authenticate, Gate, SocketOwner
from schema.over_http import OverHTTP, as_error

# aiohttp's bound of 8 kB answers a token of any more with its own page and status 400. Up to a megabyte it gets to us and is
# refused as every other bad token is, in GraphQL. The price: a connection may make us keep that much for each header.
HEADER_MAX = 1_200_000
HANG_UP_S = 5.0
LOOK_AGAIN_S = 60.0
# When the server stops: how long a WebSocket's queries and mutations may take yet, and a client to answer the close frame.
LAST_ANSWERS_S = 4.5
LAST_HANG_UP_S = 1.0


class Rejection(Exception):
    """A connection that is not acknowledged but closed, with a code of the protocol or of RFC 6455."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Socket(AiohttpWebSocketAdapter):
    """Strawberry's; whoever does not read is hung up on when a close frame has waited for them long enough."""

    patience_s = HANG_UP_S

    async def close(self, code: int, reason: str) -> None:
        try:
            async with asyncio.timeout(self.patience_s):
                await super().close(code, frames.shortened(reason))
        except TimeoutError:
            if self.request.transport is not None:
                self.request.transport.abort()


class Messages(BaseGraphQLTransportWSHandler[Any, Any]):
    """Strawberry's; a message whose parts are of other kinds than the protocol's closes the socket instead of failing,
    and so does the end of its token, and the server's.
    """

    _expiry: asyncio.Task[None] | None = None
    _closing: asyncio.Task[None] | None = None
    _is_closing = False
    _is_going_away = False

    async def handle(self) -> None:
        assert isinstance(self.view, View)
        with self.view.counting(self):
            await super().handle()

    async def go_away(self) -> None:
        """Closes the socket for the server's end: what has one answer gets it, what has many is ended."""
        self._is_going_away = True
        if self.context.answering:
            await asyncio.wait(self.context.answering, timeout=LAST_ANSWERS_S)
        await self._end_operations()
        assert isinstance(self.websocket, Socket)
        self.websocket.patience_s = LAST_HANG_UP_S
        await self.websocket.close(WSCloseCode.GOING_AWAY, "Going away")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.context.on_slow = self._hang_up

    def _hang_up(self) -> None:
        """Closes the socket of somebody who does not read: they come again from where they stopped."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close_slow(), name="hang up")

    async def _close_slow(self) -> None:
        await self._end_operations()
        await self.websocket.close(1013, "Too slow")

    async def handle_connection_init(self, message: Any) -> None:
        try:
            await super().handle_connection_init(message)
        except Rejection as rejection:
            await self.websocket.close(rejection.code, rejection.reason)
        if self.connection_acknowledged and self._expiry is None and self.context.expires_at is not None:
            self._expiry = asyncio.create_task(self._expire(self.context.expires_at), name="token expiry")

    async def shutdown(self) -> None:
        """As Strawberry's, and no timer stays behind."""
        if self._expiry is not None and not self._is_closing:
            self._expiry.cancel()
        await super().shutdown()
        if self._expiry is not None:
            with suppress(asyncio.CancelledError):
                await self._expiry

    async def send_message(self, message: Any) -> None:
        """As Strawberry's; after the token's end nothing is told any more, though the timer may be late."""
        if not self._is_expired():
            await super().send_message(message)

    async def _expire(self, at: datetime) -> None:
        """Ends everything under way at an instant, then says so: who does not read must not keep it running."""
        while (left := (at - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 - a machine that slept, or whose clock was set, tells nobody
            await asyncio.sleep(min(left, LOOK_AGAIN_S))
        self._is_closing = True
        await self._end_operations()
        await self.websocket.close(4401, "Token expired")

    async def _end_operations(self) -> None:
        for operation_id in list(self.operations):
            await self.cleanup_operation(operation_id)

    def _is_expired(self) -> bool:
        expires_at: datetime | None = self.context.expires_at
        return expires_at is not None and datetime.now(UTC) >= expires_at

    async def handle_message(self, message: Any) -> None:
        if self._is_expired() or self._is_going_away:
            return
        try:
            await super().handle_message(message)
        except (TypeError, AttributeError):
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: Any) -> None:
        assert isinstance(self.view, View)
        payload, kinds = message["payload"], {"query": str, "variables": dict | None, "operationName": str | None}
        try:
            if isinstance(payload.get("query"), str | None):
                payload["query"] = self.view.persisted.text(payload.get("query"), payload.get("extensions"))
        except Refused as refusal:
            await self.send_message({"id": message["id"], "type": "error", "payload": [as_error(refusal)]})
            return
        limit = self.context.app.limits.socket_operations
        if self.connection_acknowledged and message["id"] not in self.operations and len(self.operations) >= limit:
            error = too_complex(
                "socket_operations", len(self.operations) + 1, limit, "operations under way on one WebSocket"
            )
            await self.send_message({"id": message["id"], "type": "error", "payload": [error.formatted]})
            return
        if not payload.get("query") or not all(isinstance(payload.get(name), kind) for name, kind in kinds.items()):
            raise TypeError
        asked.begin().ends_with_answer = True
        if self.context.gate and self.connection_acknowledged:
            try:
                await self.context.gate.admit(self.context.named())
            except RateLimited as refusal:
                extensions = {"code": refusal.code, "retryAfterSeconds": refusal.retry_after_s}
                told = {"message": refusal.message, "extensions": extensions}
                await self.send_message({"id": message["id"], "type": "error", "payload": [told]})
                return
        await super().handle_subscribe(message)


class View(OverHTTP):
    """POST and WebSocket at /graphql; GET from a browser shows GraphiQL."""

    graphql_transport_ws_handler_class = Messages
    websocket_adapter_class = Socket

    def __init__(
        self,
        app: App,
        authenticate: Authenticate,
        persisted: Persisted | None = None,
        meter: Meter | None = None,
        gate: Callable[[web.Request], Gate] | None = None,
        *,
        origins: Collection[str] = (),
        has_page: bool = True,
    ) -> None:
        """gate: what lets a request's operations in. origins: whose pages may open WebSockets from elsewhere, `*` for all."""
        super().__init__(
            persisted or Persisted(),
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=app.limits.init_seconds),
            max_subscriptions_per_connection=None,  # counted in Messages
            allowed_origins=origins,
            graphql_ide="graphiql" if has_page else None,
        )
        self._door = gate
        self._app = app
        self._authenticate = authenticate
        self._meter = meter
        self._sockets: set[Messages] = set()
        self._sockets_of: Counter[SocketOwner] = Counter()
        self._leaving: set[asyncio.Task[None]] = set()
        self._is_going_away = False

    @contextmanager
    def counting(self, messages: Messages) -> Iterator[None]:
        """A WebSocket among those that hear of the server's end; one that comes after it hears at once."""
        self._sockets.add(messages)
        if self._is_going_away:
            self._dismiss(messages)
        try:
            yield
        finally:
            self._sockets.discard(messages)
            owner = messages.context.socket_owner
            if owner is not None:
                self._sockets_of[owner] -= 1
                if not self._sockets_of[owner]:
                    del self._sockets_of[owner]

    def sockets_open(self) -> int:
        """How many WebSockets there are."""
        return len(self._sockets)

    async def go_away(self, _: web.Application) -> None:
        """For on_shutdown: every WebSocket is closed with 1001, upon which clients connect again, elsewhere or later.

        It only begins here: aiohttp waits for their handlers as for all requests under way, and all wait at once.
        """
        self._is_going_away = True
        for messages in self._sockets:
            self._dismiss(messages)

    def _dismiss(self, messages: Messages) -> None:
        leaving = asyncio.create_task(messages.go_away(), name="going away")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def get_context(self, request: web.Request, response: Any) -> Any:
        """Who asks; the operation's own context is made when its document is known to be valid."""
        asking = Asking(self._app, self._authenticate, operation.headers_of_asker(request.headers), self._meter)
        asking.turns = self._app.turns
        asking.gate = self._door and self._door(request)
        return asking

    async def on_ws_connect(self, context: Any) -> UnsetType:
        """Knows a WebSocket's asker before it is acknowledged. With a token that is not valid no operation can succeed.

        Whatever else is wrong with who asks is told to each operation, in words that say what would be right.
        """
        try:
            caller = await context.caller()
            context.expires_at = caller.expires_at
            self._count_socket(context, caller)
        except BadRequest as refusal:
            if refusal.code == "UNAUTHENTICATED":
                raise Rejection(4401, "Unauthorized") from None
        except Unavailable:  # the token may well be valid: clients try again after this code, not after 4401
            raise Rejection(1013, "Try again later") from None
        return UNSET

    def _count_socket(self, context: Asking, caller: Caller) -> None:
        """One more of a subject or session, which may have so many; who is neither is counted nowhere. Raises Rejection."""
        if caller.holder is None:
            return
        owner, most = (caller.tenant_slug, caller.holder), context.app.limits.sockets
        if self._sockets_of[owner] >= most:
            raise Rejection(4429, f"Too many WebSockets: sockets: {self._sockets_of[owner] + 1}, at most {most}")
        self._sockets_of[owner] += 1
        context.socket_owner = owner

    async def create_websocket_response(self, request: web.Request, subprotocol: str | None) -> web.WebSocketResponse:
        """With pings, and messages that are bounded."""
        limits = self._app.limits
        response = Frames(
            protocols=[subprotocol] if subprotocol else [],
            heartbeat=limits.ping_seconds,
            max_msg_size=limits.message_bytes + 1,  # aiohttp refuses what is as large
        )
        await response.prepare(request)
        return response

    async def render_graphql_ide(self, request: web.Request) -> web.Response:
        """GraphiQL, as it was built."""
        return await page.graphiql(request)
