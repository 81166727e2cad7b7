"""The Python of what somebody typed into IPython, as a notebook's cell is.

A command (``%magic``, ``!shell``, ``name?``) begins a logical line, or is the value that one
assigns: never what stands in brackets or strings. Without its commands the text means what it meant
with ``pass`` in place of each: a block that held nothing else gets one. Knows no notebooks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homespun_corpus.syntax.python_lines import logical_line

TAB = 8

# Cell magics that run their body as Python; of any other, nobody knows what it is written in.
_PYTHON_BODIES = frozenset(
    re.findall(
        r"\S+",
        """time timeit capture prun debug python python3 lprun mprun memit scalene snakeviz
    pyinstrument viztracer memray_flamegraph heat profile px autopx local pyspark skip notify wandb
    manim ipytest run_pytest run_pytest[clean] add_to cache cacheit typecheck mypy background bg""",
    )
)
# What a cell of a notebook with several languages begins with: one percent sign, a line of its own.
_LANGUAGE = re.compile(
    r"%(?:sql|md|md-sandbox|markdown|sh|bash|fs|scala|r|R|julia|html|js|javascript|latex)(?!\w)"
)
_CELL_MAGIC = re.compile(r"((?:[ \t]*(?:#[^\n]*)?\n)*)%%(?!\w+\?)([^\s?]*)[^\n]*\n?")
_COMMAND = re.compile(r"(?!!=|%=|/=|//)[%!?,;/]")
_REST = re.compile(r"(?:[^\n]*\\\n)*[^\n]*\n?")  # of a command: backslashes join lines
# Where none of these is, there is no command.
_PERHAPS = re.compile(r"^[ \t\f\\]*[%!?,;/]|=[ \t\f\n\\]*[%!]|\?[ \t\f]*$", re.MULTILINE)
_PROMPTS = (
    (re.compile(r">>>(?: |$)"), re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.MULTILINE)),
    (re.compile(r"In \[\d+\]: "), re.compile(r"^(?:In \[\d+\]: |[ \t]*\.{3,}: ?)", re.MULTILINE)),
)
_GOES_ON = re.compile(r"(?:elif|else|except|finally)\b")


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line. ``text``: "" for a command. ``indent``: None for a blank and a comment."""

    text: str
    indent: str | None

    @property
    def column(self) -> int:
        """Of its first sign."""
        return len((self.indent or "").expandtabs(TAB))


_NOTHING = _Line("", "")  # above the first line, and below the last


def python_of(cell: str, *, mixed: bool = False) -> str:
    """The Python of a cell; nothing of one in another language.

    ``mixed``: the notebook is one of several languages, where ``%sql`` at the top is for a cell.
    """
    text = _typed(re.sub(r"\r\n?", "\n", cell))
    while magic := _CELL_MAGIC.match(text):
        if magic[2] not in _PYTHON_BODIES:
            return ""
        text = magic[1] + _typed(text[magic.end() :])
    language = _LANGUAGE.match(text)
    if language and (mixed or not text[language.end() :].split("\n")[0].strip()):
        return ""
    if not _PERHAPS.search(text):
        return text
    return "".join(_without_commands(list(_lines(text))))


def _typed(text: str) -> str:
    """Without blank lines on top, the indentation of the first line, and prompts."""
    text = re.sub(r"\A(?:[ \t\f]*\n)+", "", text)
    indent = re.match(r"[ \t]*", text)
    if indent and indent[0]:
        text = re.sub(f"^{indent[0]}", "", text, flags=re.MULTILINE)
    for first, every in _PROMPTS:
        if first.match(text):
            text = every.sub("", text)
    return text


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    while at < len(text):
        line = logical_line(text, at)
        indent = text[at : line.first].rpartition("\n")[2] if line.last else None
        code = text[line.start : line.end]
        at = line.end
        if line.last and _COMMAND.match(text, line.first):
            at, code = _command_end(text, line.first), ""
        elif line.command is not None:
            before = text[line.start : line.statement].rstrip()
            at, code = _command_end(text, line.command), f"{before} pass\n" if before else ""
        elif line.last == "?":
            code = ""
        yield _Line(code, indent)


def _command_end(text: str, at: int) -> int:
    found = _REST.match(text, at)
    return found.end() if found else len(text)


def _without_commands(lines: Sequence[_Line]) -> Iterator[str]:
    above = _NOTHING
    for line, below in zip(lines, _codes_below(lines), strict=True):
        if line.indent is None:
            yield line.text
        elif line.text or _is_needed(line, above, below):
            above = line if line.text else _Line(f"{line.indent}pass\n", line.indent)
            yield above.text


def _codes_below(lines: Sequence[_Line]) -> list[_Line]:
    """For each line: the next one below it with code."""
    found, below = [], _NOTHING
    for line in reversed(lines):
        found.append(below)
        if line.text and line.indent is not None:
            below = line
    return found[::-1]


def _is_needed(command: _Line, above: _Line, below: _Line) -> bool:
    """Whether there has to be a ``pass`` for a command, or other code would be left."""
    if above.text.lstrip().startswith("@"):
        return True
    if below.column == command.column and _GOES_ON.match(below.text.lstrip()):
        return True
    return above.column < command.column > below.column
