"""Which rules keep code out, as one short name that changes whenever one of them may have.

What was mined under other rules may hold what today's would keep out. Nobody has to remember to
count a version up: the name is made from the modules that judge.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_JUDGING = (
    *("hygiene", "secrets", "suspects", "placeholders", "named_values", "licence"),
    *("verdicts", "sources", "windows"),
)


@cache
def rules_version() -> str:
    """The name of the rules of this installation."""
    digest = hashlib.sha256()
    for name in _JUDGING:
        digest.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]
