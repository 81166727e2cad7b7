"""``finetune-repo`` with a gate that asks for no more than a gain over what is replaced.

A tiny random base learns a little in seconds, and copying from the repository is far better than
all it can learn. What tests of the machinery need is a run that publishes; what the gate demands of
a real one is tested with the gate.
"""

from __future__ import annotations

from functools import partial

from homespun_finetune import cli, run
from homespun_finetune.gate import GateRules

LENIENT = GateRules(rivals=(), general_margin=1e9, drift_margin=1e9, typing_margin=1e9, min_lines=1)

if __name__ == "__main__":
    run.run = partial(run.run, rules=LENIENT)  # type: ignore[assignment]
    cli.main()
