"""What was asked, by whom it was answered, and how long that took: plain numbers, which whoever wants to can read."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter

# The buckets' upper bounds, in seconds: a kept answer takes some 50 us, a booking some ms.
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
NAMES_MAX = 100
NAME_LENGTH_MAX = 60
ANONYMOUS, OTHER = "anonymous", "other"
PLAN, STOCK = "plan", "stock"
OK, ERROR = "ok", "error"


class Histogram:
    """How many took how long; `counts` has one place more than BOUNDS_S, for what took longer than all."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one."""
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds


class Subscribed:
    """One subscription under way."""

    __slots__ = ("_has_begun", "_meter", "_name", "_started")

    def __init__(self, meter: Meter, name: str) -> None:
        self._meter, self._name, self._started = meter, name, time.perf_counter()
        self._has_begun = False
        meter.subscribers += 1

    def sends(self, *, is_error: bool) -> None:
        """A result goes out; the first one says how the subscription began."""
        if not self._has_begun:
            self._has_begun = True
            self._meter.asked("subscription", self._name, time.perf_counter() - self._started, is_error=is_error)
        self._meter.results_sent += 1

    def ends(self) -> None:
        """Nothing is sent any more."""
        self._meter.subscribers -= 1


class Meter:
    """One a server. Names of operations are the clients' to choose, so only the first so many are counted by name.

    planned: requests that a plan answered, by name. requests: the others, by name, kind and outcome. seconds: by kind and path.
    """

    def __init__(self) -> None:
        self.planned: Counter[str] = Counter()
        self.planned_seconds = Histogram()
        self.requests: Counter[tuple[str, str, str]] = Counter()
        self.seconds: dict[str, Histogram] = {}
        self.invalid = 0
        self.subscribers = 0
        self.results_sent = 0
        self._names: set[str] = set()

    def named(self, name: str | None) -> str:
        """The name to count an operation by."""
        if not name:
            return ANONYMOUS
        if name in self._names:
            return name
        if len(self._names) >= NAMES_MAX or len(name) > NAME_LENGTH_MAX:
            return OTHER
        self._names.add(name)
        return name

    def asked(self, kind: str, name: str | None, seconds: float, *, is_error: bool) -> None:
        """Counts a request that no plan answered."""
        self.requests[self.named(name), kind, ERROR if is_error else OK] += 1
        histogram = self.seconds.get(kind)
        if histogram is None:
            histogram = self.seconds[kind] = Histogram()
        histogram.observe(seconds)

    def subscribed(self, name: str | None) -> Subscribed:
        """Counts a subscription, until it ends."""
        return Subscribed(self, self.named(name))
