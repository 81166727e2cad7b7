"""Unpacks Debian packages into a private folder, for editors that no other registry has.

Nothing is installed and no root is needed: apt works in folders of its own and dpkg-deb unpacks.
Which mirror to use is what apt on this machine is set to; none is written here. Knows nothing about
editors.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE = 240.0  # seconds for all the fetching: a dead network may not eat CI's 25 minutes
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class Unavailable(Exception):
    """An editor that cannot be had here; the message says why and what would help."""


class _Patience:
    left = PATIENCE


def run(command: Sequence[str | Path], *, timeout: float = 300, **options: Any) -> str:
    """Standard output of `command`; Unavailable with the end of its output if it fails."""
    name = Path(command[0]).name
    timeout, began = min(timeout, _Patience.left), time.monotonic()
    try:
        done = subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            **options,
        )
        output, _ = done.communicate(timeout=timeout)
    except FileNotFoundError:
        raise Unavailable(f"{name} is not installed") from None
    except subprocess.TimeoutExpired:
        os.killpg(done.pid, signal.SIGKILL)  # npm's own children would keep its output open
        done.communicate()
        raise Unavailable(f"{name} did not finish within {timeout:.0f} s") from None
    finally:
        _Patience.left = max(1, _Patience.left - (time.monotonic() - began))
    if done.returncode:
        raise Unavailable(f"{name} failed: {output.strip()[-800:]}")
    return output


def mirror() -> str:
    """The Debian mirror in this machine's own apt sources, security mirrors left out."""
    listed = run(["apt-get", "update", "--print-uris"])
    mirrors = [uri for uri in re.findall(r"'(\S+?)/dists/", listed) if "security" not in uri]
    if not mirrors or not KEYRING.exists():
        raise Unavailable("apt on this machine has no Debian mirror among its sources")
    return mirrors[0]


def unpack(packages: Sequence[str], prefix: Path, *, suite: str | None = None) -> None:
    """Download `packages` with what they need and unpack them into `prefix`.

    With `suite` they come from that Debian release, C library and all; without, from this machine's
    own release, and only what the machine lacks is fetched. `prefix` appears whole or not at all.
    """
    work = prefix.with_name(prefix.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    options = _apt_options(work, suite)
    run(["apt-get", *options, "update", "-qq"])
    run(["apt-get", *options, "install", "-y", "-qq", "--download-only", *packages])
    root = work / "root"
    for archive in sorted((work / "cache/archives").glob("*.deb")):
        run(["dpkg-deb", "-x", archive, root])
    shutil.rmtree(prefix, ignore_errors=True)
    root.rename(prefix)
    shutil.rmtree(work)


def _apt_options(work: Path, suite: str | None) -> list[str]:
    """apt's switches for folders of our own; the machine's settings, a proxy say, stay in force."""
    for folder in ("lists/partial", "cache/archives/partial", "root"):
        (work / folder).mkdir(parents=True)
    settings = {
        "Dir::State::lists": work / "lists",
        "Dir::Cache": work / "cache",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "0",
    }
    if suite:
        (work / "status").touch()
        sources = work / "sources.list"
        sources.write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
        settings |= {
            "Dir::State::status": work / "status",
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "-",
        }
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


def library_path(prefix: Path) -> str:
    """The folders below `prefix` that hold shared libraries, as LD_LIBRARY_PATH wants them."""
    found = {path.parent for path in prefix.glob("*/lib/*-linux-gnu/**/*.so*")}
    found |= {path.parent for path in prefix.glob("lib/*-linux-gnu/**/*.so*")}
    return ":".join(sorted(str(folder) for folder in found))
