"""The output layer's fused loss is cross entropy, gradient and all."""

from __future__ import annotations

import contextlib

import pytest
import torch
from homespun_finetune import fused_loss
from homespun_finetune.fused_loss import weighted_nats


@pytest.mark.parametrize(("half", "off"), [(False, 1e-5), (True, 0.01)])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("logits", [fused_loss.LOGITS["cpu"], 7 * 50, 1])
def test_it_is_weighted_cross_entropy(
    half: bool, off: float, frozen: bool, logits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a vocabulary is so large that few positions' logits are in memory together."""
    monkeypatch.setitem(fused_loss.LOGITS, "cpu", logits)
    torch.manual_seed(0)
    hidden, head = torch.randn(1100, 16), torch.randn(50, 16) * 0.1
    labels, weights = torch.randint(0, 50, (1100,)), torch.rand(1100)
    weights[:9] = 0.0
    ours = hidden.clone().requires_grad_(), head.clone().requires_grad_(not frozen)
    with torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext():
        loss, nats = weighted_nats(*ours, labels, weights)
    (2 * loss).backward()  # type: ignore[no-untyped-call]
    theirs = hidden.clone().requires_grad_(), head.clone().requires_grad_()
    each = torch.nn.functional.cross_entropy(theirs[0] @ theirs[1].T, labels, reduction="none")
    expected = (each * weights).sum() / weights.sum()
    (2 * expected).backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(nats, each, atol=2 * off)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=off)
    for found, wanted in list(zip(ours, theirs, strict=True))[: 1 if frozen else 2]:
        assert found.grad is not None
        assert wanted.grad is not None
        assert (found.grad - wanted.grad).norm() <= off * wanted.grad.norm()
    assert not frozen or ours[1].grad is None
