"""How a business is set up, a thing at a time: services, people, hours, prices. Things and keys are JSON objects with the names
of their columns; each kind has its statements in sql/managing.sql.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg
import orjson

from db import bookings, imports, queries
from db.pool import Connection
from domain.errors import InvalidInput, NotFound
from domain.model import Claim, Span

sql = queries.load("managing")

Row = Mapping[str, Any]


class Kind(StrEnum):
    """What can be set up."""

    TENANT = "tenant"
    LOCATION = "location"
    CLOSURE = "closure"
    TRAVEL_TIME = "travel_time"
    SERVICE = "service"
    STYLIST = "stylist"
    OFFERING = "offering"
    SCHEDULE = "schedule"
    OVERRIDE = "override"
    TIME_OFF = "time_off"
    BUSY_SOURCE = "busy_source"
    PRICE_RULE = "price_rule"
    PREFERENCES = "preferences"


# What a kind is put by where that is not one statement of its name.
PUTS = {
    Kind.OVERRIDE: ("override_put", "override_hours_drop", "override_hours_add"),
    Kind.BUSY_SOURCE: ("stylist_turn", "busy_source_put", "busy_times_replace"),
    Kind.PRICE_RULE: ("price_rules_make_room", "price_rule_put"),
    Kind.PREFERENCES: ("preferences_put", "avoided_drop", "avoided_add"),
}

# What a constraint's name says of the input.
FAULTS = {"tenants_slug_key": ("slug", "is another business's")}


class Ahead(NamedTuple):
    """A booking to come, its time with its buffers, and the zone that its date is counted in."""

    claim: Claim
    occupied: Span
    timezone: str


async def lock(connection: Connection, tenant_id: str) -> None:
    """Takes the turn of who changes the tenant's rules, until the transaction ends."""
    await sql.rules_lock(connection, tenant_id=tenant_id)


async def state(connection: Connection, kind: Kind, tenant_id: str, key: Row) -> dict[str, Any] | None:
    """The thing that a key finds. A schedule and preferences are always found, perhaps empty."""
    text = await getattr(sql, f"{kind}_state")(connection, tenant_id=tenant_id, key=_json(key))
    found: dict[str, Any] | None = orjson.loads(text) if text else None
    return found


async def put(connection: Connection, kind: Kind, tenant_id: str, row: Row) -> None:
    """Makes a thing be so, with all its columns. Raises InvalidInput for what only the database can know, NotFound."""
    with _faults():
        if kind is Kind.SCHEDULE:
            hours = [imports.HoursRow(stylist_id=row["stylist_id"], **one) for one in row["hours"]]
            await imports.hours(connection, tenant_id, [row["stylist_id"]], hours)
            return
        for name in PUTS.get(kind, (f"{kind}_put",)):
            await getattr(sql, name)(connection, tenant_id=tenant_id, row=_json(row))


async def drop(connection: Connection, kind: Kind, tenant_id: str, key: Row) -> None:
    """Removes a thing, and what is its own. A location that is in use stays."""
    await getattr(sql, f"{kind}_drop")(connection, tenant_id=tenant_id, key=_json(key))


async def claims_ahead(
    connection: Connection,
    tenant_id: str,
    stylist_ids: Sequence[str],
    *,
    from_at: datetime | None,
    until_at: datetime | None,
    most: int,
) -> list[Ahead]:
    """Confirmed bookings of these stylists that are yet to begin, by start, at most `most`."""
    return [
        Ahead(bookings.claim_of(row), Span(row["occupied_from"], row["occupied_until"]), row["timezone"])
        async for row in sql.claims_ahead(
            connection, tenant_id=tenant_id, stylist_ids=stylist_ids, from_at=from_at, until_at=until_at, most=most
        )
    ]


async def setup(connection: Connection, tenant_id: str) -> dict[str, Any]:
    """The tenant's settings, closures to come, travel times and price rules, as rows."""
    found: dict[str, Any] = orjson.loads(await sql.setup(connection, tenant_id=tenant_id))
    return found


async def stylist_setups(connection: Connection, tenant_id: str, stylist_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Each stylist's hours, overrides and time off to come, calendars and wishes, as rows; in the order of the ids."""
    text = await sql.stylist_setups(connection, tenant_id=tenant_id, stylist_ids=stylist_ids)
    found: list[dict[str, Any]] = orjson.loads(text)
    return found


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        fault = FAULTS.get(error.constraint_name or "")
        if fault is None:
            raise
        raise InvalidInput((fault,)) from error
    except asyncpg.InvalidParameterValueError as error:  # of our constraints, only a zone's look-up raises it
        raise InvalidInput((("timezone", "is not a time zone that this Postgres knows"),)) from error
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound from error


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
