"""The exam: which holes, in which order, cut to what all models did."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place, Related
from homespun_finetune.holdout import (
    ServedModel,
    answered,
    breakdown,
    compare_with_middle,
    completed,
    held_out,
    hole_id,
    in_common,
    settled_against,
)
from homespun_finetune.metrics import HoleResult, bits_of, compare
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.completing import Suggestion
from homespun_model.decoding.ngram_index import NgramIndex
from hypothesis import example, given
from hypothesis import strategies as st
from taught_models import Taught
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


def test_functions_go_round_the_files() -> None:
    big = [sample("big.py", n, function=f"f{n}") for n in range(50)]
    samples = big + [sample(f"{n}.py", 0) for n in range(5)]
    order = held_out(samples, "new", seed=0)
    assert len({hole.path for hole in order[:6]}) == 6
    assert len(order) == 55
    assert order == held_out(list(reversed(samples)), "new", seed=0)
    assert order != held_out(samples, "new", seed=1)


def test_the_holes_of_a_function_come_one_after_the_other() -> None:
    """In the file's order: what the next prompt shares with the last is not read again."""
    names = ("f", "g", "h")
    samples = [sample("a.py", n, function=names[n % 3]) for n in range(9)] + [sample("b.py", 0)]
    order = held_out(samples, "new", seed=0)
    functions = [(hole.path, hole.function) for hole in order]
    assert len(list(groupby(functions))) == 4
    for _, holes in groupby(order, lambda hole: (hole.path, hole.function)):
        starts = [hole.start for hole in holes]
        assert starts == sorted(starts)


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
    cut, whole = in_common([base, slower])
    assert (cut, whole) == (base[:5], slower)


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
    cut = compare_with_middle(sample("a.py", 0), suggestion("x", stopped="length"))
    assert cut.ends_itself is False
    ended = compare_with_middle(sample("a.py", 0), suggestion("x", stopped="settled"), whole=False)
    assert (ended.ends_itself, ended.edit_similarity, ended.exact_line) == (None, None, False)


def test_hole_ids_tell_holes_apart() -> None:
    assert len({hole_id(sample("a.py", n)) for n in range(5)}) == 5


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("", False),
        ("return x", False),
        ("return y", True),  # the first line is wrong
        ("x", True),
        ("\n    return x", True),
        ("return x\n", True),  # it is shorter than the true one
        ("return x.z", False),
        ("return x.z\n", False),
        ("return x.z  ", False),  # blanks at a line's end are nobody's mistake
        ("return x.z\nif", False),  # differs later: to the end of that line
        ("return x.z\nif a:", False),
        ("return x.z\nif a:\n    pass", True),
        ("return x.z\nelse:\n    pass\n", False),  # goes on behind the truth: it may be cut
    ],
)
def test_a_text_is_settled_once_nothing_can_become_of_it(text: str, settled: bool) -> None:
    assert settled_against("return x.z\nelse:\n    pass")(text, -1.0) is settled


@example(truth="a \na", text="a\n")
@given(st.text("ab \n", max_size=12), st.text("ab \n", max_size=12))
def test_what_is_settled_in_its_first_line_is_wrong_however_it_ends(truth: str, text: str) -> None:
    """A suggestion is a beginning of what was written, without blanks at its end."""
    settled = settled_against(truth)
    at = next((n for n in range(len(text) + 1) if settled(text[:n], 0.0)), None)
    if at is None or not truth.strip():
        return
    wrong = "\n" not in text[:at].lstrip("\n ")  # settled before its first line has ended
    for end in range(len(text) + 1):
        judged = compare(text[:end], truth, ends_itself=None)
        assert not judged.exact_match
        assert not (wrong and text[:at].strip() and judged.exact_line)


def test_a_model_is_served_with_copies(tmp_path: Path) -> None:
    base = load_base(str(tiny_base(tmp_path / "base")))
    completer, index = Completer.load(base), NgramIndex()
    code = "def area(width, height):\n    return width * height\n"
    index.update({"shapes.py": base.tokenizer.encode(code)})
    place = Place("new.py", "python", "def area(width, height):\n    ", "\n")
    shown = replace(place, related=(Related("shapes.py", code),))
    copied, told = (ServedModel(completer, some) for some in (index, None))
    hole = "return width * height"
    assert copied.score(shown, hole).nats < told.score(shown, hole).nats - 5
    assert told.score(shown, hole).nats == pytest.approx(completer.score(shown, hole).nats)


def test_a_hole_read_once_and_ended_early_is_judged_as_if_not(taught: Taught) -> None:
    """Right, wrong at once, wrong later; each after what was read for the one before."""
    base = load_base(str(taught.base))
    served, anew = ServedModel(Completer.load(base), None), Completer.load(base)
    says = taught.base_says
    middles = (says, "pass", f"{says}\nreturn height", says[:9], f"{says[:-3]}xyz", f"{says} + 1")
    for middle in middles:
        hole = sample("a.py", 13, middle)
        assert answered(served, hole).bits == pytest.approx(
            bits_of(anew.score(hole.place, middle).nats), abs=1e-3
        )
        whole = compare_with_middle(hole, anew.complete(hole.place))
        assert completed(served, hole, whole=True) == whole
        early = completed(served, hole, whole=False)
        assert (early.exact_line, early.exact_match) == (whole.exact_line, whole.exact_match)
    assert whole.exact_line is False and compare(says, says, ends_itself=None).exact_match
