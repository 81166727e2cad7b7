"""What a run is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the command line asked for."""

    repositories: tuple[Path, ...]
    """The adapter is the first one's. All teach, and all examine."""
    base: str = "starter"
    store: str | None = None
    """A folder or a URL."""
    id: str | None = None
    fim_format: str | None = None
    seed: int = 0
    dry_run: bool = False
    evaluate_only: bool = False
    since: str | None = None
    report: Path | None = None
    refresh: bool = False
    canaries: bool = False
