"""The figures as bars: an SVG of a few kilobytes that follows the reader's light or dark theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from bench.http import works
from bench.http.report import Figures

WORKS = (works.MODAL_16, works.MODAL_48, works.MANY_NAME, works.MONTH_NAME, works.WALL_NAME)
WIDTH, LEFT, RIGHT = 820, 210, 60
BAR, GAP, GROUP_GAP, TOP, BOTTOM = 16, 4, 34, 50, 20
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .work { font-weight: 600 }
  .bar { fill: #8c959f }
  .ours { fill: #0969da }
  .one { stroke: #24292f; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .bar { fill: #6e7681 }
    .ours { fill: #4493f8 }
    .one { stroke: #e6edf3 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """ours: drawn in the colour of this server."""

    label: str
    value: float
    ours: bool


def svg(figures: Figures, variants: Sequence[str] = works.ALL) -> str:
    """Requests a second of each work, as multiples of bare aiohttp's."""
    groups = {work: _bars(figures, work, variants) for work in WORKS}
    groups = {work: bars for work, bars in groups.items() if bars}
    most = max((bar.value for bars in groups.values() for bar in bars), default=1.0)
    scale = (WIDTH - LEFT - RIGHT) / max(1.0, most)
    y, parts = TOP, list[str]()
    for work, bars in groups.items():
        parts.append(f'<text class="work" x="0" y="{y}">{escape(work)}</text>')
        y += 10
        for bar in bars:
            parts += _drawn(bar, y, bar.value * scale)
            y += BAR + GAP
        y += GROUP_GAP
    height = y - GROUP_GAP + BOTTOM
    one = LEFT + scale
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
            "<title>Requests a second, as multiples of bare aiohttp's that returns ready bytes</title>",
            f"<style>{STYLE}</style>",
            f'<text x="0" y="18">Requests a second; 1 = {works.BARE}, which returns ready bytes</text>',
            *parts,
            f'<line class="one" x1="{one:.1f}" y1="{TOP}" x2="{one:.1f}" y2="{height - BOTTOM}"/>',
            "</svg>\n",
        ]
    )


def _bars(figures: Figures, work: str, variants: Sequence[str]) -> list[Bar]:
    ours = {one.name for one in works.VARIANTS if one.server in works.OURS}
    found = [(name, figures.ratio((work, name), (work, works.BARE))) for name in variants]
    return [Bar(name, value, name in ours) for name, value in found if value is not None]


def _drawn(bar: Bar, y: int, width: float) -> list[str]:
    words = y + BAR - 4
    return [
        f'<text x="{LEFT - 8}" y="{words}" text-anchor="end">{escape(bar.label)}</text>',
        f'<rect class="bar{" ours" if bar.ours else ""}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>',
        f'<text x="{LEFT + width + 6:.1f}" y="{words}">{bar.value:.2f}</text>',
    ]
