"""A store keeps what is served apart for each base, and stores from before that stay readable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from homespun_model.bases.identity import BaseIdentity, BaseRecord
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.store import current_file
from homespun_model.store.store import AdapterStore, Revision

REPOSITORY = "github.com/team/project"
STARTER = BaseRecord("starter", "0" * 64, BaseIdentity("qwen3", "abc", "starter", "1"))
REAL = BaseRecord("org/model", "1" * 64, BaseIdentity("qwen2", "def", "org/model", "r1"))


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "adapters")


def publish(store: AdapterStore, base: BaseRecord, content: str = "weights") -> Revision:
    staged = store.stage(REPOSITORY)
    (staged / "adapter_model.safetensors").write_text(content)
    (staged / "adapter_config.json").write_text("{}")
    return store.publish(REPOSITORY, staged, {"base": base.to_json(), "prompt_version": 1})


def as_before_identities(store: AdapterStore, *revisions: Revision) -> Path:
    """Make of a store what an older version would have left, the last revision being served."""
    folder = store.root / REPOSITORY
    for revision in revisions:
        manifest: dict[str, Any] = json.loads((revision.path / "manifest.json").read_text())
        del manifest["base"]["identity"]
        (revision.path / "manifest.json").write_text(json.dumps(manifest))
    for file in folder.glob("current=*"):
        file.unlink()
    old = folder / "current"
    old.write_text(f"{revisions[-1].name}\n")
    return old


def served(store: AdapterStore, base: BaseRecord) -> str | None:
    found = store.current(REPOSITORY, base)
    return found.name if found else None


def test_each_base_is_served_its_own_revision(store: AdapterStore) -> None:
    one, two = publish(store, STARTER), publish(store, REAL)
    assert (served(store, STARTER), served(store, REAL)) == (one.name, two.name)
    assert two.manifest["parent"] is None, "it replaces nothing of another base"
    newer = publish(store, STARTER, "newer")
    assert newer.manifest["parent"] == one.name
    assert (served(store, STARTER), served(store, REAL)) == (newer.name, two.name)


def test_publishing_for_one_base_leaves_the_stamp_of_another(store: AdapterStore) -> None:
    publish(store, STARTER)
    stamp = store.stamp(REPOSITORY, STARTER)
    publish(store, REAL)
    assert store.stamp(REPOSITORY, STARTER) == stamp != store.stamp(REPOSITORY, REAL)


def test_a_rollback_speaks_of_one_base_and_asks_which(store: AdapterStore) -> None:
    first, _, real = publish(store, STARTER), publish(store, STARTER), publish(store, REAL)
    with pytest.raises(StoreInputError, match=r"starter.*say which with --base"):
        store.rollback(REPOSITORY)
    assert store.rollback(REPOSITORY, base="starter") == ("starter", first)
    assert served(store, REAL) == real.name
    assert store.rollback(REPOSITORY, base="org/model", to_base=True) == ("org/model", None)
    assert (served(store, STARTER), served(store, REAL)) == (first.name, None)
    with pytest.raises(StoreError, match="no adapter in use on org/model"):
        store.rollback(REPOSITORY, base="org/model")


def under(called: str, base: BaseRecord, **changes: str | None) -> BaseRecord:
    """Other weights of the same model, called otherwise."""
    assert base.identity is not None
    return BaseRecord(called, called, replace(base.identity, **changes))


def test_a_rollback_finds_the_adapter_of_the_same_model_under_another_name(
    store: AdapterStore,
) -> None:
    publish(store, STARTER)
    first = publish(store, REAL)
    publish(store, under("/models/q4.gguf", REAL, revision=None))
    twin = under("qwen", REAL)
    assert [current.base for current in store.currents(REPOSITORY, twin)] == ["/models/q4.gguf"]
    assert store.rollback(REPOSITORY, base=twin) == ("/models/q4.gguf", first)
    assert store.rollback(REPOSITORY, base=twin, to_base=True)[1] is None
    assert store.prune(REPOSITORY, base=twin, keep=1).keys() == {REAL.id}


def test_of_two_starters_a_rollback_speaks_of_the_one_that_is_here(store: AdapterStore) -> None:
    old = publish(store, under("starter", STARTER, revision="0"))
    publish(store, STARTER)
    assert store.rollback(REPOSITORY, base=STARTER) == ("starter", None)
    assert [one.name for one in store.currents(REPOSITORY, STARTER)] == [old.name], "by its name"
    with pytest.raises(StoreError, match="no adapter in use on org/model"):
        store.rollback(REPOSITORY, base=REAL)


def test_an_adapter_of_a_snapshot_is_served_on_a_quantisation_of_no_known_revision(
    store: AdapterStore,
) -> None:
    snapshot, quantised = publish(store, REAL), under("q4", REAL, revision=None)
    assert served(store, quantised) == snapshot.name
    newer = publish(store, quantised)
    assert newer.manifest["parent"] == snapshot.name
    assert served(store, REAL) == newer.name
    assert served(store, under("other", REAL, revision="r2")) == newer.name
    assert served(store, under("other", REAL, name="org/fine-tune", revision=None)) is None
    one, other = under("one", REAL), under("other", REAL, revision="r2")
    assert not one.is_same(other)


def test_pruning_keeps_the_newest_of_each_base(store: AdapterStore) -> None:
    real = publish(store, REAL)
    many = [publish(store, STARTER, str(n)) for n in range(4)]
    assert store.prune(REPOSITORY, keep=2, base="org/model") == {"org/model": []}
    gone = store.prune(REPOSITORY, keep=2)
    assert gone == {"org/model": [], "starter": [many[0].name, many[1].name]}
    assert [r.name for r in store.revisions(REPOSITORY)] == [real.name, many[2].name, many[3].name]


def test_two_quantisations_of_one_model_are_one_base(store: AdapterStore) -> None:
    finer = publish(store, REAL)
    coarse = BaseRecord("/bases/q4", "2" * 64, REAL.identity)
    assert served(store, coarse) == finer.name
    assert publish(store, coarse).manifest["parent"] == finer.name


def test_the_same_weights_under_another_name_are_one_base(store: AdapterStore) -> None:
    hub = publish(store, REAL)
    folder = BaseRecord("/bases/copy", "1" * 64, BaseIdentity("qwen2", "def", sha256="1" * 64))
    assert served(store, folder) == hub.name
    newer = publish(store, folder)
    assert (served(store, REAL), served(store, folder)) == (newer.name, newer.name)
    assert len(store.currents(REPOSITORY)) == 1, "one base has one revision that is served"


def test_other_weights_without_a_name_are_another_base(store: AdapterStore) -> None:
    publish(store, BaseRecord("/a", "3" * 64, BaseIdentity("qwen2", "def", sha256="3" * 64)))
    other = BaseRecord("/a", "4" * 64, BaseIdentity("qwen2", "def", sha256="4" * 64))
    assert served(store, other) is None


def test_an_old_stores_current_is_that_of_its_own_base(store: AdapterStore) -> None:
    revision = publish(store, STARTER)
    as_before_identities(store, revision)
    assert served(store, STARTER) == revision.name
    assert served(store, REAL) is None
    assert store.stamp(REPOSITORY, STARTER) and not store.stamp(REPOSITORY, REAL)
    assert store.has(REPOSITORY)


def test_an_old_store_is_rolled_back_in_place_and_to_the_base(store: AdapterStore) -> None:
    first, second = publish(store, STARTER, "one"), publish(store, STARTER, "two")
    old = as_before_identities(store, first, second)
    base, before = store.rollback(REPOSITORY)
    assert (base, before and before.name) == ("starter", first.name)
    assert old.read_text() == f"{first.name}\n", "an older version still reads it"
    assert served(store, STARTER) == first.name
    assert store.rollback(REPOSITORY) == ("starter", None)
    assert served(store, STARTER) is None and not store.has(REPOSITORY)


def test_publishing_takes_over_from_an_old_current(store: AdapterStore) -> None:
    was = publish(store, STARTER)
    old = as_before_identities(store, was)
    other = publish(store, REAL)
    assert old.exists(), "it speaks of another base"
    new = publish(store, STARTER, "new")
    assert new.manifest["parent"] == was.name
    assert not old.exists()
    assert (served(store, STARTER), served(store, REAL)) == (new.name, other.name)
    base, before = store.rollback(REPOSITORY, base="starter")
    assert (base, before and before.name) == ("starter", was.name)


def test_a_kill_before_the_old_current_is_gone_brings_nothing_back(store: AdapterStore) -> None:
    was = publish(store, STARTER)
    old = as_before_identities(store, was)
    new = publish(store, STARTER, "new")
    old.write_text(f"{was.name}\n")  # killed between the rename and the removal
    assert served(store, STARTER) == new.name
    store.rollback(REPOSITORY, base="starter", to_base=True)
    assert served(store, STARTER) is None


def test_an_old_current_that_cannot_be_read_is_said_and_can_be_left(store: AdapterStore) -> None:
    old = as_before_identities(store, publish(store, STARTER))
    old.write_text("damaged")
    with pytest.raises(StoreError, match="--to-base"):
        store.current(REPOSITORY, STARTER)
    assert store.rollback(REPOSITORY, to_base=True) == ("an unknown base", None)
    assert served(store, STARTER) is None


def test_a_base_with_a_line_break_in_its_name_stays_one_line(store: AdapterStore) -> None:
    odd = BaseRecord("/bases/odd\nname", "5" * 64, BaseIdentity("a", "b", sha256="5" * 64))
    publish(store, odd)
    [current] = store.currents(REPOSITORY)
    name, called = current_file.name_in(current.file)
    assert (name, called) == (current.name, "/bases/odd name")


@pytest.mark.parametrize("about", [None, [], "x", {"id": 1}, {"id": "a", "weights_hash": 2}])
def test_a_manifest_that_names_no_base_names_none(about: object) -> None:
    assert BaseRecord.in_manifest({"base": about}) is None


@pytest.mark.parametrize("identity", [None, 1, {}, {"architecture": 3, "tokenizer": "x"}])
def test_an_identity_that_is_none_leaves_the_weights_to_decide(identity: object) -> None:
    found = BaseRecord.in_manifest({"base": {"id": "a", "weights_hash": "b", "identity": identity}})
    assert found == BaseRecord("a", "b") and found.key


def test_what_a_record_says_comes_back_from_json() -> None:
    assert BaseRecord.in_manifest({"base": json.loads(json.dumps(REAL.to_json()))}) == REAL
