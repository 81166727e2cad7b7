"""How each family of base models was taught to fill in the middle, as data.

``formats.json`` beside this module holds the families; a base may carry its own format in a
``fim_format.json``, as the starter does. Knows sentinels by name and by id, nothing of weights,
prompts or text around a cursor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from homespun_model.errors import BaseError

FORMAT_FILE = "fim_format.json"

Order = Literal["spm", "psm", "spm1"]
TokenToId = Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class FimIds:
    """A family's sentinels as ids of one tokenizer. ``stop`` holds every id that ends a middle."""

    order: Order
    prefix: int
    suffix: int
    middle: int | None
    end: int
    pad: int | None
    file_sep: int | None
    repo: int | None
    bos: int | None
    stop: frozenset[int]


@dataclass(frozen=True, slots=True)
class FimFormat:
    """One family's way of filling in, sentinels by name.

    ``order``: "spm" is prefix-mark suffix-mark SUFFIX middle-mark PREFIX, "psm" is prefix-mark
    PREFIX suffix-mark SUFFIX middle-mark, "spm1" is suffix-mark SUFFIX prefix-mark PREFIX
    middle-mark. ``end`` is the token that ends a middle. ``stop``: further tokens that may end one.
    ``guard``: the tokenizer puts a space before a text, so it is encoded behind a guard character.
    """

    name: str
    order: Order
    prefix: str
    suffix: str
    middle: str | None
    end: str
    pad: str | None = None
    file_sep: str | None = None
    repo: str | None = None
    bos: str | None = None
    stop: tuple[str, ...] = ()
    guard: bool = False

    def sentinels(self) -> tuple[str, ...]:
        """Every token named here, once each."""
        named = (self.prefix, self.suffix, self.middle, self.end, self.pad, self.file_sep)
        every = (*named, self.repo, self.bos, *self.stop)
        return tuple(dict.fromkeys(token for token in every if token is not None))

    def resolve(self, token_to_id: TokenToId) -> FimIds:
        """The sentinels as ids. A sentinel that is not one id of the vocabulary is a BaseError."""
        ids = {token: token_to_id(token) for token in self.sentinels()}
        missing = [token for token, number in ids.items() if number is None]
        if missing:
            raise BaseError(
                f"the tokenizer has no single id for {missing[0]!r}, which the FIM format "
                f"{self.name!r} needs: choose another base, or another format with --fim-format"
            )
        return self._numbered({token: n for token, n in ids.items() if n is not None})

    def _numbered(self, ids: dict[str, int]) -> FimIds:
        def opt(token: str | None) -> int | None:
            return None if token is None else ids[token]

        return FimIds(
            order=self.order,
            prefix=ids[self.prefix],
            suffix=ids[self.suffix],
            middle=opt(self.middle),
            end=ids[self.end],
            pad=opt(self.pad),
            file_sep=opt(self.file_sep),
            repo=opt(self.repo),
            bos=opt(self.bos),
            stop=frozenset(ids.values()),
        )

    def fits(self, token_to_id: TokenToId) -> bool:
        """Whether every sentinel is one id of the vocabulary."""
        return all(token_to_id(token) is not None for token in self.sentinels())

    def to_json(self) -> str:
        """The contents of a ``fim_format.json``."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_dict(cls, raw: object, where: str) -> FimFormat:
        """A format from parsed JSON, as untrusted as any file: BaseError names what is wrong."""
        if not isinstance(raw, dict):
            raise BaseError(f"{where} must hold one JSON object that describes a FIM format")
        fields = {key: value for key, value in raw.items() if key in cls.__dataclass_fields__}
        wrong = [key for key, value in fields.items() if not _well_formed(key, value)]
        required = ("name", "order", "prefix", "suffix", "end")
        wrong += [key for key in required if fields.get(key) is None]
        if wrong:
            raise BaseError(f"{where}: {wrong[0]!r} is missing or not of the right kind")
        stop = tuple(fields.pop("stop", ()))
        return cls(**({"middle": None} | fields), stop=stop)


STARTER = FimFormat(
    name="starter",
    order="spm",
    prefix="<fim_prefix>",
    suffix="<fim_suffix>",
    middle="<fim_middle>",
    end="<|endoftext|>",
    pad="<fim_pad>",
    file_sep="<file_sep>",
    repo="<repo_name>",
)


def read_format(file: Path) -> FimFormat:
    """The format recorded beside a base's weights."""
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BaseError(f"{file} cannot be read as JSON: {error}") from error
    return FimFormat.from_dict(raw, str(file))


def families() -> tuple[FimFormat, ...]:
    """Every family this project knows, the starter's own left out."""
    return tuple(family for family, _ in _table())


def by_name(name: str) -> FimFormat:
    """The format called ``name``, as given with ``--fim-format``."""
    known = {family.name: family for family in (STARTER, *families())}
    if name not in known:
        raise BaseError(f"no FIM format is called {name!r}: choose one of {', '.join(known)}")
    return known[name]


def detect(names: Iterable[str], token_to_id: TokenToId) -> FimFormat:
    """The format of a base known by ``names`` (folder, hub id).

    A name decides first, the longest pattern that occurs in one; without, the vocabulary does, if
    the sentinels of exactly one family are in it. Anything else is a BaseError: a wrong format
    trains and serves nonsense without a sign.
    """
    names = list(names)
    named = named_family(names)
    if named is not None:
        return named
    fitting = [family for family in families() if family.fits(token_to_id)]
    if len(fitting) == 1:
        return fitting[0]
    choice = " or ".join(family.name for family in fitting) or "none that is known"
    raise BaseError(
        f"cannot tell how {next(iter(names), 'the base')!r} fills in the middle (its vocabulary "
        f"fits {choice}): name its family with --fim-format"
    )


def named_family(names: Iterable[str]) -> FimFormat | None:
    """The family with the longest pattern in a name; one known not to work is a BaseError."""
    names = [name.lower() for name in names]
    hits = [(p, family) for family, patterns in _table() for p in patterns if _within(p, names)]
    refused = [(p, why) for patterns, why in _unsupported() for p in patterns if _within(p, names)]
    best = max(hits, key=lambda hit: len(hit[0]), default=None)
    worst = max(refused, key=lambda hit: len(hit[0]), default=None)
    if worst is not None and (best is None or len(worst[0]) > len(best[0])):
        raise BaseError(f"{worst[0]} cannot be a base: {worst[1]}; see homespun models")
    return None if best is None else best[1]


def _within(pattern: str, names: Sequence[str]) -> bool:
    return any(pattern in name for name in names)


@cache
def _raw() -> dict[str, Any]:
    text = resources.files(__package__).joinpath("formats.json").read_text(encoding="utf-8")
    raw: dict[str, Any] = json.loads(text)
    return raw


@cache
def _table() -> tuple[tuple[FimFormat, tuple[str, ...]], ...]:
    rows = _raw()["families"]
    return tuple((FimFormat.from_dict(row, "formats.json"), tuple(row["match"])) for row in rows)


def _unsupported() -> list[tuple[list[str], str]]:
    return [(row["match"], row["reason"]) for row in _raw()["unsupported"]]


def _well_formed(key: str, value: object) -> bool:
    if key == "order":
        return value in get_args(Order)
    if key == "guard":
        return isinstance(value, bool)
    if key == "stop":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return value is None or (isinstance(value, str) and 0 < len(value) <= 100)
