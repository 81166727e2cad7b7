"""Code that is nobody's own: the standard library of the Python that runs, in two halves.

One half may be replayed in training, the other is measured on, so that what a team's adapter costs
on code in general is known. A module belongs to the half that the hash of its path names: on any
machine, for ever. For languages that Python brings no code of there are a few pages of our own in
``generic/``: too few to measure a loss on, enough to ask a base what it would write there, and an
adapter how far it has come from that. Knows no models.
"""

from __future__ import annotations

import hashlib
import random
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Literal

from homespun_corpus.mining.holes import EVALUATED, CharOffsets, Hole, HoleCutter
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import place_at
from homespun_corpus.syntax.languages import Language, by_name, language_for
from homespun_corpus.syntax.parsing import parse
from homespun_corpus.syntax.spans import Span

Half = Literal["replay", "measure"]

MIN_CHARS, MAX_CHARS = 1000, 60_000  # of a module: neither a stub nor a table
HOLES_A_MODULE = 3
HOLES_A_PAGE = 24
_PAGES = {
    "go": "sample.go",
    "javascript": "sample.js",
    "rust": "sample.rs",
    "tsx": "sample.ts",
    "typescript": "sample.ts",
}
LANGUAGE = "python"
# Tests are half of the library; the others are programs, data or somebody else's.
_NOT_LIBRARY = frozenset(
    (
        *("test", "tests", "idlelib", "turtledemo", "__phello__", "ensurepip", "lib2to3"),
        *("pydoc_data", "config", "site-packages", "dist-packages"),
    )
)


def replay_texts(seed: int) -> Iterator[tuple[str, str]]:
    """(path, text) of the modules that training may read, in a seeded order."""
    return _texts("replay", seed)


def replay_digest(seed: int) -> str:
    """One number for all that ``replay_texts`` gives: it is as old as the Python that runs."""
    digest = hashlib.sha256()
    for path, text in replay_texts(seed):
        digest.update(f"{path}\n{len(text)}\n{text}".encode())
    return digest.hexdigest()


def replay_samples(seed: int) -> Iterator[Sample]:
    """Holes in the modules that training may read, as they are cut in a team's code."""
    return _samples("replay", seed)


def measured_samples(seed: int) -> Iterator[Sample]:
    """Holes in the modules that training never reads, a few a module, in a seeded order."""
    return _samples("measure", seed)


def generic_samples(languages: Iterable[str], seed: int) -> list[Sample]:
    """Holes in the pages of ours, in those of ``languages`` that there are pages in."""
    root = resources.files("homespun_finetune").joinpath("generic")
    samples: list[Sample] = []
    for name in sorted({_PAGES[language] for language in languages if language in _PAGES}):
        language = language_for(name)
        assert language is not None
        text = root.joinpath(name).read_text(encoding="utf-8")
        samples += _cut(name, text, language, HOLES_A_PAGE, seed)
    return samples


def _texts(half: Half, seed: int) -> Iterator[tuple[str, str]]:
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = [path for path in _modules(root) if _half(path) == half]
    random.Random(f"{seed}:{half}").shuffle(paths)
    for path in paths:
        try:
            text = (root / path).read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):  # one module less, not a run less
            continue
        if MIN_CHARS <= len(text) <= MAX_CHARS:
            yield path, text


def _modules(root: Path) -> list[str]:
    """Paths of modules below the standard library's folder; none where it is in an archive."""
    found = (path.relative_to(root) for path in root.rglob("*.py"))
    return sorted(path.as_posix() for path in found if _NOT_LIBRARY.isdisjoint(path.parts))


def _half(path: str) -> Half:
    return "measure" if hashlib.sha256(path.encode()).digest()[0] % 2 else "replay"


def _samples(half: Half, seed: int) -> Iterator[Sample]:
    for path, text in _texts(half, seed):
        yield from _cut(path, text, by_name(LANGUAGE), HOLES_A_MODULE, seed)


def _cut(path: str, text: str, language: Language, count: int, seed: int) -> Iterator[Sample]:
    source = text.encode()
    cutter = HoleCutter(text, source, language, parse(language, source))
    rng = random.Random(f"{seed}:{path}")
    offsets = CharOffsets(text, source)
    for hole in cutter.cut(Span(0, len(source)), count, rng, EVALUATED):
        yield _sample(path, text, language, offsets, hole)


def _sample(path: str, text: str, language: Language, offsets: CharOffsets, hole: Hole) -> Sample:
    return Sample(
        repository="",
        commit="",
        blob_id=hashlib.sha256(path.encode()).hexdigest(),
        path=path,
        function="",
        kind=hole.kind,
        novelty="old",
        start=offsets.byte(hole.start),
        end=offsets.byte(hole.end),
        place=place_at(text, hole.start, hole.end, path=path, language=language.name),
        middle=text[hole.start : hole.end],
    )
