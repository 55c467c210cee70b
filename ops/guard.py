"""What stands before every route of the API: quotas, whose pages may ask, the request's id, and what was slow."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import TYPE_CHECKING

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDict, istr

from cache.rates import Rates, Standing
from domain.errors import RateLimited
from execution import asked, media
from execution.asked import Asked
from ops.callers import Addresses, tenant_of
from schema.operation import Gate

if TYPE_CHECKING:
    from ops.tracing import Tracing  # an extra: whoever has no traces has not installed it

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WHAT = {
    "read": "requests from this address",
    "write": "holds and bookings from this address",
    "tenant": "requests for this business",
}
ALLOWED_HEADERS = (
    "Accept, Apollo-Require-Preflight, Authorization, Content-Type, X-Apollo-Operation-Name, X-Request-Id, "
    "X-Session-Id, X-Tenant"
)
EXPOSED_HEADERS = (
    "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Cache-Hit, X-Cached, X-Computed-At, X-Request-Id, X-Verified, "
    "X-Version"
)
PREFLIGHT_S = 7200
NO_PLAIN_GET = (
    "GET needs a header that no page sends unasked: Apollo-Require-Preflight, X-Session-Id or X-Tenant; or POST"
)
# Stylists x days x services that come with a request; as many again count as another one.
AVAILABILITIES_A_REQUEST = 50
X_REQUEST_ID, X_TENANT = istr("X-Request-Id"), istr("X-Tenant")
GET = ("GET", "HEAD")


@dataclass(frozen=True)
class Guard:
    """What a server lets in.

    rates: None for no quotas. origins: whose pages may ask from elsewhere, `*` for all. is_hardened: strangers are told
    nothing of the schema, and a GET needs a header that no page can send unasked.
    """

    rates: Rates | None = None
    addresses: Addresses = field(default_factory=Addresses)
    origins: Collection[str] = ()
    is_hardened: bool = False
    tracing: Tracing | None = None

    def gate(self, request: web.Request) -> Gate:
        """What the request's operations are let in by."""
        address = self.addresses.of(request.remote or "", request.headers)
        return Gate(
            partial(self._admit, address),
            partial(self._charge, address),
            partial(self._admit_writes, address),
            self.is_hardened,
        )

    def before(self, handler: Handler, *, is_graphql: bool = False) -> Handler:
        """A handler of the API, guarded."""
        handler = self.tracing.around(handler) if self.tracing else handler
        rates, addresses, guards_get = self.rates, self.addresses, is_graphql and self.is_hardened

        @wraps(handler)
        async def handle(request: web.Request) -> web.StreamResponse:
            started, request_, address, tenant = time.perf_counter(), asked.begin(), "", ""
            if X_REQUEST_ID in request.headers:
                request_.given = request.headers[X_REQUEST_ID]
            if rates is not None:
                address, tenant = addresses.of(request.remote or "", request.headers), _tenant_of(request.headers)
                if not rates.admits(address, tenant):
                    request_.standing = await rates.admit(address, tenant)
                    if request_.standing.wait_s:
                        return _finished(_refused(request.headers, request_.standing, is_graphql=is_graphql), request_)
            if request.method != "POST" and (answer := _of_method(request, guards_get=guards_get)):
                return _finished(answer, request_)
            response = await handler(request)
            if rates is not None and request_.availabilities >= AVAILABILITIES_A_REQUEST:
                await rates.charge(address, tenant, request_.availabilities // AVAILABILITIES_A_REQUEST)
            if not isinstance(response, web.Response):  # a stream, which lasts as long as its client likes
                return response
            asked.tell_if_slow(request_, time.perf_counter() - started)
            return _finished(response, request_)

        return handle

    async def preflight(self, request: web.Request) -> web.StreamResponse:
        """For OPTIONS of what else is only read."""
        if "Access-Control-Request-Method" not in request.headers:
            raise web.HTTPMethodNotAllowed(request.method, (*GET, "OPTIONS"))
        return web.Response(status=204)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """For on_response_prepare: says to browsers whose pages may read the answer."""
        origin = request.headers.get("Origin")
        if origin is None:
            return
        response.headers.add("Vary", "Origin")
        if self._may_read(origin):
            response.headers.update(_readable(origin))
            if request.method == "OPTIONS":
                response.headers["Access-Control-Allow-Methods"] = "GET, POST"
                response.headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
                response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_S)

    def admits(self, peer: str, headers: CIMultiDict[str]) -> bool:
        """For execution/door.py: whether a request may be answered by what is leased. Else `before` decides."""
        rates = self.rates
        return rates is None or rates.admits(self.addresses.of(peer, headers), _tenant_of(headers))

    def refuses(self, peer: str, headers: CIMultiDict[str]) -> web.Response | None:
        """For execution/door.py: the answer to who has used up their quota and asks on; None where `before` decides."""
        rates = self.rates
        if rates is None or not rates.read.refuses_some:
            return None
        standing = rates.refusal(self.addresses.of(peer, headers))
        if standing is None:
            return None
        request = Asked()
        request.standing, request.given = standing, headers.get(X_REQUEST_ID)
        return _finished(_refused(headers, standing, is_graphql=True), request)

    def more(self, headers: Mapping[str, str]) -> dict[str, str]:
        """For execution/door.py: what `before` and `prepare` would say to these headers."""
        found: dict[str, str] = {}
        origin, given = headers.get("Origin"), headers.get(X_REQUEST_ID)
        if given is not None:
            request = Asked()
            request.given = given
            found[X_REQUEST_ID] = request.id
        if origin is not None and self.origins:
            found["Vary"] = "Origin"
            found |= _readable(origin) if self._may_read(origin) else {}
        return found

    def _may_read(self, origin: str) -> bool:
        return origin in self.origins or "*" in self.origins

    async def _admit(self, address: str, headers: Mapping[str, str]) -> None:
        """Counts an operation over a WebSocket. Raises RateLimited."""
        if self.rates is not None:
            tenant = tenant_of(headers.get("authorization"), headers.get("x-tenant"))
            if not self.rates.admits(address, tenant):
                _refuse(await self.rates.admit(address, tenant))

    async def _charge(self, address: str, headers: Mapping[str, str], availabilities: int) -> None:
        """Counts an operation that was as much work as several."""
        if self.rates is not None and (weight := availabilities // AVAILABILITIES_A_REQUEST):
            await self.rates.charge(address, tenant_of(headers.get("authorization"), headers.get("x-tenant")), weight)

    async def _admit_writes(self, address: str, count: int) -> None:
        """Counts holds and bookings. Raises RateLimited."""
        if self.rates is not None:
            _refuse(await self.rates.admit_writes(address, count))


def _readable(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}


def _tenant_of(headers: Mapping[str, str]) -> str:
    if hdrs.AUTHORIZATION in headers or X_TENANT in headers:
        return tenant_of(headers.get(hdrs.AUTHORIZATION), headers.get(X_TENANT))
    return ""


def _of_method(request: web.Request, *, guards_get: bool) -> web.Response | None:
    """The answer to what asks whether it may ask, and to a GET that may not."""
    headers = request.headers
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in headers:
        return web.Response(status=204)
    if guards_get and request.method in GET and media.is_simple(headers) and "Upgrade" not in headers:
        return _error(403, NO_PLAIN_GET, {"code": "FORBIDDEN"}, headers)
    return None


def _refuse(standing: Standing) -> None:
    request = asked.current.get()
    if request is not None:
        request.standing = standing
    if standing.wait_s:
        raise RateLimited.of(WHAT[standing.rate.name], math.ceil(standing.wait_s))


def _refused(headers: Mapping[str, str], standing: Standing, *, is_graphql: bool) -> web.Response:
    refusal = RateLimited.of(WHAT[standing.rate.name], math.ceil(standing.wait_s))
    extensions = {"code": refusal.code, "retryAfterSeconds": refusal.retry_after_s}
    response = _error(429, refusal.message, extensions, headers, is_graphql=is_graphql)
    response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def _error(
    status: int, message: str, extensions: dict[str, object], asker: Mapping[str, str], *, is_graphql: bool = True
) -> web.Response:
    """As GraphQL words it, or as REST does. asker: the request's headers."""
    body: object = {"errors": [{"message": message, "extensions": extensions}]} if is_graphql else {"error": message}
    kind = (media.of_answer(asker.get("Accept")) if is_graphql else None) or media.JSON
    headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "no-store"}
    return web.Response(body=orjson.dumps(body), status=status, headers=headers)


def _finished(response: web.Response, request: Asked) -> web.Response:
    """Says where the asker stands, where that was asked; and the request's id, to who gave one or got no answer."""
    standing = request.standing
    if standing is not None:
        rate = standing.rate
        response.headers["RateLimit-Policy"] = f'"{rate.name}";q={rate.item.amount};w={rate.window_s}'
        reset = math.ceil(standing.wait_s) or rate.window_s
        response.headers["RateLimit"] = f'"{rate.name}";r={standing.left};t={reset}'
    if request.given or response.status >= web.HTTPBadRequest.status_code:
        response.headers[X_REQUEST_ID] = request.id
    return response
