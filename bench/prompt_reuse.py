"""Replay typing and print how much of each prompt a KV cache could keep.

    python bench/prompt_reuse.py FOLDER [--base starter] [--functions 40]

Functions of the folder are typed character by character where they stand. For each keystroke: the
share of the prompt's tokens that the prompt before it begins with, as a server asks (the word at
the cursor taken off, the folder's related code in front): for each version of the base's prompt,
for the last one without related code, and, in the same run, for a window that simply holds the last
tokens before the cursor, as most completers cut it. "held": keys at which 95% and more is kept;
Enter, and brackets, which an editor closes, are counted apart ("all held").
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from homespun_corpus.filters.secrets import without_secrets
from homespun_corpus.place import Place, place_at
from homespun_corpus.repo.repository import Repository
from homespun_corpus.retrieval.context_index import ContextIndex
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import language_for
from homespun_model.bases.base import load_base
from homespun_model.bases.prompt import PromptBuilder

MOST_KEYS = 600  # of one function
HELD = 0.95
APART = frozenset("\n()[]{}")

Ask = Callable[[Place], Sequence[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--functions", type=int, default=40)
    options = parser.parse_args()
    base = load_base(options.base)
    builder = base.prompts()

    def sliding(place: Place) -> list[int]:
        suffix = builder.encode_middle(place.suffix)[: builder.budget.suffix]
        prefix = builder.encode_middle(place.prefix)
        return [*suffix, *prefix[-(builder.budget.total - len(suffix)) :]]

    index = ContextIndex.from_files(_texts(options.folder))

    def with_related(asked: PromptBuilder) -> Ask:
        return lambda place: asked.ask(replace(place, related=index.related(place))).ids

    ways: dict[str, Ask] = {
        f"version {version}": with_related(base.prompts(version))
        for version in reversed(base.prompt_versions)
    }
    ways |= {"no related code": lambda place: builder.ask(place).ids, "sliding": sliding}
    typed = list(_functions(options.folder, options.functions))
    for name, build in ways.items():
        found = [one for text, function in typed for one in _replay(text, function, build)]
        shares = [share for _, share in found]
        plain = [share >= HELD for key, share in found if key not in APART]
        low = statistics.quantiles(shares, n=20)[0]
        print(
            f"{name:15} keystrokes {len(shares)}  reusable tokens: median "
            f"{statistics.median(shares):.3f}  mean {statistics.mean(shares):.3f}  p5 {low:.3f}  "
            f"held {statistics.mean(plain):.3f}  "
            f"all held {statistics.mean(share >= HELD for share in shares):.3f}",
            flush=True,
        )


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    repository = Repository.open(folder)
    for file in repository.files(wanted=lambda path: language_for(path) is not None):
        yield file.path, without_secrets(repository.read(file.blob_id)).decode("utf-8", "replace")


def _functions(folder: Path, count: int) -> Iterator[tuple[str, Function]]:
    repository = Repository.open(folder)
    files = [file for file in repository.files() if language_for(file.path)]
    random.Random(1).shuffle(files)
    for file in files:
        language = language_for(file.path)
        source = repository.read(file.blob_id)
        assert language is not None
        if not source.isascii() or count == 0:
            continue
        found = extract(source, path=file.path, language=language, blob_id="")
        for function in [one for one in found if one.kind != "class"][:1]:
            count -= 1
            yield source.decode(), function


def _replay(text: str, function: Function, build: Ask) -> Iterator[tuple[str, float]]:
    """Each key, and the share of the prompt behind it that was read before it."""
    previous: Sequence[int] | None = None
    end = min(function.span.end, function.span.start + MOST_KEYS)
    for cursor in range(function.span.start, end):
        now = text[:cursor] + text[function.span.end :]
        ids = build(place_at(now, cursor, path=function.path, language=function.language))
        if previous is not None:
            yield text[cursor - 1], _common(ids, previous) / max(1, len(ids))
        previous = ids


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same


if __name__ == "__main__":
    main()
