"""``homespun models adapt``: from repositories to a generic adapter that its base finds."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from git_repositories import make_repository
from homespun_corpus.repo.repository import Repository
from homespun_finetune.adapt.clones import cloned, listed, named
from homespun_finetune.adapt.material import TRAINING, VALIDATION, Material
from homespun_finetune.adapt.rounds import Round, gains_little
from homespun_finetune.adapt.run import AdaptRequest
from homespun_finetune.errors import RunUsageError
from homespun_finetune.pretrain.sources import SourceRepository
from homespun_finetune.progress import Reporter
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.generic_adapter import CARD
from homespun_model.completer import Completer
from peft import PeftModel
from rich.console import Console
from scratch_repositories import git, module_text
from tiny_models import tiny_base

QUIET = Reporter(Console(quiet=True))


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four repositories of one owner, as clones are kept."""
    root = tmp_path_factory.mktemp("clones")
    for seed in range(4):
        rng = random.Random(seed)
        files = {f"src/part_{i}.py": module_text(rng, 5) for i in range(8)}
        make_repository(root / f"team+r{seed}", files)
    return root


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory, clones: Path, base: Base) -> Material:
    made = Material(tmp_path_factory.mktemp("material"))
    for number, repository in enumerate(named([clones], ["r3"])):
        made.prepare(repository, base, 0, VALIDATION if number == 1 else TRAINING)
    return made


def command(base: Base, data: Path, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*(sys.executable, "-m", "homespun_finetune.adapt"), base.id, *map(str, arguments)],
        env=os.environ | {"XDG_DATA_HOME": str(data), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_it_makes_an_adapter_that_its_base_finds_even_if_killed_once(
    base: Base, clones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("--from", clones, "--without", "r3", "--minutes", 10)
    begun = command(base, tmp_path, *given)
    unfinished = tmp_path / "homespun/generic/unfinished"
    while begun.poll() is None and not [*unfinished.glob("*/kept-1/*")]:
        time.sleep(0.05)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    out, err = (again := command(base, tmp_path, *given)).communicate(timeout=300)
    assert again.returncode == 0, err
    assert "reading repositories" not in err, "what was read was kept"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    found = load_base(base.id)
    assert found.generic == Path(out.strip())
    assert not unfinished.exists()
    card = json.loads((found.generic / CARD).read_text())
    assert [one["repository"] for one in card["repositories"]] == ["team/r0", "team/r2"]
    assert card["tokens"] > 0 and card["bits"]["adapted"] < card["bits"]["bare"]
    assert str(tmp_path) not in json.dumps(card)
    assert Completer.load(found).generic == card["sha256"]
    PeftModel.from_pretrained(found.load_model(), str(found.generic))


def test_one_repository_is_not_enough(base: Base, clones: Path, tmp_path: Path) -> None:
    asked = command(base, tmp_path, "--from", clones / "team+r0", "--minutes", 10)
    out, err = asked.communicate(timeout=120)
    assert (asked.returncode, out) == (2, "")
    assert "at least two repositories" in err.splitlines()[-1]


def test_a_folder_that_is_not_there_is_one_line(base: Base, tmp_path: Path) -> None:
    asked = command(base, tmp_path, "--from", tmp_path / "nowhere")
    _, err = asked.communicate(timeout=120)
    assert asked.returncode == 2
    assert err.splitlines()[-1].endswith("nowhere: there is no such folder")


def test_repositories_are_read_in_turn(material: Material, base: Base) -> None:
    files = sorted((material.folder / TRAINING).glob("*.npz"))
    known = [{tuple(ids) for ids in ids_of(file)} for file in files]
    turns = [tuple(sample.ids) for sample in islice(material.training(0), 12)]
    owners = [next(i for i, ids in enumerate(known) if ids_ in ids) for ids_ in turns]
    assert owners[::2] == [owners[0]] * 6 and owners[1::2] == [owners[1]] * 6
    assert owners[0] != owners[1]
    assert material.samples == sum(1 for _ in material.training(0))
    assert turns == [tuple(sample.ids) for sample in islice(material.training(0), 12)]
    assert all(0 < sample.start < len(sample) for sample in material.training(0))
    assert base.fim.end in {int(sample.ids[-1]) for sample in material.training(0)}


def ids_of(file: Path) -> list[list[int]]:
    with np.load(file) as stored:
        ends = np.cumsum(stored["lengths"])
        return [part.tolist() for part in np.split(stored["ids"], ends[:-1])]


def test_nothing_of_a_validation_repository_is_trained_on(material: Material) -> None:
    validated = {sample.repository for sample in material.validation(0)}
    trained = {about["repository"] for about in material.repositories(TRAINING)}
    assert (validated, trained) == ({"team/r1"}, {"team/r0", "team/r2"})


def test_a_repository_stays_what_it_was_read_for(
    material: Material, clones: Path, base: Base
) -> None:
    before = material.repositories(VALIDATION)
    [same] = named([clones / "team+r1"], [])
    material.prepare(same, base, 0, TRAINING)
    assert material.repositories(VALIDATION) == before
    assert len(material.repositories(TRAINING)) == 2


@pytest.mark.parametrize("without", ["r1", "team/r1", "TEAM/R1"])
def test_named_repositories_are_left_out(clones: Path, without: str) -> None:
    found = [repository.identity for repository in named([clones], [without])]
    assert found == ["team/r0", "team/r2", "team/r3"]


def test_a_plain_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "team" / "code").mkdir(parents=True)
    (tmp_path / "team" / "code" / "a.py").write_text("def f():\n    return 1\n")
    [found] = named([tmp_path / "team" / "code"], [])
    assert (found.identity, found.is_git) == ("team/code", False)


def test_nothing_that_measures_is_listed() -> None:
    names = {source.repository for source in listed([], 0)}
    assert not names & {"beancount/fava", "pimutils/khal", "miniflux/v2"}
    assert len(names) > 200
    assert listed([], 0) == listed([], 0) != listed([], 1)
    assert "psf/requests" not in {source.repository for source in listed(["requests"], 0)}


def test_listed_repositories_are_cloned_at_their_commit_alone(clones: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "team").mkdir(parents=True)
    (host / "team" / "r0").symlink_to(clones / "team+r0")
    commit = git(clones / "team+r0", "rev-parse", "HEAD")
    listed_ones = [
        SourceRepository("team/gone", "0" * 40, "MIT", "train"),
        SourceRepository("team/r0", commit, "MIT", "train"),
    ]
    for _ in range(2):  # the second time it is there
        [found] = cloned(listed_ones, tmp_path / "here", QUIET, host=f"file://{host}")
        assert found.commit == commit and found.is_shallow
        assert len(found.files()) == len(Repository.open(clones / "team+r0").files())
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["team+r0"]


def test_offline_is_one_line(tmp_path: Path) -> None:
    sources = [SourceRepository(f"team/r{i}", "0" * 40, "MIT", "train") for i in range(9)]
    with pytest.raises(RunUsageError, match="does not answer: name folders"):
        list(cloned(sources, tmp_path / "here", QUIET, host=f"file://{tmp_path}"))


@pytest.mark.parametrize(
    ("bits", "tokens", "is_little"),
    [(0.985, 100_000, False), (0.995, 100_000, True), (0.985, 200_000, True), (1.1, 9, True)],
)
def test_more_tokens_that_gain_less_than_a_hundredth_are_not_worth_it(
    bits: float, tokens: int, is_little: bool
) -> None:
    before, after = Round(1, 1, 1.0, 1.0, 8), Round(tokens, 1, 1.0, bits, 8)
    assert gains_little(before, after) == is_little


def test_another_request_is_another_run(base: Base) -> None:
    request = AdaptRequest(base.id, (Path("/a"),))
    assert request.key(base, 60) == AdaptRequest(base.id, (Path("/a"),)).key(base, 60)
    others = (AdaptRequest(base.id), AdaptRequest(base.id, (Path("/a"),), ("x",)))
    assert request.key(base, 60) not in {other.key(base, 60) for other in others}
    assert request.key(base, 60) != request.key(base, 61)
