"""A salon file's rows into Postgres, a statement a kind: own keys upserted, lists replaced, bookings added where they fit.

Rows are named as the columns are. Every function writes only where the facts differ, and counts what it wrote.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias, TypeVar

import asyncpg
import orjson

from db import queries
from db.pool import Again, Connection, become
from domain import model

sql = queries.load("imports")


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one kind. skipped: bookings that overlap a claim. known: bookings that were made already."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    skipped: int = 0
    known: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.added + other.added,
            self.changed + other.changed,
            self.removed + other.removed,
            self.skipped + other.skipped,
            self.known + other.known,
        )


LocationRow = model.Location  # which have the columns and nothing else
ServiceRow = model.Service


@dataclass(frozen=True, slots=True)
class StylistRow:
    id: str
    name: str
    home_location_id: str
    active: bool


@dataclass(frozen=True, slots=True)
class ClosureRow:
    location_id: str
    closed_on: date


@dataclass(frozen=True, slots=True)
class TravelRow:
    """Either way round."""

    from_location_id: str
    to_location_id: str
    minutes: int


@dataclass(frozen=True, slots=True)
class OfferingRow:
    stylist_id: str
    service_id: str
    duration_minutes: int | None
    price_cents: int | None


@dataclass(frozen=True, slots=True)
class HoursRow:
    stylist_id: str
    location_id: str
    weekday: int
    starts_minute: int
    ends_minute: int
    is_break: bool
    valid_from: date | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class OverrideRow:
    stylist_id: str
    on_date: date
    location_id: str


@dataclass(frozen=True, slots=True)
class OverrideHoursRow:
    stylist_id: str
    on_date: date
    is_break: bool
    starts_minute: int
    ends_minute: int


@dataclass(frozen=True, slots=True)
class TimeOffRow:
    stylist_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class BusyRow:
    stylist_id: str
    source: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class PriceRuleRow:
    """weekdays: ISO, ascending."""

    position: int
    name: str
    basis_points: int
    service_id: str | None
    weekdays: Sequence[int]
    from_minute: int | None
    to_minute: int | None
    from_on: date | None
    until_on: date | None


@dataclass(frozen=True, slots=True)
class BookingRow:
    """occupied_from, occupied_until: the span widened by its buffers."""

    stylist_id: str
    service_id: str
    location_id: str
    starts_at: datetime
    ends_at: datetime
    occupied_from: datetime
    occupied_until: datetime


R = TypeVar("R")
Put: TypeAlias = Callable[[Connection, str, Sequence[R]], Awaitable[Counts]]  # a tenant's rows
Replace: TypeAlias = Callable[
    [Connection, str, Sequence[str], Sequence[R]], Awaitable[Counts]
]  # the rows of owners, by their ids


async def unknown_zones(connection: Connection, zones: Collection[str]) -> set[str]:
    """Those time zones that this Postgres does not know, whatever Python does."""
    return {row["name"] async for row in sql.zones_unknown(connection, zones=list(zones))}


async def tenant(
    connection: Connection, *, slug: str, name: str, timezone: str, currency: str, hold_seconds: int
) -> tuple[str, Counts]:
    """The tenant of this slug, made or updated; its id. From here on the transaction is the tenant's, and nobody else changes
    the tenant's rules. Raises Again when another made the slug meanwhile.
    """
    tenant_id: str = await sql.tenant_id_for(connection, slug=slug)
    await become(connection, tenant_id)
    await sql.tenant_lock(connection, tenant_id=tenant_id)
    try:
        found = await sql.tenant_put(
            connection,
            tenant_id=tenant_id,
            slug=slug,
            tenant_name=name,
            timezone=timezone,
            currency=currency,
            hold_seconds=hold_seconds,
        )
    except asyncpg.UniqueViolationError as error:
        raise Again from error
    return tenant_id, Counts(**found) if found else Counts()


async def begin(connection: Connection) -> None:
    """Makes the rest of the transaction plan for many rows at a time."""
    await sql.plan_by_value(connection)


async def lock(connection: Connection, tenant_id: str, stylist_ids: Sequence[str]) -> None:
    """Lets nobody else claim these stylists' time until the transaction ends, and ends what of theirs has expired."""
    await sql.stylists_lock(connection, tenant_id=tenant_id, stylist_ids=stylist_ids)
    await sql.expired_release(connection, tenant_id=tenant_id, stylist_ids=stylist_ids)


def _put(statement: Any) -> Put[Any]:
    async def put(connection: Connection, tenant_id: str, rows: Sequence[Any]) -> Counts:
        return Counts(**await statement(connection, tenant_id=tenant_id, rows=_json(rows)))

    return put


def _replace(statement: Any) -> Replace[Any]:
    async def replace(connection: Connection, tenant_id: str, owner_ids: Sequence[str], rows: Sequence[Any]) -> Counts:
        return Counts(**await statement(connection, tenant_id=tenant_id, owner_ids=owner_ids, rows=_json(rows)))

    return replace


# Adds or changes these, by id.
locations: Put[LocationRow] = _put(sql.locations_put)
services: Put[ServiceRow] = _put(sql.services_put)
stylists: Put[StylistRow] = _put(sql.stylists_put)

# Replaces the tenant's.
travel: Put[TravelRow] = _put(sql.travel_replace)
price_rules: Put[PriceRuleRow] = _put(sql.price_rules_replace)

# Replaces those of these owners: locations, else stylists.
closures: Replace[ClosureRow] = _replace(sql.closures_replace)
offerings: Replace[OfferingRow] = _replace(sql.offerings_replace)
hours: Replace[HoursRow] = _replace(sql.hours_replace)
overrides: Replace[OverrideRow] = _replace(sql.overrides_replace)  # one that goes takes its hours along
override_hours: Replace[OverrideHoursRow] = _replace(sql.override_hours_replace)  # of overrides that must be there
time_off: Replace[TimeOffRow] = _replace(sql.time_off_replace)


async def busy(connection: Connection, tenant_id: str, owner_ids: Sequence[str], rows: Sequence[BusyRow]) -> Counts:
    """Replaces that of these stylists, of every calendar."""
    text = _json(rows)
    await sql.busy_sources_add(connection, tenant_id=tenant_id, rows=text)
    return Counts(**await sql.busy_replace(connection, tenant_id=tenant_id, owner_ids=owner_ids, rows=text))


async def bookings(connection: Connection, tenant_id: str, rows: Sequence[BookingRow]) -> Counts:
    """Adds those that fit, except those made before: same stylist, same start, even if cancelled since."""
    found = await sql.bookings_add(connection, tenant_id=tenant_id, rows=_json(rows))
    return Counts(added=found["added"], known=found["known"], skipped=found["overlapping"])


def _json(rows: Sequence[Any]) -> str:
    return orjson.dumps(rows).decode()
