"""``homespun nightly`` whose runs are of ``finetune_at_night``, so that some of them publish."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from homespun_finetune.nightly import cluster, command, one_machine

PROGRAM = "finetune_at_night"

if __name__ == "__main__":
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    cluster.PATIENCE = 10.0
    one_machine.run = partial(one_machine.run, program=PROGRAM)
    cluster.run = partial(cluster.run, program=PROGRAM)
    command.main()
