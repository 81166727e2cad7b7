"""N developers who type at once, each in an editor of their own: what they wait for, what is lost.

    python bench/team_load.py FOLDER... [--developers 20] [--keys 60] [--seconds 0] -- --base NAME
    python bench/team_load.py FOLDER... -- --base starter --remote URL --remote-base BASE

What stands behind ``--`` are flags of ``homespun serve``, of which each developer runs one. They
type as in ``served_typing.py``, in functions of the FOLDERs' code, one after another until
``--seconds`` are over, once each at least. Told are the times from a key to its answer where no
other key came before, what was lost (nothing for ten seconds, or an error), which base answered,
and the requests a second. One process for each developer is on this machine: what a laptop would
have for itself is shared here, so that only a server's figures are those of a team.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from lsprotocol import types
from pygls.lsp.client import LanguageClient
from served_typing import SPREAD, USUAL, Place, Typist, places

LOST = 10.0  # seconds after which nobody waits any more
READY = 10.0  # for the bases to load, before anybody types
PLACES = 64  # of each folder


@dataclass(frozen=True, slots=True)
class Answer:
    """One request that no other key overtook. ``by``: the base and what it was; "" for nothing."""

    seconds: float
    by: str
    lost: bool


class Developer:
    """One editor and whoever types in it."""

    def __init__(self, number: int, flags: list[str]) -> None:
        self._flags, self._client = flags, LanguageClient(f"bench-{number}", "1")
        self._chance = random.Random(number)
        self.keys = 0
        self.answers: list[Answer] = []

    async def begin(self) -> None:
        command = (sys.executable, "-m", "homespun_server.cli", "serve", *self._flags)
        await self._client.start_io(*command)
        await self._client.initialize_async(types.InitializeParams(types.ClientCapabilities()))
        self._client.initialized(types.InitializedParams())

    async def type(self, mine: Iterator[Place], until: float) -> None:
        """At one place after another."""
        await asyncio.sleep(self._chance.random() * 2)  # nobody begins at the same time
        while True:
            await self._type_at(*next(mine))
            if time.perf_counter() > until:
                return

    async def end(self) -> None:
        await self._client.shutdown_async(None)
        self._client.exit(None)

    async def _type_at(self, uri: str, language: str, text: str, cursor: int, letters: str) -> None:
        client, typist = self._client, Typist(self._client, uri, text, cursor)
        document = types.TextDocumentItem(uri, language, 1, text)
        client.text_document_did_open(types.DidOpenTextDocumentParams(document))
        asked, pressed = [], asyncio.Event()
        for letter in letters:
            pressed.set()
            pressed = asyncio.Event()
            typist.press(letter)
            self.keys += 1
            asked.append(asyncio.create_task(self._answered(typist, pressed)))
            await asyncio.sleep(self._chance.lognormvariate(float(np.log(USUAL)), SPREAD))
        self.answers += [answer for answer in await asyncio.gather(*asked) if answer]
        closed = types.TextDocumentIdentifier(uri)
        client.text_document_did_close(types.DidCloseTextDocumentParams(closed))

    async def _answered(self, typist: Typist, pressed: asyncio.Event) -> Answer | None:
        """None where the next key came first: nobody saw the answer."""
        began = time.perf_counter()
        asking = asyncio.ensure_future(typist.found())
        overtaken = asyncio.ensure_future(pressed.wait())
        await asyncio.wait({asking, overtaken}, timeout=LOST, return_when=asyncio.FIRST_COMPLETED)
        seconds, came_first = time.perf_counter() - began, asking.done()
        overtaken.cancel()
        if not came_first and pressed.is_set():
            await asyncio.gather(asking, return_exceptions=True)
            return None
        if not came_first or asking.exception() is not None:
            return Answer(seconds, "", lost=True)
        return Answer(seconds, _by(asking.result()), lost=False)


def _by(items: list[types.InlineCompletionItem]) -> str:
    if not items or items[0].command is None:
        return ""
    told: Any = (items[0].command.arguments or [{}])[0]
    told = told if isinstance(told, dict) else vars(told)
    name = Path(str(told.get("base"))).name
    return f"{name} with {'an adapter' if told.get('revision') else 'none'}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="a team that types at once")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--developers", type=int, default=20)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0)
    own = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options = parser.parse_args(sys.argv[1:own])
    asyncio.run(measure(options, sys.argv[own + 1 :]))


async def measure(options: argparse.Namespace, flags: list[str]) -> None:
    every = [place for folder in options.folders for place in places(folder, PLACES, options.keys)]
    random.Random(0).shuffle(every)
    developers = [Developer(number, flags) for number in range(options.developers)]
    await asyncio.gather(*(one.begin() for one in developers))
    await asyncio.sleep(READY)
    began = time.perf_counter()
    await asyncio.gather(
        *(
            one.type(cycle(every[number :: len(developers)] or every), began + options.seconds)
            for number, one in enumerate(developers)
        )
    )
    tell(developers, time.perf_counter() - began)
    await asyncio.gather(*(one.end() for one in developers))


def tell(developers: list[Developer], seconds: float) -> None:
    keys = sum(one.keys for one in developers)
    answers = [answer for one in developers for answer in one.answers]
    lost = sum(answer.lost for answer in answers)
    times = 1e3 * np.array([answer.seconds for answer in answers if not answer.lost] or [np.nan])
    print(f"{len(developers)} developers, {keys} keys in {seconds:.0f} s: {keys / seconds:.1f}/s")
    print(
        f"{len(answers)} not overtaken by the next key: p50 {np.percentile(times, 50):.0f} ms, "
        f"p95 {np.percentile(times, 95):.0f} ms from the key; {lost} lost"
    )
    for by, count in Counter(answer.by for answer in answers if not answer.lost).most_common():
        print(f"  {count} {f'shown by {by}' if by else 'nothing to show'}")


if __name__ == "__main__":
    main()
