"""The moving picture of the README: a person types in VS Code, a real base goes on.

    HOMESPUN_PICTURE_BASE=FOLDER pytest tests/e2e/editors/record_ghost_text.py

Everything in it is real: VS Code in a browser, the extension, the server, the base with its generic
adapter, and the time between two pictures, but for what taking one takes. Not collected by itself.
"""

from __future__ import annotations

import io
import os
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from .conftest import ROOT, OpenWorkbench, RealServer
from .workbench import Workbench

PICTURE = ROOT / "docs" / "ghost-text.gif"
BASE = os.environ.get("HOMESPUN_PICTURE_BASE", "")
KEY = 0.11  # seconds between two keys
LOOK = 1.3  # and in front of a suggestion
WIDTH, HEIGHT = 900, 560
COLOURS = 48

ORDERS = '''\
"""Orders of a shop, and what they come to."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Line:
    article: str
    price: int  # in cents
    count: int = 1
    discount: int = 0

    def amount(self) -> int:
        return self.price * self.count - self.discount


@dataclass(frozen=True)
class Order:
    number: int
    customer: str
    country: str
    placed: date
    lines: list[Line]
    is_paid: bool = False

    def total(self) -> int:
        return sum(line.amount() for line in self.lines)

    def is_overdue(self, today: date) -> bool:
        return not self.is_paid and (today - self.placed).days > 30
'''
REPORTS = '''\
"""What was sold, and to whom."""

from collections import Counter
from datetime import date

from shop.orders import Order


def total_by_country(orders: list[Order]) -> Counter[str]:
    """In cents, discounts taken off."""
    totals = Counter[str]()
    for order in orders:
        totals[order.country] += order.total()
    return totals


'''
TYPED = (
    "def overdue_by_customer(orders: list[Order], today: date) -> Counter[str]:\n"
    '"""What is not paid in time, in cents."""\n',
    "\n",
    "if order.is_o",  # where nothing was suggested
    "\n",
)


class Recorder:
    """Types as a person does and takes pictures."""

    def __init__(self, workbench: Workbench, folder: Path) -> None:
        self._workbench, self._file = workbench, folder / "frame.png"
        self._frames: list[Image.Image] = []
        self._lengths: list[float] = []

    def frame(self, seconds: float) -> None:
        self._workbench.do("screenshot", file=str(self._file))
        image = Image.open(io.BytesIO(self._file.read_bytes())).convert("RGB")
        self._frames.append(image.crop((0, 0, WIDTH, HEIGHT)))
        self._lengths.append(seconds)

    def type(self, text: str) -> None:
        for char in text:
            if char == "\n":
                self._workbench.press("Enter")
            else:
                self._workbench.do("type", text=char)
            began = time.monotonic()
            self.frame(KEY)
            time.sleep(max(0.0, KEY - (time.monotonic() - began)))

    def take(self, patience: float = 3.0) -> bool:
        """What is suggested, if anything is: looked at, and taken."""
        began = time.monotonic()
        if not self._workbench.becomes(self._workbench.ghost, patience):
            return False
        self._lengths[-1] += time.monotonic() - began
        self.frame(LOOK)
        self._workbench.press("Tab")
        time.sleep(0.2)
        self.frame(0.6)
        return True

    def save(self, file: Path) -> None:
        palette = self._frames[-1].quantize(COLOURS)
        still = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in self._frames]
        lengths = [round(1000 * seconds) for seconds in self._lengths]
        lengths[-1] = 2500
        still[0].save(
            file, save_all=True, append_images=still[1:], duration=lengths, loop=0, optimize=True
        )


@pytest.mark.skipif(not BASE, reason="HOMESPUN_PICTURE_BASE names no base")
def test_record(open_workbench: OpenWorkbench, real_server: RealServer, folder: Path) -> None:
    (folder / "shop").mkdir()
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "orders.py").write_text(ORDERS)
    (folder / "reports.py").write_text(REPORTS)
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    workbench = open_workbench(
        "reports.py",
        command=str(real_server.path),
        **real_server.flags_of(BASE),
    )
    workbench.wait(lambda: "Homespun: ready" in workbench.status(), "a ready server", 150)
    workbench.press("Control+b", "Control+End")
    time.sleep(8)  # the prompt is read, and the repository
    recorder, taken, just_taken = Recorder(workbench, folder.parent), 0, False
    recorder.frame(1.0)
    for text in TYPED:
        if text.endswith("\n") or not just_taken:
            recorder.type(text)
            just_taken = recorder.take()
            taken += just_taken
    recorder.save(PICTURE)
    print(f"{taken} suggestions taken; {PICTURE.stat().st_size:,} bytes")
    assert taken
