"""A stand-in for the `homespun` command with known suggestions, so that a client is tested alone.

It suggests the rest of STORY wherever the text before the cursor on its line begins one of STORY's
lines. What it is asked goes, as JSON lines, to the file named by STUB_LOG. `--slow` answers half a
second late.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer

REVISION = "r0007"
STORY = ["def add(first, second):", "    total = first + second", "    return total"]

server = LanguageServer("homespun-stub", "1")


def record(event: str, **details: object) -> None:
    line = json.dumps({"event": event, "pid": os.getpid(), **details})
    with Path(os.environ["STUB_LOG"]).open("a") as log:
        log.write(line + "\n")


def _end(position: types.Position, after: str) -> types.Position:
    """Behind a bracket that the editor closed by itself: the story has its own."""
    return types.Position(position.line, position.character + (after.strip() == ")"))


def rest_of_story(before: str) -> str | None:
    """What follows `before` (the line up to the cursor) in the story, over several lines."""
    for number, line in enumerate(STORY):
        if len(before) >= 3 and line.startswith(before) and line != before:
            return "\n".join([line[len(before) :], *STORY[number + 1 :]])
    return None


@server.feature(types.INITIALIZED)
def ready(_: types.InitializedParams) -> None:
    record("initialized", arguments=sys.argv[1:])
    served = {"base": "stub", "revision": REVISION, "repository": "stub/repository"}
    server.protocol.notify("homespun/status", {"state": "ready", "message": None, **served})


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
async def suggest(params: types.InlineCompletionParams) -> types.InlineCompletionList:
    document = server.workspace.get_text_document(params.text_document.uri)
    position = params.position
    line = document.lines[position.line] if document.lines else ""
    before, after = line[: position.character], line[position.character :]
    record("asked", before=before)
    if "--slow" in sys.argv:
        await asyncio.sleep(0.5)
    text = rest_of_story(before)
    items = [
        types.InlineCompletionItem(
            insert_text=text,
            range=types.Range(position, _end(position, after)),
            command=types.Command("Accepted", "stub.accepted", arguments=[{"revision": REVISION}]),
        )
    ]
    return types.InlineCompletionList(items if text else [])


@server.command("stub.accepted")
def accepted(served: dict[str, str]) -> None:
    record("accepted", served=served)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        server.start_io()
    elif sys.argv[1:] == ["--version"]:
        print("homespun-stub 1")
    else:
        print("stub", *sys.argv[1:])


if __name__ == "__main__":
    main()
