"""Bytes onto the disk: from an address or a file, into a part that outlives an interruption.

What is in a part is believed by nobody before its hash is known (``check``). Redirects never lead
from a secure connection to an open one, and a silent server is given up. Knows no sources.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from homespun_model.catalogue.catalogue import BaseFile
from homespun_model.errors import FetchError, NoRoomError

CHUNK = 1 << 20
SPARE = 1.05  # times what is to come has to be free
TRIES = 5  # in one go, as long as each brings something
REDIRECTS = 5
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

Heard = Callable[[int], None]
"""Told how many bytes of a file are here."""


@dataclass(frozen=True, slots=True)
class Download:
    """An address on its way into a part."""

    url: str
    part: Path
    wanted: BaseFile
    heard: Heard
    timeout: float
    """Seconds of silence after which it is given up."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """For the address itself: where a redirect leads learns no token."""

    def run(self) -> None:
        """Fetch what is missing of the part. FetchError; what came is kept."""
        check_address(self.url)
        opener = urllib.request.build_opener(_Redirects())
        opener.addheaders = [("User-Agent", "homespun")]
        for tries_left in reversed(range(TRIES)):
            before = _size(self.part)
            try:
                total = self._go_on(opener)
            except (OSError, http.client.HTTPException, ValueError) as error:
                if (tries_left and _size(self.part) > before) or _begin_anew(error, self.part):
                    continue
                raise FetchError(f"{_host(self.url)}: {_why(error)}") from error
            here = _size(self.part)
            if total is None or here >= total:
                return
            if not tries_left or here == before:
                raise FetchError(
                    f"{_host(self.url)} broke off after {here:,} of {total:,} bytes; they are "
                    "kept: repeat the command to go on from there"
                )

    def _go_on(self, opener: urllib.request.OpenerDirector) -> int | None:
        """One request for what is missing; the size of the whole, where it is known."""
        begun, size = self._begun(), self.wanted.size
        if size is not None and begun >= size:
            return size
        with opener.open(self._request(begun), timeout=self.timeout) as answer:
            at = begun if _goes_on_at(answer, begun) else 0
            if not at:
                _note_version(answer, _version_of(self.part))
            total = _total(answer, at, self.wanted)
            make_sure_of_room(self.part.parent, (total or at) - at)
            with writing(self.part, at=at) as file:
                while chunk := answer.read(CHUNK):
                    if total is not None and file.tell() + len(chunk) > total:
                        raise FetchError(f"{_host(self.url)} sends more than the published file")
                    file.write(chunk)
                    self.heard(file.tell())
        return total

    def _begun(self) -> int:
        """Bytes to go on from; none where nothing would tell that both ends are of one file."""
        return _size(self.part) if self.wanted.is_known or _version_of(self.part).is_file() else 0

    def _request(self, begun: int) -> urllib.request.Request:
        request = urllib.request.Request(self.url)
        for name, value in self.headers.items():
            request.add_unredirected_header(name, value)
        if begun:
            request.add_header("Range", f"bytes={begun}-")
        if begun and not self.wanted.is_known:
            request.add_header("If-Range", _version_of(self.part).read_text(encoding="latin-1"))
        return request


def copy(source: Path, part: Path, heard: Heard) -> None:
    """A file of this machine. FetchError."""
    try:
        with source.open("rb") as read, writing(part, at=0) as write:
            while chunk := read.read(CHUNK):
                write.write(chunk)
                heard(write.tell())
    except OSError as error:
        raise FetchError(f"{source} cannot be read: {error.strerror}") from error


def check(part: Path, wanted: BaseFile) -> str:
    """The sha256 of a file that is all here; FetchError if it is not what was published.

    Then it is deleted: nothing can be made of it.
    """
    sha256 = sha256_if(part, wanted)
    if sha256 is None:
        part.unlink()
        raise FetchError(f"{wanted.source} is not the published file: its hash is another")
    return sha256


def sha256_if(path: Path, wanted: BaseFile) -> str | None:
    """The sha256 of a file, None if it is not what was published. OSError."""
    size = path.stat().st_size
    sha256, sha1 = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            if wanted.git_sha1 is not None:
                sha1.update(chunk)
    right = (
        wanted.size in (None, size)
        and wanted.sha256 in (None, sha256.hexdigest())
        and wanted.git_sha1 in (None, sha1.hexdigest())
    )
    return sha256.hexdigest() if right else None


def make_sure_of_room(folder: Path, size: int) -> None:
    """NoRoomError unless the disk of ``folder`` takes ``size`` more bytes, and some to spare."""
    free = shutil.disk_usage(folder).free
    if free < SPARE * size:
        raise NoRoomError(
            f"{folder} has room for {free / 1e6:,.0f} MB, {SPARE * size / 1e6:,.0f} are needed"
        )


@contextmanager
def writing(part: Path, *, at: int) -> Iterator[IO[bytes]]:
    """``part`` from byte ``at`` on; a full disk is a NoRoomError."""
    try:
        with part.open("r+b" if part.exists() else "w+b") as file:
            file.truncate(at)
            file.seek(at)
            yield file
    except OSError as error:
        if error.errno in NO_ROOM and not isinstance(error, urllib.error.URLError):
            raise NoRoomError(
                f"the disk is full: {part.parent} takes no more ({error.strerror}); what came is "
                "kept until `homespun models remove`"
            ) from error
        raise


def check_address(url: str) -> None:
    """FetchError for an address that nothing is fetched from: an open connection, unless it stays
    on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        return
    where = f"{parts.scheme}://{parts.hostname or ''}"[:80]
    raise FetchError(f"{where} is no https address: nothing is fetched over an open connection")


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = REDIRECTS

    def redirect_request(  # noqa: PLR0917 - as it is called
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        check_address(newurl)
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise FetchError(f"{_host(req.full_url)} leads on to an open connection: not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _goes_on_at(answer: Any, begun: int) -> bool:
    """Whether an answer is the rest that was asked for; the whole is as good."""
    if answer.status != http.client.PARTIAL_CONTENT:
        return False
    said = str(answer.headers.get("Content-Range", ""))
    if not said.startswith(f"bytes {begun}-"):
        raise FetchError("the server sends another part than was asked for")
    return True


def _version_of(part: Path) -> Path:
    """Where the server's name for what ``part`` is of is noted."""
    return part.with_name(f"{part.name}.etag")


def _note_version(answer: Any, file: Path) -> None:
    etag = str(answer.headers.get("ETag", ""))
    file.unlink(missing_ok=True)
    if etag.startswith('"') and etag.isprintable():  # a strong one
        file.write_text(etag, encoding="latin-1")


def _total(answer: Any, at: int, wanted: BaseFile) -> int | None:
    length = answer.headers.get("Content-Length")
    total = at + int(length) if length is not None else None
    if wanted.size is not None and total is not None and total != wanted.size:
        raise FetchError(
            f"the server has {total:,} bytes for {wanted.source}, published were {wanted.size:,}"
        )
    return wanted.size or total


def _begin_anew(error: Exception, part: Path) -> bool:
    """Whether the part was longer than what it is of, and is gone now."""
    if not isinstance(error, urllib.error.HTTPError) or not _size(part):
        return False
    if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
        return False
    part.unlink()
    return True


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        if "infinite loop" in str(error.msg):
            return "its redirects lead in a circle"
        return f"{error.code} {error.reason}"
    reason = getattr(error, "reason", error)
    if isinstance(reason, TimeoutError):
        return "it does not answer"
    return " ".join(str(getattr(reason, "strerror", None) or reason).split())
