"""The prompt: the one way from a place in a file to token ids.

Training, scoring and serving all take it from a ``PromptBuilder``, so a model is asked exactly what
it was taught. Version 1: a family trained suffix first (the starter) reads

    <repo_name>path ⏎  <file_sep>path ⏎ code …   <fim_prefix><fim_suffix>SUFFIX<fim_middle>PREFIX
    └─ header          └─ related code

and continues with the middle: while somebody types, only the end changes, so the KV cache of all
that comes before holds. A family trained prefix first reads related code, header, prefix, suffix;
all of its suffix is read again at every key, so that it has a version 2, anchored:

    <file_sep>path ⏎ code …  <file_sep>path ⏎  <fim_prefix>LINES<fim_suffix>SUFFIX<fim_middle>TYPED

The prefix ends where the cursor's line begins, and what stands in that line is the middle's forced
beginning. The family was trained to begin a middle anywhere, and typing changes the end again.
Version 3 is the same with an anchor that holds over a few lines.

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

from homespun_corpus.place import (
    STEP_CHARS,
    Place,
    Related,
    prefix_anchors,
    suffix_anchors,
    with_plain_ends,
)

from homespun_model.bases.families import FimIds, Order
from homespun_model.bases.token_healing import Boundaries, begun_token, begun_word

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


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked at a place."""

    ids: list[int]
    """Their continuation is the answer."""
    context: list[int]
    """The same tokens, suffix first: they end at the cursor, where copies go on."""
    begun: str
    """The word before the cursor that the answer spells anew, from its beginning."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """Tokens of a prompt: what comes before the file, the file around the cursor, and ``typed``,
    the end of what is before the cursor, where that is apart."""

    before: list[int]
    prefix: list[int]
    suffix: list[int]
    typed: list[int]


REGION_CHARS = 256  # of a stretch of a file: some seven lines


class PromptBuilder:
    """Builds prompts for one tokenizer, one family's sentinels and one budget of tokens."""

    version: ClassVar[int] = 1
    orders: ClassVar[frozenset[Order]] = frozenset({"spm", "spm1", "psm"})
    """The families that can be asked so."""

    def __init__(self, tokenizer: Tokenizer, fim: FimIds, budget: Budget) -> None:
        self.fim = fim
        self._tokenizer = tokenizer
        self.budget = budget
        self._encode = lru_cache(CACHED_STRETCHES)(lambda text: tuple(_normal(tokenizer, text)))

    def build(self, place: Place, *, plain: bool = False) -> list[int]:
        """Ids of the prompt whose continuation is the middle, at most ``budget.total`` of them.

        ``plain`` leaves the suffix and the sentinels out: text read left to right, for training.
        """
        if not plain:
            return self._in_order(self._parts(place))
        before = [*self._header(place), *self._related(place.related)]
        return [*_opt(self.fim.bos), *before, *self._prefix(place, self._room(before))]

    def ask(self, place: Place) -> Prompt:
        """The prompt at a cursor, without the word begun before it: the answer spells that anew."""
        begun = self.begun(place.prefix)
        return self._prompt(replace(place, prefix=place.prefix.removesuffix(begun)), begun)

    def hole(self, place: Place, middle: str) -> tuple[Prompt, list[int]]:
        """The prompt at a hole and the answer that fills it: what is trained on and scored."""
        return self._prompt(place, ""), self.encode_middle(middle)

    def _prompt(self, place: Place, begun: str) -> Prompt:
        parts = self._parts(place)
        return Prompt(self._in_order(parts), self._suffix_first(parts), begun)

    def _parts(self, place: Place) -> _Parts:
        header, related = self._header(place), self._related(place.related)
        first, second = (related, header) if self.fim.order == "psm" else (header, related)
        before, suffix = [*_opt(self.fim.bos), *first, *second], self._suffix(place)
        at = self._anchor(place)
        typed = list(self._encode(place.prefix[at:]))
        room = self._room(header, related, suffix) - max(len(typed), self._kept_for_typing())
        prefix = self._prefix(replace(place, prefix=place.prefix[:at]), room)
        return _Parts(before, prefix, suffix, typed)

    def _anchor(self, place: Place) -> int:
        """Where in the prefix begins what is apart from it."""
        return len(place.prefix)

    def _kept_for_typing(self) -> int:
        """Tokens that the prefix leaves to what is apart from it, be that shorter."""
        return 0

    def _in_order(self, parts: _Parts) -> list[int]:
        """As the family was trained."""
        fim = self.fim
        prefix, suffix = parts.prefix, [fim.suffix, *parts.suffix]
        match fim.order:
            case "spm":
                return self._suffix_first(parts)
            case "spm1":
                around = [*suffix, fim.prefix, *prefix]
            case "psm":
                around = [fim.prefix, *prefix, *suffix]
        return [*parts.before, *around, *_opt(fim.middle), *parts.typed]

    def _suffix_first(self, parts: _Parts) -> list[int]:
        fim = self.fim
        around = [fim.prefix, fim.suffix, *parts.suffix, *_opt(fim.middle)]
        return [*parts.before, *around, *parts.prefix, *parts.typed]

    def _room(self, *others: Sequence[int]) -> int:
        """Tokens that are left for the prefix."""
        sentinels = 4  # bos and the three around prefix and suffix
        return self.budget.total - sum(map(len, others)) - sentinels

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


class AnchoredPromptBuilder(PromptBuilder):
    """Version 2: the prefix ends at an anchor, behind which the middle begins."""

    version: ClassVar[int] = 2
    orders: ClassVar[frozenset[Order]] = frozenset({"psm"})

    def begun(self, prefix: str) -> str:
        """The last token of the line: the middle begins before it."""
        return begun_token(prefix[prefix.rfind("\n") + 1 :], self._tokenizer)

    def hole(self, place: Place, middle: str) -> tuple[Prompt, list[int]]:
        """The answer spells the word before the cursor, as it does where it is asked."""
        prompt = self.ask(place)
        return prompt, self.encode_middle(prompt.begun + middle)

    def _anchor(self, place: Place) -> int:
        """Where the cursor's line begins, or the last step of a long one."""
        begins = place.prefix.rfind("\n") + 1
        if len(place.prefix) - begins <= STEP_CHARS:
            return begins
        return max(prefix_anchors(place.prefix, len(place.prefix), before=place.before))


class RegionPromptBuilder(AnchoredPromptBuilder):
    """Version 3: the anchor holds over a few lines, and the middle begins with all of these.

    What is typed then follows the code above it as code does that is read left to right, with
    nothing in between, and Enter leaves the front of the prompt as it is (LOG E-049).
    """

    version: ClassVar[int] = 3

    def _anchor(self, place: Place) -> int:
        """The first line that begins in the stretch of the file that the cursor's line begins in,
        counted from the file's beginning."""
        line = super()._anchor(place)
        stretch = (place.before + line) // REGION_CHARS * REGION_CHARS - place.before
        if stretch <= 0:
            return 0
        return place.prefix.find("\n", stretch - 1, line) + 1 or line

    def _kept_for_typing(self) -> int:
        """As many as a stretch and a line have, or the prefix would move as they are typed."""
        return self.budget.total // 8


BUILDERS: Mapping[int, type[PromptBuilder]] = {
    builder.version: builder
    for builder in (PromptBuilder, AnchoredPromptBuilder, RegionPromptBuilder)
}
"""Every version that can be built; which of them a base knows is ``Base.prompt_versions``."""


def versions_for(order: Order) -> tuple[int, ...]:
    """The versions that a family can be asked with, the one to train on last."""
    return tuple(version for version in sorted(BUILDERS) if order in BUILDERS[version].orders)


def _normal(tokenizer: Tokenizer, text: str) -> Iterator[int]:
    """Line ends are the document's business: a model reads and writes ``\\n``."""
    yield from tokenizer.encode(with_plain_ends(text))


def _opt(token: int | None) -> tuple[int, ...]:
    return () if token is None else (token,)
