"""What a model alone makes of held-out holes, teacher forced: no copies, no rules, no trimming.

Bits of a middle without its end; of these, those of the team's names; bits of the lines above that
are read with it, the stretch that the prompt's anchor begins; and whether the likeliest tokens
write the first line.

A middle may end inside of a token: what counts is the text (``decoding/score.py``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from homespun_corpus.mining.dataset import Mined
from homespun_corpus.mining.sample import Sample
from homespun_finetune.adapted_model import AdaptedModel
from homespun_finetune.batches import encode
from homespun_finetune.metrics import Interval, bits_of, bootstrap_ratio
from homespun_finetune.packed_decoder import PackedDecoder
from homespun_finetune.stdlib_samples import replay_texts
from homespun_model.bases.base import Base
from homespun_model.decoding.score import Question, costs

BEHIND = 40  # characters behind a middle that its last token may reach into
_NAME = re.compile(r"[A-Za-z_]\w{3,}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One hole and what a model made of it; sizes in bytes, the rest in bits."""

    file: str
    bits: float
    bytes: int
    line: bool
    """Whether the first line would have been written right."""
    named: float = 0.0
    """Bits of the tokens in which a name of the team's lies."""
    stretch: float = 0.0
    """Bits of what stands between the anchor and the cursor."""
    stretch_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Asker:
    """A base with an adapter; ``names``: the team's own."""

    base: Base
    adapted: AdaptedModel
    decoder: PackedDecoder
    names: frozenset[str] = frozenset()

    @torch.inference_mode()
    def ask(self, hole: Sample) -> Asked:
        asked = encode(self.base.prompts(), hole)
        ids = torch.from_numpy(asked.ids).long()
        mark = self.base.fim.middle
        assert mark is not None, "only families that mark where the middle begins are asked here"
        anchor = int(torch.eq(ids[: asked.start], mark).nonzero()[-1]) + 1
        cursor = asked.start - anchor
        states, wanted = self.decoder([ids])[anchor - 1 : -2], ids[anchor:-1]
        above, middle = wanted[:cursor].tolist(), wanted[cursor:].tolist()
        head = cast(Any, self.adapted.model.get_base_model()).lm_head.weight
        expected = (states @ head.T).float().log_softmax(-1)  # (T, vocabulary)
        ends = self.base.lexicon.other_ends(middle, hole.place.suffix)
        spelt = costs(Question([], middle, other_ends=ends), expected[cursor:], None)
        stretch = costs(Question([], above), expected[:cursor], None)
        texts = [self.base.tokenizer.decode([token]) for token in middle]
        return Asked(
            hole.path,
            bits_of(-float(spelt.sum())),
            len(hole.middle.encode()),
            self._writes_line(expected[cursor:].argmax(-1).tolist(), texts, hole.place.suffix),
            bits_of(-float(spelt[self._in_names(texts)].sum())),
            bits_of(-float(stretch.sum())),
            len(self.base.tokenizer.decode(above).encode()),
        )

    def _writes_line(self, likeliest: Sequence[int], texts: Sequence[str], suffix: str) -> bool:
        """Whether the likeliest tokens spell the first line of ``texts``, and maybe more."""
        left = "".join(texts)
        line, left = len(left.partition("\n")[0]), left + suffix[:BEHIND]
        for found, text in zip(likeliest, texts, strict=True):
            said = self.base.tokenizer.decode([found])
            if len(said) >= line:
                return left.startswith(said)
            if said != text:
                return False
            left, line = left[len(said) :], line - len(said)
        return True

    def _in_names(self, texts: Sequence[str]) -> np.ndarray:
        """Which tokens reach into a name of the team's."""
        inside, ends = np.zeros(len(texts), dtype=bool), np.cumsum([len(text) for text in texts])
        for found in _NAME.finditer("".join(texts)):
            if found.group() in self.names:
                begin = int(np.searchsorted(ends, found.start(), side="right"))
                inside[begin : int(np.searchsorted(ends, found.end(), side="left")) + 1] = True
        return inside


def names_of(mined: Mined) -> frozenset[str]:
    """The names in all code that training may see."""
    texts = (
        sample.place.prefix + sample.middle + sample.place.suffix
        for sample in mined.samples("train")
    )
    return _names(texts)


def common_names() -> frozenset[str]:
    """Those of Python's standard library."""
    return _names(text for _, text in replay_texts(0))


def _names(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(name for text in texts for name in _NAME.findall(text))


def pooled(by_repository: Mapping[str, Sequence[Asked]]) -> list[Asked]:
    """All of them together; a path in one repository is another file than in the next."""
    return [
        replace(each, file=f"{repository}/{each.file}")
        for repository, asked in by_repository.items()
        for each in asked
    ]


def tell(title: str, found: dict[str, list[Asked]]) -> None:
    """Every model's figures, and the differences that matter, each with its interval."""
    for role, asked in found.items():
        size = sum(each.bytes for each in asked)
        print(
            f"{title:24} {role:8} {sum(each.bits for each in asked) / size:.4f} bits a byte, "
            f"of which names of the team's {sum(each.named for each in asked) / size:.4f}; "
            f"first lines {sum(each.line for each in asked) / len(asked):.1%}"
        )
    pairs = [("generic", "base"), ("other", "generic"), ("own", "generic"), ("own", "other")]
    for role, against in pairs:
        if role in found and against in found:
            more = differences(found[role], found[against])
            said = ", ".join(f"{measure} {shown(more[measure])}" for measure in more)
            print(f"{title:24} {role} against {against}: {said}")
    print(flush=True)


def is_surely_better(found: list[Asked], against: list[Asked]) -> bool:
    """As the gate asks: the whole interval of the bits."""
    return differences(found, against)["bits"].high < 0


def differences(found: list[Asked], against: list[Asked]) -> dict[str, Interval]:
    """Bits more, as a share of the other's; first lines more, as a share of the holes."""
    pairs = list(zip(found, against, strict=True))
    files = [each.file for each in found]

    def more(here: list[float], there: list[float]) -> Interval:
        return bootstrap_ratio(np.array(here) - np.array(there), np.array(there), files)

    lines = np.array([float(a.line) - float(b.line) for a, b in pairs])
    return {
        "bits": more([a.bits for a in found], [b.bits for b in against]),
        "names": more([a.named for a in found], [b.named for b in against]),
        "with the lines above": more(
            [a.bits + a.stretch for a in found], [b.bits + b.stretch for b in against]
        ),
        "lines": bootstrap_ratio(lines, np.ones(len(lines)), files),
    }


def shown(interval: Interval) -> str:
    return f"{interval.value:+.1%} [{interval.low:+.1%}, {interval.high:+.1%}]"
