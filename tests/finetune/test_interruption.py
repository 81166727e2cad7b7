"""An interruption ends a run even where Python would print and forget it."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOST = """
import os, signal
from homespun_finetune import interruption
from homespun_finetune.progress import Reporter, console_for_people

class Unlucky:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(100):
            pass  # a signal is looked at between two instructions

interruption.listen()
with Reporter(console_for_people()).stage("training") as stage:
    stage.update(0.1)
    del [Unlucky()][0]
    print("lost", flush=True)
    {then}
    print("went on")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "then", ["stage.update(0.2)", "interruption.ignore(); interruption.check()"]
)
def test_an_interruption_in_a_destructor_is_raised_at_the_next_step(name: str, then: str) -> None:
    program = LOST.format(name=name, then=then)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "lost\n"
    assert done.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert "Exception ignored" not in done.stderr
