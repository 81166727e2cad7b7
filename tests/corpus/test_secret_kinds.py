"""Tokens of many services in many settings, passwords written in many ways; and what is none.

Everything is drawn from a seeded generator when the tests run.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from homespun_corpus.filters import secret_scanner
from homespun_corpus.filters.secrets import find_secrets, without_secrets
from hypothesis import given
from hypothesis import strategies as st
from password_ways import ways
from secret_shapes import SETTINGS, shapes, tokens

HARMLESS = (Path(__file__).parents[1] / "fixtures/secrets/harmless.txt").read_text().splitlines()
SEEDS = range(3)
LEAST_KINDS, LEAST_WAYS, LEAST_HARMLESS = 90, 60, 70
CHANCE = 0.01  # of tokens that our own rules miss by chance where there is no library


def test_there_are_enough_of_each() -> None:
    assert len(shapes()) >= LEAST_KINDS
    assert len(ways(0)) >= LEAST_WAYS
    assert len(HARMLESS) >= LEAST_HARMLESS


def written(setting: str, token: str) -> bytes:
    return f"def f():\n{SETTINGS[setting].format(token)}\n    return 1\n".encode()


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_token_of_any_service_is_found_in_any_setting(setting: str) -> None:
    missed = [
        (kind, token)
        for seed in SEEDS
        for kind, token in tokens(seed)
        if token.encode() in without_secrets(written(setting, token))
    ]
    assert missed == []


def test_our_own_rules_know_the_services_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no wheel of the library, they are all there is."""
    monkeypatch.setattr(secret_scanner, "_library", lambda: None)
    drawn = [(k, t, s) for seed in SEEDS for k, t in tokens(seed) for s in SETTINGS]
    missed = [case for case in drawn if not find_secrets(written(case[2], case[1]))]
    assert len(missed) <= CHANCE * len(drawn), missed


@pytest.mark.parametrize("seed", SEEDS)
def test_a_password_is_found_however_it_is_written(seed: int) -> None:
    missed = []
    for language, text, password in ways(seed):
        indent = "" if language == "encoded" else "    "
        source = f"start\n{indent}{text}\nend\n".encode()
        left = without_secrets(source)
        if password.encode() in left or not left.startswith(b"start\n"):
            missed.append((language, text))
    assert missed == []


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_without_a_secret_is_called_none(line: str) -> None:
    assert find_secrets(line.encode()) == []
    assert find_secrets(f"def f():\n    {line}\n    return 1\n".encode()) == []


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_any_text_is_scanned_and_spans_are_whole_lines_apart(text: str) -> None:
    source = text.encode()
    last = 0
    for secret in find_secrets(source):
        assert last <= secret.start <= secret.end <= len(source)
        assert secret.start == 0 or source[secret.start - 1 : secret.start] == b"\n"
        last = secret.end


@given(st.integers(0, 2**32), st.data())
def test_a_token_is_found_after_anything_else_in_the_file(seed: int, data: st.DataObject) -> None:
    kind, token = data.draw(st.sampled_from(list(tokens(seed % 7))))
    before = data.draw(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=80))
    source = f'{before}\n    x = open_client("{token}")\n'.encode()
    assert token.encode() not in without_secrets(source), kind
