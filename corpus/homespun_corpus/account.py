"""Every function's fate, one line each: kept, or rejected under one reason.

The account lies beside a dataset and its sums are the manifest's counts, so both can be checked by
counting lines. It holds names and places, no code, and no name that is a secret itself.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from homespun_corpus.functions import Function, FunctionKind
from homespun_corpus.hygiene import names_secret
from homespun_corpus.split import Part
from homespun_corpus.verdicts import Verdicts

ACCOUNT = "functions.jsonl"
KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Entry:
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


def entries(verdicts: Verdicts, repository: str) -> Iterator[Entry]:
    """The training tree's functions and unread files, then what is held out."""
    for function, reason in verdicts.trained:
        yield _entry(repository, function, "train", reason)
    for file in verdicts.unread:
        nothing = None, None, None, None
        reason = file.reason or KEPT
        yield Entry(repository, file.path, *nothing, file.blob_id, "train", reason)
    for held, reason in verdicts.held_out:
        yield _entry(repository, held.function, held.part, reason)


def _entry(
    repository: str, function: Function, part: Literal["train"] | Part, reason: str | None
) -> Entry:
    name, span = function.qualified_name, function.span
    shown = None if names_secret(name) else name
    place = span.start, span.end, function.blob_id
    return Entry(repository, function.path, shown, function.kind, *place, part, reason or KEPT)


def counts(account: Iterable[Entry]) -> dict[str, Any]:
    """The sums: functions of the training tree, functions held out, files not read.

    A class counts as a function; ``classes`` says how many of those of the training tree are.
    """
    account = list(account)
    sums: dict[str, Counter[str]] = {"train": Counter(), "held_out": Counter(), "file": Counter()}
    for entry in account:
        read_as = entry.part if entry.part == "train" else "held_out"
        sums["file" if entry.start is None else read_as][entry.verdict] += 1
    trained, held = sums["train"], sums["held_out"]
    return {
        "functions": trained.total(),
        "classes": sum(entry.part == "train" and entry.kind == "class" for entry in account),
        "kept": trained.pop(KEPT, 0),
        "rejected": dict(sorted(trained.items())),
        "held_out": held.pop(KEPT, 0),
        "held_out_rejected": dict(sorted(held.items())),
        "files_unread": dict(sorted(sums["file"].items())),
    }


def to_lines(account: Sequence[Entry]) -> bytes:
    """The account as JSON, one line an entry."""
    rows = (json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in account)
    return "".join(rows).encode("utf-8", "backslashreplace")


def described(account: Sequence[Entry]) -> dict[str, Any]:
    """What a manifest says of the account, so that no line of it can be lost or changed."""
    digest = hashlib.sha256(to_lines(account)).hexdigest()
    return {"file": ACCOUNT, "rows": len(account), "sha256": digest}


def from_lines(lines: bytes) -> tuple[Entry, ...]:
    """What ``to_lines`` wrote."""
    return tuple(Entry(**json.loads(line)) for line in lines.decode().split("\n") if line)
