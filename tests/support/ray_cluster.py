"""A Ray cluster of several machines, which are one: each with folders of its own, and killable."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

HURRY = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "12"}
COUNT = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
print(sum(node["Alive"] for node in ray.nodes()))
"""
WAIT = 60.0  # seconds


@dataclass
class Node:
    """A raylet with what it starts. ``home`` holds the folders of its user."""

    home: Path
    process: subprocess.Popen[bytes]

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def runs(self) -> list[psutil.Process]:
        """Those of ``finetune-repo``."""
        return [one for one in self.processes() if "homespun_finetune.nightly.leash" in _line(one)]

    def kill(self) -> None:
        """As a power failure does to Ray; what Ray started has to see to itself."""
        of_ray = [one for one in self.processes() if one not in self.runs()]
        for one in [psutil.Process(self.process.pid), *of_ray]:
            with _gone():
                one.kill()
        self.process.wait(WAIT)


@dataclass
class Cluster:
    """``address`` of its head, which has room for nobody's task; ``environment``: of its nodes."""

    folder: Path
    address: str
    environment: dict[str, str]
    nodes: list[Node] = field(default_factory=list)

    def start(self, *flags: str) -> Node:
        home = self.folder / f"node{len(self.nodes)}"
        folders = {f"XDG_{name}_HOME": str(home / name) for name in ("CACHE", "DATA", "CONFIG")}
        home.mkdir()
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *flags]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--object-store-memory", str(100 << 20), "--disable-usage-stats"],
                env=os.environ | HURRY | self.environment | folders,
                stdout=log,
                stderr=log,
            )
        self.nodes.append(Node(home, process))
        return self.nodes[-1]

    def join(self) -> Node:
        """One more machine, with a processor, once all know of it: of two that start at once on one
        machine some find no port."""
        before, end = self._alive(), time.monotonic() + WAIT
        node = self.start("--address", self.address, "--num-cpus", "1")
        while self._alive() == before:
            if node.process.poll() is not None or time.monotonic() > end:
                raise TimeoutError((node.home / "log").read_text())
        return node

    def _alive(self) -> int:
        """How many machines there are, the head among them."""
        done = subprocess.run(
            [sys.executable, "-c", COUNT, self.address],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout.split()[-1])


def asking_for_a_token(folder: Path) -> dict[str, str]:
    """An environment in which Ray asks for one, which lies in ``folder``."""
    file = folder / "token"
    file.write_text(secrets.token_hex(32), encoding="ascii")
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


@contextmanager
def ray_cluster(folder: Path, **environment: str) -> Iterator[Cluster]:
    """A head, until the end; whatever is left of it then is killed."""
    port = _free_port()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ray-") as short:  # sockets' names are
        cluster = Cluster(folder, f"127.0.0.1:{port}", environment)
        head = ("--head", "--port", str(port), "--num-cpus", "0", "--temp-dir", short)
        cluster.start(*head, "--include-dashboard", "false")
        _wait_for(port)
        try:
            yield cluster
        finally:
            for node in reversed(cluster.nodes):
                with _gone():
                    for one in [*node.processes(), psutil.Process(node.process.pid)]:
                        with _gone():
                            one.kill()
                node.process.wait(WAIT)


def _line(process: psutil.Process) -> str:
    with _gone():
        return " ".join(process.cmdline())
    return ""


def _gone() -> AbstractContextManager[None]:
    return suppress(psutil.NoSuchProcess)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(port: int) -> None:
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"no Ray at {port}")
