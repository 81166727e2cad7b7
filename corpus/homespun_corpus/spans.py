"""Stretches of bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes ``start`` to ``end``, half open."""

    start: int
    end: int
