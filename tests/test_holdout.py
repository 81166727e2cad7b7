"""The exam: which holes, in which order, cut to what all models did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place, Related
from homespun_finetune.holdout import (
    HoldoutSet,
    NoContextBaseline,
    ServedModel,
    breakdown,
    compare_with_middle,
    held_out,
    hole_id,
    in_common,
)
from homespun_finetune.metrics import HoleResult, compare
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer, Suggestion
from homespun_model.decoding.ngram_index import NgramIndex
from tiny_models import tiny_base


def sample(path: str, start: int, middle: str = "x = 1", **changes: object) -> Sample:
    made = Sample(
        repository="r",
        commit="c",
        blob_id=f"{path}-blob",
        path=path,
        function="f",
        kind="line",
        novelty="new",
        start=start,
        end=start + len(middle),
        place=Place(path, "python", "def f():\n    ", "\n"),
        middle=middle,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_holes_go_round_the_files() -> None:
    samples = [sample("big.py", n) for n in range(50)] + [sample(f"{n}.py", 0) for n in range(5)]
    order = held_out(samples, "new", seed=0)
    assert len({hole.path for hole in order[:6]}) == 6
    assert len(order) == 55
    assert order == held_out(list(reversed(samples)), "new", seed=0)
    assert order != held_out(samples, "new", seed=1)


def test_only_real_holes_of_the_wanted_novelty() -> None:
    samples = [
        sample("a.py", 0),
        sample("a.py", 1, novelty="edited"),
        sample("a.py", 2, kind="plain"),
        sample("a.py", 3, middle="  \n"),
    ]
    assert [hole.start for hole in held_out(samples, "new", seed=0)] == [0]
    assert [hole.start for hole in held_out(samples, "edited", seed=0)] == [1]


def result(number: int, completed: bool) -> HoleResult:
    judged = compare("a", "a", ends_itself=True) if completed else None
    return HoleResult(str(number), "a.py", "python", "line", 1, 1.0, 1, judged)


def test_what_all_models_did() -> None:
    base = tuple(result(n, completed=n < 4) for n in range(6))
    slower = tuple(result(n, completed=n < 2) for n in range(5))
    for sheet in in_common([base, slower]):
        assert len(sheet) == 5
        assert [r.completion is not None for r in sheet] == [True, True, False, False, False]


def test_the_next_model_sits_what_the_first_did() -> None:
    exam = HoldoutSet(tuple(sample("a.py", n) for n in range(9)), scored=400, completed=150)
    again = exam.as_answered([result(n, completed=n < 2) for n in range(5)])
    assert (again.scored, again.completed) == (5, 2)


def test_breakdown_by_kind() -> None:
    results = [result(0, True), replace(result(1, True), kind="body")]
    assert {kind: m.holes for kind, m in breakdown(results, lambda r: r.kind, {}).items()} == {
        "body": 1,
        "line": 1,
    }


def suggestion(text: str, **changes: object) -> Suggestion:
    made = Suggestion(
        text=text,
        replace=0,
        mean_logprob=-0.1,
        line_logprob=-0.2,
        least_logprob=-2.3,
        shown=True,
        revision=None,
        base="tiny",
        stopped="end",
        milliseconds={},
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_judged_against_what_it_replaces_too() -> None:
    hole = sample("a.py", 0, "call(x", place=Place("a.py", "python", "", ")\n"))
    assert compare_with_middle(hole, suggestion("call(x)", replace=1)).exact_match
    assert not compare_with_middle(hole, suggestion("call(x)")).exact_match


def test_line_ends_are_nobodys_mistake() -> None:
    assert compare_with_middle(sample("a.py", 0, "a()\r\nb()"), suggestion("a()\nb()")).exact_match


def test_a_suggestion_that_was_cut_did_not_end_by_itself() -> None:
    assert compare_with_middle(sample("a.py", 0), suggestion("x")).ends_itself
    assert not compare_with_middle(sample("a.py", 0), suggestion("x", stopped="length")).ends_itself


def test_hole_ids_tell_holes_apart() -> None:
    assert len({hole_id(sample("a.py", n)) for n in range(5)}) == 5


def test_a_model_is_served_with_copies_and_alone_without_anything(tmp_path: Path) -> None:
    base = load_base(str(tiny_base(tmp_path / "base")))
    completer, index = Completer.load(base), NgramIndex()
    code = "def area(width, height):\n    return width * height\n"
    index.update({"shapes.py": base.tokenizer.encode(code)})
    place = Place("new.py", "python", "def area(width, height):\n    ", "\n")
    shown = replace(place, related=(Related("shapes.py", code),))
    served, alone, hole = (
        ServedModel(completer, index),
        NoContextBaseline(completer),
        "return width * height",
    )
    [copied], [told], [own] = (
        answering.score_many([(shown, hole)]) for answering in (served, completer, alone)
    )
    assert copied.nats < told.nats - 5
    assert own.nats == completer.score(place, hole).nats != told.nats
