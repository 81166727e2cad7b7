"""Typing saved: lines of the newest code typed again, with the suggestions that would be shown.

A person types what was written, one character after the other. Where nothing is shown, the model is
asked as an editor asks it, the show threshold included. What is shown stays while the typed text
agrees with it, is taken as soon as it is right and worth a key, and is dismissed, at a cost, by the
first character that disagrees. Knows no training and no decision.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from homespun_corpus.mining.eval_material import TypedLine

from homespun_finetune.metrics import SimulatedLine

if TYPE_CHECKING:
    from homespun_finetune.holdout import ServedModel

WORTH_A_KEY = 4
"""Characters of a right suggestion below which a person types on rather than take it."""
FIRST_LINE = 20.0
"""Seconds that the first line may take in any case: less than one line tells nothing."""
_SESSION = "typing"


def simulate_typing(
    served: ServedModel, lines: Sequence[TypedLine], in_time: Callable[[], bool]
) -> Iterator[SimulatedLine]:
    """Each line in order, as long as there is time; none that was not typed to its end."""
    patient, begun = True, time.monotonic()

    def go_on() -> bool:
        return in_time() or (patient and time.monotonic() - begun < FIRST_LINE)

    for line in lines:
        if not go_on() or (found := simulate_line(served, line, go_on)) is None:
            return
        yield found
        patient = False


def simulate_line(
    served: ServedModel, line: TypedLine, in_time: Callable[[], bool] = lambda: True
) -> SimulatedLine | None:
    """Type one line from its indentation to its end; None if the time is over before that."""
    typed = accepted = dismissed = asked = 0
    shown = ""
    while typed < len(line.text):
        left = line.text[typed:]
        if not shown:
            if not in_time():  # with a large base each key may take a second
                return None
            shown, asked = _suggested(served, line, typed), asked + 1
        taken = _right(shown, left)
        if taken >= WORTH_A_KEY:
            typed, accepted, shown = typed + taken, accepted + taken, ""
            continue
        if shown and shown[0] != left[0]:
            dismissed, shown = dismissed + 1, ""
        typed, shown = typed + 1, shown[1:]
    return SimulatedLine(
        line=line.id,
        file=line.place.path,
        language=line.language,
        characters=len(line.text),
        accepted=accepted,
        dismissed=dismissed,
        asked=asked,
    )


def _suggested(served: ServedModel, line: TypedLine, typed: int) -> str:
    """What an editor would show at the cursor; "" for nothing."""
    place = replace(line.place, prefix=line.place.prefix + line.text[:typed])
    suggestion = served.complete(place, session=_SESSION)
    return suggestion.text.replace("\r\n", "\n") if suggestion.shown else ""


def _right(shown: str, left: str) -> int:
    """How many characters taking ``shown`` saves where ``left`` is to be typed; 0 if it is wrong.

    One line may be the beginning of what is to come; of more lines, the first must be the rest.
    """
    first, newline, _ = shown.partition("\n")
    right = first.rstrip() == left if newline else left.startswith(first.rstrip())
    return len(first.rstrip()) if right else 0
