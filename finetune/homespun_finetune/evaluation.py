"""All models of one run on the same held-out code: base, generic, incumbent, candidate, copying.

New functions are the headline holdout, edited ones a smaller one of their own: their old version
may have been trained on. Beside the holes, typing is simulated, code in general is scored, and
memorization is probed. The first model is timed over a few holes, and that decides how many all are
asked (``exam_plan``): nothing that is answered has a say in it. Knows no training and no decision.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Literal

from homespun_corpus.mining.eval_material import EvalMaterial, LearntFunction
from homespun_corpus.mining.sample import Sample
from homespun_corpus.retrieval.secret_window import clipped

from homespun_finetune import memorization
from homespun_finetune.answered_before import AnsweredBefore
from homespun_finetune.exam_plan import (
    BARE_HOLES,
    EDITED_SHARE,
    ENOUGH,
    FEW_HOLES,
    Contestants,
    ExamPlan,
    Part,
    Role,
    Subject,
)
from homespun_finetune.holdout import (
    Answerer,
    ServedModel,
    answered,
    held_out,
)
from homespun_finetune.progress import Reporter, Turn
from homespun_finetune.settings import EvaluateSettings
from homespun_finetune.sheets import Sheets
from homespun_finetune.since_release import NewerShare, SinceRelease
from homespun_finetune.sitting import Asked, Sitting
from homespun_finetune.stdlib_samples import generic_samples, measured_samples

if TYPE_CHECKING:
    from homespun_model.bases.base import Base
    from homespun_model.decoding.completing import Scoring
    from homespun_model.decoding.ngram_index import NgramIndex

TRIAL = 7  # holes of two or three functions, timed to know how many there is time for
FEW_MAY_TAKE = 1.5  # of the planned time: two holes too few would make the others worth nothing
SLOWER = 1.3  # a later model may take this much longer than the first over the same work
GRACE = 5.0  # seconds more for a part, not planned for: a busy moment must not cut everybody's work
# Around a hole in code in general: a third of what a prompt holds, so that three times as many are
# asked in the time. Nobody is served there, and what is forgotten shows in every window.
GENERAL_BEFORE, GENERAL_AFTER = 1500, 500


class Evaluation:
    """``seconds`` are for all ``contestants`` together."""

    def __init__(
        self,
        samples: Sequence[Sample],
        material: EvalMaterial | None,
        settings: EvaluateSettings,
        *,
        seconds: float,
        contestants: Contestants,
        reporter: Reporter,
        since: SinceRelease | None = None,
    ) -> None:
        self.contestants = contestants
        self.sheets = Sheets(contestants)
        self._settings = settings
        self._reporter = reporter
        self._material = material
        self._plan = ExamPlan(seconds, contestants, settings)
        self._since = since
        self._holdouts: dict[Subject, tuple[Sample, ...]] = {}
        for novelty in ("new", "edited"):
            if holes := held_out(samples, novelty, settings.seed, material):
                asked = since.newer_first(holes) if since else holes
                self._holdouts[novelty] = tuple(asked[: settings.max_holes])
        # Of each part, what a contestant with a weight of 1 may take.
        self._limits: dict[Part, float] = {}
        self._grace = 0.0
        self._ngrams: NgramIndex | None = None
        self._lines: int | None = None
        self._functions: list[LearntFunction] = []

    @property
    def seed(self) -> int:
        """What decides the order of questions."""
        return self._settings.seed

    @property
    def holes(self) -> tuple[Sample, ...]:
        """The headline holdout's holes, in order."""
        return self._holdouts.get("new", ())

    @property
    def newer(self) -> NewerShare | None:
        """How many of these are newer than the base; None where nobody knows how old that is."""
        return self._since.share(self.holes) if self._since else None

    def longest(self, role: Role) -> float:
        """Seconds that are planned for a model."""
        return sum(self._planned(role, part) for part in self._limits)

    def measure(self, role: Role, completer: Scoring, before: AnsweredBefore | None = None) -> None:
        """Put a model to all that it is asked: ``Contestants.ground`` first, for it decides how
        much that is. What it answered ``before`` it is not asked again."""
        before = before or AnsweredBefore()
        if not self._limits:
            self._open()
        name = "adapter" if role == "candidate" else role
        with self._reporter.stage(f"measuring the {name}") as stage:
            turn = Turn(stage, self.longest(role))
            if role == self.contestants.ground:
                self._ask_what_it_would_write(completer, turn)
            served = ServedModel(completer, self.ngrams_for(completer))
            self._ask_about_new_code(role, served, turn, before)
            alone = ServedModel(completer, None)
            self._score(role, served, "edited", turn, before)
            self._score(role, alone, "general", turn, before)
            self._score(role, alone, "drift", turn, before)
            self._probe(role, completer, turn)
        self._grace = GRACE

    def measure_copying(self, base: Base) -> None:
        """What copying from the repository does, on the headline holdout."""
        from homespun_finetune.ngram_baseline import NgramBaseline

        if "new" in self._holdouts:
            with self._reporter.stage("measuring the baseline") as stage:
                tree = self._material.tree() if self._material else ()
                turn = Turn(stage, self._limit("copy", "new"))
                self._ask_about_new_code("copy", NgramBaseline(base, tree), turn, AnsweredBefore())

    def to_json(self) -> dict[str, Any]:
        """``Sheets.to_json``, and how old what was asked is."""
        newer = self.newer
        return self.sheets.to_json() | {"newer_than_base": newer.to_json() if newer else None}

    def _is_bare(self, role: Role) -> bool:
        return self.contestants.is_bare(role)

    def _open(self) -> None:
        """Read what there is to ask beside the holes, and share out the time."""
        settings = self._settings
        general = (s for s in measured_samples(settings.seed) if s.middle.strip())
        if some := tuple(map(_with_less_around, islice(general, settings.max_general))):
            self._holdouts["general"] = some
        if self._material is not None:
            self._functions = self._material.learnt_functions(settings.seed, settings.max_probes)
        parts: tuple[Part, ...] = ("new", "edited", "typing", "general", "drift", "verbatim")
        self._limits = {part: self._plan.share(part) for part in parts}

    def _limit(self, role: Role, part: Part) -> float:
        """Seconds after which a model is stopped in a part."""
        return self._planned(role, part) + self._grace

    def _planned(self, role: Role, part: Part) -> float:
        if not self.contestants.takes(role, part):
            return 0.0
        if self._is_bare(role):
            return self._limits[part] * min(1.0, BARE_HOLES / max(1, len(self.holes)))
        if role == "copy":  # of a small base it may take as long, and must cut nobody
            return self._limits[part]
        return self._limits[part] * self.contestants.weight(role, part)

    def _ask_what_it_would_write(self, ground: Scoring, turn: Turn) -> None:
        """The model's own words in languages that the team has and the library has not.

        How many more bits another model needs for them estimates its divergence from this one.
        """
        languages = {hole.place.language or "" for hole in self.holes}
        samples = generic_samples(languages, self._settings.seed)
        if not samples:
            self._limits["general"] += self._limits.pop("drift")
            return
        in_time = turn.within(self._limits["drift"])
        written = []
        for sample in takewhile(lambda _: in_time(), samples):
            text = ground.complete(sample.place).text
            if text.strip():
                written.append(replace(sample, middle=text))
        if written:
            self._holdouts["drift"] = tuple(written)

    def _ask_about_new_code(
        self, role: Role, answering: Answerer, turn: Turn, before: AnsweredBefore
    ) -> None:
        holes, first = self.holes, not self.sheets.answers["new"]
        sitting = Sitting(self._asked(role), before)
        if first:
            sitting.ask(answering, holes[:TRIAL], turn)
            holes = self._those_affordable(sitting)
            if len(holes) <= FEW_HOLES:
                self._limits["new"] *= FEW_MAY_TAKE
                sitting.asked = self._asked(role)
            sitting.ask(answering, holes[TRIAL:], turn)
            self._holdouts["new"] = holes[: len(sitting.results)]
            if self.newer:
                self._reporter.say(str(self.newer))
            self._took(role, "new", sitting.on_holes)
        else:
            sitting.ask(answering, holes[: BARE_HOLES if self._is_bare(role) else None], turn)
        self.sheets.answers["new"][role] = tuple(sitting.results)
        if self.contestants.takes(role, "typing"):
            self.sheets.lines[role] = tuple(sitting.lines)
            if self._lines is None:
                self._lines = len(sitting.lines)
                self._took(role, "typing", sitting.on_typing)

    def _asked(self, role: Role) -> Asked:
        """What a model is asked about new code."""
        contestants, most = self.contestants, self._settings.max_lines
        return Asked(
            whole=self._settings.whole if contestants.completes(role) else None,
            lines=most if self._lines is None else self._lines,
            seconds_for_holes=self._limit(role, "new"),
            seconds_for_typing=self._limit(role, "typing"),
        )

    def _those_affordable(self, trial: Sitting) -> tuple[Sample, ...]:
        """The holes that everybody can be asked in the time, which is said where it is not all."""
        holes = self.holes
        if not trial.results:
            return ()
        most = self._plan.affordable(trial.on_holes / len(trial.results))
        if "edited" in self._holdouts:
            fewer = int(most * (1 - EDITED_SHARE))
            if fewer >= min(ENOUGH, len(holes)):
                most = fewer
            else:
                del self._holdouts["edited"]
        if most < len(holes):
            functions = len({(hole.path, hole.function) for hole in holes[:most]})
            self._reporter.say(
                f"about {functions} held-out functions can be asked in the time given, "
                f"in {most} of {len(holes)} holes"
            )
        return holes[:most]

    def _score(
        self,
        role: Role,
        answering: Answerer,
        subject: Literal["edited", "general", "drift"],
        turn: Turn,
        before: AnsweredBefore,
    ) -> None:
        if subject not in self._holdouts or not self.contestants.takes(role, subject):
            return
        in_time = turn.within(self._limit(role, subject))
        found = [
            before.answer(hole, f"scored, {subject}", partial(answered, answering, hole))
            for hole in takewhile(lambda _: in_time(), self._holdouts[subject])
        ]
        if not self.sheets.answers[subject]:
            self._holdouts[subject] = self._holdouts[subject][: len(found)]
            self._took(role, subject, sum(seconds for _, seconds in found))
        self.sheets.answers[subject][role] = tuple(answer for answer, _ in found)

    def ngrams_for(self, completer: Scoring) -> NgramIndex:
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

    def _probe(self, role: Role, completer: Scoring, turn: Turn) -> None:
        if not self.contestants.takes(role, "verbatim"):
            return
        begun, in_time = time.monotonic(), turn.within(self._limit(role, "verbatim"))
        self.sheets.probed[role] = tuple(memorization.probe(completer, self._functions, in_time))
        if len(self.sheets.probed) == 1:
            asked = {probe_.function for probe_ in self.sheets.probed[role]}
            self._functions = [function for function in self._functions if function.id in asked]
            self._took(role, "verbatim", time.monotonic() - begun)

    def _took(self, role: Role, part: Part, seconds: float) -> None:
        """What the first model took is what the others may take, and a little more."""
        each = seconds / self.contestants.weight(role, part)
        self._limits[part] = min(self._limits[part], each) * SLOWER


def _with_less_around(sample: Sample) -> Sample:
    place = sample.place
    before, after = len(place.prefix) - GENERAL_BEFORE, len(place.suffix) - GENERAL_AFTER
    return replace(sample, place=clipped(place, place.before + before, place.after + after))
