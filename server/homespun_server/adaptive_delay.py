"""How long a request may wait so that work is not begun which the next letter makes useless.

A model that answers faster than somebody types is asked at once. With a slower one nearly every
answer would be too late while the typing goes on; so it is asked when the typing rests: when a
letter is late by half of what letters usually take. That never costs more than the model's own
time. Pure arithmetic on times that it is given, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

PAUSE = 1.0  # a longer gap between two changes is thinking, not typing
LATE = 1.5  # of the usual gap: by then a letter would have come
LONGEST = 0.4  # of waiting: somebody who types slower than this is waiting for the answer
WEIGHT = 0.3  # of the newest gap or answer in the mean


@dataclass(slots=True)
class _Typing:
    last: float
    gap: float | None = None


class AdaptiveDelay:
    """The typing of every open document, and what an answer takes."""

    def __init__(self) -> None:
        self._typing: dict[str, _Typing] = {}
        self._latency: float | None = None

    def typed(self, uri: str, now: float) -> None:
        """The document was changed at ``now``."""
        typing = self._typing.get(uri)
        if typing is None:
            self._typing[uri] = _Typing(now)
            return
        if (gap := now - typing.last) < PAUSE:
            typing.gap = _mean(typing.gap, gap)
        typing.last = now

    def computed(self, seconds: float, *, whole: bool = True) -> None:
        """An answer took the model so long; not ``whole``: it was stopped, and would have more."""
        if whole or self._latency is None or seconds > self._latency:
            self._latency = _mean(self._latency, seconds)

    def wait(self, uri: str, now: float) -> float:
        """Seconds that a request made at ``now`` should not be begun."""
        typing = self._typing.get(uri)
        if typing is None or typing.gap is None or self._latency is None:
            return 0.0
        if self._latency <= typing.gap:
            return 0.0
        due = typing.last + LATE * typing.gap
        return max(0.0, min(due - now, self._latency, LONGEST))

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._typing.pop(uri, None)


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)
