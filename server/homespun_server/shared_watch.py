"""What a shared store serves, brought here every few minutes for the repositories that are open.

On a thread of its own: a network may take any time, and no request waits for one. What is here
serves until something newer has come, and where the network is away it is said how old that is.
Knows no models.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from homespun_model.bases.identity import BaseRecord
from homespun_model.errors import ModelError
from homespun_model.sharing.store_place import StorePlace

from homespun_server.logs import failure

EVERY = 180.0  # seconds between two looks at a repository's

logger = logging.getLogger(__name__)


class SharedWatch:
    """``place`` has a URL."""

    def __init__(self, place: StorePlace, clock: Callable[[], float] = time.monotonic) -> None:
        self._place = place
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="shared")
        self._lock = threading.Lock()
        self._due: dict[tuple[str, str], float] = {}
        self._problems: dict[str, tuple[str, str]] = {}

    def touch(self, repository: str, base: BaseRecord) -> None:
        """Somebody works in a repository: look there if the last look is a while ago. Never
        waits; any thread may call it."""
        key, now = (repository, base.key), self._clock()
        with self._lock:
            if now < self._due.get(key, now):
                return
            self._due[key] = now + EVERY
        try:
            self._thread.submit(self._pull, repository, base)
        except RuntimeError:  # closed meanwhile
            return

    def problem(self, repository: str) -> tuple[str, str] | None:
        """Why what is here may be old, and how old; None where the last look went well."""
        return self._problems.get(repository)

    def close(self) -> None:
        """Look no more; a look that hangs is left to itself."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _pull(self, repository: str, base: BaseRecord) -> None:
        try:
            self._place.pull(repository, base)
        except (ModelError, OSError) as error:
            self._problems[repository] = str(error), how_old(self._place.age(repository))
        except Exception as error:  # suggestions do without
            logger.error("the shared store: %s", failure(error))
            self._problems[repository] = "the shared store cannot be asked", "see the log"
        else:
            self._problems.pop(repository, None)


def how_old(age: float | None) -> str:
    """Of what is served though its URL does not answer; ``age`` in seconds."""
    if age is None:
        return "nothing of it is here yet, so the base serves"
    if age < 2 * 3600:
        return f"what is here is served, as of {max(1, round(age / 60))} minutes ago"
    if age < 48 * 3600:
        return f"what is here is served, as of {round(age / 3600)} hours ago"
    return f"what is here is served, as of {round(age / 86400)} days ago"
