"""The rules' version changes with whatever could read a blob otherwise, and with nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import homespun_corpus
from homespun_corpus.rules import rules_version


def version_of(package: Path) -> str:
    """What a copy of the package says in a process of its own."""
    code = "from homespun_corpus.rules import rules_version; print(rules_version())"
    environment = os.environ | {"PYTHONPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_no_change_of_a_rule_or_a_query_goes_unnoticed(tmp_path: Path) -> None:
    copy = tmp_path / "homespun_corpus"
    shutil.copytree(Path(homespun_corpus.__file__).parent, copy)
    assert version_of(copy) == rules_version()
    seen = {rules_version()}
    for name in ("secrets.py", "queries/go.scm"):
        (copy / name).write_bytes((copy / name).read_bytes() + b"\n")
        seen.add(version_of(copy))
    assert len(seen) == 3
