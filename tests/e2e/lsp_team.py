"""A team's repository to open files of, and what an editor sends about them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsp_client import Client

CODE = "def area(width, height):\n    \n\n\nprint(area(2, 3))\n"
CURSOR = (1, 4)

Start = Callable[..., Client]


@dataclass(frozen=True)
class Team:
    """A team's repository with an origin."""

    root: Path
    identity: str

    @property
    def uri(self) -> str:
        return (self.root / "shapes.py").as_uri()

    @property
    def notes(self) -> str:
        """A file without syntax, where any text may stand."""
        return (self.root / "notes.txt").as_uri()

    @classmethod
    def create(cls, root: Path) -> Team:
        """A repository with an origin and one commit.

        Of other code than what is opened, for what stands in one file is copied into the others.
        """
        git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
        origin = f"git@example.org:team/{root.name}.git"
        root.mkdir()
        (root / "shapes.py").write_text("SIDES = 4\n")
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "remote", "add", "origin", origin], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)
        return cls(root, f"example.org/team/{root.name}")


def insertion(line: int, character: int, text: str) -> dict[str, Any]:
    at = {"line": line, "character": character}
    return {"range": {"start": at, "end": at}, "text": text}
