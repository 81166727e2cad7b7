"""Related code: what other files of a repository have to say about a cursor.

The same call when samples are mined and when an editor asks, so that a model is served what it was
taught with. First how the names beside the cursor's line are defined elsewhere, then the code that
is most like the code around the cursor. The cursor's own line is left out of the question: related
code stands early in a prompt, and while somebody types in a line nothing there may move. Knows
files by path and text; which files a repository has, at which commit, is for the caller to say.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from homespun_corpus.filters.quality import file_reason
from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.place import Place, Related
from homespun_corpus.retrieval.chunk_index import Chunk, ChunkIndex
from homespun_corpus.retrieval.chunks import words
from homespun_corpus.syntax.languages import (
    SHEBANG_BYTES,
    Language,
    by_name,
    language_in,
    may_be_script,
    mined_language,
)

SHOWN_CHARS = 48 << 20  # of a repository's code: over a million lines
RELATED_CHARS = 750  # about 220 tokens: what the starter's prompt gives to related code

LINES_BEFORE = 12  # of the cursor's line, that say what is looked for
LINES_AFTER = 5
FADING = 0.4  # a line counts e^-0.4 times the next one towards the cursor's
CANDIDATES = 64  # chunks looked at; most repositories need four, one full of copies more

DEFINED_SHARE = 0.25  # of the budget, for definitions: more of it takes room from better code
SHOWN = 2  # similar chunks that are sure to be shown, definitions in them included
MOST_DEFINED = 2  # files or places that may define a name, or it says too little

COPY_LINES_BEFORE = 40  # where a copy of the cursor's surroundings is looked for
COPY_LINES_AFTER = 30
COPIED_LINES = 0.8  # a piece with this share of its lines there says nothing new
COPIED_WORDS = 0.9
ALIKE = 0.6  # Jaccard similarity of two pieces, of which one is enough
LEAST_LINES = 5  # of a chunk that is cut to fit
LEAST_CHARS = 100  # a smaller rest of the budget stays empty

_OPEN_CALL = re.compile(r"([^\W\d]\w*)\s*\([^()]*$")


class ContextIndex:
    """Finds related code. May be asked and updated from several threads.

    The same files give the same answers, whatever order they came in.
    """

    def __init__(self) -> None:
        self._chunk_indexes: dict[str, ChunkIndex] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_files(cls, files: Iterable[tuple[str, str]]) -> ContextIndex:
        """An index of ``files``: posix paths, relative to the repository's root, and texts."""
        index = cls()
        for path, text in files:
            index.update(path, text)
        return index

    def update(self, path: str, text: str | None) -> None:
        """A file was saved, or is gone (None). Files that hygiene names a reason for stay out."""
        if text is not None and file_reason(path, text.encode("utf-8", "replace")) is not None:
            text = None
        with self._lock:
            if may_be_script(path):  # which it is may have changed, or its text be gone
                for chunks in self._chunk_indexes.values():
                    chunks.drop(path)
            source = (text or "")[:SHEBANG_BYTES].encode("utf-8", "replace")
            language = mined_language(path) or language_in(path, source)
            chunks = self._chunk_indexes.setdefault(_family(path, language), ChunkIndex())
            if text is None:
                chunks.drop(path)
            else:
                chunks.put(path, text)

    def files(self) -> Iterator[tuple[str, str]]:
        """Every file that is shown, by path."""
        with self._lock:
            texts = [item for chunks in self._chunk_indexes.values() for item in chunks.texts()]
        yield from sorted(texts)

    def related(self, place: Place, *, budget_chars: int = RELATED_CHARS) -> tuple[Related, ...]:
        """Related code from other files, the most telling first; () where there is none.

        Whole lines; the texts, and the paths that a prompt names with them, fit into
        ``budget_chars`` characters together. Depends on nothing but the index and the lines around
        the place's own (``around_line``).
        """
        chunks = self._chunk_indexes.get(_family(place.path, _language_of(place)))
        if chunks is None or not place.path:
            return ()
        around = around_line(place)
        pick = _Pick(around, budget_chars)
        with self._lock:
            similar = chunks.similar(_weights(around), beside=place.path, count=CANDIDATES)
            for path, text in _defined(chunks, around, shown=similar[:SHOWN]):
                pick.offer(path, text, most=int(budget_chars * DEFINED_SHARE), least_lines=1)
            for chunk in similar:
                if pick.is_full():
                    break
                pick.offer(chunk.path, chunks.text(chunk), most=budget_chars)
        return tuple(pick.pieces)


def around_line(place: Place) -> Place:
    """The place without the line that the cursor is in: the same wherever in that line it is."""
    above = place.prefix.rpartition("\n")[0]
    below = place.suffix.partition("\n")[2]
    return replace(place, prefix=above, suffix=below, related=())


def as_many_as_shown(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The files, paths and texts, that an editor has in memory to show: the first ones by path."""
    left = SHOWN_CHARS
    for path, text in files:
        left -= len(text)
        if left < 0:
            return
        yield path, text


class _Pick:
    """Takes the pieces that are offered, in order, as long as they fit and say something new."""

    def __init__(self, place: Place, budget: int) -> None:
        before = place.prefix.split("\n")[-COPY_LINES_BEFORE:]
        after = place.suffix.split("\n")[:COPY_LINES_AFTER]
        self._lines = {line.strip() for line in before + after}
        self._words = set(words("\n".join(before + after)))
        self._taken: list[set[str]] = []
        self._budget = self._left = budget
        self.pieces: list[Related] = []

    def is_full(self) -> bool:
        return self._left < LEAST_CHARS

    def offer(self, path: str, text: str, *, most: int, least_lines: int = LEAST_LINES) -> None:
        """``most``: how many characters of the budget may be used after this piece."""
        said = set(words(text))
        if not said or self._is_copy(text, said) or any(_alike(said, t) for t in self._taken):
            return
        room = min(self._left, most - (self._budget - self._left)) - len(path) - 1
        lines = _fitting(text.split("\n"), room)
        if len(lines) < min(least_lines, text.count("\n") + 1):
            return
        text = "\n".join(lines)
        if find_secrets(text.encode("utf-8", "replace")):
            return
        self.pieces.append(Related(path, text))
        self._taken.append(said)
        self._left -= len(path) + 1 + len(text) + 1

    def _is_copy(self, text: str, said: set[str]) -> bool:
        """Whether a piece repeats the cursor's surroundings: it would be parroted."""
        lines = [line for line in map(str.strip, text.split("\n")) if len(line) > 6]
        copied = sum(line in self._lines for line in lines)
        all_but_the_cursors = copied == len(lines) - 1 > 2
        if copied > COPIED_LINES * len(lines) or all_but_the_cursors:
            return True
        return len(said & self._words) > COPIED_WORDS * len(said)


def _weights(place: Place) -> dict[str, float]:
    """The words of the lines around the cursor's, the nearest first and weighing most."""
    lines = list(enumerate(reversed(place.prefix.split("\n")[-LINES_BEFORE:])))
    lines += enumerate(place.suffix.split("\n")[:LINES_AFTER])
    weights: dict[str, float] = {}
    for distance, line in lines:
        weight = math.exp(-FADING * distance)
        for word in words(line):
            if weights.get(word, 0.0) < weight:
                weights[word] = weight
    return weights


def _defined(index: ChunkIndex, place: Place, shown: Sequence[Chunk]) -> Iterator[tuple[str, str]]:
    """How what the next lines name or call is defined, unless ``shown`` will say so."""
    mentioned = set(words(place.prefix))
    for name in _names(place):
        chunks = index.defines(name)
        if any(chunk.path == place.path for chunk in chunks):
            continue  # the file's own
        likely = [chunk for chunk in chunks if _is_mentioned(chunk, mentioned)]
        if not likely and not _is_plain(name):
            likely = chunks
        if 0 < len(likely) <= MOST_DEFINED and likely[0] not in shown:
            for text in index.openings(name, likely[0]):
                yield likely[0].path, text


def _names(place: Place) -> list[str]:
    """What an open call above calls, then the lines above and below from right to left."""
    called = _OPEN_CALL.findall(place.prefix[-400:])
    above = place.prefix.rpartition("\n")[2]
    below = place.suffix.partition("\n")[0]
    return list(dict.fromkeys([*called, *reversed(words(above)), *words(below)]))


def _is_plain(name: str) -> bool:
    """Whether a name is a word like ``client``, which is most often some variable."""
    return name.islower() and "_" not in name


def _is_mentioned(chunk: Chunk, mentioned: set[str]) -> bool:
    """Whether the text before the cursor names the chunk's file or folder, as an import would."""
    path = PurePosixPath(chunk.path)
    return path.stem in mentioned or path.parent.name in mentioned


def _fitting(lines: list[str], room: int) -> list[str]:
    """The first lines, as many as fit into ``room`` characters, up to one that is not blank."""
    last = 0
    for count, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            break
        if line.strip():
            last = count + 1
    return lines[:last]


def _alike(one: set[str], other: set[str]) -> bool:
    return len(one & other) > ALIKE * len(one | other)


def _language_of(place: Place) -> Language | None:
    if place.language and may_be_script(place.path):
        return by_name(place.language)
    return mined_language(place.path)


def _family(path: str, language: Language | None) -> str:
    if language is None:
        return PurePosixPath(path).suffix.lower()
    return language.family or language.name
