"""What the models of a run answered, and the figures that come of it.

Whoever asks writes the answers in; a model that was stopped by the clock has fewer, and then only
what all of them answered counts. Knows no model and asks nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from homespun_corpus.mining.sample import Novelty

from homespun_finetune import memorization
from homespun_finetune.exam_plan import Contestants, Role, Subject
from homespun_finetune.holdout import breakdown, in_common
from homespun_finetune.metrics import HoleResult, Metrics, SimulatedLine, summarise

Results = dict[Role, tuple[HoleResult, ...]]


@dataclass(frozen=True)
class Sheets:
    """Of each model: ``answers`` by subject, the ``lines`` it typed again, and what it was
    ``probed`` for of what it was trained on."""

    contestants: Contestants
    answers: dict[Subject, Results] = field(default_factory=lambda: defaultdict(dict))
    lines: dict[Role, tuple[SimulatedLine, ...]] = field(default_factory=dict)
    probed: dict[Role, tuple[memorization.Probe, ...]] = field(default_factory=dict)

    def results(self, subject: Subject = "new") -> Results:
        """Every model's results, over the holes that all of them got through; the bare base beside
        a generic adapter, which is asked fewer, apart."""
        answers, is_bare = self.answers[subject], self.contestants.is_bare
        whole = {role: found for role, found in answers.items() if not is_bare(role)}
        if not whole:
            return {}
        cut = dict(zip(whole, in_common(list(whole.values())), strict=True))
        return cut | {role: found for role, found in answers.items() if is_bare(role)}

    def typed(self) -> dict[Role, tuple[SimulatedLine, ...]]:
        """Every model's lines, as many as all of them typed."""
        common = min(map(len, self.lines.values()), default=0)
        return {role: lines[:common] for role, lines in self.lines.items()}

    def verbatim(self) -> memorization.Memorization | None:
        """What the candidate has memorized; None where there was nothing to ask for."""
        before = self.probed.get(self.contestants.ground)
        if not before or "candidate" not in self.probed:
            return None
        return memorization.compare(before, self.probed["candidate"])

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


def _by_language(typed: Sequence[SimulatedLine]) -> dict[str, list[SimulatedLine]]:
    groups: dict[str, list[SimulatedLine]] = defaultdict(list)
    for line in typed:
        groups[line.language].append(line)
    return groups
