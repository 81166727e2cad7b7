"""The completer: a place in, a suggestion out. What is measured is what is served, through here.

A base with at most one adapter on an engine of this machine. torch is imported when one is made.
Knows nothing of editors, documents or evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from homespun_corpus.place import Place, with_plain_ends

from homespun_model.decoding.completing import Score
from homespun_model.decoding.shown_from import ShownFrom
from homespun_model.store.admission import check
from homespun_model.store.revision import Revision
from homespun_model.suggesting.suggester import Suggester, as_the_model_sees_it

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from homespun_model.bases.base import Base
    from homespun_model.decoding.ngram_index import NgramIndex
    from homespun_model.decoding.score import Question
    from homespun_model.engines.engine import Engine


class Completer(Suggester):
    """``Scoring`` with one base and at most one adapter, on an engine here."""

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
        """As ``Suggester``, of what the ``engine`` holds."""
        from homespun_model.decoding.decode import Decoder

        self._engine = engine
        self._decoder = Decoder(engine, base.fitted)
        super().__init__(
            base,
            self._decoder,
            revision,
            prompt_version,
            generic=generic,
            shown_from=shown_from,
        )

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

    @classmethod
    def from_model(cls, base: Base, model: PreTrainedModel, revision: str | None) -> Self:
        """A completer around weights in memory, as they are now; later changes may go unseen."""
        from homespun_model.engines.transformers_engine import engine_for

        model.train(False)
        return cls(base, engine_for(model), revision)

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

    def _question(self, place: Place, middle: str) -> Question:
        from homespun_model.decoding.score import Question

        prompt, answer = self._prompts.hole(place, middle)
        ends = self._base.lexicon.other_ends(answer, as_the_model_sees_it(place).suffix)
        return Question(prompt.ids, answer, prompt.context, self._allowed(prompt.begun), ends)


def _score(middle: str, logprobs: torch.Tensor) -> Score:
    size = len(with_plain_ends(middle).encode())
    return Score(-float(logprobs.double().sum()), size, len(logprobs))
