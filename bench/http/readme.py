"""The figures where readers are: between two marks in the README, and as a plot beside it."""

from __future__ import annotations

from pathlib import Path

from bench.http import plot, report, works
from bench.http.report import Figures, Table
from bench.http.servers import ROOT

README = ROOT / "README.md"
PLOT = ROOT / "docs" / "bench-http.svg"
BEGIN, END = "<!-- python -m bench.http --readme writes this -->", "<!-- up to here -->"


def publish(figures: Figures) -> None:
    """Writes both."""
    PLOT.write_text(plot.svg(figures))
    README.write_text(between(README.read_text(), _section(figures)))
    print(f"\nWritten: {_name(README)}, {_name(PLOT)}")


def between(text: str, section: str) -> str:
    """A text with another section between the marks. Raises ValueError if they are not there."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} with {END} after it")
    return f"{head}{BEGIN}\n\n{section}\n\n{END}{tail}"


def _section(figures: Figures) -> str:
    judged = [one.row() for one in report.targets(figures) if one.value is not None]
    return "\n\n".join(
        [
            f"![Requests a second, as multiples of bare aiohttp's]({_name(PLOT)})",
            f"Requests a second and CPU a request, in brackets, as multiples of bare aiohttp's ({report.machine()}):",
            _markdown(ratios(figures)),
            _markdown([report.TARGETS_HEAD, *judged]),
        ]
    )


def ratios(figures: Figures) -> Table:
    """A line for each work, a column for each variant."""
    variants = [name for name in works.ALL if any(variant == name for _, variant in figures.samples)]
    found: Table = [("work", *variants)]
    for work in dict.fromkeys(work for work, _ in figures.samples):
        if figures.median(work, works.BARE, "rate") is not None:
            found.append((work, *(_cell(figures, work, variant) for variant in variants)))
    return found


def _cell(figures: Figures, work: str, variant: str) -> str:
    bare = (work, works.BARE)
    if variant == works.BARE:
        rate, cpu = (figures.median(*bare, what) for what in ("rate", "cpu_us"))
        return f"{rate:,.0f}/s ({cpu:.0f} us)"
    rate, cpu = (figures.ratio((work, variant), bare, what) for what in ("rate", "cpu_us"))
    return "" if rate is None else f"{rate:.2f} ({cpu:.1f})"


def _markdown(rows: Table) -> str:
    head, *lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *lines])


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
