"""Figures become a table and judgements. All ratios are medians of the ratios within each round."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.http import works
from bench.http.client import Load
from bench.http.works import BARE, CACHED, MERCURIUS, NO_FRAGMENTS, NO_PLANS, STOCK, VERIFIED

MICRO = 1e6


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

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return "ok" if (self.value >= self.bound if self.kind == ">=" else self.value <= self.bound) else "MISSED"

    def row(self) -> tuple[str, str, str, str]:
        shown = "-" if self.value is None else f"{self.value:.2f}{self.unit}"
        return self.what, shown, f"{self.kind} {self.bound:g}{self.unit}", self.verdict


def steady_name(variant: str) -> str:
    """The name of the work of a variant at half of what it can do."""
    return f"{works.MODAL_16}, half the most of {variant}"


def targets(figures: Figures) -> list[Target]:
    """What the issue wants, judged."""
    return [*_peers(figures), *_alone(figures), *_itself(figures)]


def _peers(figures: Figures) -> Iterable[Target]:
    for modal in (works.MODAL_16, works.MODAL_48):
        for variant, bare, mercurius in ((CACHED, 0.85, 1.8), (VERIFIED, 0.70, 1.4)):
            for peer, bound in ((BARE, bare), (MERCURIUS, mercurius)):
                value = figures.ratio((modal, variant), (modal, peer))
                yield Target(f"{modal}: {variant} / {peer}", value, ">=", bound, " x")
    for work in (works.MONTH_NAME, works.WALL_NAME):
        for variant, bound in ((CACHED, 0.75), (VERIFIED, 0.55)):
            yield Target(f"{work}: {variant} / {BARE}", figures.ratio((work, variant), (work, BARE)), ">=", bound, " x")
    for modal in (works.MODAL_16, works.MODAL_48):
        value = figures.ratio((modal, NO_FRAGMENTS), (modal, MERCURIUS))
        yield Target(f"{modal}: {NO_FRAGMENTS} / {MERCURIUS}", value, ">=", 0.9, " x")
        value = figures.ratio((modal, NO_PLANS), (modal, STOCK))
        yield Target(f"{modal}: {NO_PLANS} / {STOCK}", value, ">=", 2.0, " x")


def _alone(figures: Figures) -> Iterable[Target]:
    pairs = [figures.median(works.MODAL_ALONE, variant, "p50_us") for variant in (VERIFIED, BARE)]
    ours, bare = pairs
    value = None if ours is None or bare is None else (ours - bare) / 1e3
    yield Target(f"{works.MODAL_ALONE}: p50 of {VERIFIED} - {BARE}", value, "<=", 0.25, " ms")


def _itself(figures: Figures) -> Iterable[Target]:
    for work in (works.MANY_NAME, works.BOOKED_NAME, works.MANY_BOOKED_NAME):
        for variant in (CACHED, VERIFIED):
            value = figures.ratio((work, variant), (works.MODAL_16, variant))
            yield Target(f"{work}: {variant} / the same of one body", value, ">=", 0.8, " x")
    for variant in (CACHED, VERIFIED):
        name = steady_name(variant)
        value = figures.median(name, variant, "tail")
        yield Target(f"{name}: p99 / p50", value, "<=", 5, " x")


Table = list[tuple[str, ...]]


def table(figures: Figures) -> Table:
    """A line for each work and variant, under the names of the columns."""
    found: Table = [("work", "variant", "req/s", "/ bare", "/ Mercurius", "CPU us", "p50 ms", "p99 ms")]
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
                _milliseconds(figures.median(*here, "p50_us")),
                _milliseconds(figures.median(*here, "p99_us")),
            )
        )
    return found


def load_cost(figures: Figures) -> str:
    """That it was the servers that were measured."""
    cost = figures.median(works.MODAL_16, BARE, "own_cpu_us")
    return "" if cost is None else f"the load itself costs {cost:.0f} us of its own core a request"


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


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value / 1e3:.2f}"
