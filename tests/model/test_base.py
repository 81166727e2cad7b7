"""Bases: found, made sure of, loaded; text never becomes a sentinel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from homespun_corpus.place import Place
from homespun_model.bases import base as base_module
from homespun_model.bases.base import MAX_CONTEXT, load_base
from homespun_model.bases.families import STARTER, by_name
from homespun_model.bases.tokenizer import TextTokenizer
from homespun_model.catalogue.catalogue import Catalogue, CatalogueEntry
from homespun_model.errors import BaseError
from safetensors.torch import load_file, save_file
from tiny_models import CODE, CONFIGS, CONTEXT, change_config, tiny_base, tiny_tokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers


@pytest.mark.parametrize("name", list(CONFIGS))
def test_a_folder_loads_and_its_prompts_use_its_own_sentinels(name: str, tmp_path: Path) -> None:
    base = load_base(str(tiny_base(tmp_path / "base", name, mark=False)), fim_format=name)
    assert (base.format.name, base.context_length) == (name, CONTEXT)
    ids = base.prompts().build(Place("a.py", "python", "def area(", "\n"))
    assert base.fim.prefix in ids and base.fim.suffix in ids
    with torch.inference_mode():
        logits = base.load_model()(torch.tensor([ids])).logits
    assert logits.shape[:2] == (1, len(ids)) and logits.dtype == torch.float32


@pytest.mark.parametrize("name", list(CONFIGS))
def test_sentinel_text_in_code_stays_text(name: str, tmp_path: Path) -> None:
    base = load_base(str(tiny_base(tmp_path / "base", name)))
    text = "".join(f"x = '{token}'\n" for token in base.format.sentinels()) * 2
    ids = base.tokenizer.encode(text)
    assert base.fim.stop.isdisjoint(ids)
    assert base.tokenizer.decode(ids) == text


def test_the_starters_format_lies_beside_its_weights(tmp_path: Path) -> None:
    assert load_base(str(tiny_base(tmp_path / "model"))).format == STARTER


def test_the_bundled_starter_is_the_base_unless_told_otherwise() -> None:
    base = load_base()
    assert (base.id, base.format) == ("starter", STARTER)
    ids = base.prompts().build(Place("a.py", "python", "def area(", "\n"))
    with torch.inference_mode():
        logits = base.load_model()(torch.tensor([ids])).logits
    assert torch.isfinite(logits).all()


def test_parameters_are_counted_without_loading_them() -> None:
    base = load_base()
    model = base.load_model()
    assert base.parameters == sum(weight.numel() for weight in model.parameters())


def test_weights_that_lie_there_twice_count_once(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    count = load_base(str(folder)).parameters
    shutil.copyfile(folder / "model.safetensors", folder / "consolidated.safetensors")
    assert load_base(str(folder)).parameters == count
    (folder / "model.safetensors").rename(folder / "model-1.safetensors")
    index = {"weight_map": {"all": "model-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert load_base(str(folder)).parameters == count


def test_an_ambiguous_family_names_the_flag(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model", mark=False)
    with pytest.raises(BaseError, match="--fim-format"):
        load_base(str(folder))
    assert load_base(str(folder), fim_format="starcoder2").format.name == "starcoder2"


def test_the_folders_name_decides_the_family(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "My-StarCoder2-finetune", mark=False)
    assert load_base(str(folder)).format.name == "starcoder2"


def test_a_foreign_format_names_the_missing_sentinel(tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=r"'<\|fim_prefix\|>'"):
        load_base(str(tiny_base(tmp_path / "model")), fim_format="qwen2.5-coder")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "pickled" in _refusal(folder)


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(missing: str, tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / missing).unlink()
    assert missing.rsplit(".", maxsplit=1)[-1] in _refusal(folder)


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json", "fim_format.json"])
def test_a_broken_file_is_named(broken: str, tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / broken).write_text('{"half":')
    assert broken in _refusal(folder)


def test_broken_weights_are_one_line(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"\x00" * 64)
    with pytest.raises(BaseError, match="does not load") as refusal:
        load_base(str(folder)).load_model()
    assert "\n" not in str(refusal.value)


def _load_refusal(folder: Path, device: str = "cpu") -> str:
    with pytest.raises(BaseError, match=r"does not load|cannot be used") as refusal:
        load_base(str(folder)).load_model(device=device)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_weights_that_are_not_all_there_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """transformers would make up the rest at random, and say so in a table."""
    folder = tiny_base(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    rest = {name: tensor for name, tensor in weights.items() if "layers.1.mlp" not in name}
    save_file(rest | {"more": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    assert "lack model.layers.1.mlp.down_proj.weight and 2 more" in _load_refusal(folder)
    save_file(weights | {"more": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    load_base(str(folder)).load_model()
    change_config(folder, hidden_size=128)
    assert "shapes" in _load_refusal(folder)
    change_config(folder, model_type="mamba", layer_types=["full_attention"] * 2)
    _load_refusal(folder)
    assert capfd.readouterr() == ("", "")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][3] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    assert "model.norm.weight" in _load_refusal(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "../other.safetensors", 3])
def test_an_index_names_only_safetensors_beside_it(name: object, tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    (tmp_path / "other.safetensors").write_bytes(b"")
    (folder / "pytorch_model.bin").write_bytes(b"")
    keys = load_file(folder / "model-00001-of-00001.safetensors")
    index = folder / "model.safetensors.index.json"
    good = dict.fromkeys(keys, "model-00001-of-00001.safetensors")
    index.write_text(json.dumps({"metadata": {}, "weight_map": good}))
    load_base(str(folder)).load_model()
    index.write_text(json.dumps({"metadata": {}, "weight_map": good | {"model.norm.weight": name}}))
    assert "index" in _refusal(folder)
    for broken in ("[]", "{", '{"weight_map": []}'):
        index.write_text(broken)
        assert "index" in _refusal(folder)


def test_a_device_that_is_not_here_is_one_line(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    assert "device 'nonsense'" in _load_refusal(folder, "nonsense")
    if not torch.cuda.is_available():
        assert "device 'cuda'" in _load_refusal(folder, "cuda")


def test_an_adapter_is_not_a_base(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/model"}')
    assert "adapter" in _refusal(folder)


def test_code_beside_the_weights_never_runs(tmp_path: Path) -> None:
    folder, trace = tiny_base(tmp_path / "model"), tmp_path / "ran"
    (folder / "modeling_evil.py").write_text(f"open({str(trace)!r}, 'w').write('x')\n")
    change_config(folder, auto_map={"AutoModelForCausalLM": "modeling_evil.Evil"})
    load_base(str(folder)).load_model()
    change_config(folder, model_type="evil", auto_map={"AutoConfig": "modeling_evil.Evil"})
    with pytest.raises(BaseError, match="code of its own, which is never run"):
        load_base(str(folder)).load_model()
    assert not trace.exists()


def test_a_model_with_a_running_state_is_refused(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    change_config(folder, layer_types=["linear_attention", "full_attention"])
    assert "linear_attention" in _refusal(folder)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    change_config(folder, vocab_size=100)
    assert "do not belong together" in _refusal(folder)


def test_a_name_that_is_nothing_says_what_would_be(tmp_path: Path) -> None:
    for name in ("no-such-base", str(tmp_path / "absent"), "", "a/b/c"):
        with pytest.raises(BaseError, match="a folder, a GGUF file, or a hub name"):
            load_base(name)


def test_a_slip_in_a_folders_path_asks_no_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bases").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BaseError, match="there is no base 'bases/min'"):
        load_base("bases/min")


def test_a_hub_name_without_network_is_one_line() -> None:
    script = (
        "from homespun_model.bases.base import load_base\n"
        "from homespun_model.errors import BaseError\n"
        "try: load_base('nobody/nothing')\n"
        "except BaseError as error: print(error)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", script],
        env={"HF_HUB_OFFLINE": "1", "PYTHONPATH": ":".join(sys.path), "HF_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "the hub did not give it" in out and out.count("\n") == 1


def test_looking_at_a_base_needs_no_torch(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    script = (
        "import sys; from homespun_model.bases.base import load_base\n"
        f"load_base({str(folder)!r}); sys.exit('torch' in sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )


def test_the_hash_is_of_the_weights_alone(tmp_path: Path) -> None:
    one, two = tiny_base(tmp_path / "a"), tiny_base(tmp_path / "b")
    other = tiny_base(tmp_path / "c", seed=1)
    (one / "README.md").write_text("notes")
    hashes = [load_base(str(folder)).weights_hash for folder in (one, two, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64


def test_context_is_capped(tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "model")
    change_config(folder, max_position_embeddings=131072)
    assert load_base(str(folder)).context_length == MAX_CONTEXT


def test_pieces_of_a_text_encoded_apart_are_the_text() -> None:
    """Where a tokenizer puts a space before every text, the guard keeps it out of the pieces."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "▁<PRE>"], show_progress=False
    )
    tokenizer.train_from_iterator([CODE + " ☺ <PRE> x"], trainer)
    guarded = TextTokenizer(tokenizer, guard=True)
    pieces = ["def ar", "ea(wid", "th)", ": <PRE>", "x"]
    ids = [guarded.encode(piece) for piece in pieces]
    assert [guarded.decode(piece) for piece in ids] == pieces
    assert guarded.decode([number for piece in ids for number in piece]) == "".join(pieces)
    assert tokenizer.token_to_id("▁<PRE>") not in ids[3]


def test_unmarked_sentinels_are_cut_in_two() -> None:
    family = by_name("qwen2.5-coder")
    raw = tiny_tokenizer(family, special=False)
    sentinels = family.resolve(raw.token_to_id).stop
    assert not sentinels.isdisjoint(raw.encode("<|fim_middle|>").ids)  # what the cut is for
    text = TextTokenizer(raw, forbidden=sentinels)
    assert sentinels.isdisjoint(text.encode("<|fim_middle|><|fim_middle|>"))


def _refusal(folder: Path) -> str:
    with pytest.raises(BaseError) as refusal:
        load_base(str(folder))
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_the_starter_is_known_by_its_name_and_its_weights() -> None:
    base = load_base()
    identity = base.record.identity
    assert identity is not None
    assert (identity.name, identity.revision) == ("starter", base.weights_hash[:16])


def test_a_folder_without_a_name_is_known_by_its_weights(tmp_path: Path) -> None:
    one, same, other = (
        load_base(str(tiny_base(tmp_path / name, seed=seed)))
        for name, seed in (("one", 0), ("same", 0), ("other", 1))
    )
    assert one.record.is_same(same.record) and one.record.id != same.record.id
    assert not one.record.is_same(other.record)


def test_two_precisions_with_their_publishers_name_are_one_base(tmp_path: Path) -> None:
    folders = [tiny_base(tmp_path / name, seed=seed) for name, seed in (("f32", 0), ("q4", 1))]
    for folder in folders:
        about = {"name": "org/model", "revision": "r1"}
        (folder / "homespun_base.json").write_text(json.dumps(about))
    finer, coarser = (load_base(str(folder)).record for folder in folders)
    assert finer.weights_hash != coarser.weights_hash
    assert finer.is_same(coarser) and finer.key == coarser.key


def test_a_file_that_the_catalogue_has_by_its_hash_is_that_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(tiny_base(tmp_path / "base"))
    unnamed = load_base(folder)
    row = {"name": "mine", "parameters": 1, "family": "starter", "licence": "MIT"}
    files = [{"name": "model.safetensors", "sha256": unnamed.weights_hash}]
    hub = {"repository": "org/model", "revision": "r1"}
    catalogue = Catalogue((CatalogueEntry.from_dict(row | {"hub": hub, "files": files}),))
    monkeypatch.setattr(base_module, "published", lambda: catalogue)
    named = load_base(folder)
    assert (unnamed.published, named.published) == (None, ("org/model", "r1"))
    assert named.record.is_same(unnamed.record), "what was trained before it was named"


def test_a_hub_name_that_is_not_here_is_not_fetched_unless_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BaseError, match="the hub did not give it"):
        load_base("homespun-tests/nothing-of-this-name", fetch=False)


def test_another_vocabulary_under_the_same_name_is_another_base(tmp_path: Path) -> None:
    record = load_base(str(tiny_base(tmp_path / "base"))).record
    assert record.identity is not None
    other = replace(record, weights_hash="0" * 64, identity=replace(record.identity, tokenizer="x"))
    assert not record.is_same(other)


@pytest.mark.parametrize("text", ["", "[]", '{"name": 1}', '{"name": ""}', '{"revision": "r"}'])
def test_a_name_file_that_says_no_name_is_one_line(tmp_path: Path, text: str) -> None:
    folder = tiny_base(tmp_path / "base")
    (folder / "homespun_base.json").write_text(text)
    with pytest.raises(BaseError, match=r"homespun_base\.json does not say"):
        load_base(str(folder))
