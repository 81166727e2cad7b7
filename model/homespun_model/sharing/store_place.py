"""Where a user's adapters are: a folder, or a URL with a folder here that mirrors it.

Everything that reads adapters reads a folder. With a URL that is a mirror in the user's own data,
which is brought up to date when that is asked for: what is here serves where the URL cannot be
reached, and how old it is can be said.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import StoreError
from homespun_model.files.disk import replace
from homespun_model.sharing.bucket_files import BucketFiles
from homespun_model.sharing.folder_files import FolderFiles
from homespun_model.sharing.shared_files import SharedFiles
from homespun_model.sharing.shared_store import Change, SharedStore
from homespun_model.sharing.url import StoreUrl, check_named, is_url
from homespun_model.store.adopt import serve, serve_base
from homespun_model.store.shelves import shelves
from homespun_model.store.store import AdapterStore, Revision, default_store

_ASKED = "asked.json"  # no folder: no repository is called so


def files_at(url: StoreUrl) -> SharedFiles:
    """Those of a shared store. StoreError where what it takes to ask is not installed."""
    return FolderFiles(url) if url.kind == "file" else BucketFiles(url)


@dataclass(frozen=True, slots=True)
class StorePlace:
    """``store``: a folder of this machine; ``url``: what it mirrors, if anything."""

    store: AdapterStore
    url: StoreUrl | None = None

    @classmethod
    def of(cls, named: str | None) -> StorePlace:
        """What ``--store`` says; the user's own folder where it says nothing. StoreInputError."""
        if named is None:
            return cls(AdapterStore(default_store()))
        check_named(named)
        if not is_url(named):
            return cls(AdapterStore(Path(named).expanduser()))
        url = StoreUrl.of(named)
        name = hashlib.sha256(url.text.encode()).hexdigest()[:16]
        mirrors = platformdirs.user_data_path("homespun", appauthor=False) / "mirrors"
        return cls(AdapterStore(mirrors / name), url)

    def shared(self) -> SharedStore:
        """What is at the URL, to be asked. StoreError where what that takes is not installed."""
        assert self.url is not None, "a folder is not shared by homespun"
        return SharedStore(files_at(self.url), str(self.url))

    def pull(self, repository: str, base: BaseRecord | None = None) -> list[Change]:
        """Bring the mirror up to date for one base, or each; a folder always is. StoreError: it
        could not be, and stays as it was."""
        if self.url is None:
            return []
        changes = self.shared().pull(self.store, repository, base)
        self._note(repository)
        return changes

    def repositories(self) -> list[str]:
        """The ids of all that have revisions. StoreError."""
        if self.url is not None:
            return self.shared().repositories()
        self.store.check_folder()
        return [identity for _, identity in shelves(self.store.root)]

    def publish(self, repository: str, staged: Path, manifest: Mapping[str, Any]) -> Revision:
        """As ``AdapterStore.publish``; with a URL it is served once it is served there. StoreError
        where it could not be pushed: then it is kept here and served nowhere."""
        if self.url is None:
            return self.store.publish(repository, staged, manifest)
        revision = self.store.keep(repository, staged, manifest)
        try:
            self.shared().push_revision(self.store, revision)
        except StoreError as error:
            left = f"{revision.name}, which is better, is kept in {self.store.root}"
            raise StoreError(f"{error}; {left} and served nowhere: run it again") from error
        serve(self.store, revision)
        return revision

    def rollback(
        self, repository: str, *, base: BaseRecord | str | None = None, to_base: bool = False
    ) -> tuple[str, Revision | None]:
        """As ``AdapterStore.rollback``; with a URL of what that serves, there, then here: what the
        one before it was is brought here first, and with ``to_base`` nothing has to be whole, there
        or here. StoreError."""
        if self.url is None:
            return self.store.rollback(repository, base=base, to_base=to_base)
        shared = self.shared()
        if to_base:
            was = shared.push_base(self.store, repository, base, force=True)
            serve_base(self.store, repository, was)
            return was.id, None
        self.pull(repository, base if isinstance(base, BaseRecord) else None)
        for current in self.store.currents(repository, base):
            now = self.store.open_current(repository, current.file)
            if isinstance(parent := now.manifest.get("parent"), str):
                shared.bring(self.store, repository, parent)
        called, revision = self.store.rollback(repository, base=base)
        if revision is not None:
            shared.push_revision(self.store, revision)
        else:
            shared.push_base(self.store, repository, called)
        return called, revision

    def age(self, repository: str) -> float | None:
        """Seconds since the URL last answered about a repository; None where it never has."""
        asked = self._asked().get(repository)
        return max(0.0, time.time() - asked) if asked is not None else None

    def _note(self, repository: str) -> None:
        """Nothing depends on it: where it cannot be written, it is not."""
        asked = self._asked() | {repository: time.time()}
        with contextlib.suppress(OSError):
            self.store.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace(self.store.root / _ASKED, json.dumps(asked), by_way_of=self.store.root)

    def _asked(self) -> dict[str, float]:
        try:
            told = json.loads((self.store.root / _ASKED).read_text(encoding="utf-8"))
            return {str(name): float(when) for name, when in told.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
