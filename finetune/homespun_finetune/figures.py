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
# A figure over nothing is none: what has to be there for each.
_OVER = (
    dict.fromkeys(("typing_balance", "typing_accepted", "wrong_shown", "lines"), "lines")
    | dict.fromkeys(("exact_line", "exact_match", "completions"), "completions")
    | dict.fromkeys(("edit_similarity", "identifier_f1", "ends_itself"), "completions")
)
TITLES = {
    "base": "base",
    "generic": "generic",
    "incumbent": "incumbent",
    "candidate": "adapter",
    "copy": "n-gram",
}
ORDER = ("copy", "base", "generic", "incumbent", "candidate")
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
    """A dash for what was not measured."""
    value = metrics.get(key)
    if not isinstance(value, int | float) or not metrics.get(_OVER.get(key, "holes"), 1):
        return UNMEASURED
    return form.format(value)
