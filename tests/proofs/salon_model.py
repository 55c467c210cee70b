"""The salon of tests/conftest.py, as one would tell it: a model that knows neither SQL nor a cache nor an interval. Times are
minutes since the first day's midnight, all of them on TICK.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

TICK, INTERVAL, HOLD, DAY = 10, 30, 10, 1440
SERVICES = {"cut": (0, 30, 0), "colour": (10, 90, 20)}  # minutes before, of, and after
OFFERED = {"asha": ("cut", "colour"), "bina": ("cut",)}


class Hours(NamedTuple):
    """One day's windows and breaks."""

    windows: tuple[tuple[int, int], ...]
    breaks: tuple[tuple[int, int], ...] = ()


WEEK = {"asha": Hours(((540, 1020),), ((720, 780),)), "bina": Hours(((540, 1020),))}
STAFF = "sita"


@dataclass
class Claim:
    """A hold or a booking. held_until: None if it was booked without a hold."""

    who: str
    stylist: str
    service: str
    start: int
    state: str
    held_until: int | None = None


Told = tuple[object, ...]
NOT_FOUND, HOLD_EXPIRED, ALREADY_ENDED = ("NotFound",), ("HoldExpired",), ("AlreadyEnded",)


@cache
def ticks(start: int, service: str, *, buffers: bool) -> frozenset[int]:
    """Every ten minutes of a service."""
    before, length, after = SERVICES[service]
    return frozenset(range(start - before * buffers, start + length + after * buffers, TICK))


@dataclass
class Model:
    """Who has what, in a dict; every question is answered by looking at all of it."""

    now: int = 0
    claims: dict[str, Claim] = field(default_factory=dict)
    hours: dict[tuple[str, int], Hours] = field(default_factory=dict)
    off: dict[str, set[int]] = field(default_factory=lambda: {stylist: set() for stylist in OFFERED})

    def hold(self, who: str, stylist: str, service: str, start: int, named: str) -> Told:
        return self._claim(who, stylist, service, start, named, "HELD")

    def book(self, who: str, stylist: str, service: str, start: int, named: str) -> Told:
        return self._claim(who, stylist, service, start, named, "CONFIRMED")

    def confirm(self, who: str, named: str) -> Told:
        claim = self._seen(who, named)
        if claim is None or claim.held_until is None:
            return NOT_FOUND
        if claim.state == "CANCELLED":
            return ALREADY_ENDED
        if claim.state != "CONFIRMED" and not self._is_live(claim):
            return HOLD_EXPIRED
        claim.state = "CONFIRMED"
        return self._told(named)

    def release(self, who: str, named: str) -> Told:
        claim = self._seen(who, named)
        if claim is None or claim.state in ("CONFIRMED", "CANCELLED"):
            return NOT_FOUND
        if not self._is_live(claim):
            return HOLD_EXPIRED
        told = self._told(named)
        claim.state = "RELEASED"
        return told

    def cancel(self, who: str, named: str) -> Told:
        claim = self._seen(who, named)
        if claim is None or claim.state in ("HELD", "RELEASED"):
            return NOT_FOUND
        if claim.state == "CANCELLED":
            return ALREADY_ENDED
        claim.state = "CANCELLED"
        return self._told(named)

    def move(self, who: str, named: str, stylist: str, start: int) -> Told:
        claim = self._seen(who, named)
        if claim is None:
            return NOT_FOUND
        if claim.service not in OFFERED[stylist]:
            return self._refusal(stylist, claim.service, start, ())
        if claim.state in ("HELD", "RELEASED"):
            return NOT_FOUND
        if claim.state == "CANCELLED":
            return ALREADY_ENDED
        own = self._own_holds(who, stylist, start)
        if refusal := self._refusal(stylist, claim.service, start, (named, *own)):
            return refusal
        self._give_back(own)
        claim.stylist, claim.start = stylist, start
        return self._told(named)

    def look(self, who: str, named: str) -> Told:
        """A booking, as its own query shows it."""
        claim = self._seen(who, named)
        return () if claim is None or claim.state in ("HELD", "RELEASED") else self._told(named)

    def grid(self, stylist: str, service: str, day: int) -> list[int]:
        """A day's starts."""
        length = SERVICES[service][1]
        return [
            start + day * DAY
            for opens, closes in self._hours(stylist, day).windows
            for start in range(opens, closes - length + 1, INTERVAL)
        ]

    def in_the_way(self, stylist: str, service: str, start: int, without: Collection[str] = ()) -> list[Claim]:
        """The claims that meet a start, buffers and all. without: those that do not count."""
        wide = ticks(start, service, buffers=True)
        return [
            claim
            for named, claim in self.claims.items()
            if claim.stylist == stylist and self._is_live(claim) and named not in without
            if wide & ticks(claim.start, claim.service, buffers=True)
        ]

    def covering(self, stylist: str, service: str, start: int, without: Collection[str] = ()) -> list[Claim]:
        """Those of them that meet it without their buffers and its own."""
        own, ways = ticks(start, service, buffers=False), self.in_the_way(stylist, service, start, without)
        return [claim for claim in ways if own & ticks(claim.start, claim.service, buffers=False)]

    def shown(self, stylist: str, service: str, start: int, without: Collection[str] = ()) -> str:
        """What a start of the grid is shown as."""
        if covering := self.covering(stylist, service, start, without):
            return "BOOKED" if any(claim.state == "CONFIRMED" for claim in covering) else "HELD"
        is_closed = ticks(start, service, buffers=True) & self._closed(stylist, start // DAY)
        return "UNAVAILABLE" if is_closed or self.in_the_way(stylist, service, start, without) else "AVAILABLE"

    def nearest(self, stylist: str, service: str, start: int) -> list[int]:
        """The three free starts nearest to another, by start."""
        free = [
            one
            for day in range(start // DAY - 2, start // DAY + 3)
            for one in self.grid(stylist, service, day)
            if self.shown(stylist, service, one) == "AVAILABLE"
        ]
        return sorted(sorted(free, key=lambda one: (abs(one - start), one))[:3])

    def _claim(self, who: str, stylist: str, service: str, start: int, named: str, state: str) -> Told:
        own = self._own_holds(who, stylist, start)
        for held in own:
            if self.claims[held].service == service:
                self.claims[held].state = state
                return self._told(held)
        if refusal := self._refusal(stylist, service, start, own):
            return refusal
        self._give_back(own)
        assert named not in self.claims
        until = self.now + HOLD if state == "HELD" else None
        self.claims[named] = Claim(who, stylist, service, start, state, until)
        return self._told(named)

    def _refusal(self, stylist: str, service: str, start: int, without: Collection[str]) -> Told:
        """Why a start cannot be had, and which can; empty if it can."""
        if service not in OFFERED[stylist]:
            return "SlotNotOffered", "SERVICE_NOT_OFFERED"
        near, minute, length = self.nearest(stylist, service, start), start % DAY, SERVICES[service][1]
        windows = self._hours(stylist, start // DAY).windows
        if not any(opens <= minute <= closes - length for opens, closes in windows):
            return "SlotNotOffered", "OUTSIDE_WORKING_HOURS", *near
        if start not in self.grid(stylist, service, start // DAY):
            return "SlotNotOffered", "OFF_GRID", *near
        shown = self.shown(stylist, service, start, without)
        if self.in_the_way(stylist, service, start, without):
            return "SlotTaken", shown, *near
        return () if shown == "AVAILABLE" else ("SlotNotOffered", "UNAVAILABLE", *near)

    def _told(self, named: str) -> Told:
        """A claim as a mutation answers it."""
        claim = self.claims[named]
        if claim.state == "HELD":
            return "Hold", named, claim.stylist, claim.start
        return "Booking", named, claim.stylist, claim.start, claim.state

    def _seen(self, who: str, named: str) -> Claim | None:
        claim = self.claims[named]
        return claim if who in (claim.who, STAFF) else None

    def _is_live(self, claim: Claim) -> bool:
        if claim.state == "HELD":
            return claim.held_until is not None and self.now < claim.held_until
        return claim.state == "CONFIRMED"

    def _own_holds(self, who: str, stylist: str, start: int) -> list[str]:
        return [
            named
            for named, one in self.claims.items()
            if (one.who, one.stylist, one.start, one.state) == (who, stylist, start, "HELD") and self._is_live(one)
        ]

    def _give_back(self, held: Iterable[str]) -> None:
        for named in held:
            self.claims[named].state = "RELEASED"

    def _hours(self, stylist: str, day: int) -> Hours:
        return self.hours.get((stylist, day), WEEK[stylist])

    def _closed(self, stylist: str, day: int) -> set[int]:
        """Every ten minutes of a day's breaks, and of all time off."""
        breaks = self._hours(stylist, day).breaks
        return self.off[stylist] | {day * DAY + at for starts, ends in breaks for at in range(starts, ends, TICK)}
