"""A server's parts by its settings: what is made of each, and what begins and ends with the server."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aiohttp import web

from cache.counts import Counts
from cache.rates import Rates
from cache.stores import Redis
from db import queries, versions
from db.listen import Listener
from db.pool import Database, PoolSettings, StartupError
from ops import posting, records
from ops.callers import Addresses
from ops.guard import Guard
from ops.health import Scrape
from ops.metrics import Metrics
from ops.settings import Settings
from ops.shelf import Shelf
from resolvers import app as wiring
from resolvers import nightly, waitlist, webhooks
from resolvers.app import App
from resolvers.chores import Chores
from resolvers.telling import Teller
from resolvers.warming import Warming

if TYPE_CHECKING:
    from ops.tracing import Tracing

REPORTS = PoolSettings(size_min=0, size_max=4, readers=1, statement_s=30.0, write_turn_s=30.0)  # on a replica
# Requests under way get this long to end, then as long again before they are cancelled (aiohttp's ways).
LAST_REQUESTS_S = 3


@asynccontextmanager
async def app_of(
    settings: Settings, url: str, database: Database, redis: Redis | None, shelf: Shelf | None
) -> AsyncIterator[tuple[App, Listener]]:
    """The parts of the server, listening for changes."""
    async with database.connection() as connection:
        lineage = await versions.lineage(connection) if redis else ""
    replica = await Database.open(settings.replica_url, REPORTS) if settings.replica_url else None
    app = wiring.build(
        database,
        default_tenant=settings.default_tenant,
        limits=settings.limits,
        entries_max=settings.entries_max,
        ttl=settings.ttl,
        redis=redis,
        lineage=lineage,
        others=_others(shelf) if shelf else tuple,
        private_webhooks=settings.private_webhooks,
        replica=replica,
        offer_log_days=settings.offer_log_days,
    )
    listener = Listener(url, app.hear, app.trust)
    listener.start()
    try:
        async with app.offers.running():
            yield app, listener
    finally:
        await listener.stop()
        await app.close()
        if replica:
            await replica.close()


def _others(shelf: Shelf) -> Callable[[], Sequence[Any]]:
    return lambda: records.cache_numbers(shelf.others())


@asynccontextmanager
async def guard_of(settings: Settings) -> AsyncIterator[Guard]:
    """What is let in, by whom and how often; and traces, if they are wanted."""
    rates, tracing = rates_of(settings), _tracing_of(settings.traces)
    observers = [tracing.statement] if tracing else []
    queries.observers += observers
    try:
        yield Guard(rates, Addresses(settings.trusted_proxies), settings.origins, settings.is_hardened, tracing)
    finally:
        for one in observers:
            queries.observers.remove(one)
        if tracing:
            await asyncio.to_thread(tracing.close)
        if rates:
            await rates.counts.close()


@asynccontextmanager
async def measuring(metrics: Metrics, listening: socket.socket | None) -> AsyncIterator[Metrics]:
    """Numbers are kept, and shown at an address of their own if there is one."""
    async with metrics.running():
        if listening is None:
            yield metrics
            return
        alone = web.Application()
        alone.router.add_get("/metrics", Scrape(metrics, is_open=True).metrics)
        runner = web.AppRunner(alone, access_log=None, shutdown_timeout=LAST_REQUESTS_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            yield metrics
        finally:
            await runner.cleanup()


def chores(settings: Settings, app: App) -> AbstractAsyncContextManager[None]:
    """What is to be done now and then is done meanwhile, by one process of all on the database."""
    jobs = [waitlist.sweeping(app), webhooks.clearing(), nightly.chore(app, settings.days_ahead)]
    return Chores(app.database, jobs).running()


@asynccontextmanager
async def telling(settings: Settings, app: App) -> AsyncIterator[None]:
    """Endpoints are told what happened meanwhile."""
    timeout_s = settings.webhook_timeout_s
    async with (
        posting.posting(timeout_s=timeout_s, to_any=settings.private_webhooks) as post,
        Teller(app.database, post, app.told, timeout_s=timeout_s).running(),
    ):
        yield


@asynccontextmanager
async def warming(settings: Settings, app: App) -> AsyncIterator[None]:
    """Days are computed ahead of who asks for them meanwhile, unless the settings say no."""
    if not settings.warming:
        yield
        return
    async with Warming(app, settings.days_ahead).running():
        yield


def redis_of(url: str | None) -> Redis | None:
    """The Redis at a URL, which need not be there yet. Raises StartupError for what is no such URL."""
    try:
        return Redis(url) if url else None
    except ValueError as error:
        raise StartupError(f"--redis-url: {error}") from None


def rates_of(settings: Settings) -> Rates | None:
    """The quotas. Raises StartupError."""
    if settings.rates is None:
        return None
    try:
        return Rates(**settings.rates._asdict(), counts=Counts(settings.redis_url))
    except ValueError as error:
        raise StartupError(
            f"--rate-read, --rate-write, --rate-tenant: {error}; write 100/minute, or 5 per 10 seconds"
        ) from None


def _tracing_of(endpoint: str | None) -> Tracing | None:
    """Traces for a collector. Raises StartupError where the extra is not installed."""
    if endpoint is None:
        return None
    tracing = tracing_extra()
    found: Tracing = tracing.Tracing(tracing.provider(endpoint))
    return found


def tracing_extra() -> ModuleType:
    """ops.tracing, which needs packages that not everybody has. Raises StartupError where they are not installed."""
    try:
        return importlib.import_module("ops.tracing")
    except ImportError:
        extra = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        raise StartupError(f"--traces needs the extra: pip install -c requirements-dev.txt {extra}") from None
