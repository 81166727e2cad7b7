"""Packages that only some installations have, and the line that says which command brings them.

``homespun`` alone serves every base that it has an engine for. Knows the extras' names and their
packages (pyproject's own, which a test compares), and no use of either.
"""

from __future__ import annotations

from importlib.util import find_spec

TRAIN, TRANSFORMERS, RAY = "train", "transformers", "ray"
EXTRAS = {
    TRAIN: ("accelerate", "datasets", "datasketch", "jinja2", "matplotlib", "peft", "transformers"),
    TRANSFORMERS: ("accelerate", "transformers"),
    RAY: ("ray",),
}
"""What each brings."""


def lacking(extra: str) -> str | None:
    """What to do where a package of an extra is missing here; None where all of it is here."""
    missing = [package for package in EXTRAS[extra] if find_spec(package) is None]
    return f"{missing[0]} is not installed: pip install 'homespun[{extra}]'" if missing else None
