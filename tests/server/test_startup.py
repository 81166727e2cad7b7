"""The first suggestion comes without the libraries whose import takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homespun_model.bases import memory
from homespun_model.store.store import AdapterStore
from tiny_models import tiny_base

if TYPE_CHECKING:
    from taught_models import Taught

SLOW = {"transformers", "peft", "accelerate", "scipy", "datasets"}
SCRIPT = """
import sys
from homespun_model.bases import memory
from homespun_server.cli import main
memory.SMALL = {small}
try:
    main()
finally:
    print(*{name.split(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def complete(
    file: Path, *arguments: str, small: int = memory.SMALL
) -> tuple[dict[str, object], set[str]]:
    """What ``homespun complete --json`` says in a process of its own, and what it imported."""
    script = SCRIPT.replace("{small}", str(small))
    command = ["complete", str(file), "--line", "2", "--column", "5", "--json", *arguments]
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        env={"PYTHONPATH": ":".join(sys.path), "HOME": str(file.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout), set(done.stderr.split())


def test_the_starter_answers_without_transformers(tmp_path: Path) -> None:
    file = tmp_path / "shapes.py"
    file.write_text("def area(width, height):\n    \n")
    found, imported = complete(file, "--store", str(tmp_path / "store"))
    assert found["text"] and found["base"] == "starter"
    assert "torch" in imported and imported.isdisjoint(SLOW)


@pytest.mark.parametrize("family", ["starter", "qwen2.5-coder"])
def test_so_do_large_bases(tmp_path: Path, family: str) -> None:
    file, base = tmp_path / "shapes.py", tiny_base(tmp_path / "base", family)
    file.write_text("def area(width, height):\n    \n")
    options = ["--base", str(base), "--store", str(tmp_path / "store")]
    found, imported = complete(file, *options, small=0)
    assert found["base"] == str(base)
    assert "torch" in imported and imported.isdisjoint(SLOW)


def test_so_does_an_adapter(tmp_path: Path, taught: Taught) -> None:
    file = tmp_path / "shapes.py"
    file.write_text("def area(width, height):\n    \n")
    revision = taught.publish(AdapterStore(tmp_path / "store"), "team/app")
    options = ["--base", str(taught.base), "--store", str(tmp_path / "store"), "--id", "team/app"]
    found, imported = complete(file, *options)
    assert (found["text"], found["revision"]) == (taught.adapter_says, revision.name)
    assert imported.isdisjoint(SLOW)
