"""What one file of gitignore patterns says of a path, as git reads it.

A byte-order mark is no part of the first pattern, a line may end in CR LF, spaces at its end count
only behind a backslash, and the last pattern that matches decides. Knows not where files lie.
"""

from __future__ import annotations

from collections.abc import Iterable

from homespun_corpus.repo.git_patterns import PathPattern, PatternList, path_bytes, pattern_lines


class IgnoreRules:
    """The patterns of one file, for paths relative to its folder."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        written = (_without_spaces(line) for line in lines if not line.startswith(b"#"))
        self._patterns = PatternList([PathPattern.parse(line) for line in written if line])
        self._folders: dict[bytes, bool] = {b"": False}

    @property
    def wildcards(self) -> int:
        """How many patterns have to be tried on every path."""
        return self._patterns.wildcards

    @classmethod
    def of_file(cls, data: bytes) -> IgnoreRules:
        """The patterns of a file with these bytes."""
        return cls(pattern_lines(data))

    def decide(self, path: str, *, is_folder: bool) -> bool | None:
        """Whether a path is ignored for itself; None where no pattern speaks of it."""
        return self._decide(path_bytes(path), is_folder=is_folder)

    def ignores(self, path: str) -> bool:
        """Whether a file is ignored, or a folder that holds it: from there nothing comes back."""
        file = path_bytes(path)
        return self._is_in_ignored(file) or self._decide(file, is_folder=False) is True

    def _is_in_ignored(self, path: bytes) -> bool:
        folder = path.rpartition(b"/")[0]
        if folder not in self._folders:
            is_ignored = self._is_in_ignored(folder) or self._decide(folder, is_folder=True) is True
            self._folders[folder] = is_ignored
        return self._folders[folder]

    def _decide(self, path: bytes, *, is_folder: bool) -> bool | None:
        number = next(self._patterns.matching(path, is_folder=is_folder), None)
        return None if number is None else not self._patterns.patterns[number].negative


def _without_spaces(line: bytes) -> bytes:
    """A line without the spaces at its end that no backslash stands before."""
    bare = line.rstrip(b" ")
    backslashes = len(bare) - len(bare.rstrip(b"\\"))
    return line[: len(bare) + 1] if backslashes % 2 and bare != line else bare
