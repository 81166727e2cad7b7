"""Why a suggestion is not shown, for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Suggestion

# What the model wrote was cut away, by where it was cut.
CUT = {
    "secret": "the model spelt out what looks like a secret, which is never shown",
    "suffix": "the model only repeats what stands behind the cursor",
    "closer": "the model only closes what is closed behind the cursor",
    "repetition": "the model only repeats itself",
}


def why_not_shown(suggestion: Suggestion) -> str | None:
    """One clause; None where it is shown."""
    if suggestion.stopped == "secret":
        return CUT["secret"]
    if not suggestion.text.strip():
        return CUT.get(suggestion.stopped, "nothing to suggest here: the model ends at once")
    if suggestion.shown:
        return None
    if suggestion.line_logprob < suggestion.least_logprob:
        return (
            "the model is not sure enough: a probability of "
            f"{math.exp(suggestion.line_logprob):.3f} for the first line, less than "
            f"{math.exp(suggestion.least_logprob):.3f}"
        )
    return "it would break the syntax of the code here, or say the rest of the line again"
