"""The code of a notebook's cells is mined like a file's, its spans in the cells' own text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.reading.parsed_file import read_blob
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import extract
from homespun_corpus.syntax.languages import by_name, language_for, mined_language
from homespun_corpus.syntax.notebooks import readable
from hypothesis import given, settings
from hypothesis import strategies as st

DATABRICKS = "application/vnd.databricks.v1+notebook"
PIECES = ("def", "class A:", "(", ")", "'''", "\n", "    ", "x", ":", "\\", "f'{", "%a", "!b", "é")
LONG = """def total(rows, key):
    found = [row[key] for row in rows if key in row]
    return sum(found)"""


def function(name: str) -> str:
    body = (
        f"    total = most\n    for row in rows:\n        total += row.{name}\n    return total\n"
    )
    return f"def {name}(rows, most):\n{body}"


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


def functions_in(source: bytes) -> dict[str, bool]:
    """The functions of a notebook by name, and whether each is broken."""
    found = extract(readable(source), path="a.ipynb", language=by_name("python"), blob_id="")
    return {item.name: item.broken for item in found}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "broken",
    [
        *("for x in (1, 2", "text = '''never closed", "This is (not code", "@decorator", 'f"{'),
        *("%sql select a \\\n from b", "select a,\n  b from 'c", "x = \\", "for x in y:", "if x:"),
        *("\0", "\ud800", "x ] " * 11_000),
    ],
)
def test_a_broken_cell_takes_no_function_of_another(broken: str, place: int) -> None:
    cells = [("code", function("one")), ("code", function("two"))]
    cells.insert(place, ("code", broken))
    assert functions_in(notebook(*cells)) == {"one": False, "two": False}


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES)).map("".join) | st.text(), st.integers(0, 3))
def test_nothing_in_a_cell_takes_a_function_of_another(written: str, place: int) -> None:
    cells = [("code", function(name)) for name in ("one", "two", "three")]
    before = functions_in(notebook(*cells))
    cells.insert(place, ("code", written))
    found = functions_in(notebook(*cells))
    assert {name: found[name] for name in before} == before


@pytest.mark.parametrize("cell", ["%%time\n{}", "!ls\n{}", "x = !ls\n{}", "{}\n?one", "x(\n{}"])
def test_spans_lie_in_the_text_of_the_cells(cell: str) -> None:
    source = readable(notebook(("code", "é = 1"), ("code", cell.format(function("one")))))
    (found,) = extract(source, path="a.ipynb", language=by_name("python"), blob_id="")
    assert source[found.span.start : found.span.end].decode() == function("one").strip()


def old_notebook(version: int, source: Any) -> bytes:
    cell = {"cell_type": "code", "language": "python", "input": source, "outputs": []}
    sheets = [{"cells": [cell]}, {"cells": [cell | {"language": "R"}]}]
    about = {"nbformat": version, "metadata": {"name": ""}}
    return json.dumps(about | {"worksheets": sheets}).encode()


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbf" + notebook(("code", LONG)),
        b"\r\n \t" + notebook(("code", LONG)),
        notebook(("code", LONG.splitlines(keepends=True))),
        notebook(("code", LONG.replace("\n", "\r\n"))),
        old_notebook(3, LONG),
        old_notebook(3, LONG.splitlines(keepends=True)),
        old_notebook(2, LONG.splitlines()),
        notebook(("code", LONG), kernelspec={"name": "my-env", "display_name": "R and D"}),
        notebook(("code", LONG), kernelspec={"name": "python3", "language": ""}),
        notebook(("code", LONG), language_info={"name": "ipython", "version": 3}),
        notebook(("code", LONG), language_info={"name": "pyspark"}),
        notebook(("code", LONG), colab={"provenance": []}, kernelspec={"display_name": "Python 3"}),
        notebook(("code", LONG), **{DATABRICKS: {"language": "python", "dashboards": []}}),
    ],
)
def test_notebooks_of_every_format_and_maker_are_read(source: bytes) -> None:
    assert readable(source) == LONG.encode() + b"\n"


@pytest.mark.parametrize(
    "metadata",
    [
        {"language_info": {"name": "R"}},
        {"kernelspec": {"name": "ir", "display_name": "R"}},
        {"kernelspec": {"name": "julia-1.9"}},
        {"kernelspec": {"name": ".net-csharp", "language": "C#"}},
        {DATABRICKS: {"language": "sql"}},
    ],
)
def test_a_notebook_of_another_language_says_so(metadata: dict[str, Any]) -> None:
    read = read_blob(notebook(("code", LONG), **metadata), by_name("python"), judged=True)
    assert (read.reason, read.unread, read.functions) == ("other-language", True, ())


def test_a_cell_in_another_language_is_left_out_and_one_in_python_is_not() -> None:
    cells = json.loads(notebook(("code", "select 1"), ("code", LONG)))
    cells["cells"][0]["metadata"] = {"vscode": {"languageId": "sql"}}
    assert readable(json.dumps(cells).encode()) == LONG.encode() + b"\n"
    cells["cells"][1]["metadata"] = {"polyglot_notebook": {"kernelName": "python"}}
    cells["metadata"] = {"language_info": {"name": "C#"}}
    assert readable(json.dumps(cells).encode()) == LONG.encode() + b"\n"


def test_in_a_databricks_notebook_one_sign_speaks_for_a_cell() -> None:
    texts = ("%sql select a\nfrom b", "%md\n# Title", f"%python\n{LONG}")
    cells = [("code", text) for text in texts]
    source = notebook(*cells, **{DATABRICKS: {"language": "python"}})
    assert readable(source) == LONG.encode() + b"\n"


def test_every_notebook_that_is_not_read_has_its_line(tmp_path: Path) -> None:
    texts = {
        "conflict": b'{"nbformat": 4,\n<<<<<<< HEAD\n "cells": []}',
        "empty": b"",
        "no_cells": b'{"nbformat": 4, "cells": 1}',
        "latin": notebook(("code", LONG)).replace(b"total", b"tot\xe4l"),
        "pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "r": notebook(("code", "f <- function(x) x"), language_info={"name": "R"}),
        "prose": notebook(("markdown", "# Only words")),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.ipynb").write_bytes(text)
    (tmp_path / "a.py").write_text(LONG)
    lines = list(mine(Repository.open(tmp_path), MineSettings()).ledger)
    assert {line.path: line.verdict for line in lines if line.function is None} == {
        "conflict.ipynb": "unreadable-notebook",
        "empty.ipynb": "unreadable-notebook",
        "no_cells.ipynb": "unreadable-notebook",
        "latin.ipynb": "undecodable",
        "pointer.ipynb": "lfs-pointer",
        "r.ipynb": "other-language",
    }


def test_samples_of_a_notebook_with_a_broken_cell_are_cut_at_nodes_too(tmp_path: Path) -> None:
    cells = [("code", function(f"name_{number}")) for number in range(12)]
    (tmp_path / "work.ipynb").write_bytes(notebook(("code", "x = (\n'''"), *cells))
    mined = mine(Repository.open(tmp_path), MineSettings())
    assert {line.function for line in mined.ledger} == {f"name_{number}" for number in range(12)}
    assert {sample.kind for sample in mined.samples("train")} & {"body", "block", "statement"}
