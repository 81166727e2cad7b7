"""Typing a line again: what is shown, taken and dismissed, key by key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_finetune.holdout import ServedModel
from homespun_finetune.metrics import WRONG_SHOWN_COST, SimulatedLine
from homespun_finetune.typing_simulation import (
    MIN_TYPED,
    WORTH_A_KEY,
    TypedLine,
    line_of,
    simulate_line,
)
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.callbacks import Settled
from homespun_model.decoding.completing import Suggestion
from homespun_model.decoding.ngram_index import NgramIndex
from taught_models import BASE_SAYS, teach

HEAD = "def f():\n    "


@dataclass
class Script:
    """Answers by what has been typed; where it has none, nothing is shown."""

    answers: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def least_logprob(self, language: str | None) -> float:
        assert language == "python"
        return -2.3

    def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion:
        typed = place.prefix.removeprefix(HEAD)
        assert guess and settled(guess, -2.4) and not settled(guess, -2.2)
        self.asked.append(typed)
        text = self.answers.get(typed, "")
        return Suggestion(text, 0, -0.1, -0.2, -2.3, bool(text), None, "scripted", "end", {})


def typed(text: str, answers: dict[str, str]) -> tuple[SimulatedLine, list[str]]:
    script = Script(answers)
    line = TypedLine("1", Place("a.py", "python", HEAD, "\n"), text)
    result = simulate_line(script, line)  # type: ignore[arg-type]
    assert result is not None
    return result, script.asked


def test_a_right_suggestion_is_taken_at_once() -> None:
    result, asked = typed("return total", {"": "return total"})
    assert (result.accepted, result.dismissed, result.saved) == (12, 0, 12)
    assert asked == [""]


def test_the_beginning_of_the_line_is_right_too() -> None:
    result, asked = typed("return total", {"": "return "})
    assert result.accepted == len("return")
    assert asked[:2] == ["", "return"]


def test_a_suggestion_stays_while_the_typed_text_agrees() -> None:
    result, asked = typed("return total", {"": "return count"})
    assert asked[:2] == ["", "return t"]
    assert (result.accepted, result.dismissed, result.saved) == (0, 1, -WRONG_SHOWN_COST)


def test_what_is_wrong_at_once_is_dismissed_at_once() -> None:
    result, asked = typed("return total", {"": "pass", "r": "eturn total"})
    assert asked == ["", "r"]
    assert (result.accepted, result.dismissed) == (11, 1)


def test_a_few_characters_are_typed_not_taken() -> None:
    short = "return total"[-WORTH_A_KEY + 1 :]
    result, _ = typed("return total", {"return total"[: -len(short)]: short})
    assert (result.accepted, result.dismissed) == (0, 0)


def test_of_more_lines_the_first_has_to_be_the_rest() -> None:
    assert typed("return total", {"": "return total\nx = 1"})[0].accepted == 12
    assert typed("return total + 1", {"": "return total\nx = 1"})[0].accepted == 0


def test_nothing_shown_is_asked_for_at_every_key() -> None:
    result, asked = typed("x = 1", {})
    assert asked == ["", "x", "x ", "x =", "x = "]
    assert (result.asked, result.saved, result.characters) == (5, 0, 5)


def test_a_line_that_is_not_typed_in_time_does_not_count() -> None:
    left, script = [True, True, True, False], Script({})
    line = TypedLine("1", Place("a.py", "python", HEAD, "\n"), "x = 1")
    assert simulate_line(script, line, lambda: left.pop(0)) is None  # type: ignore[arg-type]
    assert left == [] and script.asked == ["", "x", "x "]


def test_a_taught_model_saves_the_line_it_was_taught(tmp_path: Path) -> None:
    taught = teach(tmp_path)
    completer = Completer.load(load_base(str(taught.base)))
    place = Place("a.py", "python", "def area(width, height):\n    ", "\n")
    line = TypedLine("1", place, BASE_SAYS)
    result = simulate_line(ServedModel(completer, NgramIndex()), line)
    assert result is not None and result.accepted == len(BASE_SAYS)


def test_ending_what_would_not_be_shown_changes_no_line(tmp_path: Path) -> None:
    """Lines that a model knows, and lines that it does not; with what it read before and anew."""
    taught = teach(tmp_path)
    completer, index = Completer.load(load_base(str(taught.base))), NgramIndex()

    class Patient(ServedModel):
        def complete(self, place: Place, *, guess: str, settled: Settled) -> Suggestion:
            del guess, settled
            return completer.complete(place, ngrams=index)

    for text in (BASE_SAYS, "return width + height", "raise ValueError(width)"):
        line = TypedLine("1", Place("a.py", "python", HEAD, "\n"), text)
        quick = simulate_line(ServedModel(completer, index), line)
        assert quick == simulate_line(Patient(completer, index), line)


def hole(middle: str, suffix: str = "\n") -> Sample:
    place = Place("a.py", "python", HEAD, suffix)
    return Sample("r", "c", "b", "a.py", "f", "block", "new", 13, 13 + len(middle), place, middle)


def test_the_line_of_a_hole_begins_where_its_text_does() -> None:
    line = line_of(hole("\n    if total:\n        return total"), "name")
    assert line == TypedLine("name", Place("a.py", "python", HEAD + "\n    ", "\n"), "if total:")
    assert (line_of(hole("return total  \r\nx"), "") or line).text == "return total"


def test_what_ends_inside_a_line_or_is_short_is_not_typed() -> None:
    assert line_of(hole("total + count", ")\n"), "") is None
    assert line_of(hole("total + count\n    )", ")\n"), "") is not None
    assert line_of(hole("x" * (MIN_TYPED - 1)), "") is None
    assert line_of(hole("x" * MIN_TYPED, "  \nreturn"), "") is not None
    assert line_of(hole("\n  \n"), "") is None
