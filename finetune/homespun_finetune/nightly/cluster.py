"""A night on the machines of a Ray cluster: a task for each repository, wherever there is room.

A task whose machine dies is begun again on another, which goes on from the checkpoint at the
store's URL. Nodes have their own credentials: nothing of this machine's environment goes there.
Logs and reports come back. Knows no step of a run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import re
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homespun_corpus.errors import one_line
from homespun_model.bases.extras import RAY, lacking
from homespun_model.sharing.url import is_url

from homespun_finetune import interruption
from homespun_finetune.errors import FinetuneError, RunUsageError
from homespun_finetune.nightly import child, one_machine
from homespun_finetune.nightly.needs import Needs
from homespun_finetune.nightly.row import Row
from homespun_finetune.nightly.task import RepositoryTask

LOCAL = "local"
TRIES = 3  # of a task beyond its first, each on a machine that was still there
PATIENCE = 60.0  # seconds that a task waits for a machine that has what it needs
LOOK = 5.0  # seconds between two looks at the machines
LAST = child.GRACE + 20.0  # seconds for runs that are called off: some may be publishing
MOST_OF_FILE = 1 << 25  # bytes of a log's end, or of a report
LOOPBACK = "127.0.0.1"
_OBJECTS = 128 << 20  # bytes of shared memory for what tasks give back: rows and logs
_ADDRESS = re.compile(r"[\w.-]+:\d+|\[[\da-fA-F:]+\]:\d+")


@dataclass(frozen=True, slots=True)
class FromNode:
    """What a machine gives back. ``files``: by their name in the folder of logs."""

    row: Row
    files: Mapping[str, bytes]


def run(
    address: str,
    tasks: Sequence[RepositoryTask],
    logs: Path,
    say: one_machine.Say,
    program: str = one_machine.PROGRAM,
) -> Generator[Row]:
    """Each task's row as it ends. RunUsageError at once for what cannot work; KeyboardInterrupt
    after the rows of those that came to a result all the same."""
    _check(address, tasks)
    return _run(address, tasks, logs, say, program)


def _run(
    address: str, tasks: Sequence[RepositoryTask], logs: Path, say: one_machine.Say, program: str
) -> Generator[Row]:
    with _connected(address) as ray:
        flying = _Flying(ray, say, program)
        try:
            for task in tasks:
                if why := flying.send_off(task):
                    yield Row.failed(task, why)
            while flying.tasks:
                for task, back in flying.landed():
                    yield _kept(task, back, logs)
        except KeyboardInterrupt:
            for task, back in flying.call_off():
                yield _kept(task, back, logs)
            raise
        finally:
            flying.call_off()


def run_on_node(task: RepositoryTask, program: str) -> FromNode:
    """What a machine of the cluster does."""
    node = platform.node()
    try:
        with tempfile.TemporaryDirectory(prefix="homespun-") as folder:
            row = one_machine.run_one(task, Path(folder), lambda _: None, program)
            files = {path.name: _end_of(path) for path in Path(folder).iterdir()}
    except OSError as error:  # a full disk, before anything could begin
        row, files = Row.failed(task, str(error.strerror or error)), {}
    return FromNode(replace(row, node=node), files)


class _Flying:
    """The tasks that have not come back, by Ray's reference to each."""

    def __init__(self, ray: Any, say: one_machine.Say, program: str) -> None:
        self._ray, self._say, self._program = ray, say, program
        self.tasks: dict[Any, tuple[RepositoryTask, Needs]] = {}
        self._homeless: dict[Any, float] = {}

    def send_off(self, task: RepositoryTask) -> str | None:
        """To whichever machine has room first. Why that cannot be; None where it can."""
        try:
            needs = task.needs.within(self._nodes())
            remote = self._ray.remote(
                num_cpus=needs.cpus,
                num_gpus=needs.gpus,
                memory=needs.memory,
                max_retries=TRIES,
                scheduling_strategy="SPREAD",
            )(run_on_node)
            self.tasks[remote.remote(task, self._program)] = task, needs
        except Exception as error:  # Ray's own, of what it takes for a need
            return _reason(error)
        self._say(f"{task.name}: sent off to a machine with {needs}")
        return None

    def landed(self) -> Generator[tuple[RepositoryTask, FromNode | str]]:
        """Those that ended within a while, each with what came of it, or why nothing did."""
        interruption.check()
        done, _ = self._ray.wait([*self.tasks], timeout=LOOK)
        for ref in done:
            back = self._result(ref)
            yield self.tasks.pop(ref)[0], back
        for ref, why in self._stranded():
            yield self.tasks.pop(ref)[0], why

    def call_off(self) -> list[tuple[RepositoryTask, FromNode]]:
        """Have every run that still goes on end, and wait for it; those that came to a result."""
        if not self.tasks:
            return []
        interruption.ignore()  # a second Ctrl-C would leave some of them
        tasks, self.tasks = self.tasks, {}
        for ref in tasks:
            with contextlib.suppress(Exception):  # the cluster may be gone
                self._ray.cancel(ref)
        found = []
        with contextlib.suppress(Exception):
            done, _ = self._ray.wait([*tasks], num_returns=len(tasks), timeout=LAST)
            results = [(tasks[ref][0], self._result(ref)) for ref in done]
            found = [(task, back) for task, back in results if isinstance(back, FromNode)]
        return found

    def _result(self, ref: Any) -> FromNode | str:
        try:
            found = self._ray.get(ref)
        except Exception as error:  # Ray's own, and whatever a machine has instead of homespun
            return _reason(error)
        return found if isinstance(found, FromNode) else "its machine has another homespun"

    def _stranded(self) -> list[tuple[Any, str]]:
        """Those that no machine could ever take, once that is so for a while."""
        nodes, now = self._nodes(), time.monotonic()
        found = []
        for ref, (_, needs) in self.tasks.items():
            if any(needs.fit(node) for node in nodes):
                self._homeless.pop(ref, None)
            elif now - self._homeless.setdefault(ref, now) > PATIENCE:
                self._ray.cancel(ref)
                found.append((ref, f"no machine that is there has {needs}"))
        return found

    def _nodes(self) -> list[Mapping[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]


def _check(address: str, tasks: Sequence[RepositoryTask]) -> None:
    if line := lacking(RAY):
        raise RunUsageError(line)
    if address != LOCAL and not _ADDRESS.fullmatch(address):
        raise RunUsageError(f"--ray {address[:80]}: give host:port of a cluster's head, or {LOCAL}")
    for task in tasks:
        if task.store is None or not is_url(task.store):
            raise RunUsageError(
                "with --ray the store has to be a URL that every machine reaches, such as "
                "s3://bucket/folder, or file:// and a folder that all of them share"
            )


@contextlib.contextmanager
def _connected(address: str) -> Generator[Any]:
    """Ray, connected; a cluster that was started here is gone afterwards. FinetuneError."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nobody outside is told
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")
    os.environ.setdefault("RAY_task_oom_retries", str(TRIES))  # without it, for ever
    own: dict[str, Any] = {}
    if address == LOCAL:
        # It listens on loopback alone, as it does elsewhere than on Linux: whoever reaches Ray's
        # ports can run what they like, unless they are asked for a token.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        own = {"include_dashboard": False, "object_store_memory": _OBJECTS}
    import ray as untyped

    ray: Any = untyped
    try:
        # Its workers look for modules in the folder that it is started in, which may be anybody's.
        with contextlib.chdir(os.sep):
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    except Exception as error:  # Ray's, gRPC's and the system's own
        raise FinetuneError(
            f"no Ray cluster answers at {address}, or it asks for a token (RAY_AUTH_MODE): "
            f"{one_line(str(error))[:300]}"
        ) from error
    interruption.listen()  # Ray has put its own in their place
    try:
        if address == LOCAL and {n["NodeManagerAddress"] for n in ray.nodes()} != {LOOPBACK}:
            raise FinetuneError("Ray would listen to the network: start a cluster of your own")
        yield ray
    finally:
        ray.shutdown()


def _kept(task: RepositoryTask, back: FromNode | str, logs: Path) -> Row:
    """The row of what came back, once its files are here."""
    if isinstance(back, str):
        return Row.failed(task, back)
    try:
        for name in (task.log, task.report):
            if name in back.files:
                (logs / name).write_bytes(back.files[name])
    except OSError as error:  # what was decided stays decided
        return replace(back.row, why=f"{back.row.why} (its log is lost: {error.strerror})".strip())
    return back.row


def _end_of(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_OF_FILE))
        return file.read()


def _reason(error: Exception) -> str:
    """One line of an error that may be a page long: a traceback's last one says what it is."""
    name = type(error).__name__
    if name == "OutOfMemoryError":
        return "its machine ran out of memory: say what it needs, needs = { memory = … }"
    if name in ("NodeDiedError", "WorkerCrashedError", "LocalRayletDiedError"):
        return f"its machine died {TRIES + 1} times"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{name}: {one_line(lines[-1])[:300]}" if lines else name
