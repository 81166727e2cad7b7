"""How much memory this process may have: the machine's, or less in a container or under ulimit.

A container that takes more than it was given is killed without a word. Its limit stands in the
folders of its control group and of those around it, where the kernel shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

import psutil  # type: ignore[import-untyped]

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def memory_for_this_process() -> int:
    """Bytes, of which it may have taken some."""
    machine = int(psutil.virtual_memory().total)
    return min([machine, *_of_groups(), *_of_addresses()])


def _of_groups() -> Iterator[int]:
    """The limits of control groups that have one, of either version."""
    for line in _text(OWN_GROUPS).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            root, name = GROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = GROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        # Within a container the path may be the one outside of it: then only the root is there.
        inner = PurePosixPath(path.lstrip("/"))
        for folder in {inner, *inner.parents}:
            with suppress(ValueError):  # "max"
                yield int(_text(root / folder / name))


def _of_addresses() -> Iterator[int]:
    """What ``ulimit -v`` leaves of addresses, which are taken for more than memory."""
    with suppress(ImportError):  # Windows
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        if most != resource.RLIM_INFINITY:
            taken = psutil.Process().memory_info()
            yield max(0, most - taken.vms + taken.rss)


def _text(file: Path) -> str:
    """What it says, nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
