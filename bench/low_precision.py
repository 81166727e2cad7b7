"""Whether bfloat16 or int8 weights pay on this processor, and what they change.

    python bench/low_precision.py FOLDER [--base starter] [--places 20] [--keys 4]

Answers to recorded typing (``recorded.py``), against those in float32: how many prompts get the
same tokens, and by how much float32 preferred its own token where two answers part (in nats).
Processor time of a prompt and of a token, one thread, each precision in turns on transformers'
forward pass; float32 on ours beside them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.decode import Decoder
from homespun_model.decoding.score import Question
from homespun_model.engines.engine import Engine
from homespun_model.engines.transformers_engine import TransformersEngine, engine_for
from recorded import Request, code_of, requests
from transformers import PreTrainedModel

TOKENS = 24


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what low precision costs and saves")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--keys", type=int, default=4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = load_base(options.base)
    model = base.load_model()
    quantize: Any = torch.ao.quantization.quantize_dynamic
    low: dict[str, PreTrainedModel] = {
        "bfloat16": base.load_model(torch.bfloat16),
        "int8": quantize(base.load_model(), {torch.nn.Linear}, dtype=torch.qint8),
    }
    completer = Completer.from_model(base, model, None)
    recorded = list(requests(completer, code_of(options.folder), options.places, options.keys))
    times(
        {"ours": engine_for(model), "float32": TransformersEngine(model)}
        | {name: TransformersEngine(one) for name, one in low.items()},
        [request.prompt for request in recorded if request.cold],
    )
    for name, one in low.items():
        differences(name, Decoder(engine_for(model)), Decoder(engine_for(one)), recorded)


@torch.inference_mode()
def times(forwards: dict[str, Engine], prompts: list[list[int]]) -> None:
    """Print the medians of a prompt's and of a single token's processor time."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in forwards}
    for prompt in prompts:
        for name, engine in forwards.items():
            sequence = engine.begin()
            marks = [time.process_time()]
            for ids in (prompt, *([token] for token in prompt[:8])):
                sequence.run(ids, 1)
                marks.append(time.process_time())
            taken[name].append((marks[1] - marks[0], float(np.median(np.diff(marks[1:])))))
    for name, pairs in taken.items():
        prompt_time, token_time = np.median(pairs, axis=0) * 1e3
        print(
            f"{name:9} prompt {prompt_time:6.1f} ms  token {token_time:5.2f} ms of processor time"
        )


def differences(name: str, exact: Decoder, low: Decoder, recorded: list[Request]) -> None:
    """Print how many answers are the same, and the margins where they part."""
    margins = []
    for request in recorded:
        one, other = (
            decoder.generate(request.prompt, max_new_tokens=TOKENS, stop_ids=frozenset()).ids
            for decoder in (exact, low)
        )
        if one != other:
            at = next(i for i in range(TOKENS) if one[i] != other[i])
            behind = [*request.prompt, *one[:at]]
            best, chosen = (
                float(exact.logprobs(Question(behind, [ids[at]]))) for ids in (one, other)
            )
            margins.append(best - chosen)
    same = 1 - len(margins) / len(recorded)
    worst = f", first differences up to {max(margins):.3f} nats" if margins else ""
    median = f", median {np.median(margins):.3f}" if margins else ""
    print(f"{name}: {same:.1%} of {len(recorded)} prompts the same{worst}{median}")


if __name__ == "__main__":
    main()
