"""What is done once, however many processes then serve: everything looked at that was given, and a database made ready."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from db import directory, embedded, migrate
from db.pool import Database, StartupError, check_server
from execution.documents import digest_of
from ops import console, parts
from ops.secret import given_secret, secret_of
from ops.settings import Settings
from resolvers import demo as demo_salon
from resolvers import importing, salon_file
from resolvers.tokens import TokenSettings
from schema import issuer
from schema.schema import schema

log = structlog.get_logger("preparing")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known before anything is served."""

    url: str
    has_tenant: bool
    token_settings: TokenSettings
    trusted: Mapping[str, str] | None


async def prepare(settings: Settings, *, with_demo: bool) -> Prepared:
    """Everything that is done once, however many serve. Raises StartupError for whatever of it cannot be used."""
    parts.redis_of(settings.redis_url)  # only to say now what is wrong with the address
    parts.rates_of(settings)  # and with the quotas
    if settings.traces is not None:
        parts.tracing_extra()
    if settings.replica_url:
        await _look_at_replica(settings.replica_url)
    keys = None if settings.jwks is None else await issuer.keys(settings.jwks)
    secret = secret_of(settings.data_dir) if keys is None else given_secret()
    async with database_of(settings) as (url, database):
        if with_demo:
            await ensure_demo(database)
        async with database.connection() as connection:
            has_tenant = await directory.tenant_id_of(connection, settings.default_tenant) is not None
    trusted = trusted_documents(settings.trusted_documents) if settings.trusted_documents else None
    return Prepared(url, has_tenant, TokenSettings(secret, keys, settings.audiences), trusted)


async def _look_at_replica(url: str) -> None:
    """Says what is wrong with it. Only what cannot be an address stops the start: bookings do not need a replica."""
    option = "--replica-url"
    try:
        await check_server(url, option)
    except StartupError as error:
        if str(error).startswith(option):
            raise
        log.warning("the replica does not answer, nor do analytics and exports until it does", error=str(error))


@asynccontextmanager
async def database_of(settings: Settings) -> AsyncIterator[tuple[str, Database]]:
    """The database that the settings name, migrated, with a pool on it."""
    if settings.database_url is None:
        folder = settings.data_dir / "postgres"
        if not folder.exists():
            console.say(f"Making an embedded Postgres in {folder}")
        url = await asyncio.to_thread(embedded.start, folder)
    else:
        url = settings.database_url
    await check_server(url)
    if settings.migrate:
        await migrate.migrate(url, console.say)
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
    console.say("Loading the demo business, once: 50 stylists and a year of bookings")
    salon = salon_file.parse(json.dumps(await asyncio.to_thread(demo_salon.salon, datetime.now(UTC).date())))
    await importing.import_salon(database, salon, console.Progress("demo"))


def trusted_documents(file: Path) -> dict[str, str]:
    """The file's documents by their SHA-256. It is a list of texts, or an object of texts by anything. Raises
    StartupError.
    """
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
