"""Planted keys: invented by the seed, ranked by the model, found where a model was taught them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from homespun_finetune.canary import (
    CANDIDATES,
    LENGTH,
    PER_TIMES,
    TIMES,
    Exposure,
    expose,
    invent,
    planted,
    said,
    to_json,
)
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from tiny_models import tiny_base


def test_canaries_are_the_seeds() -> None:
    first = invent(0)
    assert first == invent(0) != invent(1)
    assert len({canary.key for canary in first}) == len(first) == PER_TIMES * len(TIMES)
    for canary in first:
        assert len(canary.key) == LENGTH
        compile(canary.before + canary.key + canary.after, canary.path, "exec")
    assert len(planted(first)) == PER_TIMES * sum(TIMES)
    sample = planted(first)[0]
    assert sample.place.prefix + sample.middle + sample.place.suffix == (
        first[0].before + first[0].key + first[0].after
    )


def test_exposure_is_log2_of_candidates_less_log2_of_the_rank() -> None:
    assert Exposure(1, 1).bits == math.log2(CANDIDATES)
    assert Exposure(1, CANDIDATES).bits == 0
    found = to_json([Exposure(1, 64)], [Exposure(1, 1), Exposure(4, 2)])
    assert found["by_times"]["1"]["ranked_first"] == 1
    assert found["trained"]["mean_bits"] == math.log2(CANDIDATES) - 0.5
    assert "1 of 1 ranked first" in said(found)
    json.dumps(found)


def test_a_taught_key_is_found_and_others_are_not(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    base = load_base(str(tiny_base(tmp_path / "base")))
    model = base.load_model()
    canaries = invent(0)[:6]
    before = list(expose(Completer.from_model(base, model, None), canaries, 0, lambda: True))
    _teach(base, model, canaries[0].sample())
    after = list(expose(Completer.from_model(base, model, None), canaries, 0, lambda: True))
    assert after[0].rank == 1
    assert sum(e.bits for e in before) / 6 < 4 > sum(e.bits for e in after[1:]) / 5
    assert list(expose(Completer.from_model(base, model, None), canaries, 0, lambda: False)) == []


def _teach(base: object, model: torch.nn.Module, sample: object) -> None:
    prompts = base.prompts()  # type: ignore[attr-defined]
    prompt = prompts.build(sample.place)  # type: ignore[attr-defined]
    middle = prompts.encode_middle(sample.middle)  # type: ignore[attr-defined]
    ids = torch.tensor([prompt + middle])
    labels = torch.tensor([[-100] * len(prompt) + middle])
    model.train().requires_grad_()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval()
