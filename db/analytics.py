"""What a business can learn of itself, each in one statement, by local date of a zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

from db import queries
from db.pool import Connection

sql = queries.load("analytics")

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Dates:
    """Local dates of a zone, both ends in."""

    zone: str
    from_on: date
    until_on: date


class HourBookings(NamedTuple):
    """Bookings that begin in an hour."""

    date: date
    hour: int
    bookings: int


class LeadTime(NamedTuple):
    """Of bookings made on a date: how long before their start."""

    date: date
    bookings: int
    average_minutes: float
    median_minutes: float


class Conversion(NamedTuple):
    """From answers with lists, to holds, to bookings; each with how many callers, of those who said who they are."""

    date: date
    answers: int
    callers: int
    held: int
    holders: int
    booked: int
    bookers: int
    held_and_booked: int


class Demand(NamedTuple):
    """How often dates were asked for in an hour, and of these, without anything free."""

    date: date
    hour: int
    service_id: str
    asked: int
    empty: int


class Refused(NamedTuple):
    """How often somebody wanted a start and did not get it. reason: the name of the Problem."""

    date: date
    service_id: str | None
    reason: str
    times: int


class Ended(NamedTuple):
    """What became of a date's bookings."""

    date: date
    completed: int
    no_shows: int
    cancelled: int


class Revenue(NamedTuple):
    """of: a service's id or a price rule's name, None for no rule. Minor units."""

    date: date
    of: str | None
    bookings: int
    earned_cents: int
    expected_cents: int


async def _rows(statement: Any, of: Callable[..., R], connection: Connection, tenant_id: str, dates: Dates) -> list[R]:
    rows = statement(connection, tenant_id=tenant_id, zone=dates.zone, from_on=dates.from_on, until_on=dates.until_on)
    return [of(*row) async for row in rows]


async def popular_times(connection: Connection, tenant_id: str, dates: Dates) -> list[HourBookings]:
    """Hours in which bookings begin."""
    return await _rows(sql.popular_times, HourBookings, connection, tenant_id, dates)


async def lead_times(connection: Connection, tenant_id: str, dates: Dates) -> list[LeadTime]:
    """Dates on which bookings were made."""
    return await _rows(sql.lead_times, LeadTime, connection, tenant_id, dates)


async def conversion(connection: Connection, tenant_id: str, dates: Dates) -> list[Conversion]:
    """Dates on which anything was shown, held or booked."""
    return await _rows(sql.conversion, Conversion, connection, tenant_id, dates)


async def demand(connection: Connection, tenant_id: str, dates: Dates) -> list[Demand]:
    """Hours in which something was asked for."""
    return await _rows(sql.demand, Demand, connection, tenant_id, dates)


async def refused(connection: Connection, tenant_id: str, dates: Dates) -> list[Refused]:
    """Dates on which somebody was refused."""
    return await _rows(sql.refused_demand, Refused, connection, tenant_id, dates)


async def no_shows(connection: Connection, tenant_id: str, dates: Dates) -> list[Ended]:
    """Dates of bookings that have ended."""
    return await _rows(sql.no_shows, Ended, connection, tenant_id, dates)


async def revenue_by_service(connection: Connection, tenant_id: str, dates: Dates) -> list[Revenue]:
    """Dates and services."""
    return await _rows(sql.revenue_by_service, Revenue, connection, tenant_id, dates)


async def revenue_by_rule(connection: Connection, tenant_id: str, dates: Dates) -> list[Revenue]:
    """Dates and price rules."""
    return await _rows(sql.revenue_by_rule, Revenue, connection, tenant_id, dates)
