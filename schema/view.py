"""Strawberry's aiohttp view: our context, our GraphiQL, graphql-transport-ws only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from strawberry.aiohttp.views import GraphQLView
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from resolvers.app import App
from schema.operation import Asking, Authenticate
from schema.schema import schema

CONNECTION_INIT = timedelta(seconds=5)


class View(GraphQLView):
    """POST and WebSocket at /graphql; GET from a browser shows GraphiQL."""

    def __init__(self, app: App, authenticate: Authenticate, page: Path) -> None:
        super().__init__(
            schema,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=CONNECTION_INIT,
        )
        self._app = app
        self._authenticate = authenticate
        self._page = page

    async def get_context(self, request: web.Request, response: Any) -> Any:
        """Who asks; the operation's own context is made when its document is known to be valid."""
        return Asking(self._app, self._authenticate, _headers(request))

    async def render_graphql_ide(self, request: web.Request) -> web.Response:
        """GraphiQL, from web/graphiql."""
        return web.Response(body=self._page.read_bytes(), content_type="text/html", charset="utf-8")

    def encode_json(self, data: object) -> str:
        """orjson; what it cannot do (integers beyond 64 bits cannot come from our types) is an error of ours."""
        return orjson.dumps(data).decode()


def _headers(request: web.Request) -> Mapping[str, str]:
    """The headers that say who asks. Browsers cannot set any on a WebSocket: there connection_init adds them."""
    return {
        name: request.headers[name] for name in ("authorization", "x-session-id", "x-tenant") if name in request.headers
    }
