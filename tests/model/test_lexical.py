"""A language's marks stand once: whoever reads text without a tree takes them from its row."""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.dedup.near_duplicates import tokens
from homespun_corpus.filters.licence import licence_header
from homespun_corpus.syntax.languages import LANGUAGES, TEXT, Language
from homespun_corpus.syntax.lexical import UNKNOWN
from homespun_corpus.syntax.parsing import captures, parse
from homespun_corpus.syntax.trivia import clean_comment
from homespun_model.stopping.nesting import scan

FIXTURES = Path(__file__).parents[1] / "fixtures" / "languages"

languages = pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)


def comments(language: Language) -> list[str]:
    """One of each kind that a language has."""
    line, block = language.lexical.line_comment, language.lexical.block_comment
    return [f"{line} Of it\n", *([f"{block[0]} Of\nit {block[1]}\n"] if block else [])]


@languages
def test_comments_of_a_fixture_are_those_that_its_parser_finds(language: Language) -> None:
    source = (FIXTURES / f"{language.name}{language.extensions[0]}").read_bytes()
    text = source.decode("ascii", "replace")  # a character is a byte
    parsed = captures(language, parse(language, source), "comment")["comment"]
    found = {token.text.strip() for token in scan(text, language.name) if token.kind == "comment"}
    assert found == {text[node.start_byte : node.end_byte].strip() for node in parsed}


@languages
def test_every_kind_of_comment_says_no_token(language: Language) -> None:
    for comment in comments(language):
        assert tokens(f"a {comment} b".encode(), language.lexical) == [b"a", b"b"]


@languages
def test_every_kind_of_comment_can_be_a_licence(language: Language) -> None:
    for comment in comments(language):
        header = comment.replace("Of", "Copyright (c) 2020").encode()
        assert licence_header(header + b"\nx = 1\n", language.lexical) is not None
        assert licence_header(comment.encode() + b"\nx = 1\n", language.lexical) is None


@languages
def test_what_is_left_of_every_kind_of_comment_is_its_text(language: Language) -> None:
    for comment in comments(language):
        said = clean_comment(comment.rstrip(), language.lexical)
        assert said is not None and said.split() == ["Of", "it"]


def test_a_text_in_no_known_language_has_strings_and_no_comments() -> None:
    assert TEXT.lexical is UNKNOWN
    assert tokens(b"'# a' # b", UNKNOWN) == [b"'# a'", b"#", b"b"]
    assert [token.kind for token in scan("(# '//')", None)] == ["bracket", "string", "bracket"]
