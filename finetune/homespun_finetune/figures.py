"""The figures of a run as rows of text: the one table that screen, page and job summary show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIGURES = (
    ("bits per byte (less is better)", "bits_per_byte", "{:.3f}"),
    ("first line exact", "exact_line", "{:.1%}"),
    ("whole middle exact", "exact_match", "{:.1%}"),
    ("edit similarity", "edit_similarity", "{:.1%}"),
    ("identifier F1", "identifier_f1", "{:.1%}"),
    ("ends by itself", "ends_itself", "{:.1%}"),
    ("typing saved, less dismissals", "typing_balance", "{:.1%}"),
    ("typing accepted", "typing_accepted", "{:.1%}"),
    ("wrong suggestions a line", "wrong_shown", "{:.1f}"),
    ("holes", "holes", "{}"),
    ("of these completed", "completions", "{}"),
    ("lines typed again", "lines", "{}"),
)
_TYPED = ("typing_balance", "typing_accepted", "wrong_shown", "lines")
TITLES = {
    "base": "base",
    "incumbent": "incumbent",
    "candidate": "adapter",
    "alone": "no context",
    "copy": "n-gram",
}
ORDER = ("copy", "alone", "base", "incumbent", "candidate")
UNMEASURED = "-"


def rows(metrics: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """A label and one text a model in each row; the first row names the models, baselines first.

    ``metrics`` by role, as ``--json`` prints them. A row that no model was measured in is left out.
    """
    roles = [role for role in ORDER if isinstance(metrics.get(role), Mapping) and metrics[role]]
    if not roles:
        return []
    found = [("", [TITLES[role] for role in roles])]
    for label, key, form in FIGURES:
        figures = [_figure(metrics[role], key, form) for role in roles]
        if any(figure != UNMEASURED for figure in figures):
            found.append((label, figures))
    return found


def _figure(metrics: Mapping[str, Any], key: str, form: str) -> str:
    """A dash for what was not measured; figures of typing over no line are none."""
    value = metrics.get(key)
    if not isinstance(value, int | float) or (key in _TYPED and not metrics.get("lines")):
        return UNMEASURED
    return form.format(value)
