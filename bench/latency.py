"""How long a suggestion takes: plain transformers, ours and llama.cpp on the same recorded typing.

    python bench/latency.py FOLDER [--base starter] [--places 20] [--keys 10] [--threads 2]

Every contender gets the same prompts of token ids and gives as many tokens, all with float32
weights, in turns: request by request, so that whatever else the machine does slows all of them.
transformers' ``generate`` begins each request anew. Ours keeps the document's last sequence and
blends in what all files hold but those with the answers, as the server does, or nothing;
llama.cpp (``pip install llama-cpp-python gguf``, left out where they are missing) its own last one.
Cold is the first request in a file, warm one that comes a character later; a request that the
server answers from its cache asks no model, and is timed apart. Milliseconds depend on the machine
and on what else it does: read the ratios. Processor time compares fairly with one
thread only: threads that wait for each other count too, and llama.cpp's do not sleep.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.decode import Decoder
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.engines.transformers_engine import engine_for
from homespun_server.answer_cache import Answer, AnswerCache, ServedBy
from recorded import Request, code_of, requests
from transformers import PreTrainedModel

Contender = Callable[[Request], list[int]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="latency of suggestions against its peers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base = load_base(options.base)
    model, texts = base.load_model(), code_of(options.folder)
    recorded = list(
        requests(Completer.from_model(base, model, None), texts, options.places, options.keys)
    )
    asked = {request.session for request in recorded}
    others = {p: base.tokenizer.encode(text) for p, text in texts.items() if p not in asked}
    index = NgramIndex()
    index.update(others)
    contenders = {
        "transformers": plain(model),
        "ours": ours(model, index),
        "model alone": ours(model, None),
    }
    with tempfile.TemporaryDirectory() as folder:
        if (peer := llama(model, Path(folder), options.threads)) is not None:
            contenders["llama.cpp"] = peer
        seconds, same = race(contenders, recorded)
    describe(recorded)
    for case in ("warm", "cold"):
        chosen = [i for i, request in enumerate(recorded) if request.cold == (case == "cold")]
        compare(case, {name: times[chosen] for name, times in seconds.items()})
    for name, share in same.items():
        print(f"{name}: {share:.1%} of the answers are transformers', token for token")
    from_cache(recorded)


def plain(model: PreTrainedModel) -> Contender:
    """transformers' ``generate``, each request from its first token."""

    generator: Any = model  # transformers does not say that a model can

    def generate(request: Request) -> list[int]:
        ids = torch.tensor([request.prompt])
        out = generator.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            use_cache=True,  # the starter's config, written in training, says no
            max_new_tokens=request.count,
            eos_token_id=None,
            pad_token_id=0,
        )
        found: list[int] = out[0, len(request.prompt) :].tolist()
        return found

    return generate


def ours(model: PreTrainedModel, ngrams: NgramIndex | None) -> Contender:
    """A decoder that remembers, and drafts; with ``ngrams`` blended in it is what serves."""
    decoder = Decoder(engine_for(model))

    def generate(request: Request) -> list[int]:
        decoded = decoder.generate(
            request.prompt,
            max_new_tokens=request.count,
            stop_ids=frozenset(),
            session=request.session,
            ngrams=ngrams.without(request.place.path) if ngrams is not None else None,
        )
        return decoded.ids

    return generate


def llama(model: PreTrainedModel, folder: Path, threads: int) -> Contender | None:
    """llama.cpp through llama-cpp-python, greedy; None where it is not installed."""
    try:
        from gguf_file import write_gguf
        from llama_cpp import Llama
    except ImportError as error:
        print(f"without llama.cpp: {error}")
        return None
    file = folder / "model.gguf"
    write_gguf(model, file)
    peer = Llama(
        str(file),
        n_ctx=1024,
        n_batch=512,
        n_threads=threads,
        n_threads_batch=threads,
        verbose=False,
    )

    def generate(request: Request) -> list[int]:
        tokens = peer.generate(request.prompt, top_k=1, temp=0.0, repeat_penalty=1.0)
        return [token for token, _ in zip(tokens, range(request.count), strict=False)]

    return generate


def race(
    contenders: dict[str, Contender], recorded: Sequence[Request]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Seconds (requests, 2) of each contender, by the clock and of processor time; how many answers
    are transformers' own."""
    seconds = {name: np.zeros((len(recorded), 2)) for name in contenders}
    same = dict.fromkeys(contenders, 0.0)
    names = list(contenders)
    for i, request in enumerate(recorded):
        answers = {}
        for name in names[i % len(names) :] + names[: i % len(names)]:
            began = time.perf_counter(), time.process_time()
            answers[name] = contenders[name](request)
            seconds[name][i] = time.perf_counter() - began[0], time.process_time() - began[1]
        for name, answer in answers.items():
            same[name] += (answer == answers["transformers"]) / len(recorded)
    return seconds, same


def describe(recorded: Sequence[Request]) -> None:
    """What was asked."""
    lengths = [len(request.prompt) for request in recorded]
    counts = [request.count for request in recorded]
    print(
        f"{len(recorded)} requests in {len({r.session for r in recorded})} files: prompts of "
        f"{np.median(lengths):.0f} tokens, answers of {np.median(counts):.0f} (medians)"
    )


def compare(case: str, seconds: dict[str, np.ndarray]) -> None:
    """Percentiles, and ratios of ours to the others."""
    print(f"{case}: {len(seconds['ours'])} requests, milliseconds")
    for column, kind in enumerate(("clock", "processor")):
        p50, p95 = (
            {name: float(np.percentile(each[:, column], q)) * 1e3 for name, each in seconds.items()}
            for q in (50, 95)
        )
        for name in seconds:
            line = f"  {kind:10} {name:13} p50 {p50[name]:7.1f}  p95 {p95[name]:7.1f}"
            if name != "ours":
                line += f"   RATIO ours / it: p50 {p50['ours'] / p50[name]:.3f}"
                line += f"  p95 {p95['ours'] / p95[name]:.3f}"
            print(line)


def from_cache(recorded: Sequence[Request]) -> None:
    """What it costs to answer somebody who types what was suggested."""
    served, cache, times = ServedBy("starter", "", None), AnswerCache(), []
    for request in recorded:
        text = "suggested here\n    and here"
        cache.put(request.session, served, Answer(request.place, text, 0, 0.0, True, "end", True))
        typed = replace(request.place, prefix=request.place.prefix + text[:4])
        began = time.perf_counter()
        assert cache.get(request.session, served, typed) is not None
        times.append(time.perf_counter() - began)
    print(f"answered from cache: p50 {np.percentile(times, 50) * 1e3:.3f} ms, no model asked")


if __name__ == "__main__":
    main()
