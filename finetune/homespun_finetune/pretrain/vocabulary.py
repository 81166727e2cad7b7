"""The starter's vocabulary: byte-level BPE learnt on code.

A newline and the indentation after it are one piece, so that a block's depth costs one token; a dot
or a bracket never joins the name behind it, because that is where people stop and wait for a
suggestion; one or two digits a piece, so that numbers share their parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
SENTINELS = (
    END,
    "<fim_prefix>",
    "<fim_middle>",
    "<fim_suffix>",
    "<fim_pad>",
    "<repo_name>",
    "<file_sep>",
)
PIECES = "|".join(
    (
        r"(?:\r?\n)+[ \t]*",  # line breaks and the indentation after them
        r" ?_*\p{L}+",  # a word, with the space or the underscores before it
        r"\p{N}{1,2}",
        r" ?[^\s\p{L}\p{N}_]+",  # a run of punctuation
        r"_+",
        r"[ \t]+(?!\S)",
        r"\s+",
    )
)


def learn_vocabulary(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of ``size`` ids, sentinels first."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[AddedToken(name, special=True, normalized=False) for name in SENTINELS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=24,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save_vocabulary(tokenizer: Tokenizer, directory: Path, context_length: int) -> None:
    """Write ``tokenizer.json`` and the two files that transformers wants beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(directory / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": "<fim_pad>",
        "model_max_length": context_length,
        "clean_up_tokenization_spaces": False,
        "extra_special_tokens": list(SENTINELS[1:]),
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
