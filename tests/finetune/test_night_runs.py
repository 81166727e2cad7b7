"""A night as a whole, here and before a cluster is asked: what it refuses, what stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import cluster, command, one_machine
from homespun_finetune.nightly.task import RepositoryTask
from homespun_model.errors import StoreInputError


def test_a_disk_that_takes_no_log_is_a_row(tmp_path: Path) -> None:
    (file := tmp_path / "logs").touch()
    row = one_machine.run_one(RepositoryTask("shop", str(tmp_path)), file, print)
    assert (row.decision, row.why) == ("failed", f"{file}/shop.log: Not a directory")


@pytest.mark.parametrize("store", [None, "folder", "/mnt/share"])
def test_a_cluster_takes_a_url_for_a_store(
    store: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "lacking", lambda _: None)
    with pytest.raises(RunUsageError, match="the store has to be a URL"):
        next(cluster.run("local", [RepositoryTask("shop", "/x", store)], tmp_path, print))


def test_a_cluster_without_ray_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "lacking", lambda extra: f"pip install 'homespun[{extra}]'")
    with pytest.raises(RunUsageError, match=r"pip install 'homespun\[ray\]'"):
        next(cluster.run("local", [], tmp_path, print))


def test_what_a_cluster_does_not_take_is_a_row() -> None:
    class Refuses:
        """What Ray does with a need that it cannot count."""

        def nodes(self) -> list[Any]:
            return []

        def remote(self, **_: object) -> object:
            raise ValueError("\n  GPUs\n  cannot be negative")

    flying = cluster._Flying(Refuses(), print, "program")
    why = flying.send_off(RepositoryTask("shop", "/x"))
    assert (why, flying.tasks) == ("ValueError: cannot be negative", {})


def test_what_a_command_line_cannot_mean_is_said_before_anything_runs(tmp_path: Path) -> None:
    file = tmp_path / "repositories.toml"
    file.write_text('[[repository]]\npath = "shop"\n')

    def said(*arguments: str) -> str:
        with pytest.raises((RunUsageError, StoreInputError)) as raised:
            command.app([str(file), *arguments], standalone_mode=False)
        return str(raised.value)

    assert said("--only", "till").endswith("repositories.toml has shop")
    assert "a folder that is there" in said("--html", str(tmp_path / "gone" / "x.html"))
    assert "hunter2" not in said("--store", "s3://robot:hunter2@bucket/x")
    pytest.importorskip("ray")
    store = tmp_path.as_uri()
    assert "host:port" in said("--ray", "ray://x:1", "--store", store)
