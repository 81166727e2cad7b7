"""What a run came to in three sentences that anyone understands: learnt, gained, served.

Read from the manifest that is stored beside the adapter. Knows nothing of how it came about.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homespun_finetune.outcome import VERDICTS

_NAMES = {
    "base": "the base",
    "generic": "the generic adapter",
    "incumbent": "the adapter that was served",
}


def in_brief(manifest: Mapping[str, Any], decision: str) -> list[str]:
    """Three sentences, fewer of a run that trained nothing or measured too little."""
    found = [_learnt(manifest), _gained(manifest), VERDICTS.get(decision, "")]
    return [sentence for sentence in found if sentence]


def _learnt(manifest: Mapping[str, Any]) -> str:
    training, counts = _part(manifest, "training"), _part(manifest, "counts")
    if not training:
        return ""
    return (
        f"The adapter has read {_rounded(training.get('tokens'))} tokens of this code, in "
        f"{training.get('samples')} samples of which {counts.get('samples')} were there, cut from "
        f"{counts.get('kept')} functions."
    )


def _gained(manifest: Mapping[str, Any]) -> str:
    metrics = _part(manifest, "metrics")
    evidence = _part(metrics, "evidence")
    against = str(evidence.get("against"))
    gain, before = _part(evidence, "gain"), _part(metrics, against)
    if not gain or not before.get("bits_per_byte"):
        return ""
    value, low, high = (
        100 * gain[key] / before["bits_per_byte"] for key in ("value", "low", "high")
    )
    surely = "surely" if low > 0 or high < 0 else "perhaps by chance"
    less = f"{abs(value):.1f}% {'less' if value >= 0 else 'more'}"
    return (
        f"Code that it never saw surprises it {less} than {_NAMES.get(against, against)}, "
        f"{surely}{_first_lines(before, _part(metrics, 'candidate'))}."
    )


def _first_lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if not (before.get("completions") and after.get("completions")):
        return ""
    was, now = (f"{100 * model['exact_line']:.0f}" for model in (before, after))
    return f"; of 100 first lines it gets {now} right, where {was} were"


def _part(where: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = where.get(key)
    return found if isinstance(found, Mapping) else {}


def _rounded(tokens: object) -> str:
    """Two digits: 1,148,331 is 1,100,000."""
    if not isinstance(tokens, int):
        return "some"
    unit = 10 ** max(0, len(str(tokens)) - 2)
    return f"{round(tokens / unit) * unit:,}"
