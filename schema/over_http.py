"""Strawberry's aiohttp view by the letter of GraphQL over HTTP: docs/decisions/0013-graphql-over-http.md."""

from __future__ import annotations

import math
from typing import Any

import orjson
from aiohttp import web
from cross_web import AiohttpHTTPRequestAdapter, HTTPException
from strawberry.aiohttp.views import GraphQLView
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from execution import media
from execution.documents import Persisted, Refused
from schema.schema import schema

RETRY_AFTER = web.RequestKey("RETRY_AFTER", float)
STATUS = web.RequestKey("STATUS", int)
REFUSALS = (400, 405, 413)
# Of an answer without data, as application/graphql-response+json; whatever else is wrong with a request is 400.
STATUSES = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "INTERNAL": 500, "UNAVAILABLE": 503}
PUSHED = (
    "a page of another site asks by GET: it must send X-Session-Id, X-Tenant, Apollo-Require-Preflight or "
    "Content-Type: application/json, so that its browser asks first whether it may"
)


class Adapter(AiohttpHTTPRequestAdapter):
    """Strawberry's, with aiohttp's content type: in lower case, without parameters."""

    @property
    def content_type(self) -> str:
        return self.request.content_type


class OverHTTP(GraphQLView):
    """Media types, statuses and methods of requests; whatever is refused is a GraphQL error, too."""

    request_adapter_class = Adapter

    def __init__(self, persisted: Persisted, **settings: Any) -> None:
        super().__init__(schema, **settings)
        self.persisted = persisted

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """As Strawberry's, by the letter of GraphQL over HTTP; what it refuses in plain words is a GraphQL error here too."""
        try:
            response = await super().__call__(request)
        except web.HTTPRequestEntityTooLarge as too_large:
            return self._refusal(request, Refused(f"body_bytes: {too_large.text}", "TOO_COMPLEX", too_large.status))
        except Refused as refusal:
            return self._refusal(request, refusal)
        if not isinstance(response, web.Response):
            return response
        if response.status in REFUSALS:
            return self._refusal(request, Refused(response.text or "", "BAD_INPUT", response.status))
        if request.get(RETRY_AFTER, 0.0):
            response.headers["Retry-After"] = str(math.ceil(request[RETRY_AFTER]))
        if request.get(STATUS) == web.HTTPTooManyRequests.status_code:
            response.set_status(
                web.HTTPTooManyRequests.status_code
            )  # before GraphQL had a say, whatever the answer's type
        if response.content_type == media.JSON and _answer_type(request) == media.RESPONSE:
            response.content_type = media.RESPONSE
            response.set_status(request.get(STATUS, 200))
            if response.status == 401:
                response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _refusal(self, request: web.Request, refusal: Refused) -> web.Response:
        """An answer without data. Only as plain JSON may it have a status of success."""
        answer_type = _answer_type(request)
        status = 400 if (refusal.status, answer_type) == (200, media.RESPONSE) else refusal.status
        response = web.Response(
            text=self.encode_json({"errors": [as_error(refusal)]}), status=status, content_type=answer_type
        )
        if status == 405:
            response.headers["Allow"] = "POST" if request.method == "GET" else "GET, POST"
        return response

    async def parse_http_body(self, request: Any) -> Any:
        """As Strawberry's; a query may be named by its hash. Raises Refused."""
        if request.method == "POST" and request.content_type != media.JSON:
            raise Refused("write Content-Type: application/json", "BAD_INPUT", 415)
        if request.method == "GET" and media.is_pushed(request.headers):
            raise Refused(PUSHED, "FORBIDDEN", 403)
        found = await super().parse_http_body(request)
        for one in found if isinstance(found, list) else [found]:
            if media.of_answer(request.headers.get("Accept")) is not None:
                one.protocol = (
                    "http"  # and not the stream that Strawberry gives to all who list it, as urql does for queries
                )
            elif one.protocol == "http":
                raise Refused(f"answers are {media.JSON} or {media.RESPONSE}", "BAD_INPUT", 406)
            if not isinstance(one.operation_name, str | None):
                raise Refused("The GraphQL operation's `operationName` must be a string or null.", "BAD_INPUT", 400)
            if one.query is None or isinstance(one.query, str):
                one.query = self.persisted.text(one.query, one.extensions)
        return found

    async def execute_single(self, request: web.Request, *args: Any, **kwargs: Any) -> Any:
        """As Strawberry's; a document without the operation is wrong as documents are, and a GET never writes. Raises Refused."""
        try:
            return await super().execute_single(request, *args, **kwargs)
        except HTTPException as refusal:
            statuses = {CannotGetOperationTypeError: 200, InvalidOperationTypeError: 405}
            status = statuses.get(type(refusal.__cause__), refusal.status_code)
            raise Refused(refusal.reason or "", "BAD_INPUT", status) from None

    async def process_result(self, request: web.Request, result: Any) -> Any:
        """As Strawberry's, without `data` where nothing was executed; what says when to try again says so to HTTP too."""
        errors = result.errors or ()
        waits = [(error.extensions or {}).get("retryAfterSeconds") for error in errors]
        request[RETRY_AFTER] = max((one for one in waits if one), default=0.0)
        answer = await super().process_result(request, result)
        if errors and result.data is None and all(error.path is None for error in errors):
            request[STATUS] = STATUSES.get(str((errors[0].extensions or {}).get("code")), 400)
            del answer["data"]
        return answer

    def decode_json(self, data: str | bytes) -> object:
        """orjson refuses what json lets in and nothing behind it can bear: halves of surrogate pairs, NaN, any depth."""
        found = orjson.loads(data)
        if not isinstance(found, dict | list | None):
            raise orjson.JSONDecodeError("neither an object nor a list", "", 0)
        return {} if found is None else found

    def encode_json(self, data: object) -> str:
        """orjson; what it cannot do (integers beyond 64 bits cannot come from our types) is an error of ours."""
        return orjson.dumps(data).decode()


def as_error(refusal: Refused) -> dict[str, Any]:
    """As it is among an answer's errors."""
    return {"message": refusal.message, "extensions": {"code": refusal.code}}


def _answer_type(request: web.Request) -> str:
    return media.of_answer(request.headers.get("Accept")) or media.JSON
