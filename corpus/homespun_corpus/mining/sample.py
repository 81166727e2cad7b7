"""A sample: one hole cut from a file, the text around it, and where both came from.

Plain text and provenance, never token ids: the model room turns a sample's place into a prompt.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from homespun_corpus.place import Place, Related

Kind = Literal[
    "body",  # everything inside a function
    "block",  # everything inside an if, a loop, a class, …
    "statement",
    "arguments",  # between the parentheses of a call
    "expression",
    "line",  # from inside a line to its end
    "block-rest",  # from inside a line to the end of the block that holds it
    "lines",  # whole lines, from where one begins to where another does: nothing parts both sides
    "random",  # any two points
    "plain",  # no hole: text read left to right
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Novelty = Literal["old", "new", "edited"]


@dataclass(frozen=True, slots=True)
class Sample:
    """``place.prefix + middle + place.suffix`` is a window of the blob, byte for byte.

    ``start`` and ``end`` are the byte span of the middle in the blob. ``novelty`` tells a function
    that the training tree holds ("old") from one that is new or edited since. A *bare* sample's
    place names no path and carries no related code, so that a model learns to stand without them;
    ``path`` is the provenance either way.
    """

    repository: str
    commit: str
    blob_id: str
    path: str
    function: str
    kind: Kind
    novelty: Novelty
    start: int
    end: int
    place: Place
    middle: str

    def to_row(self) -> dict[str, Any]:
        """A flat row for ``datasets``: the place's fields get the prefix ``place_``."""
        row = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "place"}
        return row | {f"place_{name}": value for name, value in asdict(self.place).items()}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Sample:
        """The sample that ``to_row`` flattened."""
        place = {f.name: row[f"place_{f.name}"] for f in fields(Place)}
        place["related"] = tuple(Related(**piece) for piece in place["related"])
        rest = {f.name: row[f.name] for f in fields(cls) if f.name != "place"}
        return cls(place=Place(**place), **rest)
