"""What mining costs, as ratios to parsing the same bytes with bare tree-sitter, or in memory.

    python bench/mining.py [--memory] REPOSITORY…

For each repository, in processor time of one process: parsing the readable source files of HEAD;
discovery and extraction; the same with full hygiene, copies included; mining with its split, before
and after a commit that touches 1% of the files, with what the run before has kept; and the same
with the samples cut. ``--memory``: instead of all that, the most memory that mining held, in a
process of its own with as many readers as there are cores, nothing kept before. Writes to temporary
folders only. Asserts nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import tree_sitter
from homespun_corpus.filters.quality import unreadable
from homespun_corpus.mining.dataset import MineSettings, mine, mining_sources
from homespun_corpus.mining.selection import select
from homespun_corpus.mining.split import Split, split
from homespun_corpus.reading.blob_cache import BlobCache
from homespun_corpus.reading.worker_pool import cores
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import extract
from homespun_corpus.syntax.languages import Language, language_for
from homespun_corpus.syntax.parsing import ParseTimeout, grammar

TOUCHED = 0.01  # of the files


@dataclass
class Times:
    """Processor seconds by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, work: Callable[[], object]) -> None:
        begun = time.process_time()
        work()
        self.seconds[name] = time.process_time() - begun

    def ratio(self, name: str, to: str) -> float:
        return self.seconds[name] / max(1e-9, self.seconds[to])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what mining costs")
    parser.add_argument("repository", type=Path, nargs="+")
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    for path in options.repository:
        with tempfile.TemporaryDirectory(prefix="homespun-mining-") as folder:
            if options.memory:
                asked = path, Path(folder) / "cache"
                apart = get_context("spawn").Process(target=measure_memory, args=asked)
                apart.start()
                apart.join()
            else:
                measure(path, Path(folder))


def measure(path: Path, folder: Path) -> None:
    """One repository; ``folder`` is empty and for its clone and caches."""
    clone = folder / "clone"
    git(folder, "clone", "-q", "--shared", str(path.absolute()), str(clone))
    times, repository = Times(), Repository.open(clone)
    files = list(readable_files(repository))
    extract_all(repository)  # grammars are loaded and queries compiled
    times.take("bare", lambda: parse_all(files))
    times.take("extraction", lambda: extract_all(repository))
    times.take("hygiene", lambda: judge_all(repository))
    times.take("whole", lambda: verdicts_of(clone, folder / "verdicts"))
    times.take("whole rows", lambda: rows_of(clone, folder / "rows"))
    touched = touch(clone, [path for path, *_ in files])
    times.take("again", lambda: verdicts_of(clone, folder / "verdicts"))
    times.take("again rows", lambda: rows_of(clone, folder / "rows"))
    megabytes = sum(len(source) for *_, source in files) / 1e6
    bare = times.seconds["bare"]
    print(
        f"{name_of(path)}: {len(files)} files, "
        f"{megabytes:.1f} MB, bare parsing {bare:.2f} s\n"
        f"  discovery and extraction {times.ratio('extraction', 'bare'):.1f}x, "
        f"with full hygiene {times.ratio('hygiene', 'bare'):.1f}x\n"
        f"  after a commit to {touched} files: {times.ratio('again', 'whole'):.1%} of the whole "
        f"({times.seconds['whole']:.1f} s), with all samples cut anew "
        f"{times.ratio('again rows', 'whole rows'):.1%} ({times.seconds['whole rows']:.1f} s)",
        flush=True,
    )


def measure_memory(path: Path, cache: Path) -> None:
    """Mine one repository, in a process that does nothing else."""
    repository, begun = Repository.open(path), time.monotonic()
    mined = mine(repository, MineSettings(), cache=cache, processes=cores())
    wall = time.monotonic() - begun
    own, readers = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    functions = mined.manifest["counts"]["functions"]
    megabytes = sum(len(source) for *_, source in readable_files(repository)) / 1e6
    together = (own.ru_maxrss + cores() * readers.ru_maxrss) / 1024
    print(
        f"{name_of(path)}: {megabytes:.1f} MB, {functions} functions, mined in {wall:.0f} s "
        f"({processor_time(own):.0f} s of one core, {processor_time(readers):.0f} s of readers)\n"
        f"  at most {together:.0f} MiB resident: {own.ru_maxrss / 1024:.0f} and, of each of "
        f"{cores()} readers, {readers.ru_maxrss / 1024:.0f}; {together / megabytes:.1f} MiB a MB",
        flush=True,
    )


def processor_time(used: resource.struct_rusage) -> float:
    """Seconds."""
    return used.ru_utime + used.ru_stime


def name_of(path: Path) -> str:
    """What a clone is called."""
    return path.parent.name if path.name == "repo" else path.name


def readable_files(repository: Repository) -> Iterator[tuple[str, Language, bytes]]:
    """Path, language and bytes of what every stage parses."""
    for file in repository.files():
        language = language_for(file.path)
        if language is not None and not unreadable(source := repository.read(file.blob_id)):
            yield file.path, language, source


def parse_all(files: list[tuple[str, Language, bytes]]) -> None:
    """What a script would do."""
    for _, language, source in files:
        tree_sitter.Parser(grammar(language)).parse(source)


def extract_all(repository: Repository) -> None:
    """From a repository to its functions."""
    for path, language, source in readable_files(repository):
        with contextlib.suppress(ParseTimeout):
            extract(source, path=path, language=language, blob_id="")


def judge_all(repository: Repository) -> None:
    """From a repository to the verdict on each of its functions, with nothing held out."""
    sources = mining_sources(repository, MineSettings())
    select(sources, Split("file", None, None, sources.tree(None), ()))


def verdicts_of(clone: Path, cache: Path) -> None:
    """From a repository and its history to all verdicts."""
    repository = Repository.open(clone)
    with closing(BlobCache(cache)) as kept:
        sources = mining_sources(repository, MineSettings(), cache=kept)
        select(sources, split(repository, sources, 0))


def rows_of(clone: Path, cache: Path) -> None:
    """From a repository to a dataset."""
    mine(Repository.open(clone), MineSettings(), cache=cache)


def touch(clone: Path, paths: list[str]) -> int:
    """Commit a change to a few files: a line is written twice."""
    chosen = paths[:: round(1 / TOUCHED)]
    for path in chosen:
        lines = (clone / path).read_bytes().splitlines(keepends=True)
        middle = len(lines) // 2
        (clone / path).write_bytes(b"".join([*lines[:middle], *lines[middle - 1 :]]))
    git(clone, "-c", "user.name=x", "-c", "user.email=x", "commit", "-qam", "touch")
    return len(chosen)


def git(folder: Path, *arguments: str) -> None:
    """Run git, which must succeed."""
    subprocess.run(["git", *arguments], cwd=folder, check=True)


if __name__ == "__main__":
    main()
