"""From a key to what is shown for it, through the real server, at the speed of somebody who types.

    python bench/served_typing.py FOLDER... [--base starter] [--places 8] [--keys 60] [--minutes 0]

In so many files of each FOLDER, a repository, a function is typed on from somewhere inside it,
letter by letter, with gaps like a person's (log-normal around 180 ms, seeded); after each the
editor asks for inline completions, as VS Code does. What the next key overtakes is counted, not
timed: nobody saw it. Told are the times of the others, those that needed no model included, of the
first answer after the start of the process, and the server's memory at the end and after a rest.
With ``--minutes`` it goes on typing at other places until that is over, and tells the server's
memory, open files and threads six times on the way: what grows is seen to grow.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from recorded import code_of, functions

USUAL, SPREAD = 0.18, 0.6  # seconds between two keys: their median, and the logarithm's deviation
REST = 8.0  # seconds, after which a server gives memory back
READY = 20.0  # seconds for a document that was opened: people look before they type


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: from the key to the answer, whether the next key came before, whether anything
    is shown."""

    seconds: float
    overtaken: bool
    shown: bool


class Typist:
    """One open document and where its cursor is."""

    def __init__(self, client: LanguageClient, uri: str, text: str, cursor: int) -> None:
        self._client, self._uri, self._version = client, uri, 1
        before = text[:cursor]
        self._line, self._column = before.count("\n"), len(before) - before.rfind("\n") - 1

    async def ask(self) -> bool:
        """Whether anything is shown at the cursor."""
        return bool(await self.found())

    async def found(self) -> list[types.InlineCompletionItem]:
        """What is shown there."""
        params = types.InlineCompletionParams(
            context=types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
            text_document=types.TextDocumentIdentifier(self._uri),
            position=types.Position(self._line, self._column),
        )
        found = await self._client.text_document_inline_completion_async(params)
        items = found.items if isinstance(found, types.InlineCompletionList) else found
        return list(items or [])

    def press(self, letter: str) -> None:
        self._version += 1
        here = types.Position(self._line, self._column)
        change = types.TextDocumentContentChangePartial(types.Range(here, here), letter)
        document = types.VersionedTextDocumentIdentifier(self._version, self._uri)
        self._client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))
        self._line, self._column = (
            (self._line + 1, 0) if letter == "\n" else (self._line, self._column + 1)
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="typing through the real server")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--base", default="starter")
    parser.add_argument("--places", type=int, default=8)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=0)
    asyncio.run(measure(parser.parse_args()))


async def measure(options: argparse.Namespace) -> None:
    client, began = LanguageClient("bench", "1"), time.perf_counter()
    await client.start_io(
        *(sys.executable, "-m", "homespun_server.cli", "serve", "--base", options.base)
    )
    await client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
    client.initialized(types.InitializedParams())
    answers: list[Answered] = []
    [server] = [one for one in psutil.Process(os.getpid()).children() if "serve" in one.cmdline()]
    watch = Watch(server, 60 * options.minutes)
    for uri, language, text, cursor, letters in watch.until_over(lambda: everywhere(options)):
        typist = Typist(client, uri, text, cursor)
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )
        await typist.ask()
        if not answers:
            print(f"first answer {time.perf_counter() - began:.1f} s after the start", flush=True)
            await asyncio.sleep(READY)  # the code of all files is read meanwhile
        answers += await typed(typist, letters, random.Random(uri))
        client.text_document_did_close(
            types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri))
        )
    tell(answers)
    busy = server.memory_info().rss
    await asyncio.sleep(REST)
    rested = server.memory_info().rss
    after = f"{rested >> 20} after {REST:g} s of rest"
    print(f"memory of the server: {busy >> 20} MiB resident, {after}")
    await client.shutdown_async(None)
    client.exit(None)


Place = tuple[str, str, str, int, str]
"""Address, language and text of a document, where its cursor is, and what is typed there."""


class Watch:
    """A process for so many seconds, told six times."""

    def __init__(self, server: psutil.Process, seconds: float) -> None:
        self._server, self._seconds = server, seconds
        self._began, self._told = time.perf_counter(), 0

    def until_over(self, places: Callable[[], Iterable[Place]]) -> Iterator[Place]:
        """All places once, and again until the time is over."""
        yield from places()
        while self._passed() < self._seconds:
            for place in places():
                self._tell()
                if self._passed() >= self._seconds:
                    return
                yield place

    def _passed(self) -> float:
        return time.perf_counter() - self._began

    def _tell(self) -> None:
        sixth = int(6 * self._passed() / self._seconds)
        if sixth < self._told:
            return
        self._told = sixth + 1
        server = self._server
        print(
            f"after {self._passed() / 60:.0f} min: {server.memory_info().rss >> 20} MiB resident, "
            f"{server.num_fds()} open files, {server.num_threads()} threads",
            flush=True,
        )


def everywhere(options: argparse.Namespace) -> Iterator[Place]:
    """One place of each repository after the other."""
    each = [places(folder, options.places, options.keys) for folder in options.folders]
    return chain.from_iterable(zip(*each, strict=False))


def places(folder: Path, count: int, keys: int) -> Iterator[Place]:
    texts = code_of(folder)
    for path, language, start, end in functions(texts, count):
        text = texts[path]
        cursor = random.Random(path).randrange(start + 1, max(start + 2, end - keys))
        letters = text[cursor : min(end, cursor + keys)]
        uri = (folder.resolve() / path).as_uri()
        yield uri, language, text[:cursor] + text[end:], cursor, letters


async def typed(typist: Typist, letters: str, chance: random.Random) -> list[Answered]:
    """Every key and its request."""
    asked: list[asyncio.Task[Answered]] = []
    pressed = asyncio.Event()
    for letter in letters:
        pressed.set()  # for whoever is not answered yet
        pressed = asyncio.Event()
        typist.press(letter)
        asked.append(asyncio.create_task(_timed(typist, pressed)))
        await asyncio.sleep(chance.lognormvariate(float(np.log(USUAL)), SPREAD))
    return await asyncio.gather(*asked)


async def _timed(typist: Typist, pressed: asyncio.Event) -> Answered:
    began = time.perf_counter()
    shown = await typist.ask()
    return Answered(time.perf_counter() - began, pressed.is_set(), shown)


def tell(answers: list[Answered]) -> None:
    seen = [answer for answer in answers if not answer.overtaken]
    times = 1e3 * np.array([answer.seconds for answer in seen])
    shown = sum(answer.shown for answer in seen)
    print(f"{len(answers)} keys, {len(answers) - len(seen)} answers overtaken by the next")
    print(
        f"{len(seen)} answers, {shown} of them shown: p50 {np.percentile(times, 50):.0f} ms, p95 "
        f"{np.percentile(times, 95):.0f} ms from the key"
    )


if __name__ == "__main__":
    main()
