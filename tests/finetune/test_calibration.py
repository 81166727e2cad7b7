"""From which probability on suggestions are shown: what answers to validation code move."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_finetune.calibration import DISMISSING, FEWEST, Answer, answers, calibrated
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.callbacks import Settled
from homespun_model.decoding.completing import Suggestion
from homespun_model.decoding.shown_from import LEAST, MOST, ShownFrom
from homespun_model.store.store import AdapterStore
from taught_models import teach

HEAD = "def f():\n    "


def several(count: int, likely: float, keys: int, language: str = "python") -> list[Answer]:
    return [Answer(language, math.log(likely), keys)] * count


def test_few_answers_move_nothing() -> None:
    assert calibrated(several(FEWEST - 1, 0.12, -DISMISSING), 0.1) == ShownFrom(0.1)


def test_wrong_answers_that_were_shown_raise_the_threshold() -> None:
    found = calibrated([*several(60, 0.17, -DISMISSING), *several(20, 0.6, 20)], 0.1)
    assert found == ShownFrom(0.2)


def test_right_answers_that_were_hidden_lower_it() -> None:
    assert calibrated(several(40, 0.06, 15), 0.1) == ShownFrom(0.05)


def test_what_cannot_be_told_stays() -> None:
    assert calibrated(several(200, 0.9, 10), 0.13) == ShownFrom(0.13)
    assert calibrated([Answer("go", -math.inf, 0)] * 200, 0.1) == ShownFrom(0.1)


def test_a_language_has_its_own_where_it_answered_enough() -> None:
    right, wrong = several(60, 0.06, 15, "go"), several(60, 0.25, -DISMISSING, "rust")
    few = several(FEWEST - 1, 0.25, -DISMISSING, "c")
    found = calibrated([*right, *wrong, *few], 0.1)
    assert found.by_language["rust"] >= 0.3
    assert found.least("go") <= math.log(0.06) < found.least("rust")
    assert "c" not in found.by_language and found.least("c") == found.least(None)


@dataclass
class Script:
    """The rest of the line, or something wrong, by turns."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def least_logprob(self, language: str | None) -> float:
        assert language == "python"
        return math.log(LEAST)

    def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion:
        assert settled(guess, math.log(LEAST) - 0.1) and not settled(guess, math.log(LEAST) + 0.1)
        self.asked.append((place.prefix, guess))
        text = guess if len(self.asked) % 2 else "?"
        return Suggestion(text, 0, -0.1, -0.7, -4.0, True, None, "scripted", "end", {})


def hole(middle: str, path: str = "a.py") -> Sample:
    place = Place(path, "python", HEAD, "\n")
    return Sample("r", "c", "b", path, "f", "block", "new", 13, 13 + len(middle), place, middle)


def test_each_line_is_asked_once_somewhere_and_its_answer_is_worth_its_keys() -> None:
    script, holes = (
        Script(),
        [hole(f"total = count + {number}00", f"{number}.py") for number in range(20)],
    )
    found = list(answers(script, [*holes, hole("short")], lambda: True, 0))  # type: ignore[arg-type]
    assert len(found) == len(script.asked) == 20
    assert len({len(guess) for _, guess in script.asked}) > 3
    for answer, (prefix, guess) in zip(found, script.asked, strict=True):
        assert prefix.startswith(HEAD) and (prefix + guess).removeprefix(HEAD).startswith("total")
        assert answer.language == "python" and answer.logprob == -0.7
        assert answer.keys in (len(guess) if len(guess) > 3 else 0, -DISMISSING)
    again = Script()
    list(answers(again, holes, lambda: True, 0))  # type: ignore[arg-type]
    assert again.asked == script.asked


def test_the_clock_ends_it() -> None:
    left = iter([True, True, False])
    holes = [hole(f"total = count + {number}00", f"{number}.py") for number in range(20)]
    assert len(list(answers(Script(), holes, lambda: next(left), 0))) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "0.2",
        {},
        {"likely": "0.2"},
        {"likely": True},
        {"likely": float("nan")},
        {"likely": 0.0},
        {"likely": -1.0},
        {"likely": 0.999},
        {"likely": 0.2**40, "by_language": ["python"]},
        {"by_language": {"python": None, "go": 7.0, "c": 0.0001}},
    ],
)
def test_what_a_manifest_may_not_say_is_not_believed(value: object) -> None:
    assert ShownFrom.from_json(value, 0.1) == ShownFrom(0.1)


def test_what_is_written_is_read() -> None:
    shown_from = ShownFrom(0.2, {"python": LEAST, "go": MOST})
    assert ShownFrom.from_json(shown_from.to_json(), 0.1) == shown_from


def test_a_served_adapter_is_shown_from_what_its_manifest_says(tmp_path: Path) -> None:
    taught = teach(tmp_path)
    base = load_base(str(taught.base))
    revision = taught.publish(AdapterStore(tmp_path / "store"), "team")
    place = Place("a.py", "python", HEAD, "\n")
    usual = Completer.load(base, revision).complete(place)
    assert (usual.text, usual.shown) == (taught.adapter_says, True)
    assert usual.least_logprob == math.log(base.fitted.likely)

    likely = min(MOST, math.exp(usual.line_logprob) / 2)
    says = {"shown_from": {"likely": likely, "by_language": {"go": 0.05}}}
    served = Completer.load(base, replace(revision, manifest=revision.manifest | says))
    assert served.complete(place).least_logprob == math.log(likely)
    assert served.least_logprob("go") == math.log(0.05)
