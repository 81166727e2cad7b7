"""What is memorized: the count, and that a model that learnt a text is found out."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.mining.eval_material import LearntFunction
from homespun_corpus.place import place_at
from homespun_finetune.memorization import PROBED, Probe, compare, probe
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from taught_models import ADAPTER_SAYS, BASE_SAYS, teach
from tiny_models import CODE, tiny_base


def test_only_what_the_base_does_not_know_counts() -> None:
    before = [Probe("a", 3), Probe("b", PROBED), Probe("c", 0), Probe("d", 0)]
    after = [Probe("a", PROBED), Probe("b", PROBED), Probe("c", 49)]
    found = compare(before, after)
    assert (found.probed, found.reproduced, found.functions) == (3, 1, ("a",))
    assert found.longest == PROBED
    assert found.share == pytest.approx(1 / 3)
    assert compare([], []).share == 0


def test_functions_too_short_to_recite_are_passed_over(tmp_path: Path) -> None:
    completer = Completer.load(load_base(str(tiny_base(tmp_path / "tiny"))))
    function = [
        LearntFunction("short", "a.py", "python", "def f():\n    return 1\n"),
        LearntFunction("long", "a.py", "python", CODE),
    ]
    assert [probe_.function for probe_ in probe(completer, function, lambda: True)] == ["long"]
    assert list(probe(completer, function, lambda: False)) == []


def test_a_model_that_was_taught_a_text_recites_it(tmp_path: Path) -> None:
    taught = teach(tmp_path)
    completer = Completer.load(load_base(str(taught.base)))
    place = place_at(CODE[:80], 80, path="a.py", language="python")
    tokens = len(completer.tokens(BASE_SAYS))
    assert completer.memorized(place, BASE_SAYS, 50) == tokens
    assert completer.memorized(place, BASE_SAYS, 3) == 3
    common = len(completer.tokens("return "))
    assert completer.memorized(place, ADAPTER_SAYS, 50) <= common
