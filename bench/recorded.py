"""Typing over real files, as requests for suggestions: what a server would have asked a model.

Functions of a folder's files are typed where they stand, a line or two of each: the first request
at a place finds nothing to reuse, each further one comes a character later. How long an answer is,
is settled once, by what the completer needs before it knows that its suggestion has ended.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from homespun_corpus.filters.secrets import without_secrets
from homespun_corpus.place import Place, place_at
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import language_for
from homespun_model.completer import Completer
from homespun_model.decoding.decode import Decoded, Decoder


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt of token ids, how many tokens are wanted, and whether it is the first at a place.

    ``context``: the prompt's tokens in the order of the code, if that is another."""

    session: str
    prompt: list[int]
    context: list[int] | None
    count: int
    cold: bool
    place: Place


def code_of(folder: Path) -> dict[str, str]:
    """Texts of the folder's code by path, as mining reads them."""
    repository = Repository.open(folder)
    files = repository.files(wanted=lambda path: language_for(path) is not None)
    read = ((file.path, without_secrets(repository.read(file.blob_id))) for file in files)
    return {path: source.decode("utf-8", "replace") for path, source in read}


def requests(
    completer: Completer, texts: Mapping[str, str], places: int, keys: int
) -> Iterator[Request]:
    """For each of so many places one cold request and ``keys`` warm ones."""
    index = ContextIndex.from_files(texts.items())
    asked = Asked(completer)
    for path, language, start, end in functions(texts, places):
        text = texts[path]
        # From somewhere inside the function on, so that lines of its own stand before the cursor.
        begin = random.Random(path).randrange(start + 1, max(start + 2, end - keys))
        for typed in range(keys + 1):
            cursor = begin + typed
            place = place_at(text[:cursor] + text[end:], cursor, path=path, language=language)
            place = replace(place, related=index.related(place))
            prompt, count = asked.of(place)
            yield Request(path, prompt, asked.context, count, typed == 0, place)


def functions(texts: Mapping[str, str], count: int) -> Iterator[tuple[str, str, int, int]]:
    """Path and language of so many files, and of each the span of a function, in characters."""
    paths = sorted(texts)
    random.Random(1).shuffle(paths)
    for path in paths:
        language, text = language_for(path), texts[path]
        if count == 0:
            return
        if language is None or not text.isascii():
            continue
        found = extract(text.encode(), path=path, language=language, blob_id="")
        if found := [one for one in found if one.kind != "class" and _size(one) > 150]:
            one = random.Random(path).choice(found)
            count -= 1
            yield path, language.name, one.span.start, one.span.end


def _size(function: Function) -> int:
    return function.span.end - function.span.start


class Asked:
    """Notes what a completer asks its decoder, and what it gets."""

    prompt: list[int]
    context: list[int] | None
    decoded: Decoded

    def __init__(self, completer: Completer) -> None:
        self._completer = completer
        self._decoder: Decoder = completer._decoder
        completer._decoder = self  # type: ignore[assignment]

    def generate(self, prompt: list[int], **options: object) -> Decoded:
        """The decoder's."""
        self.prompt, self.context = prompt, options.get("context")  # type: ignore[assignment]
        self.decoded = self._decoder.generate(prompt, **options)  # type: ignore[arg-type]
        return self.decoded

    def of(self, place: Place) -> tuple[list[int], int]:
        """The prompt for a place, and the number of tokens that were decoded."""
        self._completer.complete(place, session=place.path)
        return self.prompt, max(1, len(self.decoded.ids))

    def warm(self, prompt: list[int], **options: object) -> None:
        """The decoder's."""
        self._decoder.warm(prompt, **options)  # type: ignore[arg-type]
