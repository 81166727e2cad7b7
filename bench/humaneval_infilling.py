"""HumanEval-Infilling (Bavarian et al. 2022, arXiv 2207.14255), executed: a public anchor.

    python bench/humaneval_infilling.py FILE.jsonl.gz [--base starter] [--problems 1033] [--line]

FILE is one of the benchmark's own, which is not part of this project. Each hole is completed as an
editor would have it, without path and related code, and the program is run with the benchmark's
tests: generated code, in a process of its own, without network where ``unshare`` can have it so,
with little time and memory. ``--line`` keeps the first line of each completion (for the benchmark
of single lines). Prints the share that passes (pass@1, greedy), and how many are exact.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from homespun_corpus.place import Place
from homespun_model.bases.base import load_base
from homespun_model.completer import Completer

SECONDS = 5  # of one program
MEMORY = 1 << 30  # bytes of one program


@dataclass(frozen=True, slots=True)
class Problem:
    """One hole: ``prompt`` and ``suffix`` around it, and the tests of the whole program."""

    entry_point: str
    prompt: str
    suffix: str
    canonical_solution: str
    test: str
    task_id: str

    def passes(self, middle: str) -> bool:
        """Whether the program with ``middle`` in the hole passes the tests."""
        program = f"{self.prompt}{middle}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"
        return runs(program)


def main() -> int:
    parser = argparse.ArgumentParser(description="HumanEval-Infilling, executed")
    parser.add_argument("file", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--problems", type=int, default=None)
    parser.add_argument("--line", action="store_true")
    options = parser.parse_args()
    if not options.file.is_file():
        print(f"{options.file} is not there: nothing is measured", file=sys.stderr)
        return 2
    base = load_base(options.base)
    completer = Completer.from_model(base, base.load_model(), None)
    problems = list(islice(read(options.file), options.problems))
    wrong = [p.task_id for p in problems if not p.passes(p.canonical_solution)]
    passed = exact = ended = 0
    for problem in problems:
        found = completer.complete(Place("", "python", problem.prompt, problem.suffix))
        text = found.text
        if options.line:
            text = text.removeprefix("\n").split("\n")[0] + "\n"
        exact += text.rstrip() == problem.canonical_solution.rstrip()
        ended += found.stopped == "end"
        passed += problem.passes(text)
    print(f"{options.file.name}, {options.base}: {len(problems)} holes")
    print(f"pass@1 {passed / len(problems):.1%}, exact {exact / len(problems):.1%}")
    print(f"the model ended by itself in {ended / len(problems):.1%}")
    print(f"the true middles pass in all but {len(wrong)}")
    return 0


def read(file: Path) -> list[Problem]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [Problem(**json.loads(line)) for line in lines]


def runs(program: str) -> bool:
    """Whether a program ends well, alone in a folder of its own."""
    alone = ["unshare", "--user", "--net"] if shutil.which("unshare") else []
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [*alone, sys.executable, "-I", "-c", program],
                check=False,
                cwd=folder,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                preexec_fn=_bounded,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
