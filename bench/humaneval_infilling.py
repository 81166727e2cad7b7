"""HumanEval-Infilling (Bavarian et al. 2022, arXiv 2207.14255), executed: a public anchor.

    python bench/humaneval_infilling.py FILE.jsonl.gz [--base starter] [--adapter FOLDER]
                                        [--bare] [--holes 300] [--line] [--plain]
                                        [--notes OUT.jsonl]

FILE is one of the benchmark's own, which is not part of this project. Holes are drawn in turn from
tasks in a seeded order. Each is completed as an editor would have it, without path and related
code, and the program is run with the benchmark's tests: generated code, in a process of its own,
without network where ``unshare`` can have it so, with little time and memory. ``--line`` keeps the
first line of each completion (for the benchmark of single lines). Where no adapter is named it is
the base's generic one, but for ``--bare``. ``--plain`` has the same holes
answered by transformers' greedy ``generate`` on the family's plain format, nothing of ours, too.
Prints the share that passes (pass@1, greedy), with a 95% interval over tasks, and how many are
exact; OUT has a line for each hole, to be read.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from statistics import mean

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from homespun_corpus.place import Place
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.memory import holds_bf16
from homespun_model.completer import Completer
from homespun_model.engines.loading import load_engine

DRAWS = 2000
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

    @property
    def task(self) -> str:
        """The program that the hole is in."""
        return self.entry_point + self.task_id.rpartition("/")[0]

    def passes(self, middle: str) -> bool:
        """Whether the program with ``middle`` in the hole passes the tests."""
        program = f"{self.prompt}{middle}{self.suffix}\n{self.test}\ncheck({self.entry_point})\n"
        return runs(program)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said at a hole, and what came of it."""

    task: str
    text: str
    exact: bool
    passes: bool


def main() -> int:
    parser = argparse.ArgumentParser(description="HumanEval-Infilling, executed")
    parser.add_argument("file", type=Path)
    parser.add_argument("--base", default="starter")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--bare", action="store_true", help="without its generic adapter")
    parser.add_argument("--holes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--line", action="store_true")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--notes", type=Path)
    options = parser.parse_args()
    if not options.file.is_file():
        print(f"{options.file} is not there: nothing is measured", file=sys.stderr)
        return 2
    base = load_base(options.base)
    problems = drawn(read(options.file), options.holes, options.seed)
    wrong = [p.task_id for p in problems if not p.passes(p.canonical_solution)]
    adapter = options.adapter or (None if options.bare else base.generic)
    print(f"{options.file.name}, {options.base}, adapter {adapter}: {len(problems)} holes")
    print(f"the true middles pass in all but {len(wrong)}", flush=True)
    ways = {"as served": served(base, adapter)}
    if options.plain:
        if base.fim.order != "psm":
            print("--plain is for families trained prefix first", file=sys.stderr)
            return 2
        ways["plain"] = plain(base, one_line=options.line)
    answers: dict[str, list[Answer]] = {name: [] for name in ways}
    for problem in problems:
        for name, way in ways.items():
            text = first_line(way(problem)) + "\n" if options.line else way(problem)
            exact = text.rstrip() == problem.canonical_solution.rstrip()
            answers[name].append(Answer(problem.task, text, exact, problem.passes(text)))
        if options.notes:
            note(options.notes, problem, {name: found[-1] for name, found in answers.items()})
    for name, found in answers.items():
        low, high = interval(found)
        passed, same = mean(a.passes for a in found), mean(a.exact for a in found)
        print(f"{name}: pass@1 {passed:.1%} [{low:.1%}, {high:.1%}], exact {same:.1%}")
    return 0


def served(base: Base, adapter: Path | None) -> Callable[[Problem], str]:
    """What an editor is offered, shown or not."""
    completer = Completer(base, load_engine(base, adapter), None)
    return lambda problem: (
        completer.complete(
            Place("", "python", problem.prompt, problem.suffix),
            guess=problem.canonical_solution,  # a draft: quicker where it is right, else nothing
        ).text
    )


def plain(base: Base, *, one_line: bool) -> Callable[[Problem], str]:
    """Greedy decoding as the family's makers show it, to the end of the first line at least."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class Line(StoppingCriteria):
        """Ends once the first line is there."""

        def __init__(self, prompt: int) -> None:
            self._prompt = prompt

        def __call__(self, ids: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
            text = base.tokenizer.decode(ids[0, self._prompt :].tolist())
            return torch.tensor([one_line and first_line(text) != text.removeprefix("\n")])

    dtype = torch.bfloat16 if holds_bf16(base.parameters) else torch.float32
    model, fim, encode = base.load_model(dtype), base.fim, base.tokenizer.encode

    def answer(problem: Problem) -> str:
        before, after = encode(problem.prompt), encode(problem.suffix)
        ids = [fim.prefix, *before, fim.suffix, *after, *([fim.middle] if fim.middle else [])]
        written = model.generate(  # type: ignore[operator]
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=64,
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            eos_token_id=sorted(base.fim.stop),
            pad_token_id=fim.end,
            stopping_criteria=StoppingCriteriaList([Line(len(ids))]),
        )[0, len(ids) :].tolist()
        while written and written[-1] in base.fim.stop:
            written.pop()
        return base.tokenizer.decode(written)

    return answer


def first_line(text: str) -> str:
    """Of what was said; a line break before it is none of its own."""
    return text.removeprefix("\n").split("\n")[0]


def drawn(problems: Sequence[Problem], count: int, seed: int) -> list[Problem]:
    """So many, one from each task in turn, in an order that the seed decides."""
    shuffled = random.Random(seed).sample(list(problems), len(problems))
    tasks: dict[str, list[Problem]] = defaultdict(list)
    for problem in shuffled:
        tasks[problem.task].append(problem)
    rounds = zip_longest(*tasks.values())
    return [p for some in rounds for p in some if p is not None][:count]


def interval(answers: Sequence[Answer]) -> tuple[float, float]:
    """95% of the share that passes, drawing tasks."""
    tasks: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        tasks[answer.task].append(answer.passes)
    rng, groups = random.Random(0), list(tasks.values())
    draws = sorted(
        mean(passed for group in rng.choices(groups, k=len(groups)) for passed in group)
        for _ in range(DRAWS)
    )
    return draws[round(0.025 * DRAWS)], draws[round(0.975 * DRAWS) - 1]


def note(file: Path, problem: Problem, answers: Mapping[str, Answer]) -> None:
    """One more line of what was said."""
    about = {"id": problem.task_id, "truth": problem.canonical_solution}
    said = {name: [answer.text, answer.passes] for name, answer in answers.items()}
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(about | said) + "\n")


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
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 1))  # if the bench is killed
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
