"""How much memory this process may have: the machine's, or less in a container or under ulimit.

A container that takes more than it was given is killed without a word. Its limit stands in the
folders of its control group and of those around it, where the kernel shows them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil  # type: ignore[import-untyped]

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
# What torch, its libraries and its threads reserve beyond the memory they use, for ``ulimit -v``
# counts addresses: a gigabyte with six threads, and room.
ADDRESSES = 3 << 29


@dataclass(frozen=True, slots=True)
class _Names:
    """The files of a control group's folder, and the line of its statistics that tells what it can
    give back: pages of files."""

    limit: str
    used: str
    inactive: str


_SECOND = _Names("memory.max", "memory.current", "inactive_file")
_FIRST = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def memory_for_this_process() -> int:
    """Bytes in all, taken or not; the same however long it runs."""
    machine = int(psutil.virtual_memory().total)
    limits = (_number(folder / names.limit) for folder, names in _groups())
    return min([machine, *(limit for limit in limits if limit is not None), *_addresses()])


def memory_left() -> int:
    """Bytes that can still be had, beside all that shares the machine or the container."""
    left = [int(psutil.virtual_memory().available)]
    for folder, names in _groups():
        limit, used = _number(folder / names.limit), _number(folder / names.used)
        if limit is not None and used is not None:
            left.append(limit - used + _inactive(folder, names))
    left += [most - psutil.Process().memory_info().rss for most in _addresses()]
    return max(0, min(left))


def _groups() -> Iterator[tuple[Path, _Names]]:
    """The folders of this process's control groups, of either version, and of those around them.

    Within a container the path may be the one outside of it: then only the root is there.
    """
    for line in _text(OWN_GROUPS).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        inner = PurePosixPath(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            if number == "0":
                yield GROUPS / folder, _SECOND
            elif "memory" in controllers.split(","):
                yield GROUPS / "memory" / folder, _FIRST


def _inactive(folder: Path, names: _Names) -> int:
    for line in _text(folder / "memory.stat").splitlines():
        name, _, said = line.partition(" ")
        if name == names.inactive and said.isdecimal():
            return int(said)
    return 0


def _addresses() -> Iterator[int]:
    """What ``ulimit -v`` leaves for memory; macOS does not hold to it."""
    if sys.platform == "linux":
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            yield max(0, most - ADDRESSES)


def _number(file: Path) -> int | None:
    """What a file says; None for "max" and where there is none."""
    said = _text(file)
    return int(said) if said.isdecimal() else None


def _text(file: Path) -> str:
    """Nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
