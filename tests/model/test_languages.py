"""Every language of the table parses, and every query captures what the other modules ask for."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import homespun_corpus
import homespun_model
import pytest
from homespun_corpus.syntax.languages import LANGUAGES, Language, by_name, language_for
from homespun_corpus.syntax.parsing import ParseTimeout, captures, matches, parse

CORPUS = Path(homespun_corpus.__file__).parent
MODEL = Path(homespun_model.__file__).parent
QUERIES = CORPUS / "syntax" / "queries"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "languages"
ASKED_FOR = ("name", "body", "block", "statement", "arguments", "expression", "string")
CALLABLES = ("function", "method", "constructor", "lambda")

languages = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)


def fixture(language: Language) -> Path:
    (path,) = (FIXTURES / f"{language.name}{ext}" for ext in language.extensions[:1])
    return path


@languages
def test_a_fixture_parses_and_has_every_capture(language: Language) -> None:
    tree = parse(language, fixture(language).read_bytes())

    assert not tree.root_node.has_error
    found = captures(language, tree, *ASKED_FOR, "comment")
    assert set(found) == {*ASKED_FOR, "comment"}
    assert captures(language, tree, *CALLABLES)


@languages
def test_captures_of_one_name_are_the_same_however_they_are_asked_for(language: Language) -> None:
    tree = parse(language, fixture(language).read_bytes())

    together = captures(language, tree, *ASKED_FOR)
    alone = {name: captures(language, tree, name)[name] for name in ASKED_FOR}

    for name in ASKED_FOR:
        spans = {node.byte_range for node in together[name]}
        assert spans == {node.byte_range for node in alone[name]}


def test_a_language_is_found_by_extension_and_name() -> None:
    assert language_for("a/b/C.PY") == by_name("python")
    assert language_for("x.test.tsx") == by_name("tsx")
    assert language_for("py") is None
    assert language_for(".go") is None
    assert language_for("line\nbreak.go") == by_name("go")
    assert language_for("lib/Rakefile") == by_name("ruby")
    assert language_for("home/.bashrc") == by_name("bash")
    with pytest.raises(KeyError):
        by_name("cobol")


def test_extensions_and_names_are_unique() -> None:
    extensions = [ext for language in LANGUAGES for ext in language.extensions]
    assert len(extensions) == len(set(extensions))
    assert len({language.name for language in LANGUAGES}) == len(LANGUAGES)


@languages
def test_parsing_gives_up_in_time(language: Language) -> None:
    source = fixture(language).read_bytes() * 1000

    began = time.process_time()
    with pytest.raises(ParseTimeout, match="left out"):
        parse(language, source, seconds=0.02)
    assert time.process_time() - began < 2


@languages
@pytest.mark.parametrize(
    "unit",
    [b"(", b"[", b"{", b"f(", b"a.b().", b"x = ", b"'", b"<a>", b"if x {", b"\x00", b"\xff "],
)
def test_hostile_repetition_neither_hangs_nor_crashes(language: Language, unit: bytes) -> None:
    began = time.process_time()
    for source in (unit * 30_000, b"x = " + unit * 15_000 + b")" * 15_000):
        try:
            captures(language, parse(language, source, seconds=0.5), *ASKED_FOR)
        except ParseTimeout as error:
            assert "\n" not in str(error)
    assert time.process_time() - began < 4


@languages
def test_a_hundred_thousand_brackets_neither_hang_nor_crash(language: Language) -> None:
    began = time.process_time()
    for opening, closing in (b"()", b"[]", b"{}"):
        source = b"x = " + bytes([opening]) * 100_000 + bytes([closing]) * 100_000
        try:
            captures(language, parse(language, source, seconds=0.5), *ASKED_FOR)
        except ParseTimeout:
            continue
    assert time.process_time() - began < 6


def test_a_scanner_that_never_reports_is_stopped_too() -> None:
    # Each of these bytes has the scanner look at all that follow: 15 s for this much.
    with pytest.raises(ParseTimeout):
        parse(by_name("scala"), b"\xff " * 30_000, seconds=0.2)


def test_parsing_leaks_nothing() -> None:
    """The binding keeps a reference to each piece that it was given."""
    source = b"x = f(1)\n" * 10_000
    parse(by_name("python"), source)
    tracemalloc.start()
    for _ in range(20):
        parse(by_name("python"), source)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < len(source)


def test_what_no_grammar_reads_is_blank_and_shifts_nothing() -> None:
    source = b"class SHOP_API(2) Basket final : B {\n public:\n  Basket() {}\n};\nstruct FOO bar;\n"
    tree = parse(by_name("cpp"), source)
    assert not tree.root_node.has_error
    (found,) = matches(by_name("cpp"), tree, "class")
    (name,) = found["name"]
    assert source[name.start_byte : name.end_byte] == b"Basket"


def test_a_language_is_one_row_one_query_and_one_fixture() -> None:
    """And nothing else: no other code of a room that mines or trims names one."""
    stems = {stem for row in LANGUAGES for stem in (row.query, row.shared_query) if stem}
    assert {path.stem for path in QUERIES.iterdir()} == stems
    written = {path.stem for path in FIXTURES.iterdir() if path.stem != "README"}
    assert written == {row.name for row in LANGUAGES}
    names = "|".join(row.name for row in LANGUAGES)
    named = re.compile(rf"""["'](?:{names})["']""")
    sources = [path for room in (CORPUS, MODEL) for path in room.rglob("*.py")]
    found = [path.name for path in sources if named.search(path.read_text(encoding="utf-8"))]
    assert found == ["languages.py"]


def test_no_grammar_is_loaded_before_it_is_asked_for() -> None:
    code = (
        "import sys, homespun_corpus.syntax.languages, homespun_corpus.mining.dataset;"
        "import homespun_model.stopping.trim;"
        "print([name for name in sys.modules if name.startswith('tree_sitter_')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_one_line_of_a_million_bytes_parses() -> None:
    tree = parse(by_name("python"), b"x = '" + b"a" * 1_000_000 + b"'\n")
    assert not tree.root_node.has_error
