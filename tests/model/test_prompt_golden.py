"""The token ids of every family's prompts, in every corner, are what adapters were trained on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from homespun_corpus.place import Place, Related, place_at
from homespun_model.bases.base import load_base
from homespun_model.bases.families import STARTER, FimFormat, families
from homespun_model.bases.prompt import BUILDERS, Budget, PromptBuilder, versions_for

GOLDEN = Path(__file__).parents[1] / "fixtures" / "prompt_ids.json"
BUDGET = Budget(total=600, header=24, related=160, suffix=120)
CODE = "".join(f"def f{i}(a, b):\n    return a + b * {i}\n\n" for i in range(120))
RELATED = (
    Related("src/shapes.py", "class Square:\n    side: float\n"),
    Related("too_long.py", "y = 1\n" * 60),
    Related("b.py", "B = 1"),
)


class Bytes:
    """One id a byte, and no word shares a token with what is before it."""

    def encode(self, text: str) -> list[int]:
        return list(text.encode())

    def boundary(self, text: str, index: int) -> int:
        del text
        return index


def corners() -> dict[str, Place]:
    """A place for each corner in which a builder has to decide something."""
    middle, dos = CODE.index("f60(a"), CODE.replace("\n", "\r\n")

    def at(text: str, offset: int, end: int | None = None, **more: object) -> Place:
        about = {"path": "src/a.py", "language": "python"} | more
        return place_at(text, offset, end, **about)  # type: ignore[arg-type]

    return {
        "short": at("x = 1\ny = ", 10),
        "long prefix, no related code": at(CODE, len(CODE)),
        "long suffix": at(CODE, 0),
        "both sides": at(CODE, middle),
        "related": at(CODE, middle, related=RELATED),
        "hole": at(CODE, middle, middle + 30, related=RELATED),
        "CRLF": at(dos, dos.index("f60(a"), related=RELATED),
        "no path": at(CODE, middle, path=""),
        "long path": at("x", 1, path=f"{'deep/' * 30}file.py"),
        "one long line": at("x" * 5000, 4000),
        "not ASCII": at("größe = '☺'\nπ = ", 15, related=(Related("é.py", "ñ = 'ü'"),)),
        "sentinel in the text": at("a = '<fim_middle><|fim_suffix|>' + ", 34),
        "empty": at("", 0, path="new.py"),
    }


def digest(ids: list[int]) -> str:
    """How many, and which."""
    return f"{len(ids)} {hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:24]}"


def built(builder: PromptBuilder) -> dict[str, str]:
    prompts = {
        f"{name}{', plain' * plain}": digest(builder.build(place, plain=plain))
        for name, place in corners().items()
        for plain in (False, True)
    }
    return prompts | {"a middle": digest(builder.encode_middle("a\r\n  b = 'é'\n"))}


def holes(builder: PromptBuilder) -> dict[str, str]:
    """What is trained on and asked in the same corners, where the answer is not only the middle."""
    middle = "middle(x)\n    "
    asked = {name: builder.hole(place, middle) for name, place in corners().items()}
    return {
        f"{name}, a hole": f"{digest(prompt.ids)}, {digest(answer)}, behind {prompt.begun!r}"
        for name, (prompt, answer) in asked.items()
    }


def builder_of(family: FimFormat, version: int = 1) -> PromptBuilder:
    """For bytes, with the family's sentinels numbered from 1000 in the order it names them."""
    numbers = {name: 1000 + i for i, name in enumerate(family.sentinels())}
    return BUILDERS[version](Bytes(), family.resolve(numbers.get), BUDGET)


ANCHORED = [family for family in families() if 2 in versions_for(family.order)]


def recorded() -> dict[str, dict[str, str]]:
    golden: dict[str, dict[str, str]] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return golden


@pytest.mark.parametrize("family", [STARTER, *families()], ids=lambda family: family.name)
def test_a_family_builds_the_recorded_token_ids(family: FimFormat) -> None:
    assert built(builder_of(family)) == recorded()[f"{family.name}, bytes"]


def test_the_starters_own_tokenizer_builds_the_recorded_token_ids() -> None:
    assert built(load_base().prompts()) == recorded()["starter, its own tokenizer"]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("family", ANCHORED, ids=lambda family: family.name)
def test_a_family_builds_the_recorded_token_ids_of_its_versions(
    family: FimFormat, version: int
) -> None:
    builder = builder_of(family, version)
    wanted = recorded()[f"{family.name}, bytes, version {version}"]
    assert built(builder) | holes(builder) == wanted


def test_every_recorded_family_is_still_there() -> None:
    names = {f"{family.name}, bytes" for family in (STARTER, *families())}
    names |= {f"{family.name}, bytes, version {v}" for family in ANCHORED for v in (2, 3)}
    assert recorded().keys() == names | {"starter, its own tokenizer"}
