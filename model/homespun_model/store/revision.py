"""A revision of an adapter: what belongs in its folder, and whether it is still what was published.

Nothing here loads an adapter: files are known by their names and hashes, and a manifest is as
untrusted as the rest. Knows nothing of folders, of ``current`` or of models.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from homespun_corpus.repo.identity import folded

from homespun_model.bases.identity import UNKNOWN, BaseRecord, which
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.errors import StoreError

SCHEMA = 1
MANIFEST = "manifest.json"
REQUIRED_FILES = (WEIGHTS, CONFIG)
# peft writes a README; the report is what a run has to say for itself.
KNOWN_FILES = frozenset({*REQUIRED_FILES, "README.md", "report.html", "learnt.jsonl"})
NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Revision:
    """One adapter in the store. ``manifest`` as read: its hashes have not been checked yet."""

    repository: str
    name: str
    path: Path
    manifest: dict[str, Any]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest in ``folder``, empty where there is none that can be read."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def first_commits(manifest: Mapping[str, Any]) -> set[str]:
    """Those of the repository that an adapter is of; nothing where its manifest does not say."""
    match manifest.get("repositories"):
        case [{"first_commit": str(commit)}, *_]:
            return {commit}
    return set()


def made_at(name: str) -> datetime | None:
    """When a revision of that name was made, by its maker's clock; None for no such name."""
    if not NAME.fullmatch(name):
        return None
    try:
        return datetime.strptime(name.split("-", maxsplit=1)[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def is_taken_from_others(name: str) -> bool:
    """Whether a revision of that name may come from another store: one of a day that is far off
    would stand behind all that come after it."""
    made = made_at(name)
    return made is not None and made < datetime.now(UTC) + timedelta(days=1)


def new_name(files: Mapping[str, str], *, after: str | None) -> str:
    """The time and a hash of ``files``; sorts behind ``after`` even if the clock went back."""
    now = datetime.now(UTC)
    if after is not None and (last := made_at(after)) is not None:
        now = max(now, last + timedelta(microseconds=1))
    digest = hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()
    return f"{now.strftime(_TIME)}-{digest[:8]}"


def hashes(staged: Path) -> dict[str, str]:
    """The sha256 of each staged file; StoreError on anything that is not a part of an adapter."""
    names = {entry.name for entry in staged.iterdir()} - {MANIFEST}
    for name in sorted(names):
        if name not in KNOWN_FILES or not _plain(staged / name):
            raise StoreError(f"{name} does not belong in an adapter: it was not published")
    for name in REQUIRED_FILES:
        if name not in names:
            raise StoreError(f"the adapter has no {name}: it was not published")
    return {name: _sha256(staged / name) for name in sorted(names)}


def check_manifest(manifest: Mapping[str, Any]) -> BaseRecord:
    """The base of an adapter to be published; StoreError if the manifest does not say it, or not
    with which prompts."""
    base = BaseRecord.in_manifest(manifest)
    if base is None or base.identity is None:
        raise StoreError(
            "a manifest must say base.id, base.weights_hash and base.identity: it was not published"
        )
    if not isinstance(manifest.get("prompt_version"), int):
        raise StoreError("a manifest must say prompt_version: it was not published")
    return base


def by_base(
    revisions: Iterable[Revision], of: BaseRecord | str | None
) -> list[tuple[str, list[str]]]:
    """What each base is called, or those that ``of`` may mean, and its revisions in their order."""
    groups: list[tuple[BaseRecord | None, list[str]]] = []
    for revision in revisions:
        base = BaseRecord.in_manifest(revision.manifest)
        for known, names in groups:
            if known == base or (known and base and known.is_same(base)):
                names.append(revision.name)
                break
        else:
            groups.append((base, [revision.name]))
    called = [base.id if base else UNKNOWN for base, _ in groups]
    chosen = which(of, [base for base, _ in groups], called)
    return [(called[number], groups[number][1]) for number in chosen]


def problems(revision: Revision) -> list[str]:
    """What is wrong with a revision, one line each, without loading anything from it."""
    manifest = revision.manifest
    if not revision.path.is_dir():
        return ["it is not in the store"]
    if not manifest:
        return [f"{MANIFEST} is missing or not JSON"]
    if manifest.get("schema") != SCHEMA:
        return [f"its schema is {manifest.get('schema')!r}, this version reads {SCHEMA}"]
    said = {"repository": folded(str(manifest.get("repository")))}
    truths = {"repository": folded(revision.repository), "revision": revision.name}
    found = [
        f"its manifest names another {key}: {manifest.get(key)!r}"
        for key, truth in truths.items()
        if said.get(key, manifest.get(key)) != truth
    ]
    files = manifest.get("files")
    try:
        return [*found, *_wrong_files(revision.path, files if isinstance(files, dict) else {})]
    except OSError as error:
        return [*found, f"it cannot be read: {error.strerror}"]


def _wrong_files(folder: Path, wanted: Mapping[str, Any]) -> Iterator[str]:
    present = {entry.name for entry in folder.iterdir()}
    for name in sorted(present - KNOWN_FILES - {MANIFEST}):
        yield f"{name} does not belong in a revision"
    for name in REQUIRED_FILES:
        if name not in wanted:
            yield f"its manifest has no hash for {name}"
    for name in sorted(KNOWN_FILES & present - wanted.keys()):
        yield f"{name} was not published with it"
    for name in sorted(wanted):
        if name not in KNOWN_FILES:
            yield f"its manifest names {name[:80]!r}, which does not belong in a revision"
        elif name not in present:
            yield f"{name} is missing"
        elif not _plain(folder / name) or _sha256(folder / name) != wanted[name]:
            yield f"{name} is not what was published"


def _plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
