"""How a model turns its queries and keys with their place, as its file says and as transformers
writes it (``rope_parameters``).

Llama 3's slowing of low frequencies is stored as its outcome, a factor for each frequency; of what
transformers computes these from, only the strongest is free (its makers never varied the others),
and what comes out is held against the file. Knows nothing else of a model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homespun_model.gguf.architectures import ROPE_FACTORS, unlike
from homespun_model.gguf.dequantize import numbers
from homespun_model.gguf.header import Header

USUAL_BASE = 10_000.0
_LLAMA3 = {
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


def rope_parameters(header: Header, width: int) -> dict[str, Any]:
    """For heads of ``width``. BaseError for a rotation that is not known here."""
    base = _number(header, "rope.freq_base", USUAL_BASE)
    if ROPE_FACTORS in header.tensors:
        return _llama3(header, base, width)
    kind = header.model_field("rope.scaling.type", "none")
    if kind == "none" and _number(header, "rope.scale_linear", 1.0) == 1.0:  # as it once was said
        return {"rope_type": "default", "rope_theta": base}
    if kind == "linear":
        factor = _number(header, "rope.scaling.factor")
        return {"rope_type": "linear", "factor": factor, "rope_theta": base}
    if kind == "yarn":
        return _yarn(header, base)
    raise unlike(header, f"it scales the rotation in a way that is not known ({str(kind)[:40]})")


def _yarn(header: Header, base: float) -> dict[str, Any]:
    for name in ("attn_factor", "yarn_attn_factor", "yarn_ext_factor"):
        if _number(header, f"rope.scaling.{name}", 1.0) != 1.0:
            raise unlike(header, f"its rope.scaling.{name} is not 1")
    if header.model_field("rope.scaling.yarn_log_multiplier") is not None:
        raise unlike(header, "it has a rope.scaling.yarn_log_multiplier")
    length = _number(header, "rope.scaling.original_context_length")
    return {
        "rope_type": "yarn",
        "factor": _number(header, "rope.scaling.factor"),
        "beta_fast": _number(header, "rope.scaling.yarn_beta_fast", 32.0),
        "beta_slow": _number(header, "rope.scaling.yarn_beta_slow", 1.0),
        "original_max_position_embeddings": int(length),
        "rope_theta": base,
    }


def _llama3(header: Header, base: float, width: int) -> dict[str, Any]:
    tensor = header.tensors[ROPE_FACTORS]
    if tensor.shape != (width // 2,):
        raise unlike(header, f"{ROPE_FACTORS} does not hold a factor for each pair of a head")
    stored = numbers(header.path, tensor)
    factor = float(stored.max())
    if not np.allclose(stored, _llama3_factors(base, width, factor), rtol=1e-3):
        raise unlike(header, f"{ROPE_FACTORS} does not slow the rotation as Llama 3 does")
    return {"rope_type": "llama3", "factor": factor, "rope_theta": base, **_LLAMA3}


def _llama3_factors(base: float, width: int, factor: float) -> NDArray[np.float64]:
    """By how much each of the ``width / 2`` frequencies is slowed."""
    lengths = 2 * math.pi * base ** (np.arange(0, width, 2) / width)
    turns = _LLAMA3["original_max_position_embeddings"] / lengths
    low, high = _LLAMA3["low_freq_factor"], _LLAMA3["high_freq_factor"]
    kept = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(1 / ((1 - kept) / factor + kept))


def _number(header: Header, name: str, default: float | None = None) -> float:
    value = header.model_field(name, default)
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise unlike(header, f"its {name} is {'missing' if value is None else str(value)[:40]!r}")
    return float(value)
