"""Bytes between an editor and the server: frames in, frames out, and when to stop.

A thread reads and a thread writes, so that neither a slow editor nor a full pipe holds up the event
loop. Broken framing is survived: whatever is not a header is skipped to the next one. Knows no JSON
and no LSP.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import re
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from homespun_server.errors import ServerError

CHUNK = 1 << 16
MAX_HEADER = 1 << 16
MAX_BODY = 1 << 28  # 256 MB: beyond any document, within any machine
MAX_UNREAD = 1 << 26  # answers an editor has not read: it hangs, and so would we
FLUSH_SECONDS = 2.0
HEADER_END = re.compile(rb"\r?\n\r?\n")  # a script that writes \n is understood
LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,20})", re.IGNORECASE)

logger = logging.getLogger(__name__)


class FrameDecoder:
    """Cuts a stream of bytes into message bodies."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that ``data`` completes. ServerError where a length is out of all reason."""
        self._buffer += data
        bodies = []
        while (body := self._next()) is not None:
            bodies.append(body)
        return bodies

    def _next(self) -> bytes | None:
        while self._length is None:
            end = HEADER_END.search(self._buffer)
            if end is None:
                del self._buffer[:-MAX_HEADER]
                return None
            self._length = _content_length(bytes(self._buffer[: end.start()]))
            del self._buffer[: end.end()]
        if len(self._buffer) < self._length:
            return None
        body = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length = None
        return body


def _content_length(header: bytes) -> int | None:
    """The last length named: before it may lie the rest of a message that was cut short."""
    lengths = LENGTH.findall(header)
    if not lengths:
        return None
    if int(lengths[-1]) > MAX_BODY:
        raise ServerError(f"a message of {int(lengths[-1])} bytes: the connection is not sane")
    return int(lengths[-1])


@dataclass(frozen=True, slots=True)
class Stream:
    """Two blocking calls: ``read`` gives b"" at the end, ``write`` takes everything or raises."""

    read: Callable[[int], bytes]
    write: Callable[[bytes], None]


class Connection:
    """One editor's connection, used from one event loop."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._unread = 0
        self._lock = threading.Lock()
        self._stopped = asyncio.Event()
        self._writer = threading.Thread(target=self._write_all, name="writer", daemon=True)

    async def run(self, receive: Callable[[bytes], None]) -> None:
        """Call ``receive`` with every body until the other side is gone or ``stop`` is called."""
        self._loop = asyncio.get_running_loop()
        self._writer.start()
        reader = threading.Thread(
            target=self._read_all, args=(receive,), name="reader", daemon=True
        )
        reader.start()
        await self._stopped.wait()
        self._outgoing.put(None)
        await asyncio.to_thread(self._writer.join, FLUSH_SECONDS)

    def write(self, data: bytes) -> None:
        """Queue ``data``, header included; never blocks."""
        with self._lock:
            self._unread += len(data)
            hangs = self._unread > MAX_UNREAD
        if hangs:
            logger.error("the editor reads no answers: giving up")
            self.stop()
        self._outgoing.put(data)

    def close(self) -> None:
        """What pygls calls at the end."""
        self.stop()

    def stop(self) -> None:
        """End ``run`` after what is queued was written."""
        self._stopped.set()

    def _read_all(self, receive: Callable[[bytes], None]) -> None:
        decoder = FrameDecoder()
        try:
            while data := self._stream.read(CHUNK):
                for body in decoder.feed(data):
                    # Waiting for each keeps a flood in the pipe instead of in memory.
                    self._on_loop(receive, body)
        except OSError:
            pass  # the same as an end
        except ServerError as error:
            logger.error("%s", error)
        finally:
            self._stop_from_thread()

    def _on_loop(self, receive: Callable[[bytes], None], body: bytes) -> None:
        async def call() -> None:
            if not self._stopped.is_set():
                receive(body)

        asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def _write_all(self) -> None:
        while (data := self._outgoing.get()) is not None:
            try:
                self._stream.write(data)
            except OSError:
                self._stop_from_thread()
                return
            with self._lock:
                self._unread -= len(data)

    def _stop_from_thread(self) -> None:
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self.stop)


def stdio() -> Stream:
    """The process's own pipes, taken away from everything else.

    After this, a stray print of any library lands on standard error, not in the protocol, and a
    child process inherits neither pipe.
    """
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(incoming, os.O_BINARY)
        msvcrt.setmode(outgoing, os.O_BINARY)

    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(outgoing, view) :]

    return Stream(lambda size: os.read(incoming, size), write)


def tcp_stream(host: str, port: int, ready: Callable[[int], None]) -> Stream:
    """The first connection to ``host:port``; ``ready`` gets the port once it can be reached."""
    try:
        with socket.create_server((host, port)) as server:
            ready(server.getsockname()[1])
            connection, _ = server.accept()
    except OSError as error:
        raise ServerError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return Stream(connection.recv, connection.sendall)
