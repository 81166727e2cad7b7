"""The prompt, format v1: the one way from a place in a file to token ids.

Training, scoring and serving all call ``PromptBuilder.build``, so a model is asked exactly what it
was taught. A family trained suffix first (the starter) reads

    <repo_name>path ⏎  <file_sep>path ⏎ code …   <fim_prefix><fim_suffix>SUFFIX<fim_middle>PREFIX
    └─ header          └─ related code

and continues with the middle: while somebody types, only the end changes, so the KV cache of all
that comes before holds. A family trained prefix first reads related code, header, prefix, suffix.

Edges hold still too: the prefix begins at one of the anchors of ``homespun_corpus.place``, and each
stretch between two anchors is encoded by itself, so that typing re-encodes the last stretch only.

What must not change is the token ids that a version builds: adapters and the starter were trained
on them. Other ids are a version of their own, beside this one in ``BUILDERS``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar, Protocol

from homespun_corpus.place import Place, Related, prefix_anchors, suffix_anchors

from homespun_model.bases.families import FimIds
from homespun_model.bases.token_healing import Boundaries, begun_word

CACHED_STRETCHES = (
    4096  # encoded stretches kept: a few MB, the related code of a few hundred places
)


class Tokenizer(Boundaries, Protocol):
    """What a prompt needs of a tokenizer."""

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text: sentinel text inside it never becomes a sentinel."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens given to each part of a prompt. The prefix takes what the others leave."""

    total: int
    header: int
    related: int
    suffix: int

    @classmethod
    def of(cls, context_length: int) -> Budget:
        """Shares of a model's context: a quarter is left for the middle."""
        total = context_length * 3 // 4
        return cls(total, header=total // 24, related=total * 7 // 24, suffix=total * 5 // 24)


class PromptBuilder:
    """Builds prompts for one tokenizer, one family's sentinels and one budget of tokens."""

    version: ClassVar[int] = 1

    def __init__(self, tokenizer: Tokenizer, fim: FimIds, budget: Budget) -> None:
        self.fim = fim
        self._tokenizer = tokenizer
        self.budget = budget
        self._encode = lru_cache(CACHED_STRETCHES)(lambda text: tuple(_normal(tokenizer, text)))

    def build(self, place: Place, *, plain: bool = False) -> list[int]:
        """Ids of the prompt whose continuation is the middle, at most ``budget.total`` of them.

        ``plain`` leaves the suffix and the sentinels out: text read left to right, for training.
        """
        fim, budget = self.fim, self.budget
        header, related = self._header(place), self._related(place.related)
        suffix = [] if plain else self._suffix(place)
        sentinels = 4  # bos and the three around prefix and suffix
        left = budget.total - len(header) - len(related) - len(suffix) - sentinels
        prefix = self._prefix(place, left)
        before = [*_opt(fim.bos), *header, *related]
        if plain:
            return [*before, *prefix]
        match fim.order:
            case "spm":
                return [*before, fim.prefix, fim.suffix, *suffix, *_opt(fim.middle), *prefix]
            case "spm1":
                return [*before, fim.suffix, *suffix, fim.prefix, *prefix, *_opt(fim.middle)]
            case "psm":
                before = [*_opt(fim.bos), *related, *header]
                return [*before, fim.prefix, *prefix, fim.suffix, *suffix, *_opt(fim.middle)]

    def healed(self, place: Place) -> tuple[str, list[int]]:
        """The word begun before the cursor, and the prompt without it: decoding begins there."""
        begun = self.begun(place.prefix)
        return begun, self.build(replace(place, prefix=place.prefix.removesuffix(begun)))

    def begun(self, prefix: str) -> str:
        """The end of ``prefix`` that decoding spells anew."""
        return begun_word(prefix, self._tokenizer)

    def encode_middle(self, middle: str) -> list[int]:
        """Ids of a middle, without the token that ends it. Encoded apart: a cursor splits words."""
        return list(self._encode(middle))

    def _header(self, place: Place) -> list[int]:
        """The file's path, so that a model can tell a test from a command, and Go from Rust."""
        if not place.path:
            return []
        mark = self.fim.repo if self.fim.order == "spm" else self.fim.file_sep
        text = list(self._encode(f"{place.path}\n"))[-self.budget.header :]
        return [mark, *text] if mark is not None else []

    def _related(self, pieces: Sequence[Related]) -> list[int]:
        """Whole pieces, as many as fit, in the order given."""
        ids: list[int] = []
        for piece in pieces:
            ending = "" if piece.text.endswith("\n") else "\n"
            encoded = self._encode(f"{piece.path}\n{piece.text}{ending}")
            mark = _opt(self.fim.file_sep)
            if len(ids) + len(mark) + len(encoded) <= self.budget.related:
                ids += [*mark, *encoded]
        return ids

    def _suffix(self, place: Place) -> list[int]:
        """As much as fits: typing at the cursor does not change it, wherever it is cut."""
        anchors = suffix_anchors(place.suffix, 0, after=place.after)
        ids: list[int] = []
        for a, b in pairwise(sorted({0, len(place.suffix), *anchors})):
            ids += self._encode(place.suffix[a:b])
            if len(ids) >= self.budget.suffix:
                break
        return ids[: self.budget.suffix]

    def _prefix(self, place: Place, budget: int) -> list[int]:
        """Whole stretches back from the cursor; part of the last only if even that is too long."""
        anchors = prefix_anchors(place.prefix, len(place.prefix), before=place.before)
        kept: list[tuple[int, ...]] = []
        room = budget
        for b, a in pairwise(sorted({0, len(place.prefix), *anchors}, reverse=True)):
            encoded = self._encode(place.prefix[a:b])
            if len(encoded) > room:
                if not kept:
                    kept.append(encoded[len(encoded) - budget :])
                break
            kept.append(encoded)
            room -= len(encoded)
        return [token for encoded in reversed(kept) for token in encoded]


BUILDERS: Mapping[int, type[PromptBuilder]] = {PromptBuilder.version: PromptBuilder}
"""Every version that can be built; which of them a base knows is ``Base.prompt_versions``."""


def _normal(tokenizer: Tokenizer, text: str) -> Iterator[int]:
    """Line ends are the document's business: a model reads and writes ``\\n``."""
    yield from tokenizer.encode(text.replace("\r\n", "\n"))


def _opt(token: int | None) -> tuple[int, ...]:
    return () if token is None else (token,)
