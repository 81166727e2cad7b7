"""What a repository may say about its own fine-tuning, and nothing else.

Read by every room that honours a team's wishes. The files are untrusted input: whoever can commit
can write them. They may therefore keep code out and set training values within bounds; there is no
key for a base, a store, an id or an engine, and no pattern that brings excluded code back. Knows
nothing of command-line flags or editor settings, which go over these.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from homespun_corpus.errors import SettingsError

FILE = "homespun.toml"
SHARED_FILE = "pyproject.toml"
MAX_BYTES = 256 * 1024
MAX_READ = 16 << 20  # of a file that may hold none of our settings
MAX_PATTERNS = 1000
MAX_PATTERN_CHARS = 500

_LICENCE = re.compile(r"[A-Za-z0-9.+*-]{1,100}")


@dataclass(frozen=True, slots=True)
class TrainWishes:
    """``[train]``: None leaves the product's own choice in place."""

    learning_rate: float | None = None
    """Peak learning rate of the adapter, 0.000001 to 0.01."""
    passes: int | None = None
    """At most this often over the training code, 1 to 20."""
    dropout: float | None = None
    """LoRA dropout, 0 to 0.5."""
    end_weight: float | None = None
    """Weight of the token that ends a completion in the loss, 1 to 10."""


@dataclass(frozen=True, slots=True)
class TeamSettings:
    """Everything a repository's settings file can hold."""

    exclude: tuple[str, ...] = ()
    """gitignore patterns of paths never to learn from."""
    exclude_licences: tuple[str, ...] = ()
    """SPDX ids of licences, ``*`` for any characters: files that name one are not learnt from."""
    train: TrainWishes = TrainWishes()
    source: str | None = None
    """The file they came from, None where there is none."""


def read_team_settings(root: Path) -> TeamSettings:
    """The settings of the repository or folder at ``root``; SettingsError says what to change."""
    own = _table(root)
    shared = _shared_table(root)
    if own is not None and shared is not None:
        raise SettingsError(
            f"both {FILE} and [tool.homespun] in {SHARED_FILE} have settings: keep one of them"
        )
    if own is not None:
        return _parse(own, FILE)
    if shared is not None:
        return _parse(shared, SHARED_FILE)
    return TeamSettings()


def _shared_table(root: Path) -> dict[str, Any] | None:
    """``[tool.homespun]``; a pyproject that never mentions us is not read, even a broken one."""
    path = root / SHARED_FILE
    data = _bytes(path) if _is_file(path) else None
    if data is None or b"homespun" not in data.replace(b"\0", b""):  # whatever its encoding
        return None
    _check_inside(root, path)
    tool = _toml(_text(SHARED_FILE, data), SHARED_FILE).get("tool")
    table = tool.get("homespun") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise SettingsError(f"{SHARED_FILE}: tool.homespun must be a table, [tool.homespun]")
    return table


def _table(root: Path) -> dict[str, Any] | None:
    path = root / FILE
    if not _is_there(path):
        return None
    if not _is_file(path):
        raise SettingsError(f"{FILE} is no file, or a link that leads nowhere: put a file there")
    _check_inside(root, path)
    return _toml(_text(FILE, _bytes(path)), FILE)


def _is_there(path: Path) -> bool:
    """Whether anything has that name, be it a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}") from error
    return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ)
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}") from error


def _check_inside(root: Path, path: Path) -> None:
    """A link may lead to another file of the tree, and nowhere else."""
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        raise SettingsError(f"{path.name} is a link out of the repository: put a file there")


def _text(name: str, data: bytes) -> str:
    """What settings say; a byte-order mark is no part of it."""
    if len(data) > MAX_BYTES:
        raise SettingsError(f"{name}: more than {MAX_BYTES // 1024} KB of settings")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not UTF-8: save it as UTF-8") from error


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # of numbers with thousands of digits, too
        reason = " ".join(str(error).split())
        raise SettingsError(f"{name} is not valid TOML: {reason}") from error


def _parse(table: dict[str, Any], source: str) -> TeamSettings:
    _only_known(table, ("exclude", "exclude_licences", "train"), source, "")
    return TeamSettings(
        exclude=_patterns(table.get("exclude", []), source),
        exclude_licences=_licences(table.get("exclude_licences", []), source),
        train=_train(table.get("train", {}), source),
        source=source,
    )


def _train(table: object, source: str) -> TrainWishes:
    if not isinstance(table, dict):
        raise SettingsError(f"{source}: train must be a table, [train]")
    _only_known(table, tuple(f.name for f in fields(TrainWishes)), source, "train.")

    def wish(key: str, low: float, high: float) -> float | None:
        return _number(table.get(key), f"train.{key}", low, high, source)

    passes = wish("passes", 1, 20)
    if passes is not None and passes != int(passes):
        raise SettingsError(f"{source}: train.passes must be a whole number")
    return TrainWishes(
        learning_rate=wish("learning_rate", 1e-6, 1e-2),
        passes=None if passes is None else int(passes),
        dropout=wish("dropout", 0, 0.5),
        end_weight=wish("end_weight", 1, 10),
    )


def _only_known(table: dict[str, Any], known: tuple[str, ...], source: str, where: str) -> None:
    unknown = sorted(key for key in table if key not in known)
    if unknown:
        names = ", ".join(repr(f"{where}{key}"[:60]) for key in unknown[:5])
        raise SettingsError(
            f"{source}: unknown setting {names}; a repository may set: "
            + ", ".join(f"{where}{key}" for key in known)
        )


def _number(value: object, key: str, low: float, high: float, source: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SettingsError(f"{source}: {key} must be a number from {low:g} to {high:g}")
    return value


def _patterns(value: object, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(f"{source}: exclude must be a list of gitignore patterns")
    if len(value) > MAX_PATTERNS or any(len(item) > MAX_PATTERN_CHARS for item in value):
        raise SettingsError(
            f"{source}: exclude holds more than {MAX_PATTERNS} patterns, or one longer than "
            f"{MAX_PATTERN_CHARS} characters"
        )
    if any(item.lstrip().startswith("!") for item in value):
        raise SettingsError(
            f"{source}: exclude only keeps code out: remove patterns that begin with !"
        )
    return tuple(value)


def _licences(value: object, source: str) -> tuple[str, ...]:
    if (
        not isinstance(value, list)
        or len(value) > MAX_PATTERNS
        or not all(isinstance(item, str) and _LICENCE.fullmatch(item) for item in value)
    ):
        raise SettingsError(
            f"{source}: exclude_licences must be a list of SPDX ids, such as GPL-3.0-only or GPL-*"
        )
    return tuple(value)
