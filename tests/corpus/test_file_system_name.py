"""What is kept of a repository in the user's cache lies under a name that is its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from homespun_corpus.mining.dataset_files import default_folder
from homespun_corpus.reading.blob_cache import default_cache
from homespun_corpus.repo.identity import file_system_name

ALIKE = ("a/b", "a-b", "a b", "-a/b", "A/b", "x/" * 60 + "a/b", "y/" * 60 + "a/b", "/", ".", "..")


@pytest.mark.parametrize("place", [default_folder, default_cache])
def test_two_ids_never_share_a_place(place: Callable[[str], Path]) -> None:
    names = [place(identity).name.lower() for identity in ALIKE]  # some systems know no case
    assert all(one != other for one, other in combinations(names, 2))


@pytest.mark.parametrize("identity", [*ALIKE, "界" * 200, "𒀀" * 200, "a\0b", "caf\udce9", "a\\b:c"])
def test_any_id_gives_a_name_that_a_system_takes(identity: str, tmp_path: Path) -> None:
    name = file_system_name(identity)
    longest = tmp_path / f"{name}.0123456789abcdef.sqlite-wal"
    longest.touch()
    assert list(tmp_path.iterdir()) == [longest]


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("example.org/team/shop", "example.org-team-shop-7a3d2b36"),
        ("shop-0123456789ab", "shop-0123456789ab-d89eadba"),
        ("/home/ü ü/x.git", "home-ü-ü-x.git-d23f6dc2"),
        ("a" * 300, "a" * 80 + "-9835fa6b"),
        ("例" * 70 + "/x", "例" * 70 + "-x-16f88795"),
    ],
)
def test_a_name_stays_what_it_was(identity: str, name: str) -> None:
    """Or a run would not find what an earlier version has read."""
    assert file_system_name(identity) == name
    assert default_cache(identity).name.startswith(f"{name}.")
