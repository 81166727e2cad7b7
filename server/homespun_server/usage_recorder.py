"""Counts on their way to the disk: on a thread of its own, so that no suggestion waits for one.

Numbers alone, in the user's own file (``model/…/usage/database.py``). What cannot be written now is
tried again with what comes next; when too much has gathered, the oldest is lost. Sends nothing
anywhere.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import replace
from pathlib import Path

from homespun_model.usage.counted import Asked, Fate
from homespun_model.usage.database import UsageWriter

from homespun_server.logs import failure

GATHERED = 2.0  # seconds between two writes
MOST = 5_000  # things that wait to be written
FAREWELL = 1.0  # seconds that the end of the process waits for the last write

logger = logging.getLogger(__name__)


class UsageRecorder:
    """Used from one event loop."""

    def __init__(self, file: Path) -> None:
        self.session = secrets.token_hex(8)
        self._writer = UsageWriter(file)
        self._queue: queue.SimpleQueue[Asked | tuple[int, Fate] | None] = queue.SimpleQueue()
        self._asked: deque[Asked] = deque(maxlen=MOST)
        self._fates: OrderedDict[int, Fate] = OrderedDict()
        self._failures: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()

    def asked(self, asked: Asked) -> None:
        """A request was answered, or not wanted any more."""
        self._queue.put(asked)

    def fate(self, number: int, fate: Fate) -> None:
        """More is known of a suggestion; ``number`` names it in this session."""
        self._queue.put((number, replace(fate)))

    def close(self) -> None:
        """Write what has gathered, if that goes soon."""
        self._queue.put(None)
        self._thread.join(FAREWELL)

    def _run(self) -> None:
        is_open = True
        while is_open:
            is_open = self._gather()
            self._write()
        self._writer.close()

    def _gather(self) -> bool:
        """What comes within a while of the first; False at the end."""
        waiting: float | None = None  # the first may take any time
        end = 0.0
        while True:
            try:
                found = self._queue.get(timeout=waiting)
            except queue.Empty:
                return True
            if found is None:
                return False
            if isinstance(found, Asked):
                self._asked.append(found)
            else:
                self._fates[found[0]] = found[1]
                while len(self._fates) > MOST:
                    self._fates.popitem(last=False)
            end = end or time.monotonic() + GATHERED
            waiting = max(0.0, end - time.monotonic())

    def _write(self) -> None:
        try:
            self._writer.write(self._asked, self._fates.items())
        except Exception as error:  # suggestions do without
            if (kind := failure(error)) not in self._failures:
                self._failures.add(kind)
                logger.warning("usage is not counted: %s", kind)
        else:
            self._asked.clear()
            self._fates.clear()
