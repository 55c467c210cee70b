"""Who waits for a time that is taken, and whether a start is what they wait for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.model import Customer, Slot


class WaitStatus(StrEnum):
    """Where an entry of the waitlist stands."""

    WAITING = "WAITING"
    OFFERED = "OFFERED"
    BOOKED = "BOOKED"
    LEFT = "LEFT"
    MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is waited for. stylist_ids: empty = whoever offers the service. from_on, until_on: local dates, both ends in.

    times: [from, until) in minutes of the local day, in which a start may lie; none = at any time.
    """

    service_id: str
    stylist_ids: tuple[str, ...]
    from_on: date
    until_on: date
    times: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry of the waitlist. hold_id: what it is offered now. passed: starts of the stylist asked about that it let pass."""

    id: str
    holder: str
    wish: Wish
    customer: Customer
    status: WaitStatus
    joined_at: datetime
    ended_at: datetime | None = None
    hold_id: str | None = None
    passed: frozenset[datetime] = frozenset()


def fits(wish: Wish, starts_at: datetime, zone: ZoneInfo) -> bool:
    """Whether a start lies in the dates and times waited for, by the clocks of its place."""
    local = starts_at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return wish.from_on <= local.date() <= wish.until_on and (
        not wish.times or any(from_ <= minute < until for from_, until in wish.times)
    )


def chosen(waiting: Waiting, opened: Iterable[tuple[Slot, ZoneInfo]], left_at: datetime) -> Slot | None:
    """Of the starts that opened the one to offer: the very start that was left, else the earliest that fits."""
    fitting = [
        slot
        for slot, zone in opened
        if slot.starts_at not in waiting.passed and fits(waiting.wish, slot.starts_at, zone)
    ]
    return min(fitting, key=lambda slot: (slot.starts_at != left_at, slot.starts_at), default=None)
