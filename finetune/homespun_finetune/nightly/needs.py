"""What a repository's run needs of a machine, as ``needs`` says it; where nothing is said, a share.

Knows no file and no cluster.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_UNITS = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "MB": 10**6, "GB": 10**9, "TB": 10**12}
MOST, LEAST = 100_000.0, 0.0001  # processors or GPUs: beyond it Ray counts none
MOST_MEMORY = 1 << 50  # bytes
_MEMORY = re.compile(rf"([0-9]{{1,15}}(?:\.[0-9]{{1,9}})?) ?({'|'.join(_UNITS)})")


@dataclass(frozen=True, slots=True)
class Needs:
    """None: nothing was said of it."""

    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None
    """Bytes."""

    def within(self, nodes: Sequence[Mapping[str, float]]) -> Needs:
        """With what nobody said filled in, of nodes given by their resources: one run a GPU where
        there are GPUs, else one a node, of the smallest."""
        nodes = [node for node in nodes if node.get("CPU", 0) >= 1]
        with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
        gpus = self.gpus
        if gpus is None:
            gpus = 1.0 if with_gpus else 0.0
        cpus = self.cpus
        if cpus is None:
            shares = [max(1.0, node["CPU"] * gpus // node["GPU"]) for node in with_gpus if gpus]
            cpus = min(shares or [node["CPU"] for node in nodes], default=1.0)
        return Needs(cpus, gpus, self.memory)

    def fit(self, node: Mapping[str, float]) -> bool:
        """Whether a node has all that, once nobody else is on it."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return all(node.get(name, 0) >= (number or 0) for name, number in wanted.items())

    def __str__(self) -> str:
        said = [f"{self.cpus:g} CPUs"] if self.cpus else []
        said += [f"{self.gpus:g} GPUs"] if self.gpus else []
        said += [f"{self.memory / 2**30:.3g} GiB"] if self.memory else []
        return ", ".join(said) or "nothing in particular"


def bytes_of(text: str) -> int | None:
    """``16 GiB`` in bytes; None for what says no amount.

    >>> bytes_of("1.5 GiB")
    1610612736
    """
    found = _MEMORY.fullmatch(text.strip())
    amount = int(float(found[1]) * _UNITS[found[2]]) if found else 0
    return amount if 0 < amount <= MOST_MEMORY else None
