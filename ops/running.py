"""A server that runs: its parts one within the other, and its routes."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from db.listen import Listener
from db.pool import Database
from execution import oracle
from execution.documents import Persisted
from execution.door import HALL, Hall, Runner
from execution.engine import Engine
from execution.front import Front, Handler, metered
from execution.metering import Meter
from execution.oracle import Oracle
from execution.plans import Plans
from ops import parts
from ops.guard import Guard
from ops.health import Health, Scrape
from ops.limiting import Site
from ops.metrics import Metrics
from ops.preparing import Prepared
from ops.settings import Settings
from ops.shelf import Shelf
from ops.sockets import Sockets
from resolvers import tokens
from resolvers.app import App
from resolvers.tokens import TokenSettings
from schema import exports, page, rest
from schema.exports import Exports
from schema.operation import Authenticate
from schema.quick import World
from schema.rest import Rest
from schema.schema import schema
from schema.view import HEADER_MAX, View

CHECKED_SHARE = 1 / 5000  # of plans' answers are made again by the stock path, and compared
GARBAGE = 20_000, 20, 100  # Python's own are 700, 10, 10: of new objects, and of looks at the younger before the older


@asynccontextmanager
async def serving(
    settings: Settings, prepared: Prepared, sockets: Sockets, shelf: Shelf | None = None
) -> AsyncIterator[None]:
    """Answers on the sockets. At the end nothing is accepted, and what is under way comes to its end.

    shelf: where the processes of one server find each other's numbers.
    """
    redis = parts.redis_of(settings.redis_url)
    database = await Database.open(prepared.url, settings.pool)
    try:
        async with (
            parts.app_of(settings, prepared.url, database, redis, shelf) as (app, listener),
            parts.guard_of(settings) as guard,
            parts.measuring(Metrics(app, listener, shelf), sockets.metrics) as metrics,
            parts.chores(settings, app),
            parts.telling(settings, app),
            parts.warming(settings, app),
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
                shutdown_timeout=parts.LAST_REQUESTS_S,
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


def spare_pauses() -> None:
    """Garbage is looked for among what is new, seldom among all: what a cache keeps is not garbage, and there is much of it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)


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
    found.router.add_routes(_routes(app, authenticate, metrics.meter, guard=guard, health=health, graphql=graphql))
    if shows_metrics:
        found.router.add_get("/metrics", Scrape(metrics, is_open=False).metrics)
    found.router.add_routes(page.routes())
    found.on_response_prepare.append(page.harden)
    if guard.origins:
        found.on_response_prepare.append(guard.prepare)
    found.on_shutdown.append(health.leave)
    found.on_shutdown.append(view.go_away)
    return found


def _routes(
    app: App, authenticate: Authenticate, meter: Meter, *, guard: Guard, health: Health, graphql: Handler
) -> list[web.RouteDef]:
    """What is answered, and by whom, but for metrics and pages."""
    slots, exports_ = Rest(app, authenticate).available_slots, Exports(app, authenticate)
    return [
        web.route("*", "/graphql", guard.before(graphql, is_graphql=True)),
        web.get(rest.AVAILABLE_SLOTS, guard.before(metered(slots, meter, "rest"))),
        web.route("OPTIONS", rest.AVAILABLE_SLOTS, guard.preflight),
        web.get(exports.BOOKINGS, guard.before(metered(exports_.bookings, meter, "export")), allow_head=False),
        web.get(exports.CALENDAR, guard.before(metered(exports_.calendar, meter, "calendar"))),
        web.get("/healthz", health.healthz),
        web.get("/readyz", health.readyz),
    ]
