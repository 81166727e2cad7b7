"""The learning rate over a run: warm up, hold, decay.

Holding keeps a run extendable: more tokens can be added before the decay begins.
"""

from __future__ import annotations

from homespun_finetune.pretrain.settings import PretrainSettings


def rate_at(step: int, steps: int, settings: PretrainSettings) -> float:
    """The share of the peak rate at ``step`` of ``steps``."""
    warm = max(1.0, settings.warmup * steps)
    if step < warm:
        return (step + 1) / warm
    cooling = step - (1 - settings.decay) * steps
    if cooling <= 0:
        return 1.0
    progress = cooling / (settings.decay * steps)
    return 1.0 - (1.0 - settings.final_rate) * progress
