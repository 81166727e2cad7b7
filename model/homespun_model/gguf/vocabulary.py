"""The tokenizer that a GGUF file describes, built anew: the maker's, id for id.

A file holds the tokens and the merges, and of how text is cut before only a name. The names known
here are those whose rule is established: from llama.cpp's source and the makers' own files. The
others are refused, for text cut otherwise would read well and be worth little. Knows no weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import PreTokenizer

from homespun_model.errors import BaseError

CONTROL, USER_DEFINED, UNUSED = 3, 4, 5
"""Types of tokens: what no text becomes, what is cut out of a text first, what fills up."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one kind of tokenizer treats text before its merges."""

    words: PreTokenizer
    composed: bool = False
    """Letters and their accents are put together first (Unicode's form NFC)."""
    ignore_merges: bool = False
    """A word that is a token becomes it, whatever the merges make of it."""


def _bytes(*, words: bool = False) -> PreTokenizer:
    """Bytes as characters, and with ``words`` GPT-2's cut into words before."""
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)


def _cut(*patterns: str) -> list[PreTokenizer]:
    return [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]


def _by(pattern: str) -> PreTokenizer:
    return pre_tokenizers.Sequence([*_cut(pattern), _bytes()])


def _rules() -> dict[str, _Rule]:
    digits = pre_tokenizers.Digits(individual_digits=True)
    contractions = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
    spaces = r"\s*[\r\n]+|\s+(?!\S)|\s+"
    signs = r" ?[^\s\p{L}\p{N}]+[\r\n]*"
    gpt2 = _Rule(_bytes(words=True))
    starcoder = _Rule(pre_tokenizers.Sequence([digits, _bytes(words=True)]))
    gpt4 = _by(rf"{contractions}|\p{{N}}{{1,3}}|{signs}|{spaces}")
    llama3 = _Rule(gpt4, ignore_merges=True)
    deepseek = _cut(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")
    return {
        "gpt-2": gpt2,
        "mellum": gpt2,
        "starcoder": starcoder,
        "refact": starcoder,  # Granite Code's and Granite 3's too
        "smollm": starcoder,
        "qwen2": _Rule(_by(rf"{contractions}|\p{{N}}|{signs}|{spaces}"), composed=True),
        "llama-bpe": llama3,
        "llama3": llama3,
        "llama-v3": llama3,
        "dbrx": _Rule(gpt4),  # Granite 4's
        "deepseek-coder": _Rule(pre_tokenizers.Sequence([*deepseek, digits, _bytes()])),
        "seed-coder": _Rule(_by(rf"{contractions}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{spaces}")),
    }


def tokenizer_of(path: Path, fields: Mapping[str, Any], rows: int) -> Tokenizer:
    """The tokenizer that the file at ``path`` describes, of a model with so many ``rows`` of ids.

    BaseError, one line, for one of a kind that is not known or that does not hold together.
    """
    rule = _rule(path, fields)
    tokens, types = _tokens(path, fields, rows)
    # Rows that no token has are named after their number: no other format knows of them.
    ids = {
        token: number
        for number, (token, kind) in enumerate(zip(tokens, types, strict=True))
        if kind != UNUSED or token != f"[PAD{number}]"
    }
    merges = _merges(path, fields)
    try:
        model = models.BPE(ids, merges, ignore_merges=rule.ignore_merges)
    except Exception as error:  # the library raises nothing more precise
        raise _wrong(path, " ".join(str(error).split())[:200]) from error
    tokenizer = Tokenizer(model)
    if rule.composed:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = rule.words
    tokenizer.decoder = decoders.ByteLevel()
    _add(tokenizer, tokens, types)
    return tokenizer


def _rule(path: Path, fields: Mapping[str, Any]) -> _Rule:
    kind, words = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
    if kind != "gpt2":
        raise _wrong(path, f"it is of the kind {str(kind)[:40]!r}; only gpt2 (BPE) is read")
    if words is None:  # as files from before the spring of 2024
        raise _wrong(path, "it does not say how text is cut (tokenizer.ggml.pre): convert it anew")
    rules = _rules()
    if not isinstance(words, str) or words not in rules:
        raise _wrong(path, f"it cuts text as {str(words)[:40]!r}; known are {', '.join(rules)}")
    return rules[words]


def _tokens(path: Path, fields: Mapping[str, Any], rows: int) -> tuple[list[str], list[int]]:
    tokens, types = _texts(path, fields, "tokens"), fields.get("tokenizer.ggml.token_type")
    if not isinstance(types, np.ndarray):
        raise _wrong(path, "it does not say of which types its tokens are")
    if not len(tokens) == len(types) == rows:
        raise _wrong(path, f"it has {len(tokens)} tokens, the model {rows}")
    if len(set(tokens)) < len(tokens):
        raise _wrong(path, "two of its tokens are spelled alike")
    return tokens, types.tolist()


def _merges(path: Path, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = _texts(path, fields, "merges")
    pairs = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
    if not all(left and right for left, right in pairs):
        raise _wrong(path, "a merge in it is no pair of tokens")
    return pairs


def _texts(path: Path, fields: Mapping[str, Any], name: str) -> list[str]:
    texts = fields.get(f"tokenizer.ggml.{name}")
    if not isinstance(texts, list):  # arrays of numbers are numpy's
        raise _wrong(path, f"it has no {name}")
    return texts


def _add(tokenizer: Tokenizer, tokens: list[str], types: list[int]) -> None:
    """Mark the tokens that are no words; they keep their ids."""
    for kind, add in (
        (CONTROL, tokenizer.add_special_tokens),
        (USER_DEFINED, tokenizer.add_tokens),
    ):
        marked = (token for token, its in zip(tokens, types, strict=True) if its == kind)
        add([AddedToken(token, special=kind == CONTROL, normalized=False) for token in marked])


def _wrong(path: Path, why: str) -> BaseError:
    return BaseError(f"the tokenizer in {path} cannot be used: {why}")
