"""Blobs read on all cores: processes of our own that get bytes and give readings.

Each answers one batch at a time and the answers come in the order of the questions, so nobody can
see from a result how many processes there were. No ``multiprocessing``: a forked process would hold
the locks of torch's threads, and a spawned one would run the caller's script again.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from homespun_corpus.errors import CorpusError
from homespun_corpus.reading.worker import LENGTH_BYTES

BATCH = 8  # blobs, which one process reads while the next batch is made ready
AHEAD = 2  # batches for each process: memory is bounded by them
MOST = 16  # processes: this one cannot feed more


class WorkerError(CorpusError):
    """A process that reads blobs ended before its time."""


@dataclass(frozen=True, slots=True)
class BlobRequest:
    """A blob to be read as ``language``. ``path`` is for people."""

    path: str
    language: str
    judged: bool
    blob: bytes


def cores() -> int:
    """How many processes this one may use at once."""
    available = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return min(available or 1, MOST)


class WorkerPool:
    """``count`` processes, which start when first asked and end with the ``with`` block."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._processes: list[subprocess.Popen[bytes]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self._processes:
            process.kill()  # nothing is lost: it holds no file
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.communicate()

    def read(self, requests: Iterable[BlobRequest]) -> Iterator[bytes]:
        """The encoded reading of each request, in order. Takes requests as it needs them."""
        self._start()
        requests = iter(requests)
        asked: deque[Future[list[bytes]]] = deque()
        while True:
            while len(asked) < AHEAD * self.count and (batch := list(islice(requests, BATCH))):
                asked.append(self._threads.submit(self._ask, batch))
            if not asked:
                return
            yield from asked.popleft().result()

    def _start(self) -> None:
        while len(self._processes) < self.count:
            process = subprocess.Popen(
                # -P: the folder we are in may be the repository, whose modules are not ours.
                [sys.executable, "-P", "-m", "homespun_corpus.reading.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            )
            self._processes.append(process)
            self._idle.put(process)

    def _ask(self, batch: list[BlobRequest]) -> list[bytes]:
        process = self._idle.get()
        assert process.stdin is not None and process.stdout is not None
        answers: list[bytes] = []
        try:
            head = [(item.language, item.judged, len(item.blob)) for item in batch]
            process.stdin.write(json.dumps(head).encode() + b"\n")
            process.stdin.writelines(item.blob for item in batch)
            process.stdin.flush()
            while len(answers) < len(batch):
                length = _exactly(process.stdout.read(LENGTH_BYTES), LENGTH_BYTES)
                size = int.from_bytes(length, "big")
                answers.append(_exactly(process.stdout.read(size), size))
        except (OSError, ValueError, EOFError) as error:
            raise WorkerError(
                f"the process that read {batch[len(answers)].path} ended: exclude that file in "
                "homespun.toml, or run again"
            ) from error
        finally:
            self._idle.put(process)  # a dead one too: whoever waits for it must not wait for ever
        return answers


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) < size:
        raise EOFError
    return data
