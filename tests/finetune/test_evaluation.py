"""All models before the same exams: a tiny base, its adapter, and the baselines, for real."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.answered_before import AnsweredBefore
from homespun_finetune.evaluation import Evaluation
from homespun_finetune.evidence import gather
from homespun_finetune.exam_plan import BARE_HOLES, Contestants
from homespun_finetune.gate import decide
from homespun_finetune.progress import Reporter
from homespun_finetune.settings import EvaluateSettings
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from rich.console import Console
from scratch_repositories import make_repository
from tiny_models import tiny_base

SETTINGS = EvaluateSettings(max_holes=32, whole=3, max_lines=6, max_general=8, max_probes=10)


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = make_repository(tmp_path_factory.mktemp("repositories") / "team")
    return mine(Repository.open(folder), MineSettings())


def evaluated(
    mined: Mined,
    folder: Path,
    *,
    seconds: float = 600,
    samples: list[Sample] | None = None,
    incumbent: bool = False,
    said: io.StringIO | None = None,
) -> Evaluation:
    """A base, copying, the base once more as an incumbent, and another random model for the
    candidate."""
    evaluation = Evaluation(
        samples or list(mined.samples("test")),
        mined.material,
        SETTINGS,
        seconds=seconds,
        contestants=Contestants(generic=False, incumbent=incumbent, candidate=True),
        reporter=Reporter(Console(file=said or io.StringIO(), width=200)),
    )
    base = load_base(str(tiny_base(folder / "base")))
    evaluation.measure("base", Completer.load(base))
    evaluation.measure_copying(base)
    if incumbent:
        evaluation.measure("incumbent", Completer.load(base))
    other = load_base(str(tiny_base(folder / "other", seed=1)))
    evaluation.measure("candidate", Completer.load(other))
    return evaluation


def test_every_model_answers_the_same_holes(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path)
    metrics = evaluation.sheets.metrics()
    assert set(metrics) == {"base", "copy", "candidate"}
    counted = {(m.holes, m.completions, m.whole_completions) for m in metrics.values()}
    assert counted == {(32, 32, 3)}
    assert metrics["base"].lines == metrics["candidate"].lines == 6
    assert metrics["copy"].lines == 0
    assert metrics["copy"].bits_per_byte < metrics["base"].bits_per_byte
    holes = {role: [r.hole for r in found] for role, found in evaluation.sheets.results().items()}
    assert len({tuple(of) for of in holes.values()}) == 1

    evidence = gather(evaluation.sheets)
    assert (evidence.against, set(evidence.rivals)) == ("base", {"copy"})
    assert evidence.general is not None and evidence.drift is None
    assert evidence.verbatim is not None and evidence.verbatim.reproduced == 0
    decided = decide(evidence)
    assert decided.outcome == "refused"
    assert any("the n-gram baseline" in reason for reason in decided.reasons)
    stored = {**evaluation.to_json(), "evidence": evidence.to_json(), **decided.to_json()}
    assert json.loads(json.dumps(stored)) == stored
    assert stored["by_language"]["base"]["python"]["lines"] == metrics["base"].lines
    assert stored["general"]["base"]["holes"] == 8


def test_an_incumbent_sits_the_same_and_is_what_counts(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path, incumbent=True)
    metrics = evaluation.sheets.metrics()
    alike = pytest.approx(metrics["base"].bits_per_byte, abs=1e-5)
    assert metrics["incumbent"].bits_per_byte == alike
    assert metrics["incumbent"].completions == 32
    assert metrics["base"].completions == metrics["base"].lines == 0
    evidence = gather(evaluation.sheets)
    assert (evidence.against, set(evidence.rivals)) == ("incumbent", {"base", "copy"})
    assert evidence.main.gain is not None and evidence.rivals["base"].gain is not None
    assert evidence.main.gain.value == pytest.approx(evidence.rivals["base"].gain.value, abs=1e-5)
    assert evidence.rivals["base"].exact_line is None
    assert evidence.typing is not None


def test_a_bare_base_beside_a_generic_adapter_answers_some_and_cuts_nobody(
    mined: Mined, tmp_path: Path
) -> None:
    evaluation = Evaluation(
        list(mined.samples("test")),
        mined.material,
        SETTINGS,
        seconds=600,
        contestants=Contestants(generic=True, incumbent=False, candidate=True),
        reporter=Reporter(Console(file=io.StringIO())),
    )
    models = {
        role: load_base(str(tiny_base(tmp_path / role, seed=seed)))
        for seed, role in enumerate(("generic", "base", "candidate"))
    }
    evaluation.measure("generic", Completer.load(models["generic"]))
    evaluation.measure("base", Completer.load(models["base"], bare=True))
    evaluation.measure("candidate", Completer.load(models["candidate"]))
    metrics = evaluation.sheets.metrics()
    assert {role: m.holes for role, m in metrics.items()} == {
        "generic": 32,
        "candidate": 32,
        "base": BARE_HOLES,
    }
    assert metrics["base"].completions == 0
    evidence = gather(evaluation.sheets)
    assert evidence.against == "generic"
    assert set(evidence.rivals) == set()
    assert set(evaluation.to_json()["general"]) == {"generic", "candidate"}


def test_no_time_at_all_is_still_an_answer(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path, seconds=0.01)
    evidence = gather(evaluation.sheets)
    assert decide(evidence).outcome == "undecided"


def test_how_much_can_be_asked_is_said(mined: Mined, tmp_path: Path) -> None:
    """Of a time that is good for a few holes only, and nothing where all can be."""
    said = io.StringIO()
    evaluated(mined, tmp_path, seconds=0.01, said=said)
    assert "held-out functions can be asked in the time given, in 30 of 32 holes" in said.getvalue()
    said = io.StringIO()
    evaluated(mined, tmp_path, said=said)
    assert "can be asked" not in said.getvalue()


def test_other_languages_are_held_against_the_bases_own_words(mined: Mined, tmp_path: Path) -> None:
    samples = [
        replace(sample, place=replace(sample.place, language="go"))
        for sample in mined.samples("test")
    ]
    evaluation = evaluated(mined, tmp_path, samples=samples)
    evidence = gather(evaluation.sheets)
    assert evidence.drift is not None and evidence.drift > 0
    assert evaluation.to_json()["drift"]["base"]["holes"] > 0


def test_a_model_that_answered_before_is_not_asked_again(
    mined: Mined, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    base = load_base(str(tiny_base(tmp_path / "base")))

    def measured() -> Evaluation:
        evaluation = Evaluation(
            list(mined.samples("test")),
            mined.material,
            SETTINGS,
            seconds=600,
            contestants=Contestants(generic=False, incumbent=False, candidate=True),
            reporter=Reporter(Console(file=io.StringIO())),
        )
        evaluation.measure("base", Completer.load(base), AnsweredBefore.about({"of": "base"}))
        return evaluation

    first = measured()
    for name in ("score", "complete"):
        monkeypatch.setattr(Completer, name, lambda *_, **__: pytest.fail("asked again"))
    again = measured()
    assert again.sheets.results() == first.sheets.results() != {}
    assert again.sheets.results("general") == first.sheets.results("general") != {}
    assert again.sheets.typed() == first.sheets.typed() != {}
    assert again.longest("candidate") == pytest.approx(first.longest("candidate"), rel=0.2)
