"""The bundled starter on a real repository: where it says something, typing there, and an adapter
for it."""

from __future__ import annotations

import random
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from homespun_model.bases.base import load_base
from homespun_model.store.store import AdapterStore, Revision
from lsp_client import Client
from peft import LoraConfig, get_peft_model
from sure_places import SurePlace, sure_places

from .workbench import Workbench

PLACES = 12


class Typist:
    """Types at one sure place after another, each once."""

    def __init__(self, workbench: Workbench, places: list[SurePlace]) -> None:
        self._workbench = workbench
        self._left = iter(places)

    def anywhere(self) -> SurePlace:
        """Type at the next place, whatever comes of it."""
        place = next(self._left, None)
        assert place is not None, "no place left where the starter says something"
        line, column = place.line + 1, len(place.lead) + 1
        self._workbench.do("goTo", file=str(place.path), line=line, column=column)
        self._workbench.do("type", text=place.key)
        return place

    def until_shown(self) -> tuple[SurePlace, str]:
        """Type until two words or more are shown; where, and what.

        That may take more than one place: the editor's server may know less of the repository yet
        than the one that was asked, or more.
        """
        while True:
            place = self.anywhere()
            if self._workbench.becomes(lambda: len(self._workbench.ghost().split()) >= 2, 10):
                return place, self._workbench.ghost()

    def saved(self, place: SurePlace, end: str) -> None:
        """Wait until the file holds, behind the key, ``end``, and nothing else is changed."""
        self._workbench.wait_for_file(str(place.path), place.with_line(end))


@dataclass(frozen=True)
class Clone:
    """A copy of this very repository, with lines cut off where the starter says how they go on."""

    root: Path
    places: list[SurePlace]

    @classmethod
    def ask(cls, root: Path, original: Path) -> Self:
        """Clone ``original`` and ask a server, which is gone then, where it says something."""
        subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{original}", root], check=True)
        return cls(root, _ask_for_places(root))

    def copied(self, root: Path) -> Clone:
        """Another one for a test to write in."""
        shutil.copytree(self.root, root)
        moved = [replace(at, path=root / at.path.relative_to(self.root)) for at in self.places]
        return Clone(root, moved)


def _ask_for_places(repository: Path) -> list[SurePlace]:
    """More places than a test needs: an editor's server may know more or less of the repository."""
    files = sorted((repository / "server").rglob("*.py"))
    random.Random(0).shuffle(files)
    flags = ["--base", "starter", "--store", str(repository.with_name("no store"))]
    client = Client(*flags, "--device", "cpu", cwd=repository)
    try:
        client.initialize(["utf-16"], {"status": True})
        client.notified("homespun/status", '"ready"')
        return sure_places(client, files, PLACES)
    finally:
        client.kill()


def publish_blank_adapter(store: AdapterStore, repository: str) -> Revision:
    """An adapter of the starter that has learnt nothing: the base's answers, under its own name."""
    base = load_base("starter")
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    staged = store.stage(repository)
    get_peft_model(base.load_model().train(), lora).save_pretrained(staged)
    (staged / "README.md").unlink(missing_ok=True)
    about = base.record.to_json()
    return store.publish(
        repository, staged, {"base": about, "prompt_version": base.prompt_versions[-1]}
    )
