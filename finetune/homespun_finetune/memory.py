"""Whether a base fits into memory, and how many samples at a time.

What a sample's forward pass leaves for its backward pass is counted on a real one, so that nothing
here knows architectures. Where a batch does not fit, a step is made in parts.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from homespun_model.bases.base import Base
from homespun_model.bases.memory import needed, shortage, step_memory
from homespun_model.bases.memory_limits import memory_left

from homespun_finetune.budget import best_device
from homespun_finetune.errors import RunUsageError

SHARE = 0.5  # of what is free: the rest is for what a backward pass makes and drops again


def must_fit(base: Base) -> None:
    """RunUsageError where fine-tuning the base cannot end well on this machine, before any work.

    A GPU's memory is its own affair: what fits there depends on more than the weights.
    """
    if best_device() != "cpu":
        return
    need = needed(base.parameters).train
    if lacking := shortage(base.id, base.parameters, "fine-tuning", need):
        raise RunUsageError(lacking)


def micro_batch(batch: int, needed: int, room: int) -> int:
    """The largest even part of ``batch`` samples, of ``needed`` bytes each, that ``room`` holds."""
    fits = [size for size in range(1, batch + 1) if batch % size == 0]
    return max((size for size in fits if size * needed <= room), default=1)


def room_for_step(device: str, parameters: int) -> int:
    """Bytes that the samples of a step may keep for their backward pass: what was told of a base
    of so many parameters, if there is as much; a GPU's memory is nobody else's."""
    free = int(SHARE * free_memory(device))
    return free if device == "cuda" else min(free, step_memory(parameters))


def kept_for_backward(forward: Callable[[], torch.Tensor], model: torch.nn.Module) -> int:
    """Bytes that a forward pass keeps for the backward pass; the model's weights are not among
    them."""
    kept: dict[int, torch.UntypedStorage] = {}

    def count(tensor: torch.Tensor) -> None:
        """Not the tensor: an output that its own node holds would never be freed."""
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage

    with torch.autograd.graph.saved_tensors_hooks(count, _never_asked):
        forward()
    for weights in model.parameters():
        kept.pop(weights.untyped_storage().data_ptr(), None)
    return sum(storage.nbytes() for storage in kept.values())


def _never_asked(_packed: object) -> torch.Tensor:
    raise AssertionError("no backward pass follows")


def free_memory(device: str) -> int:
    """Bytes that can still be had on the device."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    return memory_left()
