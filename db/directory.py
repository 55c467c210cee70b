"""A tenant's directory: what lists and names need, in one statement."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import orjson

from db import queries
from db.pool import Connection
from domain import hours
from domain.model import Directory, Location, Offering, Service, Stylist, Tenant
from domain.versions import DayVersion

sql = queries.load("directory")


async def tenant_id_of(connection: Connection, slug: str) -> str | None:
    """The id of the tenant with this slug."""
    found: str | None = await sql.tenant_id_of(connection, slug=slug)
    return found


async def load(connection: Connection, tenant_id: str) -> tuple[datetime, DayVersion, Directory] | None:
    """The clock, the version and the directory of one tenant; None without the tenant."""
    text = await sql.directory(connection, tenant_id=tenant_id)
    if text is None:
        return None
    found = orjson.loads(text)
    return datetime.fromisoformat(found["now"]), DayVersion(found["version"], 0), _directory(found)


def _directory(found: dict[str, Any]) -> Directory:
    tenant_id, slug, name, currency, timezone, hold_seconds, payment_url, payment_seconds = found["tenant"]
    locations = {row[0]: Location(row[0], row[1], _zone_shown(row[2])) for row in found["locations"]}
    offerings = [Offering(*row) for row in found["offerings"]]
    return Directory(
        tenant=Tenant(
            id=tenant_id,
            slug=slug,
            name=name,
            currency=currency,
            timezone=_zone_shown(timezone),
            hold_ttl=timedelta(seconds=hold_seconds),
            payment_url=payment_url,
            payment_ttl=None if payment_seconds is None else timedelta(seconds=payment_seconds),
        ),
        locations=locations,
        services={row[0]: Service(*row) for row in found["services"]},
        stylists={row[0]: _stylist(row, locations) for row in found["stylists"]},
        offerings={(one.stylist_id, one.service_id): one for one in offerings},
        by_stylist=_grouped((one.stylist_id, one) for one in offerings),
        by_service=_grouped((one.service_id, one) for one in offerings),
    )


def _zone_shown(name: str) -> str:
    """The name of a zone that every reader can use: UTC in place of one that Python does not know."""
    return name if hours.zone_named(name) else "Etc/UTC"


def _stylist(row: list[Any], locations: dict[str, Location]) -> Stylist:
    stylist_id, name, active, home, places = row
    elsewhere = tuple(place for place in places if place != home)
    return Stylist(stylist_id, name, active, locations[home].timezone, (home, *elsewhere))


def _grouped(pairs: Iterable[tuple[str, Offering]]) -> dict[str, tuple[Offering, ...]]:
    groups: dict[str, list[Offering]] = {}
    for key, offering in pairs:
        groups.setdefault(key, []).append(offering)
    return {key: tuple(group) for key, group in groups.items()}
