"""LOG.md's entries have ids, and its table and whatever cites an entry name ids that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("corpus", "model", "finetune", "server", "bench", "tests", "docs")
ID = re.compile(r"\bE-\d{3}\b")
BARE = re.compile(r"(?<!\])\(LOG\.md\)")  # not a link, which leads to the file as a whole
STATUS = re.compile(r"in force|dropped|open|superseded by (E-\d{3})")

HEAD, *ENTRIES = re.split(r"^## ", (ROOT / "LOG.md").read_text(encoding="utf-8"), flags=re.M)


def ids() -> list[str]:
    """The first word of each heading, from the top of the log."""
    return [entry.split()[0] for entry in ENTRIES]


def rows() -> list[list[str]]:
    """The cells of the table's rows, without its head."""
    lines = [line for line in HEAD.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def pages() -> Iterator[tuple[str, str]]:
    """Code and documents that may cite an entry: paths from the root, and texts."""
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    found += [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for path in found:
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def test_entries_are_numbered_from_the_oldest_at_the_bottom() -> None:
    assert ids() == [f"E-{number:03}" for number in range(len(ENTRIES), 0, -1)]


def test_every_cited_entry_is_in_the_log() -> None:
    cited = {(path, name) for path, text in pages() for name in ID.findall(text)}
    assert any(path.endswith(".py") for path, _ in cited)
    assert sorted((path, name) for path, name in cited if name not in ids()) == []


def test_nothing_cites_the_log_as_a_whole() -> None:
    assert [path for path, text in pages() if BARE.search(text)] == []


def test_every_row_of_the_table_names_an_entry_and_a_status() -> None:
    assert rows()
    for row in rows():
        name, _decision, _value, _evidence, status = row
        assert name in ids(), row
        said = STATUS.fullmatch(status)
        assert said, row
        assert said[1] is None or (said[1] in ids() and said[1] > name), row
