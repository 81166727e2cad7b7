"""Three sentences about a run, from what is stored of it."""

from __future__ import annotations

from typing import Any

import pytest
from homespun_finetune.in_brief import in_brief

MANIFEST: dict[str, Any] = {
    "training": {"tokens": 1_148_331, "samples": 1696},
    "counts": {"samples": 5159, "kept": 2831},
    "metrics": {
        "generic": {"bits_per_byte": 0.5, "exact_line": 0.34, "completions": 60},
        "candidate": {"bits_per_byte": 0.45, "exact_line": 0.393, "completions": 60},
        "evidence": {"against": "generic", "gain": {"value": 0.05, "low": 0.01, "high": 0.09}},
    },
}


def with_gain(value: float, low: float, high: float) -> dict[str, Any]:
    gain = {"value": value, "low": low, "high": high}
    evidence = {"against": "generic", "gain": gain}
    return MANIFEST | {"metrics": MANIFEST["metrics"] | {"evidence": evidence}}


def test_what_was_learnt_what_is_gained_and_whether_it_is_served() -> None:
    learnt, gained, served = in_brief(MANIFEST, "published")
    assert "1,100,000 tokens" in learnt and "1696 samples of which 5159 were there" in learnt
    assert "10.0% less than the generic adapter, surely" in gained
    assert "of 100 first lines it gets 39 right, where 34 were." in gained
    assert served == "Published: the adapter is better and is served from now on."


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ((0.01, -0.01, 0.03), "2.0% less than the generic adapter, perhaps by chance"),
        ((-0.05, -0.08, -0.02), "10.0% more than the generic adapter, surely"),
    ],
)
def test_a_gain_that_is_none_is_called_so(gain: tuple[float, float, float], said: str) -> None:
    assert said in in_brief(with_gain(*gain), "undecided")[1]


def test_what_was_not_done_is_not_told() -> None:
    assert in_brief({"metrics": {"base": {"bits_per_byte": 0.5}}}, "evaluated") == [
        "Measured only: nothing was trained, nothing has changed."
    ]
    assert len(in_brief({"training": {"tokens": "x"}, "metrics": 3}, "refused")) == 2
