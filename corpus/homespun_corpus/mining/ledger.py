"""Every function's fate, one line each: kept, or rejected under one reason.

The account lies beside a dataset and its sums are the manifest's counts, so both can be checked by
counting lines. It holds names and places, no code, and no name that is a secret itself.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from homespun_corpus.filters.quality import names_secret
from homespun_corpus.mining.holdout_size import Part
from homespun_corpus.mining.selection import Selection
from homespun_corpus.syntax.functions import Function, FunctionKind

LEDGER_FILE = "functions.jsonl"
KEPT = "kept"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One function or class: bytes ``start`` to ``end`` of blob ``blob_id``, in ``part``.

    ``verdict``: "kept", or the reason it was rejected for. A file that no parser may read has one
    entry, without a function, a kind or a span.
    """

    repository: str
    path: str
    function: str | None
    kind: FunctionKind | None
    start: int | None
    end: int | None
    blob_id: str
    part: Literal["train"] | Part
    verdict: str


def ledger_entries(selection: Selection, repository: str) -> Iterator[LedgerEntry]:
    """The training tree's functions and unread files, then what is held out."""
    for function, reason in selection.trained:
        yield _entry(repository, function, "train", reason)
    for file in selection.unread:
        nothing = None, None, None, None
        reason = file.reason or KEPT
        yield LedgerEntry(repository, file.path, *nothing, file.blob_id, "train", reason)
    for held, reason in selection.held_out:
        yield _entry(repository, held.function, held.part, reason)
    for held, reason in selection.not_asked:
        yield _entry(repository, held.function, held.part, reason)


def _entry(
    repository: str, function: Function, part: Literal["train"] | Part, reason: str | None
) -> LedgerEntry:
    name, span = function.qualified_name, function.span
    shown = None if names_secret(name) else name
    place = span.start, span.end, function.blob_id
    return LedgerEntry(
        repository, function.path, shown, function.kind, *place, part, reason or KEPT
    )


class Ledger:
    """Entries in a file, in order: read when asked for, however many there are."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.rows, digest = 0, hashlib.sha256()
        with file.open("rb") as lines:
            for line in lines:
                self.rows += 1
                digest.update(line)
        self._digest = digest.hexdigest()

    @classmethod
    def of(cls, found: Iterable[LedgerEntry]) -> Ledger:
        """Entries, written to a file that is gone when nobody has the account any more."""
        folder = Path(tempfile.mkdtemp(prefix="homespun-account-"))
        with (folder / LEDGER_FILE).open("wb") as file:
            file.writelines(map(_line, found))
        ledger = cls(folder / LEDGER_FILE)
        weakref.finalize(ledger, shutil.rmtree, folder, ignore_errors=True)
        return ledger

    def __iter__(self) -> Iterator[LedgerEntry]:
        with self.file.open("rb") as lines:
            for line in lines:
                yield LedgerEntry(**json.loads(line))

    def __len__(self) -> int:
        return self.rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ledger) and self.described() == other.described()

    __hash__ = None  # type: ignore[assignment]

    def described(self) -> dict[str, Any]:
        """What a manifest says of it, so that no line can be lost or changed."""
        return {"file": LEDGER_FILE, "rows": self.rows, "sha256": self._digest}


def ledger_counts(ledger: Iterable[LedgerEntry]) -> dict[str, Any]:
    """The sums: functions of the training tree, functions held out, files not read.

    A class counts as a function; ``classes`` says how many of those of the training tree are.
    """
    sums: dict[str, Counter[str]] = {"train": Counter(), "held_out": Counter(), "file": Counter()}
    classes = 0
    for entry in ledger:
        read_as = entry.part if entry.part == "train" else "held_out"
        sums["file" if entry.start is None else read_as][entry.verdict] += 1
        classes += entry.part == "train" and entry.kind == "class"
    trained, held = sums["train"], sums["held_out"]
    return {
        "functions": trained.total(),
        "classes": classes,
        "kept": trained.pop(KEPT, 0),
        "rejected": dict(sorted(trained.items())),
        "held_out": held.pop(KEPT, 0),
        "held_out_rejected": dict(sorted(held.items())),
        "files_unread": dict(sorted(sums["file"].items())),
    }


def _line(entry: LedgerEntry) -> bytes:
    """An entry as JSON."""
    text = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")
