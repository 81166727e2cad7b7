"""``repositories.toml``: which repositories, and what is asked of each.

Read whole and checked whole before anything runs; whatever is wrong is one line that names the file
and the table. Paths are relative to the file. Knows nothing of how a night is run.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from homespun_model.errors import StoreInputError
from homespun_model.sharing.folder_files import folder_of
from homespun_model.sharing.url import StoreUrl, check_named, is_url
from homespun_model.store.folder_names import folder_names

from homespun_finetune.cli import MAX_MINUTES, MIN_MINUTES
from homespun_finetune.errors import RunUsageError
from homespun_finetune.nightly import git_url
from homespun_finetune.nightly.needs import LEAST, MOST, Needs, bytes_of
from homespun_finetune.nightly.task import RepositoryTask

Table = Mapping[str, Any]
T = TypeVar("T")
_MOST = 1 << 60  # of any number
_SHARED = ("base", "minutes", "refresh", "needs")  # what `[defaults]` may say for all of them


class _WrongError(Exception):
    """What is wrong with a value; whoever knows where it stands says that."""


def read(file: Path, store: str | None = None) -> list[RepositoryTask]:
    """What ``file`` asks for; ``store`` goes before the file's own. RunUsageError."""
    told = _parse(file)
    _only(f"{file}", told, ("store", "defaults", "repository"))
    if store is None and "store" in told:
        store = _at(f"{file}: store", lambda: _store(told["store"], file.parent))
    where = f"{file}: [defaults]"
    defaults = _at(where, lambda: _table(told.get("defaults", {})))
    _only(where, defaults, _SHARED)
    _values(where, defaults, file.parent)
    tables = told.get("repository", [])
    if not isinstance(tables, list) or not tables:
        raise RunUsageError(f"{file} names no repositories: give [[repository]] tables with a path")
    tasks = [
        _task(f"{file}: [[repository]] {number}", {**defaults, **_each(table)}, file.parent, store)
        for number, table in enumerate(tables, 1)
    ]
    _apart(file, tasks)
    return tasks


def _parse(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors begin with a mark
    except tomllib.TOMLDecodeError as error:
        raise RunUsageError(f"{file} is no TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise RunUsageError(f"{file} is no TOML: it is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise RunUsageError(f"{file}: a number is too long, or too much is nested") from error
    except OSError as error:
        raise RunUsageError(f"{file}: {error.strerror}") from error


def _each(table: object) -> Table:
    return table if isinstance(table, dict) else {}  # lacks a path, as is said then


def _task(where: str, told: Table, folder: Path, store: str | None) -> RepositoryTask:
    _only(where, told, (*_SHARED, "path", "name", "since", "id"))
    if "path" not in told:
        raise RunUsageError(f"{where} has no path: give a folder or a git URL")
    values = _values(where, told, folder)
    values.setdefault("name", git_url.last_part(values["path"]))
    _at(f"{where}: name", lambda: _name(values["name"]))
    return RepositoryTask(store=store, **values)


def _values(where: str, told: Table, folder: Path) -> dict[str, Any]:
    return {
        key: _at(f"{where}: {key}", partial(_READ[key], value, folder))
        for key, value in told.items()
    }


def _apart(file: Path, tasks: list[RepositoryTask]) -> None:
    """Names are those of files, too: on some systems letters' size makes no difference."""
    seen = set()
    for number, task in enumerate(tasks, 1):
        if (name := task.stem.casefold()) in seen:
            where = f"{file}: [[repository]] {number}"
            raise RunUsageError(f"{where}: {task.name!r} is there twice: give it another name")
        seen.add(name)


def _only(where: str, told: Table, known: tuple[str, ...]) -> None:
    for key in told.keys() - set(known):
        raise RunUsageError(f"{where}: there is no key {key[:80]!r}: {', '.join(sorted(known))}")


def _at(where: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (_WrongError, StoreInputError) as error:
        raise RunUsageError(f"{where}: {error}") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _WrongError("has to be a text")
    return value


def _table(value: object) -> Table:
    if not isinstance(value, dict):
        raise _WrongError("has to be a table")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _WrongError("has to be true or false")
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < _MOST:
        raise _WrongError("has to be a number")
    return float(value)


def _name(value: object) -> str:
    name = _text(value)
    if len(folder_names(name)) != 1 or len(name) > 100:
        raise _WrongError("a name is short and without a /")
    return name


def _path(value: object, folder: Path) -> str:
    text = _text(value)
    if wrong := git_url.problem(text):
        raise _WrongError(wrong)
    return text if git_url.is_url(text) else _file(text, folder)


def _file(text: str, folder: Path) -> str:
    try:
        return str((folder / Path(text).expanduser()).absolute())
    except RuntimeError as error:
        raise _WrongError("~ is of a user that is not there") from error


def check_store(store: str) -> None:
    """StoreInputError for what no adapters can be published to, without repeating a secret."""
    check_named(store)
    if is_url(store):
        url = StoreUrl.of(store)
        if url.kind == "file":
            folder_of(url)
        if url.is_read_only:
            raise StoreInputError("a store that is read over https takes no adapters: name another")


def _store(value: object, folder: Path) -> str:
    text = _text(value)
    check_store(text)
    return text if is_url(text) else _file(text, folder)


def _base(value: object, folder: Path) -> str:
    """A name, or a folder or a file where it is written as one."""
    text = _text(value)
    return _file(text, folder) if text.startswith((".", "~", "/")) else text


def _minutes(value: object) -> float:
    minutes = _number(value)
    if not MIN_MINUTES <= minutes <= MAX_MINUTES:
        raise _WrongError(f"has to lie between {MIN_MINUTES} and {MAX_MINUTES}")
    return minutes


def _since(value: object) -> str:
    if isinstance(value, date):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        _number(value)
        return str(value)
    return _text(value)


def _id(value: object) -> str:
    text = _text(value)
    folder_names(text)
    return text


def _needs(value: object) -> Needs:
    told = dict(_table(value))
    if unknown := told.keys() - {"cpus", "gpus", "memory"}:
        raise _WrongError(f"there is no key {min(unknown)[:80]!r}: cpus, gpus, memory")
    for key in told.keys() & {"cpus", "gpus"}:
        number = told[key] = _number(told[key])
        if number < 0 or (number > 1 and number % 1):
            raise _WrongError(f"{key} has to be a whole number, or a share of one")
        if number and not LEAST <= number <= MOST:
            raise _WrongError(f"{key} has to be 0, or to lie between {LEAST:g} and {MOST:.0f}")
    if "memory" in told and (memory := bytes_of(_text(told["memory"]))) is None:
        raise _WrongError('memory has to be written like "16 GiB"')
    return Needs(**told | ({"memory": memory} if "memory" in told else {}))


_READ: Mapping[str, Callable[[object, Path], Any]] = {
    "path": _path,
    "name": lambda value, _: _name(value),
    "base": _base,
    "minutes": lambda value, _: _minutes(value),
    "refresh": lambda value, _: _flag(value),
    "since": lambda value, _: _since(value),
    "id": lambda value, _: _id(value),
    "needs": lambda value, _: _needs(value),
}
