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

import numpy as np
from numpy.typing import NDArray

from homespun_model.bases.tokenizer import TextTokenizer

LOOKED_AT = 80  # characters before the cursor: a word and what may share a token with it
BEHIND = 16  # characters behind a middle that a token may share with its end: a break, spaces
# Spaces in a row align or indent something: tokens of their own.
_BEGUN = re.compile(r"(?:_*[^\W\d_]+|(?<=\S) )$")
_HALF_CHARACTER = "\ufffd"

Allowed = Callable[[Sequence[int]], NDArray[np.int64] | None]


def begun_word(prefix: str, tokenizer: Boundaries) -> str:
    """The end of ``prefix`` to spell anew: the word the cursor is in, with the space before it if
    the vocabulary joins the two, or that space alone; "" elsewhere."""
    tail = prefix[-LOOKED_AT:]
    begun = _BEGUN.search(tail)
    return tail[tokenizer.boundary(tail, begun.start()) :] if begun else ""


def begun_token(line: str, tokenizer: Boundaries) -> str:
    """The end of ``line`` to spell anew where a middle goes on from it without a mark between: the
    word begun, else the last token, whatever it is. Four spaces, of which a vocabulary gives the
    last to the word behind, a bracket that it joins to the one that closes it: cut off, each would
    be followed by what the model has never seen behind it (LOG E-038)."""
    tail = line[-LOOKED_AT:]
    if not tail:
        return ""
    begun = _BEGUN.search(tail)
    return tail[tokenizer.boundary(tail, begun.start() if begun else len(tail) - 1) :]


class Boundaries(Protocol):
    """What healing needs of a tokenizer."""

    def boundary(self, text: str, index: int) -> int:
        """Where the token that holds the character at ``index`` begins; ``index`` if none does."""
        ...


class Lexicon:
    """The texts of a vocabulary's tokens, in alphabetical order; sentinels have none."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        special = tokenizer.special_ids
        self._text_of = ["" if n in special else t for n, t in enumerate(tokenizer.texts())]
        known = [token for token, text in enumerate(self._text_of) if text]
        known.sort(key=self._text_of.__getitem__)
        self._texts = [self._text_of[token] for token in known]
        self._tokens = np.array(known, np.int64)
        self._longest = max(map(len, self._texts), default=0)

    def beginning(self, required: str) -> Allowed:
        """What may follow the ids so far, so that their text begins with ``required``; None for
        anything, once it does."""

        def allowed(ids: Sequence[int]) -> NDArray[np.int64] | None:
            starts = "".join(map(self._text, ids))
            left = required[len(starts) :]
            return self._going_on(left) if left else None

        return allowed

    def other_ends(self, ids: Sequence[int], behind: str) -> list[NDArray[np.int64]]:
        """For each of ``ids``: the tokens that in place of it and of all after it write what these
        write, and then the beginning of ``behind``, the text that follows them."""
        texts = list(map(self._text, ids))
        return [self._ending("".join(texts[i:]), behind) for i in range(len(ids))]

    def _ending(self, rest: str, behind: str) -> NDArray[np.int64]:
        if len(rest) > self._longest:
            return self._tokens[:0]
        more = (rest + behind[:length] for length in range(1, min(BEHIND, len(behind)) + 1))
        return np.concatenate([self._tokens[:0], *(self._between(t, t + "\0") for t in more)])

    def _text(self, token: int) -> str:
        """A model may have more rows than its vocabulary has words."""
        return (token < len(self._text_of) and self._text_of[token]) or _HALF_CHARACTER

    def _going_on(self, left: str) -> NDArray[np.int64] | None:
        """Tokens that begin with ``left``, or that ``left`` begins with; None if none does."""
        begun = (left[:length] for length in range(1, len(left)))
        same = (self._between(text, text + "\0") for text in begun)
        tokens = np.concatenate([self._between(left, left + "\U0010ffff"), *same])
        return tokens if len(tokens) else None

    def _between(self, first: str, last: str) -> NDArray[np.int64]:
        """Tokens from the text ``first`` on, and before ``last``."""
        begin = bisect_left(self._texts, first)
        return self._tokens[begin : bisect_left(self._texts, last, begin)]
