"""The completer: what was learnt comes back, adapters are merged or refused, scores add up."""

from __future__ import annotations

import json
import math
import random
import shutil
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.decoding.draft import MAX_DRAFT
from homespun_model.decoding.ngram_index import NgramIndex
from homespun_model.decoding.shown_from import ShownFrom
from homespun_model.engines.transformers_engine import engine_for
from homespun_model.errors import Cancelled, StoreError
from homespun_model.store.store import AdapterStore, Revision
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_models import CODE, CONFIGS, tiny_base
from torch.nn.functional import cross_entropy

BEFORE = "class Shelf:\n    def find(self, title):\n        "
MIDDLE = "for book in self.books:\n            if book.title == title:\n                return book"
AFTER = "\n        return None\n"
PLACE = Place("shelf.py", "python", BEFORE, AFTER)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


@pytest.fixture(scope="module")
def plain(base: Base) -> Completer:
    return Completer.load(base)


@pytest.fixture(scope="module")
def learnt(base: Base) -> Completer:
    """A completer of a model that knows one middle by heart."""
    return by_heart(base, MIDDLE)


def teach(base: Base, model: Any, middle: str, steps: int, place: Place = PLACE) -> Any:
    """Train what can be trained on one middle and its end, until it is known."""
    prompt, wanted = base.prompts().build(place), base.prompts().encode_middle(middle)
    ids = torch.tensor([[*prompt, *wanted, base.fim.end]])
    labels = ids.clone()
    labels[:, : len(prompt)] = -100
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(steps):
        loss = model(input_ids=ids, labels=labels).loss
        if loss < 0.01:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def by_heart(base: Base, middle: str, place: Place = PLACE) -> Completer:
    model = base.load_model()
    model.requires_grad_(True)
    return Completer.from_model(base, teach(base, model, middle, 300, place), "by-heart")


def test_what_was_learnt_comes_back(learnt: Completer, base: Base) -> None:
    found = learnt.complete(PLACE)
    assert found.text == MIDDLE
    assert (found.stopped, found.shown, found.replace) == ("end", True, 0)
    assert (found.revision, found.base) == ("by-heart", base.id)
    assert -0.2 < found.mean_logprob < 0
    assert set(found.milliseconds) == {"prompt", "decode", "trim", "total"}


def test_a_document_with_crlf_gets_crlf(learnt: Completer) -> None:
    windows = Place("shelf.py", "python", BEFORE.replace("\n", "\r\n"), AFTER.replace("\n", "\r\n"))
    found = learnt.complete(windows)
    assert found.text == MIDDLE.replace("\n", "\r\n")
    mixed = replace(PLACE, suffix=AFTER + "pass\r\n")
    assert "\r" not in learnt.complete(mixed).text
    assert learnt.score(windows, MIDDLE.replace("\n", "\r\n")) == learnt.score(PLACE, MIDDLE)


def test_a_session_changes_no_suggestion(learnt: Completer) -> None:
    text = CODE + BEFORE
    for typed in range(0, 40, 6):
        place = replace(PLACE, prefix=text + MIDDLE[:typed])
        with_session = learnt.complete(place, session="a", max_new_tokens=24)
        assert _same(with_session, learnt.complete(place, max_new_tokens=24))
    learnt.forget("a")


def test_cancelling_reaches_the_caller(learnt: Completer) -> None:
    with pytest.raises(Cancelled):
        learnt.complete(PLACE, cancelled=lambda: True)


def test_shorter_suggestions_can_be_asked_for(learnt: Completer) -> None:
    found = learnt.complete(PLACE, max_new_tokens=3)
    assert found.stopped == "length"
    assert 0 < len(found.text) < len(MIDDLE) and MIDDLE.startswith(found.text)


def test_confidence_is_that_of_the_text_shown(base: Base) -> None:
    """A model that goes on into the suffix is cut; what it wrote there says nothing."""
    runs_on = by_heart(base, MIDDLE + "\n        return None\n\n\nx = 1\n")
    found = runs_on.complete(PLACE)
    assert (found.text, found.stopped) == (MIDDLE, "block")
    tokens = base.tokenizer.encode(MIDDLE)
    score = runs_on.score(PLACE, MIDDLE)
    assert found.mean_logprob == pytest.approx(-score.nats / len(tokens), abs=0.01)


def test_an_unsure_or_empty_suggestion_is_not_shown(plain: Completer) -> None:
    for place in places(20):
        found = plain.complete(place)
        assert not (found.shown and not found.text.strip())
        assert not (found.shown and found.mean_logprob < -2)
        if not found.text:
            assert found.mean_logprob == 0


@pytest.mark.parametrize("name", list(CONFIGS))
def test_no_sentinel_and_no_half_character_is_shown(name: str, tmp_path: Path) -> None:
    base = load_base(str(tiny_base(tmp_path / "base", name)))
    completer = Completer.load(base)
    for place in places(10):
        text = completer.complete(place).text
        assert not any(token in text for token in base.format.sentinels())
        assert "\ufffd" not in text


def test_a_score_is_the_models(base: Base, learnt: Completer, plain: Completer) -> None:
    prompts = base.prompts()
    prompt, middle = prompts.build(PLACE), prompts.encode_middle(MIDDLE)
    with torch.inference_mode():
        logits = base.load_model()(torch.tensor([[*prompt, *middle]])).logits[0]
    rows = logits[len(prompt) - 1 : -1].log_softmax(-1)
    nats = -sum(float(row[number]) for row, number in zip(rows, middle, strict=True))
    score = plain.score(PLACE, MIDDLE)
    assert score.nats == pytest.approx(nats, rel=1e-4)
    assert (score.bytes, score.tokens) == (len(MIDDLE.encode()), len(middle))
    assert learnt.score(PLACE, MIDDLE).nats < 2 < score.nats
    assert plain.score(PLACE, "é").bytes == 2
    assert plain.score(PLACE, "").nats == 0


def test_scoring_many_is_scoring_each(plain: Completer) -> None:
    pairs = [(place, MIDDLE[: 5 * i]) for i, place in enumerate(places(12))]
    together = plain.score_many(pairs)
    for (place, middle), score in zip(pairs, together, strict=True):
        assert score.nats == pytest.approx(plain.score(place, middle).nats, abs=1e-3)


@pytest.mark.parametrize("name", ["starter", "qwen2.5-coder"])
def test_a_place_read_once_is_scored_and_completed_as_read_anew(name: str, tmp_path: Path) -> None:
    """With a word begun, with copies, with the answer for a guess, and one place after another."""
    base = load_base(str(tiny_base(tmp_path / "base", name)))
    completer, index = Completer.load(base), NgramIndex()
    index.update({"other.py": base.tokenizer.encode(CODE[:200])})
    for number, place in enumerate(places(12)):
        middle = MIDDLE[: 5 * number]
        anew = completer.score_many([(place, middle)], ngrams=index)[0]
        score = completer.score(place, middle, session="exam", ngrams=index)
        assert score.nats == pytest.approx(anew.nats, abs=1e-4)
        assert (score.bytes, score.tokens) == (anew.bytes, anew.tokens)
        found = completer.complete(place, session="exam", ngrams=index, guess=middle)
        assert _same(found, completer.complete(place, ngrams=index))


def test_where_a_line_of_code_begins_whole_lines_are_suggested(base: Base) -> None:
    """As if an empty line had been opened there; nothing else changes."""
    before, after = "class Shelf:\n    def __len__(self):\n", "        return size\n"
    opened = replace(PLACE, prefix=before, suffix=f"\n{after}")
    completer = by_heart(base, "        size = 1", opened)
    assert completer.complete(opened).text == "        size = 1"
    found = completer.complete(replace(opened, suffix=after))
    assert (found.text, found.shown) == ("        size = 1\n", True)
    dos = replace(opened, prefix=before.replace("\n", "\r\n"), suffix=after.replace("\n", "\r\n"))
    assert completer.complete(dos).text == "        size = 1\r\n"
    completer.warm(replace(opened, suffix=after), session="a")
    assert completer._decoder._sessions["a"].ids == base.prompts().ask(opened).ids


def test_what_is_settled_ends_there_and_says_so(learnt: Completer) -> None:
    seen: list[tuple[str, float]] = []

    def settled(text: str, logprob: float) -> bool:
        seen.append((text, logprob))
        return len(text) >= 10

    found = learnt.complete(PLACE, settled=settled)
    assert MIDDLE.startswith(found.text) and len(found.text) < len(MIDDLE) / 2
    assert found.stopped == "settled"
    assert [len(text) >= 10 for text, _ in seen] == [False] * (len(seen) - 1) + [True]
    assert all(MIDDLE.startswith(text) and logprob < 0 for text, logprob in seen)
    assert learnt.complete(PLACE, settled=lambda text, _: len(text) > 500).stopped == "end"


def test_the_right_guess_is_completed_in_the_fewest_passes(
    learnt: Completer, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths: list[int] = []
    feed = learnt._decoder._feed

    def counted(state: Any, ids: Any, keep: int, cancelled: Any) -> Any:
        lengths.append(keep)
        return feed(state, ids, keep, cancelled)

    monkeypatch.setattr(learnt._decoder, "_feed", counted)
    assert learnt.complete(PLACE, guess=MIDDLE).text == MIDDLE
    assert lengths[0] == MAX_DRAFT + 1  # of which the last logits say what comes next
    assert len(lengths) == 2


# Adapters


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> AdapterStore:
    return AdapterStore(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def adapter(base: Base, store: AdapterStore) -> Revision:
    """An adapter that has seen the middle, trained with peft and published."""
    torch.manual_seed(0)
    config = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(base.load_model(), config)
    return publish(base, store, teach(base, model, MIDDLE, 60))


def publish(base: Base, store: AdapterStore, model: Any, **manifest: Any) -> Revision:
    staged = store.stage("team/project")
    model.save_pretrained(str(staged))
    about = {
        "base": base.record.to_json(),
        "prompt_version": base.prompt_versions[-1],
    }
    return store.publish("team/project", staged, about | manifest)


def test_an_adapter_is_merged_into_a_copy(base: Base, plain: Completer, adapter: Revision) -> None:
    before = plain.score(PLACE, MIDDLE)
    served = Completer.load(base, adapter)
    assert served.complete(PLACE).revision == adapter.name
    assert served.score(PLACE, MIDDLE).nats < before.nats / 2
    assert plain.score(PLACE, MIDDLE) == before
    assert Completer.load(base).score(PLACE, MIDDLE).nats == pytest.approx(before.nats)


def test_no_network_is_needed(
    base: Base, adapter: Revision, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    again = load_base(str(base.files.path))
    Completer.load(again, adapter).complete(PLACE)


def test_merged_weights_answer_as_the_adapter_does(base: Base, adapter: Revision) -> None:
    unmerged = PeftModel.from_pretrained(base.load_model(), str(adapter.path))
    without = Completer.from_model(base, unmerged.eval(), None)
    served = Completer.load(base, adapter)
    for place in places(6):
        assert served.score(place, MIDDLE).nats == pytest.approx(
            without.score(place, MIDDLE).nats, rel=1e-3
        )


def test_a_foreign_base_is_refused(adapter: Revision, tmp_path: Path) -> None:
    other = load_base(str(tiny_base(tmp_path / "other", seed=7)))
    with pytest.raises(StoreError, match="trained on another base"):
        Completer.load(other, adapter)


def edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda p: (p / "adapter_model.safetensors").write_bytes(b"x"), "not what was published"),
        (lambda p: (p / "adapter_model.bin").write_bytes(b"x"), "does not belong"),
        (lambda p: edit(p / "adapter_config.json", r=4), "not what was published"),
        (lambda p: edit(p / "manifest.json", prompt_version=99), "v99"),
        (lambda p: edit(p / "manifest.json", base=None), "another base"),
        (lambda p: edit(p / "manifest.json", base="x", files=[]), "no hash"),
    ],
)
def test_a_damaged_revision_is_refused(
    base: Base, adapter: Revision, tmp_path: Path, damage: Any, said: str
) -> None:
    store = AdapterStore(tmp_path)
    folder = tmp_path / "team" / "project" / "revisions" / adapter.name
    shutil.copytree(adapter.path, folder)
    damage(folder)
    with pytest.raises(StoreError, match=said) as refusal:
        Completer.load(base, store.open("team/project", adapter.name))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"peft_type": "IA3"},
        {"auto_mapping": {"base_model_class": "X"}},
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 3}},
        {"init_lora_weights": "pissa"},
    ],
)
def test_only_plain_lora_is_loaded(
    base: Base, store: AdapterStore, adapter: Revision, change: dict[str, Any]
) -> None:
    staged = store.stage("team/odd")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (staged / name).write_bytes((adapter.path / name).read_bytes())
    edit(staged / "adapter_config.json", **change)
    about = {key: adapter.manifest[key] for key in ("base", "prompt_version")}
    odd = store.publish("team/odd", staged, about)
    with pytest.raises(StoreError, match="LoRA"):
        Completer.load(base, odd)


def test_an_adapter_of_another_shape_is_one_line(
    base: Base, store: AdapterStore, adapter: Revision
) -> None:
    staged = store.stage("team/odd")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (staged / name).write_bytes((adapter.path / name).read_bytes())
    edit(staged / "adapter_config.json", r=4)
    about = {key: adapter.manifest[key] for key in ("base", "prompt_version")}
    odd = store.publish("team/odd", staged, about)
    with pytest.raises(StoreError, match="does not load") as refusal:
        Completer.load(base, odd)
    assert "\n" not in str(refusal.value)


def places(count: int) -> list[Place]:
    rng = random.Random(0)
    cursors = [rng.randrange(len(CODE)) for _ in range(count)]
    return [place_at(CODE, cursor, path="code.py", language="python") for cursor in cursors]


def _same(a: Any, b: Any) -> bool:
    return bool((a.text, a.stopped, a.shown) == (b.text, b.stopped, b.shown))


def torn(base: Base) -> Any:
    """A model that ends at once in three cases of five, and in two says the middle."""
    model = base.load_model().requires_grad_(True)
    prompt, wanted = base.prompts().hole(PLACE, MIDDLE)
    said = torch.tensor([[*prompt.ids, *wanted, base.fim.end]])
    ended = torch.tensor([[*prompt.ids, base.fim.end]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = torch.zeros(())
        for ids, weight in ((said, 2.0), (ended, 3.0)):
            logits = model(input_ids=ids).logits[0, len(prompt.ids) - 1 : -1]
            loss = loss + weight * cross_entropy(logits, ids[0, len(prompt.ids) :], reduction="sum")
        loss.backward()
        optimizer.step()
    return model


def test_an_end_before_any_text_is_passed_over_where_a_line_is_likely(base: Base) -> None:
    """What comes in its place is as likely as it is, and has to be as likely as what is shown."""
    engine = engine_for(torn(base).eval())
    found = Completer(base, engine, None, shown_from=ShownFrom(0.2)).complete(PLACE)
    assert (found.text, found.stopped, found.shown) == (MIDDLE, "end", True)
    assert found.line_logprob == pytest.approx(math.log(0.4), abs=0.3)
    unlikely = Completer(base, engine, None, shown_from=ShownFrom(0.7)).complete(PLACE)
    assert (unlikely.text, unlikely.stopped, unlikely.shown) == ("", "end", False)


def test_what_is_too_unlikely_to_be_shown_is_not_finished(base: Base, learnt: Completer) -> None:
    """What is shown is the same, whole or not."""
    assert replace(learnt.complete(PLACE, whole=False), milliseconds={}) == replace(
        learnt.complete(PLACE), milliseconds={}
    )
    doubtful = Completer(base, learnt._engine, None, shown_from=ShownFrom(0.5))
    for place in places(8):
        whole, part = doubtful.complete(place), doubtful.complete(place, whole=False)
        assert part.shown == whole.shown
        assert len(part.text) <= len(whole.text) if not part.shown else part.text == whole.text
