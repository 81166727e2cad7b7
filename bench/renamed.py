"""A repository's code with names that no model can have seen: consistent, and everywhere anew.

Words inside identifiers, comments and strings that the standard library hardly uses become invented
ones, the same word the same everywhere, so that what a model gets right of them it has learnt from
the repository or read in the prompt.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from homespun_corpus.mining.sample import Sample
from homespun_finetune.stdlib_samples import replay_texts

_WORD = re.compile(r"[A-Z]?[a-z]{3,}|[A-Z]{4,}")
_SYLLABLES = ("ba", "do", "fe", "gu", "ka", "lin", "mo", "nar", "pel", "qui", "ros", "sti", "tov")
COMMON = 12  # modules of the standard library that use a word: it is everybody's


@dataclass(frozen=True, slots=True)
class Renaming:
    """``common`` words stay."""

    common: frozenset[str]

    @classmethod
    def away_from_the_library(cls) -> Renaming:
        modules: Counter[str] = Counter()
        for _, text in replay_texts(0):
            modules.update({word.lower() for word in _WORD.findall(text)})
        return cls(frozenset(word for word, count in modules.items() if count >= COMMON))

    def sample(self, sample: Sample) -> Sample:
        """The sample, with every text of it renamed; where it came from stays."""
        place = sample.place
        related = tuple(replace(piece, text=self.text(piece.text)) for piece in place.related)
        renamed = replace(
            place, prefix=self.text(place.prefix), suffix=self.text(place.suffix), related=related
        )
        return replace(sample, place=renamed, middle=self.text(sample.middle))

    def samples(self, samples: Iterable[Sample]) -> list[Sample]:
        return [self.sample(sample) for sample in samples]

    def text(self, text: str) -> str:
        return _WORD.sub(lambda found: self._word(found.group()), text)

    def _word(self, word: str) -> str:
        lower = word.lower()
        if lower in self.common:
            return word
        digest = hashlib.sha256(lower.encode()).digest()
        invented = "".join(_SYLLABLES[byte % len(_SYLLABLES)] for byte in digest[:3])
        if word.isupper():
            return invented.upper()
        return invented.capitalize() if word[0].isupper() else invented
