"""The options of the command line, as data. One that is a setting has its name (ops/settings.py); ops/given.py reads the rest."""

from __future__ import annotations

from pathlib import Path

import click

from ops.settings import GENEROUS, STRICT
from resolvers.context import Role

ROOT = Path(__file__).parent.parent

DATA_DIR = click.Option(
    ["--data-dir"],
    envvar="CHAIRTIME_DATA_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT / "data",
    show_default="data/ beside server.py",
    help="Where the embedded Postgres and the token secret live.",
)
DATABASE_URL = click.Option(
    ["--database-url"],
    envvar="DATABASE_URL",
    help="A Postgres 14 or later: postgresql://user:password@host/database. Default: an embedded one in --data-dir.",
)
DATABASE = (DATABASE_URL, DATA_DIR)  # what every command that needs the database takes
REDIS_URL = click.Option(
    ["--redis-url"],
    envvar="REDIS_URL",
    help="A Redis that server processes share as a second cache: redis://:password@host:6379/0, rediss:// or unix://. "
    "The server works the same while it is away. Default: none, each process caches for itself.",
)
TENANT = click.Option(
    ["--tenant", "default_tenant"],
    envvar="CHAIRTIME_TENANT",
    default="",
    help="The tenant of who names none, by slug. Default: the oldest.",
)
DAYS_AHEAD = click.Option(
    ["--days-ahead"],
    envvar="CHAIRTIME_DAYS_AHEAD",
    type=click.IntRange(0, 60),
    default=14,
    help="How many of every stylist's next days are prepared at 02:00 in the business's zone; the rest when it is asked for.",
)
RECALCULATE = (*DATABASE, REDIS_URL, TENANT, DAYS_AHEAD)
TOKEN = (
    click.Option(
        ["--role"],
        type=click.Choice([role.value for role in Role if role is not Role.PUBLIC]),
        required=True,
        help="What it allows.",
    ),
    click.Option(["--tenant"], required=True, help="The tenant's slug."),
    click.Option(["--subject"], default="developer", help="Who it is for: the owner of what they book."),
    click.Option(["--expires-in"], default="1h", help="How long it is valid, as 30m, 1h or 7d."),
    DATA_DIR,
)

# Whom a server is open to, and how much.
EXPOSURE = (
    click.Option(
        ["--profile"],
        envvar="CHAIRTIME_PROFILE",
        type=click.Choice(["open", "hardened"]),
        show_default="open where only this machine can connect, else hardened",
        help="open: the schema, GraphiQL and plain GET for all. hardened: strangers are told nothing of the schema, and "
        "there is no GraphiQL.",
    ),
    click.Option(
        ["--rate-limits"],
        envvar="CHAIRTIME_RATE_LIMITS",
        type=click.Choice(["on", "off"]),
        default="on",
        help="Whether there are quotas; past them, 429. Counted in Redis if there is one, else by each process.",
    ),
    click.Option(
        ["--rate-read"],
        envvar="CHAIRTIME_RATE_READ",
        show_default=f"{STRICT.read}; open: {GENEROUS.read}",
        help="Each address's requests a minute, as 100/minute or 5 per 10 seconds.",
    ),
    click.Option(
        ["--rate-write"],
        envvar="CHAIRTIME_RATE_WRITE",
        show_default=f"{STRICT.write}; open: {GENEROUS.write}",
        help="Each address's holds and bookings; staff's are not counted.",
    ),
    click.Option(
        ["--rate-tenant"],
        envvar="CHAIRTIME_RATE_TENANT",
        show_default=f"{STRICT.tenant}; open: {GENEROUS.tenant}",
        help="Each business's requests, from anywhere.",
    ),
    click.Option(
        ["--trusted-proxy", "trusted_proxies"],
        envvar="CHAIRTIME_TRUSTED_PROXIES",
        multiple=True,
        metavar="NETWORK",
        help="A proxy whose X-Forwarded-For is believed, as 127.0.0.1 or 10.0.0.0/8; again for each, by spaces in the "
        "variable. Default: none.",
    ),
    click.Option(
        ["--cors-origin", "origins"],
        envvar="CHAIRTIME_CORS_ORIGINS",
        multiple=True,
        metavar="ORIGIN",
        help="Whose pages may ask from elsewhere, over HTTP and WebSocket, as https://salon.example, or * for all; again "
        "for each, by spaces in the variable. Default: only pages that the server itself serves.",
    ),
)
SERVE = (
    click.Option(["--host"], default="127.0.0.1", help="The address to listen on."),
    click.Option(
        ["--port"], type=click.IntRange(0, 65535), default=8000, help="The port; 0 takes a free one and says which."
    ),
    *DATABASE,
    REDIS_URL,
    click.Option(
        ["--replica-url"],
        envvar="REPLICA_URL",
        help="A Postgres replica that analytics and exports read, which may be late. Default: none, they read the "
        "database itself.",
    ),
    click.Option(
        ["--offer-log-days"],
        envvar="CHAIRTIME_OFFER_LOG_DAYS",
        type=click.IntRange(0, 366),
        default=30,
        help="How long it is kept which starts were shown to whom as free; 0 keeps nothing of it.",
    ),
    TENANT,
    click.Option(
        ["--workers"],
        type=click.IntRange(1, 30),
        default=1,
        help="How many processes answer, on one port: about one a core. Each has caches and connections of its own.",
    ),
    click.Option(
        ["--pool-size"],
        type=click.IntRange(1, 1000),
        show_default="10, or fewer, so that all workers need 90 at most",
        help="Connections to Postgres a worker may open, beside one that listens.",
    ),
    click.Option(
        ["--plans/--no-plans"],
        default=True,
        help="Compile queries that come again, and keep their answers as bytes for as long as they are true; else all goes the "
        "stock way, which answers the same.",
    ),
    click.Option(
        ["--fragments/--no-fragments"], default=True, help="Whether plans keep bytes, or only what they make them of."
    ),
    click.Option(
        ["--trusted-documents"],
        envvar="CHAIRTIME_TRUSTED_DOCUMENTS",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Answer only the documents of this file, sent whole or by their SHA-256: a JSON list of them, or an "
        "object of them by their hash, as build tools make it. Default: any document.",
    ),
    click.Option(
        ["--warming/--no-warming"],
        default=True,
        help="Compute what is asked for often again as soon as it has changed, and keep the next days in memory; for "
        "that a tenth of a core at most.",
    ),
    DAYS_AHEAD,
    click.Option(
        ["--limit", "limits"],
        envvar="CHAIRTIME_LIMITS",
        multiple=True,
        metavar="NAME=NUMBER",
        help="A bound on what may be asked for, as tokens=3000; several, by spaces or by the option again. Each is in "
        "docs/decisions/0015-limits.md with its default.",
    ),
    click.Option(["--demo"], is_flag=True, help="Load the demo business first, unless it is there."),
    click.Option(["--migrate/--no-migrate"], default=True, help="Bring the database to the newest schema first."),
    click.Option(
        ["--jwks"],
        envvar="CHAIRTIME_JWKS",
        metavar="FILE_OR_URL",
        help="The public keys of whoever signs your tokens (RS256, ES256), as a JWKS; a URL by https, or http on this machine. "
        "Read again every 5 minutes and for a key not known. Then the secret in --data-dir opens nothing; "
        "CHAIRTIME_JWT_SECRET still does. Default: none, tokens by the secret alone.",
    ),
    click.Option(
        ["--jwt-audience", "audiences"],
        envvar="CHAIRTIME_JWT_AUDIENCE",
        multiple=True,
        default=("chairtime",),
        help="Whom a token must be for, its `aud`; one of several, by spaces or by the option again. Supabase's: authenticated.",
    ),
    click.Option(
        ["--metrics-address"],
        envvar="CHAIRTIME_METRICS_ADDRESS",
        metavar="HOST:PORT",
        help="Where Prometheus finds /metrics, open to whoever reaches it; then it is not on --port. Default: on "
        "--port, for callers on this machine only. Say it if a proxy on this machine passes everything on.",
    ),
    click.Option(
        ["--webhooks-to", "private_webhooks"],
        envvar="CHAIRTIME_WEBHOOKS_TO",
        type=click.Choice(["public", "any"]),
        default="public",
        help="Where webhooks may go: by https to addresses on the Internet, or anywhere, by http too. Say `any` only "
        "if you trust all admins with what this machine can reach.",
    ),
    click.Option(
        ["--webhook-timeout", "webhook_timeout_s"],
        envvar="CHAIRTIME_WEBHOOK_TIMEOUT",
        type=click.FloatRange(0.1, 60),
        default=10.0,
        help="Seconds within which an endpoint must answer, or it is told again.",
    ),
    click.Option(
        ["--traces"],
        envvar="CHAIRTIME_TRACES",
        metavar="URL",
        help="Where an OpenTelemetry collector takes traces by OTLP over HTTP, as http://127.0.0.1:4318/v1/traces. An "
        "extra: its SDK is to be installed besides. Default: none.",
    ),
    *EXPOSURE,
)
