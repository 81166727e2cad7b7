"""Bringing a base here: from a hub that misbehaves, through interruptions, on a full disk.

Whatever happens, what lies on the shelf is the published file, whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fetched_bases import DATA, NAME, REPOSITORY, REVISION, Machine, entry
from homespun_model.catalogue.shelf import NAME_FILE, PART
from homespun_model.errors import BaseError, FetchError
from homespun_model.files.locks import try_lock
from hub_server import COMMIT, HubServer, serving
from huggingface_hub import constants
from tiny_models import tiny_base

PROCESS = Path(__file__).parents[1] / "support" / "fetch_in_a_process.py"
HALF = len(DATA) // 2


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubServer]:
    """The hub is a server of this machine, and its client's cache is empty."""
    with serving() as server:
        server.add_file(REPOSITORY, REVISION, "tiny-q4.gguf", DATA)
        use(server, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
        yield server


def use(server: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does when a process starts."""
    file = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + file)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "user")


def weights(machine: Machine) -> bytes:
    return (machine.shelf.folder(NAME) / "model.gguf").read_bytes()


def refusal(machine: Machine, **how: Any) -> str:
    """One line, and nothing on the shelf."""
    with pytest.raises(FetchError) as refused:
        machine.get(**how)
    assert "\n" not in str(refused.value)
    assert machine.is_clean()
    return str(refused.value)


def start(machine: Machine, source: str = "hub", **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROCESS), str(machine.root), source, "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_the_hub_gives_lies_on_the_shelf_with_its_publishers_name(
    hub: HubServer, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.get("hub") == 0
    assert weights(machine) == DATA
    about = json.loads((machine.shelf.folder(NAME) / NAME_FILE).read_text())
    assert (about["name"], about["revision"], about["source"]) == ("org/Tiny", None, "hub")
    assert sorted(p.name for p in machine.shelf.folder(NAME).iterdir()) == [NAME_FILE, "model.gguf"]
    said = capsys.readouterr()
    assert f"{REPOSITORY} at {REVISION[:12]} from {hub.url}" in said.err
    assert "licence: Apache-2.0" in said.err
    assert str(machine.shelf.folder(NAME)) in said.out


def test_a_base_that_is_here_is_not_fetched_again(hub: HubServer, machine: Machine) -> None:
    machine.get("hub")
    asked = len(hub.asked)
    assert machine.get("hub") == 0
    assert len(hub.asked) == asked


def test_what_lies_there_and_is_not_the_published_file_is_fetched_again(
    hub: HubServer, machine: Machine
) -> None:
    machine.get("hub")
    (machine.shelf.folder(NAME) / "model.gguf").write_bytes(DATA[:-1] + b"!")
    machine.get("hub")
    assert weights(machine) == DATA
    assert len(hub.asked) == 2


def test_a_file_with_another_hash_is_not_believed(hub: HubServer, machine: Machine) -> None:
    hub.add_file(REPOSITORY, REVISION, "tiny-q4.gguf", DATA[:-1] + b"!")
    assert "not the published file" in refusal(machine, source="hub")
    assert not [*machine.shelf.root.rglob(f"*{PART}")]


def test_a_connection_that_breaks_off_is_taken_up_again(hub: HubServer, machine: Machine) -> None:
    hub.breaks, hub.breaks_after = 2, 1_000_000
    machine.get("hub")
    assert weights(machine) == DATA
    assert hub.ranges() == ["bytes=1000000-", "bytes=2000000-"]


@pytest.mark.parametrize("when", [0, 2**32])
def test_what_came_before_is_gone_on_from_whatever_the_clock_says(
    hub: HubServer, machine: Machine, when: int
) -> None:
    hub.breaks, hub.breaks_after = 100, 1000
    assert "broke off after" in refusal(machine, source="hub")
    assert machine.shelf.fetched(NAME) == 5000
    part = machine.shelf.coming(NAME) / f"model.gguf{PART}"
    os.utime(part, (when, when))
    hub.breaks = 0
    machine.get("hub")
    assert weights(machine) == DATA
    assert hub.ranges()[-1] == "bytes=5000-"


@pytest.mark.usefixtures("hub")
def test_a_part_of_something_else_is_fetched_anew(machine: Machine) -> None:
    part = machine.shelf.coming(NAME) / f"model.gguf{PART}"
    part.write_bytes(b"?" * HALF)
    machine.get("hub")
    assert weights(machine) == DATA


@pytest.mark.parametrize("more", [1000, -1000])
def test_a_length_that_is_not_the_published_one_is_refused_before_anything_comes(
    hub: HubServer, machine: Machine, more: int
) -> None:
    hub.more = more
    assert f"published were {len(DATA):,}" in refusal(machine, source="hub")
    assert machine.shelf.fetched(NAME) == 0


def test_a_server_that_sends_without_end_is_cut_off(hub: HubServer, machine: Machine) -> None:
    hub.without_length = True
    hub.add_file(REPOSITORY, REVISION, "tiny-q4.gguf", DATA + b"more" * 1_000_000)
    assert "more than the published file" in refusal(machine, source="hub")


def test_a_hub_that_hangs_is_given_up(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    hub.hangs = threading.Event()
    assert "does not answer" in refusal(machine, source="hub")


def test_a_hub_that_hangs_when_it_is_asked_what_there_is(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 0.3)
    hub.hangs = threading.Event()
    machine = Machine(tmp_path / "user", (entry(files=[]),))
    assert "does not answer" in refusal(machine, source="hub")


def test_redirects_in_a_circle_end(hub: HubServer, machine: Machine) -> None:
    path = f"/{REPOSITORY}/resolve/{REVISION}/tiny-q4.gguf"
    hub.redirects = {path: "/again", "/again": path}
    assert "circle" in refusal(machine, source="hub")


def test_redirects_lead_on_but_never_to_an_open_connection(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no token goes where they lead."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = f"/{REPOSITORY}/resolve/{REVISION}/tiny-q4.gguf"
    hub.redirects = {path: "http://example.org/model.gguf"}
    assert "open connection" in refusal(machine, source="hub")
    hub.files["/elsewhere"] = DATA
    hub.redirects = {path: "/elsewhere"}
    machine.get("hub")
    tokens = {at: headers.get("authorization") for at, headers in hub.asked}
    assert tokens == {path: "Bearer hf_secret", "/elsewhere": None}


def test_no_network_is_one_line_and_offline_asks_nobody(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        pass
    use(gone, monkeypatch)
    assert "Connection refused" in refusal(machine, source="hub")
    use(hub, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refusal(machine, source="hub")
    assert hub.asked == []


def test_a_disk_without_room_is_asked_first(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    usage = shutil.disk_usage(machine.root.parent)._replace(free=len(DATA))
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    assert "3 are needed" in refusal(machine)  # and no other source is tried
    assert hub.asked == []


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit")
@pytest.mark.usefixtures("hub")
def test_a_disk_that_is_full_in_the_middle_is_one_line(machine: Machine) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))
    try:
        said = refusal(machine, source="hub")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the disk is full" in said
    machine.get("hub")
    assert weights(machine) == DATA


def test_a_data_folder_that_cannot_be_written_is_one_line(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    machine = Machine(tmp_path / "file")
    with pytest.raises(FetchError, match="cannot be made"):
        machine.get("hub")
    assert hub.asked == []


def test_killed_in_the_middle_it_goes_on_the_next_time(hub: HubServer, machine: Machine) -> None:
    hub.breaks, hub.breaks_after = 1, HALF
    hub.hangs, hub.at_once = threading.Event(), 1  # the second request, for the rest
    first = start(machine, HF_ENDPOINT=hub.url)
    until(lambda: machine.shelf.fetched(NAME) == HALF and len(hub.asked) == 2)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    assert machine.is_clean()
    hub.hangs.set()
    second = start(machine, HF_ENDPOINT=hub.url)
    out, err = second.communicate(timeout=60)
    assert second.returncode == 0, err
    assert weights(machine) == DATA
    assert hub.asked[-1][1]["range"] == f"bytes={HALF}-"
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1] == {"event": "done", "path": str(machine.shelf.folder(NAME))}
    assert {"event": "progress", "bytes": len(DATA), "total": len(DATA)} in events


def test_interrupted_it_leaves_nothing_that_looks_like_a_base(
    hub: HubServer, machine: Machine
) -> None:
    hub.hangs = threading.Event()
    process = start(machine, HF_ENDPOINT=hub.url, HF_HUB_DOWNLOAD_TIMEOUT="60")
    until(lambda: hub.asked)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    assert machine.is_clean()


def test_two_at_once_fetch_once(hub: HubServer, machine: Machine) -> None:
    hub.hangs = threading.Event()
    both = [start(machine, HF_ENDPOINT=hub.url, HF_HUB_DOWNLOAD_TIMEOUT="60") for _ in range(2)]
    said: list[str] = []
    until(lambda: hub.asked)
    time.sleep(0.5)
    hub.hangs.set()
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        said.append(out)
    assert weights(machine) == DATA
    assert len(hub.asked) == 1
    assert any("here already" in out for out in said)


@pytest.mark.usefixtures("hub")
def test_a_disk_that_knows_no_locks_is_said(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import errno

    from homespun_model.files import locks

    def fails(_file: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_try", fails)
    assert machine.get("hub") == 0
    assert "knows no locks" in capsys.readouterr().err
    assert try_lock(machine.shelf.lock_file(NAME)) is None


# What the catalogue does not know


def hub_row(**changes: Any) -> Any:
    row = {"files": [], "packages": None, "published": "org/Tiny", "parameters": 1}
    return entry(**(row | {"hub": {"repository": "org/Tiny", "revision": REVISION}} | changes))


def test_files_that_the_catalogue_does_not_know_are_held_to_what_the_hub_states(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tiny_base(tmp_path / "tiny")
    (folder / "modeling_evil.py").write_text("raise RuntimeError")
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    machine = Machine(tmp_path / "user", (hub_row(),))
    hub.add_folder("org/Tiny", folder, REVISION)
    machine.get("hub")
    assert "hashes are what the hub states" in capsys.readouterr().err
    here = {path.name for path in machine.shelf.folder(NAME).iterdir()}
    assert {"config.json", "tokenizer.json", "model.safetensors"} < here
    assert here.isdisjoint({"modeling_evil.py", "pytorch_model.bin"})
    about = machine.shelf.about(NAME)
    assert (about["name"], about["revision"]) == ("org/Tiny", COMMIT)
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert about["files"]["model.safetensors"]["sha256"] == sha256


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_other_than_the_hub_states_is_not_believed(
    hub: HubServer, tmp_path: Path, name: str
) -> None:
    folder = tiny_base(tmp_path / "tiny")
    machine = Machine(tmp_path / "user", (hub_row(),))
    hub.add_folder("org/Tiny", folder, REVISION)
    path = f"/org/Tiny/resolve/{COMMIT}/{name}"
    hub.files[path] = hub.files[path][:-1] + b" "
    assert "not the published file" in refusal(machine, source="hub")


def test_what_is_not_pinned_is_said(
    hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(tmp_path / "user", (hub_row(hub={"repository": "org/Tiny"}),))
    hub.add_folder("org/Tiny", tiny_base(tmp_path / "tiny"))
    machine.get("hub")
    assert "not pinned" in capsys.readouterr().err
    assert machine.shelf.about(NAME)["revision"] == COMMIT


def test_a_base_without_a_known_way_to_fill_in_does_not_reach_the_shelf(
    hub: HubServer, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "user", (hub_row(name="who-knows"),))
    hub.add_folder("org/Tiny", tiny_base(tmp_path / "tiny", mark=False), REVISION)
    with pytest.raises(BaseError, match="fills in the middle"):
        machine.get("hub", name="who-knows")
    assert machine.is_clean()


def test_a_repository_of_pickles_is_refused(hub: HubServer, tmp_path: Path) -> None:
    folder = tiny_base(tmp_path / "tiny")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    machine = Machine(tmp_path / "user", (hub_row(),))
    hub.add_folder("org/Tiny", folder, REVISION)
    assert "safe to load" in refusal(machine, source="hub")


def test_a_repository_that_is_not_there_is_one_line(hub: HubServer, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "user", (hub_row(),))
    assert "org/Tiny" in refusal(machine, source="hub")
    assert hub.asked


def test_what_the_hubs_own_client_has_kept_is_copied(
    hub: HubServer, tmp_path: Path, machine: Machine
) -> None:
    snapshot = tmp_path / "hub-cache" / "models--org--Tiny-GGUF" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "tiny-q4.gguf").write_bytes(DATA)
    machine.get()
    assert weights(machine) == DATA
    assert machine.shelf.about(NAME)["source"] == "Hugging Face cache"
    assert hub.asked == []


@pytest.mark.usefixtures("hub")
def test_a_kept_file_that_was_changed_is_passed_over(tmp_path: Path, machine: Machine) -> None:
    snapshot = tmp_path / "hub-cache" / "models--org--Tiny-GGUF" / "snapshots" / REVISION
    snapshot.mkdir(parents=True)
    (snapshot / "tiny-q4.gguf").write_bytes(b"GGUF, and something else")
    machine.get()
    assert weights(machine) == DATA
    assert machine.shelf.about(NAME)["source"] == "hub"


# The user's own


def test_an_address_gives_what_the_catalogue_says(hub: HubServer, machine: Machine) -> None:
    hub.files["/m.gguf"] = DATA
    hub.breaks, hub.breaks_after = 1, HALF
    machine.get(given=f"{hub.url}/m.gguf")
    assert weights(machine) == DATA
    assert hub.ranges() == [f"bytes={HALF}-"]


def test_an_address_is_gone_on_from_only_where_it_is_still_the_same(
    hub: HubServer, tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "user", ())
    hub.files["/m.gguf"], hub.etag = DATA, '"one"'
    hub.breaks, hub.breaks_after = 100, HALF // 5
    assert "broke off" in refusal(machine, given=f"{hub.url}/m.gguf", name="mine")
    hub.breaks, hub.etag = 0, '"two"'
    hub.files["/m.gguf"] = other = b"GGUF" + b"o" * len(DATA)
    with pytest.raises(BaseError):  # all of it came, and is no base
        machine.get(given=f"{hub.url}/m.gguf", name="mine")
    came = machine.shelf.coming("mine") / "model.gguf"
    assert came.read_bytes() == other


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://example.org/m.gguf", "open connection"),
        ("ftp://example.org/m.gguf", "open connection"),
        ("file:///etc/passwd", "open connection"),
        ("https:///m.gguf", "open connection"),
    ],
)
def test_addresses_that_nothing_is_fetched_from(machine: Machine, address: str, said: str) -> None:
    assert said in refusal(machine, given=address)


def test_no_password_of_an_address_is_said_or_noted(
    hub: HubServer, machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files["/m.gguf"] = DATA
    machine.get(given=f"{hub.url}/m.gguf?signature=secret")
    assert machine.shelf.about(NAME)["source"] == "http://127.0.0.1/m.gguf"
    assert "secret" not in "".join(capsys.readouterr())


def test_an_address_of_something_else_is_refused(hub: HubServer, tmp_path: Path) -> None:
    hub.files["/m.gguf"] = b"<html>log in first</html>"
    machine = Machine(tmp_path / "user", ())
    assert "no GGUF file" in refusal(machine, given=f"{hub.url}/m.gguf", name="mine")


def test_a_file_and_a_folder_are_held_to_the_catalogues_hash(
    machine: Machine, tmp_path: Path
) -> None:
    file = tmp_path / "downloads" / "tiny.gguf"
    file.parent.mkdir()
    file.write_bytes(DATA[:-1] + b"!")
    assert "not the published file" in refusal(machine, given=str(file))
    file.write_bytes(DATA)
    machine.get(given=str(file.parent))
    assert weights(machine) == DATA


def test_a_folder_that_nobody_knows_needs_a_name_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, machine = tiny_base(tmp_path / "tiny"), Machine(tmp_path / "user", ())
    (folder / "evil.py").write_text("raise RuntimeError")
    machine.get(given=str(folder), name="mine")
    assert "nothing is known about it that" in capsys.readouterr().err
    assert machine.shelf.names() == ["mine"]
    assert machine.shelf.about("mine")["name"] is None
    assert not (machine.shelf.folder("mine") / "evil.py").exists()


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "..", ".hidden", "", "con", "x" * 80, "a\n"])
def test_a_name_that_is_a_path_is_refused(name: str, machine: Machine, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BaseError, match="cannot be the name of a base"):
        machine.get(given=str(tmp_path), name=name)
    with pytest.raises(BaseError, match="cannot be the name of a base"):
        machine.commands.remove(name)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", [b"\x80\x04pickle", b""])
def test_a_file_that_is_no_gguf_is_refused(
    machine: Machine, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    assert "no GGUF file" in refusal(machine, given=str(tmp_path / "pytorch_model.bin"))
    assert "GGUF or safetensors" in refusal(machine, given=str(tmp_path))
    assert "cannot be read" in refusal(machine, given=str(tmp_path / "nowhere"))


def test_no_source_that_is_left_is_one_line_with_each_reason(
    hub: HubServer, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    hub.files.clear()
    said = refusal(machine)
    assert "hub: " in said and "404" in said and "packages: pip did not bring" in said
