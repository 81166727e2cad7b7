"""What of a window a prompt may show: the text between the nearest secrets above and below.

Mining knows all secrets of a file at hand; a server asks at every keystroke and looks only at the
lines around the cursor's, which stay the same while somebody types in one line. Both cut alike.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from homespun_corpus.filters.secrets import MAX_KEY_BYTES, find_secrets
from homespun_corpus.place import Place

# Before the window, where a key that reaches into it may begin, and behind it, where its last line
# may hold a secret.
MARGIN_CHARS = MAX_KEY_BYTES + 1000
REMEMBERED = 64  # stretches of text: two for each document that is being typed in


def clipped(place: Place, before: int, after: int) -> Place:
    """The place with at least ``before`` and ``after`` characters of the file out of its window."""
    head, tail = max(0, before - place.before), max(0, after - place.after)
    return replace(
        place,
        prefix=place.prefix[head:],
        suffix=place.suffix[: len(place.suffix) - tail],
        before=max(place.before, before),
        after=max(place.after, after),
    )


def clear_of_secrets(text: str, place: Place) -> Place:
    """The place in ``text``, without the lines of a secret and what lies beyond them.

    The cursor's own line is left alone: it is the user's, and a suggestion is scanned anyway.
    """
    above = place.prefix.rfind("\n") + 1
    below = place.suffix.find("\n") + 1 or len(place.suffix)
    begin = max(0, place.before - MARGIN_CHARS)
    begin = text.rfind("\n", 0, begin) + 1
    over = begin + _end_of_last(text[begin : place.before + above])
    rest = place.suffix[below:]
    end = len(text) - place.after
    behind = text.find("\n", end, end + MARGIN_CHARS)
    shown = min(len(rest), _start_of_first(rest + text[end : max(end, behind)]))
    before = over if over > begin else 0
    return clipped(place, before, place.after + len(rest) - shown)


@lru_cache(REMEMBERED)
def _end_of_last(text: str) -> int:
    """Where the last secret of a text ends, 0 without one (characters)."""
    source = text.encode("utf-8", "replace")
    found = find_secrets(source)
    return len(source[: found[-1].end].decode("utf-8", "replace")) if found else 0


@lru_cache(REMEMBERED)
def _start_of_first(text: str) -> int:
    """Where the first secret of a text begins, its length without one (characters)."""
    source = text.encode("utf-8", "replace")
    found = find_secrets(source)
    return len(source[: found[0].start].decode("utf-8", "replace")) if found else len(text)
