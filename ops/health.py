"""What a load balancer, an orchestrator and Prometheus ask: /healthz, /readyz, /metrics."""

from __future__ import annotations

import asyncio
import ipaddress
import time

import orjson
from aiohttp import web

from db.listen import Listener
from db.pool import Database
from domain.errors import Unavailable
from ops.metrics import Metrics

ANSWER_MAX_S = 1.0
TRUE_FOR_S = 1.0
# Who sends these asks for somebody else, who may be anywhere.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
NOT_STORED = {"Cache-Control": "no-store"}


class Health:
    """Whether the process is alive, and whether it is of use."""

    def __init__(self, database: Database, listener: Listener | None = None) -> None:
        self._database = database
        self._listener = listener
        self._is_leaving = False
        self._asked_at = float("-inf")
        self._answers = False
        self._asking = asyncio.Lock()

    async def healthz(self, _request: web.Request) -> web.Response:
        """Whether the event loop turns. It looks at nothing else: restarting this process would not mend another."""
        return web.Response(text="ok", headers=NOT_STORED)

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 when requests can be answered; else 503. Either says what is and what is not.

        Without a listener they can: CACHED is VERIFIED then.
        """
        found = {
            "postgres": "answers" if await self._postgres_answers() else "does not answer",
            "listener": "listens" if self._listener is None or self._listener.is_listening else "does not listen",
            "server": "is ending" if self._is_leaving else "runs",
        }
        is_ready = self._answers and not self._is_leaving
        return web.Response(
            body=orjson.dumps({"ready": is_ready, **found}),
            status=200 if is_ready else web.HTTPServiceUnavailable.status_code,
            content_type="application/json",
            headers=NOT_STORED,
        )

    async def leave(self, _: web.Application) -> None:
        """For on_shutdown: nothing new is to be sent here."""
        self._is_leaving = True

    async def _postgres_answers(self) -> bool:
        """As of a second ago at most: whoever asks often costs Postgres no more."""
        async with self._asking:
            if time.monotonic() - self._asked_at >= TRUE_FOR_S:
                try:
                    async with asyncio.timeout(ANSWER_MAX_S):
                        await self._database.answers()
                    self._answers = True
                except (Unavailable, TimeoutError):
                    self._answers = False
                self._asked_at = time.monotonic()
        return self._answers


class Scrape:
    """/metrics. is_open: to whoever reaches it; else to this machine alone, and to nobody through a proxy that says so."""

    def __init__(self, metrics: Metrics, *, is_open: bool) -> None:
        self._metrics = metrics
        self._is_open = is_open

    async def metrics(self, request: web.Request) -> web.Response:
        if not self._is_open and not is_from_here(request):
            raise web.HTTPNotFound
        text, content_type = await self._metrics.exposition(request.headers.get("Accept", ""))
        return web.Response(body=text, headers={"Content-Type": content_type, **NOT_STORED})


def is_from_here(request: web.Request) -> bool:
    """Whether somebody on this machine asks, for themselves as far as can be seen."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer or any(name in request.headers for name in FORWARDED):
        return False
    address = ipaddress.ip_address(peer[0].partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
