"""Adapters that travel: pushed and pulled whole or not at all, and never over what nobody saw."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from homespun_model.bases.identity import BaseIdentity, BaseRecord
from homespun_model.errors import StoreError, StoreInputError
from homespun_model.sharing import unfinished_runs
from homespun_model.sharing.shared_files import SharedFiles
from homespun_model.sharing.shared_store import SharedStore
from homespun_model.sharing.store_place import StorePlace, files_at
from homespun_model.sharing.unfinished_runs import UnfinishedRuns
from homespun_model.sharing.url import StoreUrl, check_named, is_url
from homespun_model.store.store import AdapterStore, Revision
from shared_stores import s3_server

REPOSITORY = "github.com/team/project"
BASE = BaseRecord("starter", "0" * 64, BaseIdentity("qwen3", "abc", "starter", "1"))
OTHER = BaseRecord("coder", "1" * 64, BaseIdentity("qwen2", "def", "coder", "2"))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        (tmp_path / "a share").mkdir()
        return (tmp_path / "a share").as_uri()
    return f"{request.getfixturevalue('bucket')}/{tmp_path.name}"


def shared(url: str) -> SharedStore:
    return SharedStore(files_at(StoreUrl.of(url)), url)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[[str], AdapterStore]:
    """The store of a user's machine."""
    return lambda name: AdapterStore(tmp_path / name)


def publish(store: AdapterStore, content: str = "weights", base: BaseRecord = BASE) -> Revision:
    staged = store.stage(REPOSITORY)
    (staged / "adapter_model.safetensors").write_text(content)
    (staged / "adapter_config.json").write_text("{}")
    return store.publish(REPOSITORY, staged, {"base": base.to_json(), "prompt_version": 1})


def served(store: AdapterStore, base: BaseRecord = BASE) -> str | None:
    revision = store.current(REPOSITORY, base)
    if revision is None:
        return None
    assert store.verify(REPOSITORY, revision.name) == []
    return (revision.path / "adapter_model.safetensors").read_text()


def pushed(url: str, base: BaseRecord = BASE) -> dict[str, Any]:
    """The file that names what is served there."""
    name = f"{REPOSITORY}/current={base.key}.json"
    found = files_at(StoreUrl.of(url)).read(name, 1 << 14)
    assert found is not None
    told = json.loads(found[0])
    assert isinstance(told, dict)
    return told


def test_what_one_machine_pushes_another_serves(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two = machine("one"), machine("two")
    revision = publish(one)
    publish(one, "for the coder", OTHER)
    first = shared(url).push(one, REPOSITORY)
    assert {(each.before, each.base) for each in first} == {(None, "starter"), (None, "coder")}
    [change] = shared(url).pull(two, REPOSITORY, BASE)
    assert (change.before, change.now) == (None, revision.name)
    assert served(two) == "weights" and served(two, OTHER) is None
    assert two.current(REPOSITORY, BASE) != revision  # another machine's folder …
    assert two.open(REPOSITORY, revision.name).manifest == revision.manifest  # … the same revision
    shared(url).pull(two, REPOSITORY)
    assert served(two, OTHER) == "for the coder"
    again = shared(url).push(one, REPOSITORY, BASE)
    assert [each.before == each.now for each in again] == [True]
    assert [each.before == each.now for each in shared(url).pull(two, REPOSITORY)] == [True, True]


def test_a_newer_one_and_one_taken_back_travel_too(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    publish(one, "first")
    shared(url).push(one, REPOSITORY)
    shared(url).pull(two, REPOSITORY)
    publish(two, "second")
    shared(url).push(two, REPOSITORY)
    shared(url).pull(one, REPOSITORY)
    assert served(one) == "second"
    one.rollback(REPOSITORY)
    shared(url).push(one, REPOSITORY)
    shared(url).pull(three, REPOSITORY)
    assert served(three) == "first"
    shared(url).push_base(one, REPOSITORY, BASE)
    shared(url).pull(two, REPOSITORY)
    assert served(two) is None and len(two.revisions(REPOSITORY)) == 2


def test_what_somebody_else_pushed_meanwhile_is_not_replaced(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two = machine("one"), machine("two")
    theirs = publish(one, "theirs")
    shared(url).push(one, REPOSITORY)
    ours = publish(two, "ours")
    with pytest.raises(StoreError, match=r"since this machine last looked.*--force"):
        shared(url).push(two, REPOSITORY)
    assert pushed(url)["revision"] == theirs.name
    [change] = shared(url).push(two, REPOSITORY, force=True)
    assert (change.before, change.now) == (theirs.name, ours.name)


class Interrupting:
    """Files that another push comes to before the last one is written."""

    def __init__(self, files: SharedFiles, before: Callable[[], object]) -> None:
        self._files, self._before = files, before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def replace(self, name: str, data: bytes, mark: str | None) -> None:
        self._before()
        self._files.replace(name, data, mark)


@pytest.mark.parametrize("there", [False, True])
def test_of_two_pushes_at_once_one_is_refused(
    url: str, machine: Callable[[str], AdapterStore], there: bool
) -> None:
    one, two = machine("one"), machine("two")
    if there:
        publish(one, "before")
        shared(url).push(one, REPOSITORY)
        shared(url).pull(two, REPOSITORY)
    publish(one, "theirs")
    publish(two, "ours")
    files: Any = Interrupting(files_at(StoreUrl.of(url)), lambda: shared(url).push(one, REPOSITORY))
    with pytest.raises(StoreError, match=r"serves something else"):
        SharedStore(files, url).push(two, REPOSITORY)
    three = machine("three")
    shared(url).pull(three, REPOSITORY)
    assert served(three) == "theirs"


def test_what_was_taken_back_is_not_put_back_unseen(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    """By a machine that had pushed it, or measured against it, and has not looked since."""
    one, lead = machine("one"), machine("lead")
    publish(one, "first")
    shared(url).push(one, REPOSITORY)
    second = publish(one, "second")
    shared(url).push(one, REPOSITORY)
    shared(url).pull(lead, REPOSITORY)
    shared(url).push_base(lead, REPOSITORY, BASE)
    with pytest.raises(StoreError, match=r"serves the base for .* since this machine last looked"):
        shared(url).push(one, REPOSITORY)
    publish(one, "third")
    with pytest.raises(StoreError, match="serves the base"):
        shared(url).push(one, REPOSITORY)
    shared(url).pull(one, REPOSITORY)
    assert served(one) is None and one.open(REPOSITORY, second.name)
    publish(one, "fourth")
    shared(url).push(one, REPOSITORY)


def test_what_the_first_push_replaced_can_be_taken_back_too(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two = machine("one"), machine("two")
    first = publish(one, "first")
    publish(one, "second")
    shared(url).push(one, REPOSITORY)
    shared(url).pull(two, REPOSITORY)
    shared(url).bring(two, REPOSITORY, first.name)
    two.rollback(REPOSITORY)
    assert served(two) == "first"


def test_two_keys_of_one_base_are_one(url: str, machine: Callable[[str], AdapterStore]) -> None:
    """Of which revision a quantisation was made, nobody says."""
    identity = BaseIdentity("qwen3", "abc", "starter", None)
    unknown = BaseRecord("starter.gguf", "2" * 64, identity)
    assert unknown.key != BASE.key and unknown.is_same(BASE)
    one, two, three = machine("one"), machine("two"), machine("three")
    publish(one, "theirs")
    shared(url).push(one, REPOSITORY)
    publish(two, "ours", unknown)
    with pytest.raises(StoreError, match="since this machine last looked"):
        shared(url).push(two, REPOSITORY)
    shared(url).push(two, REPOSITORY, force=True)
    shared(url).pull(three, REPOSITORY)
    assert served(three) == "ours" and len(three.currents(REPOSITORY)) == 1


def test_what_is_damaged_there_is_taken_back_or_pushed_anew(
    tmp_path: Path, machine: Callable[[str], AdapterStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    share, one, two = tmp_path / "share", machine("one"), machine("two")
    share.mkdir()
    revision = publish(one)
    shared(share.as_uri()).push(one, REPOSITORY)
    weights = share / "files" / revision.manifest["files"]["adapter_model.safetensors"]
    weights.write_text("WEIGHTS")
    with pytest.raises(StoreError, match="is not what was pushed"):
        shared(share.as_uri()).pull(two, REPOSITORY)
    StorePlace.of(share.as_uri()).rollback(REPOSITORY, to_base=True)
    assert pushed(share.as_uri())["revision"] is None
    shared(share.as_uri()).push(one, REPOSITORY, force=True)
    shared(share.as_uri()).pull(two, REPOSITORY)
    assert served(two) == "weights"


@pytest.mark.parametrize("when", ["99999999T999999.999999Z", "99991231T235959.999999Z"])
def test_a_revision_of_a_day_far_off_is_not_taken(
    tmp_path: Path, machine: Callable[[str], AdapterStore], when: str
) -> None:
    """All later ones would stand before it."""
    url, name = (tmp_path / "share").as_uri(), f"{when}-deadbeef"
    (tmp_path / "share").mkdir()
    one, two = machine("one"), machine("two")
    publish(one)
    shared(url).push(one, REPOSITORY)
    file = tmp_path / "share" / REPOSITORY / f"current={BASE.key}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"revision": name}))
    with pytest.raises(StoreError, match="of a day that is far off"):
        shared(url).pull(two, REPOSITORY)
    publish(two)


def test_many_at_once_leave_one_that_is_whole(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    stores = [machine(f"m{number}") for number in range(6)]
    for number, store in enumerate(stores):
        publish(store, f"of {number}")
    won: list[int] = []

    def push(number: int) -> None:
        try:
            shared(url).push(stores[number], REPOSITORY)
        except StoreError:
            return
        won.append(number)

    threads = [threading.Thread(target=push, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader = machine("reader")
    shared(url).pull(reader, REPOSITORY)
    assert [f"of {number}" for number in won] == [served(reader)]


class Breaking:
    """Files that a network takes away after so many writes."""

    def __init__(self, files: SharedFiles, left: int) -> None:
        self._files, self.left = files, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def put(self, name: str, file: Path, *, anew: bool = False) -> None:
        self._count()
        self._files.put(name, file, anew=anew)

    def replace(self, name: str, data: bytes, mark: str | None) -> None:
        self._count()
        self._files.replace(name, data, mark)

    def _count(self) -> None:
        if not self.left:
            raise StoreError("the network is gone")
        self.left -= 1


def test_half_a_push_is_never_seen(url: str, machine: Callable[[str], AdapterStore]) -> None:
    one = machine("one")
    publish(one, "old")
    shared(url).push(one, REPOSITORY)
    publish(one, "new")
    for writes in range(5):  # two files, the manifest, the revision's name, what is served
        files: Any = Breaking(files_at(StoreUrl.of(url)), writes)
        with pytest.raises(StoreError, match="network"):
            SharedStore(files, url).push(one, REPOSITORY)
        reader = machine(f"after {writes}")
        shared(url).pull(reader, REPOSITORY)
        assert served(reader) == "old"
    shared(url).push(one, REPOSITORY)
    shared(url).pull(reader, REPOSITORY)
    assert served(reader) == "new"


PUSH = """
import sys
from pathlib import Path
from homespun_model.sharing.store_place import StorePlace
from homespun_model.store.store import AdapterStore
shared = StorePlace.of(sys.argv[1]).shared()
print("ready", flush=True)
shared.push(AdapterStore(Path(sys.argv[2])), sys.argv[3])
"""


@pytest.mark.slow
def test_pushes_killed_at_random_leave_the_old_or_the_new(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    """In a process of its own, as somebody's laptop is closed."""
    one, chance, seen = machine("one"), random.Random(7), list[str]()
    publish(one, "0" * 300_000)
    shared(url).push(one, REPOSITORY)
    for number in range(1, 9):
        publish(one, f"{number}" * 300_000)
        command = [sys.executable, "-c", PUSH, url, str(one.root), REPOSITORY]
        push = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert push.stdout is not None and push.stdout.readline()
        time.sleep(chance.uniform(0, 0.15))
        push.kill()
        push.wait(30)
        reader = machine(f"reader {number}")
        shared(url).pull(reader, REPOSITORY)
        content = served(reader)
        assert content is not None and len(content) == 300_000
        seen.append(content[0])
    assert seen == sorted(seen), "nothing goes back by itself"
    shared(url).push(one, REPOSITORY)
    last = machine("last")
    shared(url).pull(last, REPOSITORY)
    assert served(last) == "8" * 300_000


def test_half_a_pull_changes_nothing(url: str, machine: Callable[[str], AdapterStore]) -> None:
    one, two = machine("one"), machine("two")
    publish(one, "old")
    shared(url).push(one, REPOSITORY)
    shared(url).pull(two, REPOSITORY)
    revision = publish(one, "new")
    shared(url).push(one, REPOSITORY)
    files: Any = files_at(StoreUrl.of(url))
    get, gone = files.get, revision.manifest["files"]["adapter_model.safetensors"]

    def broken(name: str, to: Path, most: int) -> None:
        get(name, to, most)
        if name.endswith(gone):
            to.write_bytes(to.read_bytes()[:2])

    files.get = broken
    with pytest.raises(StoreError, match=r"adapter_model\.safetensors .* is not what was pushed"):
        SharedStore(files, url).pull(two, REPOSITORY)
    assert served(two) == "old" and len(two.revisions(REPOSITORY)) == 1
    assert not list(two.root.rglob("staging/*"))


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "no JSON": lambda _: "{",
    "a list": lambda _: [],
    "another schema": lambda told: told | {"schema": 2},
    "no base": lambda told: told | {"base": None},
    "a path for a name": lambda told: told | {"revision": "../../etc"},
    "another base's": lambda told: told | {"base": OTHER.to_json()},
    "a revision that is not there": lambda told: (
        told | {"revision": "20260101T000000.000000Z-00000000"}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_or_foreign_is_not_taken(
    tmp_path: Path, machine: Callable[[str], AdapterStore], damage: str
) -> None:
    url = (tmp_path / "share").as_uri()
    (tmp_path / "share").mkdir()
    one, two, three = machine("one"), machine("two"), machine("three")
    publish(one)
    publish(three)
    shared(url).push(one, REPOSITORY)
    file = tmp_path / "share" / REPOSITORY / f"current={BASE.key}.json"
    told = DAMAGE[damage](json.loads(file.read_text()))
    file.write_text(told if isinstance(told, str) else json.dumps(told))
    with pytest.raises(StoreError) as raised:
        shared(url).pull(two, REPOSITORY, BASE)
    assert "\n" not in str(raised.value)
    assert served(two) is None
    with pytest.raises(StoreError, match="--force"):
        shared(url).push(three, REPOSITORY)
    shared(url).push(one, REPOSITORY, force=True)


def test_a_revision_of_another_repository_is_not_taken(
    tmp_path: Path, machine: Callable[[str], AdapterStore]
) -> None:
    url, share = (tmp_path / "share").as_uri(), tmp_path / "share"
    share.mkdir()
    one = machine("one")
    publish(one)
    shared(url).push(one, REPOSITORY)
    (share / "github.com/team/project").rename(share / "github.com/team/other")
    with pytest.raises(StoreError, match="names another repository"):
        shared(url).pull(machine("two"), "github.com/team/other")


def test_a_damaged_one_here_is_healed_by_a_pull(
    url: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two = machine("one"), machine("two")
    revision = publish(one)
    shared(url).push(one, REPOSITORY)
    shared(url).pull(two, REPOSITORY)
    mine = two.open(REPOSITORY, revision.name).path
    (mine / "adapter_model.safetensors").write_text("someone was here")
    shared(url).pull(two, REPOSITORY)
    assert served(two) == "weights"


def test_an_empty_store_serves_nothing(url: str, machine: Callable[[str], AdapterStore]) -> None:
    assert shared(url).pull(machine("one"), REPOSITORY) == []
    assert shared(url).pull(machine("one"), REPOSITORY, BASE) == []
    with pytest.raises(StoreError, match=r"has no adapter in .*: run finetune-repo"):
        shared(url).push(machine("one"), REPOSITORY)


@pytest.mark.parametrize("kind", ["file", "s3"])
def test_where_no_store_is_none_is_made(
    kind: str, tmp_path: Path, bucket: str, machine: Callable[[str], AdapterStore]
) -> None:
    """A mount that is away must not be taken for a store that is empty."""
    url = (tmp_path / "away").as_uri() if kind == "file" else "s3://no-such-bucket/adapters"
    publish(machine("one"))
    for base in (None, BASE):
        with pytest.raises(StoreError, match="there is no store at"):
            shared(url).pull(machine("one"), REPOSITORY, base)
    with pytest.raises(StoreError, match="there is no store at"):
        shared(url).push(machine("one"), REPOSITORY)
    assert bucket and not (tmp_path / "away").exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ftp://host/store", "is no store's URL"),
        ("s3://", "is no store's URL"),
        ("s3://key:secret@bucket/store", "carries a user, a password"),
        ("s3://key:a/secret@bucket/store", "carries a user, a password"),
        ("ssh://me:secret@host/store", "carries a user, a password"),
        ("https://secret@host/store", "carries a user, a password"),
        ("https://host/store?token=secret", "carries a user, a password, a \\?"),
        ("file:///", "names no folder"),
        ("http://host/store", "is not encrypted"),
    ],
)
def test_a_url_that_is_none_or_tells_secrets_is_refused(text: str, why: str) -> None:
    with pytest.raises(StoreInputError, match=why) as raised:
        StoreUrl.of(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "store", [" s3://bucket/secret", "https:/me:secret@host/store", "S3:/x", "me:secret@host"]
)
def test_what_is_nearly_a_url_is_no_folder(store: str) -> None:
    with pytest.raises(StoreInputError, match="neither a folder nor a URL") as raised:
        check_named(store)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["adapters", "/srv/adapters", r"C:\adapters", "~/a:b//c"])
def test_a_folder_is_no_url(text: str) -> None:
    assert not is_url(text)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A share, as a web server of files shows it."""
    (tmp_path / "share").mkdir()
    handler = partial(SilentHandler, directory=str(tmp_path / "share"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


def test_what_lies_behind_a_web_server_is_pulled(
    tmp_path: Path, web: str, machine: Callable[[str], AdapterStore]
) -> None:
    one, two, three = machine("one"), machine("two"), machine("three")
    publish(one)
    assert shared(web).pull(two, REPOSITORY, BASE) == []
    shared((tmp_path / "share").as_uri()).push(one, REPOSITORY)
    shared(web).pull(two, REPOSITORY, BASE)
    shared(web).pull(three, REPOSITORY)  # by the listing that it shows
    assert served(two) == served(three) == "weights"
    publish(one, "newer")
    with pytest.raises(StoreInputError, match="can only be read"):
        shared(web).push(one, REPOSITORY)


def test_https_is_read_and_not_written(machine: Callable[[str], AdapterStore]) -> None:
    publish(machine("one"))
    with pytest.raises(StoreError):  # nobody listens there
        shared("http://127.0.0.1:9/store").pull(machine("one"), REPOSITORY, BASE)
    with pytest.raises(StoreInputError, match="can only be read"):
        files_at(StoreUrl.of("https://example.org/store")).replace("x", b"", None)


def test_what_is_published_to_a_url_is_served_there_or_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    share = tmp_path / "share"
    share.mkdir()
    place = StorePlace.of(share.as_uri())
    about = {"base": BASE.to_json(), "prompt_version": 1}

    def stage(content: str) -> Path:
        staged = place.store.stage(REPOSITORY)
        (staged / "adapter_model.safetensors").write_text(content)
        (staged / "adapter_config.json").write_text("{}")
        return staged

    first = place.publish(REPOSITORY, stage("first"), about)
    assert pushed(share.as_uri())["revision"] == first.name and served(place.store) == "first"
    share.rename(tmp_path / "away")
    with pytest.raises(StoreError, match=r"is kept in .* and served nowhere: run it again"):
        place.publish(REPOSITORY, stage("second"), about)
    assert served(place.store) == "first" and len(place.store.revisions(REPOSITORY)) == 2


def test_a_mirror_serves_on_when_its_url_is_gone(
    tmp_path: Path, machine: Callable[[str], AdapterStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    share = tmp_path / "share"
    share.mkdir()
    publish(machine("one"))
    shared(share.as_uri()).push(machine("one"), REPOSITORY)
    place = StorePlace.of(share.as_uri())
    assert place.age(REPOSITORY) is None
    place.pull(REPOSITORY, BASE)
    assert served(place.store) == "weights"
    share.rename(tmp_path / "away")
    again = StorePlace.of(share.as_uri())
    with pytest.raises(StoreError, match="there is no store at"):
        again.pull(REPOSITORY)
    assert served(again.store) == "weights"
    age = again.age(REPOSITORY)
    assert age is not None and age < 60


def test_what_a_run_has_done_so_far_comes_and_goes(url: str, tmp_path: Path) -> None:
    files = files_at(StoreUrl.of(url))
    runs = UnfinishedRuns(files, REPOSITORY, "state")
    key, other, there = "0" * 32, "1" * 32, tmp_path / "there"
    assert not runs.fetch(key, there)
    runs.remove(key)  # there is none, and nobody minds
    for text in ("first", "later"):  # of the same size
        (tmp_path / "here").write_text(text)
        runs.put(key, tmp_path / "here")
    runs.put(other, tmp_path / "here")
    assert runs.fetch(key, there)
    assert there.read_text() == "later"
    runs.remove_others(key)
    assert files.names(f"{REPOSITORY}/unfinished") == [key]
    runs.remove(key)
    assert not runs.fetch(key, there)
    assert files.names(f"{REPOSITORY}/unfinished") == []


def test_what_a_dead_machine_was_putting_there_goes_with_the_next_run(tmp_path: Path) -> None:
    files = files_at(StoreUrl.of(tmp_path.as_uri()))
    runs = UnfinishedRuns(files, REPOSITORY, "state")
    (here := tmp_path / "here").write_text("state")
    for key in ("0" * 32, "1" * 32):
        runs.put(key, here)
    (tmp_path / REPOSITORY / "unfinished" / ("1" * 32) / "coming-abc").write_text("sta")
    runs.remove_others("0" * 32)
    assert files.names(f"{REPOSITORY}/unfinished") == ["0" * 32]


def test_a_folder_is_of_this_machine() -> None:
    with pytest.raises(StoreInputError, match="is on another machine"):
        files_at(StoreUrl.of("file://share/x"))
    files_at(StoreUrl.of("file://localhost/x"))


def test_more_than_any_run_keeps_is_not_fetched(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished_runs, "MOST", 8)
    runs = UnfinishedRuns(files_at(StoreUrl.of(url)), REPOSITORY, "state")
    (tmp_path / "here").write_text("far too much")
    runs.put("0" * 32, tmp_path / "here")
    with pytest.raises(StoreError, match="longer than any"):
        runs.fetch("0" * 32, tmp_path / "there")
