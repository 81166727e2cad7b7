"""``--refresh``: go on from the published adapter, with what has changed and some of the rest.

From the base instead where there is nothing to go on from, or where today's rules, or the team,
keep out what an ancestor was trained on: nothing takes that out of its weights again. Knows no
models.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from homespun_corpus.filters.path_attributes import EXCLUDED
from homespun_corpus.filters.path_filter import path_filter
from homespun_corpus.mining.dataset import Mined
from homespun_corpus.mining.eval_material import EvalMaterial
from homespun_corpus.mining.ledger import KEPT
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.rules_version import judged_alike
from homespun_corpus.syntax.functions import Function
from homespun_corpus.syntax.notebooks import readable
from homespun_model.bases.generic_adapter import GenericAdapter
from homespun_model.store.store import Revision

from homespun_finetune import provenance
from homespun_finetune.batches import mixed, shuffled
from homespun_finetune.provenance import Provenance
from homespun_finetune.reading_order import last_changed_first

REPLAY = 0.25  # of what is trained on was learnt before: a weak shift wants less, a strong one this
# Of two copies one stays, and which may change from day to day: no reason to unlearn either.
_COPIES = ("duplicate", "near-duplicate", "held-out-duplicate")


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Which rows of the training set are read, in which order, and from where a run sets out.

    ``start``: the revision to go on from; None for the base, and ``reason`` says why.
    """

    rows: Sequence[int]
    start: Revision | None = None
    reason: str = ""
    changed: int = 0
    """Rows of functions that no ancestor has seen."""

    def __str__(self) -> str:
        """One line for people."""
        if self.start is None:
            return f"from the base: {self.reason}"
        replayed = len(self.rows) - self.changed
        return (
            f"going on from {self.start.name}: {self.changed} samples of changed code, "
            f"{replayed} of what it knows"
        )

    def to_json(self) -> dict[str, Any]:
        start = self.start.name if self.start else None
        return {"from": start, "reason": self.reason, "changed": self.changed}


def full_plan(mined: Mined, seed: int, reason: str = "") -> TrainingPlan:
    """Everything, from the base."""
    return TrainingPlan(last_changed_first(mined, seed), reason=reason)


def refresh_plan(
    mined: Mined,
    incumbent: Revision | None,
    seed: int,
    prompt_version: int,
    generic: GenericAdapter | None = None,
) -> TrainingPlan:
    """From the incumbent if it may be; then ``rows`` is empty where nothing has changed.

    ``prompt_version``: what is trained on now; ``generic``: where a fresh training begins.
    """
    if incumbent is None:
        return full_plan(mined, seed, "there is no adapter yet")
    known = provenance.read(incumbent.path)
    if known is None:
        return full_plan(mined, seed, f"{incumbent.name} does not say what it was trained on")
    if (was := incumbent.manifest.get("prompt_version")) != prompt_version:
        reason = f"{incumbent.name} is asked with version {was} of the prompt, not {prompt_version}"
        return full_plan(mined, seed, reason)
    if incumbent.manifest.get("generic") != (generic.sha256 if generic else None):
        reason = f"{incumbent.name} did not begin at today's generic adapter"
        return full_plan(mined, seed, reason)
    if reason := _kept_out(mined, incumbent, known):
        return full_plan(mined, seed, reason)
    return _onward(mined, incumbent, known, seed)


def _onward(mined: Mined, incumbent: Revision, known: Provenance, seed: int) -> TrainingPlan:
    is_new = [not digests <= known.texts for digests in _texts_of_rows(mined)]
    changed = [i for i in last_changed_first(mined, seed) if is_new[i]]
    known_rows = (i for i in shuffled(len(is_new), seed) if not is_new[i])
    return TrainingPlan(list(mixed(changed, known_rows, REPLAY)), incumbent, "", len(changed))


def _kept_out(mined: Mined, incumbent: Revision, known: Provenance) -> str:
    """Why nothing may go on from the incumbent; empty if it may."""
    if not judged_alike(incumbent.manifest.get("rules")):
        return f"the rules of what is kept out are not those of {incumbent.name}"
    if excluded := _excluded(mined, known):
        return f"{excluded} is excluded now, and {incumbent.name} was trained on it"
    for path, verdict, digest in _rejected(mined):
        if digest in known.texts:
            return f"a function of {path} is kept out now ({verdict}): {incumbent.name} knows it"
    return ""


def _excluded(mined: Mined, known: Provenance) -> str | None:
    """A path that was learnt from and that a team excludes, whether the file is still there or not.

    What is learnt from today is excluded by another of several repositories, if by any.
    """
    material, excluded = _material(mined), set[str]()
    for repository, about in zip(
        material.repositories, mined.manifest["repositories"], strict=True
    ):
        left_out = path_filter(repository, about["settings"]["exclude"])
        excluded.update(path for path in known.paths if left_out(path) == EXCLUDED)
    if excluded:  # seldom: what is kept is read again for this
        excluded -= {function.path for function in material.kept}
    return min(excluded, default=None)


def _rejected(mined: Mined) -> Iterator[tuple[str, str, str]]:
    """(path, verdict, hash) of the functions of the training tree that hygiene keeps out."""
    repository = _material(mined).repository
    for entry in mined.ledger:
        if entry.part == "train" and entry.verdict not in (KEPT, *_COPIES) and entry.end:
            text = readable(repository.read(entry.blob_id))[entry.start : entry.end]
            yield entry.path, entry.verdict, provenance.digest_of(text)


def _texts_of_rows(mined: Mined) -> Iterator[set[str]]:
    """The hashes of the function that each training row was cut from; of all that bear its name."""
    named: dict[tuple[str, str, str], set[str]] = {}
    material = _material(mined)
    hashes = provenance.digests(material.repository, material.kept)
    for function, digest in zip(material.kept, hashes, strict=True):
        named.setdefault(_name(function), set()).add(digest)
    columns = ("path", "blob_id", "function")
    for row in mined.dataset["train"].select_columns(list(columns)):
        yield named[row["path"], row["blob_id"], row["function"]]


def _name(function: Function) -> tuple[str, str, str]:
    return function.path, function.blob_id, function.qualified_name


def unseen(mined: Mined, incumbent: Revision | None) -> tuple[list[Sample], EvalMaterial]:
    """The test without what the incumbent was trained on: neither older code nor known functions.

    Its own window may have begun later than today's.
    """
    material, samples = _material(mined), list(mined.samples("test"))
    if incumbent is None:
        return samples, material
    known, newer = provenance.read(incumbent.path), _newer(mined, incumbent.manifest)
    hashes = provenance.digests(material.repository, (held.function for held in material.held))
    held = tuple(
        item
        for item, digest in zip(material.held, hashes, strict=True)
        if (known is None or digest not in known.texts) and (newer is None or item.commit in newer)
    )
    fair = {_name(item.function) for item in held}
    samples = [s for s in samples if (s.path, s.blob_id, s.function) in fair]
    return samples, replace(material, held=held)


def _newer(mined: Mined, manifest: Mapping[str, Any]) -> set[str] | None:
    """The commits after what the incumbent read; None where today's test is not split by time."""
    if mined.manifest["split"]["kind"] != "time":
        return None
    read, newer = set(_train_commits(manifest)), set[str]()
    for repository in _material(mined).repositories:
        newest_first = (commit.id for commit in repository.history())
        newer.update(takewhile(lambda commit: commit not in read, newest_first))
    return newer


def _train_commits(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Of each repository that a revision was trained on; it is data, and may say anything."""
    for about in [manifest, *_listed(manifest.get("repositories"))]:
        split = about.get("split") if isinstance(about, Mapping) else None
        commit = split.get("train_commit") if isinstance(split, Mapping) else None
        if isinstance(commit, str):
            yield commit


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _material(mined: Mined) -> EvalMaterial:
    assert mined.material is not None  # a run mines itself
    return mined.material
