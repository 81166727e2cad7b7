"""A server that answers badly, or not at all: one line, soon, and nothing believed."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.errors import Cancelled, RemoteError, RemoteInputError
from homespun_model.remote import link
from homespun_model.remote.address import KEY_VARIABLE, MOST_OF_KEY, RemoteAddress, checked
from homespun_model.remote.remote_completer import RemoteCompleter
from homespun_model.remote.remote_server import RemoteServer
from remote_servers import RemoteStandIn, event, json_of, remote_stand_in
from tiny_models import tiny_base

MODELS, TOKENIZE, COMPLETIONS = "/v1/models", "/tokenize", "/v1/completions"
CODE = "def area(width, height):\n    "


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return load_base(str(tiny_base(tmp_path_factory.mktemp("base"))))


def place() -> Place:
    return place_at(CODE, len(CODE), path="shapes.py", language="python")


def met(stand_in: RemoteStandIn, key: str | None = None) -> RemoteServer:
    server = RemoteServer(RemoteAddress(stand_in.url, key), stand_in.base)
    server.meet()
    return server


def said(stand_in: RemoteStandIn) -> str:
    failures: list[RemoteError] = []
    return RemoteCompleter(met(stand_in), None, failures.append).complete(place()).text


def test_what_it_says_is_trimmed_and_shown_as_any_answer_is(base: Base) -> None:
    with remote_stand_in(base) as stand_in:
        found = RemoteCompleter(met(stand_in), None, lambda _: None).complete(place())
    assert (found.text, found.shown, found.stopped) == ("return width * height", True, "end")
    assert found.line_logprob == pytest.approx(-0.1 * len(base.tokenizer.encode(found.text)))
    _, _, asked = stand_in.asked[-1]
    assert asked["prompt"] == base.prompts().ask(place()).ids
    assert asked["temperature"] == 0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("gpu.example:8000", "takes the URL"),
        ("", "takes the URL"),
        ("ftp://gpu.example", "takes the URL"),
        ("https://", "takes the URL"),
        ("https://gpu example", "takes the URL"),
        ("https://gpu.example:port", "takes the URL"),
        ("https://user:secret@gpu.example", "carries a user"),
        ("https://token@gpu.example", "carries a user"),
        ("https://gpu.example/?key=secret", "carries a user"),
        ("https://gpu.example/#secret", "carries a user"),
        ("http://gpu.example:8000", "not encrypted"),
        ("http://127.0.0.1.evil.example", "not encrypted"),
    ],
)
def test_what_is_no_servers_url_is_refused_without_being_repeated(url: str, why: str) -> None:
    with pytest.raises(RemoteInputError, match=why) as refused:
        checked(url)
    assert "secret" not in str(refused.value)
    assert "token" not in str(refused.value)


def test_the_end_of_a_url_may_be_the_one_that_other_programs_take() -> None:
    for url in ("https://gpu.example:8000/team/v1/", "https://gpu.example:8000/team"):
        assert checked(url) == "https://gpu.example:8000/team"
    assert checked("http://[::1]:8000/v1") == "http://[::1]:8000"


def test_the_key_comes_from_the_environment_or_a_file_of_the_users_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base: Base
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    file = platformdirs.user_config_path("homespun", appauthor=False) / "remote-key"
    with remote_stand_in(base, key="hush") as stand_in:
        address = RemoteAddress.of(stand_in.url)
        with pytest.raises(RemoteInputError, match=f"wants a key in {KEY_VARIABLE}"):
            RemoteServer(address, base).meet()
        file.parent.mkdir(parents=True)
        file.write_text("hush\n")
        file.chmod(0o640)
        with pytest.raises(RemoteInputError, match="chmod 600"):
            RemoteAddress.of(stand_in.url)
        file.chmod(0o600)
        RemoteServer(RemoteAddress.of(stand_in.url), base).meet()
        monkeypatch.setenv(KEY_VARIABLE, "another")
        address = RemoteAddress.of(stand_in.url)
        assert "another" not in repr(address)
        with pytest.raises(RemoteInputError, match="refuses the key"):
            RemoteServer(address, base).meet()
    for bad in ("two words", "line\nline", "é", "x" * (MOST_OF_KEY + 1)):
        monkeypatch.setenv(KEY_VARIABLE, bad)
        with pytest.raises(RemoteInputError, match="holds no key"):
            RemoteAddress.of(stand_in.url)


HTML = (200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")


@pytest.mark.parametrize(
    ("path", "answer", "why"),
    [
        (MODELS, HTML, "no JSON"),
        (MODELS, (200, {}, b"[" * 100_000), "no JSON"),
        (MODELS, (302, {"Location": "https://elsewhere.example/"}, b""), "status 302"),
        (MODELS, (500, {}, b"secret words of a server"), "status 500"),
        (MODELS, (404, {}, b""), "neither vLLM nor llama.cpp"),
        (MODELS, json_of({"data": []})(), "serves no model"),
        (MODELS, json_of({"data": [{"id": "a"}, {"id": "b"}]})(), "serves a, b, and not"),
        (
            MODELS,
            json_of({"data": [{"id": "a", "meta": {"n_embd": 4096}}]})(),
            "layers 4096 wide, not 64",
        ),
        (TOKENIZE, HTML, "no JSON"),
        (TOKENIZE, (404, {}, b""), "neither vLLM nor llama.cpp"),
        (TOKENIZE, json_of({"tokens": [1, 2, 3]})(), "other tokens"),
        (TOKENIZE, json_of({"tokens": "none"})(), "no tokens of a text"),
    ],
)
def test_what_is_no_server_for_the_base_is_refused_in_a_line(
    base: Base, path: str, answer: Any, why: str
) -> None:
    with (
        remote_stand_in(base, instead={path: lambda: answer}) as stand_in,
        pytest.raises(RemoteError, match=why) as refused,
    ):
        met(stand_in)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def streamed(*lines: bytes) -> Any:
    return lambda: (200, {}, b"".join(lines))


DONE = b"data: [DONE]\n\n"
TOKEN = event(7)


def told(choice: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda: HTML, "breaks off"),
        (streamed(TOKEN), "breaks off"),
        (streamed(TOKEN[:-9]), "no JSON"),
        (streamed(DONE), "ends its answer before"),
        (streamed(b"data: {not json}\n\n", DONE), "no JSON"),
        (streamed(b"data: " + b"[" * 200_000 + b"\n\n"), "no JSON"),
        (streamed(b"data: []\n\n", DONE), "ends its answer with an error"),
        (streamed(b'data: {"error": {"message": "def secret(): pass"}}\n\n'), "with an error"),
        (streamed(b'data: {"choices": []}\n\n', DONE), "no completion"),
        (streamed(told({"text": "x", "logprobs": None})), "no probabilities"),
        (streamed(told({"text": "x", "logprobs": {"tokens": ["x"]}})), "not known here"),
        (streamed(told({"text": "x", "logprobs": {"content": [{"id": 1}]}})), "not known here"),
        (streamed(event(10**9)), "does not have"),
        (streamed(event(-1)), "does not have"),
        (streamed(event(7, float("nan"))), "not known here"),
        (streamed(event(7, 5.0)), "not known here"),
        (streamed(b"data: " + b"x" * (2 << 20)), "without an end"),
        (lambda: (429, {"Retry-After": "7"}, b""), "asked too much"),
        (lambda: (503, {}, b"loading"), "status 503"),
        (lambda: (404, {}, b""), "has nothing there"),
    ],
)
def test_what_is_no_answer_is_none_and_is_told_in_a_line(base: Base, answer: Any, why: str) -> None:
    failures: list[RemoteError] = []
    with remote_stand_in(base) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, failures.append)
        stand_in.instead[COMPLETIONS] = answer
        with pytest.raises(RemoteError, match=why) as refused:
            completer.complete(place())
    assert failures == [refused.value]
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)
    assert refused.value.after == (7.0 if "429" in str(answer) or "too much" in why else 0.0)


def test_half_an_answer_is_none(base: Base) -> None:
    with remote_stand_in(base, breaks_after=2) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
        with pytest.raises(RemoteError, match="breaks off"):
            completer.complete(place())


def test_a_server_that_is_not_there_is_known_to_be_at_once(base: Base) -> None:
    with remote_stand_in(base) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
    begun = time.monotonic()
    with pytest.raises(RemoteError, match="cannot be reached"):
        completer.complete(place())
    assert time.monotonic() - begun < 5


def test_one_that_hangs_is_found_out_though_nobody_waits_for_long(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 0.5)
    monkeypatch.setattr(link, "LIVING", 0.3)
    with remote_stand_in(base) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
        stand_in.hangs |= {COMPLETIONS, MODELS}
        with pytest.raises(RemoteError, match="says nothing"):
            for _ in range(100):  # somebody types
                until = time.monotonic() + 0.1
                with pytest.raises(Cancelled):
                    completer.complete(place(), cancelled=lambda: time.monotonic() > until)  # noqa: B023


def test_one_that_is_only_slow_is_waited_for(base: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PATIENCE", 0.2)
    with remote_stand_in(base, text="x", pause=1.0) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
        assert completer.complete(place(), max_new_tokens=1).text == "x"


def test_what_is_cancelled_is_not_said_to_its_end(base: Base) -> None:
    with remote_stand_in(base, text=f"x = {[*range(300)]}", pause=0.02) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
        stop = threading.Event()
        threading.Timer(0.3, stop.set).start()
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            completer.complete(place(), cancelled=stop.is_set)
        assert time.monotonic() - begun < 2
        deadline = time.monotonic() + 10
        while not stand_in.gone:
            assert time.monotonic() < deadline, "it went on talking"
            time.sleep(0.05)
    assert stand_in.gone[0] < 100


def test_no_proxy_and_no_netrc_of_the_environment_is_used(
    base: Base, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with remote_stand_in(base) as stand_in:
        assert said(stand_in)
    assert not [headers for _, headers, _ in stand_in.asked if "Authorization" in headers]


def test_an_adapter_is_asked_for_by_its_name(base: Base) -> None:
    with remote_stand_in(base, adapters=("team@1",)) as stand_in:
        server = met(stand_in)
        assert server.has("team@1")
        assert not server.has("team@2")
        RemoteCompleter(server, "team@1", lambda _: None).complete(place())
    assert stand_in.asked[-1][2]["model"] == "team@1"


def test_a_base_without_weights_is_enough(base: Base, tmp_path: Path) -> None:
    folder = Path(base.id)
    for name in ("config.json", "tokenizer.json", "fim_format.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    light = load_base(str(tmp_path), weightless=True)
    with remote_stand_in(light) as stand_in:
        assert said(stand_in) == "return width * height"
    assert light.parameters > 0
    with pytest.raises(Exception, match="holds no weights"):
        light.load_model()
    with pytest.raises(Exception, match="holds no weights"):
        load_base(str(tmp_path))
