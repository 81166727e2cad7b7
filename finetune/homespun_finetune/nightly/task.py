"""One repository of a night: what is asked of it, as plain values that travel to other machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from homespun_model.store.folder_names import folder_names

from homespun_finetune.nightly.needs import Needs

WIDE = 2.0, 600.0  # times its minutes, and seconds more: then a run hangs


@dataclass(frozen=True, slots=True)
class RepositoryTask:
    """``path``: an absolute folder, or a URL that git takes."""

    name: str
    path: str
    store: str | None = None
    base: str | None = None
    minutes: float = 30.0
    refresh: bool = True
    since: str | None = None
    id: str | None = None
    needs: Needs = field(default_factory=Needs)

    @property
    def stem(self) -> str:
        """What its log and its report are called, on any system."""
        (name,) = folder_names(self.name)
        return name

    @property
    def log(self) -> str:
        """Its log's name."""
        return f"{self.stem}.log"

    @property
    def report(self) -> str:
        """Its report's name."""
        return f"{self.stem}.html"

    @property
    def seconds(self) -> float:
        """After which it hangs."""
        times, more = WIDE
        return 60 * self.minutes * times + more

    def arguments(self, repository: Path, report: Path) -> list[str]:
        """Those of ``finetune-repo``."""
        given = {
            "--minutes": f"{self.minutes:g}",
            "--base": self.base,
            "--store": self.store,
            "--since": self.since,
            "--id": self.id,
            "--report": str(report),
        }
        flags = [f"{flag}={value}" for flag, value in given.items() if value is not None]
        return [*flags, "--json", *(["--refresh"] if self.refresh else []), "--", str(repository)]
