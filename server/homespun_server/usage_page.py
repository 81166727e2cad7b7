"""The page that ``homespun usage --html`` writes: two tables and two drawings, in one file.

Drawn here, in SVG: what draws charts elsewhere is no part of what serving installs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from homespun_model.usage.summary import Grouped, Row
from homespun_model.usage.verdict import Verdict

from homespun_server.usage_cells import HEADINGS, called, cells, percent

WIDTH, HEIGHT, LEFT = 640, 140, 40
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 14px; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
figcaption, .note { opacity: .75; } text { font-size: 11px; fill: currentColor; }
rect { fill: #2a7de1; } line { stroke: currentColor; opacity: .3; }
:root { color-scheme: light dark; }
"""


def page(
    days: int,
    whole: Row,
    groups: Mapping[str, Mapping[Grouped, Row]],
    by_day: Mapping[Grouped, Row],
    verdicts: Sequence[Verdict],
) -> str:
    """One HTML page that needs nothing else."""
    return "\n".join(_parts(days, whole, groups, by_day, verdicts)) + "\n"


def _parts(
    days: int,
    whole: Row,
    groups: Mapping[str, Mapping[Grouped, Row]],
    by_day: Mapping[Grouped, Row],
    verdicts: Sequence[Verdict],
) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><title>Homespun: usage</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    yield f"<h1>Suggestions in the last {days} days</h1>"
    taken = percent(whole.taken / whole.seen if whole.seen else None)
    yield (
        f"<p><b>{taken}</b> of {whole.seen:,} suggestions that were seen were taken, which saved "
        f"{whole.saved:,} keystrokes. <b>{percent(whole.after_5m)}</b> of what was taken still "
        "stood five minutes later.</p>"
    )
    for verdict in verdicts:
        yield f"<p>{escape(str(verdict))}</p>"
    ordered = [(str(key[0]), row) for key, row in sorted(by_day.items(), key=lambda p: str(p[0]))]
    shares = [(day, row.taken / row.seen if row.seen else 0.0) for day, row in ordered]
    yield _bars("Taken, of those seen, by day", shares, percent)
    saved = [(day, float(row.saved)) for day, row in ordered]
    yield _bars("Keystrokes saved, by day", saved, lambda value: f"{value or 0:,.0f}")
    for name, of in groups.items():
        yield _table(f"by {name}", of)
    yield (
        '<p class="note">Seen: it stood for a tenth of a second, or was begun to be taken. Taken: '
        "with a key that accepts all, a line or a word. Counted on this machine alone; no code and "
        "no paths are kept.</p>"
    )


def _table(title: str, of: Mapping[Grouped, Row]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in (title, *HEADINGS))
    rows = (
        "".join(f"<td>{escape(cell)}</td>" for cell in (called(key), *cells(row)))
        for key, row in of.items()
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _bars(title: str, values: Sequence[tuple[str, float]], tell: object) -> str:
    """A bar for each day; the tallest says how much it is."""
    assert callable(tell)
    most = max((value for _, value in values), default=0.0)
    if not most:
        return ""
    step = min(40.0, (WIDTH - LEFT) / len(values))
    drawn = [
        f'<text x="0" y="12">{escape(str(tell(most)))}</text>'
        f'<line x1="{LEFT}" y1="8" x2="{WIDTH}" y2="8"/>'
        f'<line x1="{LEFT}" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>'
    ]
    for place, (day, value) in enumerate(values):
        tall = (HEIGHT - 8) * value / most
        x, width = LEFT + place * step, max(1.0, step - 3)
        drawn.append(
            f'<rect x="{x:.1f}" y="{HEIGHT - tall:.1f}" width="{width:.1f}" height="{tall:.1f}">'
            f"<title>{escape(day)}: {escape(str(tell(value)))}</title></rect>"
        )
    ends = [(LEFT, values[0][0], "start")] + (
        [(LEFT + len(values) * step, values[-1][0], "end")] if len(values) > 4 else []
    )
    drawn += [
        f'<text x="{x:.0f}" y="{HEIGHT + 14}" text-anchor="{anchor}">{escape(day)}</text>'
        for x, day, anchor in ends
    ]
    view = f"0 0 {WIDTH} {HEIGHT + 20}"
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="{view}" role="img" '
        f'aria-label="{escape(title)}" width="{WIDTH}">{"".join(drawn)}</svg></figure>'
    )
