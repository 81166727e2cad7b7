"""The completer: a place in, a suggestion out. What is measured is what is served, through here.

It puts the room together: a base with at most one adapter, its prompt builder, the decoder and the
trimmer. torch is imported when one is made. Knows nothing of editors, documents or evaluation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from homespun_corpus.place import Place, with_ends_of, with_plain_ends

from homespun_model.decoding.callbacks import (
    Allowed,
    IsCancelled,
    Settled,
    any_token,
    never,
    unsettled,
)
from homespun_model.decoding.completing import MAX_NEW_TOKENS, Score, Suggestion
from homespun_model.decoding.confidence import (
    TokenStarts,
    likely_lines,
    logprob,
    mean_logprob,
)
from homespun_model.decoding.shown_from import ShownFrom
from homespun_model.stopping.trim import Trimmer
from homespun_model.stopping.watch import Watch
from homespun_model.store.admission import check
from homespun_model.store.revision import Revision

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from homespun_model.bases.base import Base
    from homespun_model.decoding.decode import Decoded
    from homespun_model.decoding.ngram_index import NgramIndex
    from homespun_model.decoding.score import Question
    from homespun_model.engines.engine import Engine

_HALF_CHARACTER = "\ufffd"


class Completer:
    """Completes with one base and at most one adapter. Not for two threads at once."""

    def __init__(
        self,
        base: Base,
        engine: Engine,
        revision: str | None,
        prompt_version: int | None = None,
        *,
        generic: str | None = None,
        shown_from: ShownFrom | None = None,
    ) -> None:
        """``generic``: the hash of the base's generic adapter, where the engine holds it.
        ``shown_from``: None takes what was fitted to the base."""
        from homespun_model.decoding.decode import Decoder

        self.revision = revision
        self.generic = generic
        self._base = base
        self._shown_from = shown_from or ShownFrom(base.fitted.likely)
        self._prompts = base.prompts(prompt_version)
        self._engine = engine
        self._decoder = Decoder(engine, base.fitted)
        self._stop_ids = base.fim.stop | base.tokenizer.special_ids

    @classmethod
    def load(
        cls,
        base: Base,
        adapter: Revision | None = None,
        *,
        device: str = "cpu",
        bare: bool = False,
    ) -> Self:
        """The base with ``adapter``; without, with its generic one, if it has one and the base is
        not to be ``bare``. StoreError if ``adapter`` may not be loaded."""
        from homespun_model.engines.loading import load_engine

        if adapter is None:
            return cls._plain(base, device, bare=bare)
        check(adapter, base)
        engine = load_engine(base, adapter.path, device=device)
        version, shown = adapter.manifest["prompt_version"], adapter.manifest.get("shown_from")
        shown_from = ShownFrom.from_json(shown, base.fitted.likely)
        return cls(base, engine, adapter.name, version, shown_from=shown_from)

    @classmethod
    def _plain(cls, base: Base, device: str, *, bare: bool) -> Self:
        """Without a team's adapter."""
        from homespun_model.engines.loading import load_engine

        found = None if bare else base.found_generic.adapter
        if found is None:
            return cls(base, load_engine(base, device=device), None)
        engine = load_engine(base, found.path, device=device)
        return cls(base, engine, None, found.prompt_version, generic=found.sha256)

    @property
    def size(self) -> int:
        """Bytes of its weights, as ``Engine.size``."""
        return self._engine.size

    @property
    def engine(self) -> str:
        """``Completing.engine``."""
        return type(self._engine).__name__.removesuffix("Engine").lower()

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

    @classmethod
    def from_model(cls, base: Base, model: PreTrainedModel, revision: str | None) -> Self:
        """A completer around weights in memory, as they are now; later changes may go unseen."""
        from homespun_model.engines.transformers_engine import engine_for

        model.train(False)
        return cls(base, engine_for(model), revision)

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
        trimmer = Trimmer(_as_the_model_sees_it(asked), self.sentinels)
        least = self.least_logprob(place.language)
        watch = Watch(lambda ids: self._text(ids, begun), trimmer, settled, least, whole)
        clock.lap("prompt")
        decoded = self._decoder.generate(
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
        self._decoder.warm(prompt.ids, session=session, cancelled=cancelled)

    def score(
        self,
        place: Place,
        middle: str,
        *,
        session: str | None = None,
        ngrams: NgramIndex | None = None,
    ) -> Score:
        """``Scoring.score``."""
        found = self._decoder.logprobs(
            self._question(place, middle),
            stop_ids=self._stop_ids,
            session=session,
            ngrams=ngrams.without(place.path) if ngrams is not None else None,
        )
        return _score(middle, found)

    def score_many(
        self, holes: Sequence[tuple[Place, str]], *, ngrams: NgramIndex | None = None
    ) -> list[Score]:
        """``score`` of each hole, in their order, several in one forward pass."""
        questions = [self._question(place, middle) for place, middle in holes]
        some = None if ngrams is None else [ngrams.without(place.path) for place, _ in holes]
        logprobs = self._decoder.logprobs_many(questions, stop_ids=self._stop_ids, ngrams=some)
        return [_score(middle, found) for (_, middle), found in zip(holes, logprobs, strict=True)]

    def memorized(self, place: Place, text: str, tokens: int) -> int:
        """How many of the first ``tokens`` tokens of ``text`` it says by itself at the place.

        Greedy, untrimmed, and given up at the first token that differs: a probe of what a model
        knows by heart costs little where it does not.
        """
        prompt, answer = self._prompts.hole(place, text)
        wanted = answer[:tokens]
        said = self._decoder.generate(
            prompt.ids,
            max_new_tokens=len(wanted),
            stop_ids=self._stop_ids,
            keep_going=lambda ids, _: ids == wanted[: len(ids)],
        ).ids
        return len(said) if said == wanted[: len(said)] else len(said) - 1

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session, a closed document."""
        self._decoder.forget(session)

    def _question(self, place: Place, middle: str) -> Question:
        from homespun_model.decoding.score import Question

        prompt, answer = self._prompts.hole(place, middle)
        ends = self._base.lexicon.other_ends(answer, _as_the_model_sees_it(place).suffix)
        return Question(prompt.ids, answer, prompt.context, self._allowed(prompt.begun), ends)

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


def _score(middle: str, logprobs: torch.Tensor) -> Score:
    size = len(with_plain_ends(middle).encode())
    return Score(-float(logprobs.double().sum()), size, len(logprobs))


def _with_a_line_opened(place: Place) -> Place:
    """Where a line of code begins at the cursor, as if there were an empty one before it.

    What is wanted there are whole lines. Both sides fit as they are, and a model takes that for
    all there is (LOG E-050).
    """
    at_begin = not place.prefix or place.prefix.endswith("\n")
    if not at_begin or not place.suffix.partition("\n")[0].strip():
        return place
    return replace(place, suffix=f"\n{place.suffix}")


def _as_the_model_sees_it(place: Place) -> Place:
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
