"""What drafting saves on held-out code: forward passes, and processor time.

    python bench/drafting.py FOLDER [--base starter] [--adapter REVISION] [--bare]
                             [--holes 150]

The holes are the test split of mining FOLDER, as an adapter of it is tested on. The index holds all
files but those with holes in them; of the file that is open the prompt is drafted from. Each
hole is completed with drafts and without, in turns, and the answers, into which the index's code is
blended either way, must be the same.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from unittest.mock import patch

import torch
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.mining.sample import Sample
from homespun_corpus.repo.repository import Repository
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer
from homespun_model.decoding.draft import Drafter
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.engines.loading import load_engine
from recorded import Asked, code_of


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what drafting saves on held-out code")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--adapter", type=Path, help="folder of an adapter of this repository")
    parser.add_argument("--bare", action="store_true", help="without its generic adapter")
    parser.add_argument("--holes", type=int, default=150)
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = load_base(options.base)
    adapter = options.adapter or (None if options.bare else base.generic)
    completer = Completer(base, load_engine(base, adapter), None)
    samples = list(mine(Repository.open(options.folder), MineSettings()).samples("test"))
    held = {sample.place.path for sample in samples}
    encode = base.tokenizer.encode
    began = time.process_time()
    files = {p: encode(text) for p, text in code_of(options.folder).items() if p not in held}
    encoded, index = time.process_time(), NgramIndex()
    index.update(files)
    print(
        f"{sum(map(len, files.values()))} tokens in {len(files)} files: "
        f"{encoded - began:.2f} s to encode, {time.process_time() - encoded:.2f} s to index"
    )
    random.Random(0).shuffle(samples)
    compare(completer, samples[: options.holes], index)


def compare(
    completer: Completer,
    samples: list[Sample],
    index: NgramIndex,
) -> None:
    """Complete every hole both ways."""
    asked = Asked(completer)
    passes = tokens = 0
    seconds = {"drafts": 0.0, "none": 0.0}
    for number, sample in enumerate(samples):
        place, answers = sample.place, {}
        for way in ("drafts", "none") if number % 2 else ("none", "drafts"):
            # Both begin behind the prompt: what is compared is the decoding of the answer.
            completer.warm(place, session=way)
            began = time.process_time()
            if way == "drafts":
                completer.complete(place, session=way, ngrams=index)
            else:
                with patch.object(Drafter, "draft", lambda *_: []):
                    completer.complete(place, session=way, ngrams=index)
            seconds[way] += time.process_time() - began
            answers[way] = asked.decoded
        assert answers["drafts"].ids == answers["none"].ids, place.path
        passes += answers["drafts"].passes
        tokens += answers["none"].passes
    print(
        f"{len(samples)} holes, all answers the same: {tokens} passes without drafts, {passes} with"
        f": RATIO {tokens / passes:.2f}"
    )
    print(
        f"processor time of decoding: {seconds['none']:.1f} s and {seconds['drafts']:.1f} s: RATIO "
        f"{seconds['none'] / seconds['drafts']:.2f}"
    )


if __name__ == "__main__":
    main()
