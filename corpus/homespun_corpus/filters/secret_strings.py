"""Strings of every language as plain quotes, so that the detectors need to know one form.

C++'s ``R"(…)"``, Lua's ``[[…]]``, Ruby's and Perl's ``%q(…)`` and ``q{…}``, Elixir's ``~s(…)``,
what XML wraps a value in, and what stands at a string's ends without being part of the value. Knows
nothing of secrets.
"""

from __future__ import annotations

import re

_MARKS = re.compile(
    r"R\"|\[=*\[|%[qQwW]\W|\bqq?[({\[<|!/]|~[sS][({\[/|]|\\[nrt][\"'`]|\{noop|\{plain|enter\}|<<|><|</key>"
)
_TEXT = r"[^\s\"'`]{1,80}?"
_OPEN = r"(?:%[qQ]|\bqq?|~[sS])"
# A string may go on behind what is looked at.
_FORMS = (
    re.compile(rf"R\"(?P<mark>[^()\\\s]{{0,16}})\((?P<text>{_TEXT})(?:\)(?P=mark)\"|$)"),
    re.compile(r"\[(?P<mark>=*)\[(?P<text>[^\s\"'`\[\]]+)(?:\](?P=mark)\]|$)"),
    re.compile(rf"{_OPEN}\((?P<text>{_TEXT})(?:\)(?![\w(])|$)"),
    re.compile(rf"{_OPEN}\{{(?P<text>{_TEXT})(?:\}}(?![\w{{}}])|$)"),
    re.compile(rf"{_OPEN}\[(?P<text>{_TEXT})(?:\](?![\w\[])|$)"),
    re.compile(rf"{_OPEN}(?P<mark>[|!/])(?P<text>{_TEXT})(?:(?P=mark)|$)"),
)
_WORDS = re.compile(r"%[wW](?:\[([^\[\]\"']*)(?:\]|$)|\(([^()\"']*)(?:\)|$)|\{([^{}\"']*)(?:\}|$))")
_NO_VALUE = re.compile(
    r"\{(?:noop|plain|cleartext|enter|tab|esc|selectall|backspace)\}|(?<!\\)(?:\\[nrt])+(?=[\"'`])"
    r"|<!\[CDATA\[|\]\]>|(?<=[\w>])></?(?:value|plaintext|string)(?=>)(?<!/value)(?<!/string)"
    r"|</(?:key|name)>\s*<(?:string|value)(?=>)|<<<?[-~]?[\"']?[A-Z]\w*[\"']?(?=\s)",
    re.IGNORECASE,
)


def plain_strings(line: str) -> str:
    """The line with strings in plain quotes; its length may be another."""
    if not _MARKS.search(line):
        return line
    for form in _FORMS:
        line = form.sub(_quoted, line)
    line = _WORDS.sub(lambda m: " ".join(f'"{word}"' for word in m[m.lastindex or 1].split()), line)
    return _NO_VALUE.sub("", line)


def _quoted(form: re.Match[str]) -> str:
    return f'"{form["text"]}"'
