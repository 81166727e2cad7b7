"""A base's generic adapter: found, matched, refused where it is not what it says, and served."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from generic_adapters import random_generic
from homespun_corpus.place import Place
from homespun_model.bases import generic_adapter
from homespun_model.bases.base import Base, load_base
from homespun_model.bases.generic_adapter import CARD, bundled_folder, find
from homespun_model.bases.identity import BaseIdentity, BaseRecord, vocabulary_hash
from homespun_model.bases.plain_lora import CONFIG, WEIGHTS
from homespun_model.bases.prompt import BUILDERS
from homespun_model.catalogue.catalogue import published
from homespun_model.completer import Completer
from random_adapters import merged_by_peft
from tiny_models import tiny_base

PLACE = Place("shelf.py", "python", "class Shelf:\n    def find(self, title):\n        ", "\n")


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def base(tmp_path: Path) -> Base:
    return load_base(str(tiny_base(tmp_path / "base")))


def give(base: Base, /, name: str = "own", **about: object) -> Path:
    return random_generic(base, Path(base.id).parent / "made", name, **about)


def named(base: Base, name: str | None, revision: str | None, weights: str) -> BaseRecord:
    """The record of the same model in another file."""
    assert base.record.identity is not None
    identity = replace(
        base.record.identity, name=name, revision=revision, sha256=None if name else weights
    )
    return BaseRecord("elsewhere", weights, identity)


def test_a_base_without_one_is_as_before(base: Base) -> None:
    assert base.generic is None
    assert base.found_generic.problem is None
    assert Completer.load(base).generic is None


def test_it_is_served_where_no_adapter_is(base: Base) -> None:
    folder = give(base)
    served, bare = Completer.load(base), Completer.load(base, bare=True)
    assert base.generic == folder
    assert base.found_generic.adapter is not None
    assert (served.generic, served.revision) == (base.found_generic.adapter.sha256, None)
    assert (bare.generic, bare.revision) == (None, None)
    assert served.complete(PLACE).generic and not bare.complete(PLACE).generic
    found = served.score(PLACE, "return title")
    peft = Completer.from_model(base, merged_by_peft(base, folder), None)
    torch.testing.assert_close(found.nats, peft.score(PLACE, "return title").nats)
    assert abs(found.nats - bare.score(PLACE, "return title").nats) > 0.01


@pytest.mark.parametrize(
    ("made_on", "asked_for", "is_found"),
    [
        (("org/model", None, "a"), ("org/model", None, "b"), True),
        (("org/model", "1", "a"), ("org/model", None, "b"), True),
        (("org/model", None, "a"), ("org/model", "1", "b"), True),
        (("org/model", "1", "a"), ("org/model", "2", "b"), False),
        (("org/model", None, "a"), ("org/other", None, "b"), False),
        (("org/model", None, "a"), (None, None, "b"), False),
        (("org/model", None, "a"), (None, None, "a"), True),
        ((None, None, "a"), (None, None, "b"), False),
    ],
)
def test_quantisations_of_one_model_share_one(
    base: Base,
    made_on: tuple[str | None, str | None, str],
    asked_for: tuple[str | None, str | None, str],
    is_found: bool,
) -> None:
    give(base, base=named(base, *made_on).to_json())
    found = find(named(base, *asked_for), base.prompt_versions)
    assert (found.adapter is not None) == is_found


def test_another_architecture_has_another(base: Base) -> None:
    give(base, base=named(base, "org/model", None, "a").to_json())
    other = named(base, "org/model", None, "b")
    assert isinstance(other.identity, BaseIdentity)
    other = replace(other, identity=replace(other.identity, architecture="wider"))
    assert find(other, base.prompt_versions).adapter is None


def test_one_for_another_version_of_the_prompt_is_not_served(base: Base) -> None:
    give(base, prompt_version=99)
    assert base.generic is None


def test_the_newest_prompt_wins_then_the_own_then_the_newest(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle"
    monkeypatch.setattr(generic_adapter, "bundled_folder", lambda: bundle)
    bundled = give(base, prompt_version=1, date="2027-01-01").rename(bundle_of(bundle))
    assert newest(base, 1) == bundled
    old = give(base, "old", prompt_version=1, date="2025-01-01")
    assert newest(base, 1) == old
    new = give(base, "new", prompt_version=1, date="2025-01-02")
    assert newest(base, 1) == new
    change_card(bundled, prompt_version=2)
    assert newest(base, 1, 2) == bundled


def bundle_of(bundle: Path) -> Path:
    bundle.mkdir()
    return bundle / "tiny"


def newest(base: Base, *versions: int) -> Path | None:
    found = find(base.record, versions).adapter
    return found.path if found else None


def change_card(folder: Path, **about: object) -> None:
    file = folder / generic_adapter.CARD
    file.write_text(json.dumps(json.loads(file.read_text()) | about))


def cut(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-1])


def gone(folder: Path) -> None:
    (folder / WEIGHTS).unlink()


def not_plain(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"use_dora": True}))


@pytest.mark.parametrize("damage", [cut, gone, not_plain])
def test_a_damaged_one_is_ignored_with_one_line(base: Base, damage: object) -> None:
    assert callable(damage)
    damage(give(base))
    assert base.generic is None
    assert base.found_generic.problem is not None
    assert "is ignored: adapter_" in base.found_generic.problem
    assert "\n" not in base.found_generic.problem


@pytest.mark.parametrize(
    "card", ["", "[]", "null", '{"base": 3}', '{"base": {"id": []}}', "[" * 9999]
)
def test_a_card_may_say_anything(base: Base, card: str) -> None:
    (give(base) / generic_adapter.CARD).write_text(card)
    assert base.generic is None


def test_a_damaged_one_hides_no_whole_one(base: Base) -> None:
    whole = give(base, "whole", date="2026-01-01")
    cut(give(base, "cut", date="2026-01-02"))
    assert base.generic == whole
    assert base.found_generic.problem is not None


@pytest.mark.parametrize("folder", [f for f in bundled_folder().iterdir() if f.is_dir()])
def test_what_comes_with_the_program_is_whole_and_small(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    base = BaseRecord.in_manifest(card)
    assert base is not None and base.identity is not None
    found = find(base, {card["prompt_version"]})
    assert found.adapter is not None and found.problem is None
    assert found.adapter.path == folder and card["prompt_version"] in BUILDERS
    entry = published().find(folder.name)
    assert entry is not None and entry.published == base.identity.name
    assert (folder / WEIGHTS).stat().st_size < 10_000_000
    assert card["tokens"] > 0 and len(card["repositories"]) > 20
    measured = {"pimutils/khal", "beancount/fava", "miniflux/v2", "umami-software/umami"}
    assert not measured & {about["repository"] for about in card["repositories"]}


def test_what_fills_a_vocabulary_up_makes_it_no_other_one() -> None:
    words = ["a", "b", "c"]
    filled = [*words, *(f"[PAD{number}]" for number in range(3, 9))]
    assert vocabulary_hash(3, words.__getitem__) == vocabulary_hash(9, filled.__getitem__)
    other = [*words, "[PAD7]"]
    assert vocabulary_hash(4, other.__getitem__) != vocabulary_hash(3, words.__getitem__)
