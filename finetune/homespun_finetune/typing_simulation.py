"""Typing saved: lines of the newest code typed again, with the suggestions that would be shown.

A person types what was written, one character after the other. Where nothing is shown, the model is
asked as an editor asks it, the show threshold included. What is shown stays while the typed text
agrees with it, is taken as soon as it is right and worth a key, and is dismissed, at a cost, by the
first character that disagrees. A line stands where a hole was asked about, so that its prompt is
read already. Knows no training and no decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place

from homespun_finetune.metrics import SimulatedLine

if TYPE_CHECKING:
    from homespun_finetune.holdout import ServedModel

WORTH_A_KEY = 4
"""Characters of a right suggestion below which a person types on rather than take it."""
MIN_TYPED = 8  # characters of a line, or there is nothing to save


@dataclass(frozen=True, slots=True)
class TypedLine:
    """The line that a hole begins with, or the rest of it.

    ``place``: the cursor where it begins. ``text``: without white space before and behind.
    """

    id: str
    place: Place
    text: str


def line_of(hole: Sample, name: str) -> TypedLine | None:
    """What is to be typed of a hole, under its name; None where the hole ends inside a line, or
    where too little of the line is left."""
    middle = hole.middle.replace("\r\n", "\n")
    blank = len(middle) - len(middle.lstrip())
    text, newline, _ = middle[blank:].partition("\n")
    if not newline and hole.place.suffix.partition("\n")[0].strip():
        return None
    if len(text.rstrip()) < MIN_TYPED:
        return None
    place = replace(hole.place, prefix=hole.place.prefix + middle[:blank])
    return TypedLine(name, place, text.rstrip())


def simulate_line(
    served: ServedModel, line: TypedLine, in_time: Callable[[], bool] = lambda: True
) -> SimulatedLine | None:
    """Type one line from its beginning to its end; None if the time is over before that."""
    typed = accepted = dismissed = asked = 0
    shown = ""
    while typed < len(line.text):
        left = line.text[typed:]
        if not shown:
            if not in_time():  # with a large base each key may take a second
                return None
            (shown, _), asked = suggested(served, line, typed), asked + 1
        taken = saved(shown, left)
        if taken >= WORTH_A_KEY:
            typed, accepted, shown = typed + taken, accepted + taken, ""
            continue
        if shown and shown[0] != left[0]:
            dismissed, shown = dismissed + 1, ""
        typed, shown = typed + 1, shown[1:]
    return SimulatedLine(
        line=line.id,
        file=line.place.path,
        language=line.place.language or "",
        characters=len(line.text),
        accepted=accepted,
        dismissed=dismissed,
        asked=asked,
    )


def suggested(served: ServedModel, line: TypedLine, typed: int) -> tuple[str, float]:
    """What an editor would show at the cursor, "" for nothing, and how likely its first line is.

    Once the text is less likely than what is shown, it ends: nothing behind that would be shown.
    """
    place = replace(line.place, prefix=line.place.prefix + line.text[:typed])
    least = served.least_logprob(place.language)
    suggestion = served.complete(
        place, guess=line.text[typed:], settled=lambda _, logprob: logprob < least
    )
    text = suggestion.text.replace("\r\n", "\n") if suggestion.shown else ""
    return text, suggestion.line_logprob


def saved(shown: str, left: str) -> int:
    """How many characters taking ``shown`` saves where ``left`` is to be typed; 0 if it is wrong.

    One line may be the beginning of what is to come; of more lines, the first must be the rest.
    """
    first, newline, _ = shown.partition("\n")
    right = first.rstrip() == left if newline else left.startswith(first.rstrip())
    return len(first.rstrip()) if right else 0
