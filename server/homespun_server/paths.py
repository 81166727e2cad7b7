"""From a document's URI to a file's path, on any platform. Touches no file."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import PurePath
from urllib.parse import unquote, urlsplit

ON_DISK = ("file", "vscode-notebook-cell")  # a notebook's cell has the notebook's path


def file_path(uri: str, *, windows: bool = sys.platform == "win32") -> str | None:
    """The path that ``uri`` names, None where it names none: unsaved, remote, or not a URI."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return None
    path = unquote(parts.path, errors="surrogateescape")
    if parts.scheme not in ON_DISK or not path.startswith("/") or "\0" in path:
        return None
    host = unquote(parts.netloc)
    if not windows:
        return path if host in ("", "localhost") else None
    if host not in ("", "localhost"):
        return f"\\\\{host}" + path.replace("/", "\\")
    drive = path[1:3]
    if len(drive) == 2 and drive[0].isalpha() and drive[1] == ":":
        path = drive[0].upper() + path[2:]  # VS Code says c:, others C:, the disk is one
    return path.replace("/", "\\")


def relative_path(path: PurePath, root: PurePath, *, macos: bool = sys.platform == "darwin") -> str:
    """``path`` below ``root`` as git spells it: with slashes, on macOS composed; else its name."""
    try:
        relative = as_mined(path.relative_to(root).as_posix())
    except ValueError:
        relative = as_mined(path.name)
    return unicodedata.normalize("NFC", relative) if macos else relative


def as_mined(path: str) -> str:
    """A path of the system as mining spells it: what is not UTF-8 in it written out."""
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name of a file, but a client may send it
        raw = path.encode("utf-8", "backslashreplace")
    return raw.decode("utf-8", "backslashreplace")


def shown_name(uri: str) -> str:
    """A path for a prompt where there is no file: the last part of the URI."""
    return as_mined(unquote(uri.rsplit("/", 1)[-1].partition("#")[0]))[-80:] or "untitled"
