"""A cursor inside a token: the model is asked from before it, and must begin with what stands.

A vocabulary spells whole words, most of them with the space before. Half a word, or the space
alone, cut off by a cursor, is starts in pieces that the model has rarely seen. So the prompt ends
before them, and of all tokens only those are allowed that go on as the user has begun ("token
healing", known from microsoft/guidance). With the starter this finds five or six times as many of
the rest of such lines (LOG E-008, E-014); and while somebody types a word, the prompt stays as it
is. Knows no model.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol

from homespun_model.bases.tokenizer import TextTokenizer

LOOKED_AT = 80  # characters before the cursor: a word and what may share a token with it
# Spaces in a row align or indent something: tokens of their own.
_BEGUN = re.compile(r"(?:_*[^\W\d_]+|(?<=\S) )$")
_HALF_CHARACTER = "\ufffd"

Allowed = Callable[[Sequence[int]], list[int] | None]


def begun_word(prefix: str, tokenizer: Boundaries) -> str:
    """The end of ``prefix`` to spell anew: the word the cursor is in, with the space before it if
    the vocabulary joins the two, or that space alone; "" elsewhere."""
    tail = prefix[-LOOKED_AT:]
    begun = _BEGUN.search(tail)
    return tail[tokenizer.boundary(tail, begun.start()) :] if begun else ""


class Boundaries(Protocol):
    """What healing needs of a tokenizer."""

    def boundary(self, text: str, index: int) -> int:
        """Where the token that holds the character at ``index`` begins; ``index`` if none does."""
        ...


class Lexicon:
    """The texts of a vocabulary's tokens, in alphabetical order."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        starts = (
            (tokenizer.decode([token]), token)
            for token in range(tokenizer.size)
            if token not in tokenizer.special_ids
        )
        entries = sorted((text, token) for text, token in starts if text)
        self._texts = [text for text, _ in entries]
        self._tokens = [token for _, token in entries]
        self._text_of = {token: text for text, token in entries}

    def beginning(self, required: str) -> Allowed:
        """What may follow the ids so far, so that their text begins with ``required``; None for
        anything, once it does."""

        def allowed(ids: Sequence[int]) -> list[int] | None:
            starts = "".join(self._text_of.get(token, _HALF_CHARACTER) for token in ids)
            left = required[len(starts) :]
            return self._going_on(left) if left else None

        return allowed

    def _going_on(self, left: str) -> list[int]:
        """Tokens that begin with ``left``, or that ``left`` begins with."""
        first = bisect_left(self._texts, left)
        last = bisect_left(self._texts, left + "\U0010ffff", first)
        found = self._tokens[first:last]
        for length in range(1, len(left)):
            place = bisect_left(self._texts, left[:length])
            while place < len(self._texts) and self._texts[place] == left[:length]:
                found.append(self._tokens[place])
                place += 1
        return found
