"""The slot arithmetic, R1 and R6 to R13: one stylist's day into slots. The list, the hold, the booking and the live
change all come through here, so that what is listed can be booked and what is not cannot.

Linear in starts + busy spans: a busy span closes one run of the grid, found by division, never by search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate, repeat
from operator import attrgetter
from zoneinfo import ZoneInfo

from domain import hours, prices
from domain.model import Busy, BusyKind, DayFacts, DaySlots, Slot, SlotStatus, Terms, Window

INSTANT = timedelta(microseconds=1)  # the resolution of time: Postgres's
ZERO = timedelta(0)

AVAILABLE, HELD, BOOKED, UNAVAILABLE = (
    SlotStatus  # bound once: a member's look-up costs a grid more than its arithmetic
)


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
    """A hold counts while now < expiresAt, with or without a sweeper (R11); all else always."""
    return busy.expires_at is None or now < busy.expires_at


def grid(facts: DayFacts, window: Window, terms: Terms) -> range:
    """The multiples k for which window start + k x interval is a start of this local day that fits the window (R6)."""
    today = hours.local_day(facts.day, facts.zones[window.location_id])
    first = max(0, first_at_or_after(today.starts_at - window.starts_at, terms.interval))
    after = min(
        first_at_or_after(today.ends_at - window.starts_at, terms.interval),
        (window.ends_at - terms.duration - window.starts_at) // terms.interval + 1,
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
    soonest, beyond = now + terms.min_notice, horizon_ends_at(now, terms.horizon_days, zone)
    starts_at = window.starts_at + ks.start * interval
    for ruled_out, claimed, held, booked, holder in _closed(facts, window, terms, ks, busy):
        if booked:
            status = BOOKED
        elif held:
            status = HELD
        elif claimed or ruled_out or not soonest <= starts_at < beyond:
            status = UNAVAILABLE
        else:
            status = AVAILABLE
        price = prices.quote(base_cents, rules, starts_at.astimezone(zone)) if rules else base_cents
        ends_at, seen_holder = starts_at + terms.duration, holder if status is HELD else None
        yield Slot(starts_at, ends_at, window.location_id, status, price, claimed > 0, seen_holder)
        starts_at += interval


def _closed(
    facts: DayFacts, window: Window, terms: Terms, ks: range, busy: Sequence[Busy]
) -> Iterator[tuple[int, int, int, int, str | None]]:
    """For each place of the grid: how many rules, claims, holds and bookings are on it, and who holds it."""
    ruled_out, claimed, held, booked = _Marks(ks), _Marks(ks), _Marks(ks), _Marks(ks)
    holders: list[str | None] = [None] * len(ks)
    for one in busy:
        run = closed_run(window, terms, one, travel_to(facts, window, one))
        if run.start >= ks.stop or run.stop <= ks.start:
            continue
        if one.kind is BusyKind.BOOKING:
            claimed.add(run)
            booked.add(covered_run(window, terms, one))
        elif one.kind is BusyKind.HOLD:
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


def _true_until(facts: DayFacts, terms: Terms, slots: Sequence[Slot], now: datetime) -> datetime | None:
    """The next instant at which a hold expires, a start falls inside its notice, or the horizon reaches this day."""
    changes = [one.expires_at for one in facts.busy if one.expires_at and one.expires_at > now]
    soonest = now + terms.min_notice
    upcoming = next((slot.starts_at for slot in slots if slot.starts_at >= soonest), None)
    if upcoming is not None:
        changes.append(upcoming - terms.min_notice + INSTANT)
    if slots:
        changes += (_horizon_reaches(facts.day, terms, zone) for zone in set(facts.zones.values()))
    return min((change for change in changes if change > now), default=None)


def _horizon_reaches(day: date, terms: Terms, zone: ZoneInfo) -> datetime:
    return hours.local_day(day - timedelta(terms.horizon_days), zone).starts_at
