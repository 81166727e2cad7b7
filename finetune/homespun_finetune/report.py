"""The report of a run: one HTML file that needs nothing else, for whoever has to believe it.

Three sentences come first, then the decision's reasons, the figures, and completions to look at.
Everything that comes from a repository or a store is escaped, control characters and all, and the
page forbids itself scripts and the network. Knows nothing of how the figures came about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_corpus.mining.sample import Sample

from homespun_finetune import charts
from homespun_finetune.figures import ORDER, TITLES, rows
from homespun_finetune.in_brief import in_brief
from homespun_finetune.show import SHOWN_CONTEXT_LINES, Pair, how_held_out, paired, printable

if TYPE_CHECKING:
    from homespun_model.store.store import Revision

    from homespun_finetune.metrics import HoleResult

REPORT = "report.html"  # beside a revision's adapter
COMPLETIONS = 20  # half of them the most improved, half the most worsened
MOST_RUNS = 12  # in the history
MOST_LINES = 14  # of a completion
_TITLES = {
    "published": "Published",
    "refused": "Refused",
    "undecided": "Not enough evidence",
    "evaluated": "Measured only",
}
_PARTS = (("by_kind", "kind of hole"), ("by_language", "language"))


@dataclass(frozen=True)
class Page:
    """``manifest`` as it will be stored. ``pairs``: what was served or the base, and the adapter.

    ``earlier``: the revisions in the store, oldest first.
    """

    repository: str
    decision: str
    reasons: Sequence[str]
    manifest: dict[str, Any]
    pairs: Sequence[Pair]
    before: str
    """The role on the left of each pair."""
    after: str
    earlier: Sequence[Revision]


def notable(
    holes: Sequence[Sample], before: Sequence[HoleResult], after: Sequence[HoleResult]
) -> list[Pair]:
    """The most improved and the most worsened completions, ten each at most."""
    pairs = paired(holes, before, after)
    better = [pair for pair in pairs if pair.change > 0][: COMPLETIONS // 2]
    worse = [pair for pair in pairs if pair.change < 0][-(COMPLETIONS // 2) :]
    return [*better, *reversed(worse)]


def write(page: Page, *files: Path) -> None:
    """Write the page into each file; OSError where one cannot be written."""
    text = render(page)
    for file in files:
        file.write_text(text, encoding="utf-8")


def render(page: Page) -> str:
    """The page as HTML."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shown"] = printable
    template = resources.files("homespun_finetune").joinpath("report.html.j2")
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        repository=page.repository,
        decision=page.decision,
        title=_TITLES[page.decision],
        sentences=in_brief(page.manifest, page.decision),
        reasons=page.reasons,
        checks=_list(page.manifest, "decision", "checks"),
        facts=list(_facts(page.manifest)),
        headline=rows(_dict(page.manifest, "metrics")),
        edited=rows(_dict(page.manifest, "metrics", "edited")),
        parts=[(title, _part(page, key)) for key, title in _PARTS],
        general=_dict(page.manifest, "metrics", "general"),
        counts=_dict(page.manifest, "counts"),
        rejected=_bars(_dict(page.manifest, "counts", "rejected")),
        pairs=[_shown(pair) for pair in page.pairs],
        titles=TITLES,
        before=page.before,
        after=page.after,
        history=[_row(revision.manifest) for revision in page.earlier][-MOST_RUNS:],
        this_run=_row(page.manifest),
        charts=_charts(page),
    )


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What this was, in a few words each."""
    yield "base", str(_dict(manifest, "base").get("id", ""))
    several = _list(manifest, "repositories")
    for mined in several if len(several) > 1 else [manifest]:
        of = f" of {mined.get('repository')}" if mined is not manifest else ""
        yield f"commit{of}", str(mined.get("commit") or "a plain folder")[:12]
        yield f"held out{of}", how_held_out(_dict(mined, "split"))
    newer = _dict(manifest, "metrics", "newer_than_base")
    if newer:
        of = f"{newer.get('newer')} of {newer.get('holes')} holes"
        yield f"newer than the base ({newer.get('released')})", of
    training = _dict(manifest, "training")
    if training:
        yield "trained on", f"{training.get('samples')} samples, {training.get('tokens')} tokens"
    shown_from = _number(manifest, "shown_from", "likely")
    if shown_from is not None:
        yield "shown from a probability of", f"{shown_from:g}"
    if used := _dict(manifest, "in_use"):
        share = 100 * (_number(used, "acceptance") or 0.0)
        yield "the adapter before, in use", f"{share:.0f}% of {used.get('seen')} seen were taken"
    minutes = _number(manifest, "settings", "minutes")
    if minutes is not None:
        yield "minutes given", f"{minutes:g}"


def _part(page: Page, key: str) -> list[dict[str, Any]]:
    """Before and after apart for each kind or language."""
    metrics = _dict(page.manifest, "metrics")
    before, after = (_dict(metrics, key, role) for role in (page.before, page.after))
    rows = []
    for name in sorted(before.keys() & after.keys()):
        old, new = before[name], after[name]
        change = old["bits_per_byte"] - new["bits_per_byte"]
        rows.append({"name": name, "before": old, "after": new, "change": change})
    return sorted(rows, key=lambda row: -row["before"]["holes"])


def _bars(counts: Mapping[str, Any]) -> list[tuple[str, int, float]]:
    """(name, number, share of the largest), the largest first."""
    numbers = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(name, number, number / numbers[0][1]) for name, number in numbers]


def _shown(pair: Pair) -> dict[str, Any]:
    assert pair.before.completion is not None and pair.after.completion is not None
    context = "\n".join(pair.hole.place.prefix.split("\n")[-SHOWN_CONTEXT_LINES:])
    return {
        "path": printable(pair.hole.path, lines=False),
        "kind": pair.hole.kind,
        "change": 100 * pair.change,
        "context": printable(context),
        "written": _code(pair.hole.middle),
        "before": _code(pair.before.completion.text),
        "after": _code(pair.after.completion.text),
        "before_exact": pair.before.completion.exact_match,
        "after_exact": pair.after.completion.exact_match,
    }


def _code(text: str) -> str:
    lines = printable(text).split("\n")
    more = [f"… {len(lines) - MOST_LINES} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more]) if text.strip() else ""


def _row(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A revision in the history. A store's manifests may say anything: what fits is read."""
    return {
        "name": printable(str(manifest.get("revision", "this run"))[:60], lines=False),
        "created": printable(str(manifest.get("created", ""))[:25], lines=False),
        "outcome": printable(str(_dict(manifest, "decision").get("outcome", ""))[:20], lines=False),
        "against": printable(
            str(_dict(manifest, "metrics", "evidence").get("against", ""))[:20], lines=False
        ),
        "gain": _gain("", manifest, "metrics", "evidence", "gain"),
    }


def _charts(page: Page) -> dict[str, str]:
    """Those pictures for which there is something to draw."""
    drawn = {}
    evidence = _dict(page.manifest, "metrics", "evidence")
    names = [("", str(evidence.get("against")), _gain("", evidence, "gain"))]
    names += [
        ("", role, _gain("", evidence, "rivals", role, "gain"))
        for role in ORDER
        if role in _dict(evidence, "rivals")
    ]
    rows = [
        charts.Gain(f"over {TITLES.get(role, role)}", gain.value, gain.low, gain.high)
        for _, role, gain in names
        if gain is not None
    ]
    if rows:
        drawn["gains"] = charts.gains(rows)
    points = [
        (point["step"], point["loss"]) for point in _list(page.manifest, "training", "points")
    ]
    if len(points) > 1:
        drawn["losses"] = charts.losses(points, _number(page.manifest, "training", "best_step"))
    runs = [_row(revision.manifest)["gain"] for revision in page.earlier]
    runs = [run for run in [*runs, _row(page.manifest)["gain"]] if run is not None][-MOST_RUNS:]
    if len(runs) > 1:
        numbered = enumerate(runs, 1)
        drawn["history"] = charts.history(
            [charts.Gain(str(n), run.value, run.low, run.high) for n, run in numbered]
        )
    return drawn


def _gain(name: str, where: Mapping[str, Any], *path: str) -> charts.Gain | None:
    value, low, high = (_number(where, *path, part) for part in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return None
    return charts.Gain(name, value, low, high)


def _find(where: Any, *path: str) -> Any:
    for key in path:
        where = where.get(key) if isinstance(where, Mapping) else None
    return where


def _dict(where: Any, *path: str) -> dict[str, Any]:
    found = _find(where, *path)
    return dict(found) if isinstance(found, Mapping) else {}


def _list(where: Any, *path: str) -> list[Any]:
    found = _find(where, *path)
    return list(found) if isinstance(found, list | tuple) else []


def _number(where: Any, *path: str) -> float | None:
    found = _find(where, *path)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None
