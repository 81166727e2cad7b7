"""`homespun usage`, and counting through the real server while somebody types."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import urllib.request
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from homespun_model.usage import database
from homespun_model.usage.counted import Asked, Fate, Served
from homespun_model.usage.database import UsageWriter, usage_file
from homespun_model.usage.summary import Row, of_revision
from homespun_server import usage_recorder
from homespun_server.cli import run
from homespun_server.errors import ServerError
from homespun_server.usage_metrics import listening
from homespun_server.usage_recorder import UsageRecorder
from shared_stores import s3_server

if TYPE_CHECKING:
    from taught_models import Taught

SERVED = Served("team/<app>", "python", "starter", "dense", "r1")
TODAY = date.today().isoformat()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def fate(**counts: int) -> Fate:
    return Fate(TODAY, "s", SERVED, 20, **counts)


def counted() -> Row:
    found = of_revision(usage_file(), "team/<app>", "r1")
    return found or Row()


def give_counts() -> None:
    writer = UsageWriter(usage_file())
    writer.write([Asked(TODAY, SERVED, 0.1, True)] * 4, enumerate([fate(by_all=20), fate()]))
    writer.close()


def usage(*words: str | Path) -> int:
    return run(["usage", *map(str, words)])


def test_nothing_is_counted_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage() == 0 and capsys.readouterr().out == "nothing counted yet\n"
    assert usage("--json") == 0
    assert json.loads(capsys.readouterr().out) == {"days": 30, "total": None}
    assert usage("export") == 0 and capsys.readouterr().out == ""
    assert usage("wipe") == 0 and capsys.readouterr().out == "nothing was counted yet\n"


def test_a_table_a_page_and_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    give_counts()
    page = tmp_path / "usage.html"
    assert usage("--html", page) == 0
    said = capsys.readouterr().out
    assert "by revision" in said and "50%" in said and "too early to say" in said
    html = page.read_text()
    assert "<svg" in html and "team/&lt;app&gt;" in html and "<app>" not in html
    assert "http" not in html.replace("http://www.w3.org", "") and "<script" not in html
    assert usage("--json", "--days", "1") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["total"]["seen"] == 2 and told["total"]["acceptance"] == 0.5
    assert told["by_revision"][0]["revision"] == "r1"
    assert told["verdicts"][0]["difference"] is None


def test_counts_are_handed_on_to_a_folder_and_a_bucket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    give_counts()
    assert usage("export") == 0
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["seen"] == 2
    (tmp_path / "team").mkdir()
    for _ in range(2):  # today's is written over
        assert usage("export", "--to", tmp_path / "team") == 0
    [file] = (tmp_path / "team" / "usage").iterdir()
    assert file.read_text() == f"{line}\n" and file.name.startswith(TODAY)
    with s3_server() as url:
        assert usage("export", "--to", url) == 0
        assert f"1 lines are at {url}/usage/{TODAY}-" in capsys.readouterr().out
    assert usage("export", "--to", tmp_path / "nowhere") == 1
    assert "there is no store at" in capsys.readouterr().err


def test_a_collector_on_this_machine_reads_them() -> None:
    give_counts()
    with listening(usage_file(), 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert server.server_address[0] == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics") as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            text = answer.read().decode()
        with pytest.raises(ServerError, match=f"port {server.server_port} cannot be used"):
            listening(usage_file(), server.server_port)
        server.shutdown()
    labels = 'repository="team/<app>",language="python",base="starter",revision="r1"'
    assert f"homespun_suggestions_seen_total{{{labels}}} 2\n" in text
    assert f'homespun_answer_seconds{{{labels},quantile="0.95"}} 0.1' in text
    assert text.endswith("# EOF\n")


def test_what_is_broken_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    usage_file().parent.mkdir(parents=True)
    usage_file().write_bytes(b"no database at all" * 99)
    assert usage() == 1
    told = capsys.readouterr().err
    assert "cannot be read: file is not a database" in told and len(told.splitlines()) == 1
    assert usage("--html", "/nowhere/at/all.html") == 2


def test_what_cannot_be_written_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(usage_recorder, "GATHERED", 0.05)
    monkeypatch.setattr(database, "BUSY", 0.01)
    give_counts()
    recorder = UsageRecorder(usage_file())
    with sqlite3.connect(usage_file(), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        for number in range(5):
            began = time.monotonic()
            recorder.fate(10 + number, fate(by_word=3))
            recorder.asked(Asked(TODAY, SERVED, 0.2, True))
            assert time.monotonic() - began < 0.02, "nobody waits"
            time.sleep(0.1)
        other.execute("ROLLBACK")
    recorder.close()
    assert (counted().seen, counted().taken, counted().asked) == (7, 6, 9)
    assert sum("usage is not counted" in record.message for record in caplog.records) == 1


def test_when_too_much_waits_the_oldest_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_recorder, "GATHERED", 0.01)
    monkeypatch.setattr(usage_recorder, "MOST", 10)
    (tmp_path / "file").write_text("")
    recorder = UsageRecorder(tmp_path / "file" / "usage.sqlite")
    for number in range(100):
        recorder.fate(number, fate())
        recorder.asked(Asked(TODAY, SERVED, 0.2, True))
    recorder.close()
    assert (len(recorder._fates), len(recorder._asked)) == (10, 10)


def test_a_revision_that_is_liked_less_is_said_when_it_is_loaded(
    taught: Taught, tmp_path: Path
) -> None:
    from homespun_model.bases.base import load_base
    from homespun_model.store.store import AdapterStore
    from homespun_server.loaded_base import load_current

    store, base = AdapterStore(tmp_path / "store"), load_base(str(taught.base))
    first, second = (taught.publish(store, "team/app").name for _ in range(2))
    writer = UsageWriter(usage_file())
    fates = [
        Fate(TODAY, f"{name}{n % 10}", Served("team/app", "", base.id, "", name), 9, by_all=count)
        for name, count in ((first, 9), (second, 0))
        for n in range(60)
    ]
    writer.write([], enumerate(fates))
    writer.close()
    serving = load_current(store, "team/app", base, "cpu")
    assert serving is not None and serving.problem is not None
    assert f"{second} is taken less often than {first}" in serving.problem
    assert "`homespun adapters rollback`, with the --store of editors" in serving.problem
