"""Chairtime's command line. Nothing imports it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, MutableMapping
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog

from db.imports import Counts
from db.pool import PoolSettings, StartupError, check_server
from domain.errors import BadRequest, Unavailable
from execution import asked
from ops import metrics, running
from ops.callers import Network
from ops.limiting import limits_of
from ops.shelf import Shelf
from ops.supervise import Lifeline, Supervisor
from resolvers import importing, salon_file, tokens
from resolvers.context import Role
from resolvers.tokens import TokenSettings

ROOT = Path(__file__).parent
DURATION = re.compile(r"(\d{1,6})([smhd])")
ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Of Postgres's 100 by default, for all workers together: each has its pool and a listening connection.
CONNECTIONS_MAX = 90
# Then what is left is given up, so that with the embedded Postgres everything is over within 10 s.
DRAIN_MAX_S = 8.5
# A worker without its parent: the signal that ends it comes by itself.
ORPHAN_MAX_S = 1.5

T = TypeVar("T")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True},
    epilog="Start here: python server.py serve --demo, then open what it prints.",
)
def cli() -> None:
    """Chairtime answers when a person's time can be booked: by whom, for what, at what price."""


def _database_options(command: Callable[..., T]) -> Callable[..., T]:
    """What every command that needs the database takes."""
    url = click.option(
        "--database-url",
        envvar="DATABASE_URL",
        help="A Postgres 14 or later: postgresql://user:password@host/database. Default: an embedded one in --data-dir.",
    )
    return url(_data_dir(command))


def _data_dir(command: Callable[..., T]) -> Callable[..., T]:
    return click.option(
        "--data-dir",
        envvar="CHAIRTIME_DATA_DIR",
        type=click.Path(file_okay=False, path_type=Path),
        default=ROOT / "data",
        show_default="data/ beside server.py",
        help="Where the embedded Postgres and the token secret live.",
    )(command)


def _days_ahead(command: Callable[..., T]) -> Callable[..., T]:
    return click.option(
        "--days-ahead",
        envvar="CHAIRTIME_DAYS_AHEAD",
        type=click.IntRange(0, 60),
        default=14,
        help="How many of every stylist's next days are prepared at 02:00 in the business's zone; the rest when it is asked for.",
    )(command)


def _redis_url(command: Callable[..., T]) -> Callable[..., T]:
    return click.option(
        "--redis-url",
        envvar="REDIS_URL",
        help="A Redis that server processes share as a second cache: redis://:password@host:6379/0, rediss:// or unix://. "
        "The server works the same while it is away. Default: none, each process caches for itself.",
    )(command)


def _tenant(command: Callable[..., T]) -> Callable[..., T]:
    return click.option(
        "--tenant",
        envvar="CHAIRTIME_TENANT",
        default="",
        help="The tenant of who names none, by slug. Default: the oldest.",
    )(command)


def _exposure_options(command: Callable[..., T]) -> Callable[..., T]:
    """What says whom a server is open to, and how much."""
    rate = "requests a minute, as 100/minute or 5 per 10 seconds."
    options = (
        click.option(
            "--profile",
            envvar="CHAIRTIME_PROFILE",
            type=click.Choice(["open", "hardened"]),
            show_default="open where only this machine can connect, else hardened",
            help="open: the schema, GraphiQL and plain GET for all. hardened: strangers are told nothing of the schema, and "
            "there is no GraphiQL.",
        ),
        click.option(
            "--rate-limits",
            envvar="CHAIRTIME_RATE_LIMITS",
            type=click.Choice(["on", "off"]),
            default="on",
            help="Whether there are quotas; past them, 429. Counted in Redis if there is one, else by each process.",
        ),
        click.option(
            "--rate-read",
            envvar="CHAIRTIME_RATE_READ",
            show_default=f"{running.STRICT.read}; open: {running.GENEROUS.read}",
            help=f"Each address's {rate}",
        ),
        click.option(
            "--rate-write",
            envvar="CHAIRTIME_RATE_WRITE",
            show_default=f"{running.STRICT.write}; open: {running.GENEROUS.write}",
            help="Each address's holds and bookings; staff's are not counted.",
        ),
        click.option(
            "--rate-tenant",
            envvar="CHAIRTIME_RATE_TENANT",
            show_default=f"{running.STRICT.tenant}; open: {running.GENEROUS.tenant}",
            help="Each business's requests, from anywhere.",
        ),
        click.option(
            "--trusted-proxy",
            envvar="CHAIRTIME_TRUSTED_PROXIES",
            multiple=True,
            metavar="NETWORK",
            help="A proxy whose X-Forwarded-For is believed, as 127.0.0.1 or 10.0.0.0/8; again for each, by spaces in the "
            "variable. Default: none.",
        ),
        click.option(
            "--cors-origin",
            envvar="CHAIRTIME_CORS_ORIGINS",
            multiple=True,
            metavar="ORIGIN",
            help="Whose pages may ask from elsewhere, over HTTP and WebSocket, as https://salon.example, or * for all; again "
            "for each, by spaces in the variable. Default: only pages that the server itself serves.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@cli.command(
    short_help="Serve GraphQL, and GraphiQL for browsers.",
    epilog="\b\nExamples:\n  python server.py serve --demo\n  python server.py serve --workers 4\n"
    "  python server.py serve --port 8080 --database-url postgresql://chairtime@localhost/chairtime\n"
    "  python server.py serve --jwks https://PROJECT.supabase.co/auth/v1/.well-known/jwks.json --jwt-audience authenticated",
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, help="The port; 0 takes a free one and says which."
)
@_database_options
@_redis_url
@click.option(
    "--replica-url",
    envvar="REPLICA_URL",
    help="A Postgres replica that analytics and exports read, which may be late. Default: none, they read the database itself.",
)
@click.option(
    "--offer-log-days",
    envvar="CHAIRTIME_OFFER_LOG_DAYS",
    type=click.IntRange(0, 366),
    default=30,
    help="How long it is kept which starts were shown to whom as free; 0 keeps nothing of it.",
)
@_tenant
@click.option(
    "--workers",
    type=click.IntRange(1, 30),
    default=1,
    help="How many processes answer, on one port: about one a core. Each has caches and connections of its own.",
)
@click.option(
    "--pool-size",
    type=click.IntRange(1, 1000),
    show_default="10, or fewer, so that all workers need 90 at most",
    help="Connections to Postgres a worker may open, beside one that listens.",
)
@click.option(
    "--plans/--no-plans",
    default=True,
    help="Compile queries that come again, and keep their answers as bytes for as long as they are true; else all goes the "
    "stock way, which answers the same.",
)
@click.option(
    "--fragments/--no-fragments", default=True, help="Whether plans keep bytes, or only what they make them of."
)
@click.option(
    "--trusted-documents",
    envvar="CHAIRTIME_TRUSTED_DOCUMENTS",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Answer only the documents of this file, sent whole or by their SHA-256: a JSON list of them, or an object of them by "
    "their hash, as build tools make it. Default: any document.",
)
@click.option(
    "--warming/--no-warming",
    default=True,
    help="Compute what is asked for often again as soon as it has changed, and keep the next days in memory; for that a tenth "
    "of a core at most.",
)
@_days_ahead
@click.option(
    "--limit",
    "limits",
    envvar="CHAIRTIME_LIMITS",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A bound on what may be asked for, as tokens=3000; several, by spaces or by the option again. Each is in "
    "docs/decisions/0015-limits.md with its default.",
)
@click.option("--demo", is_flag=True, help="Load the demo business first, unless it is there.")
@click.option("--migrate/--no-migrate", default=True, help="Bring the database to the newest schema first.")
@click.option(
    "--jwks",
    envvar="CHAIRTIME_JWKS",
    metavar="FILE_OR_URL",
    help="The public keys of whoever signs your tokens (RS256, ES256), as a JWKS; a URL by https, or http on this machine. "
    "Read again every 5 minutes and for a key not known. Then the secret in --data-dir opens nothing; "
    "CHAIRTIME_JWT_SECRET still does. Default: none, tokens by the secret alone.",
)
@click.option(
    "--jwt-audience",
    envvar="CHAIRTIME_JWT_AUDIENCE",
    multiple=True,
    default=("chairtime",),
    help="Whom a token must be for, its `aud`; one of several, by spaces or by the option again. Supabase's: authenticated.",
)
@click.option(
    "--metrics-address",
    envvar="CHAIRTIME_METRICS_ADDRESS",
    metavar="HOST:PORT",
    help="Where Prometheus finds /metrics, open to whoever reaches it; then it is not on --port. Default: on --port, for callers "
    "on this machine only. Say it if a proxy on this machine passes everything on.",
)
@click.option(
    "--webhooks-to",
    envvar="CHAIRTIME_WEBHOOKS_TO",
    type=click.Choice(["public", "any"]),
    default="public",
    help="Where webhooks may go: by https to addresses on the Internet, or anywhere, by http too. Say `any` only if you trust "
    "all admins with what this machine can reach.",
)
@click.option(
    "--webhook-timeout",
    envvar="CHAIRTIME_WEBHOOK_TIMEOUT",
    type=click.FloatRange(0.1, 60),
    default=10.0,
    help="Seconds within which an endpoint must answer, or it is told again.",
)
@click.option(
    "--traces",
    envvar="CHAIRTIME_TRACES",
    metavar="URL",
    help="Where an OpenTelemetry collector takes traces by OTLP over HTTP, as http://127.0.0.1:4318/v1/traces. An extra: its SDK "
    "is to be installed besides. Default: none.",
)
@_exposure_options
def serve(
    *,
    host: str,
    port: int,
    database_url: str | None,
    data_dir: Path,
    redis_url: str | None,
    replica_url: str | None,
    offer_log_days: int,
    tenant: str,
    workers: int,
    pool_size: int | None,
    plans: bool,
    fragments: bool,
    trusted_documents: Path | None,
    warming: bool,
    days_ahead: int,
    limits: tuple[str, ...],
    demo: bool,
    migrate: bool,
    jwks: str | None,
    jwt_audience: tuple[str, ...],
    metrics_address: str | None,
    webhooks_to: str,
    webhook_timeout: float,
    traces: str | None,
    profile: str | None,
    rate_limits: str,
    rate_read: str | None,
    rate_write: str | None,
    rate_tenant: str | None,
    trusted_proxy: tuple[str, ...],
    cors_origin: tuple[str, ...],
) -> int:
    """Serve GraphQL at /graphql: POST, WebSocket (graphql-transport-ws), and GraphiQL for browsers."""
    audiences = tuple(" ".join(jwt_audience).split())
    if not audiences:
        raise StartupError("--jwt-audience: name at least one, as chairtime or authenticated")
    is_hardened = not running.is_loopback(host) if profile is None else profile == "hardened"
    usual = running.STRICT if is_hardened else running.GENEROUS
    rates = running.RateSettings(rate_read or usual.read, rate_write or usual.write, rate_tenant or usual.tenant)
    settings = running.Settings(
        database_url,
        data_dir,
        host=host,
        port=port,
        migrate=migrate,
        default_tenant=tenant,
        redis_url=redis_url or None,
        replica_url=replica_url or None,
        offer_log_days=offer_log_days,
        jwks=jwks or None,
        audiences=audiences,
        pool=PoolSettings(size_max=pool_size or min(PoolSettings().size_max, CONNECTIONS_MAX // workers - 1)),
        limits=limits_of(" ".join(limits).split()),
        workers=workers,
        plans=plans,
        fragments=fragments,
        trusted_documents=trusted_documents,
        metrics_address=_address(metrics_address) if metrics_address else None,
        warming=warming,
        days_ahead=days_ahead,
        private_webhooks=webhooks_to == "any",
        webhook_timeout_s=webhook_timeout,
        traces=traces or None,
        is_hardened=is_hardened,
        rates=rates if rate_limits == "on" else None,
        trusted_proxies=tuple(_network(one) for one in trusted_proxy),
        origins=tuple(_origin(one) for one in cors_origin),
    )
    started = time.monotonic()
    sockets = running.bind_all(settings)
    if workers == 1:
        asyncio.run(_serve(settings, sockets, started, with_demo=demo))
        return 0
    with tempfile.TemporaryDirectory(prefix="chairtime-metrics-") as folder:
        return _serve_by_many(settings, sockets, Shelf(Path(folder)), started, with_demo=demo)


@cli.command("demo", short_help="Load the demo business.")
@_database_options
def load_demo(*, database_url: str | None, data_dir: Path) -> None:
    """Load the demo business: 3 locations, 50 stylists, 5 services, a year of bookings around today."""
    asyncio.run(_demo(running.Settings(database_url, data_dir)))


@cli.command("migrate", short_help="Bring the database to the newest schema.")
@_database_options
def run_migrations(*, database_url: str | None, data_dir: Path) -> None:
    """Bring the database to the newest schema."""
    asyncio.run(_migrate(running.Settings(database_url, data_dir)))


@cli.command(
    "import",
    short_help="Import a business from a JSON file.",
    epilog="Example: python server.py import docs/salon.example.json",
)
@click.argument("file", type=click.Path(path_type=Path))
@_database_options
def import_file(*, file: Path, database_url: str | None, data_dir: Path) -> None:
    """Import a business from FILE, JSON in the form of docs/salon.example.json.

    Its places, services, stylists, hours, prices and bookings: all of it or nothing. The same file again changes nothing.
    """
    asyncio.run(_import(file, running.Settings(database_url, data_dir)))


@cli.command(
    short_help="Compute the next days anew.",
    epilog="Example: python server.py recalculate --redis-url redis://localhost:6379/0 --days-ahead 30",
)
@_database_options
@_redis_url
@_tenant
@_days_ahead
def recalculate(
    *, database_url: str | None, data_dir: Path, redis_url: str | None, tenant: str, days_ahead: int
) -> None:
    """Compute every stylist's next days anew, without waiting for 02:00.

    They are put into Redis, where servers find them. Without Redis, servers are told to do it themselves.
    """
    settings = running.Settings(
        database_url, data_dir, redis_url=redis_url or None, default_tenant=tenant, days_ahead=days_ahead
    )
    asyncio.run(_recalculate(settings))


@cli.command(
    short_help="Print a bearer token for development.",
    epilog="Example: python server.py token --role staff --tenant demo --expires-in 8h",
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role if role is not Role.PUBLIC]),
    required=True,
    help="What it allows.",
)
@click.option("--tenant", required=True, help="The tenant's slug.")
@click.option("--subject", default="developer", help="Who it is for: the owner of what they book.")
@click.option("--expires-in", default="1h", help="How long it is valid, as 30m, 1h or 7d.")
@_data_dir
def token(*, role: str, tenant: str, subject: str, expires_in: str, data_dir: Path) -> None:
    """Print a bearer token for development, signed with CHAIRTIME_JWT_SECRET or the secret in --data-dir."""
    found = DURATION.fullmatch(expires_in)
    if not found:
        raise StartupError(f"--expires-in: {expires_in!r} is not a duration; write 30m, 1h or 7d")
    if not tokens.SLUG.fullmatch(tenant):
        raise StartupError(f"--tenant: {tenant!r} is not a slug; write lower-case letters, digits and dashes")
    expires = timedelta(seconds=int(found[1]) * SECONDS[found[2]])
    running.say(
        tokens.make(
            TokenSettings(running.secret_of(data_dir)),
            role=Role(role),
            tenant=tenant,
            subject=subject,
            expires_in=expires,
        )
    )


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise StartupError(f"--trusted-proxy: {error}; write 127.0.0.1 or 10.0.0.0/8") from None


def _origin(text: str) -> str:
    """As browsers send it: lower case, without a path."""
    if text != "*" and not ORIGIN.fullmatch(text):
        raise StartupError(
            f"--cors-origin: {text!r} is not an origin; write https://salon.example, with its port if it has one"
        )
    return text


def _address(text: str) -> tuple[str, int]:
    """HOST:PORT, or [HOST]:PORT."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) >= 1 << 16:
        raise StartupError(f"--metrics-address: {text!r} is not HOST:PORT, as 127.0.0.1:9100")
    return host.strip("[]"), int(port)


async def _serve(settings: running.Settings, sockets: running.Sockets, started: float, *, with_demo: bool) -> None:
    """All in this process, until a signal."""
    prepared = await running.prepare(settings, with_demo=with_demo)
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            _give_up()
        stop.set()
        asyncio.get_running_loop().call_later(DRAIN_MAX_S, _give_up)

    async with running.serving(settings, prepared, sockets):
        running.welcome(prepared, sockets.main, time.monotonic() - started, is_hardened=settings.is_hardened)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        await stop.wait()


def _give_up() -> None:
    """Ends the event loop: what still runs is cancelled, and the embedded Postgres stopped."""
    structlog.get_logger("server").warning("ended what had not ended")
    sys.exit(1)


def _serve_by_many(
    settings: running.Settings, sockets: running.Sockets, shelf: Shelf, started: float, *, with_demo: bool
) -> int:
    """By worker processes on the same sockets, until a signal; the exit code. This process holds the embedded Postgres."""
    prepared = asyncio.run(running.prepare(settings, with_demo=with_demo))

    def work(lifeline: Lifeline) -> None:
        _configure_logs(os.getpid())
        try:
            asyncio.run(_work(settings, prepared, sockets, shelf, lifeline))
        except StartupError as error:
            structlog.get_logger("server").error("a worker does not start", error=str(error))
            sys.exit(2)

    supervisor = Supervisor(
        work,
        settings.workers,
        on_ready=lambda: running.welcome(
            prepared, sockets.main, time.monotonic() - started, is_hardened=settings.is_hardened
        ),
        on_stop=sockets.close,
        on_end=lambda pid: shelf.bury(pid, metrics.ended),
    )
    return supervisor.run()


async def _work(
    settings: running.Settings,
    prepared: running.Prepared,
    sockets: running.Sockets,
    shelf: Shelf,
    lifeline: Lifeline,
) -> None:
    """A worker, until SIGTERM, which may come again, or until its parent is gone. Raises StartupError."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_orphaned() -> None:
        loop.remove_reader(lifeline.parent_gone)
        signal.setitimer(signal.ITIMER_REAL, ORPHAN_MAX_S)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(lifeline.parent_gone, on_orphaned)
    await check_server(prepared.url)
    async with running.serving(settings, prepared, sockets, shelf):
        lifeline.ready()
        await stop.wait()


async def _demo(settings: running.Settings) -> None:
    async with running.database_of(settings) as (_, database):
        await running.ensure_demo(database)
    running.say("The demo business is there: tenant `demo`. Serve it: python server.py serve")


async def _migrate(settings: running.Settings) -> None:
    async with running.database_of(settings):
        running.say("The database has the newest schema.")


async def _recalculate(settings: running.Settings) -> None:
    try:
        found = await running.recalculate(settings)
    except BadRequest as error:
        raise StartupError(f"--tenant: {error}") from None
    if found is None:
        running.say("Servers on this database do it within half a minute, each for itself: there is no --redis-url.")
    else:
        running.say(f"{found.days:,} stylists' days in {found.seconds:.1f} s; servers find them in Redis.")


async def _import(file: Path, settings: running.Settings) -> None:
    try:
        salon = salon_file.parse(await asyncio.to_thread(file.read_bytes))
    except OSError as error:
        raise StartupError(f"{file}: {error.strerror}") from None
    except salon_file.BadFile as error:
        raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    async with running.database_of(settings) as (_, database):
        try:
            summary = await importing.import_salon(database, salon, running.Progress("importing"))
        except salon_file.BadFile as error:
            raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    for kind, counts in summary.counts.items():
        running.say(f"{kind}: {_counted(counts)}")
    if summary.is_empty:
        running.say("Nothing changed: the database already says what the file says.")


def _counted(counts: Counts) -> str:
    """As `3 added, 1 skipped`."""
    return ", ".join(f"{count:,} {what}" for what, count in asdict(counts).items() if count) or "nothing to change"


def _configure_logs(worker: int | None = None) -> None:
    """worker: the process's id, for each of its lines."""
    mark = {} if worker is None else {"worker": worker}

    def add_worker(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**event, **mark}

    start = "" if worker is None else f"worker {worker}: "
    logging.basicConfig(level=logging.WARNING, format=f"{start}{logging.BASIC_FORMAT}", force=True)
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)  # it prints a traceback a try while Postgres is away
    structlog.configure(
        processors=[
            add_worker,
            asked.add_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def main() -> int:
    """Runs a command. What is wrong with the call or its surroundings is a line on stderr, and exit code 2."""
    _configure_logs()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or it would leave the embedded Postgres behind
    try:
        status = cli(standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 2
    except click.ClickException as error:
        where = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "server.py"
        print(f"{where}: {error.format_message()}", file=sys.stderr)
        return 2
    except (StartupError, Unavailable) as error:
        print(f"server.py: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, click.Abort):
        return 130


if __name__ == "__main__":
    sys.exit(main())
