"""The end of a run, for people: the decision, one table, three completions side by side.

The three are chosen by rule and the rule is printed: the held-out hole that improved most, the one
in the middle, and the one that got worse most. Knows nothing of how the figures came about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homespun_corpus.mining.sample import Sample
from rich.console import Console
from rich.table import Table
from rich.text import Text

from homespun_finetune.figures import rows
from homespun_finetune.holdout import hole_id
from homespun_finetune.metrics import HoleResult, Metrics
from homespun_finetune.outcome import Outcome
from homespun_finetune.progress import clock

if TYPE_CHECKING:
    from homespun_finetune.train import Trained

SHOWN_LINES = 10  # of a completion; the rest is counted
SHOWN_CONTEXT_LINES = 3  # before the cursor
UNUSED_SHARE = 0.15  # of the time for training: less than that is what a plan keeps back

_STYLES = {"published": "bold green", "refused": "bold red", "undecided": "bold yellow"}


@dataclass(frozen=True, slots=True)
class Pair:
    """One held-out hole under two models."""

    why: str
    hole: Sample
    before: HoleResult
    after: HoleResult

    @property
    def change(self) -> float:
        """In edit similarity."""
        before, after = _similarity(self.before), _similarity(self.after)
        assert before is not None and after is not None
        return after - before


def decision(console: Console, outcome: Outcome, sentences: Sequence[str] = ()) -> None:
    """The verdict, what it means, its reasons, and where the adapter is."""
    style = _STYLES.get(outcome.decision, "bold")
    console.print()
    console.print(Text(outcome.decision.upper(), style=style), end=" ")
    where = f"{outcome.repository}, base {outcome.base}"
    revision = f", revision {outcome.revision}" if outcome.revision else ""
    console.print(where + revision, markup=False, soft_wrap=True)
    for sentence in sentences:
        console.print(sentence, soft_wrap=True, markup=False)
    for reason in outcome.reasons:
        console.print(f"  - {reason}", soft_wrap=True, markup=False)


def table(console: Console, metrics: Mapping[str, Metrics]) -> None:
    """Every model and baseline on the same held-out holes, the baselines first."""
    found = rows({role: model.to_json() for role, model in metrics.items()})
    if not found:
        return
    (_, models), *figures = found
    grid = Table(title="On held-out code", title_justify="left")
    grid.add_column("")
    for name in models:
        grid.add_column(name, justify="right")
    for label, texts in figures:
        grid.add_row(label, *texts)
    console.print(grid)


def counts(console: Console, repository: str, mined: Mapping[str, Any]) -> None:
    """What mining found, what it left out and why, and how the held-out code was chosen."""
    found = mined["counts"]
    said = [
        f"{repository}: {found['functions']} functions, {found['kept']} kept for training in "
        f"{found['samples']} samples; {found['held_out']} held-out functions, {_splits(mined)}"
    ]
    said += [_scope(one) for one in mined["repositories"] if one["scope"]]
    for reason, number in sorted(found["rejected"].items(), key=lambda item: (-item[1], item[0])):
        said.append(f"  left out as {reason}: {number}")
    for line in said:
        console.print(line, soft_wrap=True, markup=False)


def _scope(repository: Mapping[str, Any]) -> str:
    """Which part of a large repository was mined."""
    scope = repository["scope"]
    return (
        f"  of {repository['repository']} the {scope['files']} files that changed last were mined, "
        f"{scope['bytes'] / 1e6:.1f} of {scope['of_bytes'] / 1e6:.1f} MB: more --minutes mine more"
    )


def _splits(mined: Mapping[str, Any]) -> str:
    several = mined["repositories"]
    if len(several) == 1:
        return how_held_out(mined["split"])
    return "; ".join(f"of {one['repository']} {how_held_out(one['split'])}" for one in several)


def how_held_out(split: Mapping[str, Any]) -> str:
    """Which code is held out, by the split of a manifest."""
    if split.get("kind") == "time":
        return f"newer than {str(split.get('train_commit'))[:12]}"
    return "whole files, for there is too little history to split by"


def trained(run: Trained) -> str:
    """One line about a training run."""
    said = (
        f"trained {run.made} steps over {run.samples} samples, {run.tokens / 1000:.0f} thousand "
        f"tokens at {run.budget.tokens_per_second:.0f} a second in {run.budget.precision}"
    )
    if not run.points:
        return said
    best = min(run.points, key=lambda point: point.loss)
    why = {"validation": ", no gain after", "time": ", stopped by the clock"}.get(run.stopped, "")
    return (
        f"{said}; validation loss {run.points[0].loss:.3f} → {best.loss:.3f} nats a token "
        f"at step {best.step}{why}"
    )


def unused(run: Trained, seconds: float, count: int) -> str | None:
    """What was left of a training's time, and why; None where that is little. ``count``: of the
    samples that there were."""
    if seconds < UNUSED_SHARE * run.budget.seconds or run.stopped == "time":
        return None
    why = "too little for another step"
    if run.stopped == "validation":
        why = "nothing more was gained"
    elif run.samples + run.samples // run.made > count:
        why = "there was no more to read"
    return f"{clock(seconds)} of the time for training were not used: {why}"


def paired(
    holes: Sequence[Sample], before: Sequence[HoleResult], after: Sequence[HoleResult]
) -> list[Pair]:
    """Every hole that two models completed to the end, the most improved first."""
    by_id = {hole_id(hole): hole for hole in holes}
    return sorted(
        (
            Pair("", by_id[old.hole], old, new)
            for old, new in zip(before, after, strict=True)
            if _similarity(old) is not None and _similarity(new) is not None
        ),
        key=lambda pair: (-pair.change, pair.before.hole),
    )


def _similarity(result: HoleResult) -> float | None:
    return result.completion.edit_similarity if result.completion else None


def choose(
    holes: Sequence[Sample], before: Sequence[HoleResult], after: Sequence[HoleResult]
) -> list[Pair]:
    """The most improved, the median and the most worsened of these; fewer if few."""
    pairs = paired(holes, before, after)
    names = ("most improved", "in the middle", "most worsened")
    picks = dict(zip((0, len(pairs) // 2, len(pairs) - 1), names, strict=True)) if pairs else {}
    return [Pair(why, pairs[n].hole, pairs[n].before, pairs[n].after) for n, why in picks.items()]


def completions(
    console: Console, pairs: Sequence[Pair], metrics: Metrics | None, before: str = "base"
) -> None:
    """What was written, what ``before`` and what the adapter would have suggested."""
    if not pairs or metrics is None:
        return
    console.print(
        f"{len(pairs)} of {metrics.whole_completions} completed holes, chosen by the change in "
        "edit similarity: the most improved, the one in the middle, the most worsened.",
        soft_wrap=True,
    )
    for pair in pairs:
        console.print()
        console.print(
            f"{pair.why} ({100 * pair.change:+.0f} points): "
            f"{printable(pair.hole.path, lines=False)}, {pair.hole.kind}",
            soft_wrap=True,
            markup=False,
        )
        above = "\n".join(pair.hole.place.prefix.split("\n")[-SHOWN_CONTEXT_LINES:])
        console.print(Text(printable(above), style="dim"), soft_wrap=True)
        console.print(_side_by_side(pair, before))


def _side_by_side(pair: Pair, before: str) -> Table:
    grid = Table(expand=True)
    assert pair.before.completion is not None and pair.after.completion is not None
    columns = {
        "written": pair.hole.middle,
        before: pair.before.completion.text,
        "adapter": pair.after.completion.text,
    }
    for name in columns:
        grid.add_column(name, ratio=1, overflow="fold")
    grid.add_row(*(_code(text) for text in columns.values()))
    return grid


def _code(text: str) -> Text:
    """Code as it is, without control characters, shortened to a few lines."""
    lines = printable(text).split("\n")
    shown = lines[:SHOWN_LINES]
    if len(lines) > SHOWN_LINES:
        shown.append(f"… {len(lines) - SHOWN_LINES} more lines")
    return Text("\n".join(shown) if text.strip() else "(nothing)")


def printable(text: str, *, lines: bool = True) -> str:
    """Without what a terminal or a browser might obey: a repository's code is not ours."""
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else "�" for c in text.expandtabs(4))
