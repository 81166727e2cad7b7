"""Revisions that come from another store, and keep their names: put here whole, and served.

As with the store's own, a process killed between any two lines leaves the old state or the new one.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import StoreError
from homespun_model.files.disk import flush, flush_files
from homespun_model.store import current_file
from homespun_model.store.repository_folder import RepositoryFolder, release
from homespun_model.store.revision import Revision, check_manifest
from homespun_model.store.shelves import shelf
from homespun_model.store.store import AdapterStore


def adopt(store: AdapterStore, repository: str, name: str, staged: Path) -> None:
    """Make what is in ``staged``, which the store gave, the revision called ``name``; one of that
    name, which is damaged, gives way. Nothing else is served for it."""
    folder = _folder(store, repository)
    with folder.writing("put a revision into"):
        flush_files(staged)
        path = folder.revisions / name
        if path.exists():
            path.rename(folder.staging / uuid.uuid4().hex)
        staged.rename(path)
        flush(path.parent)
        release(staged)
        folder.clean()


def serve(store: AdapterStore, revision: Revision) -> str | None:
    """Serve a revision that is in ``store`` for its base; the name of what was served before."""
    base, folder = check_manifest(revision.manifest), _folder(store, revision.repository)
    with folder.writing("serve a revision of"):
        before = _served(folder, base)
        if before != revision.name:
            current_file.serve(folder, base, revision.name)
        return before


def serve_base(store: AdapterStore, repository: str, base: BaseRecord) -> str | None:
    """Serve a base by itself; the name of what was served before."""
    folder = _folder(store, repository)
    if not folder.revisions.is_dir():
        return None
    with folder.writing("serve the base of"):
        before = _served(folder, base)
        for current in current_file.every(folder, base):
            current_file.serve_base(folder, current)
        return before


def _served(folder: RepositoryFolder, base: BaseRecord) -> str | None:
    file = current_file.find(folder, base)
    try:
        return current_file.name_in(file)[0] if file is not None else None
    except StoreError:  # damaged: what comes heals it
        return None


def _folder(store: AdapterStore, repository: str) -> RepositoryFolder:
    return RepositoryFolder(store.root, shelf(store.root, repository))
