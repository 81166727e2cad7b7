"""Whatever a model has learnt, a secret is not shown."""

from __future__ import annotations

import pytest
from homespun_corpus.place import place_at
from homespun_server.screen import leaks

KEY = "AKIA" + "QX7ZK3MPL9WD2RTV"  # put together here, so that no scanner takes this file for one


@pytest.mark.parametrize(
    ("prefix", "text", "leaked"),
    [
        ("x = 1\nkey = ", f'"{KEY}"', True),
        ("x = 1\n", f'client(\n    "{KEY}",\n)', True),
        ('password = "', 'tr0ub4dor&3-Zx9q"', True),
        (f'key = "{KEY}"\n', "client(key)", False),  # the user's own, and not in the suggestion
        (f'key = "{KEY}"', "  # rotate", False),
        ("def area(", "width, height):\n    return width * height", False),
        ("password = ", "read_password()", False),
        ("", "", False),
    ],
)
def test_secrets_are_seen_in_the_line_they_complete(prefix: str, text: str, leaked: bool) -> None:
    place = place_at(prefix, len(prefix), path="a.py", language="python")
    assert leaks(place, text) is leaked
