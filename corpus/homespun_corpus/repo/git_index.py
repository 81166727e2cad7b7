"""Git's index file: the paths that a work tree tracks, committed or only added.

Read here and not by libgit2, which keeps all threads waiting while it reads, takes no name that is
not UTF-8 and refuses a sparse index. Knows no files but the bytes of this one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

REGULAR = frozenset({0o100644, 0o100755, 0o100664})
_HEADER = struct.Struct(">4sII")  # DIRC, version, number of entries
_MODE, _FLAGS = struct.Struct(">24xI"), struct.Struct(">60xH")  # of an entry
_FIXED, _EXTENDED = 62, 0x4000  # bytes before the name; a flag: two more
_SECTION = struct.Struct(">4sI")
_CHECKSUM = 20


def tracked_paths(data: bytes) -> list[bytes]:
    """The regular files of an index of version 2 to 4, in its order.

    ValueError where it is none, or only a part: of a split index the rest is in another file.
    """
    try:
        return list(dict.fromkeys(_paths(data)))
    except struct.error as error:
        raise ValueError("an index that ends in the middle") from error


def _paths(data: bytes) -> Iterator[bytes]:
    magic, version, count = _HEADER.unpack_from(data)
    if magic != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("no index that is known")
    at, name = _HEADER.size, b""
    for _ in range(count):
        (mode,), (flags,) = _MODE.unpack_from(data, at), _FLAGS.unpack_from(data, at)
        begin = at + _FIXED + (2 if flags & _EXTENDED else 0)
        if version == 4:
            dropped, begin = _number(data, begin)
            name = name[: len(name) - dropped]
        else:
            name = b""
        end = data.index(0, begin)
        name += data[begin:end]
        at = end + 1 if version == 4 else at + (end - at + 8) // 8 * 8
        if mode in REGULAR:
            yield name
    _check_whole(data, at)


def _check_whole(data: bytes, at: int) -> None:
    while at < len(data) - _CHECKSUM:
        kind, size = _SECTION.unpack_from(data, at)
        if kind == b"link":
            raise ValueError("a split index")
        at += _SECTION.size + size


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number as version 4 writes it, and where it ends."""
    value, more = data[at] & 0x7F, data[at] & 0x80
    while more:
        at += 1
        value, more = (value + 1 << 7) | data[at] & 0x7F, data[at] & 0x80
    return value, at + 1
