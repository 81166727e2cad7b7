"""A server that answers badly, or not at all: one line, soon, and nothing believed."""

from __future__ import annotations

import json
import math
import os
import random
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import platformdirs
import psutil
import pytest
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.errors import Cancelled, RemoteError, RemoteInputError
from homespun_model.remote import link
from homespun_model.remote.address import KEY_VARIABLE, MOST_OF_KEY, RemoteAddress, checked
from homespun_model.remote.remote_completer import RemoteCompleter
from homespun_model.remote.remote_server import RemoteServer
from remote_servers import RemoteStandIn, event, json_of, own_certificate, remote_stand_in
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
        (MODELS, json_of({"data": 5})(), "serves no model"),
        (MODELS, json_of({"data": True})(), "serves no model"),
        (MODELS, json_of({"data": [{"id": 7}]})(), "no name"),
        (MODELS, json_of({"data": [{"id": "x" * (3 << 20)}]})(), "no name"),
        (
            MODELS,
            json_of({"data": [{"id": "a", "max_model_len": 300}]})(),
            "takes 300 tokens at once",
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


def one(token: float, logprob: float) -> dict[str, Any]:
    """A token as llama.cpp tells of it."""
    return {"content": [{"id": token, "logprob": logprob, "top_logprobs": []}]}


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
        (streamed(told({"text": "", "logprobs": None}) * 100), "without tokens"),
        (streamed(told({"text": "x", "logprobs": one(math.inf, -1.0)})), "not known here"),
        (streamed(told({"text": "x", "logprobs": one(7, -(10**400))})), "not known here"),
        (streamed(event(10**9)), "does not have"),
        (streamed(event(-1)), "does not have"),
        (streamed(event(7, float("nan"))), "not known here"),
        (streamed(event(7, 5.0)), "not known here"),
        (streamed(b"data: " + b"x" * (2 << 20)), "without an end"),
        (lambda: (429, {"Retry-After": "7"}, b""), "asked too much"),
        (lambda: (503, {}, b"loading"), "is not ready"),
        (lambda: (500, {}, b"def secret(): pass"), "status 500"),
        (lambda: (400, {}, b"def secret(): pass"), "refuses what it is asked"),
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
    assert [f"{stand_in.url} {failure}" for failure in failures] == [str(refused.value)]
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


@pytest.mark.parametrize(
    "name",
    ["a\n2026-11-30 ERROR run curl", "\x1b[2Jcleared", "a\u202eb", "<script>alert(1)</script>"],
)
def test_a_name_that_a_server_gives_itself_writes_no_line_of_its_own(base: Base, name: str) -> None:
    with (
        remote_stand_in(base, models=(name, "another")) as stand_in,
        pytest.raises(RemoteInputError, match="serves") as refused,
    ):
        met(stand_in)
    said = str(refused.value)
    assert said.isascii()
    assert said.isprintable()
    assert "<" not in said


def test_given_up_requests_leave_no_connection(base: Base) -> None:
    chance = random.Random(0)
    with remote_stand_in(base, pause=0.01) as stand_in:
        server = met(stand_in)
        body = server._body(None, base.prompts().ask(place()).ids, 8, ())
        for _ in range(400):
            stream = server._link.stream(body)
            time.sleep(chance.choice((0, 0.0005, 0.001, 0.002)))
            stream.close()
        ours, deadline = psutil.Process(), time.monotonic() + 20
        port = int(stand_in.url.rsplit(":", 1)[1])
        while [one for one in ours.net_connections() if one.raddr and one.raddr.port == port]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        server.meet()


def test_one_whose_engine_hangs_is_away_though_it_lists_its_models(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 0.2)
    monkeypatch.setattr(link, "MOST_PATIENCE", 1.5)
    with remote_stand_in(base) as stand_in:
        completer = RemoteCompleter(met(stand_in), None, lambda _: None)
        stand_in.hangs |= {COMPLETIONS}
        with pytest.raises(RemoteError, match="says nothing"):
            completer.complete(place())


def test_what_was_silent_once_and_came_back_is_not_away(
    base: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 0.2)
    monkeypatch.setattr(link, "LIVING", 0.2)
    with remote_stand_in(base) as stand_in:
        server = met(stand_in)
        completer = RemoteCompleter(server, None, lambda _: None)
        stand_in.hangs |= {COMPLETIONS, MODELS}
        until = time.monotonic() + 0.3
        with pytest.raises(Cancelled):
            completer.complete(place(), cancelled=lambda: time.monotonic() > until)
        stand_in.hangs.clear()
        time.sleep(0.5)
        server.meet()
        assert completer.complete(place()).text == "return width * height"


def test_an_adapter_that_cannot_be_loaded_is_one_that_is_not_there(base: Base) -> None:
    with remote_stand_in(base, broken=("team@1",)) as stand_in:
        assert not met(stand_in).has("team@1")


@pytest.mark.parametrize("listed", [(), ("team@1",)])
def test_an_adapter_that_is_failed_for_is_one_that_is_not_there(
    base: Base, listed: tuple[str, ...]
) -> None:
    with remote_stand_in(base, adapters=listed, failing={"team@1": 500}) as stand_in:
        server = met(stand_in)
        assert not server.has("team@1")
        stand_in.failing[stand_in.models[0]] = 500
        with pytest.raises(RemoteError, match="status 500"):
            server.has("team@1")


def test_who_is_known_to_be_away_is_not_asked_nor_waited_for(base: Base) -> None:
    failures: list[RemoteError] = []
    with remote_stand_in(base) as stand_in:
        server = met(stand_in)
        completer = RemoteCompleter(server, None, failures.append)
        stand_in.hangs |= {COMPLETIONS}
        threading.Timer(0.3, server.leave).start()
        begun = time.monotonic()
        with pytest.raises(RemoteError, match="is away"):
            completer.complete(place())
        assert time.monotonic() - begun < link.PATIENCE
        asked = len(stand_in.asked)
        with pytest.raises(RemoteError, match="is away"):
            completer.complete(place())
        assert len(stand_in.asked) == asked
        stand_in.hangs.clear()
        server.meet()
        assert completer.complete(place()).text == "return width * height"
    assert failures == []


def test_no_cookie_is_kept(base: Base) -> None:
    with remote_stand_in(base) as stand_in:
        listed = json.dumps(stand_in.listed()).encode()
        stand_in.instead[MODELS] = lambda: (200, {"Set-Cookie": f"a={'x' * 3000}"}, listed)
        server = met(stand_in)
        server.meet()
    assert not [headers for _, headers, _ in stand_in.asked if "Cookie" in headers]


def test_it_is_left_alone_no_longer_than_a_minute_though_it_asks_for_more(base: Base) -> None:
    with remote_stand_in(base) as stand_in:
        server = met(stand_in)
        stand_in.instead[MODELS] = lambda: (429, {"Retry-After": "9" * 400}, b"")
        with pytest.raises(RemoteError) as refused:
            server.meet()
    assert refused.value.after == 60


def test_a_key_stays_in_no_environment_that_others_inherit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "hush")
    assert RemoteAddress.of("https://gpu.example").key == "hush"
    assert KEY_VARIABLE not in os.environ


def test_a_certificate_of_ones_own_has_to_be_named(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with remote_stand_in(base, tls=context) as stand_in:
        assert stand_in.url.startswith("https://")
        with pytest.raises(RemoteInputError, match="certificate that this machine does not trust"):
            met(stand_in)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert said(stand_in) == "return width * height"


def test_who_waits_when_it_is_closed_is_told_so(base: Base) -> None:
    """A thread that waits for ever keeps its process from ending."""
    with remote_stand_in(base, hangs={MODELS}) as stand_in:
        one = RemoteServer(RemoteAddress(stand_in.url, None), base)
        with ThreadPoolExecutor(4) as threads:
            waiting = [threads.submit(one.meet) for _ in range(4)]
            while len(stand_in.asked) < 4:
                time.sleep(0.01)
            one.close()
            for each in waiting:
                assert isinstance(each.exception(timeout=60), RemoteError)
        with pytest.raises(RemoteError, match="nothing any more"):
            one.meet()
        one.close()  # again does no harm
