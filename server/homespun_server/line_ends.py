"""Line ends: a model sees ``\n`` alone, and whoever asks is answered in the document's own.

So the same code gets the same answer, whatever ends its lines. Knows nothing of prompts.
"""

from __future__ import annotations


def with_plain_ends(text: str) -> str:
    """As a model sees it."""
    return text.replace("\r\n", "\n")


def plain(text: str, offset: int) -> tuple[str, int]:
    """A text with a cursor in it, which is not between ``\r`` and ``\n``, as a model sees it."""
    head = with_plain_ends(text[:offset])
    return head + with_plain_ends(text[offset:]), len(head)


def with_ends_of(text: str, answer: str) -> str:
    """``answer``, whose line ends are plain, with those that ``text`` has; of mixed ones the more
    frequent."""
    crlf = 2 * text.count("\r\n") > text.count("\n")
    return answer.replace("\n", "\r\n") if crlf else answer
