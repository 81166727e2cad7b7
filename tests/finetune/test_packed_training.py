"""A dense decoder trained over packed rows: the loss and the gradients of transformers and peft."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from homespun_finetune.adapter import lora
from homespun_finetune.batches import EncodedSample, collate
from homespun_finetune.loss import PackedLoss, WeightedLoss, loss_of
from homespun_finetune.row_attention import STRETCH
from homespun_finetune.settings import TrainSettings
from peft import PeftModel
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
ARCHITECTURES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
SHAPE = TrainSettings(rank=4, alpha=8)
END, PAD = 1, 0


def adapted(kind: str, settings: TrainSettings = SHAPE) -> PeftModel:
    """With an adapter that says something, and biases that are felt."""
    torch.manual_seed(0)
    config, causal = ARCHITECTURES[kind]
    model: PreTrainedModel = causal(config(**SIZES))
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.normal_(1.0 if "norm" in name else 0.0, 0.3)
    model.requires_grad_(False)
    peft = lora(model, settings)
    with torch.no_grad():
        for name, weights in peft.named_parameters():
            if "lora_B" in name:
                weights.normal_(0.0, 0.2)
    return peft


def batch(*lengths: int, share: float = 1.0) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(0)
    examples = [
        EncodedSample(np.append(rng.integers(2, 97, n - 1, dtype=np.int32), END), start=n - 3)
        for n in lengths
    ]
    return collate(
        examples, pad_id=PAD, end_id=END, end_weight=3.0, prompt_weight=0.5, prompt_share=share
    )


def gradients(loss: torch.nn.Module, model: PeftModel, **inputs: torch.Tensor) -> torch.Tensor:
    model.zero_grad(set_to_none=True)
    loss(**inputs).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("kind", ARCHITECTURES)
@pytest.mark.parametrize("share", [1.0, 0.25])
def test_the_loss_and_every_gradient_are_those_of_peft(kind: str, share: float) -> None:
    """Over rows shorter and longer than a stretch of attention, and of one token."""
    model = adapted(kind)
    inputs = batch(2 * STRETCH + 9, 17, STRETCH, 4, share=share)
    plain = WeightedLoss(model)
    expected, wanted = float(plain(**inputs).detach()), gradients(plain, model, **inputs)
    packed = loss_of(model, torch.float32)
    assert isinstance(packed, PackedLoss)
    assert float(packed(**inputs).detach()) == pytest.approx(expected, rel=1e-5)
    found = gradients(packed, model, **inputs)
    assert (found - wanted).norm() < 1e-4 * wanted.norm()
    again = gradients(WeightedLoss(model), model, **inputs)
    assert torch.equal(again, wanted), "the model itself computes what it did"


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_in_bf16_the_gradients_point_where_those_of_float32_do(kind: str) -> None:
    model, inputs = adapted(kind), batch(60, 33)
    wanted = gradients(WeightedLoss(model), model, **inputs)
    found = gradients(loss_of(model, torch.bfloat16), model, **inputs)
    assert torch.nn.functional.cosine_similarity(found, wanted, 0) > 0.98


def test_a_large_bias_of_all_keys_does_not_drown_what_tells_them_apart() -> None:
    model, inputs = adapted("qwen2"), batch(60, 33)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "k_proj" in name and name.endswith("bias"):
                weights.fill_(40.0)
                weights.view(2, 2, -1)[..., :-2] = 0.0  # where places turn slowly, as in the field
    wanted = gradients(WeightedLoss(model), model, **inputs)
    found = gradients(loss_of(model, torch.bfloat16), model, **inputs)
    assert torch.nn.functional.cosine_similarity(found, wanted, 0) > 0.98


def test_weights_are_not_held_twice() -> None:
    model = adapted("qwen2")
    assert isinstance(loss_of(model, torch.float32), PackedLoss)
    layer = model.get_base_model().model.layers[0].mlp
    gate, up = (module.base_layer.weight for module in (layer.gate_proj, layer.up_proj))
    assert gate.untyped_storage().data_ptr() == up.untyped_storage().data_ptr()


def test_what_is_dropped_or_of_another_kind_is_left_to_peft() -> None:
    dropping = adapted("llama", replace(SHAPE, dropout=0.1))
    assert isinstance(loss_of(dropping, torch.float32), WeightedLoss)
    config = GPTNeoXConfig(**{k: v for k, v in SIZES.items() if k != "num_key_value_heads"})
    other = lora(GPTNeoXForCausalLM(config).requires_grad_(False), SHAPE)
    assert isinstance(loss_of(other, torch.float32), WeightedLoss)


def test_a_share_of_the_prompt_weighs_what_all_of_it_does() -> None:
    """In the mean over samples; the middle and its end weigh what they always do."""
    lengths = [int(n) for n in np.random.default_rng(1).integers(40, 90, 60)]
    whole, part = batch(*lengths), batch(*lengths, share=0.25)
    assert torch.equal(whole["labels"], part["labels"])
    assert float(part["weights"].sum()) == pytest.approx(float(whole["weights"].sum()), rel=0.05)
    assert (part["weights"] > 0).sum() < 0.4 * (whole["weights"] > 0).sum()
    assert (part["weights"] == 3.0).sum() == (whole["weights"] == 3.0).sum() == len(lengths)
