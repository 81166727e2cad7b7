"""How much of a repository is held out: a share of its functions, within bounds.

Where there is no history to split by, whole files are, chosen by the hash of their path. Knows
paths and numbers of functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Literal

Part = Literal["validation", "test"]

# New functions wanted: a share of all, within bounds. A few hundred show a gain in loss.
TEST_SHARE, TEST_MIN, TEST_MAX = 0.10, 40, 400
VALIDATION_SHARE, VALIDATION_MIN, VALIDATION_MAX = 0.05, 20, 200
FEWEST_FILES = 3  # of which some may be held out


def wanted(functions: int) -> tuple[float, float]:
    """How many of so many functions the test and the validation want."""
    test = min(max(functions * TEST_SHARE, TEST_MIN), TEST_MAX)
    return test, min(max(functions * VALIDATION_SHARE, VALIDATION_MIN), VALIDATION_MAX)


def whole_files(sizes: Mapping[str, int], seed: int) -> dict[str, Part]:
    """Of files, by path with the number of their functions, those held out: none of very few."""
    if len(sizes) < FEWEST_FILES:
        return {}
    order = sorted(sizes, key=lambda path: hashlib.sha256(f"{seed}:{path}".encode()).digest())
    test, validation = (max(1, round(len(order) * s)) for s in (TEST_SHARE, VALIDATION_SHARE))
    tested = _until_enough(order[:test], sizes, TEST_MAX)
    others = order[len(tested) : len(tested) + validation]
    parts: dict[str, Part] = dict.fromkeys(tested, "test")
    return parts | dict.fromkeys(_until_enough(others, sizes, VALIDATION_MAX), "validation")


def _until_enough(paths: Sequence[str], sizes: Mapping[str, int], most: int) -> list[str]:
    """The first files, until they hold ``most`` functions."""
    found = accumulate((sizes[path] for path in paths), initial=0)
    return [path for path, before in zip(paths, found, strict=False) if before < most]
