"""Whether a completion goes on, asked after each of its tokens; and an end right at its beginning.

An empty answer helps nobody. Where a model gives its end 0.6 and a line 0.3, the line is what may
be wanted: so an end before any text is passed over for the likeliest other token, which keeps the
probability that it has beside the end. Once the line is less likely than what is shown, the end
stands after all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from homespun_model.decoding.callbacks import Settled
from homespun_model.decoding.confidence import TokenStarts, logprob
from homespun_model.stopping.trim import Trimmer


@dataclass(slots=True)
class Watch:
    """``text``: of ids. ``least``: the natural log-probability from which on a line is shown.
    ``whole``: what is less likely goes on all the same."""

    text: Callable[[Sequence[int]], str]
    trimmer: Trimmer
    settled: Settled
    least: float
    whole: bool = True
    passed_over: bool = False
    """Whether an end was."""
    doubted: bool = False
    """Whether the text was given up as too unlikely."""

    def may_end(self, ids: Sequence[int]) -> bool:
        """``Decoder.generate``'s."""
        if self.text(ids):
            return True
        self.passed_over = True
        return False

    def goes_on(self, ids: list[int], logprobs: list[float]) -> bool:
        """``Decoder.generate``'s ``keep_going``."""
        text, so_far = self.text(ids), sum(logprobs)
        if so_far < self.least and not (self.whole and self._is_asked_for(text)):
            self.doubted = True
            return False
        return not (self.trimmer.done(text) or self.settled(text, so_far))

    def _is_asked_for(self, text: str) -> bool:
        """Whether what is too unlikely to be shown is of use: not in place of an end."""
        return not self.passed_over or text != _first_line(text)

    def ends_after_all(self, text: str, starts: TokenStarts) -> bool:
        """Whether a text that was written in place of an end is less likely than what is shown."""
        return self.passed_over and logprob(_first_line(text), starts) < self.least


def _first_line(text: str) -> str:
    """With the blank ones above it."""
    blank = len(text) - len(text.lstrip())
    return text[:blank] + text[blank:].partition("\n")[0]
