"""Which repositories a generic adapter is trained on, and bringing here those that are not.

Folders that the user names are taken as they are. Where none are named, repositories of the
starter's list are cloned, one commit of each and nothing of its history; every one of them has a
permissive licence. What cannot be cloned is left out. Knows no base.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from homespun_corpus.errors import CorpusError
from homespun_corpus.repo.repository import Repository

from homespun_finetune.errors import RunUsageError
from homespun_finetune.pretrain.sources import SourceRepository, read_sources
from homespun_finetune.progress import Reporter

HOST = "https://github.com"
WAIT = 120.0  # seconds for one of them: what takes longer is left out


def named(folders: Sequence[Path], without: Sequence[str]) -> Iterator[Repository]:
    """The repositories in ``folders``; of a folder that is none but holds some, each of them.

    ``without``: names of repositories that are left out, ``name`` or ``owner/name``. RunUsageError:
    there is no such folder.
    """
    for path in itertools.chain.from_iterable(map(_inside, folders)):
        if not _is_called(without, name := _name(path)):
            found = _opened(path)
            has_origin = "/" in found.identity
            yield found if has_origin else replace(found, identity=name)


def listed(without: Sequence[str], seed: int) -> list[SourceRepository]:
    """The list's repositories that may be trained on, in a seeded order."""
    sources = [one for one in read_sources() if one.use == "train"]
    sources = [one for one in sources if not _is_called(without, one.repository)]
    random.Random(seed).shuffle(sources)
    return sources


def cloned(
    sources: Sequence[SourceRepository], folder: Path, reporter: Reporter, host: str = HOST
) -> Iterator[Repository]:
    """Each of them, cloned into ``folder`` unless it is there. RunUsageError where the first two
    cannot be had: offline, most likely."""
    failed = 0
    for source in sources:
        target = folder / source.repository.replace("/", "+")
        if not target.exists() and not _clone(f"{host}/{source.repository}", source.commit, target):
            failed += 1
            if failed == 2 and not any(folder.glob("*+*")):
                raise RunUsageError(
                    f"{host} does not answer: name folders with permissive code by --from"
                )
            reporter.say(f"{source.repository} cannot be cloned: left out")
            continue
        yield Repository.open(target)


def _clone(url: str, commit: str, target: Path) -> bool:
    """One commit, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".coming-") as scratch:
        git = ["git", "-C", scratch, "-c", "core.hooksPath=/dev/null"]
        steps = (
            [*git, "init", "-q"],
            [*git, "fetch", "-q", "--depth", "1", url, commit],
            [*git, "update-ref", "refs/heads/listed", "FETCH_HEAD"],
            [*git, "symbolic-ref", "HEAD", "refs/heads/listed"],
            [*git, "remote", "add", "origin", url],
        )
        if not all(_done(step) for step in steps):
            return False
        shutil.copytree(scratch, target, symlinks=True)
    return True


def _done(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            timeout=WAIT,
            env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},  # nobody is there to answer
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _inside(folder: Path) -> list[Path]:
    """The repository itself; else those that a folder of clones holds, one or two steps down."""
    if not folder.is_dir():
        raise RunUsageError(f"--from {folder}: there is no such folder")
    if _is_git(folder):
        return [folder]
    clones: list[Path] = []
    for child in sorted(folder.iterdir()):
        clones += [child] if _is_git(child) else filter(_is_git, sorted(child.glob("*")))
    return clones or [folder]


def _is_git(path: Path) -> bool:
    return (path / ".git").exists() or all((path / n).exists() for n in ("HEAD", "objects", "refs"))


def _name(path: Path) -> str:
    """``owner/name``, as clones are kept: ``owner/name``, ``owner+name``, and either with a
    ``repo`` in it."""
    parts = path.resolve().parts
    inner = parts[:-1] if parts[-1] == "repo" else parts
    return inner[-1].replace("+", "/") if "+" in inner[-1] else "/".join(inner[-2:])


def _is_called(without: Sequence[str], repository: str) -> bool:
    """Whether ``owner/name`` is among names, with an owner or without."""
    wanted = {name.lower() for name in without}
    return bool({repository.lower(), repository.lower().rpartition("/")[2]} & wanted)


def _opened(path: Path) -> Repository:
    try:
        return Repository.open(path)
    except CorpusError as error:
        raise RunUsageError(str(error)) from error
