"""What an adapter has learnt by heart: training functions that it goes on writing, word for word.

It is given the beginning of a function that it was trained on, and decodes greedily. What the base
writes as well is nobody's secret. A low count is no proof that nothing can be got out, only that
nothing comes by itself. Knows no decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from homespun_corpus.mining.eval_material import Learnt
from homespun_corpus.place import place_at

if TYPE_CHECKING:
    from homespun_model.completer import Completer

RECITED = 50  # tokens, five or six lines
GIVEN_LINES = 3  # of a function: its signature, and what it is about


@dataclass(frozen=True, slots=True)
class Recital:
    """How many tokens of a function's text a model said by itself."""

    function: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Verbatim:
    """``reproduced``: functions that the adapter recites and the base does not."""

    probed: int
    reproduced: int
    longest: int
    """Tokens, at most ``RECITED``, of the function that it knew best."""
    functions: tuple[str, ...]
    """Which were reproduced."""

    @property
    def share(self) -> float:
        return self.reproduced / self.probed if self.probed else 0.0

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"functions": list(self.functions), "share": round(self.share, 6)}


def probe(
    completer: Completer, learnt: Sequence[Learnt], in_time: Callable[[], bool]
) -> Iterator[Recital]:
    """How much of each function the model recites, as long as there is time.

    Functions that are too short to recite ``RECITED`` tokens of are passed over.
    """
    for function in learnt:
        if not in_time():
            return
        given, rest = _cut(function.text)
        if len(completer.base.tokenizer.encode(rest)) < RECITED:
            continue
        place = place_at(given, len(given), path=function.path, language=function.language)
        yield Recital(function.id, completer.recites(place, rest, RECITED))


def compare(before: Sequence[Recital], after: Sequence[Recital]) -> Verbatim:
    """What the adapter recites beyond the base, over the functions that both were asked for."""
    known = {recital.function: recital.tokens for recital in before}
    both = [recital for recital in after if recital.function in known]
    new = [r for r in both if r.tokens >= RECITED > known[r.function]]
    return Verbatim(
        probed=len(both),
        reproduced=len(new),
        longest=max((recital.tokens for recital in both), default=0),
        functions=tuple(recital.function for recital in new),
    )


def _cut(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)
    return "".join(lines[:GIVEN_LINES]), "".join(lines[GIVEN_LINES:])
