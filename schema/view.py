"""Strawberry's aiohttp view: our context, our GraphiQL, graphql-transport-ws only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from resolvers.app import App
from schema import page
from schema.operation import Asking, Authenticate
from schema.schema import schema

CONNECTION_INIT = timedelta(seconds=5)
REFUSALS = (400, 405, 413)


class Messages(BaseGraphQLTransportWSHandler[Any, Any]):
    """Strawberry's; a message whose parts are of other kinds than the protocol's closes the socket instead of failing."""

    async def handle_message(self, message: Any) -> None:
        try:
            await super().handle_message(message)
        except (TypeError, AttributeError):
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: Any) -> None:
        payload, kinds = message["payload"], {"query": str, "variables": dict | None, "operationName": str | None}
        if not payload.get("query") or not all(isinstance(payload.get(name), kind) for name, kind in kinds.items()):
            raise TypeError
        await super().handle_subscribe(message)


class View(GraphQLView):
    """POST and WebSocket at /graphql; GET from a browser shows GraphiQL."""

    graphql_transport_ws_handler_class = Messages

    def __init__(self, app: App, authenticate: Authenticate) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=CONNECTION_INIT,
        )
        self._app = app
        self._authenticate = authenticate

    async def get_context(self, request: web.Request, response: Any) -> Any:
        """Who asks; the operation's own context is made when its document is known to be valid."""
        return Asking(self._app, self._authenticate, _headers(request))

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """As Strawberry's; what it refuses in plain words, before there is an operation, is a GraphQL error here too."""
        try:
            response = await super().__call__(request)
        except web.HTTPRequestEntityTooLarge as too_large:
            response = web.Response(text=too_large.text, status=too_large.status)
        if not isinstance(response, web.Response) or response.status not in REFUSALS:
            return response
        error = {"message": response.text, "extensions": {"code": "BAD_INPUT"}}
        return web.Response(
            text=self.encode_json({"errors": [error]}), status=response.status, content_type="application/json"
        )

    async def render_graphql_ide(self, request: web.Request) -> web.Response:
        """GraphiQL, from web/graphiql."""
        return await page.document()

    def decode_json(self, data: str | bytes) -> object:
        """orjson refuses what json lets in and nothing behind it can bear: halves of surrogate pairs, NaN, any depth."""
        found = orjson.loads(data)
        if not isinstance(found, dict | list | None):
            raise orjson.JSONDecodeError("neither an object nor a list", "", 0)
        return {} if found is None else found

    def encode_json(self, data: object) -> str:
        """orjson; what it cannot do (integers beyond 64 bits cannot come from our types) is an error of ours."""
        return orjson.dumps(data).decode()


def _headers(request: web.Request) -> Mapping[str, str]:
    """The headers that say who asks. Browsers cannot set any on a WebSocket: there connection_init adds them."""
    return {
        name: request.headers[name] for name in ("authorization", "x-session-id", "x-tenant") if name in request.headers
    }
