"""A shared store's files on somebody's servers, by way of fsspec: s3, gs, az, https and ssh.

Nothing that fsspec or a provider's library has cached is believed. Each library raises what it
likes, so whatever comes out of one is a StoreError of one line here.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from homespun_corpus.errors import one_line

from homespun_model.errors import StoreError, StoreInputError
from homespun_model.sharing.shared_files import ChangedMeanwhileError
from homespun_model.sharing.url import StoreUrl

PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "https": "aiohttp", "ssh": "paramiko"}
"""What fsspec needs for each kind; the extras are called as the kinds."""
CONNECT, READ = 10.0, 60.0  # seconds
SETTLED = 1.0  # seconds after which a second writer's file would be seen
_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": CONNECT, "read_timeout": READ}},
    "ssh": {"timeout": CONNECT},
}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_CANNOT = {"NotImplemented", "501"}  # says a store that knows no conditions


class BucketFiles:
    """``url`` is of any kind but ``file``."""

    def __init__(self, url: StoreUrl) -> None:
        if find_spec(package := PACKAGES[url.kind]) is None:
            raise StoreError(f"{package} is not installed: pip install 'homespun[{url.kind}]'")
        import fsspec  # type: ignore[import-untyped]

        self._url = url
        options = _OPTIONS.get(url.kind, {})
        if url.kind == "ssh":
            _ask_known_hosts_alone()
        with self._asking():
            self._fs, self._root = fsspec.url_to_fs(
                _for_fsspec(url), use_listings_cache=False, skip_instance_cache=True, **options
            )

    def exists(self) -> bool:
        if self._url.kind == "https":
            return True  # which has no folders
        whole = self._url.kind == "ssh"
        with self._asking():
            self._fs.invalidate_cache()
            return bool(self._fs.exists(self._root if whole else self._root.split("/")[0]))

    def check_writable(self) -> None:
        if self._url.is_read_only:
            raise StoreInputError(
                f"{self._url} can only be read: push to where its files are written"
            )

    def names(self, folder: str) -> list[str]:
        path = self._at(folder)
        with self._asking():
            self._fs.invalidate_cache()
            try:
                found = self._fs.ls(path, detail=False)
            except FileNotFoundError:
                return []
        names = {str(each).rstrip("/").rsplit("/", 1)[-1] for each in found}
        if self._url.kind == "https":  # links of a page
            names = set(map(unquote, names))
        return sorted(names - {path.rsplit("/", 1)[-1]})

    def read(self, name: str, most: int) -> tuple[bytes, str] | None:
        """What is read and its mark belong together: it is read again where the mark moved."""
        with self._asking():
            for _ in range(3):
                try:
                    before = self._mark(name)
                    data = self._fs.cat_file(self._at(name), end=most + 1)
                    after = self._mark(name)
                except FileNotFoundError:
                    return None
                if len(data) > most:
                    raise StoreError(f"{self._url}/{name} is longer than anything homespun writes")
                if before == after:
                    return bytes(data), after or bytes(data).hex()
        raise StoreError(f"{self._url}/{name} changes all the time: try again later")

    def get(self, name: str, to: Path, most: int) -> None:
        with self._asking():
            if (self._fs.info(self._at(name)).get("size") or 0) > most:
                raise StoreError(f"{self._url}/{name} is longer than any adapter's file")
            self._fs.get_file(self._at(name), str(to))

    def put(self, name: str, file: Path, *, anew: bool = False) -> None:
        self.check_writable()
        path = self._at(name)
        with self._asking():
            self._fs.invalidate_cache()
            try:
                is_there = not anew and self._fs.info(path)["size"] == file.stat().st_size
            except FileNotFoundError:
                is_there = False
            if not is_there:
                self._write(path, lambda to: self._fs.put_file(str(file), to))

    def replace(self, name: str, data: bytes, mark: str | None) -> None:
        self.check_writable()
        if self._url.kind == "s3":
            self._replace_if(name, data, mark)
        else:
            self._replace_and_look(name, data, mark)

    def remove(self, name: str) -> None:
        self.check_writable()
        path = self._at(name)
        with self._asking():
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(path)
            if self._url.kind == "ssh":  # elsewhere a folder is there only while a file in it is
                with contextlib.suppress(OSError):
                    self._fs.rmdir(path.rpartition("/")[0])

    def _replace_if(self, name: str, data: bytes, mark: str | None) -> None:
        """By a conditional put: the store itself compares."""
        condition = {"mode": "create"} if mark is None else {"IfMatch": mark}
        with self._asking():
            try:
                self._fs.pipe_file(self._at(name), data, **condition)
            except FileExistsError as error:
                raise ChangedMeanwhileError from error
            except OSError as error:
                if _code(error) in _CHANGED:
                    raise ChangedMeanwhileError from error
                if _code(error) not in _CANNOT:
                    raise
                self._replace_and_look(name, data, mark)

    def _replace_and_look(self, name: str, data: bytes, mark: str | None) -> None:
        """Where a store cannot compare: looked at before, and once more a while after."""
        now = self.read(name, 1 << 20)
        if (now[1] if now else None) != mark:
            raise ChangedMeanwhileError
        with self._asking():
            self._write(self._at(name), lambda to: self._fs.pipe_file(to, data))
        time.sleep(SETTLED)
        now = self.read(name, 1 << 20)
        if now is None or now[0] != data:
            raise ChangedMeanwhileError

    def _write(self, path: str, put: Any) -> None:
        """An object is there whole or not; what is a file on a disk comes by way of another."""
        if self._url.kind != "ssh":
            put(path)
            return
        folder, _, _ = path.rpartition("/")
        self._fs.makedirs(folder, exist_ok=True)
        coming = f"{folder}/coming-{uuid.uuid4().hex}"
        try:
            put(coming)
            self._fs.mv(coming, path)  # posix_rename: over what is there
        except BaseException:
            with contextlib.suppress(Exception):
                self._fs.rm_file(coming)
            raise

    def _mark(self, name: str) -> str:
        """An entity tag or what comes near it; empty where the store gives none."""
        self._fs.invalidate_cache()
        info = self._fs.info(self._at(name))
        tag = info.get("ETag") or info.get("etag")
        return str(tag) if tag else ""

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except (StoreError, ChangedMeanwhileError, FileExistsError):
            raise
        except ImportError as error:
            raise StoreError(
                f"{error.name or error} is missing: pip install 'homespun[all]'"
            ) from error
        except Exception as error:  # seven libraries, each with errors of its own
            raise StoreError(f"the store {self._url}: {_reason(error)}") from error


def _ask_known_hosts_alone() -> None:
    """fsspec's own takes whatever host answers, with a key that was never seen or has changed."""
    import fsspec
    import paramiko  # type: ignore[import-untyped]
    from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]

    class KnownHosts(SFTPFileSystem):  # type: ignore[misc]
        protocol = ("sftp", "ssh")

        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, **self.ssh_kwargs)
            self.ftp = self.client.open_sftp()

    for name in KnownHosts.protocol:
        fsspec.register_implementation(name, KnownHosts, clobber=True)


def _for_fsspec(url: StoreUrl) -> str:
    return url.text.replace("sftp://", "ssh://", 1)


def _code(error: BaseException) -> str:
    """A provider's word for what went wrong, which s3fs keeps in the cause."""
    response = getattr(error.__cause__, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError) or not str(error):
        return f"it does not answer ({type(error).__name__})"
    return one_line(str(getattr(error, "strerror", None) or error))[:200]
