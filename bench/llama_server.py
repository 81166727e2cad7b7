"""llama.cpp's server beside this process, from its library's wheel: ``pip install xllamacpp``.

A process of its own, so that neither side's threads wait for the other's; token ids go in and out.
Run as a program it serves one file until its standard input ends, and prints where. Where there are
several adapters, none counts unless a request says so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

WAIT = 600.0  # seconds for one answer


class LlamaServer:
    """One that is running; greedy, and what it read for the last request it does not read again."""

    def __init__(self, address: str) -> None:
        self._address = address

    def tokens(self, prompt: Sequence[int], count: int) -> list[int]:
        """So many ids behind a prompt."""
        asked = {
            "prompt": list(prompt),
            "n_predict": count,
            "temperature": 0.0,
            "cache_prompt": True,
            "return_tokens": True,
            "ignore_eos": True,
        }
        request = urllib.request.Request(
            f"{self._address}/completion",
            json.dumps(asked).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            found: list[int] = json.load(answer)["tokens"]
        return found


@contextmanager
def running(file: Path, threads: int, adapter: Path | None) -> Iterator[LlamaServer]:
    """A server of the model in ``file``, GGUF, with an adapter in such a file or none."""
    command = [sys.executable, __file__, str(file), "--threads", str(threads)]
    command += ["--adapter", str(adapter)] if adapter else []
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield LlamaServer(next(line for line in process.stdout if line.startswith("http")).strip())
    finally:
        process.stdin.close()
        process.wait()


def main() -> None:
    import xllamacpp

    parser = argparse.ArgumentParser(description="llama.cpp's server")
    parser.add_argument("file", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--adapter", type=Path, action="append", default=[])
    parser.add_argument("--slots", type=int, default=1, help="requests at a time")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    params = xllamacpp.CommonParams()
    params.model.path = str(options.file)
    params.n_ctx, params.n_parallel = 4096 * options.slots, options.slots
    params.port, params.endpoint_metrics = options.port, True
    params.cache_ram_mib = 0  # what it keeps there it takes up for any adapter (LOG E-059)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options.threads
    adapters = []
    for file in options.adapter:
        adapter = xllamacpp.CommonAdapterLoraInfo()
        adapter.path, adapter.scale = str(file), 1.0
        adapters.append(adapter)
    params.lora_adapters, params.lora_init_without_apply = adapters, len(adapters) > 1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
