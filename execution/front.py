"""The aiohttp handler before the stock view: it takes what has a plan, and hands on everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from execution.engine import Engine

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LENGTH_MAX = 5  # digits: 99,999 bytes
JSON = {"application/json", "application/json; charset=utf-8", "application/json;charset=utf-8"}
ANY = {None, "*/*", "application/json", "application/json, */*"}
HEADERS = {"Content-Type": "application/json; charset=utf-8"}


class Front:
    """Answers POST requests of JSON that ask for JSON; what it does not know yet, it learns from the stock view's success."""

    def __init__(self, engine: Engine, stock: Handler) -> None:
        self._engine = engine
        self._stock = stock

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not _is_plain(request):
            return await self._stock(request)
        body, headers = await request.read(), request.headers
        answer = self._engine.recall(body, headers) or await self._engine.answer(body, headers)
        if answer is not None:
            return web.Response(body=answer, headers=HEADERS)
        response = await self._stock(request)
        if isinstance(response, web.Response) and _is_success(response):
            self._engine.plans.learn(body)
        return response


def _is_plain(request: web.Request) -> bool:
    """Whether this is a request whose body alone says what is asked."""
    if request.method != "POST":
        return False
    headers = request.headers
    return (
        headers.get("Content-Type") in JSON
        and headers.get("Accept") in ANY
        and (length := headers.get("Content-Length", "")).isdigit()
        and len(length) <= LENGTH_MAX
        and "Content-Encoding" not in headers
        and "?" not in request.raw_path
    )


def _is_success(response: web.Response) -> bool:
    return response.status == 200 and isinstance(response.body, bytes) and b'"errors"' not in response.body
