"""The adapter store: whole revisions or none, killed at any line; nothing foreign gets in."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from homespun_model.bases.identity import BaseIdentity, BaseRecord
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.files.locks import try_lock, wait_for_lock
from homespun_model.store.store import AdapterStore, Revision, default_store

REPOSITORY = "github.com/team/project"
BASE = BaseRecord("starter", "0" * 64, BaseIdentity("qwen3", "abc", "starter", "1"))
MANIFEST: dict[str, Any] = {"base": BASE.to_json(), "prompt_version": 1, "decision": "published"}

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX permissions and signals")


@pytest.fixture
def store(tmp_path: Path) -> AdapterStore:
    return AdapterStore(tmp_path / "data" / "adapters")


def adapter(folder: Path, content: str = "weights") -> Path:
    (folder / "adapter_model.safetensors").write_text(content)
    (folder / "adapter_config.json").write_text("{}")
    return folder


def publish(store: AdapterStore, content: str = "weights", **manifest: Any) -> Revision:
    staged = adapter(store.stage(REPOSITORY), content)
    return store.publish(REPOSITORY, staged, MANIFEST | manifest)


def current_file(revision: Revision) -> Path:
    """Names what is served for BASE."""
    return revision.path.parent.parent / f"current={BASE.key}"


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_an_empty_store_serves_nothing(store: AdapterStore) -> None:
    assert store.current(REPOSITORY, BASE) is None
    assert store.revisions(REPOSITORY) == []
    assert store.stamp(REPOSITORY, BASE) is None
    assert not store.has(REPOSITORY)
    assert not store.root.exists()  # reading makes nothing


def test_what_is_published_is_served(store: AdapterStore) -> None:
    revision = publish(store)
    assert store.current(REPOSITORY, BASE) == revision
    assert store.has(REPOSITORY)
    assert store.verify(REPOSITORY, revision.name) == []
    folder = store.root / "github.com" / "team" / "project"
    assert revision.path == folder / "revisions" / revision.name
    assert names(revision.path) == {
        "adapter_model.safetensors",
        "adapter_config.json",
        "manifest.json",
    }
    manifest = json.loads((revision.path / "manifest.json").read_text())
    assert manifest == revision.manifest
    assert manifest["repository"] == REPOSITORY and manifest["parent"] is None
    assert set(manifest["files"]) == {"adapter_model.safetensors", "adapter_config.json"}
    assert names(folder / "staging") == set()


def test_names_sort_by_time_even_if_the_clock_goes_back(store: AdapterStore) -> None:
    first = publish(store)
    future = first.path.with_name("29990101T000000.000000Z-00000000")
    shutil.copytree(first.path, future)
    second = publish(store)
    assert second.name > future.name
    assert [r.name for r in store.revisions(REPOSITORY)] == [first.name, future.name, second.name]


def test_the_stamp_changes_with_what_is_served(store: AdapterStore) -> None:
    publish(store)
    before = store.stamp(REPOSITORY, BASE)
    assert store.stamp(REPOSITORY, BASE) == before is not None
    publish(store)
    assert store.stamp(REPOSITORY, BASE) != before


def test_a_refused_candidate_is_kept_and_not_served(store: AdapterStore) -> None:
    served = publish(store)
    kept = store.keep(REPOSITORY, adapter(store.stage(REPOSITORY), "worse"), MANIFEST)
    assert store.current(REPOSITORY, BASE) == served
    assert [r.name for r in store.revisions(REPOSITORY)] == [served.name, kept.name]
    assert kept.manifest["parent"] == served.name


def test_rollback_follows_what_was_served_back_to_the_base(store: AdapterStore) -> None:
    first = publish(store, "one")
    store.keep(REPOSITORY, adapter(store.stage(REPOSITORY), "refused"), MANIFEST)
    second = publish(store, "two")
    assert second.manifest["parent"] == first.name
    assert store.rollback(REPOSITORY) == ("starter", first)
    assert store.current(REPOSITORY, BASE) == first
    stamp = store.stamp(REPOSITORY, BASE)
    assert store.rollback(REPOSITORY) == ("starter", None)
    assert store.current(REPOSITORY, BASE) is None and not store.has(REPOSITORY)
    assert store.stamp(REPOSITORY, BASE) != stamp
    assert len(store.revisions(REPOSITORY)) == 3
    assert publish(store, "three").manifest["parent"] is None


def test_rollback_to_the_base_at_once(store: AdapterStore) -> None:
    publish(store, "one")
    second = publish(store, "two")
    assert store.rollback(REPOSITORY, to_base=True)[1] is None
    assert store.current(REPOSITORY, BASE) is None
    assert store.verify(REPOSITORY, second.name) == []


def test_a_run_measured_against_what_was_rolled_back_replaces_nothing(store: AdapterStore) -> None:
    first = publish(store)
    store.rollback(REPOSITORY)
    with pytest.raises(StoreError, match="changed in the meantime, to the base"):
        publish(store, parent=first.name)
    assert store.current(REPOSITORY, BASE) is None


def test_rollback_of_nothing_says_so_and_makes_nothing(store: AdapterStore) -> None:
    for to_base in (False, True):
        with pytest.raises(StoreError, match="no adapter"):
            store.rollback(REPOSITORY, to_base=to_base)
    assert not store.root.exists()
    publish(store)
    store.rollback(REPOSITORY)
    with pytest.raises(StoreError, match="no adapter"):
        store.rollback(REPOSITORY)


def test_rollback_refuses_a_damaged_revision_and_names_the_way_out(store: AdapterStore) -> None:
    first, second = publish(store, "one"), publish(store, "two")
    (first.path / "adapter_model.safetensors").write_text("damaged")
    with pytest.raises(StoreError, match=r"not what was published; .*--to-base"):
        store.rollback(REPOSITORY)
    assert store.current(REPOSITORY, BASE) == second
    shutil.rmtree(first.path)
    with pytest.raises(StoreError, match=r"is not in the store; .*--to-base"):
        store.rollback(REPOSITORY)
    (second.path / "manifest.json").write_text("damaged")
    with pytest.raises(StoreError, match=r"no readable manifest.json; .*--to-base"):
        store.rollback(REPOSITORY)
    assert store.rollback(REPOSITORY, to_base=True)[1] is None
    assert store.current(REPOSITORY, BASE) is None


def test_prune_believes_no_manifest(store: AdapterStore) -> None:
    revision = publish(store)
    (revision.path / "manifest.json").write_text(json.dumps(revision.manifest | {"parent": [{}]}))
    assert store.prune(REPOSITORY, keep=1) == {"starter": []}


def test_prune_of_nothing_makes_nothing(store: AdapterStore) -> None:
    assert store.prune(REPOSITORY) == {}
    assert not store.root.exists()


def test_prune_keeps_the_newest_the_served_and_its_parent(store: AdapterStore) -> None:
    revisions = [publish(store, str(i)) for i in range(6)]
    store.rollback(REPOSITORY)
    store.rollback(REPOSITORY)  # revision 3 is served now
    gone = store.prune(REPOSITORY, keep=1)
    left = [r.name for r in store.revisions(REPOSITORY)]
    assert left == [revisions[i].name for i in (2, 3, 5)]
    assert gone == {"starter": [revisions[i].name for i in (0, 1, 4)]}
    assert names(revisions[0].path.parent.parent / "staging") == set()


def test_a_run_measured_against_another_revision_replaces_nothing(store: AdapterStore) -> None:
    first = publish(store)
    second = publish(store, parent=first.name)
    with pytest.raises(StoreError, match="in the meantime"):
        publish(store, parent=first.name)
    assert store.current(REPOSITORY, BASE) == second


def test_what_was_staged_can_be_given_up(store: AdapterStore) -> None:
    staged = adapter(store.stage(REPOSITORY))
    store.discard(staged)
    assert list(store.root.iterdir()) == []  # as if there had been no run
    published = adapter(store.stage(REPOSITORY))
    revision = store.publish(REPOSITORY, published, MANIFEST)
    store.discard(published)
    assert store.verify(REPOSITORY, revision.name) == []


@pytest.mark.parametrize("key", ["base", "prompt_version"])
def test_a_manifest_says_what_the_adapter_belongs_to(store: AdapterStore, key: str) -> None:
    manifest = {k: v for k, v in MANIFEST.items() if k != key}
    with pytest.raises(StoreError, match=key):
        store.publish(REPOSITORY, adapter(store.stage(REPOSITORY)), manifest)
    assert store.current(REPOSITORY, BASE) is None


@pytest.mark.parametrize("name", ["adapter_model.bin", "modeling.py", "pytorch_model.pt"])
def test_nothing_else_gets_into_a_revision(store: AdapterStore, name: str) -> None:
    staged = adapter(store.stage(REPOSITORY))
    (staged / name).write_text("x")
    with pytest.raises(StoreError, match=name):
        store.publish(REPOSITORY, staged, MANIFEST)


def test_half_an_adapter_is_not_published(store: AdapterStore) -> None:
    staged = adapter(store.stage(REPOSITORY))
    (staged / "adapter_model.safetensors").unlink()
    with pytest.raises(StoreError, match=r"no adapter_model\.safetensors"):
        store.publish(REPOSITORY, staged, MANIFEST)


@posix
def test_a_link_is_not_published(store: AdapterStore, tmp_path: Path) -> None:
    staged = adapter(store.stage(REPOSITORY))
    (tmp_path / "elsewhere").write_text("secret")
    (staged / "adapter_config.json").unlink()
    (staged / "adapter_config.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="does not belong"):
        store.publish(REPOSITORY, staged, MANIFEST)


def edit(revision: Revision, **changes: Any) -> None:
    file = revision.path / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (
            lambda r: (r.path / "adapter_model.safetensors").write_text("x"),
            "not what was published",
        ),
        (lambda r: (r.path / "adapter_config.json").unlink(), "is missing"),
        (lambda r: (r.path / "adapter_model.bin").write_text("x"), "does not belong"),
        (lambda r: (r.path / "evil.py").write_text("x"), "does not belong"),
        (lambda r: (r.path / "README.md").write_text("x"), "was not published with it"),
        (lambda r: (r.path / "manifest.json").unlink(), "missing or not JSON"),
        (lambda r: (r.path / "manifest.json").write_text('{"half'), "missing or not JSON"),
        (lambda r: edit(r, schema=99), "schema"),
        (lambda r: edit(r, repository="github.com/other/one"), "another repository"),
        (lambda r: edit(r, files={}), "no hash"),
        (lambda r: edit(r, files={"../../x": "0"}), "does not belong"),
        (lambda r: edit(r, files=None), "no hash"),
        (lambda r: shutil.rmtree(r.path), "not in the store"),
    ],
)
def test_verify_names_what_is_wrong(store: AdapterStore, damage: Any, said: str) -> None:
    revision = publish(store)
    damage(revision)
    problems = store.verify(REPOSITORY, revision.name)
    assert any(said in problem for problem in problems)
    assert not any("\n" in problem for problem in problems)


def test_a_damaged_current_is_one_line_and_the_next_publish_heals_it(store: AdapterStore) -> None:
    revision = publish(store)
    current = current_file(revision)
    for damaged in ("", "../../../etc", "29990101T000000.000000Z-00000000", "\x00"):
        current.write_text(damaged)
        with pytest.raises(StoreError, match="--to-base") as refusal:
            store.current(REPOSITORY, BASE)
        assert "\n" not in str(refusal.value)
    healed = publish(store)
    assert store.current(REPOSITORY, BASE) == healed


@posix
def test_whatever_current_is_the_base_can_be_served_instead(store: AdapterStore) -> None:
    current = current_file(publish(store))
    for make in (
        lambda: current.write_bytes(b"\xff\x00"),
        lambda: current.symlink_to("nowhere"),
    ):
        current.unlink(missing_ok=True)
        make()
        assert store.rollback(REPOSITORY, to_base=True)[1] is None
        assert store.current(REPOSITORY, BASE) is None
        assert names(current.parent) == {"lock", "revisions", "staging"}
        assert names(current.parent / "staging") == set()


@pytest.mark.parametrize(
    "repository",
    ["", "/etc", "..", "a/../b", "a//b", "a/", "./a", "a\x00b", "a\nb", "x" * 201],
)
def test_ids_that_could_escape_are_refused(store: AdapterStore, repository: str) -> None:
    with pytest.raises(StoreError, match="cannot be the id"):
        store.stage(repository)
    assert not store.has(repository)
    assert not store.root.exists()


@pytest.mark.parametrize(
    "repository",
    [
        "github.com/team/revisions",
        "github.com/team/current",
        "github.com/team/staging",
        "github.com/team/lock",
        "C:\\Windows",
        "con",
        "host:2222/~user/pröjekt",
        "ends.",
        "%2e%2e/x",
        "team project-1a2b3c",
    ],
)
def test_odd_ids_have_a_folder_of_their_own_inside(store: AdapterStore, repository: str) -> None:
    outer = publish(AdapterStore(store.root))
    staged = adapter(store.stage(repository))
    revision = store.publish(repository, staged, MANIFEST)
    assert revision.path.resolve().is_relative_to(store.root.resolve())
    assert all(":" not in part and "\\" not in part for part in revision.path.parts)
    assert store.current(repository, BASE) == revision
    assert store.current(REPOSITORY, BASE) == outer


@pytest.mark.parametrize("repository", ["名" * 80 + "-1a2b3c", "host/" + "é" * 150])
def test_long_names_in_any_script_are_cut_to_what_systems_take(
    store: AdapterStore, repository: str
) -> None:
    assert not store.has(repository) and store.current(repository, BASE) is None
    revision = store.publish(repository, adapter(store.stage(repository)), MANIFEST)
    assert store.current(repository, BASE) == revision
    assert all(len(part) < 200 for part in revision.path.parts)
    assert store.current(repository[:-1] + "x", BASE) is None


def test_nested_ids_do_not_meet(store: AdapterStore) -> None:
    inner = store.publish("a/revisions/b", adapter(store.stage("a/revisions/b")), MANIFEST)
    outer = store.publish("a", adapter(store.stage("a")), MANIFEST)
    assert store.revisions("a") == [outer]
    assert store.revisions("a/revisions/b") == [inner]


@posix
def test_the_store_is_closed_to_others(store: AdapterStore) -> None:
    publish(store)
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700


def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "adapters", Path("/proc/none")):
        with pytest.raises(StoreError, match="--store") as refusal:
            AdapterStore(root).stage(REPOSITORY)
        assert "\n" not in str(refusal.value)


def test_a_store_that_is_a_file_is_bad_input_to_readers_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for root in (tmp_path / "file", tmp_path / "file" / "adapters"):
        store = AdapterStore(root)
        reads = (store.currents, store.revisions, store.rollback, store.prune)
        for read in (partial(store.current, base=BASE), *reads):
            with pytest.raises(StoreInputError, match="is a file; choose another with --store"):
                read(REPOSITORY)


def test_an_empty_folder_is_cleared_away_only_when_nobody_else_is_there(
    store: AdapterStore,
) -> None:
    mine, other = store.stage(REPOSITORY), store.stage(REPOSITORY)
    store.discard(mine)
    assert other.is_dir()
    assert store.publish(REPOSITORY, adapter(other), MANIFEST)
    store.rollback(REPOSITORY)
    store.discard(store.stage(REPOSITORY))
    assert len(store.revisions(REPOSITORY)) == 1
    store.discard(store.stage("github.com/team/other"))
    assert names(store.root / "github.com" / "team") == {"project"}


def test_the_users_own_store_is_in_their_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    path = default_store()
    assert path.parts[-2:] == ("homespun", "adapters")
    assert sys.platform != "linux" or path == Path("/somewhere/homespun/adapters")


def test_a_lock_excludes_and_waits(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    with pytest.raises(TimeoutError), wait_for_lock(tmp_path / "lock", seconds=0.1):
        pass
    first.close()
    with wait_for_lock(tmp_path / "lock", seconds=0.1):
        assert try_lock(tmp_path / "lock") is None


# Killed at any moment

PRELUDE = f"""
import os, random, signal, sys, time
from pathlib import Path
from homespun_model.bases.identity import BaseRecord
from homespun_model.store.store import AdapterStore
store, repository = AdapterStore(Path(sys.argv[1])), {REPOSITORY!r}
manifest = {MANIFEST!r}
BASE = BaseRecord.in_manifest(manifest)

def publish(content):
    staged = store.stage(repository)
    (staged / "adapter_model.safetensors").write_text(content)
    (staged / "adapter_config.json").write_text("{{}}")
    return store.publish(repository, staged, manifest)
"""

LINE_BY_LINE = """
os.fsync = lambda fd: None  # a killed process loses nothing that it has written
ROOM = str(Path(sys.modules["homespun_model.store.store"].__file__).parent)

def die_at(line):
    left = [line]
    def trace(frame, event, arg):
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

line, status, outcomes = 0, 1, []  # every third line: the whole takes a few seconds
while status != 0:
    line, old = line + 3, publish("before").name
    store.prune(repository, keep=1)
    assert not list((store.root / repository / "staging").iterdir()), line
    child = os.fork()
    if child == 0:
        die_at(line)
        publish(f"killed at {line}")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    now = store.current(repository, BASE)
    for revision in (now, *store.revisions(repository)):
        assert not store.verify(repository, revision.name), (line, revision.name)
    outcomes.append("old" if now.name == old else "new")
print(line, outcomes.count("old"), outcomes.count("new"))
"""

ROLLED_BACK_LINE_BY_LINE = """
line, status, outcomes = 0, 1, []
while status != 0:
    line, old = line + 1, publish("first and only").name
    assert line < 1000
    child = os.fork()
    if child == 0:
        die_at(line)
        store.rollback(repository)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    now = store.current(repository, BASE)
    assert now is None or not store.verify(repository, now.name), line
    outcomes.append("base" if now is None else "old")
    if now is not None:
        store.rollback(repository, to_base=True)
    store.prune(repository, keep=1)
print(line, outcomes.count("old"), outcomes.count("base"))
"""

STAGED_BY_MANY = """
for _ in range(60):
    staged = store.stage(repository)
    (staged / "file").write_text("x")
    store.discard(staged)
"""

FOR_EVER = """
while True:
    publish("x" * random.randrange(1 << 20))
"""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def counted(store: AdapterStore, script: str) -> tuple[int, int, int, str]:
    """The three numbers that a script prints, run in a process of its own, and what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script, str(store.root)],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, third = map(int, done.stdout.split())
    return first, second, third, done.stdout


@pytest.mark.slow
@posix
def test_killed_at_lines_all_through_publishing(store: AdapterStore) -> None:
    """Every third line that publishing runs is once the last; what is left is swept away."""
    lines, old, new, printed = counted(store, LINE_BY_LINE)
    assert lines > 100 and old > 30 and new > 5, printed


@pytest.mark.slow
@posix
def test_rollback_to_the_base_killed_at_every_line(store: AdapterStore) -> None:
    """Either the revision is served or the base, and the next rollback or run works."""
    beginning = LINE_BY_LINE.partition("line, status")[0]
    lines, old, base, printed = counted(store, beginning + ROLLED_BACK_LINE_BY_LINE)
    assert lines > 20 and old > 10 and base > 1, printed


@posix
def test_runs_that_come_to_nothing_side_by_side(store: AdapterStore) -> None:
    """Each clears the empty shelf away, perhaps while another is about to use it."""
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", PRELUDE + STAGED_BY_MANY, str(store.root)],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for run in runs:
        _, said = run.communicate()
        assert run.returncode == 0, said
    assert list(store.root.iterdir()) == []


@pytest.mark.slow
@posix
def test_killed_at_random_moments(store: AdapterStore) -> None:
    served, rng = publish(store).name, random.Random(0)
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + FOR_EVER, str(store.root)], env=environment()
        )
        end = time.monotonic() + 0.3 + rng.random() * 0.4
        while time.monotonic() < end:  # read while it writes
            now = store.current(REPOSITORY, BASE)
            assert now is not None and now.name >= served
            assert store.verify(REPOSITORY, now.name) == []
            served = now.name
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        now = store.current(REPOSITORY, BASE)
        assert now is not None and store.verify(REPOSITORY, now.name) == []
    last = publish(store)
    assert names(last.path.parent.parent / "staging") == set()
    assert store.current(REPOSITORY, BASE) == last


@posix
def test_a_staging_of_a_living_process_is_left_alone(store: AdapterStore) -> None:
    script = PRELUDE + "print(store.stage(repository), flush=True); time.sleep(60)"
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    staged = Path(other.stdout.readline().strip())
    publish(store)
    assert staged.is_dir()
    other.kill()
    other.wait()
    store.stage(REPOSITORY)  # the next run, whatever comes of it, sweeps up
    assert not staged.exists()


@pytest.mark.parametrize("older", ["github.com/Team/Project", "ssh.github.com/team/project"])
def test_what_lies_under_an_older_spelling_is_found_and_goes_on_there(
    store: AdapterStore, older: str
) -> None:
    first = publish(store)
    shelf, before = first.path.parent.parent, store.root.joinpath(*older.split("/"))
    before.parent.mkdir(parents=True, exist_ok=True)
    shelf.rename(before)
    found = store.current(REPOSITORY, BASE)
    assert found is not None and found.name == first.name and store.has(REPOSITORY)
    second = publish(store, "more")
    assert second.path.parent.parent == before and second.manifest["parent"] == first.name
    assert len(store.revisions(older)) == 2
    assert not store.has("github.com/team/another")


def test_no_repository_lies_where_the_store_keeps_what_is_its_own(store: AdapterStore) -> None:
    """Beside the runs of a repository that are not over, one called ``…/unfinished`` would be."""
    publish(store)
    for own in ("revisions", "staging", "unfinished"):
        other = f"{REPOSITORY}/{own}"
        store.publish(other, adapter(store.stage(other)), MANIFEST)
    folder = store.root.joinpath(*REPOSITORY.split("/"))
    assert "unfinished" not in names(folder)
    assert store.current(f"{REPOSITORY}/unfinished", BASE) is not None
