"""Tokenizers made of a GGUF file's fields: id for id what the makers' own files say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from homespun_model.bases.base import load_base
from homespun_model.bases.families import by_name
from homespun_model.errors import BaseError
from tiny_ggufs import FAMILY, tiny_model, tokenizer_fields, tokens_of, write_gguf
from tiny_models import CODE, tiny_tokenizer
from tokenizers import AddedToken, Tokenizer, models, trainers
from tokenizers.pre_tokenizers import ByteLevel

BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
WORDS, LETTERS = BYTES | {"use_regex": True}, BYTES | {"use_regex": False}
DIGITS = {"type": "Digits", "individual_digits": True}


def split(pattern: str) -> dict[str, Any]:
    regex = {"Regex": pattern}
    return {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}


GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = GPT4.replace("{1,3}", "")
SEED = QWEN.replace(r"[^\s\p{L}\p{N}]+[\r\n]*", r"[^\s\p{L}\p{N}\r\n]+")
DEEPSEEK = (split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"))
# What stands under "pre_tokenizer" in the makers' tokenizer.json, and whether they compose letters.
MAKERS: dict[str, tuple[list[dict[str, Any]], bool]] = {
    "gpt-2": ([WORDS], False),
    "mellum": ([WORDS], False),
    "starcoder": ([DIGITS, WORDS], False),
    "refact": ([DIGITS, WORDS], False),
    "smollm": ([DIGITS, WORDS], False),
    "qwen2": ([split(QWEN), LETTERS], True),
    "llama-bpe": ([split(GPT4), LETTERS], False),
    "llama3": ([split(GPT4), LETTERS], False),
    "llama-v3": ([split(GPT4), LETTERS], False),
    "dbrx": ([split(GPT4), LETTERS], False),
    "deepseek-coder": ([*DEEPSEEK, DIGITS, LETTERS], False),
    "seed-coder": ([split(SEED), LETTERS], False),
}
ODD = [
    "it's I'LL we'Ve  'S\n\n\n   x1234567 = 0x1F + 3.14e-10;\r\n\r\n\t\tif(a&&b){ /* ... */ }\t \n",
    "naïve cafe\u0301 \uff21\uff22 一二三 한국어 ไทย العربية 👩‍👩‍👧‍👦🇩🇪",
    "½ ² Ⅷ ٣٤٥ \u00a0\u3000\u200b\ufeff",
    "".join(map(chr, range(1, 0x250))),
    "    " * 9 + "\n" * 7 + " \n " * 5 + "a" * 99 + "\x00\x1f\x7f\ud7ff\ue000\U0010ffff",
    "<|fim_prefix|><|im_end|> <tool> [PAD3] ☺",
]


def makers_own(words: str) -> Tokenizer:
    """A small vocabulary under the maker's rule."""
    steps, composed = MAKERS[words]
    tokenizer = Tokenizer(models.BPE())
    described = json.loads(tokenizer.to_str())
    described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
    described["normalizer"] = {"type": "NFC"} if composed else None
    described["decoder"] = LETTERS
    tokenizer = Tokenizer.from_str(json.dumps(described))
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([CODE, *ODD[:2], "1234567 " * 9], trainer)
    tokenizer.add_special_tokens(
        [AddedToken(name, normalized=False) for name in FAMILY.sentinels()]
    )
    tokenizer.add_tokens([AddedToken("<tool>", normalized=False)])
    return tokenizer


@pytest.mark.parametrize("words", MAKERS)
def test_ids_and_text_are_the_makers(words: str, tmp_path: Path) -> None:
    theirs = makers_own(words)
    model = tiny_model("qwen2", rows=len(tokens_of(theirs)))
    fields = tokenizer_fields(theirs, words)
    path = write_gguf(tmp_path / "model.gguf", model, fields=fields)
    base = load_base(str(path), fim_format=FAMILY.name)
    theirs.encode_special_tokens = True
    for text in (CODE, *ODD, *Path(__file__).read_text().splitlines()):
        truth = theirs.encode(text, add_special_tokens=False).ids
        assert base.tokenizer.encode(text) == truth
        assert base.tokenizer.decode(truth) == theirs.decode(truth, skip_special_tokens=False)
    assert theirs.token_to_id("<tool>") in base.tokenizer.encode("a <tool>")
    assert theirs.token_to_id("<tool>") not in base.tokenizer.special_ids
    assert base.tokenizer.special_ids == set(by_name(FAMILY.name).resolve(theirs.token_to_id).stop)


def test_a_word_that_is_a_token_becomes_it_in_llama_3s(tmp_path: Path) -> None:
    """Its makers' tokenizer looks a word up before it merges; GPT-4's merges alone."""
    fields = tokenizer_fields(tiny_tokenizer(FAMILY))
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    fields |= {"tokenizer.ggml.tokens": [*tokens, "Ġqzx"], "tokenizer.ggml.token_type": [*types, 1]}
    model = tiny_model("llama", rows=len(tokens) + 1)
    found = {}
    for words in ("llama-bpe", "dbrx"):
        path = write_gguf(tmp_path / words, model, fields=fields | {"tokenizer.ggml.pre": words})
        found[words] = load_base(str(path), fim_format=FAMILY.name).tokenizer.encode("a qzx")
    assert len(found["llama-bpe"]) == 2 < len(found["dbrx"])


def test_tokens_that_only_fill_up_are_none(tmp_path: Path) -> None:
    fields = tokenizer_fields(tiny_tokenizer(FAMILY))
    size = len(fields["tokenizer.ggml.tokens"])
    fields["tokenizer.ggml.tokens"] += [f"[PAD{size}]", f"[PAD{size + 1}]"]
    fields["tokenizer.ggml.token_type"] += [5, 5]
    path = write_gguf(tmp_path / "x", tiny_model("qwen2", rows=size + 2), fields=fields)
    tokenizer = load_base(str(path), fim_format=FAMILY.name).tokenizer
    assert tokenizer.size == size
    assert tokenizer.token(size) is None


def test_a_tokenizer_without_the_familys_sentinels_is_refused(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "x", tiny_model("qwen2", rows=408))
    with pytest.raises(BaseError, match="no single id for '<fim_prefix>'"):
        load_base(str(path), fim_format="starcoder2")
