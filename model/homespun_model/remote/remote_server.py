"""One server that holds a base: whether it is the same one, which adapters it has, its answers.

Its tokens are compared before anything is asked: a vocabulary that differs would turn prompts into
noise that still looks like code. vLLM takes an adapter by name, and may load it then; llama.cpp has
those it was started with, and a request says which of them counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from homespun_model.bases.base import Base
from homespun_model.bases.tokenizer import GUARD
from homespun_model.errors import RemoteError, RemoteInputError, RemoteNonsense
from homespun_model.remote.address import RemoteAddress
from homespun_model.remote.link import LacksModel, Link, Stream
from homespun_model.remote.remote_decoder import RemoteDecoder
from homespun_model.remote.wire import COMPLETIONS, MODELS, request

TOKENIZE, LORAS = "/tokenize", "/lora-adapters"
# Words, spaces, digits, other scripts: what vocabularies of one size still cut in different ways.
TEXT = "\tdef größe_von(self, x2=12345) -> str:\n        return f'{x2!r:>8}代码 🙂'  # naïve\n"
LOADING = 120.0  # seconds for an adapter to be loaded, before anybody waits for it


@dataclass(frozen=True, slots=True)
class Met:
    """What a server said of itself. ``loras``: llama.cpp's adapters, their numbers by name; None
    where adapters are asked for by name."""

    model: str
    loras: Mapping[str, int] | None = None
    named: frozenset[str] = field(default_factory=frozenset)
    """Models and adapters that it lists."""


class RemoteServer:
    """``meet`` and ``has`` on a thread that may wait; streams are begun on another."""

    def __init__(self, address: RemoteAddress, base: Base) -> None:
        self.address, self.base = address, base
        self.met: Met | None = None
        self._link = Link(address)

    def meet(self) -> Met:
        """Ask it who it is. RemoteError where it cannot be asked now, RemoteInputError where it is
        no server for this base."""
        model, named = self._models()
        self._compare_tokens(model)
        self.met = Met(model, self._loras(), named)
        return self.met

    def has(self, adapter: str) -> bool:
        """Whether it has an adapter of that name; vLLM loads it for this. RemoteError."""
        met = self.met or self.meet()
        if met.loras is not None or adapter in met.named:
            return adapter in (met.loras or met.named)
        body = request(adapter, self.base.tokenizer.encode(TEXT), 1)
        try:
            self._link.ask(COMPLETIONS, body | {"stream": False}, LOADING)
        except LacksModel:
            return False
        return True

    def decoder(self, adapter: str | None) -> RemoteDecoder:
        """Decodes with the base, and with an adapter that the server has."""

        def ask(prompt: Sequence[int], most: int, among: Sequence[int]) -> Stream:
            return self._link.stream(self._request(adapter, prompt, most, among))

        return RemoteDecoder(ask, _vocabulary(self.base), self.base.fitted)

    def close(self) -> None:
        """Ask nothing any more."""
        self._link.close()

    def _request(
        self, adapter: str | None, prompt: Sequence[int], most: int, among: Sequence[int]
    ) -> dict[str, Any]:
        if (met := self.met) is None:
            raise RemoteError("was not met yet")
        if met.loras is None:
            return request(adapter or met.model, prompt, most, among=among)
        if adapter is not None and adapter not in met.loras:
            raise LacksModel("lacks an adapter that it had")
        loras = [
            {"id": number, "scale": float(name == adapter)} for name, number in met.loras.items()
        ]
        return request(met.model, prompt, most, loras=loras, among=among)

    def _models(self) -> tuple[str, frozenset[str]]:
        """Which of its models the base is, and what it lists."""
        listed = self._asked(MODELS, "models")
        found = listed.get("data") if isinstance(listed, dict) else None
        models = [one for one in found or () if isinstance(one, dict)]
        names = frozenset(str(one.get("id"))[:200] for one in models)
        roots = [one for one in models if not one.get("parent")]
        called = {self.base.id, *(self.base.published or ())[:1]}
        chosen = [one for one in roots if one.get("id") in called] or roots
        if len(chosen) != 1:
            listed_names = ", ".join(sorted(str(one.get("id"))[:80] for one in roots)[:4])
            raise RemoteInputError(f"serves {listed_names or 'no model'}, and not {self.base.id}")
        self._compare_width(chosen[0].get("meta"))
        return str(chosen[0].get("id")), names

    def _compare_width(self, meta: object) -> None:
        """llama.cpp tells the size of a layer: a sibling with the same vocabulary differs in it."""
        told = meta.get("n_embd") if isinstance(meta, dict) else None
        own = self.base.config.get("hidden_size")
        if isinstance(told, int) and isinstance(own, int) and told != own:
            raise RemoteInputError(
                f"serves another model than {self.base.id}: layers {told} wide, not {own}"
            )

    def _compare_tokens(self, model: str) -> None:
        """RemoteInputError where its ids of a fixed text and of the sentinels are others."""
        base, ids = self.base, self.base.files.tokenizer.token_to_id
        known = {mark: ids(mark) for mark in base.format.sentinels() if ids(mark) is not None}
        own = [*base.tokenizer.encode(TEXT), *known.values()]
        text = (GUARD if base.format.guard else "") + TEXT + "".join(known)
        body = {"model": model, "prompt": text, "add_special_tokens": False}  # vLLM's
        body |= {"content": text, "add_special": False, "parse_special": True}  # llama.cpp's
        told = self._asked(TOKENIZE, "tokens of a text", body)
        theirs = told.get("tokens") if isinstance(told, dict) else None
        if not isinstance(theirs, list):
            raise RemoteNonsense("tells no tokens of a text")
        if theirs[-len(own) :] != own:
            raise RemoteInputError(f"cuts text into other tokens than {base.id} does")

    def _loras(self) -> Mapping[str, int] | None:
        try:
            listed = self._link.ask(LORAS)
        except LacksModel:
            return None
        found = {}
        for one in listed if isinstance(listed, list) else ():
            if isinstance(one, dict) and isinstance(one.get("id"), int):
                found[_named_by(str(one.get("path", "")))] = one["id"]
        return found

    def _asked(self, path: str, what: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            return self._link.ask(path, body)
        except LacksModel as error:
            raise RemoteInputError(
                f"tells no {what} ({path}): it is neither vLLM nor llama.cpp's server"
            ) from error


def _vocabulary(base: Base) -> int:
    """How many ids a model of it may say: some have more rows than words."""
    rows = base.config.get("vocab_size")
    return max(base.tokenizer.size, rows if isinstance(rows, int) else 0)


def _named_by(path: str) -> str:
    """An adapter's name is that of its folder, as ``adapters export`` writes it."""
    file = PurePath(path.replace("\\", "/"))
    return file.parent.name if file.stem == "adapter" else file.stem
