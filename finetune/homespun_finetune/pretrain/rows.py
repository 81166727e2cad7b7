"""Prepared documents → rows of token ids, packed and ready to train on.

Each cut becomes one sample: its prompt, built by the same ``PromptBuilder`` that serves, its middle
and the end token. Whole samples share a row; nothing is cut in two. Beside the ids stands the role
of each token, so that the loss can tell a middle from its surroundings.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from homespun_corpus.place import Place, place_at
from homespun_model.bases.families import STARTER, FimFormat, FimIds
from homespun_model.bases.prompt import Budget, PromptBuilder
from tokenizers import Tokenizer

from homespun_finetune.pretrain.documents import DocumentHole, PretrainDocument, read_shard
from homespun_finetune.pretrain.settings import Recipe

PAD, TEXT, MIDDLE, END = 0, 1, 2, 3  # roles
OPEN_ROWS = 64  # rows that wait for a sample that fits
# A sample sees this share of the budget: short ones are cheap, and files are often short.
BUDGET_SHARES = (1.0, 0.5, 0.25)
BUDGET_WEIGHTS = (0.2, 0.3, 0.5)

Ids = npt.NDArray[np.uint16]
Roles = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PackedRows:
    """``ids`` and ``roles``, both (rows, context_length)."""

    ids: Ids
    roles: Roles


class Encoder:
    """Turns documents into samples for one vocabulary, context length and FIM format."""

    def __init__(
        self, tokenizer: Tokenizer, context_length: int, format: FimFormat = STARTER
    ) -> None:
        tokenizer.encode_special_tokens = True  # sentinel text in somebody's code is ordinary text
        self.fim: FimIds = format.resolve(tokenizer.token_to_id)
        self.context_length = context_length
        plain = _Plain(tokenizer)
        self._builders = [
            PromptBuilder(plain, self.fim, Budget.of(int(context_length * share)))
            for share in BUDGET_SHARES
        ]

    def samples(self, document: PretrainDocument, seed: int) -> Iterator[tuple[list[int], bytes]]:
        """(ids, roles) of each cut that fits into a row."""
        rng = random.Random(f"{seed}:{document.repository}:{document.path}")
        for cut in document.cuts:
            builder = rng.choices(self._builders, BUDGET_WEIGHTS)[0]
            place, plain = _place(document, cut), cut.kind == "plain"
            prompt = builder.build(place, plain=plain)
            middle = builder.encode_middle(document.text[cut.start : cut.end])
            ends = [] if plain else [self.fim.end]
            ids = [*prompt, *middle, *ends]
            if len(ids) <= self.context_length:
                role = TEXT if plain else MIDDLE
                roles = [TEXT] * len(prompt) + [role] * len(middle) + [END] * len(ends)
                yield ids, bytes(roles)


class _Plain:
    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def boundary(self, text: str, index: int) -> int:
        del text  # a hole of a document is where it is: no cursor is healed
        return index


def _place(document: PretrainDocument, cut: DocumentHole) -> Place:
    path = "" if cut.bare else document.path
    return place_at(
        document.text,
        cut.start,
        cut.end,
        path=path,
        language=document.language,
        related=cut.related,
    )


def load_or_encode(
    shards: Sequence[Path],
    vocabulary: Path,
    recipe: Recipe,
    directory: Path,
    *,
    workers: int,
    format: FimFormat = STARTER,
) -> tuple[PackedRows, PackedRows]:
    """(training rows, held-out rows), encoded at a run's first start and kept in ``directory``."""
    paths = [directory / f"rows-{part}.npz" for part in ("train", "held")]
    if not all(path.exists() for path in paths):
        length, seed = recipe.model.context_length, recipe.train.seed
        encoded = encode_shards(shards, vocabulary, length, seed, workers=workers, format=format)
        for path, rows in zip(paths, encoded, strict=True):
            part = path.with_suffix(".part.npz")
            np.savez(part, ids=rows.ids, roles=rows.roles)
            part.replace(path)
    train, held = (np.load(path) for path in paths)
    return PackedRows(train["ids"], train["roles"]), PackedRows(held["ids"], held["roles"])


def encode_shards(
    shards: Sequence[Path],
    vocabulary: Path,
    context_length: int,
    seed: int,
    *,
    workers: int,
    format: FimFormat = STARTER,
) -> tuple[PackedRows, PackedRows]:
    """(training rows, held-out rows) of all shards, in an order that depends on the seed alone."""
    work = partial(
        _encode_shard,
        vocabulary=vocabulary,
        context_length=context_length,
        seed=seed,
        format=format,
    )
    with ProcessPoolExecutor(workers) as pool:
        parts = list(pool.map(work, shards))
    return _join([train for train, _ in parts]), _join([held for _, held in parts])


def _encode_shard(
    shard: Path, *, vocabulary: Path, context_length: int, seed: int, format: FimFormat
) -> tuple[PackedRows, PackedRows]:
    encoder = Encoder(Tokenizer.from_file(str(vocabulary)), context_length, format)
    train: list[tuple[list[int], bytes]] = []
    held: list[tuple[list[int], bytes]] = []
    for document in read_shard(shard):
        (held if document.held_out else train).extend(encoder.samples(document, seed))
    random.Random(seed).shuffle(train)
    pad = encoder.fim.pad
    assert pad is not None
    return pack(train, context_length, pad), pack(held, context_length, pad)


def pack(samples: Iterable[tuple[list[int], bytes]], length: int, pad: int) -> PackedRows:
    """Whole samples into rows of ``length``: each goes to the fullest open row that has room."""
    done: list[tuple[list[int], bytes]] = []
    open_rows: list[tuple[list[int], bytearray]] = []
    for ids, roles in samples:
        fits = [row for row in open_rows if len(row[0]) + len(ids) <= length]
        if fits:
            row = max(fits, key=lambda r: len(r[0]))
        else:
            if len(open_rows) == OPEN_ROWS:
                fullest = max(open_rows, key=lambda r: len(r[0]))
                open_rows.remove(fullest)
                done.append((fullest[0], bytes(fullest[1])))
            row = ([], bytearray())
            open_rows.append(row)
        row[0].extend(ids)
        row[1].extend(roles)
    done += [(ids, bytes(roles)) for ids, roles in open_rows]
    return _rectangle(done, length, pad)


def _rectangle(rows: Sequence[tuple[list[int], bytes]], length: int, pad: int) -> PackedRows:
    ids = np.full((len(rows), length), pad, dtype=np.uint16)
    roles = np.zeros((len(rows), length), dtype=np.uint8)
    for i, (row_ids, row_roles) in enumerate(rows):
        ids[i, : len(row_ids)] = row_ids
        roles[i, : len(row_roles)] = np.frombuffer(row_roles, dtype=np.uint8)
    return PackedRows(ids, roles)


def _join(parts: Sequence[PackedRows]) -> PackedRows:
    return PackedRows(
        np.concatenate([p.ids for p in parts]), np.concatenate([p.roles for p in parts])
    )
