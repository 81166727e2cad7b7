"""Where a fresh training begins: as the base's generic adapter, beside it, or at the bare base."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from generic_adapters import random_generic
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_finetune.adapted_model import prepare
from homespun_finetune.errors import TrainingError
from homespun_finetune.progress import Stage
from homespun_finetune.refresh import full_plan, refresh_plan
from homespun_finetune.settings import Start, TrainSettings
from homespun_finetune.start_onward import widen
from homespun_finetune.training_step import TrainingTask, train_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.engines.loading import load_engine
from homespun_model.store.store import Revision
from peft import PeftModel
from random_adapters import RANK
from rich.console import Console
from safetensors.torch import load_file
from scratch_repositories import make_repository
from tiny_models import tiny_base

IDS = list(range(20, 60))
SETTINGS = TrainSettings(rank=8, alpha=24, batch_size=4, learning_rate=1e-3)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Base:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return load_base(str(tiny_base(tmp_path / "base")))


@pytest.fixture
def generic(base: Base, tmp_path: Path) -> Path:
    return random_generic(base, tmp_path / "made")


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = make_repository(tmp_path_factory.mktemp("team") / "team")
    return mine(Repository.open(folder), MineSettings())


def logits(model: torch.nn.Module) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=torch.tensor([IDS])).logits[0]
    return found


def engine_logits(base: Base, adapter: Path) -> torch.Tensor:
    return load_engine(base, adapter).begin().run(IDS, keep=len(IDS))


def trained(base: Base, mined: Mined, start: Start, folder: Path) -> TrainingTask:
    folder.mkdir()
    task = TrainingTask(base, mined, full_plan(mined, 0), replace(SETTINGS, start=start))
    stage = Stage("training", Console(quiet=True))
    train_adapter(task, folder, None, seconds=60.0, stage=stage)
    return task


@pytest.mark.parametrize("rank", [RANK, 8])
def test_the_first_pass_of_a_widened_adapter_is_that_of_base_and_generic(
    base: Base, generic: Path, tmp_path: Path, rank: int
) -> None:
    model, settings = base.load_model(), replace(SETTINGS, rank=rank)
    shapes = {name: weight.shape for name, weight in model.named_parameters()}
    widen(generic, shapes, settings, tmp_path)
    adapted = prepare(model, settings, tmp_path).model.eval()
    by_peft = logits(PeftModel.from_pretrained(base.load_model(), str(generic)).eval())
    torch.testing.assert_close(logits(adapted), by_peft, rtol=1e-4, atol=1e-4)
    rows = load_file(tmp_path / WEIGHTS)
    fresh = [t[RANK:] for name, t in rows.items() if ".lora_A." in name]
    assert all(part.shape[0] == rank - RANK for part in fresh)
    assert all(part.abs().min() > 0 for part in fresh if len(part))
    assert all(p.requires_grad for name, p in adapted.named_parameters() if "lora_" in name)


def test_a_generic_adapter_wider_than_the_runs_is_refused(
    base: Base, generic: Path, tmp_path: Path
) -> None:
    shapes = {name: weight.shape for name, weight in base.load_model().named_parameters()}
    with pytest.raises(TrainingError, match="rank is above 2"):
        widen(generic, shapes, replace(SETTINGS, rank=2), tmp_path)


@pytest.mark.usefixtures("generic")
@pytest.mark.parametrize("start", ["onward", "beside", "bare"])
def test_what_is_stored_is_one_plain_adapter_over_the_bare_base(
    base: Base, mined: Mined, tmp_path: Path, start: Start
) -> None:
    task, folder = trained(base, mined, start, tmp_path / "adapter"), tmp_path / "adapter"
    by_peft = logits(PeftModel.from_pretrained(base.load_model(), str(folder)).eval())
    torch.testing.assert_close(engine_logits(base, folder), by_peft, rtol=1e-3, atol=1e-3)
    config, state = json.loads((folder / CONFIG).read_text()), load_file(folder / WEIGHTS)
    assert config["r"] == SETTINGS.rank
    assert {len(t) for name, t in state.items() if ".lora_A." in name} == {SETTINGS.rank}
    known = base.found_generic.adapter
    assert known is not None
    expected = {"start": start, "generic": None if start == "bare" else known.sha256}
    assert expected.items() <= task.to_json().items()


def test_a_generic_adapter_beside_which_one_was_trained_is_in_it_unchanged(
    base: Base, generic: Path, mined: Mined, tmp_path: Path
) -> None:
    trained(base, mined, "beside", tmp_path / "adapter")
    before, after = load_file(generic / WEIGHTS), load_file(tmp_path / "adapter" / WEIGHTS)
    for name, tensor in before.items():
        if ".lora_A." in name:
            torch.testing.assert_close(after[name][:RANK], tensor)
    up = [after[name][:, RANK:] for name in after if ".lora_B." in name]
    assert any(part.abs().max() > 0 for part in up), "nothing was learnt beside it"


def test_a_base_without_one_begins_bare(base: Base, mined: Mined, tmp_path: Path) -> None:
    task = trained(base, mined, "onward", tmp_path / "adapter")
    assert {"start": "bare", "generic": None}.items() <= task.to_json().items()


@pytest.mark.usefixtures("base")
def test_one_of_another_prompt_is_no_beginning(tmp_path: Path, mined: Mined) -> None:
    prompts_first = load_base(str(tiny_base(tmp_path / "qwen", "qwen2.5-coder")))
    assert prompts_first.prompt_versions == (1, 2, 3)
    random_generic(prompts_first, tmp_path / "made", prompt_version=1)
    assert prompts_first.generic is not None
    task = TrainingTask(prompts_first, mined, full_plan(mined, 0), SETTINGS)
    assert task.generic is None


@pytest.mark.usefixtures("generic")
def test_a_refresh_goes_on_only_from_what_began_at_the_same_generic_adapter(
    base: Base, mined: Mined, tmp_path: Path
) -> None:
    task = trained(base, mined, "onward", tmp_path / "adapter")
    version = base.prompt_versions[-1]
    about = {"prompt_version": version, **task.to_json()}
    incumbent = Revision("team/app", "r", tmp_path / "adapter", about)
    assert refresh_plan(mined, incumbent, 0, version, task.generic).start == incumbent
    assert task.generic is not None
    for other in (None, replace(task.generic, sha256="another")):
        plan = refresh_plan(mined, incumbent, 0, version, other)
        assert plan.start is None
        assert "generic" in plan.reason
