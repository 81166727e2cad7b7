"""``homespun`` in a terminal: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from git_repositories import make_repository
from homespun_model.bases import memory
from homespun_model.store.store import AdapterStore
from homespun_server import cli
from homespun_server.doctor import parse_place
from scratch_repositories import git

if TYPE_CHECKING:
    from taught_models import Taught

CODE = "def area(width, height):\n    \n\n\nprint(área(2, 3))\n"

Run = Callable[..., int]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shapes.py"
    file.write_bytes(CODE.encode())
    return file


@pytest.fixture
def run(taught: Taught, tmp_path: Path) -> Run:
    """Runs a command in this process, on the taught base and an empty store."""
    flags = ["--base", str(taught.base), "--store", str(tmp_path / "store"), "--device", "cpu"]

    def call(command: str, *arguments: str) -> int:
        return cli.run([command, *arguments, *flags])

    return call


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line a failure prints; nothing on standard output."""
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("homespun: ")
    assert err.count("\n") == 1
    return err


# complete


def test_complete_prints_what_would_be_inserted(
    run: Run, file: Path, taught: Taught, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("complete", str(file), "--line", "2", "--column", "5") == 0
    assert capsys.readouterr().out == f"{taught.base_says}\n"


def test_complete_json_has_the_documented_shape(
    run: Run, file: Path, taught: Taught, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("complete", str(file), "--line", "2", "--column", "5", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["text"] == taught.base_says
    assert answer["start"] == answer["end"] == {"line": 2, "column": 5}
    assert (answer["revision"], answer["base"]) == (None, str(taught.base))
    assert answer["shown"] is True
    assert -1 < answer["mean_logprob"] <= 0
    assert isinstance(answer["stopped"], str)
    assert all(value >= 0 for value in answer["milliseconds"].values())


def test_complete_applies_the_repositorys_adapter(
    run: Run, file: Path, taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = taught.publish(AdapterStore(tmp_path / "store"), "example.org/team/app")
    arguments = (str(file), "--line", "2", "--column", "5", "--json")
    assert run("complete", *arguments, "--id", "example.org/team/app") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["text"], answer["revision"]) == (taught.adapter_says, revision.name)
    subprocess.run(["git", "init", "-q", str(file.parent)], check=True)
    origin = ["remote", "add", "origin", "https://me:secret@example.org/team/app"]
    subprocess.run(["git", "-C", str(file.parent), *origin], check=True)
    assert run("complete", *arguments) == 0
    assert json.loads(capsys.readouterr().out)["revision"] == revision.name


def test_complete_with_an_adapter_says_nothing_else(
    file: Path, taught: Taught, tmp_path: Path
) -> None:
    """A whole process: libraries warn from places that a test's own filters never see."""
    taught.publish(AdapterStore(tmp_path / "store"), "team/app")
    flags = ["--base", taught.base, "--store", tmp_path / "store", "--id", "team/app"]
    place = [file, "--line", "2", "--column", "5", "--json"]
    command = [sys.executable, "-m", "homespun_server.cli", "complete", *place, *flags]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["text"] == taught.adapter_says
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names there are Unicode")
def test_complete_in_a_file_whose_name_is_not_utf8(
    run: Run, tmp_path: Path, taught: Taught, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9\n.py")
    file.write_text(CODE)
    assert run("complete", str(file), "--line", "2", "--column", "5") == 0
    assert capsys.readouterr().out == f"{taught.base_says}\n"


@pytest.mark.parametrize(
    ("cursor", "said"),
    [
        ("0:1", "has 6 lines: there is no line 0"),
        ("7:1", "has 6 lines: there is no line 7"),
        ("1:0", "has 24 characters: a cursor there is at column 1 to 25, not 0"),
        ("5:19", "has 17 characters: a cursor there is at column 1 to 18, not 19"),
    ],
)
def test_a_cursor_outside_the_text_is_bad_input(
    run: Run, file: Path, cursor: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line, column = cursor.split(":")
    assert run("complete", str(file), "--line", line, "--column", column) == 2
    assert said in failed(capsys)


def test_files_that_cannot_be_completed_in(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    binary = tmp_path / "binary.py"
    binary.write_bytes(b"\xff\xfe\x00")
    for path, said in (
        (tmp_path / "nowhere.py", "there is no file"),
        (tmp_path, "is a folder"),
        (binary, "is not UTF-8"),
    ):
        assert run("complete", str(path), "--line", "1", "--column", "1") == 2
        assert said in failed(capsys)


def test_a_missing_base_is_bad_input(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["complete", str(file), "--line", "1", "--column", "1"]
    assert cli.run([*arguments, "--base", "no-such-base"]) == 2
    assert "no-such-base" in failed(capsys)


def test_a_base_that_this_machine_cannot_hold_is_bad_input(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(memory, "machine_memory", lambda: memory.SERVING)
    assert run("complete", str(file), "--line", "2", "--column", "5") == 2
    said = failed(capsys)
    assert "serving it takes about 0.5 GiB of memory, and 0.5 GiB may be had here" in said
    assert "choose a smaller base" in said


def test_a_damaged_adapter_is_a_failure(
    run: Run, file: Path, taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    revision = taught.publish(AdapterStore(tmp_path / "store"), "example.org/team/app")
    (revision.path / "adapter_model.safetensors").write_bytes(b"damaged")
    place = ("--line", "2", "--column", "5", "--id", "example.org/team/app")
    assert run("complete", str(file), *place) == 1
    assert revision.name in failed(capsys)


# Usage


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["complete"],
        ["complete", "x.py", "--line", "a", "--column", "1"],
        ["serve", "--tcp", "0.0.0.0:9999"],
        ["serve", "--tcp", "127.0.0.1:99999"],
        ["serve", "--no-such-flag"],
        ["serve", "--store", "{file}"],
        ["serve", "--store", ""],
        ["serve", "--device", "nonsense"],
        ["complete", "{file}", "--line", "1", "--column", "1", "--device", "nonsense"],
        ["complete", "{file}", "--line", "1", "--column", "1", "--store", "{file}"],
        ["complete", "{file}", "--line", "1", "--column", "1", "--id", ""],
        ["complete", "{file}", "--line", "1", "--column", "1", "--id", "../../x"],
        ["adapters", "list", "/no/such/folder"],
        ["adapters", "list", "{file}"],
        ["adapters", "list", "--id", ""],
        ["adapters", "list", "--id", "team/app", "--store", ""],
        ["adapters", "list", "--id", "team/app", "--store", "{file}"],
        ["adapters", "verify", "--id", "team/app", "--store", "{file}/below"],
        ["adapters", "rollback", "--id", "../../x"],
        ["adapters", "prune", "--keep", "0"],
        ["models", "get"],
        ["models", "get", "../x", "--from", "{file}"],
        ["models", "get", "no-such-base"],
        ["models", "get", "smollm2-135m"],
        ["models", "get", "starcoder2-3b", "--source", "packages"],
        ["models", "get", "starcoder2-3b", "--source", "nonsense"],
        ["models", "use", "starcoder2-3b"],
        ["models", "use", "no-such-base"],
        ["models", "remove", "starter"],
        ["complete", "{file}", "--line", "1", "--column", "1", "--base", "starcoder2-3b"],
    ],
)
def test_bad_usage_is_one_line_and_2(
    arguments: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(file.parent.rglob("*"))
    assert cli.run([argument.format(file=file) for argument in arguments]) == 2
    failed(capsys)
    assert sorted(file.parent.rglob("*")) == before


def test_a_traceback_only_with_debug(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["complete", str(file), "--line", "99", "--column", "1"]
    assert cli.run([*arguments, "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert cli.run(arguments) == 2
    failed(capsys)


def test_an_interruption_is_130(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_arguments: object, **_more: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("homespun_server.complete_command.complete", interrupted)
    assert cli.run(["complete", str(file), "--line", "1", "--column", "1"]) == 130
    assert "interrupted" in failed(capsys)


def test_help_needs_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'numpy', 'pygls', 'lsprotocol', 'pygit2', 'rich'}"
    code = (
        "import sys; from homespun_server import cli; code = cli.run(sys.argv[1:]); "
        f"found = {heavy} & set(sys.modules); sys.exit(code or len(found))"
    )
    for arguments in ([], ["complete"], ["serve"], ["adapters", "list"]):
        before = os.times()
        command = [sys.executable, "-c", code, *arguments, "--help"]
        done = subprocess.run(command, capture_output=True, check=False)
        after = os.times()
        assert done.returncode == 0, done.stderr.decode()
        spent = after.children_user + after.children_system
        assert spent - before.children_user - before.children_system < 0.5


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("homespun ")


def test_without_a_base_of_their_own_people_are_told_how_to_get_one(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["complete", str(file), "--line", "2", "--column", "5", "--json"]
    assert cli.run([*place, "--store", str(tmp_path / "store"), "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["base"] == "starter"
    assert err.count("\n") == 1 and "homespun models get" in err


# models, doctor, adapters


def test_doctor_names_an_adapter_whose_repository_looks_the_same(
    run: Run, taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_repository(tmp_path / "shop", {"shapes.py": CODE})
    commit = git(root, "rev-parse", "HEAD").strip()
    store, origin = AdapterStore(tmp_path / "store"), "https://other.example/team/shop"
    git(root, "remote", "add", "origin", origin)
    taught.publish(store, "example.org/team/shop", repositories=[{"first_commit": commit}])
    taught.publish(store, "example.org/team/till", repositories=[{"first_commit": "0" * 40}])
    assert run("doctor", f"{root / 'shapes.py'}:2:5") == 0
    out = capsys.readouterr().out
    assert "homespun serve --id example.org/team/shop" in out
    assert taught.base_says in out  # it is named, and not chosen
    assert run("complete", str(root / "shapes.py"), "--line", "2", "--column", "5") == 0
    assert capsys.readouterr().out == f"{taught.base_says}\n"


def test_doctor_says_what_serves_a_place(
    run: Run, file: Path, taught: Taught, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("doctor", f"{file}:2:5") == 0
    out = capsys.readouterr().out
    assert f"ok  base: {taught.base}" in out
    assert "shapes.py, python" in out
    assert taught.base_says in out
    assert "BAD" not in out


def test_doctor_knows_a_script_by_its_first_line(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tool := tmp_path / "tool").write_text(f"#!/usr/bin/env python3\n{CODE}")
    assert run("doctor", str(tool)) == 0
    assert "tool, python" in capsys.readouterr().out


def test_doctor_says_what_stands_in_the_way(
    run: Run, file: Path, taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", str(file.parent)], check=True)
    origin = ["remote", "add", "origin", "https://example.org/team/app"]
    subprocess.run(["git", "-C", str(file.parent), *origin], check=True)
    (file.parent / "homespun.toml").write_text('exclude = ["*.py"]\nstore = "/tmp/x"\n')
    revision = taught.publish(AdapterStore(tmp_path / "store"), "example.org/team/app")
    (revision.path / "adapter_model.safetensors").write_bytes(b"damaged")
    assert run("doctor", str(file)) == 1
    out = capsys.readouterr().out
    assert "BAD settings: homespun.toml: unknown setting 'store'" in out
    assert "nothing is suggested here until its settings can be read" in out
    assert "BAD exclude" not in out
    assert run("complete", str(file), "--line", "2", "--column", "5") == 2
    said = capsys.readouterr()
    assert "unknown setting 'store'" in said.err
    assert "nothing is suggested here" in said.err
    assert not said.out
    assert "BAD adapter: " in out
    (file.parent / "homespun.toml").write_text('exclude = ["*.py"]\n')
    assert run("doctor", f"{file}:2:5") == 1
    out = capsys.readouterr().out
    assert "BAD exclude: " in out
    assert "suggestion" not in out
    assert run("doctor", str(tmp_path / "nowhere.py")) == 1
    assert "BAD file: there is no file" in capsys.readouterr().out
    assert cli.run(["doctor", "--base", str(taught.base), "--store", str(file)]) == 1
    assert "BAD store: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a.py", ("a.py", None, None)),
        ("a.py:3", ("a.py", 3, None)),
        ("a.py:3:14", ("a.py", 3, 14)),
        ("C:\\team\\a.py:3:14", ("C:\\team\\a.py", 3, 14)),
    ],
)
def test_places_on_the_command_line(text: str, parsed: tuple[Any, ...]) -> None:
    assert parse_place(text) == (Path(parsed[0]), *parsed[1:])


def test_adapters_are_listed_shown_rolled_back_verified_and_pruned(
    taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = AdapterStore(tmp_path / "store")
    flags = ["--store", str(store.root), "--id", "team/app"]
    first, second, third = (taught.publish(store, "team/app") for _ in range(3))

    def call(command: str, *arguments: str, code: int = 0) -> str:
        assert cli.run(["adapters", command, *arguments, *flags]) == code
        return capsys.readouterr().out

    listed = json.loads(call("list", "--json"))
    assert [row["revision"] for row in listed["revisions"]] == [
        revision.name for revision in (first, second, third)
    ]
    assert [row["current"] for row in listed["revisions"]] == [False, False, True]
    assert f"* {third.name}" in call("list")
    assert json.loads(call("show"))["parent"] == second.name
    assert json.loads(call("show", first.name))["parent"] is None
    assert "0 problems" in call("verify")
    assert second.name in call("rollback")
    assert json.loads(call("show"))["revision"] == second.name
    (third.path / "adapter_model.safetensors").write_bytes(b"damaged")
    assert third.name in call("verify", code=1)
    call("show", "nonsense", code=2)
    call("prune", "--keep", "1")
    left = json.loads(call("list", "--json"))["revisions"]
    assert second.name in [row["revision"] for row in left]
    assert "the base" in call("rollback", "--to-base")
    assert [row["current"] for row in json.loads(call("list", "--json"))["revisions"]] == [
        False for _ in left
    ]


def test_a_damaged_store_is_still_listed_and_verified(
    taught: Taught, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = AdapterStore(tmp_path / "store")
    flags = ["--store", str(store.root), "--id", "team/app"]
    first, second = (taught.publish(store, "team/app") for _ in range(2))
    [current] = second.path.parent.parent.glob("current=*")
    manifest = first.manifest | {"decision": {"outcome": "\x1b[31m"}, "created": "\x1b]0;x\x07"}
    (first.path / "manifest.json").write_text(json.dumps(manifest))

    (second.path / "manifest.json").write_text("damaged")
    assert cli.run(["adapters", "list", *flags]) == 0
    out = capsys.readouterr().out
    assert f"* {second.name}  no readable manifest" in out
    assert "\x1b" not in out
    assert cli.run(["adapters", "verify", *flags]) == 1
    assert "current: revision" in capsys.readouterr().out

    current.write_text("damaged")
    assert cli.run(["adapters", "list", "--json", *flags]) == 1
    out, err = capsys.readouterr()
    assert [row["current"] for row in json.loads(out)["revisions"]] == [False, False]
    assert "--to-base" in err and err.count("\n") == 1
    for command in ("show", "rollback", "prune"):
        assert cli.run(["adapters", command, *flags]) == 1
        assert "--to-base" in failed(capsys)
    assert cli.run(["adapters", "rollback", "--to-base", *flags]) == 0
    assert cli.run(["adapters", "list", *flags]) == 0


def test_a_repository_without_adapters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--store", str(tmp_path / "store"), "--id", "team/app"]
    assert cli.run(["adapters", "list", *flags]) == 0
    assert "0 revisions" in capsys.readouterr().out
    for command in ("show", "rollback"):
        assert cli.run(["adapters", command, *flags]) == 1
        failed(capsys)
