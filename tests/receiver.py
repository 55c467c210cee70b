"""An endpoint that is told of bookings: a real HTTP server, which checks signatures as the docs say, and may fail."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answering = Callable[["Receiver", Any], Awaitable[web.Response]]


async def accepts(_receiver: Receiver, _told: Any) -> web.Response:
    return web.Response(status=204)


@dataclass
class Receiver:
    """told: what it answered with 2xx, in order. tries: all requests. at_once: by booking, the most requests at a time."""

    url: str = ""
    secret: str | None = None
    answering: Answering = accepts
    told: list[dict[str, Any]] = field(default_factory=list)
    tries: list[dict[str, Any]] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    _now: Counter[str] = field(default_factory=Counter)

    async def hear(self, request: web.Request) -> web.Response:
        body = await request.text()
        if self.secret:
            self.check(request, body)
        told = {**json.loads(body), "id": request.headers["webhook-id"], "at": time.monotonic()}
        booking = told["data"]["id"]
        self.tries.append(told)
        self._now[booking] += 1
        self.at_once[booking] = max(self.at_once[booking], self._now[booking])
        try:
            response = await self.answering(self, told)
        finally:
            self._now[booking] -= 1
        if response.status < 300:
            self.told.append(told)
        return response

    def check(self, request: web.Request, body: str) -> None:
        """Fails the request, and so the test, when it is not signed by the secret."""
        assert self.secret
        id_, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        right = base64.b64encode(hmac.digest(key, f"{id_}.{at}.{body}".encode(), hashlib.sha256)).decode()
        assert request.headers["webhook-signature"] == f"v1,{right}"
        assert abs(time.time() - int(at)) < 60

    async def hears(self, is_so: Callable[[], bool], within_s: float = 20) -> None:
        """Until something is so."""
        async with asyncio.timeout(within_s):
            while not is_so():
                await asyncio.sleep(0.01)

    def of(self, booking_id: str) -> list[str]:
        """What it was told of a booking, once each, in the order of the first time."""
        found = {one["id"]: one["type"] for one in self.told if one["data"]["id"] == booking_id}
        return list(found.values())


@asynccontextmanager
async def receiving(answering: Answering = accepts) -> AsyncIterator[Receiver]:
    """A receiver on a free port of loopback."""
    receiver = Receiver(answering=answering)
    application = web.Application()
    application.router.add_route("*", "/hook", receiver.hear)
    server = TestServer(application)
    await server.start_server()
    receiver.url = str(server.make_url("/hook"))
    try:
        yield receiver
    finally:
        await server.close()
