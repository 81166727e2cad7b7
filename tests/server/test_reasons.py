"""Every way in which a suggestion may not be shown has words of its own."""

from __future__ import annotations

import math

import pytest
from homespun_model.decoding.completing import Suggestion
from homespun_server.reasons import why_not_shown


@pytest.mark.parametrize(
    ("text", "line", "shown", "stopped", "said"),
    [
        ("return 1", -0.1, True, "end", None),
        ("return 1", math.log(0.05), False, "end", "not sure enough: a probability of 0.050"),
        ("return (", -0.1, False, "end", "break the syntax"),
        ("", 0.0, False, "end", "nothing to suggest here"),
        ("", 0.0, False, "secret", "looks like a secret"),
        ("", 0.0, False, "suffix", "repeats what stands behind"),
        (" ", 0.0, False, "closer", "closes what is closed"),
        ("", 0.0, False, "repetition", "repeats itself"),
    ],
)
def test_why_nothing_is_shown(
    text: str, line: float, shown: bool, stopped: str, said: str | None
) -> None:
    least = math.log(0.1)
    made = Suggestion(text, 0, line, line, least, shown, None, "starter", stopped, {})
    reason = why_not_shown(made)
    assert (said in reason) if said and reason else reason is said
