"""What a trial came to, as figures."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.consistency.salon import FRESHNESS
from bench.consistency.seen import Seen
from bench.harness import Row, milliseconds


@dataclass(slots=True)
class Result:
    """What happened during one fault. stops: servers, by number, that were stopped, from when till when."""

    fault: str
    seconds: float
    rounds: int
    counts: Counter[str]
    stops: list[tuple[int, float, float]]
    seen: dict[str, Seen] = field(default_factory=lambda: {one: Seen() for one in FRESHNESS})

    @property
    def reads(self) -> int:
        """At VERIFIED."""
        return len(self.seen["VERIFIED"].seconds)

    @property
    def violations(self) -> int:
        return len(self.seen["VERIFIED"].wrong)

    @property
    def staleness_s(self) -> list[float]:
        """Of each wrong CACHED read but those that a stopped server answered when it woke."""
        return [
            one.sent - one.acknowledged for one in self.seen["CACHED"].wrong if not self._waking(one.server, one.sent)
        ]

    @property
    def woken_s(self) -> list[tuple[float, float]]:
        """Of each wrong CACHED read that a server answered when it woke: the staleness, and the time since the waking."""
        return [
            (one.sent - one.acknowledged, one.answered - woke)
            for one in self.seen["CACHED"].wrong
            if (woke := self._waking(one.server, one.sent))
        ]

    def _waking(self, server: int, sent: float) -> float:
        """When the server woke that was stopped at this time; 0.0 if it was not."""
        return next((woke for stopped, since, woke in self.stops if stopped == server and since <= sent < woke), 0.0)

    def rows(self) -> list[Row]:
        """For the table."""
        found = [
            Row("fault", self.fault),
            Row("rounds of it", str(self.rounds)),
            Row("it took", f"{self.seconds:.0f} s"),
        ]
        found += [Row(what, f"{count:,}") for what, count in sorted(self.counts.items())]
        for name, seen in self.seen.items():
            found += [Row(f"{name} reads", f"{len(seen.seconds):,}"), Row(f"{name} reads failed", f"{seen.failed:,}")]
            found += _percentiles(name, seen.seconds)
        found.append(Row("VERIFIED violations", f"{self.violations:,}", "must be 0"))
        return [*found, *self._staleness()]

    def _staleness(self) -> list[Row]:
        wrong, woken = self.staleness_s, self.woken_s
        right = len(self.seen["CACHED"].seconds) - len(wrong) - len(woken)
        found = _percentiles("CACHED staleness, all reads,", [0.0] * right + wrong)
        found.append(Row("CACHED wrong reads", f"{len(wrong):,}"))
        if wrong:
            found += _percentiles("CACHED staleness, wrong reads,", wrong)
            found.append(Row("CACHED staleness, most", milliseconds(max(wrong))))
        if woken:
            found.append(Row("CACHED wrong reads answered on waking", f"{len(woken):,}"))
            found.append(Row("their staleness, most", milliseconds(max(stale for stale, _ in woken))))
            found.append(Row("their answer after the waking, latest", milliseconds(max(after for _, after in woken))))
        return found


def percentile(values: Sequence[float], percent: int) -> float:
    """Interpolated; 0.0 for no values."""
    if len(values) < 2:
        return next(iter(values), 0.0)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _percentiles(what: str, values: Sequence[float]) -> list[Row]:
    return [Row(f"{what} p{percent}", milliseconds(percentile(values, percent))) for percent in (50, 99)]
