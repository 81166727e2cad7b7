"""``finetune-repo`` as users run it: a real process, real repositories, a tiny base."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from homespun_model.store.store import AdapterStore
from scratch_repositories import git, make_repository
from served_revision import served_revision
from tiny_models import tiny_base

COMMAND = (sys.executable, str(Path(__file__).parents[1] / "support" / "finetune_leniently.py"))
STRICT = (sys.executable, "-m", "homespun_finetune.cli")
NO_SHARES = (
    "bits_per_byte",
    "holes",
    "completions",
    "whole_completions",
    "lines",
    "typing_balance",
    "wrong_shown",
)
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("repositories") / "team")


@pytest.fixture(scope="module")
def published(
    tmp_path_factory: pytest.TempPathFactory, repository: Path, base: Path
) -> Iterator[tuple[Path, subprocess.CompletedProcess[str]]]:
    """A store with one published adapter, and the run that published it."""
    store = tmp_path_factory.mktemp("stores") / "store"
    arguments = ("--store", store, "--id", "team", "--json", "--report", store.parent / "page.html")
    yield store, finetune(repository, "--base", base, *arguments)


def finetune(
    *arguments: object, minutes: float = 2, command: tuple[str, ...] = COMMAND
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *map(str, arguments), "--minutes", str(minutes)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Standard output as the one JSON object that it must be."""
    parsed = json.loads(done.stdout)
    assert isinstance(parsed, dict)
    return parsed


def contents(folder: Path) -> list[tuple[str, int]]:
    """Every file of a store and when it was written, but for work that can be gone on with."""
    files = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock" and "unfinished" not in path.parts
    )
    return sorted((str(file.relative_to(folder)), file.stat().st_mtime_ns) for file in files)


def test_a_better_adapter_is_published(
    published: tuple[Path, subprocess.CompletedProcess[str]], base: Path
) -> None:
    _, done = published
    assert done.returncode == 0, done.stderr
    said = answer(done)
    assert said["decision"] == "published"
    assert said["reasons"]
    assert said["repository"] == "team"
    assert said["base"] == str(base)
    counts = said["counts"]
    assert counts["functions"] == counts["kept"] + sum(counts["rejected"].values())
    metrics = said["metrics"]
    assert metrics["incumbent"] is None
    assert metrics["candidate"]["bits_per_byte"] < metrics["base"]["bits_per_byte"]
    assert metrics["candidate"]["holes"] == metrics["base"]["holes"] >= 30
    for name, value in metrics["candidate"].items():
        assert name in NO_SHARES or 0 <= value <= 1, name
    assert metrics["copy"]["holes"] == metrics["base"]["holes"]
    assert metrics["generic"] is None
    assert set(said["seconds"]) == {"mine", "train", "evaluate"}


@pytest.mark.slow
def test_an_adapter_that_the_n_gram_baseline_beats_is_not_published(
    repository: Path, base: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    arguments = (repository, "--base", base, "--store", store, "--id", "team", "--json")
    done = finetune(*arguments, command=STRICT)
    assert done.returncode == 3, done.stderr
    assert any("the n-gram baseline" in reason for reason in answer(done)["reasons"])
    adapters = AdapterStore(store)
    assert served_revision(adapters, "team") is None
    [kept] = adapters.revisions("team")
    assert kept.manifest["decision"]["outcome"] in ("refused", "undecided")
    verdicts = {check["name"]: check["verdict"] for check in kept.manifest["decision"]["checks"]}
    assert verdicts["better than copying from the repository"] != "passed"
    assert adapters.verify("team", kept.name) == []


def test_what_is_in_the_store(
    published: tuple[Path, subprocess.CompletedProcess[str]], repository: Path
) -> None:
    store, done = published
    adapters = AdapterStore(store)
    revision = served_revision(adapters, "team")
    assert revision is not None
    assert revision.name == answer(done)["revision"]
    assert adapters.verify("team", revision.name) == []
    manifest = revision.manifest
    assert manifest["decision"]["outcome"] == "published"
    assert manifest["commit"] == git(repository, "rev-parse", "HEAD")
    assert manifest["metrics"]["evidence"]["gain"]["low"] > 0
    assert manifest["training"]["budget"]["tokens"] > 0
    assert manifest["settings"]["train"]["rank"] == 32
    assert 0.02 <= manifest["shown_from"]["likely"] <= 0.5
    assert list((store / "team" / "staging").iterdir()) == []


def test_a_report_lies_beside_the_revision_and_where_it_was_asked_for(
    published: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    store, _ = published
    revision = served_revision(AdapterStore(store), "team")
    assert revision is not None
    page = (store.parent / "page.html").read_text(encoding="utf-8")
    assert page == (revision.path / "report.html").read_text(encoding="utf-8")
    assert "Published" in page and "n-gram" in page
    assert set(revision.manifest["files"]) >= {"report.html", "adapter_model.safetensors"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--report", "/nowhere/at/all/page.html"), "name a file in a folder that is there"),
        (("--report", "page.html", "--dry-run"), "measure nothing that --report could show"),
    ],
)
def test_a_report_that_cannot_be_is_said_before_the_work(
    repository: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = finetune(repository, *arguments)
    assert done.returncode == 2
    assert said in one_line(done)


def test_people_read_standard_error(
    published: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, done = published
    assert "\x1b" not in done.stderr
    assert "PUBLISHED" in done.stderr
    for word in ("bits per byte", "adapter", "most improved", "most worsened", "Warning"):
        assert (word in done.stderr) == (word != "Warning"), word


@pytest.mark.slow
def test_evaluate_only_measures_what_is_served_and_changes_nothing(
    published: tuple[Path, subprocess.CompletedProcess[str]], repository: Path, base: Path
) -> None:
    store, first = published
    before = contents(store)
    done = finetune(
        *(
            repository,
            "--base",
            base,
            "--store",
            store,
            "--id",
            "team",
            "--evaluate-only",
            "--json",
        ),
        minutes=1,
    )
    assert done.returncode == 0, done.stderr
    said = answer(done)
    assert said["decision"] == "evaluated"
    assert said["metrics"]["candidate"] is None
    was = answer(first)["metrics"]["candidate"]["bits_per_byte"]
    assert said["metrics"]["incumbent"]["bits_per_byte"] == pytest.approx(was, rel=0.05)
    assert contents(store) == before


@pytest.mark.slow
def test_another_base_has_a_current_adapter_of_its_own(
    published: tuple[Path, subprocess.CompletedProcess[str]], repository: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(published[0], store)
    was = served_revision(AdapterStore(store), "team")
    assert was is not None
    other = tiny_base(tmp_path / "other", seed=1)
    done = finetune(repository, "--base", other, "--store", store, "--id", "team", "--json")
    assert done.returncode == 0, done.stderr
    assert answer(done)["metrics"]["incumbent"] is None, "the incumbent is another base's"
    currents = AdapterStore(store).currents("team")
    assert {current.name for current in currents} == {was.name, answer(done)["revision"]}
    assert str(other) in [current.base for current in currents]


def test_evaluate_only_without_held_out_code_writes_no_report(base: Path, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    body = "".join(f"    total += rows[{n}].price * rows[{n}].count\n" for n in range(9))
    (tmp_path / "small" / "a.py").write_text(f"def total(rows):\n{body}    return total\n")
    arguments = ("--base", base, "--store", tmp_path / "store", "--evaluate-only", "--json")
    done = finetune(tmp_path / "small", *arguments, "--report", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "the report was not written: there is no held-out code" in done.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("damage", ["weights", "manifest", "claims"])
def test_a_damaged_incumbent_is_said_before_the_work(
    published: tuple[Path, subprocess.CompletedProcess[str]],
    repository: Path,
    base: Path,
    tmp_path: Path,
    damage: str,
) -> None:
    store = tmp_path / "store"
    shutil.copytree(published[0], store)
    revision = served_revision(AdapterStore(store), "team")
    assert revision is not None
    if damage == "weights":
        (revision.path / "adapter_model.safetensors").write_bytes(b"damaged")
    else:
        claims = revision.manifest | {"base": "x", "split": "x", "parent": [], "files": 3}
        text = json.dumps(claims) if damage == "claims" else "damaged"
        (revision.path / "manifest.json").write_text(text)
    before = contents(store)
    done = finetune(repository, "--base", base, "--store", store, "--id", "team", minutes=0.1)
    assert done.returncode == 2, done.stderr
    assert "rollback --to-base" in one_line(done)
    assert "mining" not in done.stderr
    assert contents(store) == before


def test_too_little_to_decide_is_exit_code_3(base: Path, tmp_path: Path) -> None:
    young = make_repository(tmp_path / "young", commits=2, functions=4)
    done = finetune(young, "--base", base, "--store", tmp_path / "store", "--id", "y", "--json")
    assert done.returncode == 3, done.stderr
    said = answer(done)
    assert said["decision"] == "undecided"
    assert "not enough held-out code" in said["reasons"][0] or "no held-out" in said["reasons"][0]
    assert served_revision(AdapterStore(tmp_path / "store"), "y") is None


@pytest.mark.slow
def test_ctrl_c_leaves_the_store_as_it_was(
    published: tuple[Path, subprocess.CompletedProcess[str]], repository: Path, base: Path
) -> None:
    store, _ = published
    before = contents(store)
    command = [*COMMAND, repository, "--base", base, "--store", store, "--id", "team"]
    run = subprocess.Popen(
        [str(part) for part in command], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True
    )
    assert run.stderr is not None
    for line in run.stderr:
        if line.startswith("training"):
            break
    time.sleep(1)
    run.send_signal(signal.SIGINT)
    rest = run.stderr.read()
    assert run.wait(timeout=60) == 130
    assert "interrupted" in rest
    assert "Traceback" not in rest
    assert contents(store) == before


# Bad input: one line that says what to do, exit code 2, the store as it was


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The error, which is the last line and the only one that is one."""
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert sum(line.startswith("finetune-repo: ") for line in lines) == 1
    assert "Traceback" not in done.stderr
    return lines[-1]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nowhere"], "nowhere does not exist"),
        (["notes.txt"], "is a file"),
        (["empty"], ""),
        (["bare-init"], ""),
        (["prose"], "can be trained on: too-short 1"),
        (["team", "team"], "given twice"),
        (["team", "--base", "nowhere/at/all"], "no base"),
        (["team", "--base", "prose"], "no config.json"),
        (["team", "--minutes", "nan"], "--minutes"),
        (["team", "--nonsense"], "No such option"),
        (["team", "--id", "../../escape"], "cannot be the id"),
        (["team", "--id", "../../escape", "--dry-run"], "cannot be the id"),
        (["team", "--id", ""], "cannot be the id"),
        (["team", "--store", ""], "--store is empty"),
        (["team", "--seed", "-1"], "--seed"),
        (["team", "--seed", "9999999999999"], "--seed"),
        (["team", "--dry-run", "--evaluate-only"], "give one of them"),
        (["team", "--dry-run", "--refresh"], "give one of them"),
        (["team", "--canaries", "--refresh"], "give one of them"),
        (["team", "--canaries", "--evaluate-only"], "give it alone"),
        (["team", "--fim-format", "klingon"], "no FIM format"),
        (["wishful"], "unknown setting 'store'"),
        (["unread"], ".homespunignore is not UTF-8"),
    ],
)
def test_bad_input(
    arguments: list[str], expected: str, base: Path, repository: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty").mkdir()
    git(tmp_path, "init", "-q", "bare-init")
    (tmp_path / "prose").mkdir()
    (tmp_path / "prose" / "README.md").write_text("# Prose\n")
    (tmp_path / "team").symlink_to(repository)
    (tmp_path / "wishful").mkdir()
    (tmp_path / "wishful" / "homespun.toml").write_text('store = "/elsewhere"\n')
    (tmp_path / "wishful" / "a.py").write_text("def f():\n    return 1\n")
    (tmp_path / "unread").mkdir()
    (tmp_path / "unread" / ".homespunignore").write_bytes("old.py\n".encode("utf-16"))
    (tmp_path / "unread" / "a.py").write_text("def f():\n    return 1\n")
    store = tmp_path / "store"
    chosen = [] if "--base" in arguments else ["--base", str(base)]
    limit = [] if "--minutes" in arguments else ["--minutes", "1"]
    done = subprocess.run(
        [*COMMAND, *chosen, *limit, "--store", str(store), *arguments],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert expected in one_line(done)
    assert not store.exists() or contents(store) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written(base: Path, repository: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir(mode=0o500)
    done = finetune(repository, "--base", base, "--store", store)
    assert done.returncode == 2
    assert "--store" in one_line(done)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that root cannot write to")
def test_an_unwritable_store_is_said_before_the_work(base: Path, repository: Path) -> None:
    done = finetune(repository, "--base", base, "--store", "/proc/none")
    assert done.returncode == 2
    assert "--store" in one_line(done)
    assert "mining" not in done.stderr


def test_a_store_in_the_home_folder(base: Path, repository: Path, tmp_path: Path) -> None:
    """No shell expands the tilde of --store=~/…, and both commands must mean the same folder."""
    (tmp_path / "store").write_text("not a folder")
    done = subprocess.run(
        [*COMMAND, str(repository), "--base", str(base), "--store=~/store"],
        env=ENVIRONMENT | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{tmp_path / 'store'} is a file" in one_line(done)


def test_a_store_that_is_a_file(base: Path, repository: Path, tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    done = finetune(repository, "--base", base, "--store", tmp_path / "store")
    assert done.returncode == 2, done.stderr
    assert str(tmp_path / "store") in one_line(done)


@pytest.mark.slow
def test_two_repositories_make_one_adapter(repository: Path, base: Path, tmp_path: Path) -> None:
    """The first one's; a refresh knows what of both it has read."""
    other = make_repository(tmp_path / "other", seed=7)
    store, page = tmp_path / "store", tmp_path / "page.html"
    arguments = (repository, other, "--base", base, "--store", store, "--json", "--report", page)
    done = finetune(*arguments)
    assert done.returncode in (0, 3), done.stderr
    heads = [git(folder, "rev-parse", "HEAD") for folder in (repository, other)]
    for folder in (repository, other):
        assert re.search(rf"of \S*{folder.name}\S* newer than [0-9a-f]{{12}}", done.stderr)
    assert all(head[:12] in page.read_text() for head in heads)
    adapters = AdapterStore(store)
    [revision] = adapters.revisions(answer(done)["repository"])
    assert [one["commit"] for one in revision.manifest["repositories"]] == heads
    again = finetune(*arguments, "--refresh")
    assert again.returncode == 3, again.stderr
    current = served_revision(adapters, answer(done)["repository"])
    expected = "nothing has changed since" if current else "there is no adapter yet"
    assert expected in again.stderr


def test_odd_but_harmless_repositories_are_mined(repository: Path, tmp_path: Path) -> None:
    """A shallow clone, a detached HEAD, a giant line, broken text, a link out of the tree."""
    origin = tmp_path / "origin"
    shutil.copytree(repository, origin)
    (tmp_path / "outside.py").write_text("def outside():\n    return 'never read'\n")
    (origin / "link.py").symlink_to(tmp_path / "outside.py")
    (origin / "giant.py").write_text("x = " + "1 + " * 250_000 + "1\n")
    (origin / "broken.py").write_bytes(b"def f():\n    return '\xff\xfe'\n" * 3)
    git(origin, "add", "-A")
    git(origin, "commit", "-q", "-m", "Odd things")
    git(origin, "checkout", "-q", "--detach")
    git(tmp_path, "clone", "-q", "--depth", "1", origin.as_uri(), "shallow")
    for folder in (origin, tmp_path / "shallow"):
        done = finetune(folder, "--dry-run", "--json")
        assert done.returncode == 0, done.stderr
        counts = answer(done)["counts"]
        assert counts["functions"] == counts["kept"] + sum(counts["rejected"].values())
    assert "whole files" in done.stderr


def test_dry_run_is_light(repository: Path, tmp_path: Path) -> None:
    """No torch, no base, no store."""
    arguments = [str(repository), "--dry-run", "--base", "none", "--store", str(tmp_path / "store")]
    program = _without_importing(("torch", "transformers"), arguments)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "store").exists()
    assert "functions" in done.stderr
    assert done.stdout == ""


def test_help_is_instant() -> None:
    program = _without_importing(("torch", "transformers", "datasets", "numpy"), ["--help"])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--evaluate-only" in done.stdout


def _without_importing(heavy: Sequence[str], arguments: Sequence[str]) -> str:
    """A program that is the command, and fails where one of these was imported by its end."""
    return (
        "import sys\n"
        "from homespun_finetune.cli import main\n"
        "try:\n"
        f"    main({list(arguments)!r})\n"
        "finally:\n"
        f"    found = {set(heavy)!r} & sys.modules.keys()\n"
        "    assert not found, found\n"
    )
