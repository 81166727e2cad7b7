"""``finetune_leniently`` with a checkpoint each second: a test's training takes no minute."""

from __future__ import annotations

from functools import partial

from finetune_leniently import LENIENT
from homespun_finetune import checkpoint, cli, run

if __name__ == "__main__":
    checkpoint.EVERY = 1.0
    run.run = partial(run.run, rules=LENIENT)  # type: ignore[assignment]
    cli.main()
