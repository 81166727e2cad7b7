"""``homespun models`` in a terminal: what there is, what is here, what is chosen, what goes."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fetched_bases import DATA, NAME, Machine, entry
from generic_adapters import random_generic
from homespun_model.bases.base import load_base
from homespun_model.catalogue import own_settings
from homespun_model.catalogue.elsewhere import MODEL
from homespun_model.catalogue.shelf import NAME_FILE, default_shelf
from homespun_model.errors import BaseError
from homespun_model.store.store import AdapterStore
from homespun_server import cli
from homespun_server.adapters import AdapterCommands
from homespun_server.errors import CommandUsageError
from tiny_models import tiny_base

Said = pytest.CaptureFixture[str]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    return Machine(tmp_path / "user")


@pytest.fixture
def got(machine: Machine, tmp_path: Path) -> Machine:
    """A machine that has the base."""
    file = tmp_path / "tiny.gguf"
    file.write_bytes(DATA)
    machine.get(given=str(file))
    return machine


def listed(machine: Machine, capsys: Said) -> dict[str, object]:
    capsys.readouterr()
    machine.commands.list(as_json=True)
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def row(machine: Machine, capsys: Said, name: str = NAME) -> dict[str, object]:
    rows = listed(machine, capsys)["models"]
    assert isinstance(rows, list)
    return next(one for one in rows if one["name"] == name)


def test_what_is_here_and_in_use_is_marked(machine: Machine, tmp_path: Path, capsys: Said) -> None:
    before = row(machine, capsys)
    assert (before["here"], before["chosen"], before["from"]) == (False, False, None)
    assert before["sources"] == ["hub", "packages"]
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    machine.get(given=str(tmp_path / "tiny.gguf"))
    after = row(machine, capsys)
    assert (after["here"], after["chosen"]) == (True, True)
    assert after["from"] == str(tmp_path / "tiny.gguf")
    assert after["path"] == str(machine.shelf.folder(NAME))
    assert after["key"] == before["key"]
    machine.commands.list(as_json=False)
    assert f"* {NAME}" in capsys.readouterr().out


def test_the_whole_list_is_of_this_machine(capsys: Said) -> None:
    for arguments in (["models"], ["models", "list"]):
        assert cli.run([*arguments, "--json"]) == 0
        found = {one["name"]: one for one in json.loads(capsys.readouterr().out)["models"]}
        assert found["starter"]["fits"] == "serve and train"
        assert found["starter"]["here"] and found["starter"]["chosen"]
        assert found["qwen2.5-coder-7b"]["serve_gib"] > found["starter"]["serve_gib"]
        assert "not for commercial use" in found["qwen2.5-coder-3b"]["licence"]
        assert "not pinned" in found["mellum-4b-base"]["doubt"]
        assert cli.run(arguments) == 0
        assert "GiB of memory here" in capsys.readouterr().out


def test_the_largest_tried_base_that_this_machine_can_serve_is_recommended(
    tmp_path: Path, capsys: Said
) -> None:
    sizes = (("small", 1_000, True), ("large", 3_000, True), ("untried", 9_000, False))
    rows = [entry(name=name, parameters=size, tested=tried) for name, size, tried in sizes]
    too_large = entry(name="too-large", parameters=10**12)
    machine = Machine(tmp_path / "user", (*rows, too_large))
    found = {name: row(machine, capsys, name) for name in ("small", "large", "untried")}
    assert [name for name, one in found.items() if one["recommended"]] == ["large"]
    assert row(machine, capsys, "too-large")["fits"] == "no"
    machine.commands.list(as_json=False)
    assert capsys.readouterr().out.count("recommended") == 1


def test_a_choice_is_noted_in_the_users_own_settings(got: Machine, capsys: Said) -> None:
    got.commands.use("starter")
    assert own_settings.chosen(got.settings) == "starter"
    assert listed(got, capsys)["chosen"] == "starter"
    got.commands.use(NAME)
    assert row(got, capsys)["chosen"] is True


def test_a_folder_is_chosen_by_its_whole_path_if_it_loads(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    folder = tiny_base(tmp_path / "own")
    monkeypatch.chdir(tmp_path)
    machine.commands.use("own")
    assert own_settings.chosen(machine.settings) == str(folder)
    machine.commands.list(as_json=False)
    assert f"* {folder}" in capsys.readouterr().out
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BaseError, match=r"tokenizer\.json"):
        machine.commands.use("own")


def test_what_is_not_here_cannot_be_chosen(machine: Machine) -> None:
    with pytest.raises(BaseError, match=f"homespun models get {NAME}"):
        machine.commands.use(NAME)
    with pytest.raises(BaseError, match="there is no"):
        machine.commands.use("nowhere")
    assert not machine.settings.exists()


def test_what_is_removed_is_no_longer_chosen_and_that_is_said(got: Machine, capsys: Said) -> None:
    got.commands.use(NAME)
    capsys.readouterr()
    got.commands.remove(NAME)
    assert "now starter is used" in capsys.readouterr().out
    assert own_settings.chosen(got.settings) is None
    assert got.is_clean()
    assert not [*got.shelf.root.rglob("*.gguf")]
    with pytest.raises(CommandUsageError, match="is not here"):
        got.commands.remove(NAME)
    with pytest.raises(CommandUsageError, match="part of homespun"):
        got.commands.remove("starter")


def test_what_came_of_a_base_is_removed_too(machine: Machine) -> None:
    (machine.shelf.coming(NAME) / "model.gguf.part").write_bytes(b"GGUF")
    machine.commands.remove(NAME)
    assert not [*machine.shelf.root.rglob("*.part")]


def test_adapters_of_a_base_on_the_shelf_are_not_those_of_a_folder_called_like_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    adapters = AdapterCommands.of(str(tmp_path / "store"), tmp_path, "team/app", "mine")
    assert adapters.base == str(tmp_path / "mine")
    default_shelf().coming("mine")
    default_shelf().place("mine", [], {"name": None})
    adapters = AdapterCommands.of(str(tmp_path / "store"), tmp_path, "team/app", "mine")
    assert adapters.base == "mine"


def test_adapters_of_a_base_are_found_by_any_of_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    store, named = AdapterStore(tmp_path / "store"), json.dumps({"name": "org/model"})
    folders = [tiny_base(tmp_path / name, seed=seed) for name, seed in (("f32", 0), ("bf16", 1))]
    for folder in folders:
        (folder / NAME_FILE).write_text(named)
    trained_on, twin = map(str, folders)
    staged = store.stage("team/app")
    (staged / "adapter_model.safetensors").write_text("weights")
    (staged / "adapter_config.json").write_text("{}")
    about = {"base": load_base(trained_on).record.to_json(), "prompt_version": 1}
    published = store.publish("team/app", staged, about)
    adapters = AdapterCommands.of(str(store.root), tmp_path, "team/app", twin)
    assert adapters.show(None) == 0
    assert store.currents("team/app")[0].name == published.name
    assert adapters.rollback(to_base=False) == 0
    assert store.currents("team/app") == []


def test_whole_files_of_a_base_on_its_way_count_as_much_as_parts(
    machine: Machine, capsys: Said
) -> None:
    coming = machine.shelf.coming(NAME)
    (coming / "model-1.safetensors").write_bytes(b"x" * 100)
    (coming / "model-2.safetensors.part").write_bytes(b"x" * 20)
    (coming / "pip").mkdir()
    assert row(machine, capsys)["fetched"] == 120


@pytest.mark.skipif(sys.platform == "win32", reason="there it is refused while it is open")
def test_who_has_loaded_a_base_goes_on_with_it_when_it_is_removed(got: Machine) -> None:
    with (got.shelf.folder(NAME) / "model.gguf").open("rb") as file:
        weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    got.commands.remove(NAME)
    assert weights[:] == DATA


def test_models_that_cannot_fill_in_are_refused_with_the_reason(machine: Machine) -> None:
    with pytest.raises(BaseError, match="not trained to fill in the middle"):
        machine.get(name="smollm2-135m")
    with pytest.raises(CommandUsageError, match="there is no"):
        machine.get(name="gpt-9")
    with pytest.raises(CommandUsageError, match="part of homespun"):
        machine.get(name="starter")


def test_sources_that_cannot_be_meant(machine: Machine) -> None:
    with pytest.raises(CommandUsageError, match="give one of them"):
        machine.get("hub", given="x.gguf")
    with pytest.raises(CommandUsageError, match="hub or packages"):
        machine.get("ftp")


def test_other_programs_models_are_named_if_they_are_of_a_known_family(
    machine: Machine, tmp_path: Path, capsys: Said
) -> None:
    models = tmp_path / "home" / ".ollama" / "models"
    for name, tag in (("qwen2.5-coder", "0.5b-base"), ("llama3", "8b")):
        digest = hashlib.sha256(name.encode()).hexdigest()
        manifest = models / "manifests" / "registry.ollama.ai" / "library" / name / tag
        manifest.parent.mkdir(parents=True)
        layers = [
            {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "0" * 64},
            {"mediaType": MODEL, "digest": f"sha256:{digest}"},
        ]
        manifest.write_text(json.dumps({"layers": layers}))
        (models / "blobs").mkdir(exist_ok=True)
        (models / "blobs" / f"sha256-{digest}").write_bytes(b"GGUF")
    broken = models / "manifests" / "registry.ollama.ai" / "library" / "starcoder2" / "3b"
    broken.parent.mkdir(parents=True)
    for content in ("{", '{"layers": 3}', '{"layers": [{"mediaType": 1}]}', "[]"):
        broken.write_text(content)
        listed(machine, capsys)
    studio = tmp_path / "home" / ".lmstudio" / "models" / "org" / "repo"
    studio.mkdir(parents=True)
    (studio / "starcoder2-3b-Q4_K_M.gguf").write_bytes(b"GGUF")
    (studio / "SmolLM2-135M.gguf").write_bytes(b"GGUF")
    found = listed(machine, capsys)["elsewhere"]
    assert isinstance(found, list)
    assert [one["name"] for one in found] == ["starcoder2-3b-Q4_K_M", "qwen2.5-coder:0.5b-base"]
    assert all(Path(one["path"]).read_bytes() == b"GGUF" for one in found)


def test_failures_are_one_line_and_an_event_for_editors(tmp_path: Path) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "XDG_DATA_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "homespun_server.cli", "models", "get"]
    done = subprocess.run(
        [*command, "mellum-4b-base", "--source", "hub", "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["event"] == "error" and "HF_HUB_OFFLINE" in last["message"]
    assert done.stderr == f"homespun: {last['message']}\n"


def test_a_base_with_a_generic_adapter_is_said_to_be_adapted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shelf = default_shelf()
    for name in ("mine", "other"):
        tiny_base(shelf.coming(name), seed=len(name))
        names = [path.name for path in shelf.coming(name).iterdir()]
        shelf.place(name, names, {"name": f"org/{name}", "revision": None})
    random_generic(load_base("mine"), tmp_path)
    assert cli.run(["models", "--json"]) == 0
    rows = {row["name"]: row["adapted"] for row in json.loads(capsys.readouterr().out)["models"]}
    assert (rows["mine"], rows["other"], rows["starter"]) == (True, False, False)
    assert cli.run(["models"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["mine"].endswith("; adapted")
    assert "adapted" not in lines["other"]
