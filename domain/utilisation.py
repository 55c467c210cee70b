"""How much of a stylist's working time is sold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.model import Busy, ClosedBy, DayFacts, Span

CLOSING = frozenset({ClosedBy.BREAK, ClosedBy.TIME_OFF, ClosedBy.EXTERNAL})


class Utilisation(NamedTuple):
    """Bookings that begin in a span; time booked there, and time open for booking, whether or not it is booked."""

    bookings: int
    booked: timedelta
    open: timedelta

    @property
    def share(self) -> float | None:
        """booked / open: above 1 where bookings lie outside working hours; None without any."""
        return self.booked / self.open if self.open else None


def of(facts: DayFacts, span: Span, now: datetime) -> Utilisation:
    """A stylist's in a span of the day that the facts are of: working hours without breaks, time off and external busy time.

    Bookings count without buffers; those that were not paid in time by `now`, and holds, do not.
    """
    booked = [one for one in facts.busy if _is_booked(one, now)]
    closed = [Span(one.starts_at, one.ends_at) for one in facts.busy if one.kind in CLOSING]
    windows = [Span(one.starts_at, one.ends_at) for one in facts.windows]
    return Utilisation(
        bookings=sum(span.starts_at <= one.starts_at < span.ends_at for one in booked),
        booked=_length(Span(one.starts_at, one.ends_at) for one in _within(booked, span)),
        open=_length(_within(windows, span)) - _length(_shared(windows, closed, span)),
    )


def _is_booked(busy: Busy, now: datetime) -> bool:
    return busy.kind is ClosedBy.BOOKING and (busy.expires_at is None or now < busy.expires_at)


def _within(spans: Iterable[Span | Busy], bounds: Span) -> list[Span]:
    cut = (Span(max(one.starts_at, bounds.starts_at), min(one.ends_at, bounds.ends_at)) for one in spans)
    return [one for one in cut if one.starts_at < one.ends_at]


def _shared(windows: Iterable[Span], closed: Iterable[Span], bounds: Span) -> list[Span]:
    within = _within(closed, bounds)
    return [piece for window in windows for piece in _within(within, window)]


def _length(spans: Iterable[Span]) -> timedelta:
    """Of all together, what overlaps counted once."""
    total, until = timedelta(0), None
    for one in sorted(spans):
        start = one.starts_at if until is None else max(one.starts_at, until)
        if one.ends_at > start:
            total += one.ends_at - start
            until = one.ends_at
    return total
