"""What a model answered in an earlier run about the same code: it would answer the same again.

So a run that is begun once more, with more minutes or after a kill, asks the base and what is
served only what they were not asked yet. A file holds the answers of one model, one a line, each
with the seconds that it took then: an exam is planned as if they were taken now. Whatever decides
an answer decides the file's name: weights, data, and this program's own source. A line that was
torn or is not ours is as if it were not there.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import platformdirs
from homespun_corpus.mining.sample import Sample
from homespun_corpus.reading.rules_version import digest_of, rules_version, sources_of

from homespun_finetune.metrics import Completion, HoleResult, SimulatedLine
from homespun_finetune.resumable import key_of

KEPT = 12
"""Files at most; the oldest go."""
_ROOMS = ("homespun_model", "homespun_finetune")
_LINE = "line"

T = TypeVar("T", HoleResult, SimulatedLine)


@dataclass
class AnsweredBefore:
    """``file``: None keeps nothing and knows nothing."""

    file: Path | None = None
    _known: dict[str, tuple[Any, float]] = field(default_factory=dict)

    @classmethod
    def about(cls, deciding: Mapping[str, Any]) -> AnsweredBefore:
        """Of a model and the code that it is asked about: all that decides its answers, as JSON."""
        folder = platformdirs.user_cache_path("homespun", appauthor=False) / "answers"
        file = folder / f"{key_of({**deciding, 'program': _program()})}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _prune(folder, but=file)
            return cls(file, dict(_read(file)))
        except OSError:
            return cls()

    def answer(
        self, hole: Sample, how: str, ask: Callable[[], HoleResult]
    ) -> tuple[HoleResult, float]:
        """What comes of the hole, asked in a way that ``how`` names, and the seconds it took."""
        return self._answer(f"{how} {_digest(hole)}", ask)

    def line(
        self, hole: Sample, ask: Callable[[], SimulatedLine | None]
    ) -> tuple[SimulatedLine | None, float]:
        """The same of its line, typed again; what was not finished is not kept."""
        return self._answer(f"{_LINE} {_digest(hole)}", ask)

    def _answer(self, question: str, ask: Callable[[], T | None]) -> tuple[Any, float]:
        if question in self._known:
            return self._known[question]
        begun = time.monotonic()
        answer = ask()
        seconds = time.monotonic() - begun
        if answer is not None:
            self._known[question] = answer, seconds
            self._keep({"question": question, "seconds": seconds, "answer": asdict(answer)})
        return answer, seconds

    def _keep(self, row: dict[str, Any]) -> None:
        if self.file is not None:
            with suppress(OSError), self.file.open("a", encoding="utf-8") as out:
                out.write(f"\n{json.dumps(row)}")  # behind a torn line, too, it stands alone


def _read(file: Path) -> dict[str, tuple[HoleResult | SimulatedLine, float]]:
    """Every whole line."""
    if not file.exists():
        return {}
    found = {}
    for text in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        with suppress(ValueError, TypeError, KeyError, AttributeError, RecursionError):
            row = json.loads(text)
            is_line = row["question"].startswith(f"{_LINE} ")
            answer = SimulatedLine(**row["answer"]) if is_line else _result(row["answer"])
            found[row["question"]] = answer, float(row["seconds"])
    return found


def _result(value: dict[str, Any]) -> HoleResult:
    said = value["completion"]
    return HoleResult(**value | {"completion": said if said is None else Completion(**said)})


def _digest(hole: Sample) -> str:
    """Of all that is shown of the hole, and what was there."""
    text = json.dumps(hole.to_row(), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def _program() -> str:
    """Of the source that answers: another version may answer otherwise."""
    rooms = (source for room in _ROOMS for source in sources_of(room))
    return digest_of([("corpus", rules_version().encode()), *rooms])


def _prune(folder: Path, *, but: Path) -> None:
    others = [file for file in folder.glob("*.jsonl") if file != but]
    newest = sorted(others, key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest[KEPT - 1 :]:
        file.unlink(missing_ok=True)
