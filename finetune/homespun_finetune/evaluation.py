"""All models of one run on the same held-out code: base, incumbent, candidate, two baselines.

New functions are the headline holdout, edited ones a smaller one of their own: their old version
may have been trained on. Beside the holes, typing is simulated, code in general is scored, and
memorization is probed. The first model decides how much there is time for.
Knows no training and no decision.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from homespun_corpus.mining.eval_material import EvalMaterial, LearntFunction, TypedLine
from homespun_corpus.mining.sample import Novelty, Sample

from homespun_finetune import memorization
from homespun_finetune.holdout import (
    Answerer,
    HoldoutSet,
    NoContextBaseline,
    ServedModel,
    breakdown,
    held_out,
    in_common,
    measure_holes,
)
from homespun_finetune.metrics import HoleResult, Metrics, SimulatedLine, summarise
from homespun_finetune.progress import Reporter, Turn
from homespun_finetune.settings import EvaluateSettings
from homespun_finetune.stdlib_samples import generic_samples, measured_samples
from homespun_finetune.typing_simulation import simulate_typing

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.completer import Scoring
    from homespun_model.decoding.ngram_index import NgramIndex

Role = Literal["base", "incumbent", "candidate", "alone", "copy"]
Subject = Literal["new", "edited", "general", "drift"]
Part = Literal[Subject, "typing", "verbatim"]
Results = dict[Role, tuple[HoleResult, ...]]

EDITED_SHARE = 0.2  # of the time for holes, where there is edited code at all
DRIFT_SHARE = 0.4  # of the time for code in general, where the team has other languages
SLOWER = 1.3  # a later model may take this much longer than the first over the same work
GRACE = 5.0  # seconds more for a part, not planned for: a busy moment must not cut everybody's work
BASELINES = 1.15  # what the two take together, of the time that a model has for holes


class Evaluation:
    """``seconds`` are for ``models`` of them and the baselines together.

    The first model takes its part of it; the others may take little more than it did.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        material: EvalMaterial | None,
        settings: EvaluateSettings,
        *,
        seconds: float,
        models: int,
        reporter: Reporter,
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        self._material = material
        self._holdouts: dict[Subject, HoldoutSet] = {}
        for novelty in ("new", "edited"):
            if holes := held_out(samples, novelty, settings.seed):
                self._holdouts[novelty] = self._holdout(holes)
        self._limits = self._shared_out(seconds / (models + BASELINES * settings.holes))
        subjects: tuple[Subject, ...] = ("new", "edited", "general", "drift")
        self._results: dict[Subject, Results] = {subject: {} for subject in subjects}
        self._grace = 0.0
        self._ngrams: NgramIndex | None = None
        self._lines: list[TypedLine] = []
        self._typed: dict[Role, tuple[SimulatedLine, ...]] = {}
        self._functions: list[LearntFunction] = []
        self._probed: dict[Role, tuple[memorization.Probe, ...]] = {}

    @property
    def holes(self) -> Sequence[Sample]:
        """The headline holdout's holes, in order."""
        return self._holdouts["new"].holes if "new" in self._holdouts else ()

    @property
    def longest(self) -> float:
        """Seconds that the next model may take."""
        return sum(self._limits.values())

    def measure(self, role: Role, completer: Scoring) -> None:
        """Put a model to all holdouts: the base first, for it decides how much is asked."""
        if not self._results["new"]:
            self._open()
        name = "adapter" if role == "candidate" else role
        with self._reporter.stage(f"measuring the {name}") as stage:
            turn = Turn(stage, self.longest)
            if role == "base":
                self._ask_what_it_would_write(completer, turn)
            served = ServedModel(completer, self._ngrams_for(completer))
            for subject in self._holdouts:
                if subject in ("new", "edited"):
                    self._answer(role, served, subject, turn)
                elif role != "incumbent":
                    self._answer(role, completer, subject, turn)
            self._type(role, served, turn)
            if role != "incumbent":
                self._probe(role, completer, turn)
        self._grace = GRACE

    def measure_baselines(self, base: Base, untuned: Scoring) -> None:
        """What the base does by itself, and what copying does, on the headline holdout."""
        if "new" not in self._holdouts:
            return
        from homespun_finetune.ngram_baseline import NgramBaseline

        with self._reporter.stage("measuring the baselines") as stage:
            turn = Turn(stage, 2 * self._limits["new"])
            self._answer("alone", NoContextBaseline(untuned), "new", turn)
            tree = self._material.tree() if self._material else ()
            self._answer("copy", NgramBaseline(base, tree), "new", turn)

    def results(self, subject: Subject = "new") -> Results:
        """Every model's results, over the holes that all of them got through."""
        results = self._results[subject]
        return dict(zip(results, in_common(list(results.values())), strict=True)) if results else {}

    def typed(self) -> dict[Role, tuple[SimulatedLine, ...]]:
        """Every model's lines, as many as all of them typed."""
        common = min(map(len, self._typed.values()), default=0)
        return {role: lines[:common] for role, lines in self._typed.items()}

    def verbatim(self) -> memorization.Memorization | None:
        """What the candidate has memorized; None where there was nothing to ask for."""
        if not self._functions or "candidate" not in self._probed:
            return None
        return memorization.compare(self._probed["base"], self._probed["candidate"])

    def metrics(self, novelty: Novelty = "new") -> dict[str, Metrics]:
        typed = self.typed() if novelty == "new" else {}
        results = self.results("edited" if novelty == "edited" else "new")
        return {role: summarise(found, typed.get(role, ())) for role, found in results.items()}

    def to_json(self) -> dict[str, Any]:
        """For the manifest: the headline, also by kind and by language, and the rest apart."""
        found = self.verbatim()
        return {
            **{role: metrics.to_json() for role, metrics in self.metrics().items()},
            "edited": {role: m.to_json() for role, m in self.metrics("edited").items()},
            "by_kind": self._broken_down("kind", {}),
            "by_language": self._broken_down("language", self.typed()),
            "general": {
                role: {"bits_per_byte": summarise(found).bits_per_byte, "holes": len(found)}
                for role, found in self.results("general").items()
            },
            "drift": {
                role: {"bits_per_byte": summarise(found).bits_per_byte, "holes": len(found)}
                for role, found in self.results("drift").items()
            },
            "verbatim": found.to_json() if found else None,
        }

    def _broken_down(
        self, key: str, typed: Mapping[Role, Sequence[SimulatedLine]]
    ) -> dict[str, dict[str, Any]]:
        of = attrgetter(key)
        return {
            role: {
                name: m.to_json()
                for name, m in breakdown(found, of, _by_language(typed.get(role, ()))).items()
            }
            for role, found in self.results().items()
        }

    def _holdout(self, holes: Iterable[Sample]) -> HoldoutSet:
        return HoldoutSet(tuple(holes), self._settings.max_holes, self._settings.max_completions)

    def _shared_out(self, seconds: float) -> dict[Part, float]:
        """What a model may take for each part."""
        settings = self._settings
        both = "new" in self._holdouts and "edited" in self._holdouts
        edited = EDITED_SHARE if both else float("edited" in self._holdouts)
        return {
            "new": seconds * settings.holes * (1 - edited),
            "edited": seconds * settings.holes * edited,
            "general": seconds * settings.general * (1 - DRIFT_SHARE),
            "drift": seconds * settings.general * DRIFT_SHARE,
            "typing": seconds * settings.typing,
            "verbatim": seconds * settings.verbatim,
        }

    def _open(self) -> None:
        """Read what there is to ask beside the holes."""
        settings = self._settings
        general = (s for s in measured_samples(settings.seed) if s.middle.strip())
        if some := tuple(islice(general, settings.max_general)):
            self._holdouts["general"] = HoldoutSet(some, len(some), 0)
        if self._material is not None:
            self._lines = self._material.lines(settings.seed, settings.max_lines)
            self._functions = self._material.learnt_functions(settings.seed, settings.max_probes)

    def _ask_what_it_would_write(self, base: Scoring, turn: Turn) -> None:
        """The base's own words in languages that the team has and the library has not.

        How many more bits another model needs for them estimates its divergence from the base.
        """
        languages = {hole.place.language or "" for hole in self.holes}
        samples = generic_samples(languages, self._settings.seed)
        if not samples:
            self._limits["general"] += self._limits.pop("drift")
            return
        in_time = turn.within(self._limits["drift"])
        written = []
        for sample in takewhile(lambda _: in_time(), samples):
            text = base.complete(sample.place).text
            if text.strip():
                written.append(replace(sample, middle=text))
        if written:
            self._holdouts["drift"] = HoldoutSet(tuple(written), len(written), 0)

    def _answer(self, role: Role, answering: Answerer, subject: Subject, turn: Turn) -> None:
        holdout, seconds = self._holdouts[subject], self._limits[subject] + self._grace
        begun = time.monotonic()
        scoring = self._settings.scoring if holdout.completed else 1.0
        found = measure_holes(answering, holdout, seconds=seconds, scoring=scoring, turn=turn)
        if not self._results[subject]:
            self._holdouts[subject] = holdout.as_answered(found)
            self._took(subject, time.monotonic() - begun)
        self._results[subject][role] = found

    def _ngrams_for(self, completer: Scoring) -> NgramIndex:
        """The trees at the split, as what may be copied; the models of a run have one vocabulary.

        Of several repositories all are copied from: an editor copies from the open one only.
        """
        from homespun_model.decoding.ngram_index import NgramIndex

        if self._ngrams is None:
            self._ngrams = NgramIndex()
            if self._material is not None:
                encode = completer.tokens
                files: dict[str, list[int]] = {}
                for name, index in self._material.indexes.items():
                    for path, text in index.files():
                        files[f"{name}/{path}" if path in files else path] = encode(text)
                self._ngrams.update(files)
        return self._ngrams

    def _type(self, role: Role, served: ServedModel, turn: Turn) -> None:
        begun = time.monotonic()
        in_time = turn.within(self._limits["typing"] + self._grace)
        typed = self._typed[role] = tuple(simulate_typing(served, self._lines, in_time))
        if len(self._typed) == 1:
            self._lines = self._lines[: len(typed)]
            self._took("typing", time.monotonic() - begun)

    def _probe(self, role: Role, completer: Scoring, turn: Turn) -> None:
        begun = time.monotonic()
        in_time = turn.within(self._limits["verbatim"] + self._grace)
        self._probed[role] = tuple(memorization.probe(completer, self._functions, in_time))
        if len(self._probed) == 1:
            asked = {probe_.function for probe_ in self._probed[role]}
            self._functions = [function for function in self._functions if function.id in asked]
            self._took("verbatim", time.monotonic() - begun)

    def _took(self, part: Part, seconds: float) -> None:
        self._limits[part] = min(self._limits[part], seconds) * SLOWER


def _by_language(typed: Sequence[SimulatedLine]) -> dict[str, list[SimulatedLine]]:
    groups: dict[str, list[SimulatedLine]] = defaultdict(list)
    for line in typed:
        groups[line.language].append(line)
    return groups
