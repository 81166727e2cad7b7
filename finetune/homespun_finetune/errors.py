"""What can go wrong while fine-tuning, as a user can act on it.

FinetuneError           exit code 1
├── RunUsageError          exit code 2: a flag or an input that cannot work; says which
└── TrainingError       exit code 1: training gave no usable adapter

``str(error)`` is one line: what was wrong and what to do. Errors of the corpus and model rooms pass
through unchanged and are printed the same way.
"""

from __future__ import annotations


class FinetuneError(Exception):
    """Base of this room's errors."""


class RunUsageError(FinetuneError):
    """The command line, or what it points at, cannot work."""


class TrainingError(FinetuneError):
    """Training ended without a usable adapter."""
