"""One server that holds a base: whether it is the same one, which adapters it has, its answers.

Its tokens are compared before anything is asked: a vocabulary that differs would turn prompts into
noise that still looks like code. vLLM takes an adapter by name, and may load it then; llama.cpp has
those it was started with, and a request says which of them counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from homespun_model.bases.base import Base
from homespun_model.bases.prompt import Budget
from homespun_model.bases.tokenizer import GUARD
from homespun_model.decoding.completing import MAX_NEW_TOKENS
from homespun_model.errors import RemoteError, RemoteInputError, RemoteNonsense
from homespun_model.remote.address import RemoteAddress
from homespun_model.remote.link import ANSWERING, After, Body, LacksModel, Link, Refused, Stream
from homespun_model.remote.remote_decoder import RemoteDecoder
from homespun_model.remote.wire import COMPLETIONS, MODELS, request

TOKENIZE, LORAS = "/tokenize", "/lora-adapters"
# Words, spaces, digits, other scripts: what vocabularies of one size still cut in different ways.
TEXT = "\tdef größe_von(self, x2=12345) -> str:\n        return f'{x2!r:>8}代码 🙂'  # naïve\n"
LOADING = 60.0  # seconds for an adapter to be loaded, before anybody waits for it
MOST_OF_NAME = 200  # characters


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

    def meet(self, *, anew: bool = True) -> Met:
        """Ask it who it is. RemoteError where it cannot be asked now, RemoteInputError where it is
        no server for this base. ``anew``: it has to say a token, too, soon enough to be of use."""
        model, named = self._models()
        self._compare_tokens(model)
        self.met = Met(model, self._loras(), named)
        if anew:
            self._say_something(model, ANSWERING)
        self._link.is_left = False
        return self.met

    def has(self, adapter: str) -> bool:
        """Whether it has an adapter of that name and answers with it; vLLM loads it for this.
        RemoteError where the base does not answer either."""
        met = self.met or self.meet()
        if met.loras is not None:
            return adapter in met.loras
        try:
            self._say_something(adapter, LOADING)
        except (LacksModel, Refused):  # it is not there, or vLLM cannot load it
            return False
        except RemoteError:  # the adapter's trouble, of which the others are to notice nothing
            self._say_something(met.model, ANSWERING)
            return False
        return True

    def _say_something(self, model: str, seconds: float) -> None:
        body = request(model, self.base.tokenizer.encode(TEXT), 1)
        self._link.ask(COMPLETIONS, body | {"stream": False}, seconds)

    def decoder(self, adapter: str | None) -> RemoteDecoder:
        """Decodes with the base, and with an adapter that the server has."""

        def ask(prompt: Sequence[int], most: int, among: Sequence[int]) -> Stream:
            return self._link.stream(self._body(adapter, prompt, most, among))

        return RemoteDecoder(ask, _vocabulary(self.base), self.base.fitted)

    def leave(self) -> None:
        """It is known to be away: whoever waits for an answer is told so, until it is met."""
        self._link.is_left = True

    def close(self) -> None:
        """Ask nothing any more."""
        self._link.close()

    def _body(
        self, adapter: str | None, prompt: Sequence[int], most: int, among: Sequence[int]
    ) -> Body:
        if (met := self.met) is None:
            raise RemoteError("was not met yet")
        if met.loras is None:
            return request(adapter or met.model, prompt, most, among=among)
        if not met.loras:
            return request(met.model, prompt, most, among=among)

        def with_loras(listed: Any) -> Mapping[str, Any]:
            """By the numbers that they have now: started anew, it may have given others."""
            numbers = _numbers(listed)
            if adapter is not None and adapter not in numbers:
                raise LacksModel("lacks an adapter that it had")
            loras = [
                {"id": number, "scale": float(name == adapter)} for name, number in numbers.items()
            ]
            return request(met.model, prompt, most, loras=loras, among=among)

        return After(LORAS, with_loras)

    def _models(self) -> tuple[str, frozenset[str]]:
        """Which of its models the base is, and what it lists."""
        listed = self._asked(MODELS, "models")
        found = listed.get("data") if isinstance(listed, dict) else None
        listing = found if isinstance(found, list) else ()
        models = [one for one in listing if isinstance(one, dict)]
        names = [one.get("id") for one in models]
        if any(not isinstance(name, str) or len(name) > MOST_OF_NAME for name in names):
            raise RemoteNonsense("lists a model that has no name")
        roots = [one for one in models if not one.get("parent")]
        called = {self.base.id, *(self.base.published or ())[:1]}
        chosen = [one for one in roots if one["id"] in called] or roots
        if len(chosen) != 1:
            there = ", ".join(sorted(_shown(one["id"]) for one in roots)[:4])
            raise RemoteInputError(f"serves {there or 'no model'}, and not {self.base.id}")
        self._compare_shape(chosen[0])
        return chosen[0]["id"], frozenset(map(str, names))

    def _compare_shape(self, model: Mapping[str, Any]) -> None:
        """llama.cpp tells the size of a layer: a sibling with the same vocabulary differs in it.
        Both tell how many tokens they take at once."""
        told = model.get("meta")
        meta: Mapping[str, Any] = told if isinstance(told, dict) else {}
        wide, own = _size(meta, "n_embd"), _size(self.base.config, "hidden_size")
        if wide and own and wide != own:
            raise RemoteInputError(
                f"serves another model than {self.base.id}: layers {wide} wide, not {own}"
            )
        most, needed = _size(model, "max_model_len") or _size(meta, "n_ctx"), self._needed
        if most and most < needed:
            raise RemoteInputError(
                f"takes {most} tokens at once, and a prompt with its answer has {needed}: give it "
                f"{self.base.context_length} (vLLM: --max-model-len, llama.cpp: -c for each slot)"
            )

    @property
    def _needed(self) -> int:
        return Budget.of(self.base.context_length).total + MAX_NEW_TOKENS

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
            return _numbers(self._link.ask(LORAS))
        except LacksModel:
            return None

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


def _numbers(listed: Any) -> dict[str, int]:
    """llama.cpp's adapters, by name."""
    found = {}
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and isinstance(one.get("id"), int):
            found[_named_by(str(one.get("path", "")))] = one["id"]
    return found


def _size(about: Mapping[str, Any], name: str) -> int | None:
    """A number that says how large something is; None for what cannot be one."""
    told = about.get(name)
    return told if isinstance(told, int) and 0 < told < 1 << 31 else None


def _shown(name: str) -> str:
    """What may be shown of a name that a server gives itself."""
    return re.sub(r"[^\w./:@+-]", "?", name, flags=re.ASCII)[:80]
