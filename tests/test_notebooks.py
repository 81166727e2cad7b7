"""The code of a notebook's cells is mined like a file's, its spans in the cells' own text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.languages import language_for, mined_language
from homespun_corpus.syntax.notebooks import readable

LONG = """def total(rows, key):
    found = [row[key] for row in rows if key in row]
    return sum(found)"""


def notebook(*cells: tuple[str, Any], **metadata: Any) -> bytes:
    written = [{"cell_type": kind, "source": source, "outputs": []} for kind, source in cells]
    return json.dumps({"nbformat": 4, "metadata": metadata, "cells": written}).encode()


def test_only_code_cells_are_read_and_no_magic() -> None:
    source = notebook(
        ("markdown", "# Title"),
        ("code", ["%matplotlib inline\n", "x = 1\n", "!pip install y\n", "z = 2"]),
        ("code", "%%bash\nls"),
        ("raw", "no"),
        ("code", "print('é')\n"),
    )
    assert readable(source).decode() == "x = 1\nz = 2\n\nprint('é')\n"


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"{ 1, 2 }",
        b'{"nbformat": 4',
        b'{"nbformat": 4, "cells": 1}',
        b'{"nbformat": ' + b"[" * 100_000,
        b'x = {"nbformat": 4, "cells": []}',
    ],
)
def test_what_is_no_notebook_stays_as_it_is(source: bytes) -> None:
    assert readable(source) == source


def test_a_notebook_in_another_language_holds_nothing() -> None:
    source = notebook(("code", "f <- function(x) x"), language_info={"name": "R"})
    assert readable(source) == b""
    assert readable(notebook(("code", "x"), kernelspec={"language": "python"})) == b"x\n"


def test_cells_that_are_odd_are_left_out() -> None:
    assert readable(b'{"nbformat": 4, "cells": [1, {}, {"cell_type": "code"}]}') == b""


def test_a_notebook_is_mined_and_no_source_file() -> None:
    assert language_for("a.ipynb") is None
    assert (mined_language("a.ipynb"), mined_language("a.go")) == (
        language_for("a.py"),
        language_for("a.go"),
    )


def test_samples_of_a_notebook_are_cut_from_its_cells(tmp_path: Path) -> None:
    (tmp_path / "work.ipynb").write_bytes(notebook(("markdown", "é"), ("code", LONG)))
    repository = Repository.open(tmp_path)
    mined = mine(repository, MineSettings())
    samples = list(mined.samples("train"))
    assert {sample.function for sample in samples} == {"total"}
    text = LONG.encode() + b"\n"
    for sample in samples:
        assert text[sample.start : sample.end].decode() == sample.middle
