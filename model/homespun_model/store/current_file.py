"""The small files that name what is served: one for each base, replaced whole by a rename.

    current=<base key>   the revision's name; below it, for people, what the base is called
    current              the same of a store from before there was one for each base: a name alone,
                         and the base is the one that its revision was trained on

No repository's folder can be called so (``folder_names``). Knows nothing of what is in an adapter.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from homespun_model.bases.identity import UNKNOWN, BaseRecord, which
from homespun_model.errors import StoreError
from homespun_model.files.disk import flush, replace
from homespun_model.store.repository_folder import RepositoryFolder, reason
from homespun_model.store.revision import NAME, read_manifest

WAY_OUT = "`homespun adapters rollback --to-base` serves the base instead"


@dataclass(frozen=True, slots=True)
class Current:
    """What one file says is served. ``name`` is None where it cannot be read."""

    file: Path
    name: str | None
    base: str
    """What the base is called; UNKNOWN where nothing says it."""
    record: BaseRecord | None
    """The base, as the revision's manifest names it; None where that cannot be read."""


def find(folder: RepositoryFolder, base: BaseRecord) -> Path | None:
    """The file that speaks of ``base``; None where it is served without an adapter.

    An old file of which nobody can tell the base counts, so that it is said and not passed over.
    """
    own, old = folder.current_of(base.key), folder.old_current
    if os.path.lexists(own):
        return own
    for current in every(folder):
        if current.record.is_same(base) if current.record else current.file == old:
            return current.file
    return None


def every(folder: RepositoryFolder, of: BaseRecord | str | None = None) -> list[Current]:
    """What is served for each base, or for those that ``of`` may mean; an older version's file
    last, unless another speaks for it."""
    found: list[Current] = []
    for current in _all(folder):
        base = current.record
        if base is None or not any(one.record and one.record.is_same(base) for one in found):
            found.append(current)
    chosen = which(of, [one.record for one in found], [one.base for one in found])
    return [found[number] for number in chosen]


def read(folder: RepositoryFolder, file: Path) -> Current:
    """What a file says, as far as it can be read."""
    try:
        name, called = name_in(file)
    except StoreError:
        return Current(file, None, UNKNOWN, None)
    record = BaseRecord.in_manifest(read_manifest(folder.revisions / name))
    return Current(file, name, called or (record.id if record else UNKNOWN), record)


def name_in(file: Path) -> tuple[str, str]:
    """The revision that a file names, and what it calls the base, maybe nothing. StoreError."""
    try:
        name, _, called = file.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError) as error:
        raise StoreError(f"{file} cannot be read: {reason(error)}; {WAY_OUT}") from error
    if not NAME.fullmatch(name.strip()):
        raise StoreError(f"{file} holds {name[:80]!r}, no name of a revision; {WAY_OUT}")
    return name.strip(), called.strip()


def serve(folder: RepositoryFolder, base: BaseRecord, name: str) -> None:
    """Serve a revision for its base. What else spoke of that base goes once this does."""
    others = _others(folder, base, folder.current_of(base.key))
    called = " ".join(base.id.split())
    replace(folder.current_of(base.key), f"{name}\n{called}\n", by_way_of=folder.staging)
    _remove(others)


def serve_again(folder: RepositoryFolder, current: Current, name: str) -> None:
    """Serve another revision for the base that a file speaks of."""
    called = "" if current.file == folder.old_current else f"{current.base}\n"
    replace(current.file, f"{name}\n{called}", by_way_of=folder.staging)


def serve_base(folder: RepositoryFolder, current: Current) -> None:
    """Serve a base without an adapter. What else spoke of it goes first: it would speak again."""
    others = _others(folder, current.record, current.file) if current.record else []
    _remove([*others, current.file])


def _all(folder: RepositoryFolder) -> list[Current]:
    return [read(folder, file) for file in folder.current_files()]


def _others(folder: RepositoryFolder, base: BaseRecord, file: Path) -> list[Path]:
    """Other files that speak of a base: an older version's, or under another of its names."""
    return [
        other.file
        for other in _all(folder)
        if other.file != file and other.record is not None and other.record.is_same(base)
    ]


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
        flush(file.parent)
