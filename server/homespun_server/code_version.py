"""Which code of a repository is known, seen from each of its files.

A file's own text is never shown to it as code from elsewhere: saving it changes nothing for it.
Knows nothing of what the code is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

MOST = 64  # files whose changes are told apart


@dataclass(frozen=True, slots=True)
class CodeVersion:
    """A value: read on one thread while another one makes the next."""

    common: int = 0
    alone: Mapping[str, int] = field(default_factory=dict)
    """By path the newest version in which nothing but this file changed, after ``common``."""

    def after(self, number: int, changed: Collection[str]) -> CodeVersion:
        """The version ``number``, higher than any before, in which these files changed."""
        if len(changed) == 1 and len(self.alone) < MOST:
            return CodeVersion(self.common, {**self.alone, **dict.fromkeys(changed, number)})
        return CodeVersion(number)

    def without(self, path: str) -> int:
        """What the file at ``path`` sees: while that is the same, so is all other code."""
        others = (number for other, number in self.alone.items() if other != path)
        return max(self.common, *others, 0)
