"""From a place to a suggestion, whatever decodes: what is asked, where it ends, what is shown.

Puts prompt builder, decoding and trimming together for one base. Knows no weights, no adapter's
files and no network: ``completer`` decodes with an engine here, ``remote`` asks a server.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from homespun_corpus.place import Place, with_ends_of, with_plain_ends

from homespun_model.decoding.callbacks import (
    Allowed,
    IsCancelled,
    KeepGoing,
    MayEnd,
    Settled,
    any_token,
    never,
    unsettled,
)
from homespun_model.decoding.completing import MAX_NEW_TOKENS, Suggestion
from homespun_model.decoding.confidence import (
    TokenStarts,
    likely_lines,
    logprob,
    mean_logprob,
)
from homespun_model.decoding.shown_from import ShownFrom
from homespun_model.stopping.trim import Trimmer
from homespun_model.stopping.watch import Watch

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.decoding.decode import Decoded
    from homespun_model.decoding.ngram_index import NgramIndex, NgramView

_HALF_CHARACTER = "\ufffd"


class Decoding(Protocol):
    """Token ids in, token ids out; ``decode.Decoder`` says what each argument does."""

    def generate(
        self,
        prompt: Sequence[int],
        *,
        max_new_tokens: int,
        stop_ids: frozenset[int],
        context: Sequence[int] | None = None,
        session: str | None = None,
        cancelled: IsCancelled = never,
        keep_going: KeepGoing,
        allowed: Allowed = any_token,
        may_end: MayEnd,
        ngrams: NgramView | None = None,
        guess: Sequence[int] = (),
    ) -> Decoded:
        """The most likely token, one after another. Raises Cancelled."""
        ...

    def warm(self, prompt: Sequence[int], *, session: str, cancelled: IsCancelled = never) -> None:
        """Read a prompt before it is asked."""
        ...

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session."""
        ...


class Suggester:
    """Completes for one base. Not for two threads at once."""

    is_shared = False

    def __init__(
        self,
        base: Base,
        decoding: Decoding,
        revision: str | None,
        prompt_version: int | None = None,
        *,
        generic: str | None = None,
        shown_from: ShownFrom | None = None,
    ) -> None:
        """``generic``: the hash of the base's generic adapter, where that has a part in what is
        decoded. ``shown_from``: None takes what was fitted to the base."""
        self.revision = revision
        self.generic = generic
        self._base = base
        self._shown_from = shown_from or ShownFrom(base.fitted.likely)
        self._prompts = base.prompts(prompt_version)
        self._decoding = decoding
        self._stop_ids = base.fim.stop | base.tokenizer.special_ids

    @property
    def sentinels(self) -> tuple[str, ...]:
        """The sentinels of the base's family: texts that no suggestion may hold."""
        return self._base.format.sentinels()

    def least_logprob(self, language: str | None) -> float:
        """``Scoring.least_logprob``."""
        return self._shown_from.least(language)

    @property
    def tokens(self) -> Callable[[str], list[int]]:
        """``Completing.tokens``."""
        return self._base.tokenizer.encode

    @property
    def vocabulary(self) -> str:
        """``Completing.vocabulary``."""
        return self._base.vocabulary

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
        """``Scoring.complete``; but for the place's own file, of which the prompt shows what is
        still there, ``ngrams`` are blended into what the model expects. Without, it decides alone.
        """
        clock = _Clock()
        asked = _with_a_line_opened(place)
        prompt = self._prompts.ask(asked)
        begun = prompt.begun
        trimmer = Trimmer(as_the_model_sees_it(asked), self.sentinels)
        least = self.least_logprob(place.language)
        watch = Watch(lambda ids: self._text(ids, begun), trimmer, settled, least, whole)
        clock.lap("prompt")
        decoded = self._decoding.generate(
            prompt.ids,
            context=prompt.context,
            max_new_tokens=min(max_new_tokens, self._base.context_length - len(prompt.ids)),
            stop_ids=self._stop_ids,
            session=session,
            cancelled=cancelled,
            keep_going=watch.goes_on,
            allowed=self._allowed(begun),
            may_end=watch.may_end,
            ngrams=ngrams.without(place.path) if ngrams is not None else None,
            guess=self._prompts.encode_middle(begun + guess) if guess else (),
        )
        clock.lap("decode")
        text = self._text(decoded.ids, begun)
        trimmed = trimmer.trim(text, ended=decoded.stopped == "end")
        starts, stopped = self._token_starts(decoded, begun), str(trimmed.reason)
        if watch.ends_after_all(trimmed.text, starts):
            trimmed, stopped = trimmer.trim("", ended=True), "end"
        elif (likely := likely_lines(trimmed.text, starts, least)) != trimmed.text or watch.doubted:
            trimmed, stopped = trimmer.trim(likely, ended=True), "doubt"
        elif decoded.stopped == "halted" and not trimmer.done(text):
            stopped = "settled"
        line = logprob(trimmed.text.partition("\n")[0], starts)
        clock.lap("trim")
        ending = "\n" if asked != place and trimmed.text else ""
        return Suggestion(
            text=with_ends_of(place.prefix + place.suffix, trimmed.text + ending),
            replace=0,
            mean_logprob=mean_logprob(trimmed.text, starts),
            line_logprob=line,
            least_logprob=least,
            shown=bool(trimmed.text.strip()) and trimmed.parses and trimmed.fits and line >= least,
            revision=self.revision,
            base=self._base.id,
            stopped=stopped,
            milliseconds=clock.total(),
            generic=self.generic is not None,
        )

    def warm(self, place: Place, *, session: str, cancelled: IsCancelled = never) -> None:
        """Read the prompt that ``complete`` would, so that it finds the reading done."""
        prompt = self._prompts.ask(_with_a_line_opened(place))
        self._decoding.warm(prompt.ids, session=session, cancelled=cancelled)

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session, a closed document."""
        self._decoding.forget(session)

    def _allowed(self, begun: str) -> Allowed:
        """What an answer may begin with that spells ``begun`` anew."""
        return self._base.lexicon.beginning(begun) if begun else any_token

    def _text(self, ids: Sequence[int], begun: str = "") -> str:
        """The text of ids, without the beginning of a word that stands before the cursor."""
        text = self._base.tokenizer.decode(ids).rstrip(_HALF_CHARACTER)
        text = with_plain_ends(text)
        return text[len(begun) :] if text.startswith(begun) else ""

    def _token_starts(self, decoded: Decoded, begun: str) -> TokenStarts:
        """Where in the text each token begins, and its log-probability."""
        starts = [0, *(len(self._text(decoded.ids[:i], begun)) for i in range(1, len(decoded.ids)))]
        return list(zip(starts, decoded.logprobs, strict=False))


def _with_a_line_opened(place: Place) -> Place:
    """Where a line of code begins at the cursor, as if there were an empty one before it.

    What is wanted there are whole lines. Both sides fit as they are, and a model takes that for
    all there is (LOG E-050).
    """
    at_begin = not place.prefix or place.prefix.endswith("\n")
    if not at_begin or not place.suffix.partition("\n")[0].strip():
        return place
    return replace(place, suffix=f"\n{place.suffix}")


def as_the_model_sees_it(place: Place) -> Place:
    """Prompts have ``\n`` for line ends, so what is trimmed has."""
    prefix, suffix = map(with_plain_ends, (place.prefix, place.suffix))
    return replace(place, prefix=prefix, suffix=suffix)


class _Clock:
    def __init__(self) -> None:
        self._begun = self._last = time.perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self._laps[name], self._last = round(1000 * (now - self._last), 2), now

    def total(self) -> dict[str, float]:
        return self._laps | {"total": round(1000 * (time.perf_counter() - self._begun), 2)}
