"""How many clean functions of repositories are called secret, and for which lines.

    python bench/secret_rate.py REPOSITORY…

Prints a line for each repository (functions of clean files at HEAD, how many of them are rejected
as "secret"), and under it every line that was taken for one, to be read and judged by a person.
Asserts nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.reading.sources import Sources
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="functions called secret")
    parser.add_argument("repository", type=Path, nargs="+")
    for path in parser.parse_args().repository:
        sources = Sources(Repository.open(path), lambda _: None)
        functions = list(judged(sources))
        secret = [function for function, reason in functions if reason == "secret"]
        share = len(secret) / max(1, len(functions))
        print(f"{path}: {len(functions)} functions, {len(secret)} secret, {share:.2%}", flush=True)
        for function in secret:
            print(f"  {function.path} {function.qualified_name}")
            for kind, line in lines(sources, function):
                print(f"    {kind}: {line}")


def judged(sources: Sources) -> Iterator[tuple[Function, str | None]]:
    """The functions of clean files, each with its own reason."""
    for file in sources.tree(sources.repository.commit):
        if file.reason is None:
            yield from zip(file.functions, file.reasons, strict=True)


def lines(sources: Sources, function: Function) -> Iterator[tuple[str, str]]:
    """What in a function was taken for a secret."""
    source, span = sources.text(function.blob_id), function.span
    for secret in find_secrets(source):
        if secret.start < span.end and span.start < secret.end:
            text = source[secret.start : secret.end].decode("utf-8", "replace")
            yield secret.kind, " ".join(text.split())[:160]


if __name__ == "__main__":
    main()
