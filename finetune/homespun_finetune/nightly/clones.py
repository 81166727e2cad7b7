"""A repository that is a URL: a clone in the user's cache, brought up to date each night.

git does it, with its own helpers for whatever asks for credentials; nobody is there to type any.
A clone that cannot follow its origin any more is made anew. Knows neither runs nor nights.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import platformdirs
from homespun_corpus.errors import one_line
from homespun_corpus.repo.identity import file_system_name
from homespun_model.files.locks import NoLocksError, try_lock

from homespun_finetune import interruption
from homespun_finetune.errors import FinetuneError
from homespun_finetune.nightly import child, git_url

SECONDS = 3600.0  # for git: a first clone may be large
POLL = 0.2
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",  # set and empty: neither the settings' nor SSH_ASKPASS is called
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",  # and a session of its own has no terminal
    "LC_ALL": "C",
}
_SETTINGS = (
    *("-c", "credential.interactive=false"),
    *("-c", "clone.defaultRemoteName=origin"),  # whose URL says which repository it is
    *("-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"),  # nothing outlives it
)
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")  # no pull requests of others
_BRANCH = "ref: refs/heads/"


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
        name = file_system_name(url)
        clone = self.folder / name / git_url.last_part(url)  # which may be a part of its id
        clone.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        coming = self.folder / f"{name}.coming"
        with self._alone(url, self.folder / f"{name}.lock"):
            shutil.rmtree(coming, ignore_errors=True)  # of a night that was killed
            try:
                if not (clone.is_dir() and self._follows(url, clone)):
                    self._make(url, clone, coming)
            finally:
                shutil.rmtree(coming, ignore_errors=True)
        return clone

    def _follows(self, url: str, clone: Path) -> bool:
        """Bring it up to date; whether that could be done. CloneError: its origin is away."""
        head = self._head(url)
        try:
            self._fetch(url, clone, head)
        except CloneError:
            return False  # the origin answered just now: a lock that was left, a damaged file
        return not (clone / "shallow").exists()

    def _head(self, url: str) -> str | None:
        """The origin's HEAD: ``ref: `` and a branch, or a commit; None where there is none."""
        lines = self._git(url, "ls-remote", "--symref", "--", url, "HEAD").splitlines()
        parts = [line.partition("\t") for line in lines]
        return next((what for what, _, name in parts if name == "HEAD"), None)

    def _fetch(self, url: str, clone: Path, head: str | None) -> None:
        """The branch that is the repository's own may be another one today, or a mere commit."""
        here = f"--git-dir={clone}"
        is_commit = head is not None and not head.startswith("ref: ")
        refs = ("HEAD", *_REFS) if is_commit else _REFS
        self._git(url, here, "fetch", "--quiet", "--prune", "--", url, *refs)
        if head is not None and is_commit:
            self._git(url, here, "update-ref", "--no-deref", "HEAD", head)
        elif head is not None and head.startswith(_BRANCH):
            self._git(url, here, "symbolic-ref", "HEAD", head.removeprefix("ref: "))

    def _make(self, url: str, clone: Path, coming: Path) -> None:
        """Clone it, and put that in the place of what is there."""
        coming.mkdir(mode=0o700)
        self._git(url, "clone", "--quiet", "--bare", "--", url, str(coming / "new"))
        if clone.exists():
            clone.rename(coming / "old")
        (coming / "new").rename(clone)

    def _alone(self, url: str, file: Path) -> AbstractContextManager[Any]:
        """Nobody else fetches it meanwhile."""
        end = time.monotonic() + SECONDS
        try:
            while (lock := try_lock(file, strict=True)) is None:
                interruption.check()
                if time.monotonic() > end:
                    raise CloneError(f"another run is still fetching {url}")
                time.sleep(POLL)
        except NoLocksError:
            return contextlib.nullcontext()
        return lock

    def _git(self, url: str, *arguments: str) -> str:
        """What it said; its errors, which may show what a user's settings hold, go nowhere raw."""
        told: list[str] = []
        # Whatever repository we were started in has no say in it.
        command = ["git", "-C", str(self.folder), *_SETTINGS, *arguments]
        with tempfile.TemporaryFile() as nowhere:
            on_leash = child.command_on_leash(command)
            ended = child.run(on_leash, nowhere, told.append, seconds=SECONDS, **_QUIET)
        if ended.interrupted:
            raise KeyboardInterrupt
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
