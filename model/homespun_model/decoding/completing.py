"""What completes: a place in, a suggestion out. The border between the model room and the others.

``Completing`` is what a server asks, whoever computes the answers; ``Scoring`` is what can be
measured too. Knows no model: ``completer`` is the one here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from homespun_corpus.place import Place

from homespun_model.decoding.callbacks import IsCancelled, Settled, never, unsettled

if TYPE_CHECKING:
    from homespun_model.decoding.ngram_index import NgramIndex

MAX_NEW_TOKENS = 128  # about a dozen lines: more is rarely right, and never wanted at once


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text for a cursor. It replaces the ``replace`` characters behind the cursor, usually none.

    ``mean_logprob``: natural, over the tokens of ``text``; ``line_logprob``: the sum over those of
    its first line, which has to be ``least_logprob`` to be shown. ``stopped``: why it ends, as
    ``Trimmed.reason`` has it, "doubt" where what follows was not likely enough, or "settled" where
    it did not matter to who asked.
    ``milliseconds``: by stage, and in "total".
    """

    text: str
    replace: int
    mean_logprob: float
    line_logprob: float
    least_logprob: float
    shown: bool
    revision: str | None
    base: str
    stopped: str
    milliseconds: dict[str, float]
    generic: bool = False
    """Whether the base's generic adapter had a part in it."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a middle costs: ``nats`` over its tokens, the end left out, and ``bytes`` of UTF-8."""

    nats: float
    bytes: int
    tokens: int


class Completing(Protocol):
    """What completes, here or elsewhere. Not for two threads at once."""

    @property
    def size(self) -> int:
        """Bytes of memory that its weights take; what it shares with others is not counted."""
        ...

    @property
    def engine(self) -> str:
        """What kind of thing computes, for whoever counts."""
        ...

    @property
    def vocabulary(self) -> str:
        """Names what ``tokens`` are of: the same for every base with these."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether others wait for what computes, too: then no answer is prepared."""
        ...

    @property
    def sentinels(self) -> tuple[str, ...]:
        """Texts that no suggestion may hold."""
        ...

    @property
    def tokens(self) -> Callable[[str], list[int]]:
        """Of a text what an ``NgramIndex`` for this completer holds; whoever keeps it keeps no
        weights."""
        ...

    def complete(
        self,
        place: Place,
        *,
        session: str | None = None,
        cancelled: IsCancelled = never,
        max_new_tokens: int = MAX_NEW_TOKENS,
        ngrams: NgramIndex | None = None,
        whole: bool = True,
    ) -> Suggestion:
        """What comes at the place. Raises Cancelled soon after ``cancelled`` says yes.

        ``session`` names what to remember the prompt under. ``ngrams``: the repository's code as
        ``tokens``, by path. Not ``whole``: what is too unlikely to be shown is not written to its
        end.
        """
        ...

    def warm(self, place: Place, *, session: str, cancelled: IsCancelled = never) -> None:
        """Read the prompt that ``complete`` would, so that it finds the reading done."""
        ...

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session, a closed document."""
        ...


class Scoring(Completing, Protocol):
    """What can be measured: it says what given text costs, too, and what it completes where the
    answer is known."""

    def least_logprob(self, language: str | None) -> float:
        """``Suggestion.least_logprob`` of all that it suggests in a language."""
        ...

    def complete(
        self,
        place: Place,
        *,
        session: str | None = None,
        cancelled: IsCancelled = never,
        max_new_tokens: int = MAX_NEW_TOKENS,
        ngrams: NgramIndex | None = None,
        whole: bool = True,
        guess: str = "",
        settled: Settled = unsettled,
    ) -> Suggestion:
        """``Completing.complete``. ``guess``: a text that may well come, which costs least if it
        does and changes nothing. Once the text is ``settled``, it ends."""
        ...

    def score(
        self,
        place: Place,
        middle: str,
        *,
        session: str | None = None,
        ngrams: NgramIndex | None = None,
    ) -> Score:
        """What ``middle`` costs at the place, as ``complete`` with these ``ngrams`` expects it.

        Under one ``session``, what is asked next at the place finds the prompt read.
        """
        ...

    def score_many(
        self, holes: Sequence[tuple[Place, str]], *, ngrams: NgramIndex | None = None
    ) -> list[Score]:
        """``score`` of each hole, in their order, several in one forward pass."""
        ...

    def memorized(self, place: Place, text: str, tokens: int) -> int:
        """How many of the first ``tokens`` tokens of ``text`` it says by itself at the place."""
        ...
