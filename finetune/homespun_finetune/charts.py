"""Charts for the report: small pictures as SVG text, in the colours of the page that holds them.

Drawn in stand-in colours, which are replaced by the page's own variables: so one picture suits
light and dark. Only our own words are written into them. Knows no HTML.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Stand-ins, no two alike and none that matplotlib would choose by itself.
INK, FAINT, GOOD, BAD, ACCENT = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {INK: "ink", FAINT: "line", GOOD: "good", BAD: "bad", ACCENT: "accent"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "savefig.transparent": True,
}


@dataclass(frozen=True, slots=True)
class Gain:
    """A difference with its interval, under a name of ours; above zero is better."""

    name: str
    value: float
    low: float
    high: float

    @property
    def colour(self) -> str:
        """Good or bad only where the whole interval says so."""
        return GOOD if self.low > 0 else BAD if self.high < 0 else INK


def gains(rows: Sequence[Gain]) -> str:
    """Bits per byte saved against each rival, one row each, with its interval."""
    with _figure("gains", height=0.5 + 0.36 * len(rows)) as (axes, done):
        axes.axvline(0, color=INK, linewidth=0.8)
        for at, row in enumerate(reversed(rows)):
            axes.plot([row.low, row.high], [at, at], color=row.colour, linewidth=2)
            axes.plot([row.value], [at], "o", color=row.colour, markersize=6)
        axes.set_yticks(range(len(rows)), [row.name for row in reversed(rows)])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("bits per byte saved, with its 95% interval (right of zero is better)")
        axes.grid(axis="x", linewidth=0.5)
    return done[0]


def losses(points: Sequence[tuple[float, float]], best: float | None) -> str:
    """Validation loss by step; ``best`` is the step whose state became the adapter."""
    with _figure("losses", height=2.4) as (axes, done):
        axes.plot(*zip(*points, strict=True), "-o", color=ACCENT, linewidth=1.6, markersize=3.5)
        chosen = [point for point in points if point[0] == best]
        if chosen:
            axes.plot(*chosen[0], "o", color=GOOD, markersize=8)
            axes.annotate("kept", chosen[0], (0, 8), textcoords="offset points", ha="center")
        axes.margins(y=0.2)
        axes.set_xlabel("step")
        axes.set_ylabel("validation loss, nats a token")
        axes.grid(axis="y", linewidth=0.5)
    return done[0]


def history(runs: Sequence[Gain]) -> str:
    """What each run gained over what was served then, oldest first."""
    with _figure("history", height=2.2) as (axes, done):
        axes.axhline(0, color=INK, linewidth=0.8)
        for at, run in enumerate(runs):
            axes.plot([at, at], [run.low, run.high], color=run.colour, linewidth=2)
            axes.plot([at], [run.value], "o", color=run.colour, markersize=6)
        axes.set_xticks(range(len(runs)), [run.name for run in runs])
        axes.set_xlim(-0.6, max(len(runs), 4) - 0.4)
        axes.set_ylabel("bits per byte saved")
        axes.grid(axis="y", linewidth=0.5)
    return done[0]


@contextmanager
def _figure(name: str, *, height: float) -> Iterator[tuple[Any, list[str]]]:
    """Axes to draw on, and where the finished picture will be."""
    import matplotlib
    from matplotlib.figure import Figure

    done: list[str] = []
    style: Any = {**_STYLE, "svg.hashsalt": name}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(7.2, height), layout="constrained")
        yield figure.add_subplot(), done
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    done.append(_inlined(drawn.getvalue()))


def _inlined(svg: str) -> str:
    """The picture alone, as it may stand in a page, without what only a file of its own needs."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 role="img"', svg, count=1)
    for stand_in, variable in _VARIABLES.items():
        svg = svg.replace(stand_in, f"var(--{variable})")
    return svg
