"""All models before the same exams: a tiny base, its adapter, and the baselines, for real."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.evaluation import Evaluation
from homespun_finetune.evidence import gather
from homespun_finetune.gate import decide
from homespun_finetune.progress import Reporter
from homespun_finetune.settings import EvaluateSettings
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from rich.console import Console
from scratch_repositories import make_repository
from tiny_models import tiny_base

SETTINGS = EvaluateSettings(
    max_holes=32, max_completions=3, max_lines=2, max_general=8, max_probes=30
)


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = make_repository(tmp_path_factory.mktemp("repositories") / "team")
    return mine(Repository.open(folder), MineSettings())


def evaluated(
    mined: Mined, folder: Path, *, seconds: float = 600, samples: list[Sample] | None = None
) -> Evaluation:
    """A base, the baselines, and another random model in the part of the candidate."""
    evaluation = Evaluation(
        samples or list(mined.samples("test")),
        mined.material,
        SETTINGS,
        seconds=seconds,
        models=2,
        reporter=Reporter(Console(file=io.StringIO())),
    )
    base = load_base(str(tiny_base(folder / "base")))
    completer = Completer.load(base)
    evaluation.measure("base", completer)
    evaluation.measure_baselines(base, completer)
    other = load_base(str(tiny_base(folder / "other", seed=1)))
    evaluation.measure("candidate", Completer.load(other))
    return evaluation


@pytest.mark.slow
def test_every_model_answers_the_same_holes(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path)
    metrics = evaluation.metrics()
    assert set(metrics) == {"base", "alone", "copy", "candidate"}
    assert {(m.holes, m.completions) for m in metrics.values()} == {(32, 3)}
    assert metrics["base"].lines == metrics["candidate"].lines == 2
    assert metrics["copy"].lines == 0
    assert metrics["copy"].bits_per_byte < metrics["base"].bits_per_byte
    holes = {role: [r.hole for r in found] for role, found in evaluation.results().items()}
    assert len({tuple(of) for of in holes.values()}) == 1

    evidence = gather(evaluation, against="base")
    assert set(evidence.rivals) == {"alone", "copy"}
    assert evidence.general is not None and evidence.drift is None
    assert evidence.verbatim is not None and evidence.verbatim.reproduced == 0
    decided = decide(evidence)
    assert decided.outcome == "refused"
    assert any("the n-gram baseline" in reason for reason in decided.reasons)
    stored = {**evaluation.to_json(), "evidence": evidence.to_json(), **decided.to_json()}
    assert json.loads(json.dumps(stored)) == stored
    assert stored["by_language"]["base"]["python"]["lines"] == 2
    assert stored["general"]["base"]["holes"] == 8


@pytest.mark.slow
def test_an_incumbent_sits_the_same_and_is_what_counts(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path)
    incumbent = Completer.load(load_base(str(tmp_path / "base")))
    evaluation.measure("incumbent", incumbent)
    metrics = evaluation.metrics()
    assert metrics["incumbent"] == metrics["base"]
    evidence = gather(evaluation, against="incumbent")
    assert set(evidence.rivals) == {"base", "alone", "copy"}
    assert evidence.main == evidence.rivals["base"]


@pytest.mark.slow
def test_no_time_at_all_is_still_an_answer(mined: Mined, tmp_path: Path) -> None:
    evaluation = evaluated(mined, tmp_path, seconds=0.01)
    evidence = gather(evaluation, against="base")
    assert decide(evidence).outcome == "undecided"


@pytest.mark.slow
def test_other_languages_are_held_against_the_bases_own_words(mined: Mined, tmp_path: Path) -> None:
    samples = [
        replace(sample, place=replace(sample.place, language="go"))
        for sample in mined.samples("test")
    ]
    evaluation = evaluated(mined, tmp_path, samples=samples)
    evidence = gather(evaluation, against="base")
    assert evidence.drift is not None and evidence.drift > 0
    assert evaluation.to_json()["drift"]["base"]["holes"] > 0
