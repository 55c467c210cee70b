"""The same program on Postgres servers that are not its own: the one that the system brings, where it brings one of version 14
or later, and one on which its user owns a database and is nothing more."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from db import migrate
from db.pool import Database, PoolSettings
from domain.errors import SlotTaken
from resolvers import app as wiring
from resolvers import availability, bookings, importing, salon_file
from resolvers.app import Limits
from resolvers.bookings import Contact, Start
from resolvers.context import Caller, Context
from resolvers.writing import Request

EXAMPLE = Path(__file__).parents[2] / "docs" / "salon.example.json"


def installed() -> Path | None:
    """The folder of the newest system Postgres's programs, 14 or later."""
    folders = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in folders:
        version = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
        found = re.search(r"(\d+)\.\d+", version)
        if found and int(found[1]) >= 14 and (folder / "initdb").exists():
            return folder
    return None


@pytest.fixture(scope="module")
def system_url(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the system's Postgres. As root it runs as the user that the embedded one made for itself."""
    programs = installed()
    if programs is None:
        pytest.skip("this machine has no Postgres of its own")
    folder = tmp_path_factory.mktemp("system") / "data"
    folder.mkdir()
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        who = {"user": "pgserver"}
        shutil.chown(folder, "pgserver")
        for parent in list(folder.parents)[:2]:
            parent.chmod(parent.stat().st_mode | 0o055)
    subprocess.run(
        [programs / "initdb", "-D", folder, "-U", "postgres", "-A", "trust"], check=True, capture_output=True, **who
    )
    options = f"-h '' -k {folder} -c fsync=off"
    control = [programs / "pg_ctl", "-D", folder, "-w", "-l", folder / "log"]
    subprocess.run([*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, **who)
    yield f"postgresql://postgres@/postgres?host={folder}"
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, **who)


@pytest.fixture
async def owner_url(server_url: str, template: str) -> AsyncIterator[str]:
    """A database whose owner is no superuser: row-level security is forced on them too."""
    connection = await asyncpg.connect(server_url)
    await connection.execute("create role shop_owner login; grant chairtime_app to shop_owner")
    await connection.execute("create database shop_of_its_owner owner shop_owner")
    address = urlsplit(server_url)
    yield urlunsplit(
        address._replace(netloc=address.netloc.replace("postgres", "shop_owner", 1), path="/shop_of_its_owner")
    )
    await connection.execute("drop database shop_of_its_owner with (force)")
    await connection.execute("drop role shop_owner")
    await connection.close()


async def test_the_example_can_be_imported_read_and_booked_on_the_systems(system_url: str) -> None:
    await _can_be_imported_read_and_booked(system_url)


async def test_the_example_can_be_imported_read_and_booked_by_an_owner_who_is_no_superuser(owner_url: str) -> None:
    await _can_be_imported_read_and_booked(owner_url)


async def _can_be_imported_read_and_booked(url: str) -> None:
    await migrate.migrate(url)
    database = await Database.open(url, PoolSettings())
    salon = salon_file.parse(EXAMPLE.read_bytes())
    await importing.import_salon(database, salon, lambda *_: None)
    app, elsewhere = (
        wiring.build(database, default_tenant="", limits=Limits(), entries_max=1000, ttl=timedelta(minutes=1))
        for _ in range(2)
    )
    service, stylist = (
        json.loads(EXAMPLE.read_text())["services"][0]["id"],
        json.loads(EXAMPLE.read_text())["stylists"][0]["id"],
    )
    context = await Context.open(app, Caller(holder="session:one"))
    asked: dict[str, Any] = {
        "service_id": service,
        "stylist_ids": [stylist],
        "location_id": None,
        "from_at": None,
        "limit": 1,
    }
    (free,) = await availability.first_available(context, **asked)
    (seen,) = await availability.first_available(await Context.open(elsewhere, Caller()), **asked)
    start = Start((stylist,), service, free.slot.starts_at)

    booked = await bookings.create(context, start, Contact("Ann"), None, Request("bookingCreate", {}))
    with pytest.raises(SlotTaken):
        await bookings.create(context, start, Contact("Bob"), None, Request("bookingCreate", {}))
    with pytest.raises(asyncpg.ExclusionViolationError):
        async with database.transaction(context.tenant_id) as connection:
            await connection.execute(
                "insert into bookings (tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied,"
                " price_cents) select tenant_id, stylist_id, service_id, location_id, status, starts_at, ends_at, occupied, 0"
                " from bookings where id = $1",
                booked.id,
            )
    (later,) = await availability.first_available(await Context.open(elsewhere, Caller()), **asked)
    await database.close()

    assert booked.starts_at == free.slot.starts_at == seen.slot.starts_at < later.slot.starts_at
