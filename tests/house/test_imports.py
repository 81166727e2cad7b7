"""The direction of imports: corpus ◄ model ◄ finetune and corpus ◄ model ◄ server, nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_IMPORT = {
    "corpus": set[str](),
    "model": {"corpus"},
    "finetune": {"corpus", "model"},
    "server": {"corpus", "model"},
}
# Inside a room, a package imports only packages that stand before it; files at the root come last.
PACKAGES = {
    "corpus": ("repo", "syntax", "dedup", "filters", "reading", "retrieval", "mining"),
    "model": (
        "files",
        "usage",
        "catalogue",
        "gguf",
        "bases",
        "store",
        "engines",
        "sharing",
        "decoding",
        "stopping",
        "suggesting",
        "remote",
    ),
}
LOWEST = {"errors", "place"}  # files at a root that know nothing of its packages
# Only the server's two thin files know the protocol's library.
ONLY_IN = {"pygls": {"server": {"app", "protocol"}}}
HEAVY = {"torch", "transformers", "peft"}

rooms = pytest.mark.parametrize("room", MAY_IMPORT)


def sources(room: str) -> list[Path]:
    found = sorted((ROOT / room / f"homespun_{room}").rglob("*.py"))
    assert found
    return found


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function, types included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph() -> dict[str, set[str]]:
    """The modules of all rooms, each with those of ours that it imports."""
    files = {
        ".".join(path.relative_to(ROOT / room).with_suffix("").parts): path
        for room in MAY_IMPORT
        for path in sources(room)
    }
    return {
        name: {module for module in imported(path) if module in files}
        for name, path in files.items()
    }


def circle(edges: dict[str, set[str]]) -> list[str]:
    """A chain of imports that ends where it began; empty where there is none."""
    done: set[str] = set()

    def follow(chain: list[str]) -> list[str]:
        for module in sorted(edges[chain[-1]] - done):
            if module in chain:
                return [*chain[chain.index(module) :], module]
            if found := follow([*chain, module]):
                return found
        done.add(chain[-1])
        return []

    return next(filter(None, (follow([module]) for module in edges if module not in done)), [])


@rooms
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    allowed = {f"homespun_{name}" for name in {room, *MAY_IMPORT[room]}}
    wrong = [
        (path.name, module)
        for path in sources(room)
        for module in imported(path)
        if module.startswith("homespun_") and module.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_corpus_knows_no_tensors() -> None:
    used = {module.split(".")[0] for path in sources("corpus") for module in imported(path)}
    assert used.isdisjoint(HEAVY)


def test_no_circle_of_imports_is_left() -> None:
    assert circle(graph()) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]


@pytest.mark.parametrize("room", PACKAGES)
def test_a_package_imports_only_those_before_it(room: str) -> None:
    packages = PACKAGES[room]
    home = ROOT / room / f"homespun_{room}"
    assert {p.parent.name for p in home.glob("*/*.py")} == set(packages)
    wrong = []
    for path in sources(room):
        if path.parent == home:
            continue
        own = packages.index(path.relative_to(home).parts[0])
        allowed = {*packages[: own + 1], *LOWEST}
        wrong += [
            (path.name, module)
            for module in imported(path)
            if module.startswith(f"homespun_{room}.") and module.split(".")[1] not in allowed
        ]
    assert wrong == []


def test_few_files_stand_at_the_roots() -> None:
    """``__init__`` and ``py.typed`` counted: whoever opens a room sees packages."""
    for room, most in (("corpus", 4), ("model", 5)):
        home = ROOT / room / f"homespun_{room}"
        assert len([path for path in home.iterdir() if path.is_file()]) <= most


@rooms
def test_few_files_know_pygls(room: str) -> None:
    for library, where in ONLY_IN.items():
        users = {p.stem for p in sources(room) if library in {m.split(".")[0] for m in imported(p)}}
        assert users <= where.get(room, set())


def test_no_room_is_named_like_something_a_team_may_have() -> None:
    packages = [path.parent.name for path in ROOT.glob("*/*/__init__.py") if "." not in str(path)]
    assert [name for name in packages if not name.startswith("homespun_")] == []


def loaded_by(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules, sep='\\n')"],
        cwd=ROOT,
        env={"PYTHONPATH": ":".join(str(ROOT / room) for room in MAY_IMPORT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return {module.split(".")[0] for module in done.stdout.split()}


def test_importing_all_of_corpus_loads_no_tensors_and_no_other_room() -> None:
    modules = ", ".join(
        str(path.relative_to(ROOT / "corpus").with_suffix("")).replace("/", ".")
        for path in sources("corpus")
        if path.stem[0] != "_"
    )

    loaded = loaded_by(f"import {modules}")

    assert "homespun_corpus" in loaded
    assert loaded.isdisjoint({*HEAVY, "homespun_model", "homespun_finetune", "homespun_server"})


def test_cheap_parts_of_corpus_load_nothing_slow() -> None:
    loaded = loaded_by("import homespun_corpus.syntax.languages, homespun_corpus.repo.identity")
    assert loaded.isdisjoint({"datasets", "datasketch", "detect_secrets", "pandas", "scipy"})
