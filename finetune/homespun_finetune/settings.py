"""The values that decide a run, each with its reason; all of them end up in the manifest.

A repository's own file may move some of them within bounds, flags go over that. Knows no models.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from homespun_corpus.filters.team_settings import TrainWishes

Start = Literal["onward", "beside", "bare"]


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How an adapter is trained. Its shape is one for all, so that adapters swap while serving."""

    seed: int = 0
    rank: int = 32
    """LoRA rank, on all linear layers but the output."""
    alpha: int = 64
    start: Start = "onward"
    """Where a fresh adapter begins, of a base that has a generic one: as that one, all of it
    trained; beside that one, which stays as it is; or as if there were none."""
    dropout: float = 0.0
    """An eighth of a step's time; early stopping guards against memorization."""
    learning_rate: float | None = None
    """Peak rate; None takes ``learning_rate_for`` the base's width."""
    refresh_rate: float = 0.5
    """Of the peak rate, warmed up again, where training goes on from an adapter."""
    onward_rate: float = 0.25
    """Of ``learning_rate_for`` the base, in all that sets out from the base's generic adapter.
    Measured (LOG E-052): at the whole rate six steps on a repository's own code go too far, and
    lose what fits a hole; a quarter of their way gains."""
    passes: int = 1
    """At most this often over the training samples. Measured (LOG E-033): what a second pass gains
    on code from just after the training tree, it loses on newer code, and code in general with it.
    A pass shows most lines several times as it is, in the prompts of samples nearby."""
    batch_size: int = 8
    """Samples a step. LoRA wants small batches, and minutes on two cores allow few steps."""
    warmup: float = 0.08
    """Share of the steps in which the rate rises; it falls along a cosine after."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest gradient norm."""
    end_weight: float = 3.0
    """Weight of the token that ends a middle: one a sample, and what makes a suggestion stop."""
    prompt_weight: float = 0.3
    """Weight of the prompt's tokens; a middle's weigh 1. Measured (LOG E-001): a middle alone is
    one token in thirty of what a small base could learn from, and minutes are short. At 1 a whole
    pass learns a little less, and forgets a little more (LOG E-033)."""
    prompt_share: float = 0.25
    """Of the prompt's tokens, each weighing as much more: the same gradient in the mean, without
    the output layer's work for the others, which is a third of a step of a large vocabulary."""
    general_share: float = 0.05
    """Of the samples: holes in the standard library, lest code in general be forgotten."""
    validations: int = 8
    """How often validation loss is measured at most; the best state becomes the adapter."""
    validation_samples: int = 128
    validation_share: float = 0.08
    """Of the training time; fewer samples are used where more would cost more."""
    patience: int = 5
    """Validations in a row without a gain after which training stops."""

    def wishing(self, wishes: TrainWishes) -> TrainSettings:
        """With the values that a team set for itself, already checked against their bounds."""
        wished = {key: value for key, value in asdict(wishes).items() if value is not None}
        return replace(self, **wished)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def learning_rate_for(hidden: int) -> float:
    """Half of a public rule for LoRA on Llama-like models: the narrower, the higher.

    The whole of it learnt a little more in short runs, unlearnt three times as much of code in
    general, and was at its best half-way through longer ones (LOG E-009, E-017).
    """
    return float(2.5e-4 * (2000 / hidden) ** 0.781)


@dataclass(frozen=True, slots=True)
class EvaluateSettings:
    """How much is measured. Holes are taken in a seeded order, as many as there is time for."""

    seed: int = 0
    share: float = 0.3
    """Of ``--minutes``, for all models together."""
    calibration: float = 0.03
    """Of ``--minutes``, for finding out from which probability on the adapter is shown."""
    holes: float = 0.67
    """Of that, for held-out holes."""
    typing: float = 0.22
    """For lines typed again: five in a quarter of an hour with half a billion parameters (three in
    twelve minutes had less, LOG E-052), or nothing is decided."""
    general: float = 0.06
    """For code in general."""
    verbatim: float = 0.05
    """For what was memorized."""
    max_holes: int = 400
    whole: int = 12
    """Of the first holes, completions that are written to their end to be looked at; the others end
    as soon as they can no longer be right."""
    max_lines: int = 150
    max_general: int = 240
    """An interval of a few hundredths of a bit, over eighty modules."""
    max_probes: int = 200
    """Functions probed for memorization."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
