"""Prompt builders of one id a byte, whose prompts can be read."""

from __future__ import annotations

from homespun_model.bases.families import FimIds
from homespun_model.bases.prompt import Budget, PromptBuilder

NAMES = {300: "<prefix>", 301: "<suffix>", 302: "<middle>", 303: "<end>", 304: "<pad>"}
NAMES |= {305: "<file_sep>", 306: "<repo>", 307: "<bos>"}
BUDGET = Budget(total=600, header=24, related=160, suffix=120)
CODE = "".join(f"def f{i}(a, b):\n    return a + b * {i}\n\n" for i in range(120))


class Bytes:
    """One id a byte: a tokenizer whose prompts can be read."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())


def builder(order: str = "spm", budget: Budget = BUDGET, **changes: int | None) -> PromptBuilder:
    ids = {"prefix": 300, "suffix": 301, "middle": 302, "end": 303, "pad": 304}
    ids |= {"file_sep": 305, "repo": 306, "bos": None} | changes
    fim = FimIds(order=order, stop=frozenset({303}), **ids)  # type: ignore[arg-type]
    return PromptBuilder(Bytes(), fim, budget)


class Words(Bytes):
    """Bytes, and every word a token of its own."""

    def boundary(self, text: str, index: int) -> int:
        del text
        return index


def text_of(ids: list[int]) -> str:
    return bytes(token for token in ids if token not in NAMES).decode(errors="replace")
