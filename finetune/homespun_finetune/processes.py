"""Training in more than one process, as ``accelerate launch`` starts them.

Each process holds the whole adapter and reads its part of every batch; what has to be decided once
is decided by the first. Started alone, a run is its own first process and nothing here costs it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from homespun_finetune.budget import Precision, TokenBudget
from homespun_finetune.errors import RunUsageError

if TYPE_CHECKING:
    import torch

_PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")


def count() -> int:
    """How many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the one that decides, measures and publishes."""
    return int(os.environ.get("RANK", "0")) == 0


def check() -> None:
    """RunUsageError where accelerate was asked to shard the base: neither the loss nor the saving
    of an adapter knows shards, and on processors accelerate shards nothing and says nothing."""
    if os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        raise RunUsageError(
            "training does not shard a base (FSDP): launch it without, or choose a smaller base"
        )


def join(device: str) -> None:
    """Meet the others, before anything is decided; accelerate knows how."""
    if count() > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu")


def agree(budget: TokenBudget, device: str) -> TokenBudget:
    """The first process's budget in all of them, for the tokens that all see together.

    Every process has timed its own steps while the others timed theirs.
    """
    if count() == 1:
        return budget
    import torch

    told = torch.tensor(
        [budget.seconds, budget.tokens_per_second, float(_PRECISIONS.index(budget.precision))],
        dtype=torch.float64,
        device=device,
    )
    torch.distributed.broadcast(told, 0)
    seconds, speed, precision = told.tolist()
    return TokenBudget(seconds, speed * count(), _PRECISIONS[int(precision)])


def any_of(said: bool, device: torch.device) -> bool:
    """Whether one process says so: all of them then know."""
    if count() == 1:
        return said
    import torch

    told = torch.tensor(float(said), device=device)
    torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
    return bool(told)
