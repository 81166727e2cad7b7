"""What a host is really called that the user's ssh settings give another name.

Reads ``Host``, ``HostName`` and ``Include``, the first that fits counting, as ssh does; what a
``Match`` says is passed over. Nothing is asked of any network, and what cannot be read is empty.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

MAX_BYTES = 1 << 20
MAX_INCLUDED = 8  # files one in another
_SETTING = re.compile(r"\s*(\w+)\s*[=\s]\s*(.*\S)\s*")


def real_host(host: str) -> str:
    """``host`` as the user's settings have it, in small letters; itself where they are silent."""
    config = Path.home() / ".ssh" / "config"
    found = next(_names(config, host.lower(), MAX_INCLUDED), host)
    return found.replace("%h", host).lower()


def _names(config: Path, host: str, depth: int) -> Iterator[str]:
    fits = True
    for keyword, words in _settings(config):
        if keyword == "host":
            fits = _fits(host, words)
        elif keyword == "match":
            fits = False
        elif fits and keyword == "hostname":
            yield words[0]
        elif fits and keyword == "include" and depth:
            for name in words:
                for file in _files(name):
                    yield from _names(file, host, depth - 1)


def _settings(config: Path) -> Iterator[tuple[str, list[str]]]:
    try:
        if not config.is_file() or config.stat().st_size > MAX_BYTES:
            return
        lines = config.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        if not line.lstrip().startswith("#") and (setting := _SETTING.fullmatch(line)):
            try:
                words = shlex.split(setting[2], comments=True)
            except ValueError:  # a quote that nothing ends
                continue
            if words:
                yield setting[1].lower(), words


def _fits(host: str, patterns: list[str]) -> bool:
    patterns = [pattern.lower() for pattern in patterns]
    if any(p.startswith("!") and fnmatchcase(host, p[1:]) for p in patterns):
        return False
    return any(fnmatchcase(host, pattern) for pattern in patterns)


def _files(name: str) -> list[Path]:
    """Of an ``Include``: below the user's own folder where it names no other."""
    home = Path.home()
    path = Path(name).expanduser() if name.startswith("~") else home / ".ssh" / name
    try:
        return sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except (OSError, ValueError, NotImplementedError):
        return []
