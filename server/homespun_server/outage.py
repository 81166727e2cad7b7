"""How a server was met lately: when it is met again, and what of its failures is said.

Knows no server and no clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from homespun_model.errors import RemoteError

LASTING = 60.0  # seconds of answers after which a failure is a new one
MOST_PAUSE = 60.0
_DOUBLINGS = 6


@dataclass(slots=True)
class Outage:
    """``is_there``: whether it answered when it was last heard of."""

    is_there: bool = False
    _failures: int = 0
    _since: float = 0.0
    _wanted: float = 0.0
    _said: str = ""

    def met(self, now: float) -> bool:
        """It answers; whether it did not before."""
        is_back = not self.is_there
        if is_back:
            self.is_there, self._since = True, now
        return is_back

    def failed(self, error: Exception, now: float, *, lasts: bool) -> bool:
        """It has failed; whether to say so: once for an outage, however often it comes back for a
        moment, and once for each thing that ``lasts`` until somebody acts."""
        is_new = self._failures == 0 or (self.is_there and now - self._since >= LASTING)
        self._failures = 1 if is_new else self._failures + 1
        self.is_there = False
        self._wanted = error.after if isinstance(error, RemoteError) else 0.0
        is_other = lasts and str(error) != self._said
        if lasts:
            self._said = str(error)
        return is_new or is_other

    @property
    def pause(self) -> float:
        """Seconds until it is met again: longer and longer, and what it asks for."""
        return max(self._wanted, min(MOST_PAUSE, 2.0 ** min(_DOUBLINGS, self._failures - 1)))
