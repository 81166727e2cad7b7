"""Licence headers and authors: what files of a project begin with, and nobody types.

No function holds one and comments count for no copy, so neither a middle nor a verdict is touched
by them. Prompts are learnt too, at less weight: those of training do without.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from functools import cache

from homespun_corpus.syntax.lexical import LexicalRules
from homespun_corpus.syntax.spans import Span

HEADER_BYTES = 32_000  # where a header may be
BLOCKS = 4  # of comments, of which one may be the licence: a build tag or a title may precede it

_LICENCE = re.compile(
    rb"(?im)copyright|\(c\) \d{4}|licen[sc]ed? (?:under|to)|SPDX-License|@license"
    rb"|all rights reserved|permission is hereby granted|redistribution and use"
    rb"|general public licen[sc]e|terms of the (?:GNU|Mozilla|Eclipse)|free software foundation"
    # Who wrote it, which is nobody's business to suggest.
    rb"|@author\b|^[^\w\n]*(?:(?:authors?|maintainers?)[ \t]*:|(?:created|written) by\b)[ \t:]*\S"
    rb"|\b[\w.+-]+@[\w-]+\.[\w.-]+\w"
)
_SHEBANG = re.compile(rb"#![^\n]*\n")
# Where no comment may span lines, a string that nobody reads does.
_DOCSTRING = rb"(\"\"\"|''')(?s:.*?)\1"
# Of a language that we do not know, whatever may be a comment.
_ANY_MARK = rb"(?:#|//|--|;|%|\.\.|'|\"|!|dnl\b|REM\b)"
_ANY_BLOCK = rb"/\*(?s:.*?)\*/|<!--(?s:.*?)-->|\{-(?s:.*?)-\}|\(\*(?s:.*?)\*\)"


def licence_header(source: bytes, rules: LexicalRules) -> Span | None:
    """From a file's beginning to the end of the licence in its first comments, if there is one.

    A comment that names authors or holds an e-mail address counts for one.
    """
    source = source[:HEADER_BYTES]
    start = len(BOM_UTF8) if source.startswith(BOM_UTF8) else 0
    shebang = _SHEBANG.match(source, start)
    point, header = shebang.end() if shebang else start, None
    for _ in range(BLOCKS):
        block = _block(rules).match(source, point)
        if block is None:
            break
        point = block.end()
        if _LICENCE.search(block[0]):
            header = Span(0, point)
    return header


@cache
def _block(rules: LexicalRules) -> re.Pattern[bytes]:
    """Lines of comments, or one comment that may span lines."""
    begin, block = _ANY_MARK, _ANY_BLOCK
    if rules.line_comment:
        begin, block = re.escape(rules.line_comment.encode()), _DOCSTRING
    if rules.block_comment is not None:
        block = rb"(?s:.*?)".join(re.escape(mark.encode()) for mark in rules.block_comment)
    lines = rb"(?:[ \t]*" + begin + rb"[^\n]*(?:\n|\Z))+"
    return re.compile(rb"\s*(?:" + lines + rb"|" + block + rb")")
