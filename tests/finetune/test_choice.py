"""The base where nobody names one: the user's choice, the best that is here, or the starter."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fetched_bases import Machine, entry
from homespun_finetune import cli as finetune_cli
from homespun_finetune.progress import console_for_people
from homespun_model.bases.base import load_base
from homespun_model.bases.choice import Chooser, chosen_base
from homespun_model.bases.memory import needed
from homespun_model.catalogue import own_settings
from homespun_model.catalogue.catalogue import Catalogue, published
from homespun_model.catalogue.shelf import Shelf, default_shelf
from homespun_model.errors import BaseError
from scratch_repositories import make_repository
from tiny_models import tiny_base

ROWS = tuple(
    entry(name=name, parameters=parameters, instruct=instruct)
    for name, parameters, instruct in (
        ("qwen2.5-coder-small", 1_000_000, False),
        ("qwen2.5-coder-large", 2_000_000_000, False),
        ("qwen2.5-coder-large-instruct", 2_000_000_000, True),
    )
)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "user", ROWS)


def put(shelf: Shelf, *names: str) -> None:
    """Bases that are here, as far as anybody looks before one is loaded."""
    for name in names:
        (shelf.coming(name) / "model.gguf").write_bytes(b"GGUF")
        shelf.place(name, ["model.gguf"], {"name": None})


def chooser(machine: Machine, memory: int = 64 << 30, purpose: str = "serve") -> Chooser:
    assert purpose in ("serve", "train")
    shelf, settings, catalogue = machine.shelf, machine.settings, Catalogue(machine.entries)
    return Chooser("serve" if purpose == "serve" else "train", shelf, settings, catalogue, memory)


def test_with_nothing_here_it_is_the_starter_and_how_to_do_better(machine: Machine) -> None:
    choice = chooser(machine).choice()
    assert choice.base == "starter"
    assert "homespun models get qwen2.5-coder-large" in str(choice.hint)
    assert chooser(machine, memory=0).choice().hint is None


def test_the_largest_that_is_here_and_fits(machine: Machine) -> None:
    put(machine.shelf, *(row.name for row in ROWS))
    assert chooser(machine).choice().base == "qwen2.5-coder-large"
    need = needed(2_000_000_000)
    assert need.serve < need.train
    to_serve = need.serve + 1
    assert chooser(machine, to_serve).choice().base == "qwen2.5-coder-large"
    to_train = chooser(machine, to_serve, "train").choice()
    assert to_train.base == "qwen2.5-coder-small"
    assert "qwen2.5-coder-large, which editors here are served with" in str(to_train.hint)
    assert "homespun models use qwen2.5-coder-small" in str(to_train.hint)
    assert chooser(machine, purpose="train").choice().hint is None
    assert chooser(machine, to_serve).choice().hint is None


def test_the_users_choice_comes_first(machine: Machine, tmp_path: Path) -> None:
    put(machine.shelf, *(row.name for row in ROWS))
    own_settings.choose(machine.settings, "qwen2.5-coder-small")
    assert chooser(machine).choice().base == "qwen2.5-coder-small"
    own_settings.choose(machine.settings, str(tmp_path))
    assert chooser(machine).choice().base == str(tmp_path)


@pytest.mark.parametrize("chosen", ["sub/folder", "org/model", "./x", "no-such"])
def test_a_choice_that_depends_on_the_working_folder_is_refused(
    machine: Machine, chosen: str
) -> None:
    own_settings.choose(machine.settings, chosen)
    with pytest.raises(BaseError, match="homespun models use"):
        chooser(machine).choice()


def test_a_repository_cannot_choose(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by a folder that is called like a base, nor by settings of its own."""
    repository = tmp_path / "repository"
    tiny_base(repository / "qwen2.5-coder-0.5b-instruct")
    planted = tiny_base(repository / "starter")
    (repository / "homespun.toml").write_text('base = "./starter"\n')
    (repository / "config.toml").write_text('base = "./starter"\n')
    monkeypatch.chdir(repository)
    assert chosen_base("serve").base == "starter"
    assert chooser(machine).choice().base == "starter"
    assert load_base("starter").weights_hash != load_base(str(planted)).weights_hash
    with pytest.raises(BaseError, match=r"homespun models get qwen2\.5-coder"):
        load_base("qwen2.5-coder-0.5b-instruct")


def test_a_name_on_the_shelf_is_loaded_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shelf = default_shelf()
    tiny_base(shelf.coming("mine"))
    names = [path.name for path in shelf.coming("mine").iterdir()]
    shelf.place("mine", names, {"name": "org/Tiny", "revision": "r"})
    base = load_base("mine")
    assert (base.id, base.published) == ("mine", ("org/Tiny", "r"))
    assert base.weights_hash == load_base(str(shelf.folder("mine"))).weights_hash


def test_what_changes_the_choice_changes_the_stamp(machine: Machine, tmp_path: Path) -> None:
    stamps = [chooser(machine).stamp()]
    put(machine.shelf, "qwen2.5-coder-small")
    stamps.append(chooser(machine).stamp())
    assert chooser(machine).stamp() == stamps[-1]
    machine.shelf.remove("qwen2.5-coder-small")
    put(machine.shelf, "qwen2.5-coder-small")
    stamps.append(chooser(machine).stamp())
    own_settings.choose(machine.settings, str(tmp_path))
    stamps.append(chooser(machine).stamp())
    assert len(set(stamps)) == len(stamps)


def test_a_training_is_of_the_chosen_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    base = tiny_base(tmp_path / "tiny")
    own_settings.choose(own_settings.default_file(), str(base))
    team = str(make_repository(tmp_path / "team"))
    command = [sys.executable, "-m", "homespun_finetune.cli", team, "--dry-run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["base"] == str(base)


def test_a_training_without_one_says_how_to_get_a_better(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = console_for_people()
    assert finetune_cli._base(None, console, silent=False) == "starter"
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "homespun models get" in err
    assert finetune_cli._base(None, console, silent=True) == "starter"
    assert finetune_cli._base("named", console, silent=False) == "named"
    assert capsys.readouterr() == ("", "")


# The file of settings


@pytest.mark.parametrize(
    "before",
    [
        "",
        'base = "old"',
        '# mine\ncolour = "red"  # base = 3\n\n[table]\nbase = "not this"\n',
        'text = """\n[no table]\n"""\nbase = "old"\n[t]\nx = 1\n',
        'text = """\nbase = 1\n"""\n',
        "base='old'\r\nx = 1\r\n",
    ],
)
def test_a_choice_leaves_everything_else_as_it_is(tmp_path: Path, before: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(before.encode())
    own_settings.choose(file, 'a "name" \\ é')
    assert own_settings.chosen(file) == 'a "name" \\ é'
    kept = {key: value for key, value in tomllib.loads(before).items() if key != "base"}
    assert tomllib.loads(file.read_text()) == kept | {"base": 'a "name" \\ é'}
    assert file.read_text().count("# mine") == before.count("# mine")
    own_settings.choose(file, None)
    assert tomllib.loads(file.read_text()) == kept
    assert [*tmp_path.iterdir()] == [file]


def test_what_cannot_be_edited_safely_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    text = 'base = """\nold"""\n'
    file.write_text(text)
    with pytest.raises(BaseError, match="by hand"):
        own_settings.choose(file, "starter")
    assert file.read_text() == text


@pytest.mark.parametrize("content", [b"base = ", b"\xff\xfe", b"base = 3\n", b'base = ""\n'])
def test_a_broken_file_is_one_line_that_names_it(machine: Machine, content: bytes) -> None:
    machine.settings.parent.mkdir(parents=True)
    machine.settings.write_bytes(content)
    with pytest.raises(BaseError, match=r"config\.toml") as refused:
        chooser(machine).choice()
    assert "\n" not in str(refused.value)


def test_every_row_of_the_catalogue_is_of_a_family_that_its_name_tells() -> None:
    from homespun_model.bases.families import named_family

    for row in published().entries:
        if row.name != "starter":
            family = named_family([row.name])
            assert family is not None and family.name == row.family
        for file in row.files:
            assert file.sha256 is not None and len(file.sha256) == 64
        if row.hub is not None and row.hub.revision is not None:
            assert len(row.hub.revision) == 40
        assert row.packages is None or row.files
