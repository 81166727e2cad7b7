"""Places where the bundled starter does say something: found by asking the real server.

It shows only what it is sure of, so what to type before an editor shows a suggestion has to be
found out, not guessed. A place is a line of a real file that somebody types again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lsp_client import Client
from lsp_team import insertion

EVERY = 7  # lines of a file, so that its parts all have a try
TRIES = 24  # in one file, before the next one


@dataclass(frozen=True, slots=True)
class SurePlace:
    """Typing ``key`` at the end of line ``line`` (from 0) of ``before`` shows ``says``."""

    path: Path
    before: str
    line: int
    key: str
    says: str

    @property
    def lead(self) -> str:
        """What stands on the line before the key."""
        return self.before.split("\n")[self.line]

    def with_line(self, end: str) -> str:
        """The file's text when the key and ``end`` have been typed."""
        lines = self.before.split("\n")
        lines[self.line] += self.key + end
        return "\n".join(lines)


def sure_places(client: Client, files: list[Path], count: int) -> list[SurePlace]:
    """One place each in up to ``count`` of ``files``, whose lines are cut on the disk as well.

    ``client``: a server that has been initialized and serves what the editor's will.
    """
    found: list[SurePlace] = []
    for path in files:
        if len(found) == count:
            break
        place = next(_asked(client, path), None)
        if place is not None:
            path.write_text(place.before)
            found.append(place)
    return found


def _asked(client: Client, path: Path) -> Iterator[SurePlace]:
    """The places of a file where two or more words, on one line, are shown."""
    uri, text = path.as_uri(), path.read_text()
    client.open(uri, text)
    for version, (before, line, column, key) in zip(range(2, 2 + TRIES), _cuts(text), strict=False):
        client.change(uri, 2 * version, {"text": before})
        client.change(uri, 2 * version + 1, insertion(line, column, key))
        for item in client.inline(uri, line, column + 1):
            says = item["insertText"]
            if len(says.split()) >= 2 and "\n" not in says:
                yield SurePlace(path, before, line, key, says)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def _cuts(text: str) -> Iterator[tuple[str, int, int, str]]:
    """The text with one line cut off before a letter: it, the line, the column and the letter.

    A letter, for what an editor does by itself behind brackets and quotes is not the question here.
    Plain characters only, so that columns are the same in every encoding.
    """
    lines = text.split("\n")
    for start in range(EVERY):
        for number in range(start, len(lines), EVERY):
            line = lines[number]
            column = _third_letter(line)
            if column is None or not line.isascii():
                continue
            cut = [*lines[:number], line[:column], *lines[number + 1 :]]
            yield "\n".join(cut), number, column, line[column]


def _third_letter(line: str) -> int | None:
    """Where, in a line of several words, the third letter of the first one stands."""
    begin = len(line) - len(line.lstrip())
    words = line.split()
    return begin + 2 if len(words) >= 3 and words[0].isalpha() and len(words[0]) > 2 else None
