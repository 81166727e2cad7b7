"""The bundled starter on a real repository: where it says something, typing there, and an adapter
for it."""

from __future__ import annotations

import random
from pathlib import Path

from homespun_model.base import load_base
from homespun_model.prompt import PROMPT_VERSION
from homespun_model.store import AdapterStore, Revision
from lsp_client import Client
from peft import LoraConfig, get_peft_model
from sure_places import SurePlace, sure_places

from .workbench import Workbench

PLACES = 12  # more than a test needs: an editor's server may know more or less of the repository


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


def ask_for_places(repository: Path, flags: dict[str, str]) -> list[SurePlace]:
    """Places in the server's own code, from a server of the same flags that is gone then."""
    files = sorted((repository / "server").rglob("*.py"))
    random.Random(0).shuffle(files)
    words = [word for name, value in flags.items() for word in (f"--{name}", value)]
    client = Client(*words, cwd=repository)
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
    about = {"id": base.id, "weights_hash": base.weights_hash}
    return store.publish(repository, staged, {"base": about, "prompt_version": PROMPT_VERSION})
