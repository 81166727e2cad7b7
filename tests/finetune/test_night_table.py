"""What a night says of itself: rows, a table, an object, a page, an exit code."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from homespun_finetune.nightly import page
from homespun_finetune.nightly.child import Ended
from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.screen import Screen
from homespun_finetune.nightly.table import Night
from homespun_finetune.nightly.task import RepositoryTask
from homespun_model.exit_codes import DONE, FAILED, NOT_PUBLISHED
from rich.console import Console

SHOP = RepositoryTask("shop", "/src/shop", base="starter")
EVIL = RepositoryTask("<script>", "/src/evil")


def result(decision: str = "published", **changes: Any) -> bytes:
    """What ``finetune-repo --json`` prints."""
    model = {"bits_per_byte": 2.0, "exact_line": 0.2, "completions": 50}
    better = {"bits_per_byte": 1.9, "exact_line": 0.25, "completions": 50}
    told = {
        "decision": decision,
        "reasons": ["better than the base: +0.1 bits"],
        "repository": "example.org/team/shop",
        "revision": "r1",
        "base": "starter",
        "counts": {},
        "metrics": {"base": model, "generic": None, "incumbent": None, "candidate": better},
        "seconds": {},
    }
    return json.dumps(told | changes).encode()


def night(folder: Path, *rows: Row) -> Night:
    return Night([*zip((SHOP, EVIL), rows, strict=False)], folder)


def test_a_row_says_what_was_gained_over_what_had_to_be_beaten() -> None:
    row = Row.of(SHOP, Ended(DONE, result()), 1.25)
    assert (row.decision, row.against, row.bits) == ("published", "base", (2.0, 1.9))
    assert str(row) == "shop: published, 5.0% fewer bits, first lines 20% → 25%"
    metrics = json.loads(result())["metrics"]
    served = {"incumbent": {"bits_per_byte": 1.8, "completions": 0, "exact_line": 0.0}}
    row = Row.of(SHOP, Ended(NOT_PUBLISHED, result("refused", metrics=metrics | served)), 1.0)
    assert (row.against, row.change) == ("incumbent", "5.6% more bits")
    assert row.why == "better than the base: +0.1 bits"


def test_a_run_that_measured_nothing_has_no_change() -> None:
    metrics = dict.fromkeys(("base", "generic", "incumbent", "candidate"))
    said = result("undecided", metrics=metrics, revision=None)
    row = Row.of(SHOP, Ended(NOT_PUBLISHED, said), 1.0)
    assert (row.decision, row.change, row.against, row.revision) == ("undecided", "", None, None)


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (Ended(2, b"", "finetune-repo: there is no base 'x'"), "there is no base 'x'"),
        (Ended(1, b"", "x: No space left on device"), "x: No space left on device"),
        (Ended(1), "it ended with exit code 1"),
        (Ended(0, b"nonsense"), "it printed no result"),
        (Ended(0, b"[" * 100_000), "it printed no result"),
        (Ended(0, b'{"decision": "published"}'), "it printed no result"),
        (Ended(-9), "it was ended by SIGKILL: the machine may lack memory"),
        (Ended(-40), "it was ended by signal 40"),
        (Ended(-11, b"", "training: 40%"), "it was ended by SIGSEGV"),
        (Ended(None, b"", "training: 40%"), "it was stopped after 70 minutes, of 30 asked for"),
        (Ended(1, b"", "a\x1b[31mb"), "a\ufffd[31mb"),
    ],
)
def test_why_a_run_came_to_nothing_is_one_line(ended: Ended, why: str) -> None:
    row = Row.of(SHOP, ended, 2.0)
    assert (row.decision, row.why, row.is_failed) == ("failed", why, True)


def test_the_worst_of_the_rows_decides_the_exit_code(tmp_path: Path) -> None:
    published = Row("shop", "published")
    assert night(tmp_path, published, Row("x", "evaluated")).exit_code == DONE
    assert night(tmp_path, published, Row("x", "undecided")).exit_code == NOT_PUBLISHED
    assert night(tmp_path, Row("x", "refused"), Row("x", "failed")).exit_code == FAILED


def test_the_object_has_stable_keys(tmp_path: Path) -> None:
    (tmp_path / "shop.log").touch()
    told = night(tmp_path, Row.of(SHOP, Ended(DONE, result()), 1.256)).to_json()
    assert told == {
        "failed": 0,
        "logs": str(tmp_path),
        "repositories": [
            {
                "name": "shop",
                "decision": "published",
                "why": "",
                "repository": "example.org/team/shop",
                "base": "starter",
                "revision": "r1",
                "minutes": 1.26,
                "against": "base",
                "bits_per_byte": {"before": 2.0, "after": 1.9},
                "first_lines": {"before": 0.2, "after": 0.25},
                "node": None,
                "log": str(tmp_path / "shop.log"),
                "report": None,
            }
        ],
    }


def test_names_and_reasons_mean_nothing_on_the_screen(tmp_path: Path) -> None:
    out = io.StringIO()
    said = night(tmp_path, Row("shop", "failed", "[bold]no[/bold]"))
    Screen(Console(file=out, width=200)).show(said)
    assert "[bold]no[/bold]" in out.getvalue()


def test_the_page_escapes_what_others_wrote_and_links_to_what_is_there(tmp_path: Path) -> None:
    logs, file = tmp_path / "logs", tmp_path / "night.html"
    logs.mkdir()
    (logs / f"{EVIL.stem}.html").touch()
    rows = (Row("shop", "published"), Row("<script>", "failed", "<img src=x onerror=alert(1)>\x07"))
    page.write(night(logs, *rows), file)
    text = file.read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["night.html"]
    assert "<script" not in text and "<img" not in text and "\x07" not in text
    assert "&lt;script&gt;" in text
    assert '<a href="logs/%253Cscript%253E.html">report</a>' in text
    assert "1 failed, 1 published" in text
    assert "default-src 'none'" in text


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "night.html").write_text("old")
    with pytest.raises(OSError, match="gone"):
        page.write(night(tmp_path, Row("shop", "published")), tmp_path / "gone" / "night.html")
    assert (tmp_path / "night.html").read_text() == "old"
