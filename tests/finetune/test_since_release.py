"""Which held-out code is newer than a base, of a real history of one commit a day."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_finetune.since_release import SinceRelease
from homespun_model.bases.base import load_base
from homespun_model.catalogue.catalogue import published
from scratch_repositories import make_repository


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> Mined:
    folder = make_repository(tmp_path_factory.mktemp("repositories") / "team")
    return mine(Repository.open(folder), MineSettings())


def days(mined: Mined) -> tuple[dict[str, int], list[date]]:
    assert mined.material is not None
    times = mined.material.times
    return times, sorted({datetime.fromtimestamp(time, UTC).date() for time in times.values()})


def test_every_held_out_function_has_its_commits_time(mined: Mined) -> None:
    times, _ = days(mined)
    assert times and {sample.commit for sample in mined.samples("test")} <= set(times)


def test_newer_holes_come_first_and_are_counted(mined: Mined) -> None:
    times, there = days(mined)
    samples: list[Sample] = list(mined.samples("test"))
    since = SinceRelease(there[len(there) // 2], times)
    asked = since.newer_first(samples)
    newer = [since.is_newer(hole) for hole in asked]
    assert True in newer and False in newer and newer == sorted(newer, reverse=True)
    assert sorted(map(hash, samples)) == sorted(map(hash, asked))
    share = since.share(asked)
    assert (share.newer, share.holes) == (sum(newer), len(samples))
    assert "trained on the others" in str(share)


def test_all_are_newer_than_a_base_from_before_them(mined: Mined) -> None:
    times, there = days(mined)
    since = SinceRelease(there[0] - timedelta(days=1), times)
    share = since.share(list(mined.samples("test")))
    assert share.newer == share.holes > 0 and "others" not in str(share)


def test_code_of_no_known_time_is_not_called_newer(mined: Mined) -> None:
    since = SinceRelease(date(2001, 1, 1), {})
    assert since.share(list(mined.samples("test"))).newer == 0


def test_a_folder_without_history_knows_no_times(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team")
    shutil.rmtree(folder / ".git")
    found = mine(Repository.open(folder), MineSettings())
    assert list(found.samples("test")) and found.material is not None
    assert found.material.times == {}


def test_the_catalogue_knows_when_every_base_but_the_starter_came_out() -> None:
    unknown = [entry.name for entry in published().entries if entry.released is None]
    assert unknown == ["starter"]
    assert published().released("Qwen/Qwen2.5-Coder-0.5B-Instruct") == date(2024, 11, 12)
    assert load_base("starter").released is None
