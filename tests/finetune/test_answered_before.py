"""What was answered in an earlier run is not asked again, and is the same answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_finetune.answered_before import KEPT, AnsweredBefore
from homespun_finetune.metrics import Completion, HoleResult, SimulatedLine

RESULT = HoleResult(
    "a.py@1:3-4",
    "a.py",
    "python",
    "line",
    6,
    12.25,
    6,
    Completion("x = 1", True, False, 0.5, None, True),
)
SCORED = HoleResult("a.py@1:3-4", "a.py", "python", "line", 6, 12.25, 6)
LINE = SimulatedLine("a.py@1:3-4", "a.py", "python", 12, 8, 1, 3)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    return tmp_path / "answers"


def hole(middle: str = "x = 1\n") -> Sample:
    place = Place("a.py", "python", "def f():\n    ", "\n")
    return Sample("r", "c", "b", "a.py", "f", "line", "new", 13, 13 + len(middle), place, middle)


def asked(answer: object, count: list[int]) -> Callable[[], object]:
    def ask() -> object:
        count.append(1)
        return answer

    return ask


def answer_all(before: AnsweredBefore) -> tuple[list[object], int]:
    count: list[int] = []
    found = [
        before.answer(hole(), "completed", asked(RESULT, count))[0],  # type: ignore[arg-type]
        before.answer(hole(), "scored", asked(SCORED, count))[0],  # type: ignore[arg-type]
        before.answer(hole("y\n"), "scored", asked(SCORED, count))[0],  # type: ignore[arg-type]
        before.line(hole(), asked(LINE, count))[0],  # type: ignore[arg-type]
    ]
    return found, len(count)


def test_another_run_asks_nothing_again() -> None:
    wanted = [RESULT, SCORED, SCORED, LINE]
    assert answer_all(AnsweredBefore.about({"base": "1"})) == (wanted, 4)
    assert answer_all(AnsweredBefore.about({"base": "1"})) == (wanted, 0)
    assert answer_all(AnsweredBefore.about({"base": "2"})) == (wanted, 4)


def test_the_seconds_are_those_that_it_took() -> None:
    first = AnsweredBefore.about({})
    _, seconds = first.answer(hole(), "scored", lambda: SCORED)
    assert AnsweredBefore.about({}).answer(hole(), "scored", lambda: SCORED) == (SCORED, seconds)


def test_what_was_not_finished_is_asked_again() -> None:
    first = AnsweredBefore.about({})
    assert first.line(hole(), lambda: None)[0] is None
    assert first.line(hole(), lambda: LINE)[0] == LINE
    assert AnsweredBefore.about({}).line(hole(), lambda: None)[0] == LINE


@pytest.mark.parametrize(
    "damage",
    [
        b'{"question": "scored',
        b"\xff\xfe\x00",
        b"[]",
        b'{"question": 3, "seconds": 1, "answer": {}}',
        b'{"question": "line x", "seconds": "soon", "answer": {}}',
        b'{"question": "scored x", "seconds": 1, "answer": {"completion": null, "more": 1}}',
        b"[" * 100_000,
    ],
)
def test_a_torn_or_foreign_line_is_not_there(folder: Path, damage: bytes) -> None:
    answer_all(AnsweredBefore.about({}))
    file = next(folder.iterdir())
    file.write_bytes(damage + file.read_bytes() + b"\n" + damage)
    assert answer_all(AnsweredBefore.about({}))[1] == 0
    file.write_bytes(file.read_bytes()[: -len(damage) - 7])
    assert answer_all(AnsweredBefore.about({}))[1] == 1
    assert answer_all(AnsweredBefore.about({}))[1] == 0


def test_without_a_place_to_write_everything_is_asked(folder: Path) -> None:
    folder.write_text("in the way")
    assert answer_all(AnsweredBefore.about({}))[1] == 4
    assert answer_all(AnsweredBefore.about({}))[1] == 4


def test_old_files_go(folder: Path) -> None:
    for number in range(KEPT + 5):
        answer_all(AnsweredBefore.about({"number": number}))
    assert len(list(folder.iterdir())) == KEPT
    assert answer_all(AnsweredBefore.about({"number": KEPT + 4}))[1] == 0
