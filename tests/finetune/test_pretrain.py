"""The starter's recipe, small: real repositories in, a folder that loads and completes out."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from homespun_finetune.pretrain.bundle import export
from homespun_finetune.pretrain.clones import open_clone
from homespun_finetune.pretrain.documents import (
    DocumentHole,
    PretrainDocument,
    read_shard,
    write_shards,
)
from homespun_finetune.pretrain.rows import END, MIDDLE, PAD, Encoder, PackedRows, pack
from homespun_finetune.pretrain.schedule import rate_at
from homespun_finetune.pretrain.settings import Recipe
from homespun_finetune.pretrain.sources import SourceError, SourceRepository, read_sources
from homespun_finetune.pretrain.train import Trainer, new_model
from homespun_finetune.pretrain.vocabulary import SENTINELS, learn_vocabulary, save_vocabulary
from tokenizers import Tokenizer

FILES = {
    f"pkg/module_{i}.py": f'"""Module {i}."""\n\n\n'
    + "\n\n".join(
        f"def action_{i}_{n}(items, limit={n}):\n    total_{n} = {i}\n    for item in items:\n"
        f"        total_{n} += item.size_{i} * limit\n    return total_{n}\n"
        for n in range(6)
    )
    for i in range(12)
}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    full = Recipe.read()
    model = replace(
        full.model, context_length=256, hidden_size=32, intermediate_size=64, layers=1, heads=2
    )
    train = replace(full.train, tokens=256 * 2 * 12, rows_per_step=2, rows_per_pass=1)
    return replace(
        full,
        data=replace(full.data, max_repository_share=1.0, held_out_share=0.2),
        vocabulary=replace(full.vocabulary, size=400),
        model=replace(model, kv_heads=1, head_dim=16),
        train=train,
    )


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("clones")
    folder = root / "owner+name"
    for path, text in FILES.items() | {("LICENSE", "MIT License")}:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    copy = folder / "pkg" / "copied.py"
    copy.write_text("# a copy\n" + FILES["pkg/module_3.py"])
    (folder / "pkg" / "problems.py").write_text("# from HumanEval\n" + FILES["pkg/module_4.py"])
    git(root, "init", "-q", str(folder))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "all")
    return root, git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def prepared(recipe: Recipe, clones: tuple[Path, str], tmp_path_factory) -> Path:
    from homespun_finetune.pretrain.prepare import prepare

    out: Path = tmp_path_factory.mktemp("prepared")
    source = SourceRepository("owner/name", clones[1], "MIT", "train")
    done = prepare([source], clones[0], out, recipe.data, workers=1)
    assert done.documents == len(FILES)
    assert done.rejected == {"benchmark": 1, "near-duplicate": 1}
    return out


def test_prepared_documents_hold_their_holes(prepared: Path) -> None:
    documents = [d for shard in sorted(prepared.glob("*.xz")) for d in read_shard(shard)]
    assert {d.path for d in documents} <= {*FILES, "pkg/copied.py"}
    for document in documents:
        assert document.cuts
        assert all(0 <= cut.start < cut.end <= len(document.text) for cut in document.cuts)
    assert any(d.held_out for d in documents) and not all(d.held_out for d in documents)


def vocabulary(folder: Path, recipe: Recipe) -> Path:
    tokenizer = learn_vocabulary(FILES.values(), recipe.vocabulary.size)
    save_vocabulary(tokenizer, folder, recipe.model.context_length)
    return folder / "tokenizer.json"


def test_the_vocabulary_keeps_sentinels_apart_from_text(tmp_path: Path, recipe: Recipe) -> None:
    tokenizer = Tokenizer.from_file(str(vocabulary(tmp_path, recipe)))
    assert [tokenizer.token_to_id(name) for name in SENTINELS] == list(range(len(SENTINELS)))
    tokenizer.encode_special_tokens = True
    text = "é <fim_middle> = '☺'\n\n        return\tx.size_3  # <|endoftext|>\r\n"
    encoded = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(encoded.ids) == text
    assert min(encoded.ids) >= len(SENTINELS)


def test_samples_end_where_their_middle_ends(tmp_path: Path, recipe: Recipe) -> None:
    tokenizer = Tokenizer.from_file(str(vocabulary(tmp_path, recipe)))
    text = FILES["pkg/module_1.py"]
    cut = DocumentHole("line", 60, 75, bare=False, related=())
    plain = DocumentHole("plain", 0, 100, bare=True, related=())
    document = PretrainDocument("r", "pkg/module_1.py", "python", False, text, (cut, plain))
    encoder = Encoder(tokenizer, recipe.model.context_length)
    (ids, roles), (plain_ids, plain_roles) = encoder.samples(document, 1)
    middle = [token for token, role in zip(ids, roles, strict=True) if role == MIDDLE]
    assert tokenizer.decode(middle) == text[60:75]
    assert ids[-1] == encoder.fim.end and roles[-1] == END
    assert MIDDLE not in plain_roles and END not in plain_roles
    assert tokenizer.decode(plain_ids) == text[:100]


def test_packing_keeps_samples_whole_and_loses_none() -> None:
    samples = [([i + 10] * (7 + 13 * i % 40), bytes([1]) * (7 + 13 * i % 40)) for i in range(90)]
    rows = pack(samples, 64, pad=9)
    assert rows.ids.shape == rows.roles.shape and rows.ids.shape[1] == 64
    for ids, _ in samples:
        [row] = np.flatnonzero((rows.ids == ids[0]).any(axis=1))
        assert (rows.ids[row] == ids[0]).sum() == len(ids)
    assert ((rows.roles == PAD) == (rows.ids == 9)).all()
    assert (rows.roles == PAD).mean() < 0.1


def test_the_rate_warms_up_holds_and_decays(recipe: Recipe) -> None:
    rates = [rate_at(step, 1000, recipe.train) for step in range(1000)]
    assert rates[0] < 0.1 and rates[30] == rates[590] == 1.0
    assert rates[-1] == pytest.approx(recipe.train.final_rate, abs=0.01)
    assert rates == [*sorted(rates[:21]), *rates[21:600], *sorted(rates[600:], reverse=True)]


def rows(recipe: Recipe) -> PackedRows:
    rng = np.random.default_rng(3)
    ids = rng.integers(7, 300, (12, recipe.model.context_length)).astype(np.uint16)
    return PackedRows(ids, np.full(ids.shape, 1, dtype=np.uint8))


def test_a_killed_run_goes_on_to_the_same_weights(recipe: Recipe, tmp_path: Path) -> None:
    path = vocabulary(tmp_path, recipe)

    def run(folder: Path, *minutes: float | None) -> dict[str, torch.Tensor]:
        folder.mkdir(exist_ok=True)
        for limit in minutes:
            trainer = Trainer(recipe, new_model(recipe, path), rows(recipe), rows(recipe), folder)
            trainer.run(limit)
        return trainer.model.state_dict()

    whole = run(tmp_path / "whole", None)
    halted = run(tmp_path / "halted", 0.0, 0.0, 0.0, None)  # three runs of one step, then the rest
    assert all(torch.equal(whole[name], halted[name]) for name in whole)


def test_the_loss_falls_and_the_export_loads(
    recipe: Recipe, prepared: Path, tmp_path: Path
) -> None:
    from homespun_finetune.pretrain.rows import load_or_encode
    from homespun_model.bases.base import load_base

    longer = replace(recipe, train=replace(recipe.train, tokens=256 * 2 * 60))
    path = vocabulary(tmp_path / "vocabulary", recipe)
    shards = sorted(prepared.glob("*.xz"))
    train, held = load_or_encode(shards, path, longer, tmp_path, workers=1)
    model = new_model(longer, path)
    trainer = Trainer(longer, model, train, held, tmp_path)
    before = trainer.held_out()
    trainer.run()
    assert trainer.held_out().all < 0.8 * before.all
    export(model, path.parent, tmp_path / "out")
    base = load_base(str(tmp_path / "out"))
    assert base.format.name == "starter" and base.context_length == recipe.model.context_length
    loaded = base.load_model()  # `generate` must not read the prompt again at every token
    assert loaded.config.use_cache and loaded.generation_config.use_cache


def test_only_permissive_repositories_are_read(tmp_path: Path, clones: tuple[Path, str]) -> None:
    listed = tmp_path / "list.tsv"
    listed.write_text("repository\tcommit\tlicence\tuse\no/n\tabc\tGPL-3.0\ttrain\n")
    with pytest.raises(SourceError, match="GPL"):
        read_sources(listed)
    with pytest.raises(SourceError, match="clone it"):
        open_clone(tmp_path, SourceRepository("o/n", "abc", "MIT", "train"))
    with pytest.raises(SourceError, match="lacks"):
        open_clone(clones[0], SourceRepository("owner/name", "0" * 40, "MIT", "train"))


def test_write_shards_round_trip(tmp_path: Path) -> None:
    documents = [PretrainDocument("r", f"{i}.py", "python", False, "é\n" * i, ()) for i in range(5)]
    assert write_shards(documents, tmp_path) == 5
    assert [d for s in sorted(tmp_path.iterdir()) for d in read_shard(s)] == documents
