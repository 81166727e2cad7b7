"""What a run reads once, before any work, and where its time goes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from homespun_finetune.budget import Deadline
from homespun_finetune.gate import GateRules
from homespun_finetune.progress import Reporter, console_for_people
from homespun_finetune.request import RunRequest
from homespun_finetune.run_context import RunContext, RunProgress
from homespun_model.errors import StoreError


@pytest.fixture
def teams(tmp_path: Path) -> tuple[Path, Path]:
    """Two plain folders; the first one's team wishes for something, the other excludes."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, text in ((first, "[train]\npasses = 3\n"), (second, 'exclude = ["old/"]\n')):
        folder.mkdir()
        (folder / "homespun.toml").write_text(text)
    return first, second


def context(*repositories: Path, **asked: str) -> RunContext:
    rules = GateRules(min_holes=7)
    return RunContext.of(RunRequest(repositories, seed=3, **asked), 2.5, rules)  # type: ignore[arg-type]


def test_the_first_repository_names_the_adapter_and_wishes(teams: tuple[Path, Path]) -> None:
    found, settings = context(*teams), context(*teams).settings
    assert found.identity == found.repositories[0][0].identity
    assert [team.exclude for _, team in found.repositories] == [(), ("old/",)]
    assert (settings.train.passes, settings.train.seed, settings.evaluate.seed) == (3, 3, 3)
    assert (settings.minutes, settings.gate.min_holes) == (2.5, 7)
    assert context(*teams, id="team/app").identity == "team/app"


def test_an_id_that_no_store_takes_is_refused_before_any_work(teams: tuple[Path, Path]) -> None:
    with pytest.raises(StoreError, match="cannot be the id"):
        context(*teams, id="../../escape")


def test_a_stage_counts_for_its_part_unless_it_fails() -> None:
    progress = RunProgress(Deadline(60.0), Reporter(console_for_people()))
    with progress.stage("mine", "mining"):
        pass
    once = progress.seconds.mine
    with pytest.raises(OSError), progress.stage("train", "training"):
        raise OSError
    with progress.stage("mine", "mining"):
        pass
    assert 0 < once < progress.seconds.mine and progress.seconds.train == 0


def test_a_run_is_put_together_without_torch() -> None:
    program = (
        "import homespun_finetune.run, sys; "
        "heavy = {'torch', 'transformers', 'datasets', 'peft'} & sys.modules.keys(); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
