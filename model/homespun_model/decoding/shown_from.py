"""From which probability on a suggestion is shown: fitted to the base, calibrated for an adapter.

A count of one's own is right in the mean and not for every adapter and language, so a training
looks at validation code and writes down what it found. Knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

LEAST, MOST = 0.02, 0.5
"""Whatever a manifest says: beneath, everything is shown; above, hardly anything."""


@dataclass(frozen=True, slots=True)
class ShownFrom:
    """``likely``: what the first line of a suggestion has to have. ``by_language``: where a
    language has another one."""

    likely: float
    by_language: Mapping[str, float] = field(default_factory=dict)

    def least(self, language: str | None) -> float:
        """The natural logarithm of what counts in a language."""
        return math.log(self.by_language.get(language or "", self.likely))

    def to_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {"likely": self.likely, "by_language": dict(self.by_language)}

    @classmethod
    def from_json(cls, value: object, default: float) -> ShownFrom:
        """What a manifest says, which may be anything: what is no probability between ``LEAST``
        and ``MOST`` is left out."""
        if not isinstance(value, Mapping):
            return cls(default)
        languages = value.get("by_language")
        found = languages if isinstance(languages, Mapping) else {}
        likely = value.get("likely")
        return cls(
            likely if _is_allowed(likely) else default,
            {str(name): share for name, share in found.items() if _is_allowed(share)},
        )


def _is_allowed(value: object) -> TypeGuard[float]:
    return isinstance(value, float) and LEAST <= value <= MOST
