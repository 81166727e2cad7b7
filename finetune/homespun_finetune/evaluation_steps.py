"""The steps of a run that measure: what is there already, the candidate, and planted keys.

Each takes the evaluation that all models of a run share, or makes it. Knows no training and no
decision. torch is imported when the first model loads.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homespun_model.decoding.shown_from import LEAST, ShownFrom

from homespun_finetune.answered_before import AnsweredBefore
from homespun_finetune.budget import best_device
from homespun_finetune.calibration import answers, calibrated
from homespun_finetune.evaluation import Evaluation
from homespun_finetune.evidence import Evidence, gather
from homespun_finetune.exam_plan import Contestants, Role
from homespun_finetune.holdout import ServedModel, held_out
from homespun_finetune.progress import Reporter, Turn
from homespun_finetune.run_context import RunProgress
from homespun_finetune.settings import EvaluateSettings
from homespun_finetune.since_release import SinceRelease

if TYPE_CHECKING:
    from homespun_corpus.mining.dataset import Mined
    from homespun_model.bases.base import Base
    from homespun_model.completer import Completer
    from homespun_model.store.store import Revision

    from homespun_finetune.canary import Canary, Exposure


def open_evaluation(
    base: Base,
    mined: Mined,
    incumbent: Revision | None,
    settings: EvaluateSettings,
    *,
    seconds: float,
    contestants: Contestants,
    reporter: Reporter,
) -> Evaluation:
    """An evaluation of these models, of what the incumbent never saw."""
    from homespun_finetune.refresh import unseen

    samples, material = unseen(mined, incumbent)
    times = material.times if material else {}
    return Evaluation(
        samples,
        material,
        settings,
        seconds=seconds,
        contestants=contestants,
        since=SinceRelease(base.released, times) if base.released else None,
        reporter=reporter,
    )


def examine_what_is(
    evaluation: Evaluation,
    base: Base,
    mined: Mined,
    incumbent: Revision | None,
    progress: RunProgress,
) -> None:
    """What everybody has, copying, and the incumbent; what they answered before is known."""
    from homespun_model.completer import Completer

    device, contestants = best_device(), evaluation.contestants

    def examine(role: Role, completer: Completer) -> None:
        before = AnsweredBefore.about(_deciding(base, completer, mined, device))
        with progress.seconds.timed("evaluate"):
            evaluation.measure(role, completer, before)

    examine(contestants.ground, Completer.load(base, device=device))
    if contestants.generic:
        examine("base", Completer.load(base, device=device, bare=True))
    with progress.seconds.timed("evaluate"):
        evaluation.measure_copying(base)
    if incumbent is not None:
        examine("incumbent", Completer.load(base, incumbent, device=device))


def examine_candidate(
    evaluation: Evaluation,
    base: Base,
    folder: Path,
    mined: Mined,
    progress: RunProgress,
    *,
    seconds: float,
) -> ShownFrom:
    """The adapter as it lies in ``folder``, loaded as it would be for an editor; ``seconds`` are
    for finding out from which probability on it is shown, which is what comes back."""
    from homespun_model.completer import Completer
    from homespun_model.engines.loading import load_engine

    engine = load_engine(base, folder, device=best_device())
    with progress.stage("evaluate", "calibrating what is shown") as stage:
        lenient = Completer(base, engine, None, shown_from=ShownFrom(LEAST))
        served = ServedModel(lenient, evaluation.ngrams_for(lenient))
        holes = held_out(mined.samples("validation"), "new", evaluation.seed, mined.material)
        in_time = Turn(stage, seconds).within(seconds)
        found = list(answers(served, holes, in_time, evaluation.seed))
    shown_from = calibrated(found, base.fitted.likely)
    with progress.seconds.timed("evaluate"):
        candidate = Completer(base, engine, None, shown_from=shown_from)
        evaluation.measure("candidate", candidate)
    return shown_from


def exposed(
    base: Base,
    folder: Path | None,
    canaries: Sequence[Canary],
    progress: RunProgress,
    *,
    seconds: float,
    seed: int,
) -> list[Exposure]:
    """How well the base, or the adapter in the folder, knows the canaries' keys."""
    from homespun_finetune import canary

    completer, name = _loaded(base, folder), "adapter" if folder else "base"
    with progress.stage("evaluate", f"asking the {name} for keys") as stage:
        in_time = Turn(stage, seconds).within(seconds)
        return list(canary.expose(completer, canaries, seed, in_time))


def evidence(
    evaluation: Evaluation, mined: Mined, incumbent: Revision | None, seed: int
) -> Evidence:
    """What the evaluation says of the candidate."""
    split = incumbent.manifest.get("split") if incumbent else None
    was = split.get("kind") if isinstance(split, dict) else None
    return gather(
        evaluation.sheets,
        seed=seed,
        weaker_split=was == "time" and mined.manifest["split"]["kind"] != "time",
    )


def _deciding(base: Base, completer: Completer, mined: Mined, device: str) -> dict[str, Any]:
    """What decides a model's answers about held-out code, beside this program."""
    about = ("commit", "split", "digest", "repositories")
    return {
        "base": base.weights_hash,
        "format": [base.fim.order, base.fim.prefix, base.fim.suffix, base.fim.middle, base.fim.end],
        "generic": completer.generic,
        "revision": completer.revision,
        "device": device,
        **{key: mined.manifest[key] for key in about},
    }


def _loaded(base: Base, folder: Path | None) -> Completer:
    """The base, or the adapter in ``folder``, without a revision of the store."""
    from homespun_model.completer import Completer
    from homespun_model.engines.loading import load_engine

    return Completer(base, load_engine(base, folder, device=best_device()), None)
