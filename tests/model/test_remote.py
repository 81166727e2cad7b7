"""A server in place of an engine: llama.cpp's says token for token what the engine here does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.decoding.callbacks import always, anywhere
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.errors import Cancelled, RemoteError, RemoteInputError
from homespun_model.remote.address import RemoteAddress
from homespun_model.remote.names import adapter_name
from homespun_model.remote.remote_completer import RemoteCompleter
from homespun_model.remote.remote_server import RemoteServer
from homespun_model.sharing.export import export
from homespun_model.store.store import AdapterStore, Revision
from llama_servers import LlamaServer, gguf_of, llama_cpp
from random_adapters import random_adapter
from tiny_models import CODE, tiny_base

pytestmark = [llama_cpp, pytest.mark.slow]
TEAMS = ("example.org/team/app", "example.org/team/shop")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"), "qwen2.5-coder")))


@pytest.fixture(scope="module")
def revisions(base: Base, tmp_path_factory: pytest.TempPathFactory) -> list[Revision]:
    """One of each team."""
    store = AdapterStore(tmp_path_factory.mktemp("store"))
    made = []
    for seed, team in enumerate(TEAMS):
        adapter = random_adapter(base, tmp_path_factory.mktemp("adapter"), seed=seed)
        staged = store.stage(team)
        for name in ("adapter_model.safetensors", "adapter_config.json"):
            (adapter / name).rename(staged / name)
        about = {"base": base.record.to_json(), "prompt_version": base.prompt_versions[-1]}
        made.append(store.publish(team, staged, about))
    return made


@pytest.fixture(scope="module")
def llama(
    base: Base, revisions: list[Revision], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LlamaServer]:
    folder = tmp_path_factory.mktemp("served")
    adapters = [
        export(each, base, folder / adapter_name(each.repository, each.name), "gguf")
        for each in revisions
    ]
    with LlamaServer(gguf_of(base, folder / "base.gguf"), adapters) as server:
        yield server


@pytest.fixture
def server(base: Base, llama: LlamaServer) -> Iterator[RemoteServer]:
    server = RemoteServer(RemoteAddress.of(llama.url), base)
    server.meet()
    yield server
    server.close()


def never_failed(error: RemoteError) -> None:
    raise AssertionError(error)


def places() -> list[Place]:
    """Cursors in some code: at beginnings of lines, in words, behind brackets."""
    rng = random.Random(0)
    return [
        place_at(CODE, offset, path="app/shelf.py", language="python")
        for offset in sorted(rng.sample(range(40, len(CODE) - 20), 40))
    ]


@pytest.mark.parametrize("copying", [False, True])
@pytest.mark.parametrize("which", [None, 0, 1])
def test_a_server_says_what_the_engine_here_says(
    base: Base,
    server: RemoteServer,
    revisions: list[Revision],
    which: int | None,
    copying: bool,
) -> None:
    here, there = Completer.load(base), RemoteCompleter.plain(server, never_failed)
    if which is not None:
        here = Completer.load(base, revisions[which])
        found = RemoteCompleter.of(server, revisions[which], never_failed)
        assert found is not None
        there = found
    ngrams = NgramIndex()
    if copying:
        other = "def title(book):\n    if book.title == title:\n        return book\n    raise E\n"
        ngrams.update({"app/other.py": here.tokens(other)})
    compared, parted = 0, 0
    for place in places():
        prompt = here._prompts.ask(place)
        allowed = here._allowed(prompt.begun)
        mine, theirs = (
            each._decoding.generate(
                prompt.ids,
                context=prompt.context,
                max_new_tokens=12,
                stop_ids=here._stop_ids,
                keep_going=always,
                allowed=allowed,
                may_end=anywhere,
                ngrams=ngrams.without(place.path) if copying else None,
            )
            for each in (here, there)
        )
        length = _same(theirs.ids, mine.ids)
        parted += length < len(theirs.ids)
        for number in range(length):
            # Of the tokens that can go on with a word it tells the likeliest alone.
            if allowed(mine.ids[:number]) is None:
                assert theirs.logprobs[number] == pytest.approx(mine.logprobs[number], abs=0.1)
        compared += length
        if length == len(theirs.ids) < len(mine.ids):  # it does not tell of half a character
            assert theirs.stopped == "length"
    assert compared > 200
    assert parted <= len(places()) / 10  # of near ties, which random weights make, some fall so


def _same(some: Sequence[int], others: Sequence[int]) -> int:
    """How many both begin with."""
    return next(
        (i for i, (a, b) in enumerate(zip(some, others, strict=False)) if a != b), len(some)
    )


def test_a_word_of_which_the_likeliest_tokens_know_nothing_is_asked_for(
    base: Base, server: RemoteServer
) -> None:
    here, there = Completer.load(base), RemoteCompleter.plain(server, never_failed)
    for word in ("zq", "wid", "ValueE", "heig", "supe", "xx"):
        text = f"{CODE}\n    {word}"
        place = place_at(text, len(text), path="a.py", language="python")
        mine = here.complete(place, max_new_tokens=8)
        theirs = there.complete(place, max_new_tokens=8)
        assert theirs.text[:1] == mine.text[:1] != ""


def test_an_adapter_that_it_lacks_is_not_asked_for(
    server: RemoteServer, revisions: list[Revision]
) -> None:
    assert server.met is not None and server.met.loras is not None
    names = {adapter_name(each.repository, each.name) for each in revisions}
    assert set(server.met.loras) == names
    server.met = replace(server.met, loras={})
    assert RemoteCompleter.of(server, revisions[0], never_failed) is None


def test_another_vocabulary_is_refused(llama: LlamaServer, tmp_path: Path) -> None:
    other = load_base(str(tiny_base(tmp_path / "other")))
    with pytest.raises(RemoteInputError, match="cuts text into other tokens"):
        RemoteServer(RemoteAddress.of(llama.url), other).meet()


def test_what_nobody_waits_for_any_more_is_given_up(server: RemoteServer) -> None:
    completer = RemoteCompleter.plain(server, never_failed)
    asked = iter([False, False, True, True, True])
    with pytest.raises(Cancelled):
        completer.complete(places()[0], cancelled=lambda: next(asked, True))
    assert completer.complete(places()[0], max_new_tokens=4).stopped


def test_a_prompt_is_read_once(server: RemoteServer) -> None:
    completer = RemoteCompleter.plain(server, never_failed)
    begun = []
    ask = completer._decoding._ask  # type: ignore[attr-defined]
    completer._decoding._ask = lambda *what: begun.append(what) or ask(*what)  # type: ignore[attr-defined]
    place = places()[5]
    completer.warm(place, session="a")
    completer.warm(place, session="a")
    assert len(begun) == 1
    completer.forget("a")
    completer.warm(place, session="a")
    assert len(begun) == 2


def test_adapters_that_have_other_numbers_now_are_not_taken_for_each_other(
    base: Base, revisions: list[Revision], tmp_path: Path
) -> None:
    model = gguf_of(base, tmp_path / "base.gguf")
    files = [
        export(each, base, tmp_path / adapter_name(each.repository, each.name), "gguf")
        for each in revisions
    ]
    place = places()[3]
    with LlamaServer(model, files) as first:
        server = RemoteServer(RemoteAddress.of(first.url), base)
        server.meet()
        completer = RemoteCompleter.of(server, revisions[0], never_failed)
        assert completer is not None
        expected = completer.complete(place, max_new_tokens=8).text
    with LlamaServer(model, files[::-1], port=first.port):
        assert completer.complete(place, max_new_tokens=8).text == expected
