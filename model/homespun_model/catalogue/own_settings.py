"""The user's own settings: a TOML file in their configuration folder, with a key ``base``.

Nothing else may choose a base: not a repository, whose word is untrusted, and not a workspace.
Other keys, and comments, stay as they are. Knows no bases.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homespun_model.errors import BaseError, FetchError
from homespun_model.files.disk import replace

KEY = "base"
_LINE = re.compile(r"[ \t]*base[ \t]*=")


def default_file() -> Path:
    """Where the settings lie."""
    import platformdirs

    return platformdirs.user_config_path("homespun", appauthor=False) / "config.toml"


def chosen(file: Path) -> str | None:
    """The base that the user chose, None where they chose none. BaseError: the file is broken."""
    value = _read(file)[1].get(KEY)
    if value is not None and not (isinstance(value, str) and value):
        raise BaseError(f"{file}: base must be a name or a path; `homespun models use` sets it")
    return value


def choose(file: Path, base: str | None) -> None:
    """Note a choice, or take it back. BaseError: the file is broken; FetchError: not written."""
    text, settings = _read(file)
    settings.pop(KEY, None)
    without = next((rest for rest in _without_a_line(text) if _parsed(rest) == settings), None)
    if without is None:
        raise BaseError(f"{file} cannot be changed safely: set its base by hand")
    # First, so that it is in no table; what JSON calls a string is one in TOML.
    line = "" if base is None else f"{KEY} = {json.dumps(base, ensure_ascii=False)}\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        replace(file, line + without, by_way_of=file.parent)
    except OSError as error:
        raise FetchError(f"{file} cannot be written: {error.strerror}") from error


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError:
        return "", {}
    except (OSError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise BaseError(f"{file} cannot be read: {why}; mend or delete it") from error


def _without_a_line(text: str) -> Iterator[str]:
    """The text, and the text without each line that may set the base."""
    yield text
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        if _LINE.match(line):
            yield "".join(lines[:at] + lines[at + 1 :])


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
