"""Why: every start of a stylist's day with what closes it, and the bookings that the rules of today would no longer let in.
Both ask what the list is made of, `slots.closings`, so they cannot tell another story.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import NamedTuple

from domain import slots
from domain.model import Busy, ClosedBy, DayFacts, Slot, Span, Terms, Window
from domain.slots import Closing

CLAIMS = frozenset({ClosedBy.BOOKING, ClosedBy.HOLD})
# What closes a start today and says nothing of one that was sold.
OF_NOW = frozenset({ClosedBy.NOTICE, ClosedBy.HORIZON, ClosedBy.STALE_SOURCE})
STEP = timedelta(days=1)


class Through(StrEnum):
    """By which part of a claim it closes a start."""

    TIME = "TIME"
    BUFFER = "BUFFER"
    TRAVEL = "TRAVEL"


class Cause(NamedTuple):
    """One thing that closes a start, or (without instants) a day. busy: the thing itself; through: of claims."""

    by: ClosedBy
    busy: Busy | None = None
    through: Through | None = None


class Explained(NamedTuple):
    """A start of the grid and all that closes it: none = free. span: of the start. slot: None where the service does not fit
    the window, and then it is not listed either. A day that has no grid is one Explained without span.
    """

    span: Span | None
    location_id: str | None
    slot: Slot | None
    causes: tuple[Cause, ...]

    @property
    def is_free(self) -> bool:
        return not self.causes


def day(facts: DayFacts, service_id: str, now: datetime) -> list[Explained]:
    """Every start on the grid of a stylist's day, by start, those that do not fit their window's end too; one a start, at the
    place where it is listed. A day without any: why.
    """
    terms = facts.terms.get(service_id)
    if terms is None:
        return [Explained(None, None, None, (Cause(ClosedBy.NOT_OFFERED),))]
    listed = {(slot.starts_at, slot.location_id): slot for slot in slots.day_slots(facts, service_id, now).slots}
    chosen: dict[datetime, Explained] = {}
    for window in facts.windows:
        for one in _starts(facts, window, terms, now):
            assert one.span is not None
            slot = listed.get((one.span.starts_at, window.location_id))
            if slot or one.span.starts_at not in chosen:
                chosen[one.span.starts_at] = one._replace(slot=slot)
    found = sorted(chosen.values(), key=attrgetter("span"))
    return found or [Explained(None, None, None, (Cause(facts.why_closed or ClosedBy.NO_HOURS),))]


def outside(facts: DayFacts, claim: Busy, service_id: str, now: datetime) -> tuple[Cause, ...]:
    """Why a claim of this day would not be let in today, were it not there already. None where it would.

    Its own length and buffers count, not the service's of today.
    """
    if service_id not in facts.terms:
        return (Cause(ClosedBy.NOT_OFFERED),)
    places = [window for window in facts.windows if window.location_id == claim.location_id]
    if not any(window.starts_at <= claim.starts_at and claim.ends_at <= window.ends_at for window in places):
        return (Cause(ClosedBy.WINDOW_END if places else facts.why_closed or ClosedBy.NO_HOURS),)
    assert claim.location_id is not None
    alone = Window(claim.starts_at, claim.ends_at, claim.location_id)
    terms = _as_it_is(facts.terms[service_id], claim)
    busy = [one for one in facts.busy if one.id != claim.id and slots.is_live(one, now)]
    found = slots.closings(facts, alone, terms, busy, now)
    return tuple(_cause(alone, terms, one, 0) for one in found if 0 in one.run and one.by not in OF_NOW)


def _as_it_is(terms: Terms, claim: Busy) -> Terms:
    return Terms(
        service_id=terms.service_id,
        duration=claim.ends_at - claim.starts_at,
        interval=STEP,
        buffer_before=claim.starts_at - claim.occupied_from,
        buffer_after=claim.occupied_until - claim.ends_at,
        min_notice=terms.min_notice,
        horizon_days=terms.horizon_days,
        price_cents=terms.price_cents,
    )


def _starts(facts: DayFacts, window: Window, terms: Terms, now: datetime) -> Iterator[Explained]:
    """The starts of a window on this day's grid, whether the service fits or not."""
    fits, all_ = slots.grid(facts, window, terms), slots.grid(facts, window, terms, whole=False)
    busy = [one for one in facts.busy if slots.is_live(one, now)]
    found = [one for one in slots.closings(facts, window, terms, busy, now) if _overlap(one.run, all_)]
    for k in all_:
        starts_at = window.starts_at + k * terms.interval
        causes = [_cause(window, terms, one, k) for one in found if k in one.run]
        if k not in fits:
            causes.insert(0, Cause(ClosedBy.WINDOW_END))
        yield Explained(Span(starts_at, starts_at + terms.duration), window.location_id, None, tuple(causes))


def _overlap(one: Sequence[int], other: Sequence[int]) -> bool:
    return bool(one) and bool(other) and one[0] <= other[-1] and other[0] <= one[-1]


def _cause(window: Window, terms: Terms, closing: Closing, k: int) -> Cause:
    if closing.busy is None or closing.by not in CLAIMS:
        return Cause(closing.by, closing.busy)
    if k in slots.covered_run(window, terms, closing.busy):
        through = Through.TIME
    elif k in slots.closed_run(window, terms, closing.busy, slots.ZERO):
        through = Through.BUFFER
    else:
        through = Through.TRAVEL
    return Cause(closing.by, closing.busy, through)
