"""Whatever a model has learnt, a secret is not shown."""

from __future__ import annotations

import pytest
from homespun_corpus.filters.secrets import find_secrets
from homespun_corpus.place import place_at
from homespun_server.answer_cache import Answer
from homespun_server.recheck import leaks, refitted
from password_ways import ways

_ENDS = "\"'`)]}> \n;,"
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


@pytest.mark.parametrize(
    ("language", "text", "password"), [case for seed in range(2) for case in ways(seed)]
)
def test_a_password_is_not_shown_however_it_would_be_written(
    language: str, text: str, password: str
) -> None:
    """Whether all of it is suggested, or only what the editor's quotes hold."""
    before, after = text.split(password, 1)
    cases = [(password + after, "")]
    if not find_secrets(f"{before}{after}".encode()):  # else the rest of it stands there already
        cases.append((password, after))
    # Else what follows tells that it is one.
    if (not after or after[0] in _ENDS) and "kind: Secret" not in after:
        cases.append((password, ""))
    for suggestion, rest in cases:
        prefix = f"start\n{before}"
        whole = prefix + rest
        place = place_at(whole, len(prefix), path="a.py", language="python")
        assert leaks(place, suggestion), (language, suggestion, rest)


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ('server.login("user@example.org", ', "settings.password", ")"),
        ('server.login("robot", "', "password", '")'),
        ("    ", "return connect(host, port, timeout=30)", ""),
        ('    label = "', "Repeat your password (8 characters)", '"'),
        (f'    key = "{KEY}"\n    x = ', "compute(key, width)", ""),
        (f'    use("{KEY}", ', "limit=3", ")"),  # the user's own
    ],
)
def test_what_is_no_secret_is_shown(before: str, text: str, after: str) -> None:
    place = place_at(before + after, len(before), path="a.py", language="python")
    assert not leaks(place, text)


def answer(text: str, suggestion: str, typed: str = "", closers: str = "") -> Answer:
    """A suggestion for the | in ``text``, of which ``typed`` was typed and ``closers`` came in."""
    before, after = text.split("|")
    now = before + typed + closers + after
    place = place_at(now, len(before + typed), path="a.py", language="python")
    rest = suggestion.removeprefix(typed)
    return Answer(place, rest, 0, -0.1, shown=True, stopped="end", complete=True)


@pytest.mark.parametrize(
    ("made", "left"),
    [
        (answer("x = |\n", "compute(1)", "com"), "pute(1)"),
        (answer("x = |\n", "compute(1)", "compute(", ")"), "1"),
        (answer("x = |\n", "compute(1) + 2", "compute(", ")"), "1"),
        (answer("x = |\n", "compute()", "compute(", ")"), None),
        (answer("x = |\n", "[\n    1,\n]", "["), "\n    1,\n]"),
        (
            answer("def f():\n    |\n", "if x:\n        a()\n    b()", "if"),
            " x:\n        a()\n    b()",
        ),
        (answer("f({|})\n", "\n    1: 2\n"), "\n    1: 2\n"),  # the brace goes on a line of its own
        (answer("x = (|\n", "1\ny = 2", closers=")"), "1"),
        (answer('x = """(|\n', 'a,\n  b)"""', closers=')"""'), "a,\n  b"),
        (answer("x = f'{|\n", "a} of {b}'", closers="}'"), "a} of {b"),
        # Deeper than any line may be.
        (answer("if a:\n    b()\n|", "        c()\n        d()"), None),
        (answer("|", "if a:\n    b()\n        c()", "if"), " a:\n    b()"),
        (answer("|\n", f"key = (\n    '{KEY}'\n)", "k"), None),
    ],
)
def test_what_is_left_of_an_answer_is_looked_at_again(made: Answer, left: str | None) -> None:
    fitting = refitted(made)
    assert (fitting.text if fitting else None) == left
