"""Settings of a part of a monorepo are not read, and that is said."""

from __future__ import annotations

from pathlib import Path

from git_repositories import make_repository
from homespun_corpus.filters.nested_settings import nested_settings
from homespun_corpus.repo.repository import Repository


def test_files_that_would_be_settings_at_the_top(tmp_path: Path) -> None:
    table = '[project]\nname = "a"\n\n[tool.homespun]\nexclude = ["*"]\n'
    root = make_repository(
        tmp_path / "mono",
        {
            "homespun.toml": "",
            "pyproject.toml": table,
            "a/pyproject.toml": table,
            "b/pyproject.toml": '[project]\nname = "homespun"\n',
            "c/homespun.toml": "",
            "d/pyproject.toml": "[tool.homespun.train]\npasses = 2\n",
            "e/nothomespun.toml": "",
        },
    )
    found = nested_settings(Repository.open(root))
    assert found == ["a/pyproject.toml", "c/homespun.toml", "d/pyproject.toml"]
    (tmp_path / "plain/x").mkdir(parents=True)
    (tmp_path / "plain/x/homespun.toml").touch()
    assert nested_settings(Repository.open(tmp_path / "plain")) == ["x/homespun.toml"]
