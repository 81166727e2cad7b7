"""A process that reads blobs for another: ``python -P -m homespun_corpus.reading.worker``.

On standard input comes a line of JSON, ``[[language, judged, bytes], …]``, and the blobs one behind
the other; on standard output go the readings, each behind its length in four bytes. It ends with
its input: whoever asks may be killed, and leaves nobody behind. It sees bytes, no repository.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import BinaryIO

from homespun_corpus.reading.parsed_file import read_encoded

LENGTH_BYTES = 4


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until there is nothing more to read."""
    while line := requests.readline():
        wanted = json.loads(line)
        blobs = [requests.read(size) for _, _, size in wanted]
        for (language, judged, _), blob in zip(wanted, blobs, strict=True):
            parsed = read_encoded(blob, language, judged=judged)
            replies.write(len(parsed).to_bytes(LENGTH_BYTES, "big") + parsed)
            replies.flush()


def main() -> None:
    """Ctrl-C in a terminal reaches every process: the one that asks decides."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever a library prints is no reply
    try:
        serve(sys.stdin.buffer, replies)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
