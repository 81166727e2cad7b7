"""``finetune-repo`` on repositories as they were, judged on what was written afterwards.

    python bench/unseen.py REPOSITORY... [--base starter] [--minutes 15] [--hold-back 0.1]
                           [--judge SCRIPT] [--keep FOLDER]

Of each repository the newest commits are held back (that share of its first parents, 10 to 400). On
the rest ``finetune-repo`` runs as a user would run it, into a store of its own, and its decision
and table are printed. SCRIPT, if given, is somebody else's judge: it is called with the base, a
folder with the files that were added by the commits held back (or changed, where few were added),
``--holes``, ``--glob`` for the language that most of them are in, and ``--adapter`` for the
adapter, and what it says of base and adapter is printed.

With ``--keep``, FOLDER/code has the repositories as they were and FOLDER the adapters by name, as
``own_or_other.py FOLDER/code/* --keep FOLDER --roles generic,other,own`` takes them, to ask each
repository of the others' adapters too.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from homespun_corpus.filters.quality import path_reason
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import language_for
from homespun_model.bases.base import load_base
from refresh_schedule import as_of

LEAST, MOST = 10, 400  # commits held back
ENOUGH = 12  # added files, or changed ones are asked for too


def main() -> None:
    parser = argparse.ArgumentParser(description="finetune-repo, judged on what came afterwards")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--base", default="starter")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--hold-back", type=float, default=0.1)
    parser.add_argument("--judge", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--holes", type=int, default=200)
    options = parser.parse_args()
    kept = [options.keep / name_of(one) for one in options.repositories if options.keep]
    if taken := [folder for folder in kept if folder.exists()]:
        sys.exit(f"{taken[0]} is there already: name another --keep")
    for repository in options.repositories:
        with tempfile.TemporaryDirectory() as scratch:
            tried(repository, Path(scratch), options)


def tried(origin: Path, work: Path, options: argparse.Namespace) -> None:
    opened = Repository.open(origin)
    commits = [commit.id for commit in opened.history()]
    held = commits[: max(LEAST, min(MOST, round(len(commits) * options.hold_back)))]
    before = commits[len(held)]
    name, folder = name_of(origin), options.keep or work
    code = as_of(origin.resolve(), before, folder / "code" / name)
    outcome = fine_tuned(code, work / "store", options.minutes, options.base)
    print(f"== {name}, {len(held)} of {len(commits)} commits held back: {outcome['decision']}")
    for reason in outcome["reasons"]:
        print(f"  - {reason}")
    for role, figures in outcome["metrics"].items():
        if figures:
            print(f"  {role:16} {json.dumps(figures)}", flush=True)
    adapter = adapter_of(work / "store")
    if options.keep and adapter:
        shutil.copytree(adapter, options.keep / name)
    if options.judge:
        since, glob = written_since(opened, before, work / "since")
        for one in [None, *([adapter] if adapter else [])]:
            print(f"  {judged(options, since, glob, one)}", flush=True)


def name_of(origin: Path) -> str:
    """What a repository is called here; that of ``NAME/repo`` is NAME."""
    whole = origin.resolve()
    return whole.parent.name if whole.name == "repo" else whole.name


def fine_tuned(
    repository: Path, store: Path, minutes: float, base: str = "starter"
) -> dict[str, Any]:
    """What ``finetune-repo --json`` prints of a run into a store of its own."""
    command = [str(Path(sys.executable).with_name("finetune-repo")), str(repository), "--json"]
    command += ["--store", str(store), "--minutes", str(minutes)]
    command += ["--base", base, "--id", "bench/repository"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def adapter_of(store: Path) -> Path | None:
    """The one adapter in a store, published or kept for study; None where none was made."""
    return next((file.parent for file in store.rglob("adapter_model.safetensors")), None)


def written_since(repository: Repository, before: str, folder: Path) -> tuple[Path, str]:
    """The files of one language that came after a commit, in a folder; and a pattern for them."""
    assert repository.commit is not None
    changes = {
        change.path: change
        for change in repository.changes(before, repository.commit)
        if change.new and language_for(change.path) and not path_reason(change.path)
    }
    added = [path for path, change in changes.items() if change.old is None]
    wanted = added if len(added) >= ENOUGH else list(changes)
    [(ending, _)] = Counter(PurePosixPath(path).suffix for path in wanted).most_common(1)
    folder.mkdir()
    for number, path in enumerate(path for path in wanted if path.endswith(ending)):
        blob = changes[path].new
        assert blob is not None
        (folder / f"{number:04}{ending}").write_bytes(repository.read(blob))
    return folder, f"*{ending}"


def judged(options: argparse.Namespace, folder: Path, glob: str, adapter: Path | None) -> str:
    command: Sequence[str] = [
        *(sys.executable, str(options.judge), str(load_base(options.base).files.path)),
        str(folder),
        *("--holes", str(options.holes), "--glob", glob),
        *(("--adapter", str(adapter)) if adapter else ()),
    ]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return f"{'adapter' if adapter else 'base':8} {' | '.join(run.stdout.splitlines())}"


if __name__ == "__main__":
    main()
