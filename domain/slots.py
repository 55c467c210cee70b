"""The slot arithmetic, R1 and R6 to R13: one stylist's day into slots. The list, the explanation, the hold, the booking and the
live change all come through here, so that what is listed can be booked and what is not cannot.

Linear in starts + busy spans: a busy span closes one run of the grid, found by division, never by search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate, repeat
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain import hours, prices
from domain.model import Busy, ClosedBy, DayFacts, DaySlots, Preferences, Slot, SlotStatus, Span, Terms, Window

INSTANT = timedelta(microseconds=1)  # the resolution of time: Postgres's
ZERO = timedelta(0)
EVERY = range(-(2**40), 2**40)  # multiples of any window's grid, all of them

# Bound once: a member's look-up costs a grid more than its arithmetic.
AVAILABLE, HELD, BOOKED, UNAVAILABLE = SlotStatus
BOOKING, HOLD = ClosedBy.BOOKING, ClosedBy.HOLD


def day_slots(facts: DayFacts, service_id: str, now: datetime) -> DaySlots:
    """Every start on the grid of a stylist's day, with its status and price, at one instant.

    Sorted by start, one a start (R1): where windows at two locations offer the same start, the free one stays, else the
    first by window. Empty when the service is not offered or there are no hours.
    """
    terms = facts.terms.get(service_id)
    if terms is None:
        return DaySlots((), None)
    rules = prices.for_service(facts.price_rules, service_id)
    busy = [one for one in facts.busy if is_live(one, now)]
    slots: list[Slot] = []
    for window in facts.windows:
        slots += _window_slots(facts, window, terms, rules, busy, now=now)
    if len(facts.windows) > 1:
        slots = one_a_start(slots)
    return DaySlots(tuple(slots), _true_until(facts, terms, slots, now))


def is_live(busy: Busy, now: datetime) -> bool:
    """What ends by itself counts while now < expires_at, with or without a sweeper (R11); all else always."""
    return busy.expires_at is None or now < busy.expires_at


class Closing(NamedTuple):
    """What closes a run of a window's grid: multiples k, not cut to the grid. busy: the thing itself, where there is one."""

    by: ClosedBy
    run: range
    busy: Busy | None = None


def closings(facts: DayFacts, window: Window, terms: Terms, busy: Sequence[Busy], now: datetime) -> Iterator[Closing]:
    """Everything that closes a start of this window. A start of the grid is free exactly when none of them covers it.

    busy: the facts' own that are live. The end of the window is the grid's, not among these.
    """
    zone = facts.zones[window.location_id]
    soonest = first_at_or_after(now + terms.min_notice - window.starts_at, terms.interval)
    beyond = first_at_or_after(horizon_ends_at(now, terms.horizon_days, zone) - window.starts_at, terms.interval)
    yield Closing(ClosedBy.NOTICE, range(EVERY.start, soonest))
    yield Closing(ClosedBy.HORIZON, range(beyond, EVERY.stop))
    for one in busy:
        yield Closing(one.kind, closed_run(window, terms, one, travel_to(facts, window, one)), one)
    if facts.stale and facts.stale.at <= now:
        source, at = facts.stale
        yield Closing(ClosedBy.STALE_SOURCE, EVERY, Busy(ClosedBy.STALE_SOURCE, at, at, at, at, source=source))
    if facts.preferences:
        yield from _preferred(facts, facts.preferences, window, terms, busy)


def grid(facts: DayFacts, window: Window, terms: Terms, *, whole: bool = True) -> range:
    """The multiples k for which window start + k x interval is a start of this local day that fits the window (R6).

    whole: the service fits as a whole; else that it begins there is enough.
    """
    today = hours.local_day(facts.day, facts.zones[window.location_id])
    first = max(0, first_at_or_after(today.starts_at - window.starts_at, terms.interval))
    fits = terms.duration if whole else INSTANT
    after = min(
        first_at_or_after(today.ends_at - window.starts_at, terms.interval),
        (window.ends_at - fits - window.starts_at) // terms.interval + 1,
    )
    return range(first, max(first, after))


def closed_run(window: Window, terms: Terms, busy: Busy, travel: timedelta) -> range:
    """The multiples k whose start a busy span closes: those whose span, widened by the service's buffers, overlaps it,
    itself widened by its own buffers and the way between the locations (R7, R12). Not yet cut to the grid.
    """
    after = busy.occupied_from - window.starts_at - travel - terms.duration - terms.buffer_after
    until = busy.occupied_until - window.starts_at + travel + terms.buffer_before
    return range(after // terms.interval + 1, first_at_or_after(until, terms.interval))


def covered_run(window: Window, terms: Terms, busy: Busy) -> range:
    """The multiples k whose own span overlaps the busy thing itself, buffers left aside: what is shown as booked."""
    after = busy.starts_at - window.starts_at - terms.duration
    return range(after // terms.interval + 1, first_at_or_after(busy.ends_at - window.starts_at, terms.interval))


def first_at_or_after(offset: timedelta, interval: timedelta) -> int:
    """The least k with k x interval >= offset."""
    return -(-offset // interval)


def travel_to(facts: DayFacts, window: Window, busy: Busy) -> timedelta:
    """The travel time between a window's location and a busy span's; zero where none is given or it has no place."""
    if busy.location_id is None or busy.location_id == window.location_id:
        return ZERO
    return facts.travel.get((window.location_id, busy.location_id), ZERO)


def horizon_ends_at(now: datetime, horizon_days: int, zone: ZoneInfo) -> datetime:
    """The first instant beyond the horizon: the local midnight after local today + horizon days (R9)."""
    return hours.local_day(now.astimezone(zone).date() + timedelta(horizon_days), zone).ends_at


def _window_slots(
    facts: DayFacts,
    window: Window,
    terms: Terms,
    rules: Sequence[prices.PriceRule],
    busy: Sequence[Busy],
    *,
    now: datetime,
) -> Iterator[Slot]:
    ks = grid(facts, window, terms)
    if not ks:
        return
    zone, base_cents, interval = facts.zones[window.location_id], terms.price_cents, terms.interval
    starts_at = window.starts_at + ks.start * interval
    found = closings(facts, window, terms, busy, now)
    for ruled_out, claimed, held, booked, holder in _closed(window, terms, ks, found):
        if booked:
            status = BOOKED
        elif held:
            status = HELD
        elif claimed or ruled_out:
            status = UNAVAILABLE
        else:
            status = AVAILABLE
        price = prices.quote(base_cents, rules, starts_at.astimezone(zone)) if rules else base_cents
        ends_at, seen_holder = starts_at + terms.duration, holder if status is HELD else None
        yield Slot(starts_at, ends_at, window.location_id, status, price, claimed > 0, seen_holder)
        starts_at += interval


def _closed(
    window: Window, terms: Terms, ks: range, found: Iterable[Closing]
) -> Iterator[tuple[int, int, int, int, str | None]]:
    """For each place of the grid: how many rules, claims, holds and bookings are on it, and who holds it."""
    ruled_out, claimed, held, booked = _Marks(ks), _Marks(ks), _Marks(ks), _Marks(ks)
    holders: list[str | None] = [None] * len(ks)
    for by, run, one in found:
        if run.start >= ks.stop or run.stop <= ks.start:
            continue
        if one is None:
            ruled_out.add(run)
        elif by is BOOKING:
            claimed.add(run)
            booked.add(covered_run(window, terms, one))
        elif by is HOLD:
            claimed.add(run)
            covered = covered_run(window, terms, one)
            held.add(covered)
            for k in range(max(covered.start, ks.start), min(covered.stop, ks.stop)):
                holders[k - ks.start] = one.holder
        else:
            ruled_out.add(run)
    return zip(ruled_out.counts(), claimed.counts(), held.counts(), booked.counts(), holders, strict=False)


class _Marks:
    """How many runs cover each place of a grid: two writes a run, one pass to read."""

    def __init__(self, ks: range) -> None:
        self._ks = ks
        self._steps: list[int] | None = None

    def add(self, run: range) -> None:
        first, stop, steps = self._ks.start, self._ks.stop, self._steps
        low, high = run.start, run.stop
        if low >= stop or high <= first or low >= high:
            return
        if steps is None:
            steps = self._steps = [0] * (stop - first + 1)
        steps[low - first if low > first else 0] += 1
        steps[(high if high < stop else stop) - first] -= 1

    def counts(self) -> Iterable[int]:
        return repeat(0, len(self._ks)) if self._steps is None else accumulate(self._steps)


def one_a_start(slots: Iterable[Slot]) -> list[Slot]:
    """The slots by start, one a start (R1): where two places offer the same one, a free one if there is one, else the first."""
    chosen: dict[datetime, Slot] = {}
    for slot in slots:
        other = chosen.get(slot.starts_at)
        if other is None or (slot.status is AVAILABLE and other.status is not AVAILABLE):
            chosen[slot.starts_at] = slot
    return sorted(chosen.values(), key=attrgetter("starts_at"))


def _preferred(
    facts: DayFacts, wishes: Preferences, window: Window, terms: Terms, busy: Sequence[Busy]
) -> Iterator[Closing]:
    """What a stylist's wishes close of a window's grid."""
    for span in wishes.avoided.get(terms.service_id, ()):
        thing = Busy(ClosedBy.AVOIDED, *span, *span)
        yield Closing(ClosedBy.AVOIDED, covered_run(window, terms, thing), thing)
    claims = [one for one in busy if one.kind in (BOOKING, HOLD)]
    today = hours.local_day(facts.day, facts.zones[window.location_id])
    if wishes.bookings_max is not None:
        begun = sum(today.starts_at <= one.starts_at < today.ends_at for one in claims)
        if begun >= wishes.bookings_max:
            yield Closing(ClosedBy.BOOKINGS_A_DAY, EVERY)
    if wishes.run_max is not None:
        yield from _runs_too_long(window, terms, _stretches(claims, wishes.pause), wishes.run_max, wishes.pause)


def _stretches(claims: Iterable[Busy], pause: timedelta) -> list[Span]:
    """Claims, buffers included, as stretches of work with a pause between each and the next."""
    stretches: list[Span] = []
    for one in sorted(claims, key=attrgetter("occupied_from")):
        if stretches and one.occupied_from < stretches[-1].ends_at + pause:
            stretches[-1] = Span(stretches[-1].starts_at, max(stretches[-1].ends_at, one.occupied_until))
        else:
            stretches.append(Span(one.occupied_from, one.occupied_until))
    return stretches


def _runs_too_long(
    window: Window, terms: Terms, stretches: Sequence[Span], run_max: timedelta, pause: timedelta
) -> Iterator[Closing]:
    """The starts that would be part of a stretch of work longer than run_max: with the one before, the one after, or both. One
    that is too long already takes no start in, not even between two of its claims.

    x is where the start's own span, buffers included, begins. What overlaps a stretch is closed by its claims anyway.
    """
    length = terms.buffer_before + terms.duration + terms.buffer_after
    if length > run_max:
        yield Closing(ClosedBy.LONGEST_RUN, EVERY)
        return
    for n, one in enumerate(stretches):
        if one.ends_at - one.starts_at > run_max:
            yield _between(window, terms, one.starts_at - pause - length, one.ends_at + pause)
            continue
        yield _between(window, terms, one.starts_at + run_max - length, one.ends_at + pause)
        yield _between(window, terms, one.starts_at - pause - length, one.ends_at - run_max)
        following = stretches[n + 1] if n + 1 < len(stretches) else None
        if following and following.ends_at - one.starts_at > run_max:
            yield _between(window, terms, following.starts_at - pause - length, one.ends_at + pause)


def _between(window: Window, terms: Terms, after: datetime, before: datetime) -> Closing:
    """The starts whose own span, buffers included, begins after one instant and before another."""
    first = (after + terms.buffer_before - window.starts_at) // terms.interval + 1
    stop = first_at_or_after(before + terms.buffer_before - window.starts_at, terms.interval)
    return Closing(ClosedBy.LONGEST_RUN, range(first, max(first, stop)))


def _true_until(facts: DayFacts, terms: Terms, slots: Sequence[Slot], now: datetime) -> datetime | None:
    """The next instant at which a hold expires, a start falls inside its notice, or the horizon reaches this day."""
    changes = [one.expires_at for one in facts.busy if one.expires_at and one.expires_at > now]
    if facts.stale:
        changes.append(facts.stale.at)
    soonest = now + terms.min_notice
    upcoming = next((slot.starts_at for slot in slots if slot.starts_at >= soonest), None)
    if upcoming is not None:
        changes.append(upcoming - terms.min_notice + INSTANT)
    if slots:
        changes += (_horizon_reaches(facts.day, terms, zone) for zone in set(facts.zones.values()))
    return min((change for change in changes if change > now), default=None)


def _horizon_reaches(day: date, terms: Terms, zone: ZoneInfo) -> datetime:
    return hours.local_day(day - timedelta(terms.horizon_days), zone).starts_at
