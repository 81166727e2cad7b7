"""What git itself says is tracked, where its format is one that the library does not read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SECONDS = 60.0


def tracked_by_git(root: Path) -> list[str] | None:
    """The paths of tracked files below a folder of a work tree, relative to it, as the system
    spells them; None where git cannot say, as where there is no git.

    Nothing that the repository sets is run: neither hooks nor a file system monitor.
    """
    command = ["git", "-C", str(root), "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached"]
    environment = os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=SECONDS, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    paths = [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]
    return [path for path in paths if (root / path).is_file() and not (root / path).is_symlink()]
