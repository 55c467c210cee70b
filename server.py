"""Chairtime's command line. Nothing imports it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from db.imports import Counts
from db.pool import StartupError
from domain.errors import BadRequest, Unavailable
from ops import console, given, logs, options, preparing, processes, recalculating, sockets
from ops.secret import secret_of
from ops.settings import Settings
from ops.shelf import Shelf
from resolvers import importing, salon_file, tokens
from resolvers.context import Role
from resolvers.tokens import TokenSettings

DURATION = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110, "show_default": True},
    epilog="Start here: python server.py serve --demo, then open what it prints.",
)
def cli() -> None:
    """Chairtime answers when a person's time can be booked: by whom, for what, at what price."""


@cli.command(
    params=[*options.SERVE],
    short_help="Serve GraphQL, and GraphiQL for browsers.",
    epilog="\b\nExamples:\n  python server.py serve --demo\n  python server.py serve --workers 4\n"
    "  python server.py serve --port 8080 --database-url postgresql://chairtime@localhost/chairtime\n"
    "  python server.py serve --jwks https://PROJECT.supabase.co/auth/v1/.well-known/jwks.json --jwt-audience authenticated",
)
def serve(*, demo: bool, **options_: Any) -> int:
    """Serve GraphQL at /graphql: POST, WebSocket (graphql-transport-ws), and GraphiQL for browsers."""
    settings = given.server_settings(**options_)
    started = time.monotonic()
    listening = sockets.bind_all(settings)
    if settings.workers == 1:
        asyncio.run(processes.serve_alone(settings, listening, started, with_demo=demo))
        return 0
    with tempfile.TemporaryDirectory(prefix="chairtime-metrics-") as folder:
        return processes.serve_by_many(settings, listening, Shelf(Path(folder)), started, with_demo=demo)


@cli.command("demo", params=[*options.DATABASE], short_help="Load the demo business.")
def load_demo(**options_: Any) -> None:
    """Load the demo business: 3 locations, 50 stylists, 5 services, a year of bookings around today."""
    asyncio.run(_demo(given.settings(**options_)))


@cli.command("migrate", params=[*options.DATABASE], short_help="Bring the database to the newest schema.")
def run_migrations(**options_: Any) -> None:
    """Bring the database to the newest schema."""
    asyncio.run(_migrate(given.settings(**options_)))


@cli.command(
    "import",
    params=[click.Argument(["file"], type=click.Path(path_type=Path)), *options.DATABASE],
    short_help="Import a business from a JSON file.",
    epilog="Example: python server.py import docs/salon.example.json",
)
def import_file(*, file: Path, **options_: Any) -> None:
    """Import a business from FILE, JSON in the form of docs/salon.example.json.

    Its places, services, stylists, hours, prices and bookings: all of it or nothing. The same file again changes nothing.
    """
    asyncio.run(_import(file, given.settings(**options_)))


@cli.command(
    params=[*options.RECALCULATE],
    short_help="Compute the next days anew.",
    epilog="Example: python server.py recalculate --redis-url redis://localhost:6379/0 --days-ahead 30",
)
def recalculate(**options_: Any) -> None:
    """Compute every stylist's next days anew, without waiting for 02:00.

    They are put into Redis, where servers find them. Without Redis, servers are told to do it themselves.
    """
    asyncio.run(_recalculate(given.settings(**options_)))


@cli.command(
    params=[*options.TOKEN],
    short_help="Print a bearer token for development.",
    epilog="Example: python server.py token --role staff --tenant demo --expires-in 8h",
)
def token(*, role: str, tenant: str, subject: str, expires_in: str, data_dir: Path) -> None:
    """Print a bearer token for development, signed with CHAIRTIME_JWT_SECRET or the secret in --data-dir."""
    found = DURATION.fullmatch(expires_in)
    if not found:
        raise StartupError(f"--expires-in: {expires_in!r} is not a duration; write 30m, 1h or 7d")
    if not tokens.SLUG.fullmatch(tenant):
        raise StartupError(f"--tenant: {tenant!r} is not a slug; write lower-case letters, digits and dashes")
    expires = timedelta(seconds=int(found[1]) * SECONDS[found[2]])
    console.say(
        tokens.make(
            TokenSettings(secret_of(data_dir)),
            role=Role(role),
            tenant=tenant,
            subject=subject,
            expires_in=expires,
        )
    )


async def _demo(settings: Settings) -> None:
    async with preparing.database_of(settings) as (_, database):
        await preparing.ensure_demo(database)
    console.say("The demo business is there: tenant `demo`. Serve it: python server.py serve")


async def _migrate(settings: Settings) -> None:
    async with preparing.database_of(settings):
        console.say("The database has the newest schema.")


async def _recalculate(settings: Settings) -> None:
    try:
        found = await recalculating.recalculate(settings)
    except BadRequest as error:
        raise StartupError(f"--tenant: {error}") from None
    if found is None:
        console.say("Servers on this database do it within half a minute, each for itself: there is no --redis-url.")
    else:
        console.say(f"{found.days:,} stylists' days in {found.seconds:.1f} s; servers find them in Redis.")


async def _import(file: Path, settings: Settings) -> None:
    try:
        salon = salon_file.parse(await asyncio.to_thread(file.read_bytes))
    except OSError as error:
        raise StartupError(f"{file}: {error.strerror}") from None
    except salon_file.BadFile as error:
        raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    async with preparing.database_of(settings) as (_, database):
        try:
            summary = await importing.import_salon(database, salon, console.Progress("importing"))
        except salon_file.BadFile as error:
            raise StartupError("\n".join(f"{file}: {fault}" for fault in error.faults)) from None
    for kind, counts in summary.counts.items():
        console.say(f"{kind}: {_counted(counts)}")
    if summary.is_empty:
        console.say("Nothing changed: the database already says what the file says.")


def _counted(counts: Counts) -> str:
    """As `3 added, 1 skipped`."""
    return ", ".join(f"{count:,} {what}" for what, count in asdict(counts).items() if count) or "nothing to change"


def main() -> int:
    """Runs a command. What is wrong with the call or its surroundings is a line on stderr, and exit code 2."""
    logs.configure()
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
