"""Where a document belongs: its repository, its path there, and whether suggestions are wanted.

A document belongs to the git top level that holds it, not to the folder an editor has open. Outside
git it belongs to the nearest folder above that the adapter store knows. Knows nothing of models.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from homespun_corpus.errors import CorpusError, SettingsError
from homespun_corpus.filters.path_attributes import MARKS
from homespun_corpus.filters.path_filter import is_excluded
from homespun_corpus.filters.team_settings import (
    FILE,
    SHARED_FILE,
    TeamSettings,
    read_team_settings,
)
from homespun_corpus.repo.folder import IGNORE_FILE
from homespun_corpus.repo.identity import find_root, identity_of
from homespun_corpus.repo.work_tree import WorkTree

from homespun_server.path_marks import check_marks
from homespun_server.paths import as_mined, file_path, relative_path, shown_name
from homespun_server.stays_here import stays_here

GIT_IGNORE = ".gitignore"
LOOKING = 32  # documents whose disk may hang before others have to wait
JUDGED = 1.0  # seconds in which it is not asked again whether a document stays here
UNTIL_THEN = "nothing is suggested here until its settings can be read"

_SETTINGS = (FILE, SHARED_FILE, *MARKS, IGNORE_FILE, GIT_IGNORE)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Root:
    """A repository or folder that can have an adapter."""

    path: Path
    identity: str
    exclude: tuple[str, ...] = ()
    exclude_licences: tuple[str, ...] = ()
    problem: str | None = None
    """Why its settings cannot be read: what they exclude is not known, so nothing is suggested."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where one document belongs."""

    root: Root | None
    path: str
    """Relative to the root, as prompts have it."""
    excluded: bool = False
    """Whether no suggestion may be made in it."""
    stays_here: bool = False
    """Whether its text is sent to no server."""


def home_of(path: Path, *, known: Callable[[str], bool], identity: str | None = None) -> Home:
    """Where the file at ``path`` belongs, read from the disk. ``known`` says of a repository's id
    whether the store has an adapter for it; ``identity``: instead of the id of whichever it is."""
    called, path = path, path.resolve()
    top = find_root(path) or _known_folder(path, known)
    if top is None:
        return Home(None, as_mined(path.name), stays_here=True)
    root = _read_root(top, identity or identity_of(top))
    relative = relative_path(path, top)
    excluded = root.problem is not None or is_excluded(relative, root.exclude)
    return Home(root, relative, excluded, stays_here(called))


def _known_folder(path: Path, known: Callable[[str], bool]) -> Path | None:
    return next((folder for folder in path.parents if known(identity_of(folder))), None)


def _read_root(top: Path, identity: str) -> Root:
    try:
        team, problem = read_team_settings(top), None
        check_marks(WorkTree(top))
    except (SettingsError, OSError, RuntimeError) as error:
        team, problem = TeamSettings(), str(error)
    return Root(top, identity, team.exclude, team.exclude_licences, problem)


class Homes:
    """The homes of open documents, found once each, off the event loop.

    Where a server may answer, whether their text stays here is found out again and again: anybody
    may have git ignore a file that is open.
    """

    def __init__(
        self,
        known: Callable[[str], bool],
        report: Callable[[str], None],
        identity: str | None = None,
        *,
        for_server: bool = False,
    ) -> None:
        """As of ``home_of``; ``report`` is told once what is wrong with a repository.
        ``for_server``: whether one may answer in place of this machine."""
        self._home_of = partial(home_of, known=known, identity=identity)
        self._report = report
        # Of which none is waited for at the end: their disk may hang.
        self._threads = ThreadPoolExecutor(LOOKING, thread_name_prefix="home")
        self._found: dict[str, asyncio.Future[Home]] = {}
        self._for_server = for_server
        self._judged: dict[str, float] = {}
        """When it was last asked whether a document stays here."""
        self._reported: dict[Path, str] = {}
        """The problem of each root that was last reported."""

    async def of(self, uri: str) -> Home:
        """Where the document at ``uri`` belongs; nowhere, where that cannot be found out.

        Settings that cannot be read are read again each time: they may be mended anywhere.
        """
        if (found := self._found.get(uri)) is None or _has_problem(found):
            found = self._begin(uri, self._find(uri))
        elif self._is_to_be_judged(uri, found):
            found = self._begin(uri, self._judge_again(uri, found.result()))
        return await asyncio.shield(found)

    def found(self, uri: str) -> Home | None:
        """``of``, where that needs no waiting; settings that cannot be read are read again."""
        found = self._found.get(uri)
        if found is None or not found.done() or _has_problem(found):
            return None
        return None if self._is_to_be_judged(uri, found) else found.result()

    def forget(self, uri: str) -> None:
        """Look again the next time: the document was closed."""
        self._found.pop(uri, None)
        self._judged.pop(uri, None)

    def files_changed(self) -> None:
        """What git ignores may be another."""
        self._judged.clear()

    def saved(self, uri: str) -> None:
        """Look at everything again if what was saved is a settings file."""
        if uri.rsplit("/", 1)[-1] in _SETTINGS:
            self._found.clear()

    def _begin(self, uri: str, finding: Coroutine[None, None, Home]) -> asyncio.Future[Home]:
        self._judged[uri] = time.monotonic()
        self._found[uri] = asyncio.ensure_future(finding)
        return self._found[uri]

    def _is_to_be_judged(self, uri: str, found: asyncio.Future[Home]) -> bool:
        if not self._for_server or not found.done() or found.result().root is None:
            return False
        return time.monotonic() - self._judged.get(uri, -JUDGED) >= JUDGED

    async def _judge_again(self, uri: str, home: Home) -> Home:
        path = file_path(uri)
        assert path is not None, "what has a root has a path"
        loop = asyncio.get_running_loop()
        stays = await loop.run_in_executor(self._threads, stays_here, Path(path))
        return replace(home, stays_here=stays)

    async def _find(self, uri: str) -> Home:
        path = file_path(uri)
        if path is None:
            return Home(None, shown_name(uri), stays_here=True)
        try:
            loop, find = asyncio.get_running_loop(), partial(self._home_of, Path(path))
            home = await loop.run_in_executor(self._threads, find)
        except (CorpusError, OSError, RuntimeError, ValueError) as error:
            logger.warning("a document's repository cannot be read: %s", type(error).__name__)
            return Home(None, as_mined(Path(path).name), stays_here=True)
        if home.root is not None:
            self._say_once(home.root)
        return home

    def _say_once(self, root: Root) -> None:
        if root.problem is None:
            self._reported.pop(root.path, None)
        elif self._reported.get(root.path) != root.problem:
            self._reported[root.path] = root.problem
            self._report(f"{root.path.name}: {root.problem}; {UNTIL_THEN}")


def _has_problem(found: asyncio.Future[Home]) -> bool:
    if not found.done() or found.cancelled() or found.exception() is not None:
        return False
    root = found.result().root
    return root is not None and root.problem is not None
