"""Chairtime's command line, settings and wiring. Nothing imports it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click
import structlog
from aiohttp import web

from db import directory, embedded, migrate
from db.imports import Counts
from db.listen import Listener
from db.pool import Database, PoolSettings, StartupError, check_server
from domain.errors import Unavailable
from resolvers import app as wiring
from resolvers import demo as demo_salon
from resolvers import importing, salon_file, tokens
from resolvers.app import App, Limits
from resolvers.context import Role
from resolvers.tokens import TokenSettings
from schema import page
from schema.view import View

ROOT = Path(__file__).parent
BODY_MAX = 100_000
SECRET_LENGTH_MIN = 32
DURATION = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


EXAMPLE = (
    "{ stylists(limit: 3) { name services { service { name } "
    'availableSlots(date: "%s") { freeCount slots(status: AVAILABLE) { display startUtc priceCents } } } } }'
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, read once."""

    database_url: str | None
    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    migrate: bool = True
    default_tenant: str = ""
    pool: PoolSettings = field(default_factory=PoolSettings)
    limits: Limits = field(default_factory=Limits)
    entries_max: int = 50_000
    ttl: timedelta = timedelta(minutes=15)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True},
    epilog="Start here: python server.py serve --demo, then open what it prints.",
)
def cli() -> None:
    """Chairtime answers when a person's time can be booked: by whom, for what, at what price."""


def _database_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every command that needs the database takes."""
    url = click.option(
        "--database-url",
        envvar="DATABASE_URL",
        help="A Postgres 14 or later: postgresql://user:password@host/database. Default: an embedded one in --data-dir.",
    )
    return url(_data_dir(command))


def _data_dir(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--data-dir",
        envvar="CHAIRTIME_DATA_DIR",
        type=click.Path(file_okay=False, path_type=Path),
        default=ROOT / "data",
        show_default="data/ beside server.py",
        help="Where the embedded Postgres and the token secret live.",
    )(command)


@cli.command(
    short_help="Serve GraphQL, and GraphiQL for browsers.",
    epilog="\b\nExamples:\n  python server.py serve --demo\n"
    "  python server.py serve --port 8080 --database-url postgresql://chairtime@localhost/chairtime",
)
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, help="The port; 0 takes a free one and says which."
)
@_database_options
@click.option(
    "--tenant",
    envvar="CHAIRTIME_TENANT",
    default="",
    help="The tenant of who names none, by slug. Default: the oldest.",
)
@click.option("--demo", is_flag=True, help="Load the demo business first, unless it is there.")
@click.option("--migrate/--no-migrate", default=True, help="Bring the database to the newest schema first.")
def serve(
    *, host: str, port: int, database_url: str | None, data_dir: Path, tenant: str, demo: bool, migrate: bool
) -> None:
    """Serve GraphQL at /graphql: POST, WebSocket (graphql-transport-ws), and GraphiQL for browsers."""
    settings = Settings(database_url, data_dir, host=host, port=port, migrate=migrate, default_tenant=tenant)
    asyncio.run(_serve(settings, with_demo=demo))


@cli.command("demo", short_help="Load the demo business.")
@_database_options
def load_demo(*, database_url: str | None, data_dir: Path) -> None:
    """Load the demo business: 3 locations, 50 stylists, 5 services, a year of bookings around today."""
    asyncio.run(_demo(Settings(database_url, data_dir)))


@cli.command("migrate", short_help="Bring the database to the newest schema.")
@_database_options
def run_migrations(*, database_url: str | None, data_dir: Path) -> None:
    """Bring the database to the newest schema."""
    asyncio.run(_migrate(Settings(database_url, data_dir)))


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
    asyncio.run(_import(file, Settings(database_url, data_dir)))


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
    _say(tokens.make(_token_settings(data_dir), role=Role(role), tenant=tenant, subject=subject, expires_in=expires))


async def _serve(settings: Settings, *, with_demo: bool) -> None:
    started = time.monotonic()
    listening = _bind(settings.host, settings.port)
    token_settings = _token_settings(settings.data_dir)
    async with _database(settings) as (url, database):
        if with_demo:
            await _ensure_demo(database)
        async with _app(settings, url, database) as app:
            runner = web.AppRunner(_web(app, token_settings), access_log=None, shutdown_timeout=5)
            await runner.setup()
            try:
                await web.SockSite(runner, listening).start()
                await _welcome(app, listening, time.monotonic() - started)
                await _until_signalled()
            finally:
                await runner.cleanup()


async def _demo(settings: Settings) -> None:
    async with _database(settings) as (_, database):
        await _ensure_demo(database)
    _say("The demo business is there: tenant `demo`. Serve it: python server.py serve")


async def _migrate(settings: Settings) -> None:
    async with _database(settings):
        _say("The database has the newest schema.")


async def _import(file: Path, settings: Settings) -> None:
    try:
        salon = salon_file.parse(await asyncio.to_thread(file.read_bytes))
    except OSError as error:
        raise StartupError(f"{file}: {error.strerror}") from None
    except salon_file.BadFile as error:
        raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    async with _database(settings) as (_, database):
        try:
            summary = await importing.import_salon(database, salon, _progress("importing"))
        except salon_file.BadFile as error:
            raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    for kind, counts in summary.counts.items():
        _say(f"{kind}: {_counted(counts)}")
    if summary.is_empty:
        _say("Nothing changed: the database already says what the file says.")


def _counted(counts: Counts) -> str:
    """As `3 added, 1 skipped`."""
    return ", ".join(f"{count:,} {what}" for what, count in asdict(counts).items() if count) or "nothing to change"


async def _ensure_demo(database: Database) -> None:
    async with database.connection() as connection:
        if await directory.tenant_id_of(connection, demo_salon.SLUG):
            return
    _say("Loading the demo business, once: 50 stylists and a year of bookings")
    salon = salon_file.parse(json.dumps(await asyncio.to_thread(demo_salon.salon, datetime.now(UTC).date())))
    await importing.import_salon(database, salon, _progress("demo"))


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[tuple[str, Database]]:
    """The database that the settings name, migrated, with a pool on it."""
    if settings.database_url is None:
        folder = settings.data_dir / "postgres"
        if not folder.exists():
            _say(f"Making an embedded Postgres in {folder}")
        url = await asyncio.to_thread(embedded.start, folder)
    else:
        url = settings.database_url
    await check_server(url)
    if settings.migrate:
        await migrate.migrate(url, _say)
    database = await Database.open(url, settings.pool)
    try:
        yield url, database
    finally:
        await database.close()


@asynccontextmanager
async def _app(settings: Settings, url: str, database: Database) -> AsyncIterator[App]:
    """The parts of the server, listening for changes."""
    app = wiring.build(
        database,
        default_tenant=settings.default_tenant,
        limits=settings.limits,
        entries_max=settings.entries_max,
        ttl=settings.ttl,
    )
    listener = Listener(url, app.hear, app.trust)
    listener.start()
    try:
        yield app
    finally:
        await listener.stop()


def _web(app: App, token_settings: TokenSettings) -> web.Application:
    """The routes."""
    application = web.Application(client_max_size=BODY_MAX)
    application.router.add_route("*", "/graphql", View(app, partial(tokens.authenticate, token_settings)))
    application.router.add_get("/", page.from_root)
    application.router.add_get("/graphiql/{name}", page.asset)
    application.on_response_prepare.append(page.harden)
    return application


def _bind(host: str, port: int) -> socket.socket:
    """The listening socket, taken before anything else is begun."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise StartupError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --host and --port"
        ) from None
    return listening


def _token_settings(data_dir: Path) -> TokenSettings:
    """The secret from the environment, else one of the data folder's own, made at first use."""
    secret = os.environ.get("CHAIRTIME_JWT_SECRET")
    if secret is None:
        file = data_dir / "jwt-secret"
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            with (
                contextlib.suppress(FileExistsError),
                open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new,
            ):
                new.write(secrets.token_urlsafe(48))
            secret = file.read_text()
        except OSError as error:
            raise StartupError(f"--data-dir {data_dir}: {error.strerror}") from None
    if len(secret) < SECRET_LENGTH_MIN:
        raise StartupError(
            f"CHAIRTIME_JWT_SECRET has {len(secret)} characters; at least {SECRET_LENGTH_MIN} are needed"
        )
    return TokenSettings(secret)


async def _welcome(app: App, listening: socket.socket, seconds: float) -> None:
    host, port = listening.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    _say(f"\nReady in {seconds:.1f} s. Open {base}/graphql in a browser, or paste this:\n")
    query = EXAMPLE % (datetime.now(UTC).date() + timedelta(1))
    _say(f"curl -s {base}/graphql -H 'content-type: application/json' -d '{json.dumps({'query': query})}'\n")
    if not await _has_tenant(app):
        _say("There is no business yet: python server.py demo, or python server.py import FILE\n")
    _say("Stop with Ctrl-C; the data stays.")


async def _has_tenant(app: App) -> bool:
    async with app.database.connection() as connection:
        return await directory.tenant_id_of(connection, app.default_tenant) is not None


async def _until_signalled() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


class _progress:  # noqa: N801 - used as a function that remembers when it last spoke
    """Says how far something is, at most a few times a second, and at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoke = 0.0

    def __call__(self, kind: str, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self._spoke > (0.2 if sys.stderr.isatty() else 2.0):
            self._spoke = time.monotonic()
            end = "\n" if done >= total or not sys.stderr.isatty() else "\r"
            print(f"{self._what}: {kind} {done:,} of {total:,}   ", end=end, file=sys.stderr, flush=True)


def _say(line: str) -> None:
    print(line, flush=True)


def _configure_logs() -> None:
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)  # it prints a traceback a try while Postgres is away
    structlog.configure(
        processors=[
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
