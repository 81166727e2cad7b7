"""A repository's own settings: what it may say, and that it can say nothing else."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from homespun_corpus.errors import SettingsError
from homespun_corpus.filters.team_settings import TeamSettings, TrainWishes, read_team_settings
from hypothesis import example, given, settings
from hypothesis import strategies as st


def test_no_file_gives_defaults(tmp_path: Path) -> None:
    assert read_team_settings(tmp_path) == TeamSettings()


def test_own_file(tmp_path: Path) -> None:
    (tmp_path / "homespun.toml").write_text(
        'exclude = ["legacy/", "*.gen.py"]\n[train]\npasses = 3\nlearning_rate = 0.001\n'
    )
    settings = read_team_settings(tmp_path)
    assert settings.exclude == ("legacy/", "*.gen.py")
    assert settings.train == TrainWishes(passes=3, learning_rate=0.001)
    assert settings.source == "homespun.toml"


def test_pyproject_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.homespun]\nexclude = ["a"]\n')
    assert read_team_settings(tmp_path).exclude == ("a",)
    assert read_team_settings(tmp_path).source == "pyproject.toml"


def test_broken_pyproject_that_never_mentions_us(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[{{ template }}]\n")
    assert read_team_settings(tmp_path) == TeamSettings()


@pytest.mark.parametrize("name", ["homespun.toml", "pyproject.toml"])
def test_a_link_is_followed_inside_of_the_tree_and_refused_out_of_it(
    tmp_path: Path, name: str
) -> None:
    inside = tmp_path / "repo"
    inside.mkdir()
    table = "" if name == "homespun.toml" else "[tool.homespun]\n"
    for folder in (tmp_path, inside):
        (folder / "real.toml").write_text(f'{table}exclude = ["a"]\n')
    (inside / name).symlink_to("real.toml")
    assert read_team_settings(inside).exclude == ("a",)
    (inside / name).unlink()
    (inside / name).symlink_to(tmp_path / "real.toml")
    with pytest.raises(SettingsError, match="link out of the repository"):
        read_team_settings(inside)


def test_a_linked_pyproject_that_never_mentions_us_is_nobodys_settings(tmp_path: Path) -> None:
    inside = tmp_path / "repo"
    inside.mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (inside / "pyproject.toml").symlink_to(tmp_path / "pyproject.toml")
    assert read_team_settings(inside) == TeamSettings()


def test_what_is_there_and_no_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "homespun.toml"
    path.mkdir()
    with pytest.raises(SettingsError, match="is no file"):
        read_team_settings(tmp_path)
    path.rmdir()
    for target in (tmp_path / "nowhere", path):
        path.symlink_to(target)
        with pytest.raises(SettingsError, match="is no file"):
            read_team_settings(tmp_path)
        path.unlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_what_nobody_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "homespun.toml").touch(mode=0)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_team_settings(tmp_path)


@pytest.mark.parametrize("name", ["homespun.toml", "pyproject.toml"])
def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path, name: str) -> None:
    table = "" if name == "homespun.toml" else "[tool.homespun]\r\n"
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + f'{table}exclude = ["a"]\r\n'.encode())
    assert read_team_settings(tmp_path).exclude == ("a",)


def test_a_pyproject_in_another_encoding_is_refused_if_it_mentions_us(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes("[tool.homespun]\n".encode("utf-16"))
    with pytest.raises(SettingsError, match="not UTF-8"):
        read_team_settings(tmp_path)
    (tmp_path / "pyproject.toml").write_bytes("[tool.other]\n# é\n".encode("latin-1"))
    assert read_team_settings(tmp_path) == TeamSettings()


PIECES = ("exclude", "train", "=", "[", "]", '"a"', "1", "\n", "\ufeff", "#", ".", "1979-02-31")


@settings(deadline=None)
@given(st.binary(max_size=80) | st.lists(st.sampled_from(PIECES)).map("".join).map(str.encode))
@example(b"a = " + b"1" * 5000)
def test_any_file_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "homespun.toml").write_bytes(content)
        with suppress(SettingsError):
            assert read_team_settings(Path(folder)).source == "homespun.toml"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'store = "/tmp"', "unknown setting 'store'"),
        (b'base = "evil/base"', "unknown setting 'base'"),
        (b'id = "other"', "unknown setting 'id'"),
        (b"[train]\nrank = 4", "unknown setting 'train.rank'"),
        (b'"a\\nb" = 1', "unknown setting"),
        (b"[train]\nlearning_rate = 1.0", "train.learning_rate must be a number from"),
        (b"[train]\nlearning_rate = nan", "train.learning_rate must be a number from"),
        (b"[train]\npasses = 1.5", "whole number"),
        (b"[train]\npasses = true", "train.passes must be a number"),
        (b"train = 3", "must be a table"),
        (b'exclude = "a"', "list of gitignore patterns"),
        (b'exclude = ["!secret.py"]', "begin with !"),
        (b"exclude = [", "not valid TOML"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"\xff", "not UTF-8"),
        (b"#" * 300_000, "KB of settings"),
    ],
)
def test_refused_in_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "homespun.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=expected) as caught:
        read_team_settings(tmp_path)
    assert "\n" not in str(caught.value)


def test_two_places_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "homespun.toml").write_text("")
    (tmp_path / "pyproject.toml").write_text("[tool.homespun]\n")
    with pytest.raises(SettingsError, match="keep one"):
        read_team_settings(tmp_path)


def test_the_documented_example_is_valid(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "finetuning.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "homespun.toml").write_text(example)
    settings = read_team_settings(tmp_path)
    assert len(settings.exclude) == 2
    assert None not in (settings.train.learning_rate, settings.train.passes)
    assert None not in (settings.train.dropout, settings.train.end_weight)
