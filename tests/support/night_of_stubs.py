"""``homespun nightly`` whose runs learn nothing: each does what its folder is called."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from homespun_finetune import interruption
from homespun_finetune.nightly import cluster, command, one_machine

PROGRAM = "night_of_stubs"
MODEL = {"bits_per_byte": 2.0, "exact_line": 0.1, "completions": 10}
RESULT = {
    "decision": "published",
    "reasons": [],
    "repository": "example.org/team/shop",
    "revision": "r1",
    "base": "starter",
    "counts": {},
    "metrics": {"base": MODEL, "candidate": MODEL},
    "seconds": {},
}


def run(repository: Path, report: Path) -> None:
    """``publishes``: it is now or never, and takes a while."""
    for number in range(2000 if repository.name == "chatters" else 1):
        print(f"training: {number % 100}% {'x' * 60}", file=sys.stderr, flush=True)
    if repository.name == "publishes":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        (repository / "begun").touch()
        time.sleep(3)
    report.write_text("<!doctype html>")
    print(json.dumps(RESULT))


class Unlucky:
    """Python forgets what is raised in a destructor."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(100):
            pass  # a signal is looked at between two instructions


def unlucky(say: one_machine.Say, line: str) -> None:
    say(line)
    if not interruption.asked():
        del [Unlucky()][0]


if __name__ == "__main__" and "--report=" in " ".join(sys.argv):
    [report] = [each for each in sys.argv if each.startswith("--report=")]
    run(Path(sys.argv[-1]), Path(report.partition("=")[2]))
elif __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    one_machine.run = partial(one_machine.run, program=PROGRAM)
    cluster.run = partial(cluster.run, program=PROGRAM)
    if "UNLUCKY" in os.environ:
        whole = one_machine.run
        one_machine.run = lambda tasks, logs, say: whole(tasks, logs, partial(unlucky, say))
    command.main()
