"""The aiohttp handler before the stock view: it takes what has a plan, and hands on everything else."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson
from aiohttp import web

from execution import media
from execution.engine import Engine, Found
from execution.metering import Meter
from execution.oracle import Oracle

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LENGTH_MAX = 5  # digits: 99,999 bytes
JSON = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
HEADERS = {one: {"Content-Type": f"{one}; charset=utf-8"} for one in (media.JSON, media.RESPONSE)}
MEMBERS = {"query", "variables", "operationName", "extensions"}
STALE_S = 10  # what a cache that holds an answer may show once more, while it asks for a new one


class Front:
    """Answers requests for JSON; what it does not know yet, it learns from the stock view's success.

    Answers to GET say how long others may keep them, and have a tag to ask again by.
    """

    def __init__(self, engine: Engine, stock: Handler, oracle: Oracle | None = None) -> None:
        self._engine = engine
        self._stock = stock
        self._oracle = oracle
        self._took = engine.meter.planned_seconds.observe

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer_type = media.of_answer(request.headers.get("Accept"))
        if answer_type is None:
            return await self._stock(request)
        started = time.perf_counter()
        if is_plain(request.method, request.raw_path, request.headers):
            body, headers = await request.read(), request.headers
            found = await self._engine.answer(body, headers)
            if found is None:
                return await self._learned(request, body)
            if self._oracle is not None:
                self._oracle.sample(body, headers, found.text)
            response = web.Response(body=found.text, headers=HEADERS[answer_type])
            self._took(time.perf_counter() - started)
            return response
        if request.method == "GET" and not media.is_pushed(request.headers):
            asked = _body_of(request.query)
            if asked is not None:
                found = await self._engine.answer(asked, request.headers)
                if found is not None:
                    response = _to_keep(request.headers, asked, found, answer_type)
                    self._took(time.perf_counter() - started)
                    return response
                return await self._learned(request, asked)
        return await self._stock(request)

    async def _learned(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = await self._stock(request)
        if isinstance(response, web.Response) and _is_success(response):
            self._engine.learn(body)
        return response


def metered(handler: Handler, meter: Meter, kind: str) -> Handler:
    """A handler whose requests are counted as of one kind."""

    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        response = await handler(request)
        is_error = response.status >= web.HTTPBadRequest.status_code
        meter.asked(kind, None, time.perf_counter() - started, is_error=is_error)
        return response

    return handle


def is_plain(method: str, target: str, headers: Mapping[str, str]) -> bool:
    """Whether a request is one whose body alone says what is asked."""
    return (
        method == "POST"
        and headers.get("Content-Type") in JSON
        and (length := headers.get("Content-Length", "")).isdigit()
        and len(length) <= LENGTH_MAX
        and "Content-Encoding" not in headers
        and "?" not in target
    )


def _body_of(parameters: Mapping[str, str]) -> bytes | None:
    """The body of the POST request that would be the same as a GET request; None for what is not plainly one."""
    if not parameters.keys() <= MEMBERS:
        return None
    try:
        found = {
            name: orjson.loads(value) if value and name in ("variables", "extensions") else value
            for name, value in parameters.items()
        }
        return orjson.dumps(found, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONDecodeError, TypeError):
        return None


def _to_keep(headers: Mapping[str, str], body: bytes, found: Found, answer_type: str) -> web.Response:
    """A response that says to whom it may be given again, and for how long."""
    typed = HEADERS[answer_type]
    if found.proof is None or not found.is_shared or "Authorization" in headers:
        return web.Response(body=found.text, headers={**typed, "Cache-Control": "private, no-store"})
    digest = hashlib.blake2b(body + f"{answer_type} {found.proof.tag}".encode(), digest_size=12).hexdigest()
    fresh_s = found.proof.fresh_for(found.moment)
    keeping = {
        "ETag": f'W/"{digest}"',
        "Cache-Control": f"public, max-age={fresh_s}, stale-while-revalidate={STALE_S}" if fresh_s else "no-cache",
        "Vary": "Accept, Authorization, X-Tenant",
    }
    if keeping["ETag"] in (one.strip() for one in headers.get("If-None-Match", "").split(",")):
        return web.Response(status=304, headers=keeping)
    return web.Response(body=found.text, headers=typed | keeping)


def _is_success(response: web.Response) -> bool:
    return response.status == 200 and isinstance(response.body, bytes) and b'"errors"' not in response.body
