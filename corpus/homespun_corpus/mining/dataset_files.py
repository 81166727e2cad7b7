"""A dataset on disk: written whole or not at all, and checked when it is read back."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from datasets import load_from_disk
from datasets.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from homespun_corpus.errors import DatasetError
from homespun_corpus.mining.dataset import Mined
from homespun_corpus.mining.ledger import LEDGER_FILE, Ledger
from homespun_corpus.repo.identity import file_system_name

MANIFEST = "manifest.json"


def save(mined: Mined, directory: Path) -> None:
    """Write a dataset with its account and manifest into ``directory``: all of it or nothing.

    Whenever it is stopped, ``load`` finds the old dataset or the new one.
    """
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".mining-") as part:
        staged = Path(part) / "dataset"
        with _no_bars():
            mined.dataset.save_to_disk(staged)
        shutil.copyfile(mined.ledger.file, staged / LEDGER_FILE)
        text = json.dumps(mined.manifest, indent=2, sort_keys=True) + "\n"
        (staged / MANIFEST).write_text(text, encoding="utf-8")
        put_in_place(staged, directory)


def put_in_place(staged: Path, directory: Path) -> None:
    """Put a folder in another's place. No system swaps two in one step, so one is set aside."""
    aside = _aside(directory)
    if directory.exists():
        shutil.rmtree(aside, ignore_errors=True)
        directory.replace(aside)
    staged.replace(directory)
    shutil.rmtree(aside, ignore_errors=True)


def found_at(directory: Path) -> Path:
    """Where a folder that was put in place is, also if that was stopped half-way."""
    return directory if directory.exists() else _aside(directory)


def _aside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}.old")


@contextmanager
def _no_bars() -> Iterator[None]:
    """Progress is for the caller to show."""
    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()


def default_folder(identity: str) -> Path:
    """Where a repository's dataset is kept to be looked at: the user's own cache, nobody else's."""
    folder = platformdirs.user_cache_path("homespun", appauthor=False) / "datasets"
    return folder / file_system_name(identity)


def load(directory: Path) -> Mined:
    """What ``save`` wrote; DatasetError if the account is not the one that the manifest names."""
    folder = found_at(directory)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    ledger = Ledger(folder / LEDGER_FILE)
    if ledger.described() != manifest["account"]:
        raise DatasetError(f"{folder / LEDGER_FILE} was changed: mine again")
    return Mined(load_from_disk(folder), manifest, ledger)
