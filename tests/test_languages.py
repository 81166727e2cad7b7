"""Every language of the table parses, and every query captures what the other modules ask for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from homespun_corpus.languages import (
    LANGUAGES,
    Language,
    ParseTimeout,
    by_name,
    captures,
    language_for,
    parse,
)

FIXTURES = Path(__file__).parent / "fixtures" / "languages"
ASKED_FOR = ("function", "name", "body", "block", "statement", "arguments", "expression", "string")

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
            captures(language, parse(language, source), *ASKED_FOR)
        except ParseTimeout as error:
            assert "\n" not in str(error)
    assert time.process_time() - began < 10


def test_one_line_of_a_million_bytes_parses() -> None:
    tree = parse(by_name("python"), b"x = '" + b"a" * 1_000_000 + b"'\n")
    assert not tree.root_node.has_error
