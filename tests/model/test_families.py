"""FIM formats: the table is sound, detection is sure or refuses, sentinels are single ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from homespun_model.bases.families import (
    STARTER,
    FimFormat,
    by_name,
    detect,
    families,
    read_format,
)
from homespun_model.errors import BaseError


def vocabulary(*tokens: str) -> Callable[[str], int | None]:
    return {token: i for i, token in enumerate(tokens)}.get


def test_every_family_has_the_sentinels_its_order_needs() -> None:
    names = [family.name for family in families()]
    assert len(names) == len(set(names)) >= 10
    for family in families():
        around = [family.prefix, family.suffix, family.middle]
        present = [token for token in around if token is not None]
        assert len(set(present)) == len(present)
        assert family.middle is not None or family.order == "spm1"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("bigcode/starcoder2-3b", "starcoder2"),
        ("bigcode/tiny_starcoder_py", "starcoder"),
        ("Qwen/Qwen2.5-Coder-0.5B", "qwen2.5-coder"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", "deepseek-coder"),
        ("google/codegemma-2b", "codegemma"),
        ("codellama/CodeLlama-7b-hf", "codellama"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("Qwen/CodeQwen1.5-7B", "codeqwen1.5"),
    ],
)
def test_a_name_decides(name: str, family: str) -> None:
    assert detect([name], vocabulary()).name == family


def test_without_a_name_the_vocabulary_decides_if_only_one_family_fits() -> None:
    gemma = by_name("codegemma")
    assert detect(["my-model"], vocabulary(*gemma.sentinels())) == gemma


def test_an_ambiguous_vocabulary_is_refused_and_names_the_flag() -> None:
    shared = vocabulary("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<|endoftext|>")
    with pytest.raises(BaseError, match="--fim-format") as refusal:
        detect(["my-model"], shared)
    assert "granite-code or stable-code" in str(refusal.value)


def test_a_family_that_cannot_fill_in_is_refused_with_the_reason() -> None:
    with pytest.raises(BaseError, match="numbered masks"):
        detect(["facebook/incoder-1B"], vocabulary())


def test_a_sentinel_that_is_not_one_id_is_named() -> None:
    without_middle = [token for token in STARTER.sentinels() if token != "<fim_middle>"]
    with pytest.raises(BaseError, match="'<fim_middle>'"):
        STARTER.resolve(vocabulary(*without_middle))


def test_every_sentinel_stops_a_middle() -> None:
    codegemma = by_name("codegemma")
    tokens = codegemma.sentinels()
    ids = codegemma.resolve(vocabulary(*tokens))
    assert ids.stop == frozenset(range(len(tokens)))
    assert ids.end == ids.file_sep == tokens.index("<|file_separator|>")
    assert ids.repo is None


def test_a_format_survives_its_file(tmp_path: Path) -> None:
    for family in (STARTER, *families()):
        file = tmp_path / "fim_format.json"
        file.write_text(family.to_json(), encoding="utf-8")
        assert read_format(file) == family


@pytest.mark.parametrize(
    "change",
    [{"order": "mps"}, {"prefix": ""}, {"prefix": None}, {"stop": "x"}, {"guard": 1}, {"end": 3}],
)
def test_a_malformed_format_is_one_line(change: dict[str, object]) -> None:
    raw = json.loads(STARTER.to_json()) | change
    with pytest.raises(BaseError, match=next(iter(change))) as refusal:
        FimFormat.from_dict(raw, "fim_format.json")
    assert "\n" not in str(refusal.value)


def test_unknown_format_name_lists_the_known() -> None:
    with pytest.raises(BaseError, match="starter, starcoder2"):
        by_name("gpt")
