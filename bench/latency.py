"""How long a suggestion takes: plain transformers, ours and llama.cpp on the same recorded typing.

    python bench/latency.py FOLDER [--base starter] [--adapter FOLDER|none] [--llama FILE...]
                            [--places 20] [--keys 10] [--threads 2] [--skip transformers]

Every contender gets the same prompts of token ids and gives as many tokens, with the same adapter
(the base's generic one unless another is named), in turns: request by request, so that whatever
else the machine does slows all of them. transformers' ``generate`` begins each request anew, in the
precision that training holds a base in, the adapter merged. Ours is what ``load_engine`` serves; it
keeps the document's last sequence and blends in what all files hold but those with the answers, as
the server does, or nothing. llama.cpp's server (``llama_server.py``, left out where its wheels are
missing) keeps its own last one, and runs what ``--llama`` names, GGUF.
Cold is the first request in a file, warm one that comes a character later; a request that the
server answers from its cache asks no model, and is timed apart, and so is a token without drafts.
Milliseconds depend on the machine and on what else it does: read the ratios.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the server has it

import numpy as np
import torch
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.memory import holds_bf16
from homespun_model.completer import Completer
from homespun_model.decoding.decode import Decoder
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.engines.engine import Engine
from homespun_model.engines.loading import load_engine
from homespun_model.engines.lora import read_lora
from homespun_model.engines.lora_merged import merged
from homespun_model.sharing.export import lora_as_gguf
from homespun_server.answer_cache import Answer, AnswerCache, ServedBy
from recorded import Request, code_of, requests
from transformers import PreTrainedModel

Contender = Callable[[Request], list[int]]
TOKENS = 16  # at a time, where a token alone is timed
TURNS = 5
PEER = "llama.cpp"  # in a process of its own


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="latency of suggestions against its peers")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--adapter")
    parser.add_argument("--llama", type=Path, nargs="*", default=[])
    parser.add_argument("--places", type=int, default=20)
    parser.add_argument("--keys", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--skip", nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base = load_base(options.base)
    named = Path(options.adapter) if options.adapter not in (None, "none") else None
    adapter = named or (None if options.adapter else base.generic)
    engine, texts = load_engine(base, adapter), code_of(options.folder)
    completer = Completer(base, engine, None)
    recorded = list(requests(completer, texts, options.places, options.keys))
    asked = {request.session for request in recorded}
    others = {p: base.tokenizer.encode(text) for p, text in texts.items() if p not in asked}
    index = NgramIndex()
    index.update(others)
    contenders = {
        "ours": ours(base, engine, index),
        "model alone": ours(base, engine, None),
    }
    if "transformers" not in options.skip:
        contenders["transformers"] = plain(transformers_model(base, adapter))
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        beside = in_a_file(base, adapter, folder) if adapter else None
        peers = dict(llama(options.llama, beside, options.threads, running))
        seconds, same = race(contenders | peers, recorded)
        describe(recorded)
        for case in ("warm", "cold"):
            chosen = [i for i, request in enumerate(recorded) if request.cold == (case == "cold")]
            compare(case, {name: times[chosen] for name, times in seconds.items()})
        for name, share in same.items():
            print(f"{name}: {share:.1%} of the answers are the model's alone, token for token")
        a_token(engine, peers, [request for request in recorded if request.cold])
    from_cache(recorded)


def transformers_model(base: Base, adapter: Path | None) -> PreTrainedModel:
    dtype = torch.bfloat16 if holds_bf16(base.parameters) else torch.float32
    model = base.load_model(dtype)
    return merged(model, adapter) if adapter else model


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


def ours(base: Base, engine: Engine, ngrams: NgramIndex | None) -> Contender:
    """A decoder that remembers, and drafts; with ``ngrams`` blended in it is what serves."""
    decoder = Decoder(engine, base.fitted)

    def generate(request: Request) -> list[int]:
        decoded = decoder.generate(
            request.prompt,
            context=request.context,
            max_new_tokens=request.count,
            stop_ids=frozenset(),
            session=request.session,
            ngrams=ngrams.without(request.place.path) if ngrams is not None else None,
        )
        # Who types on along an answer asks no model: the next request does not draft from this one.
        decoder._sessions[request.session].known = []
        return decoded.ids

    return generate


def llama(
    files: Sequence[Path], adapter: Path | None, threads: int, running: ExitStack
) -> Iterator[tuple[str, Contender]]:
    """llama.cpp's server, greedy, one for each file; nothing where it is not installed."""
    try:
        import llama_server
        import xllamacpp  # noqa: F401
    except ImportError as error:
        print(f"without llama.cpp: {error}")
        return
    for file in files:
        server = running.enter_context(llama_server.running(file, threads, adapter))
        yield f"{PEER} {file.stem}", asking(server)


def in_a_file(base: Base, adapter: Path, folder: Path) -> Path:
    """The adapter as llama.cpp takes it."""
    shapes = {name: weight.shape for name, weight in base.tensors(torch.bfloat16).items()}
    file = folder / "adapter.gguf"
    lora_as_gguf(read_lora(adapter, shapes), base, file)
    return file


def asking(server: Any) -> Contender:
    return lambda request: server.tokens(request.prompt, request.count)


def race(
    contenders: dict[str, Contender], recorded: Sequence[Request]
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Seconds (requests, 2) of each contender, by the clock and of processor time; how many answers
    are the model's own without copies."""
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
            same[name] += (answer == answers["model alone"]) / len(recorded)
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
        here = [name for name in seconds if kind == "clock" or not name.startswith(PEER)]
        for name in here:
            line = f"  {kind:10} {name:13} p50 {p50[name]:7.1f}  p95 {p95[name]:7.1f}"
            if name != "ours":
                line += f"   RATIO ours / it: p50 {p50['ours'] / p50[name]:.3f}"
                line += f"  p95 {p95['ours'] / p95[name]:.3f}"
            print(line)


@torch.inference_mode()
def a_token(engine: Engine, peers: Mapping[str, Contender], recorded: Sequence[Request]) -> None:
    """What a token costs where nothing is drafted: of seventeen, sixteen, by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ["ours", *peers]}
    for request in recorded[:TURNS]:
        sequence = engine.begin()
        sequence.run(request.prompt, 1)
        began = time.perf_counter()
        for token in request.prompt[:TOKENS]:
            sequence.run([token], 1).argmax()
        seconds["ours"].append(time.perf_counter() - began)
        for name, peer in peers.items():
            times = []
            for count in (1, 1, 1 + TOKENS):  # first its prompt is read
                began = time.perf_counter()
                peer(replace(request, count=count))
                times.append(time.perf_counter() - began)
            seconds[name].append(times[2] - times[1])
    medians = {name: float(np.median(each)) / TOKENS * 1e3 for name, each in seconds.items()}
    print("a token without drafts:", ", ".join(f"{n} {ms:.1f} ms" for n, ms in medians.items()))
    for name in peers:
        print(f"  RATIO ours / {name}: {medians['ours'] / medians[name]:.3f}")


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
