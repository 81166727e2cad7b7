"""Stretches of bytes."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """Bytes ``start`` to ``end``, half open. A tuple: mining makes millions of them."""

    start: int
    end: int
