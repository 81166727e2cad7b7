"""How many clean functions of repositories or folders are called secret, and for which lines.

    python bench/secret_rate.py [--quiet] PATH…

Prints a line for each path (functions of clean files at HEAD, or of a folder that is no repository;
how many of them are called secret by our own rules, and by ours with the library's), and under it
every line that was taken for one, to be read and judged by a person. Asserts nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from homespun_corpus.errors import CorpusError
from homespun_corpus.filters.quality import content_reason, path_reason
from homespun_corpus.filters.secret_scanner import scanned_lines
from homespun_corpus.filters.secrets import SCANNED, Secret, find_secrets
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import TEXT, language_for


@dataclass(slots=True)
class Rate:
    """What was counted under one path. ``seconds``: of processor time, for finding secrets."""

    functions: int = 0
    ours: int = 0
    together: int = 0
    bytes: int = 0
    seconds: float = 0.0
    seen: list[str] = field(default_factory=list)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="functions called secret")
    parser.add_argument("path", type=Path, nargs="+")
    parser.add_argument("--quiet", action="store_true", help="the counts alone")
    arguments = parser.parse_args()
    list(scanned_lines("x = 1"))  # loads the library
    whole = Rate()
    for path in arguments.path:
        rate = measured(path)
        show(str(path), rate)
        if not arguments.quiet:
            print(*rate.seen, sep="\n")
        for name in ("functions", "ours", "together", "bytes", "seconds"):
            setattr(whole, name, getattr(whole, name) + getattr(rate, name))
    show("all", whole)


def show(name: str, rate: Rate) -> None:
    """One line, with the shares of all functions."""
    of = max(1, rate.functions)
    print(
        f"{name}: {rate.functions} functions, ours {rate.ours} ({rate.ours / of:.3%}), "
        f"with the library {rate.together} ({rate.together / of:.3%}), "
        f"{rate.bytes / 1e6 / max(rate.seconds, 1e-9):.1f} MB/s",
        flush=True,
    )


def measured(path: Path) -> Rate:
    """The functions under a path and those that hold a secret."""
    rate = Rate()
    for name, source in sources(path):
        language = language_for(name)
        if language is None or language is TEXT or path_reason(name) or content_reason(source):
            continue
        began = time.process_time()
        secrets = find_secrets(source)
        rate.seconds += time.process_time() - began
        rate.bytes += len(source)
        for function in extract(source, path=name, language=language, blob_id=""):
            count(rate, function, source, secrets)
    return rate


def count(rate: Rate, function: Function, source: bytes, secrets: list[Secret]) -> None:
    """Add a function; a line that both know counts as ours."""
    span = function.span
    inside = [secret for secret in secrets if secret.start < span.end and span.start < secret.end]
    rate.functions += 1
    rate.together += bool(inside)
    rate.ours += any(secret.kind != SCANNED for secret in inside)
    if inside:
        rate.seen.append(f"  {function.path} {function.qualified_name}")
    for secret in inside:
        text = source[secret.start : secret.end].decode("utf-8", "replace")
        rate.seen.append(f"    {secret.kind}: {' '.join(text.split())[:160]}")


def sources(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes: of a repository at HEAD, or of all files in a folder."""
    try:
        repository = Repository.open(path)
    except CorpusError:
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            yield str(file.relative_to(path)), file.read_bytes()
        return
    for entry in repository.files(wanted=lambda name: language_for(name) is not None):
        yield entry.path, repository.read(entry.blob_id)


if __name__ == "__main__":
    main()
