"""A repository's own settings: what it may say, and that it can say nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.errors import SettingsError
from homespun_corpus.filters.team_settings import TeamSettings, TrainWishes, read_team_settings


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


def test_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside.toml").write_text('exclude = ["a"]\n')
    inside = tmp_path / "repo"
    inside.mkdir()
    (inside / "homespun.toml").symlink_to(tmp_path / "outside.toml")
    assert read_team_settings(inside) == TeamSettings()


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
    page = Path(__file__).parents[1] / "docs" / "finetuning.md"
    example = page.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "homespun.toml").write_text(example)
    settings = read_team_settings(tmp_path)
    assert len(settings.exclude) == 2
    assert None not in (settings.train.learning_rate, settings.train.passes)
    assert None not in (settings.train.dropout, settings.train.end_weight)
