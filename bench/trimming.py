"""What trimming takes of right text, and what it leaves of text that runs on into what follows.

    python bench/trimming.py REPOSITORY… [--places 200] [--show]

One to three whole lines of code are taken out at places drawn from a repository's files. A model
is played that knows them by heart and never stops: it writes them, and then goes on with the lines
below, from the first or, as models do that lost a line, from the second or third. The cursor stands
on a line of its own, or before the code that comes next. *Cut*: less is shown than what was
taken out, though it was right, for its line is said to be among what follows or a repetition.
*Left*: more is shown. Whole lines of which more is meant by right (a statement of several where
one is asked) are neither.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from homespun_corpus.place import Place, place_at
from homespun_corpus.syntax.languages import language_for
from homespun_model.stopping.trim import trim
from refusals import files_of

RUN_ON = 6  # lines below that are said
MOST_LINES = 3  # taken out


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken out at a place, and the lines below it."""

    place: Place
    truth: str
    below: tuple[str, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description="right text cut, wrong text left")
    parser.add_argument("repositories", type=Path, nargs="+")
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--show", action="store_true", help="print what was cut")
    options = parser.parse_args()
    for repository in options.repositories:
        for where in ("own line", "before code"):
            found = list(taken(repository, where, options.places))
            print(f"{repository} {where:11} {len(found)} places: {counted(found, options.show)}")


def counted(found: list[Taken], show: bool) -> str:
    """Places at which right text is cut, and at which wrong text is left for each line skipped."""
    told: Counter[str] = Counter()
    for one in found:
        trimmed = [trim(one.place, said(one, skipped), ended=False) for skipped in range(3)]
        told["cut"] += (cut := is_cut(one, trimmed[0].text, trimmed[0].reason))
        for skipped, what in enumerate(trimmed):
            told[f"left, {skipped} skipped"] += len(what.text.rstrip()) > len(one.truth)
        if show and cut:
            print(f"--- {one.place.path}: {trimmed[0].text!r} of {one.truth!r}\n{one.below}")
    return ", ".join(f"{name} {count}" for name, count in sorted(told.items()))


def is_cut(one: Taken, kept: str, reason: str) -> bool:
    return len(kept) < len(one.truth) and reason in ("suffix", "repetition")


def said(one: Taken, skipped: int) -> str:
    """What a model says that does not stop."""
    return "\n".join([one.truth, *one.below[skipped : skipped + RUN_ON], ""])


def taken(repository: Path, where: str, count: int) -> Iterator[Taken]:
    """Places of a repository, always the same."""
    rng, files = random.Random(0), sorted(files_of(repository).items())
    while count:
        path, text = rng.choice(files)
        lines = text.split("\n")
        coded = [i for i, line in enumerate(lines[: -RUN_ON - MOST_LINES]) if is_code(line)]
        if not coded:
            continue
        count -= 1
        first = rng.choice(coded)
        last = first + rng.randint(1, MOST_LINES)
        while not lines[last - 1].strip():
            last -= 1
        yield at(path, lines, first, last, where)


def is_code(line: str) -> bool:
    return sum(map(str.isalnum, line)) >= 4 and line.lstrip()[:1] not in "#/*"


def at(path: str, lines: list[str], first: int, last: int, where: str) -> Taken:
    """Lines ``first`` to ``last`` are taken out."""
    indent = len(lines[first]) - len(lines[first].lstrip()) if where == "own line" else 0
    before = "\n".join([*lines[:first], lines[first][:indent]])
    truth = "\n".join(lines[first:last])[indent:]
    rest = lines[last:] if where == "before code" else ["", *lines[last:]]
    text = before + "\n".join(rest)
    language = language_for(path)
    place = place_at(text, len(before), path=path, language=language.name if language else None)
    return Taken(place, truth.rstrip(), tuple(line for line in lines[last:] if line.strip()))


if __name__ == "__main__":
    main()
