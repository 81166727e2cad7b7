"""HTTP to one server: JSON asked for, and streams that can be given up while they say nothing.

A thread of its own waits for the network, so that whoever asks can be told to stop at any time.
Nothing is followed, unpacked, kept or read without a bound, no proxy is used, and no text of an
answer gets into an error: it could quote code. Each request has a connection of its own, which is
how a server knows that it was given up, and whose end in the middle spoils no other.
"""

from __future__ import annotations

import asyncio
import queue
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from homespun_model.decoding.callbacks import IsCancelled
from homespun_model.errors import Cancelled, RemoteError, RemoteInputError, RemoteNonsense
from homespun_model.remote.address import KEY_VARIABLE, RemoteAddress, key_file
from homespun_model.remote.wire import COMPLETIONS, MODELS, event, is_end, parsed

PATIENCE = 5.0  # seconds without a word, over all that is asked, then it is seen what is wrong
ANSWERING = 10.0  # for an answer that is no completion
LIVING = 2.0  # for one that only says that it is there
MOST_PATIENCE = 20.0  # without a token, whatever else it says: slower is of no use
MOST_PAUSE = 60.0  # that a server may ask for
CONNECTING = 2.0
POLL = 0.02  # seconds in which somebody who waits sees that they need not
MOST_OF_ANSWER = 8 << 20  # bytes of JSON
MOST_OF_LINE = 1 << 20
_END = None

T = TypeVar("T")


class LacksModel(RemoteError):
    """The server does not have what was asked for by name."""


class Refused(RemoteInputError):
    """The server does not do what was asked, and would not the next time."""


class Left(RemoteError):
    """The server was known to be away, or to be left alone, and was not asked."""


@dataclass(frozen=True, slots=True)
class After:
    """A body that is known once what is at ``path`` is; RemoteError where that does not do."""

    path: str
    of: Callable[[Any], Mapping[str, Any]]


Body = Mapping[str, Any] | After


class Link:
    """To one server. ``ask`` from any thread; a ``Stream`` is one thread's."""

    def __init__(self, address: RemoteAddress) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="remote", daemon=True)
        self._certificates = ssl.create_default_context()  # the system's, or SSL_CERT_FILE
        self._silence = 0.0
        self._mute = 0.0
        self._sign: Future[Any] | None = None
        """Of life, once it was asked for."""
        self.is_left = False
        """Whether completions are neither begun nor waited for."""
        self._begins = threading.Lock()
        self._is_closed = False
        self._thread.start()

    def ask(
        self, path: str, body: Mapping[str, Any] | None = None, seconds: float = ANSWERING
    ) -> Any:
        """The JSON at a path, of a POST where there is a body. RemoteError."""
        try:
            return self._begin_asking(path, body, seconds).result()
        except CancelledError as error:
            raise Left("is asked nothing any more") from error

    def stream(self, body: Body) -> Stream:
        """Begin a completion. Left."""
        self.check()
        return Stream(self, body)

    def close(self) -> None:
        """Give up all that is asked: whoever waits for it is told so."""

        async def end() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            self._loop.stop()

        with self._begins:
            if not self._is_closed:
                self._is_closed = self.is_left = True
                asyncio.run_coroutine_threadsafe(end(), self._loop)

    def _begin(self, asking: Coroutine[Any, Any, T]) -> Future[T]:
        """Left once it is closed: nothing would ever come of it."""
        with self._begins:
            if self._is_closed:
                asking.close()
                raise Left("is asked nothing any more")
            return asyncio.run_coroutine_threadsafe(asking, self._loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def check(self) -> None:
        """Raises Left."""
        if self.is_left:
            raise Left("is away")

    def heard(self) -> None:
        """The server has told of a token."""
        self._silence = self._mute = 0.0
        self._sign = None

    def waited(self, seconds: float) -> None:
        """Somebody has waited for so long. RemoteError once that was long, and the server does not
        say either which models it has: one that says it is only slow, for a while. Counted over all
        requests, for who types waits for none of them long."""
        self._silence += seconds
        self._mute += seconds
        if self._mute > MOST_PATIENCE:
            self.heard()
            raise RemoteError("says nothing")
        if self._silence > PATIENCE and self._sign is None:
            self._sign = self._begin_asking(MODELS, None, LIVING)
        if self._sign is not None and self._sign.done():
            is_alive, self._sign, self._silence = self._sign.exception() is None, None, 0.0
            if not is_alive:
                raise RemoteError("says nothing")

    def begin(self, body: Body, into: queue.SimpleQueue[Any]) -> Future[None]:
        """Have the events of a completion put ``into`` a queue: then ``None``, or what went
        wrong."""
        return self._begin(self._stream(body, into))

    async def _stream(self, body: Body, into: queue.SimpleQueue[Any]) -> None:
        try:
            if isinstance(body, After):
                body = body.of(await self._answer(body.path, None))
            async with self._opened("POST", COMPLETIONS, body) as response:
                _check(response, self._address)
                async for line in _lines(response):
                    if is_end(line):
                        return into.put(_END)
                    if (found := event(line)) is not None:
                        into.put(found)
            into.put(RemoteError("breaks off"))
        except RemoteError as error:
            into.put(error)
        except Exception as error:  # whatever a network makes of it
            into.put(_failure(error))

    def _begin_asking(
        self, path: str, body: Mapping[str, Any] | None, seconds: float
    ) -> Future[Any]:
        return self._begin(self._ask(path, body, seconds))

    async def _ask(self, path: str, body: Mapping[str, Any] | None, seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                found = await self._answer(path, body)
        except RemoteError:
            raise
        except TimeoutError as error:
            raise RemoteError("says nothing") from error
        except Exception as error:
            raise _failure(error) from error
        self._silence = 0.0
        return found

    async def _answer(self, path: str, body: Mapping[str, Any] | None) -> Any:
        method = "GET" if body is None else "POST"
        async with self._opened(method, path, body) as response:
            _check(response, self._address)
            whole = bytearray()
            async for piece in response.aiter_raw():
                whole += piece
                if len(whole) > MOST_OF_ANSWER:
                    raise RemoteNonsense("answers without an end")
        return parsed(bytes(whole))

    @asynccontextmanager
    async def _opened(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> AsyncIterator[httpx.Response]:
        headers = {"Accept-Encoding": "identity", "Connection": "close"}
        if self._address.key is not None:
            headers["Authorization"] = f"Bearer {self._address.key}"
        client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(None, connect=CONNECTING),
            verify=self._certificates,
            trust_env=False,
        )
        url = f"{self._address.url}{path}"
        async with client, client.stream(method, url, json=body) as response:
            yield response


class Stream:
    """The events of one completion."""

    def __init__(self, link: Link, body: Body) -> None:
        self._link = link
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._future = link.begin(body, self._events)

    def next(self, cancelled: IsCancelled) -> dict[str, Any] | None:
        """The next one, None at the end. Raises Cancelled soon after ``cancelled`` says yes, and
        RemoteError."""
        while True:
            if cancelled():
                raise Cancelled
            self._link.check()
            begun = time.monotonic()
            try:
                found = self._events.get(timeout=POLL)
            except queue.Empty:
                self._link.waited(time.monotonic() - begun)
                continue
            if isinstance(found, RemoteError):
                raise found
            return found  # type: ignore[no-any-return]

    def heard(self) -> None:
        """An event told of a token."""
        self._link.heard()

    def close(self) -> None:
        """Read no more: the connection is closed, by which a server knows."""
        self._future.cancel()


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    rest = b""
    async for piece in response.aiter_raw():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MOST_OF_LINE:
            raise RemoteNonsense("answers a line without an end")
        for line in lines:
            yield line.decode("utf-8", "replace").strip()
    if rest:
        yield rest.decode("utf-8", "replace").strip()


def _check(response: httpx.Response, address: RemoteAddress) -> None:
    """RemoteError for every status but the one that is good."""
    status = response.status_code
    if status in (401, 403):
        wants = "refuses the key" if address.key else "wants a key"
        raise RemoteInputError(f"{wants} in {KEY_VARIABLE} or {key_file()}")
    if status == 404:
        raise LacksModel("has nothing there")
    if status in (429, 503):
        why = "is asked too much" if status == 429 else "is not ready"
        raise RemoteError(why, _seconds(response.headers.get("retry-after")))
    if 400 <= status < 500:
        raise Refused(f"refuses what it is asked (HTTP status {status})")
    if status != 200:
        raise RemoteError(f"answers with HTTP status {status}")


def _seconds(told: str | None) -> float:
    return min(MOST_PAUSE, float(told[:9])) if told and told.isdecimal() else 0.0


def _failure(error: Exception) -> RemoteError:
    """The kind alone: the text may hold more than a line, and whatever a server says."""
    if _is_of_a_certificate(error):
        return RemoteInputError(
            "has a certificate that this machine does not trust: SSL_CERT_FILE names who signed it"
        )
    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return RemoteError("cannot be reached")
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return RemoteError("breaks off")
    return RemoteError(f"cannot be asked ({type(error).__name__})")


def _is_of_a_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
