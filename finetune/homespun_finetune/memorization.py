"""What an adapter has memorized: training functions that it goes on writing, word for word.

It is given the beginning of a function that it was trained on, and decodes greedily. What the base
writes as well is nobody's secret. A low count is no proof that nothing can be got out, only that
nothing comes by itself. Knows no decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from homespun_corpus.mining.eval_material import LearntFunction
from homespun_corpus.place import place_at

if TYPE_CHECKING:
    from homespun_model.decoding.completing import Scoring

PROBED = 50  # tokens, five or six lines
GIVEN_LINES = 3  # of a function: its signature, and what it is about


@dataclass(frozen=True, slots=True)
class Probe:
    """How many tokens of a function's text a model said by itself."""

    function: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Memorization:
    """``reproduced``: functions that the adapter recites and the base does not."""

    probed: int
    reproduced: int
    longest: int
    """Tokens, at most ``PROBED``, of the function that it knew best."""
    functions: tuple[str, ...]
    """Which were reproduced."""

    @property
    def share(self) -> float:
        return self.reproduced / self.probed if self.probed else 0.0

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"functions": list(self.functions), "share": round(self.share, 6)}


def probe(
    completer: Scoring, functions: Sequence[LearntFunction], in_time: Callable[[], bool]
) -> Iterator[Probe]:
    """How much of each function the model recites, as long as there is time.

    Functions that are too short to recite ``PROBED`` tokens of are passed over.
    """
    for function in functions:
        if not in_time():
            return
        given, rest = _cut(function.text)
        if len(completer.tokens(rest)) < PROBED:
            continue
        place = place_at(given, len(given), path=function.path, language=function.language)
        yield Probe(function.id, completer.memorized(place, rest, PROBED))


def compare(before: Sequence[Probe], after: Sequence[Probe]) -> Memorization:
    """What the adapter recites beyond the base, over the functions that both were asked for."""
    known = {r.function: r.tokens for r in before}
    both = [r for r in after if r.function in known]
    new = [r for r in both if r.tokens >= PROBED > known[r.function]]
    return Memorization(
        probed=len(both),
        reproduced=len(new),
        longest=max((r.tokens for r in both), default=0),
        functions=tuple(r.function for r in new),
    )


def _cut(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    return "".join(lines[:GIVEN_LINES]), "".join(lines[GIVEN_LINES:])
