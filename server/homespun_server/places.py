"""Where a cursor of an open document stands, as prompts have it."""

from __future__ import annotations

from dataclasses import replace

from homespun_corpus.place import Place, place_at, plain, with_plain_ends
from homespun_corpus.retrieval.secret_window import clear_of_secrets
from homespun_corpus.syntax.languages import LANGUAGES, SHEBANG_BYTES, language_in

from homespun_server.document_home import Home
from homespun_server.documents import Document

# What LSP calls a language, where our own name for it differs.
LANGUAGE_IDS = {
    "javascriptreact": "javascript",
    "shellscript": "bash",
    "typescriptreact": "tsx",
}


def place_in(document: Document, offset: int, home: Home) -> Place:
    """The place of a cursor as models see it, without code from other files."""
    return place_in_text(*plain(document.text, offset), home, language_of(document, home.path))


def place_in_text(text: str, offset: int, home: Home, language: str | None) -> Place:
    """``place_in`` of a text with plain line ends that no document has, or not yet; half characters
    replaced."""
    place = place_at(text, offset, path=home.path, language=language)
    return replace(place, prefix=_whole(place.prefix), suffix=_whole(place.suffix))


def clear_place_in(document: Document, offset: int, home: Home) -> Place:
    """``place_in`` as a prompt may show it: without secrets, as in training."""
    return clear_of_secrets(with_plain_ends(document.text), place_in(document, offset, home))


def language_of(document: Document, path: str) -> str | None:
    """The editor's word for the language if we know it, else what the path's ending says, or the
    first line of a script without one."""
    named = LANGUAGE_IDS.get(document.language_id, document.language_id)
    if any(language.name == named for language in LANGUAGES):
        return named
    language = language_in(path, document.text[:SHEBANG_BYTES].encode("utf-8", "replace"))
    return language.name if language else None


def _whole(text: str) -> str:
    """``text`` of the same length with halves of characters, which no tokenizer takes, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text)
    return text
