"""llama.cpp's own server, of its library's wheel, in a process that can be killed."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from homespun_model.bases.base import Base
from tiny_ggufs import write_gguf

PROGRAM = Path(__file__).parents[2] / "bench/llama_server.py"
STARTING = 60.0  # seconds

llama_cpp = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="llama.cpp is not installed")


class LlamaServer:
    """Serves from when it was made until it is stopped, or killed."""

    def __init__(
        self, file: Path, adapters: Sequence[Path] = (), *, slots: int = 2, port: int = 0
    ) -> None:
        command = [sys.executable, str(PROGRAM), str(file), "--threads", "1"]
        command += [*(part for one in adapters for part in ("--adapter", str(one)))]
        self.process = subprocess.Popen(
            [*command, "--slots", str(slots), "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        lines = (line for line in self.process.stdout if line.startswith("http"))
        self.url = next(lines).strip()

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def wait(self) -> LlamaServer:
        """Until it answers."""
        deadline = time.monotonic() + STARTING
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/v1/models", timeout=5):
                    return self
            except OSError:
                assert time.monotonic() < deadline, "llama.cpp's server does not start"
                time.sleep(0.1)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> LlamaServer:
        return self.wait()

    def __exit__(self, *_: object) -> None:
        self.kill()


def gguf_of(base: Base, file: Path) -> Path:
    """A tiny base's weights and tokenizer in a file for llama.cpp."""
    model, kind = base.load_model(), base.config["model_type"]
    width = getattr(model.config, "head_dim", None)
    fields = {f"{kind}.attention.{each}": width for each in ("key_length", "value_length")}
    shape = fields if kind == "qwen3" else None
    return write_gguf(file, model, tokenizer=base.files.tokenizer, fields=shape)
