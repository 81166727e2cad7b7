"""What a suffix ends of what a prefix began: the brackets and quotes that nobody may write again.

An editor puts most of them there by itself. Those on the cursor's line count in strings and
comments too; further down only those of code do, and what ends the string or comment. Knows no
suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homespun_corpus.place import Place

from homespun_model.stopping.nesting import QUOTES, Frame, Nesting, Step, brackets, rules

MAX_READINGS = 4
OPENS_STRING = re.compile(r"(^|[=(\[{,:+]\s*|\b(return|yield|in)\s+)[rbfuRBFU]{0,2}$")


@dataclass(frozen=True, slots=True)
class Due:
    """``closers``: what stands behind the cursor, innermost first, the first ``on_line`` on its
    line. ``floor``: how many of the outermost frames those on the line have nothing to do with.
    ``open_behind``: how many brackets of code of the cursor's line are open at its end.
    ``text_rest``: the rest of the line up to the end of the innermost string; "" if that is not in
    it. ``asks``: whether the rest of the line closes what was never begun: a bracket or string of
    which the suggestion has the beginning.
    """

    closers: Sequence[str]
    on_line: int
    floor: int
    open_behind: int
    text_rest: str
    asks: bool

    def fits(self, frames: Sequence[Frame]) -> bool:
        """Whether each closer finds its partner in ``frames``, in order; some may be left over."""
        line = self.closers[: self.on_line]
        return _all_in(self.closers, frames) and (
            not self.floor or _all_in(line, frames[self.floor :])
        )


def due(place: Place, frames: Sequence[Frame]) -> Due:
    """What the suffix ends of ``frames``, those at 0 or more of the cursor's line."""
    line = place.suffix.partition("\n")[0]
    nesting, here = _first_line(place, frames, line)
    kept = min([len(frames), *(end.left for end in here)])
    opened = nesting.frames[kept:]
    here = [end for end in here if end.text not in QUOTES or not _is_paired(end, line)]
    on_line = list(_partnered(here, frames, len(frames)))
    if len(on_line) < len(here):  # the suggestion has to open something first
        nesting, kept = Nesting(rules(place.language), frames), len(frames)
    left = on_line[-1][1] if on_line else len(frames)
    below = [end for end in _ends(nesting, kept, place.suffix, len(line)) if end.kind != "mark"]
    closers = [end.text for end, _ in (*on_line, *_partnered(below, frames, left))]
    above = sum(frame.start < 0 for frame in frames)
    return Due(
        closers,
        len(on_line),
        above if _all_in(closers[: len(on_line)], frames[above:]) else 0,
        brackets([*frames[above:left], *opened]),
        _text_rest(frames, here, line),
        len(on_line) < len(here) or any(_stays_open(frame, place, line) for frame in opened),
    )


def _is_paired(end: _End, line: str) -> bool:
    """Whether a quote in a text is of a pair that stands behind the cursor."""
    return end.kind == "mark" and line.count(end.text) % 2 == 0


def closes(before: str) -> bool:
    """Whether three quotes behind ``before`` end a string rather than begin one."""
    line = before.rpartition("\n")[2].strip()
    if line:
        return OPENS_STRING.search(line) is None
    above = before.rstrip()
    return bool(above) and not above.endswith((":", "(", "[", "{", ",", "="))


@dataclass(frozen=True, slots=True)
class _End:
    """A closer, at ``end`` of the suffix, of something begun before it; or of nothing: "stray".

    "beyond": of nothing either, but a bracket further out is alike. ``left``: how many of the
    frames from before are open behind it.
    """

    text: str
    end: int
    kind: str
    left: int


def _first_line(place: Place, frames: Sequence[Frame], line: str) -> tuple[Nesting, list[_End]]:
    """What the rest of the cursor's line ends, and how it leaves the nesting.

    The string or comment that the cursor is in may have no end yet, or the code in it none: of
    several readings, the first that leaves none open for ever.
    """
    holders = [i for i, frame in enumerate(frames) if frame.holds]
    readings = []
    for count in [len(frames), *reversed(holders)][:MAX_READINGS]:
        nesting = Nesting(rules(place.language), frames[:count])
        readings.append((nesting, list(_ends(nesting, count, line, 0))))
        if not any(_stays_open(frame, place, line) for frame in nesting.frames):
            return readings[-1]
    return readings[0]


def _stays_open(frame: Frame, place: Place, line: str) -> bool:
    """Whether nothing ends a frame that is open behind the cursor's line: not even the line."""
    if frame.kind not in ("string", "comment") or frame.end == "\n":
        return False
    if frame.ends_with_line:
        return True
    below = place.suffix[len(line) :]
    before, _, behind = below.partition(frame.end)
    lexical = rules(place.language)
    if frame.kind == "comment":
        begins = lexical.block_comment is not None and lexical.block_comment[0] in before
        return begins or frame.end not in below
    if place.after and len(frame.end) == 3:
        return not closes(place.prefix + line + before) or behind[:1].isalnum()
    return below.count(frame.end) % 2 == 0 or place.after > 0


def _ends(nesting: Nesting, left: int, text: str, begin: int) -> Iterator[_End]:
    """What ``text[begin:]`` ends of the first ``left`` frames of the nesting."""
    for step in nesting.read(text, begin):
        if step.kind == "stray":
            yield _End(text[step.start : step.end], step.end, "stray", left)
        elif len(nesting.frames) < left:
            left = len(nesting.frames)
            if step.kind == "close":
                yield _End(step.closed[-1].end, step.end, _kind(step), left)


def _kind(step: Step) -> str:
    """What a closer ends: nothing, where it is over a block that was begun on a line above."""
    over = any(frame.end == "}" and frame.start < 0 for frame in step.closed[:-1])
    return "beyond" if over and step.closed[-1].end in ")]" else step.closed[-1].kind


def _partnered(
    ends: Sequence[_End], frames: Sequence[Frame], left: int
) -> Iterator[tuple[_End, int]]:
    """Those that close one of ``frames[:left]``, with how many are left then, up to one that closes
    what was begun still further out: by then, all within it is closed, or never will be."""
    for end in ends:
        partner = (i for i in range(left - 1, -1, -1) if frames[i].end == end.text)
        found = next(partner, None) if end.kind != "beyond" else None
        if found is None:
            return
        left = found
        yield end, left


def _text_rest(frames: Sequence[Frame], ends: Sequence[_End], line: str) -> str:
    inner = max((i for i, frame in enumerate(frames) if frame.kind == "string"), default=-1)
    return next((line[: end.end] for end in ends if end.left <= inner), "")


def _all_in(closers: Sequence[str], frames: Sequence[Frame]) -> bool:
    """Whether each closer finds its partner, innermost first."""
    if not closers:
        return True
    partners = reversed(frames)
    return all(any(frame.end == closer for frame in partners) for closer in closers)
