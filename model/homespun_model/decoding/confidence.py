"""How far a suggestion is likely enough to be shown, by its own tokens' probabilities.

A mean over the tokens calls a long copy sure whose first words are a guess, so what counts is the
product: the probability that all of it is right. Knows no model.
"""

from __future__ import annotations

from collections.abc import Sequence

TokenStarts = Sequence[tuple[int, float]]
"""Where in a text each of its tokens begins, and the token's natural log-probability."""


def logprob(text: str, starts: TokenStarts) -> float:
    """Of the tokens that begin in ``text``, the beginning of what was decoded; 0 of none."""
    return sum(logprob for start, logprob in starts if start < len(text))


def mean_logprob(text: str, starts: TokenStarts) -> float:
    """Of one of these tokens."""
    return logprob(text, starts) / max(1, sum(start < len(text) for start, _ in starts))


def likely_lines(text: str, starts: TokenStarts, least: float) -> str:
    """``text`` as far as its log-probability is ``least``, in whole lines, its first one always."""
    kept, _, rest = text.partition("\n")
    for line in rest.split("\n") if rest else ():
        longer = f"{kept}\n{line}"
        if logprob(longer, starts) < least:
            return kept.rstrip()
        kept = longer
    return text
