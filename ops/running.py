"""A server put together: its settings, its database, its parts, its routes; and what it says to whoever starts it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import ipaddress
import json
import os
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from cache.counts import Counts
from cache.rates import Rates
from cache.stores import Redis
from db import ahead, directory, embedded, migrate, queries, versions
from db.listen import Listener
from db.pool import Database, PoolSettings, StartupError, check_server
from execution import oracle
from execution.documents import Persisted, digest_of
from execution.door import HALL, Hall, Runner
from execution.engine import Engine
from execution.front import Front, Handler, metered
from execution.oracle import Oracle
from execution.plans import Plans
from ops import metrics as ops_metrics
from ops import posting
from ops.callers import Addresses, Network
from ops.guard import Guard
from ops.health import Health, Scrape
from ops.limiting import Site
from ops.metrics import Metrics
from ops.shelf import Shelf
from resolvers import app as wiring
from resolvers import demo as demo_salon
from resolvers import importing, nightly, salon_file, tokens, waitlist, webhooks
from resolvers.app import App, Limits
from resolvers.chores import Chores
from resolvers.context import Caller, Context, Role
from resolvers.nightly import Recalculated
from resolvers.telling import Teller
from resolvers.tokens import TokenSettings
from resolvers.warming import Warming
from schema import exports, issuer, page, rest
from schema.exports import Exports
from schema.quick import World
from schema.rest import Rest
from schema.schema import schema
from schema.view import HEADER_MAX, View

if TYPE_CHECKING:
    from ops.tracing import Tracing

CHECKED_SHARE = 1 / 5000  # of plans' answers are made again by the stock path, and compared
SECRET_LENGTH_MIN = 32
REPORTS = PoolSettings(size_min=0, size_max=4, readers=1, statement_s=30.0, write_turn_s=30.0)  # on a replica
GARBAGE = 20_000, 20, 100  # Python's own are 700, 10, 10: of new objects, and of looks at the younger before the older
# Requests under way get this long to end, then as long again before they are cancelled (aiohttp's ways).
LAST_REQUESTS_S = 3
EXAMPLE = (
    "{ stylists(limit: 3) { name services { service { name } "
    'availableSlots(date: "%s") { freeCount slots(status: AVAILABLE) { display startUtc priceCents } } } } }'
)


log = structlog.get_logger("running")


class RateSettings(NamedTuple):
    """Quotas, as `100/minute`. read, write: of each address, requests, and holds and bookings. tenant: of each business."""

    read: str
    write: str
    tenant: str


STRICT = RateSettings("100/minute", "10/minute", "200/second")
GENEROUS = RateSettings("1000/second", "100/second", "10000/second")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, read once."""

    database_url: str | None
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    migrate: bool = True
    default_tenant: str = ""
    redis_url: str | None = None
    replica_url: str | None = None
    offer_log_days: int = 30
    jwks: str | None = None
    audiences: tuple[str, ...] = ("chairtime",)
    pool: PoolSettings = field(default_factory=PoolSettings)
    limits: Limits = field(default_factory=Limits)
    entries_max: int = 50_000
    ttl: timedelta = timedelta(minutes=15)
    workers: int = 1
    plans: bool = True
    fragments: bool = True
    trusted_documents: Path | None = None
    metrics_address: tuple[str, int] | None = None
    warming: bool = True
    days_ahead: int = 14
    is_hardened: bool = False
    rates: RateSettings | None = None
    trusted_proxies: tuple[Network, ...] = ()
    origins: tuple[str, ...] = ()
    traces: str | None = None
    private_webhooks: bool = False
    webhook_timeout_s: float = 10.0


class Sockets(NamedTuple):
    """Where to listen. metrics: for /metrics by itself, if not beside the rest."""

    main: socket.socket
    metrics: socket.socket | None = None

    def close(self) -> None:
        """Takes no more connections."""
        self.main.close()
        if self.metrics:
            self.metrics.close()


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is served."""

    url: str
    has_tenant: bool
    token_settings: TokenSettings
    trusted: Mapping[str, str] | None


async def prepare(settings: Settings, *, with_demo: bool) -> Prepared:
    """Everything that is done once, however many serve."""
    _redis(settings.redis_url)  # only to say now what is wrong with the address
    _rates(settings)  # and with the quotas
    if settings.traces is not None:
        _tracing_extra()
    if settings.replica_url:
        await _look_at_replica(settings.replica_url)
    keys = None if settings.jwks is None else await issuer.keys(settings.jwks)
    secret = secret_of(settings.data_dir) if keys is None else _given_secret()
    async with database_of(settings) as (url, database):
        if with_demo:
            await ensure_demo(database)
        async with database.connection() as connection:
            has_tenant = await directory.tenant_id_of(connection, settings.default_tenant) is not None
    trusted = trusted_documents(settings.trusted_documents) if settings.trusted_documents else None
    return Prepared(url, has_tenant, TokenSettings(secret, keys, settings.audiences), trusted)


@asynccontextmanager
async def serving(
    settings: Settings, prepared: Prepared, sockets: Sockets, shelf: Shelf | None = None
) -> AsyncIterator[None]:
    """Answers on the sockets. At the end nothing is accepted, and what is under way comes to its end.

    shelf: where the processes of one server find each other's numbers.
    """
    redis = _redis(settings.redis_url)
    database = await Database.open(prepared.url, settings.pool)
    try:
        async with (
            _app(settings, prepared.url, database, redis, shelf) as (app, listener),
            _guard(settings) as guard,
            _measuring(Metrics(app, listener, shelf), sockets.metrics) as metrics,
            Chores(
                database, [waitlist.sweeping(app), webhooks.clearing(), nightly.chore(app, settings.days_ahead)]
            ).running(),
            _telling(settings, app),
            _warming(app, settings),
        ):
            runner = Runner(
                application(
                    app,
                    prepared.token_settings,
                    plans=settings.plans,
                    fragments=settings.fragments,
                    trusted=prepared.trusted,
                    metrics=metrics,
                    listener=listener,
                    shows_metrics=sockets.metrics is None,
                    guard=guard,
                ),
                access_log=None,
                shutdown_timeout=LAST_REQUESTS_S,
                max_field_size=HEADER_MAX,
            )
            await runner.setup()
            try:
                await Site(runner, sockets.main, settings.limits.header_bytes).start()
                spare_pauses()
                yield
            finally:
                await runner.cleanup()
    finally:
        await database.close()


@asynccontextmanager
async def _telling(settings: Settings, app: App) -> AsyncIterator[None]:
    """Endpoints are told what happened meanwhile."""
    timeout_s = settings.webhook_timeout_s
    async with (
        posting.posting(timeout_s=timeout_s, to_any=settings.private_webhooks) as post,
        Teller(app.database, post, app.told, timeout_s=timeout_s).running(),
    ):
        yield


@asynccontextmanager
async def _measuring(metrics: Metrics, listening: socket.socket | None) -> AsyncIterator[Metrics]:
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


def spare_pauses() -> None:
    """Garbage is looked for among what is new, seldom among all: what a cache keeps is not garbage, and there is much of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[tuple[str, Database]]:
    """The database that the settings name, migrated, with a pool on it."""
    if settings.database_url is None:
        folder = settings.data_dir / "postgres"
        if not folder.exists():
            say(f"Making an embedded Postgres in {folder}")
        url = await asyncio.to_thread(embedded.start, folder)
    else:
        url = settings.database_url
    await check_server(url)
    if settings.migrate:
        await migrate.migrate(url, say)
    database = await Database.open(url, settings.pool)
    try:
        yield url, database
    finally:
        await database.close()


async def ensure_demo(database: Database) -> None:
    """Loads the demo business unless it is there."""
    async with database.connection() as connection:
        if await directory.tenant_id_of(connection, demo_salon.SLUG):
            return
    say("Loading the demo business, once: 50 stylists and a year of bookings")
    salon = salon_file.parse(json.dumps(await asyncio.to_thread(demo_salon.salon, datetime.now(UTC).date())))
    await importing.import_salon(database, salon, Progress("demo"))


@asynccontextmanager
async def _app(
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


@asynccontextmanager
async def _guard(settings: Settings) -> AsyncIterator[Guard]:
    rates, tracing = _rates(settings), _tracing(settings.traces)
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


def _tracing(endpoint: str | None) -> Tracing | None:
    """Traces for a collector. Raises StartupError where the extra is not installed."""
    if endpoint is None:
        return None
    tracing = _tracing_extra()
    found: Tracing = tracing.Tracing(tracing.provider(endpoint))
    return found


def _tracing_extra() -> ModuleType:
    try:
        return importlib.import_module("ops.tracing")
    except ImportError:
        extra = "opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        raise StartupError(f"--traces needs the extra: pip install -c requirements-dev.txt {extra}") from None


def _rates(settings: Settings) -> Rates | None:
    """The quotas. Raises StartupError."""
    if settings.rates is None:
        return None
    try:
        return Rates(**settings.rates._asdict(), counts=Counts(settings.redis_url))
    except ValueError as error:
        raise StartupError(
            f"--rate-read, --rate-write, --rate-tenant: {error}; write 100/minute, or 5 per 10 seconds"
        ) from None


@asynccontextmanager
async def _warming(app: App, settings: Settings) -> AsyncIterator[None]:
    if not settings.warming:
        yield
        return
    async with Warming(app, settings.days_ahead).running():
        yield


async def recalculate(settings: Settings) -> Recalculated | None:
    """Has the next days of the default tenant's stylists computed anew: here, for Redis; or, without one, by whoever serves,
    within half a minute, and the answer is None. Raises BadRequest NOT_FOUND, Unavailable.
    """
    redis = _redis(settings.redis_url)
    async with database_of(settings) as (url, database), _app(settings, url, database, redis, None) as (app, _):
        context = await Context.open(app, Caller(role=Role.SERVICE))
        tenant = context.directory.tenant
        if redis is None:
            async with database.transaction(tenant.id) as connection:
                await ahead.forget(connection, tenant.id)
            return None
        today = app.clock.now().astimezone(ZoneInfo(tenant.timezone)).date()
        found = await nightly.recalculate(context, None, [today + timedelta(n) for n in range(settings.days_ahead)])
        await redis.idle()
        return found


def _others(shelf: Shelf) -> Callable[[], Sequence[Any]]:
    return lambda: ops_metrics.cache_numbers(shelf.others())


async def _look_at_replica(url: str) -> None:
    """Says what is wrong with it. Only what cannot be an address stops the start: bookings do not need a replica."""
    option = "--replica-url"
    try:
        await check_server(url, option)
    except StartupError as error:
        if str(error).startswith(option):
            raise
        log.warning("the replica does not answer, nor do analytics and exports until it does", error=str(error))


def _redis(url: str | None) -> Redis | None:
    """The Redis at a URL, which need not be there yet."""
    try:
        return Redis(url) if url else None
    except ValueError as error:
        raise StartupError(f"--redis-url: {error}") from None


def application(
    app: App,
    token_settings: TokenSettings,
    *,
    plans: bool,
    fragments: bool = True,
    trusted: Mapping[str, str] | None = None,
    checked_share: float = CHECKED_SHARE,
    metrics: Metrics | None = None,
    listener: Listener | None = None,
    shows_metrics: bool = True,
    guard: Guard | None = None,
) -> web.Application:
    """The routes. trusted: the only documents that are answered, by their SHA-256; None for any. checked_share: of plans'
    answers, which the stock path makes again. guard: what is let in; None for everything.
    """
    found = web.Application(client_max_size=app.limits.body_bytes)
    metrics, health = metrics or Metrics(app, listener), Health(app.database, listener)
    authenticate, persisted = partial(tokens.authenticate, token_settings), Persisted(trusted)
    guard = guard or Guard()
    metrics.rates = guard.rates
    view = View(
        app, authenticate, persisted, metrics.meter, guard.gate, origins=guard.origins, has_page=not guard.is_hardened
    )
    metrics.sockets_open = view.sockets_open
    graphql: Handler = view
    if plans and oracle.trust():
        world = World(app, authenticate)
        plans_ = Plans(schema, persisted, app.limits)
        metrics.engine = engine = Engine(
            plans_, world, keeps_fragments=fragments, meter=metrics.meter, on_answer=world.told, pause=app.turns.wait
        )
        judge = Oracle(engine, world.stock, checked_share)
        graphql = Front(engine, view, judge).handle
        if not guard.tracing:  # each request has its span
            found[HALL] = Hall(
                engine,
                "/graphql",
                lambda one: page.HARDENED | guard.more(one),
                oracle=judge,
                admits=guard.admits,
                refuses=guard.refuses,
            )
    found.router.add_route("*", "/graphql", guard.before(graphql, is_graphql=True))
    slots = guard.before(metered(Rest(app, authenticate).available_slots, metrics.meter, "rest"))
    found.router.add_get(rest.AVAILABLE_SLOTS, slots)
    found.router.add_route("OPTIONS", rest.AVAILABLE_SLOTS, guard.preflight)
    exports_ = Exports(app, authenticate)
    bookings = guard.before(metered(exports_.bookings, metrics.meter, "export"))
    found.router.add_get(exports.BOOKINGS, bookings, allow_head=False)
    found.router.add_get(exports.CALENDAR, guard.before(metered(exports_.calendar, metrics.meter, "calendar")))
    found.router.add_get("/healthz", health.healthz)
    found.router.add_get("/readyz", health.readyz)
    if shows_metrics:
        found.router.add_get("/metrics", Scrape(metrics, is_open=False).metrics)
    found.router.add_routes(page.routes())
    found.on_response_prepare.append(page.harden)
    if guard.origins:
        found.on_response_prepare.append(guard.prepare)
    found.on_shutdown.append(health.leave)
    found.on_shutdown.append(view.go_away)
    return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address, as far as its name says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def bind_all(settings: Settings) -> Sockets:
    """The listening sockets, taken before anything else is begun."""
    alone = settings.metrics_address
    return Sockets(bind(settings.host, settings.port), bind(*alone, "--metrics-address") if alone else None)


def bind(host: str, port: int, options: str = "--host and --port") -> socket.socket:
    """A listening socket. options: which say where."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with {options}") from None
    return listening


def welcome(prepared: Prepared, listening: socket.socket, seconds: float, *, is_hardened: bool) -> None:
    """What to do next, for whoever started this."""
    host, port = listening.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    how = "by POST (the profile is hardened: there is no GraphiQL)" if is_hardened else "in a browser for the API"
    say(f"\nReady in {seconds:.1f} s. The booking page: {base}\nOpen {base}/graphql {how}, or paste this:\n")
    query = EXAMPLE % (datetime.now(UTC).date() + timedelta(1))
    say(f"curl -s {base}/graphql -H 'content-type: application/json' -d '{json.dumps({'query': query})}'\n")
    if not prepared.has_tenant:
        say("There is no business yet: python server.py demo, or python server.py import FILE\n")
    say("Stop with Ctrl-C; the data stays.")


def secret_of(data_dir: Path) -> str:
    """The secret from the environment, else one of the data folder's own, made at first use."""
    secret = _given_secret()
    if secret is not None:
        return secret
    file = data_dir / "jwt-secret"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.suppress(FileExistsError),
            open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new,
        ):
            new.write(secrets.token_urlsafe(48))
        return _long_enough(file.read_text())
    except OSError as error:
        raise StartupError(f"--data-dir {data_dir}: {error.strerror}") from None


def trusted_documents(file: Path) -> dict[str, str]:
    """The file's documents by their SHA-256. It is a list of texts, or an object of texts by anything."""
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise StartupError(f"--trusted-documents {file}: {error.strerror}") from None
    except ValueError as error:
        raise StartupError(f"--trusted-documents {file}: not JSON: {error}") from None
    texts = list(found.values()) if isinstance(found, dict) else found
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise StartupError(f"--trusted-documents {file}: write a list of documents, or an object of them by their hash")
    for text in texts:
        if problems := schema.problems_of(text):
            raise StartupError(f"--trusted-documents {file}: {problems[0].message}, in {text[:60]!r}")
    return {digest_of(text): text for text in texts}


def _given_secret() -> str | None:
    secret = os.environ.get("CHAIRTIME_JWT_SECRET")
    return None if secret is None else _long_enough(secret)


def _long_enough(secret: str) -> str:
    if len(secret) < SECRET_LENGTH_MIN:
        raise StartupError(
            f"CHAIRTIME_JWT_SECRET has {len(secret)} characters; at least {SECRET_LENGTH_MIN} are needed"
        )
    return secret


class Progress:
    """Says how far something is, at most a few times a second, and at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoke = 0.0

    def __call__(self, kind: str, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self._spoke > (0.2 if sys.stderr.isatty() else 2.0):
            self._spoke = time.monotonic()
            end = "\n" if done >= total or not sys.stderr.isatty() else "\r"
            print(f"{self._what}: {kind} {done:,} of {total:,}   ", end=end, file=sys.stderr, flush=True)


def say(line: str) -> None:
    """A line for whoever started this."""
    print(line, flush=True)
