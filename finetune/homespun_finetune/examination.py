"""All models of one run before the same exams: base, incumbent, candidate.

New functions are the headline exam, edited ones a smaller exam of their own: their old version may
have been trained on. The first model decides how many holes there is time for. Knows no training.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from homespun_corpus.samples import Novelty, Sample

from homespun_finetune.evaluate import Exam, breakdown, in_common, open_exam, sit
from homespun_finetune.metrics import HoleResult, Metrics, summarise
from homespun_finetune.progress import Reporter
from homespun_finetune.settings import EvaluateSettings

if TYPE_CHECKING:
    from homespun_model.completer import Completer

Role = Literal["base", "incumbent", "candidate"]
Results = dict[Role, tuple[HoleResult, ...]]

NOVELTIES: tuple[Novelty, ...] = ("new", "edited")
EDITED_SHARE = 0.2  # of a model's time, where there is edited code at all
SLOWER = 1.3  # a later model may take this much longer than the first over the same holes


class Examination:
    """``seconds`` are for the first model; the others may take little more than it did."""

    def __init__(
        self,
        samples: Sequence[Sample],
        settings: EvaluateSettings,
        *,
        seconds: float,
        reporter: Reporter,
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        exams = {novelty: open_exam(samples, novelty, settings) for novelty in NOVELTIES}
        self._exams: dict[Novelty, Exam] = {n: exam for n, exam in exams.items() if exam.holes}
        edited = EDITED_SHARE if len(self._exams) > 1 else float("edited" in self._exams)
        self._limits = {"edited": seconds * edited, "new": seconds * (1 - edited)}
        self._sheets: dict[Novelty, Results] = {novelty: {} for novelty in NOVELTIES}

    @property
    def holes(self) -> Sequence[Sample]:
        """The headline exam's holes, in order."""
        return self._exams["new"].holes if "new" in self._exams else ()

    @property
    def longest(self) -> float:
        """Seconds that the next model may take."""
        return sum(self._limits[novelty] for novelty in self._exams)

    def sit(self, role: Role, completer: Completer) -> None:
        """Put a model to all exams."""
        name = "adapter" if role == "candidate" else role
        with self._reporter.stage(f"measuring the {name}") as stage:
            for novelty, exam in self._exams.items():
                begun, limit = time.monotonic(), self._limits[novelty]
                sheet = sit(completer, exam, seconds=limit, settings=self._settings, stage=stage)
                if not self._sheets[novelty]:
                    self._exams[novelty] = exam.as_sat(sheet)
                    self._limits[novelty] = min(limit, time.monotonic() - begun) * SLOWER
                self._sheets[novelty][role] = sheet

    def results(self, novelty: Novelty = "new") -> Results:
        """Every model's results, over the holes that all of them got through."""
        sheets = self._sheets[novelty]
        return dict(zip(sheets, in_common(list(sheets.values())), strict=True)) if sheets else {}

    def metrics(self, novelty: Novelty = "new") -> dict[str, Metrics]:
        return {role: summarise(results) for role, results in self.results(novelty).items()}

    def to_json(self) -> dict[str, Any]:
        """For the manifest: the headline, also by kind and by language, and edited code apart."""
        results = self.results()
        parts = {"by_kind": attrgetter("kind"), "by_language": attrgetter("language")}
        return {
            **{role: metrics.to_json() for role, metrics in self.metrics().items()},
            "edited": {role: m.to_json() for role, m in self.metrics("edited").items()},
            **{
                name: {
                    role: {key: m.to_json() for key, m in breakdown(sheet, part).items()}
                    for role, sheet in results.items()
                }
                for name, part in parts.items()
            },
        }
