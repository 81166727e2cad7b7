"""The report: what it says, that nothing in it can act, and how it looks in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from homespun_corpus.mining.sample import Sample
from homespun_corpus.place import Place
from homespun_finetune import report
from homespun_finetune.holdout import hole_id
from homespun_finetune.metrics import HoleResult, compare, summarise
from homespun_finetune.report import Page, notable
from homespun_finetune.run_record import in_use
from homespun_model.store.store import Revision
from homespun_model.usage.counted import Fate, Served
from homespun_model.usage.database import UsageWriter, usage_file

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the report has no charts")

HOSTILE = "</pre><script>alert(1)</script><img src=http://evil.test/x.png>&{{ 7*7 }}\u202e\x00"
WRITTEN = "return [book for book in self.books if book.title == title]"


def hole(number: int, path: str = "library/shelf.py") -> Sample:
    place = Place(path, "python", "class Shelf:\n    def find(self, title):\n        ", "\n")
    end = number + len(WRITTEN)
    return Sample("r", "c", "b" * 40, path, "f", "body", "new", number, end, place, WRITTEN)


def sheet(holes: list[Sample], texts: list[str], bits: float) -> list[HoleResult]:
    return [
        HoleResult(
            *(hole_id(h), f"{n % 7}.py", "python", ("body", "line", "arguments")[n % 3]),
            *(len(WRITTEN), bits + n, len(WRITTEN)),
            compare(text, WRITTEN, ends_itself=True),
        )
        for n, (h, text) in enumerate(zip(holes, texts, strict=True))
    ]


def interval(value: float, width: float = 0.03) -> dict[str, float]:
    return {"value": value, "low": value - width, "high": value + width}


def manifest(decision: str, gain: float = 0.11, **changes: Any) -> dict[str, Any]:
    holes = [hole(n) for n in range(12)]
    metrics = {
        role: summarise(sheet(holes, ["return None"] * 12, bits)).to_json()
        for role, bits in (("copy", 90), ("generic", 70), ("base", 60), ("candidate", 50))
    }
    parts = dict.fromkeys(("line", "body", "arguments", "statement"), metrics["base"])
    better = dict.fromkeys(parts, metrics["candidate"])
    verdict = {"published": "passed", "refused": "failed", "undecided": "doubtful"}
    said = f"the base: {gain:+.3f} bits per byte saved (314 held-out holes in 31 files)"
    return {
        "base": {"id": "starter"},
        "commit": "0123456789abcdef",
        "split": {"kind": "time", "train_commit": "fedcba9876543210"},
        "settings": {"minutes": 10.0},
        "counts": {
            **{"functions": 886, "kept": 777, "samples": 1731, "held_out": 277},
            "rejected": {"too-short": 42, "held-out-duplicate": 37, "near-duplicate": 25},
        },
        "training": {
            **{"samples": 900, "tokens": 812_000, "best_step": 60, "learning_rate": 0.001},
            "points": [
                {"step": 20 * n, "seconds": 9.0 * n, "loss": 2.1 - 0.3 * n + 0.05 * n * n}
                for n in range(6)
            ],
        },
        "metrics": {
            **metrics,
            "edited": {"base": metrics["base"], "candidate": metrics["candidate"]},
            "by_kind": {"base": parts, "candidate": better},
            "by_language": {role: {"python": metrics[role]} for role in ("base", "candidate")},
            "general": {
                "base": {"bits_per_byte": 1.042, "holes": 240},
                "candidate": {"bits_per_byte": 1.061, "holes": 240},
            },
            "evidence": {
                "against": "base",
                "gain": interval(gain),
                "rivals": {
                    "copy": {"gain": interval(0.5, 0.1)},
                    "generic": {"gain": interval(0.2)},
                },
            },
        },
        "decision": {
            "outcome": decision,
            "reasons": [said],
            "checks": [
                {"name": "a", "verdict": verdict.get(decision, "passed"), "said": said},
                {"name": "b", "verdict": "passed", "said": "exact first lines: +2.7 points"},
                {"name": "c", "verdict": "passed", "said": "by heart: 0 of 200 functions"},
            ],
        },
        **changes,
    }


def page(decision: str = "published", **changes: Any) -> Page:
    holes = [hole(n) for n in range(60)]
    before = ["return None" if n % 2 else WRITTEN for n in range(60)]
    after = [WRITTEN if n % 3 else "for book in self.books:\n    pass" for n in range(60)]
    earlier = [
        Revision("r", f"2026010{n}T000000.000000Z-0000000{n}", Path("/"), kept)
        for n, kept in enumerate(
            manifest("published" if gain > 0 else "refused", gain, revision=f"run-{n}")
            for n, gain in enumerate((0.05, 0.08, -0.04))
        )
    ]
    made = Page(
        repository="forge.test/team/library",
        decision=decision,
        reasons=("a reason",),
        manifest=manifest(decision),
        pairs=notable(holes, sheet(holes, before, 60), sheet(holes, after, 50)),
        before="base",
        after="candidate",
        earlier=earlier,
    )
    return replace(made, **changes)


def hostile_page() -> Page:
    """Everything that a repository or a store could have written."""
    holes = [hole(n, path=f"{HOSTILE}.py") for n in range(4)]
    holes = [replace(h, place=replace(h.place, prefix=HOSTILE)) for h in holes]
    before = sheet(holes, [HOSTILE, WRITTEN] * 2, 60)
    after = sheet(holes, [WRITTEN, HOSTILE] * 2, 50)
    odd: list[Any] = [{}, {"decision": HOSTILE, "metrics": 3, "created": {}}, {"revision": HOSTILE}]
    odd.append({"decision": {"outcome": HOSTILE}, "metrics": {"evidence": {"gain": {"low": "x"}}}})
    return page(
        repository=HOSTILE,
        reasons=(HOSTILE,),
        manifest=manifest("published") | {"commit": HOSTILE, "base": {"id": HOSTILE}},
        pairs=notable(holes, before, after),
        earlier=[Revision("r", "n", Path("/"), kept) for kept in odd],
    )


def test_the_decision_and_its_checks_come_first() -> None:
    text = report.render(page("refused"))
    top = text[text.index("<main>") :]
    assert top.index("Refused") < top.index("failed") < top.index("exact first lines")
    assert top.index("by heart") < top.index("New code, before and after")


def test_every_part_is_there() -> None:
    text = report.render(page())
    for part in ("n-gram", "generic", "By kind of hole", "By language", "Edited lines"):
        assert part in text
    for part in ("Code in general", "Training", "held-out-duplicate", "Completions", "History"):
        assert part in text
    assert text.count("<svg") == 3
    assert text.count("<article>") == 20
    assert text.index("+") and "run-0" in text and "this run" in text


def test_it_says_how_the_adapter_before_did_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    before = Revision("team/library", "run-1", tmp_path, {})
    assert in_use("team/library", None) == in_use("team/library", before) == {}
    served = Served("team/library", "python", "starter", "dense", "run-1")
    fates = [Fate("2026-11-30", "s", served, 9, by_all=9 if n < 3 else 0) for n in range(8)]
    writer = UsageWriter(usage_file())
    writer.write([], enumerate(fates))
    writer.close()
    used = in_use("team/library", before)
    assert "38% of 8 seen were taken" in report.render(page(manifest=manifest("published") | used))
    assert "seen were taken" not in report.render(page())


def test_nothing_from_a_repository_becomes_markup() -> None:
    text = report.render(hostile_page())
    assert "<script" not in text
    assert "<img" not in text
    assert "\u202e" not in text and "\x00" not in text
    assert "{{ 7*7 }}" in text and "&lt;script&gt;" in text


def test_nothing_is_loaded_from_anywhere() -> None:
    text = report.render(page())
    for loading in ("src=", "@import", "url(http", "<script", "<iframe", "<!DOCTYPE svg"):
        assert loading not in text
    assert text.count("<link") == text.count('<link rel="icon" href="data:,">') == 1


def test_the_same_run_gives_the_same_page() -> None:
    assert report.render(page()) == report.render(page())


def test_a_run_that_measured_little_has_a_page_too() -> None:
    bare = {"counts": {"functions": 1, "kept": 1, "samples": 1, "held_out": 0, "rejected": {}}}
    text = report.render(page("evaluated", manifest=bare, pairs=[], earlier=[]))
    assert "Measured only" in text
    assert "<svg" not in text


CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
browser = pytest.mark.skipif(
    CHROMIUM is None, reason="NO CHROMIUM: nobody has looked at the report; install chromium"
)
# What the browser asks of its maker, whatever page it shows.
OWN_ERRANDS = re.compile(r"(http://)?[\w.-]+\.(google|googleapis|gvt1)\.com[:/]")
SIZE = (1280, 1400)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[str, Path, list[str]]]:
    """A proxy that has one page and remembers whatever is asked of it."""
    served, asked = tmp_path / "served.html", []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            found = self.path == "http://report.test/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(served.read_bytes() if found else b"")

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}", served, asked
    server.shutdown()


def look(address: str, folder: Path, *, dark: bool) -> tuple[Path, str]:
    """A picture of the page, and what the browser has to say about it."""
    picture = folder / ("dark.png" if dark else "light.png")
    assert CHROMIUM is not None
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--no-first-run", f"--user-data-dir={folder / 'profile'}"),
            *("--enable-logging=stderr", f"--proxy-server=http://{address}"),
            f"--blink-settings=preferredColorScheme={0 if dark else 1}",
            f"--window-size={SIZE[0]},{SIZE[1]}",
            *(f"--screenshot={picture}", "http://report.test/"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return picture, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@browser
@pytest.mark.parametrize("which", ["ordinary", "hostile"])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_it(
    proxy: tuple[str, Path, list[str]], tmp_path: Path, which: str, dark: bool
) -> None:
    from PIL import Image

    address, served, asked = proxy
    shown = page("published") if which == "ordinary" else hostile_page()
    report.write(shown, served)
    picture, complaints = look(address, tmp_path, dark=dark)
    assert complaints == ""
    foreign = [url for url in asked if not OWN_ERRANDS.match(url)]
    assert foreign == ["http://report.test/"]
    pixels = Image.open(picture).convert("RGB")
    assert pixels.size == SIZE
    background = pixels.getpixel((2, 2))
    assert background == ((20, 23, 29) if dark else (247, 247, 245))
    # The decision stands at the top, in its own colour and large.
    headline = pixels.crop((100, 20, 1180, 90))
    tone = (87, 199, 138) if dark else (26, 127, 75)
    assert sum(count for count, colour in headline.getcolors(1 << 20) if colour == tone) > 500
