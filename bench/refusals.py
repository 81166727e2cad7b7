"""Repositories that no adapter should come of: newest code unlike the past, and a poisoned past.

    python bench/refusals.py REPOSITORY OTHER [--minutes 8] [--only unlike poisoned same]

Three histories are made, each with the files of REPOSITORY that stand for its past in the older
commits and new files in the newest. ``same``: the new files are the rest of
REPOSITORY, as a check that an adapter can be had here at all. ``unlike``: they are OTHER's.
``poisoned``: the past's words are dealt out anew at random, so that it reads like code and teaches
nonsense; the new files are sound. ``finetune-repo`` runs on each, and its decision and reasons are
printed. Only ``same`` may be published.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homespun_corpus.errors import CorpusError
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import language_for
from unseen import fine_tuned

MOST_FILES, NEW_FILES, NEW_COMMITS = 240, 60, 20
CHARS = range(600, 60_000)  # of a file that is taken
WORD = re.compile(r"\b[A-Za-z_]\w{2,}\b")
BEGINNING = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAMES = ("same", "unlike", "poisoned")


def main() -> None:
    parser = argparse.ArgumentParser(description="repositories that no adapter should come of")
    parser.add_argument("repository", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--only", nargs="*", choices=NAMES, default=NAMES)
    options = parser.parse_args()
    own, others = files_of(options.repository), files_of(options.other)
    order = sorted(own)
    random.Random(0).shuffle(order)
    past = {path: own[path] for path in order[NEW_FILES:MOST_FILES]}
    rest = {path: own[path] for path in order[:NEW_FILES]}
    foreign = {f"other/{path}": others[path] for path in sorted(others)[:NEW_FILES]}
    made = {"same": (past, rest), "unlike": (past, foreign), "poisoned": (poisoned(past), rest)}
    for name in options.only:
        with tempfile.TemporaryDirectory() as scratch:
            history(Path(scratch), *made[name])
            print(f"{name:9} {decided(Path(scratch), options.minutes)}", flush=True)


def files_of(repository: Path) -> dict[str, str]:
    """Text by path of the newest files in a known language."""
    opened = Repository.open(repository)
    found: dict[str, str] = {}
    for file in opened.files():
        if language_for(file.path) is None:
            continue
        try:
            text = opened.read(file.blob_id).decode()
        except (UnicodeDecodeError, CorpusError):
            continue
        if len(text) in CHARS:
            found[file.path] = text
    return found


def poisoned(files: Mapping[str, str]) -> dict[str, str]:
    """The same files with every word in another's place, as often as it was there."""
    words = [word for path in files for word in WORD.findall(files[path])]
    random.Random(1).shuffle(words)
    dealt = iter(words)
    return {path: WORD.sub(lambda _: next(dealt), text) for path, text in files.items()}


def history(folder: Path, past: Mapping[str, str], new: Mapping[str, str]) -> None:
    """A repository with the past in its older commits and the new files in its newest ones."""
    git(folder, "init", "-q")
    paths, recent = sorted(past), sorted(new)
    steps = [paths[i :: NEW_COMMITS * 2] for i in range(NEW_COMMITS * 2)]
    steps += [recent[i::NEW_COMMITS] for i in range(NEW_COMMITS)]
    every = {**past, **new}
    for day, step in enumerate(steps):
        for path in step:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(every[path], encoding="utf-8")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "--allow-empty", "-m", f"day {day}", day=day)


def git(folder: Path, *words: str, day: int = 0) -> None:
    when = (BEGINNING + timedelta(days=day)).isoformat()
    who = {"NAME": "A Developer", "EMAIL": "developer@example.org", "DATE": when}
    roles = ("AUTHOR", "COMMITTER")
    env = {f"GIT_{role}_{key}": value for role in roles for key, value in who.items()}
    subprocess.run(["git", "-C", str(folder), *words], check=True, env=os.environ | env)


def decided(folder: Path, minutes: float) -> str:
    """What ``finetune-repo`` makes of it."""
    with tempfile.TemporaryDirectory() as store:
        outcome = fine_tuned(folder, Path(store), minutes)
    return f"{outcome['decision']}: {'; '.join(outcome['reasons'])}"


if __name__ == "__main__":
    main()
