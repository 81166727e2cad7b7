"""The night as one HTML page that needs nothing else; it links to the reports of the single runs.

Everything in it is escaped, control characters and all, and the page forbids itself scripts and the
network.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from homespun_corpus.errors import one_line

if TYPE_CHECKING:
    from homespun_finetune.nightly.table import Night


def write(night: Night, file: Path) -> None:
    """Write the page at once: a reader sees the old one or the new one. OSError."""
    text = render(night, file.absolute().parent)
    with tempfile.TemporaryDirectory(dir=file.absolute().parent, prefix="coming-") as coming:
        new = Path(coming) / file.name
        new.write_text(text, encoding="utf-8")
        new.replace(file)


def render(night: Night, folder: Path) -> str:
    """The page as HTML, for a file in ``folder``."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shown"] = one_line
    template = resources.files("homespun_finetune.nightly").joinpath("nightly.html.j2")
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        rows=[
            (row, _link(night.report(task), folder), _link(night.log(task), folder))
            for task, row in night.rows
        ],
        counts=_counts(night),
        when=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
    )


def _counts(night: Night) -> str:
    """``2 published, 1 failed``: the commonest first."""
    decisions = [row.decision for _, row in night.rows]
    names = sorted(set(decisions), key=lambda name: (-decisions.count(name), name))
    return ", ".join(f"{decisions.count(name)} {name}" for name in names)


def _link(file: Path | None, folder: Path) -> str | None:
    """From the page's folder, so that both can be moved together; a name may hold anything."""
    if file is None:
        return None
    try:
        return quote(Path(os.path.relpath(file.absolute(), folder)).as_posix())
    except ValueError:  # another drive
        return file.absolute().as_uri()
