"""What a business can learn of itself, each in one statement, by local date of a zone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeAlias, TypeVar

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


# What is found of a tenant's dates, a row for each that there is anything of.
Question: TypeAlias = Callable[[Connection, str, Dates], Awaitable[list[R]]]


def _question(statement: Any, of: Callable[..., R]) -> Question[R]:
    async def rows(connection: Connection, tenant_id: str, dates: Dates) -> list[R]:
        found = statement(
            connection, tenant_id=tenant_id, zone=dates.zone, from_on=dates.from_on, until_on=dates.until_on
        )
        return [of(*row) async for row in found]

    return rows


popular_times = _question(sql.popular_times, HourBookings)  # hours in which bookings begin
lead_times = _question(sql.lead_times, LeadTime)  # dates on which bookings were made
conversion = _question(sql.conversion, Conversion)  # dates on which anything was shown, held or booked
demand = _question(sql.demand, Demand)  # hours in which something was asked for
refused = _question(sql.refused_demand, Refused)  # dates on which somebody was refused
no_shows = _question(sql.no_shows, Ended)  # dates of bookings that have ended
revenue_by_service = _question(sql.revenue_by_service, Revenue)  # dates and services
revenue_by_rule = _question(sql.revenue_by_rule, Revenue)  # dates and price rules
