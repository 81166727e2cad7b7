"""A repository that is a URL: a clone in the user's cache, brought up to date each night.

git does it, with its own helpers for whatever asks for credentials; nobody is there to type any.
Knows neither runs nor nights.
"""

from __future__ import annotations

import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs
from homespun_corpus.errors import one_line
from homespun_corpus.repo.identity import file_system_name

from homespun_finetune.errors import FinetuneError
from homespun_finetune.nightly import child, git_url

SECONDS = 3600.0  # for git: a first clone may be large
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")  # no pull requests of others
_HEAD = "ref: "


class CloneError(FinetuneError):
    """git could not bring a repository here."""


@dataclass(frozen=True, slots=True)
class Clones:
    """Where they are kept, and the log that says what git did."""

    folder: Path
    log: IO[bytes]

    @classmethod
    def of_user(cls, log: IO[bytes]) -> Clones:
        return cls(platformdirs.user_cache_path("homespun", appauthor=False) / "clones", log)

    def bring(self, url: str) -> Path:
        """A bare clone of all branches and tags as they are now. CloneError, OSError."""
        folder = self.folder / file_system_name(url)
        clone = folder / git_url.last_part(url)  # which may be a part of the repository's id
        if clone.is_dir():
            self._git(url, f"--git-dir={clone}", "fetch", "--quiet", "--prune", "origin", *_REFS)
            self._follow_head(url, clone)
            return clone
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=folder, prefix="coming-") as coming:
            new = Path(coming) / "clone"
            self._git(url, "clone", "--quiet", "--bare", "--", url, str(new))
            with contextlib.suppress(OSError):  # another night was faster
                new.rename(clone)
        if not clone.is_dir():
            raise CloneError(f"{url} was cloned and could not be kept in {folder}")
        return clone

    def _follow_head(self, url: str, clone: Path) -> None:
        """The branch that is the repository's own may be another one today."""
        told = self._git(url, f"--git-dir={clone}", "ls-remote", "--symref", "origin", "HEAD")
        first = told.partition("\n")[0]
        if first.startswith(_HEAD):
            branch = first.removeprefix(_HEAD).partition("\t")[0]
            self._git(url, f"--git-dir={clone}", "symbolic-ref", "HEAD", branch)

    def _git(self, url: str, *arguments: str) -> str:
        """What it said; its errors, which may show what a user's settings hold, go nowhere raw."""
        told: list[str] = []
        with tempfile.TemporaryFile() as nowhere:
            ended = child.run(["git", *arguments], nowhere, told.append, seconds=SECONDS, **_QUIET)
        clean = [git_url.without_user(one_line(line)) for line in told]
        with contextlib.suppress(OSError):
            self.log.write("".join(f"git: {line}\n" for line in clean).encode())
            self.log.flush()
        if ended.code is None:
            raise CloneError(f"git has not brought {url} in {SECONDS / 60:.0f} minutes")
        if ended.code:
            why = next((line for line in clean if line.startswith("fatal: ")), "".join(clean[-1:]))
            raise CloneError(f"git could not fetch {url}: {why.removeprefix('fatal: ')}")
        return ended.said.decode("utf-8", "replace")
