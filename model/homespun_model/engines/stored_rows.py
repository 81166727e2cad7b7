"""Rows of a tensor that stays in its file, read when they are asked for.

A text has a few hundred of a vocabulary's words: half of what a base of half a billion parameters
takes beside its layers need not be in memory. Read and not mapped: where somebody cuts the file
short meanwhile, a mapped page ends the process, and a read is an error. Knows no models.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from torch import Tensor

from homespun_model.errors import BaseError


class StoredRows:
    """``file`` stays open: what takes its name later is not what is read."""

    def __init__(self, file: Path, begin: int, width: int) -> None:
        """Rows of ``width`` bytes from the byte ``begin`` on. OSError."""
        self._file, self._begin, self._width = file.open("rb", buffering=0), begin, width

    def __getitem__(self, which: Tensor) -> Tensor:
        """(many, width), int8. BaseError where they are not there any more."""
        rows = torch.empty(len(which), self._width, dtype=torch.int8)
        for row, number in zip(rows.numpy(), which.tolist(), strict=True):
            self._read(memoryview(row), self._begin + number * self._width)
        return rows

    def _read(self, into: memoryview, begin: int) -> None:
        assert sys.platform != "win32"
        try:
            count = os.preadv(self._file.fileno(), [into], begin)
        except OSError as error:
            raise BaseError(f"{self._file.name} cannot be read: {error.strerror}") from error
        if count != len(into):
            raise BaseError(f"{self._file.name} was cut short while it was in use: start again")


def can_read_rows() -> bool:
    """Whether this system reads at a place in a file that others read too, and lets a file be
    replaced that is open."""
    return sys.platform != "win32" and hasattr(os, "preadv")
