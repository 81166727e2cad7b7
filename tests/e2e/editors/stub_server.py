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

STORY = ["def add(first, second):", "    total = first + second", "    return total"]

server = LanguageServer("homespun-stub", "1")


def record(event: str, **details: object) -> None:
    line = json.dumps({"event": event, "pid": os.getpid(), **details})
    with Path(os.environ["STUB_LOG"]).open("a") as log:
        log.write(line + "\n")


def rest_of_story(before: str) -> str | None:
    """What follows `before` (the line up to the cursor) in the story, over several lines."""
    for number, line in enumerate(STORY):
        if len(before) >= 3 and line.startswith(before) and line != before:
            return "\n".join([line[len(before) :], *STORY[number + 1 :]])
    return None


@server.feature(types.INITIALIZED)
def ready(_: types.InitializedParams) -> None:
    record("initialized", arguments=sys.argv[1:])
    status = {"state": "ready", "base": "stub", "revision": "r0007", "message": None, "log": None}
    server.protocol.notify("homespun/status", status)


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
async def suggest(params: types.InlineCompletionParams) -> types.InlineCompletionList:
    document = server.workspace.get_text_document(params.text_document.uri)
    position = params.position
    before = document.lines[position.line][: position.character] if document.lines else ""
    record("asked", before=before)
    if "--slow" in sys.argv:
        await asyncio.sleep(0.5)
    text = rest_of_story(before)
    items = [
        types.InlineCompletionItem(
            insert_text=text,
            range=types.Range(position, position),
            command=types.Command("Accepted", "stub.accepted", arguments=[before]),
        )
    ]
    return types.InlineCompletionList(items if text else [])


@server.command("stub.accepted")
def accepted(before: str) -> None:
    record("accepted", before=before)


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        server.start_io()
    elif sys.argv[1:] == ["--version"]:
        print("homespun-stub 1")
    else:
        print("stub", *sys.argv[1:])


if __name__ == "__main__":
    main()
