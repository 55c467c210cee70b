"""Figures become a table and judgements. All ratios are medians of the ratios within each round."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.http import works
from bench.http.client import Load
from bench.http.works import BARE, CACHED, MERCURIUS, NO_FRAGMENTS, NO_PLANS, STOCK, VERIFIED

MICRO = 1e6
CORE_MIN = 0.85


@dataclass(frozen=True, slots=True)
class Sample:
    """One turn of one variant at one work. Latencies in microseconds."""

    rate: float
    cpu_us: float
    p50_us: float
    p99_us: float
    own_cpu_us: float  # of the load

    @property
    def tail(self) -> float:
        """p99 / p50."""
        return self.p99_us / self.p50_us

    @property
    def core(self) -> float:
        """The share of its core that the server used: nearly 1 with many connections, unless others took of it."""
        return self.rate * self.cpu_us / MICRO

    @property
    def by_cpu(self) -> float:
        """What the rate would be if the server had all of its core."""
        return MICRO / self.cpu_us if self.cpu_us else math.inf

    @classmethod
    def of(cls, load: Load, cpu_s: float) -> Sample:
        return cls(
            load.rate,
            cpu_s / load.answers * MICRO,
            quantile(load.latencies, 0.50) * MICRO,
            quantile(load.latencies, 0.99) * MICRO,
            load.own_cpu_s / load.answers * MICRO,
        )


def quantile(values: Sequence[float], share: float) -> float:
    """The least value that is not less than a share of all; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(slots=True)
class Figures:
    """Samples by work and variant, a round each in order."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)

    def add(self, work: str, variant: str, sample: Sample) -> None:
        self.samples.setdefault((work, variant), []).append(sample)

    def median(self, work: str, variant: str, what: str) -> float | None:
        """Of a field of Sample; None if it was not measured."""
        found = self.samples.get((work, variant))
        return statistics.median(getattr(one, what) for one in found) if found else None

    def ratio(self, over: tuple[str, str], under: tuple[str, str], what: str = "rate") -> float | None:
        """The median of over / under within each round."""
        pairs = zip(self.samples.get(over, ()), self.samples.get(under, ()), strict=False)
        ratios = [getattr(one, what) / getattr(other, what) for one, other in pairs]
        return statistics.median(ratios) if ratios else None

    def variants(self, work: str) -> list[str]:
        """Those measured at a work, in order."""
        return [variant for found, variant in self.samples if found == work]


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and the bound it has to keep. kind: ">=" or "<="."""

    what: str
    value: float | None
    kind: str
    bound: float
    unit: str = ""
    by_cpu: float | None = None  # the same ratio of CPU a request, which neighbours on the machine disturb less

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return "ok" if (self.value >= self.bound if self.kind == ">=" else self.value <= self.bound) else "MISSED"

    def row(self) -> tuple[str, ...]:
        shown = "" if self.value is None else f"{self.value:.2f}{self.unit}"
        return self.what, self.verdict, shown, f"{self.kind} {self.bound:g}{self.unit}", _ratio(self.by_cpu)


def steady_name(variant: str) -> str:
    """The name of the work of a variant at half of what it can do."""
    return f"{works.MODAL_16}, half the most of {variant}"


def targets(figures: Figures) -> list[Target]:
    """What the issue wants, judged."""
    return [*_peers(figures), *_alone(figures), *_itself(figures)]


def _peers(figures: Figures) -> Iterable[Target]:
    def at_least(bound: float, work: str, variant: str, peer: str) -> Target:
        return _at_least(bound, figures, f"{work}: {variant} / {peer}", (work, variant), (work, peer))

    for modal in (works.MODAL_16, works.MODAL_48):
        for variant, bare, mercurius in ((CACHED, 0.85, 1.8), (VERIFIED, 0.70, 1.4)):
            yield at_least(bare, modal, variant, BARE)
            yield at_least(mercurius, modal, variant, MERCURIUS)
        yield at_least(0.9, modal, NO_FRAGMENTS, MERCURIUS)
        yield at_least(2.0, modal, NO_PLANS, STOCK)
    for work in (works.MONTH_NAME, works.WALL_NAME):
        for variant, bound in ((CACHED, 0.75), (VERIFIED, 0.55)):
            yield at_least(bound, work, variant, BARE)


def _alone(figures: Figures) -> Iterable[Target]:
    ours, bare = (figures.median(works.MODAL_ALONE, variant, "p50_us") for variant in (VERIFIED, BARE))
    value = None if ours is None or bare is None else (ours - bare) / 1e3
    yield Target(f"{works.MODAL_ALONE}: p50 of {VERIFIED} - {BARE}", value, "<=", 0.25, " ms")


def _itself(figures: Figures) -> Iterable[Target]:
    for work in (works.MANY_NAME, works.BOOKED_NAME, works.MANY_BOOKED_NAME):
        for variant in (CACHED, VERIFIED):
            what = f"{work}: {variant} / the same of one body"
            yield _at_least(0.8, figures, what, (work, variant), (works.MODAL_16, variant))
    for variant in (CACHED, VERIFIED):
        name = steady_name(variant)
        yield Target(f"{name}: p99 / p50", figures.median(name, variant, "tail"), "<=", 5, " x")


def _at_least(bound: float, figures: Figures, what: str, over: tuple[str, str], under: tuple[str, str]) -> Target:
    rate, by_cpu = figures.ratio(over, under), figures.ratio(over, under, "by_cpu")
    return Target(what, rate, ">=", bound, " x", by_cpu)


TARGETS_HEAD = ("what", "verdict", "figure", "meant to be", "by CPU")
Table = list[tuple[str, ...]]


def table(figures: Figures) -> Table:
    """A line for each work and variant, under the names of the columns."""
    found: Table = [
        ("work", "variant", "req/s", "/ bare", "/ Mercurius", "CPU us", "of core", "p50 ms", "p99 ms", "load us")
    ]
    for work, variant in figures.samples:
        here = (work, variant)
        found.append(
            (
                work,
                variant,
                _number(figures.median(*here, "rate")),
                _ratio(figures.ratio(here, (work, BARE))),
                _ratio(figures.ratio(here, (work, MERCURIUS))),
                _number(figures.median(*here, "cpu_us")),
                _percent(figures.median(*here, "core")),
                _milliseconds(figures.median(*here, "p50_us")),
                _milliseconds(figures.median(*here, "p99_us")),
                _number(figures.median(*here, "own_cpu_us")),
            )
        )
    return found


def load_cost(figures: Figures) -> str:
    """That it was the servers that were measured."""
    cost = figures.median(works.MODAL_16, BARE, "own_cpu_us")
    return "" if cost is None else f"; the load itself costs {cost:.0f} us of its own core a request"


def disturbed(figures: Figures) -> str:
    """A warning if others took so much of the core that rates say little; empty if not."""
    shares = [figures.median(work, BARE, "core") for work in (works.MODAL_16, works.MODAL_48)]
    least = min((share for share in shares if share is not None), default=1.0)
    if least >= CORE_MIN:
        return ""
    return f"Others use this machine: {BARE} had {least * 100:.0f} % of its core. Look at CPU, or measure again.\n"


def machine() -> str:
    """On what it was measured, and what else it was doing."""
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} cores {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f} at the end"
    )


def text(rows: Table) -> str:
    """Columns of a terminal: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number < 2 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.0f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value / 1e3:.2f}"
