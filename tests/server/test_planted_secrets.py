"""Secrets planted all over a repository with a history: not one byte of them is in its dataset."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path

import pytest
from git_repositories import make_repository
from homespun_corpus.mining.dataset import Mined, MineSettings, mine
from homespun_corpus.mining.dataset_files import save
from homespun_corpus.repo.repository import Repository
from homespun_server.document_home import home_of
from homespun_server.repository_index import code_of
from planted_secrets import (
    Maker,
    Planted,
    drawn_tokens,
    functions_with,
    functions_with_passwords,
)
from scratch_repositories import NOUNS, module_text

COMMITS = 15
FILLERS = {
    ".js": "export function {f}({a}, {b}) {{\n  const {c} = {a}.map((x) => x.{b} + {n});\n"
    "  return {c}.filter((x) => x > {b}.{a});\n}}\n",
    ".ts": "export function {f}({a}: string[], {b}: number): number {{\n"
    "  let {c} = {n};\n  for (const x of {a}) {c} += x.length * {b};\n  return {c} - {n};\n}}\n",
    ".go": "func {f}({a} []int, {b} int) int {{\n\t{c} := {n}\n\tfor _, x := range {a} {{\n"
    "\t\t{c} += x * {b}\n\t}}\n\treturn {c} - {n}\n}}\n",
    ".rs": "pub fn {f}({a}: &[u32], {b}: u32) -> u32 {{\n    let mut {c} = {n};\n"
    "    for x in {a} {{\n        {c} += x * {b};\n    }}\n    {c} - {n}\n}}\n",
}


@pytest.fixture(scope="module")
def secrets() -> list[Planted]:
    return [*Maker(2024).planted(each=3), *drawn_tokens(2025)]


@pytest.fixture(scope="module")
def passwords() -> list[str]:
    return [password for _, _, password in functions_with_passwords(2026)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, secrets: list[Planted]) -> Path:
    rng = random.Random(5)
    commits: list[dict[str, str | bytes | None]] = []
    found = list(functions_with(secrets))
    for day in range(COMMITS):
        files = defaultdict(list)
        for ending, function in found[day::COMMITS]:
            files[ending] += [filler(rng, ending), function]
        files[".py"] += [filler(rng, ".py") for _ in range(9)]
        written = {f"src/part_{day}{ending}": "\n\n".join(f) for ending, f in files.items()}
        commits.append({path: _among(path, text, secrets[day]) for path, text in written.items()})
    for number, (ending, text, _) in enumerate(functions_with_passwords(2026)):
        commits[number % COMMITS][f"src/entry_{number}{ending}"] = text
    old = str(commits[0]["src/part_0.py"])
    leak = f'\n    password = "{secrets[-1].value}"\n    return '
    commits.append({"src/part_0.py": old.replace("\n    return ", leak)})  # old functions, edited
    return make_repository(tmp_path_factory.mktemp("planted") / "team", *commits)


def filler(rng: random.Random, ending: str) -> str:
    if ending == ".py":
        return module_text(rng, 1).split("\n\n\n", 1)[1]
    a, b, c = rng.sample(NOUNS, 3)
    name = f"count_{a}_{b}_{rng.randrange(999)}"
    return FILLERS[ending].format(f=name, a=a, b=b, c=c, n=rng.randrange(99))


def _among(path: str, text: str, secret: Planted) -> str:
    """A module with a secret outside of all functions, where windows may end."""
    value = secret.value.replace("\n", "\\n")
    names = {
        ".py": f'{secret.name.upper()} = "{value}"\n',
        ".js": f'const {secret.name} = "{value}";\n',
        ".ts": f'const {secret.name}: string = "{value}";\n',
        ".go": f'package team\n\nconst {secret.name} = "{value}"\n',
        ".rs": f'const {secret.name.upper()}: &str = "{value}";\n',
    }
    return f"{names[Path(path).suffix]}\n\n{text}\n"


@pytest.fixture(scope="module")
def mined(folder: Path) -> Mined:
    return mine(Repository.open(folder), MineSettings())


def test_no_byte_of_a_secret_is_in_the_dataset(
    mined: Mined, secrets: list[Planted], passwords: list[str], tmp_path: Path
) -> None:
    save(mined, tmp_path / "data")
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    written = b"\n".join(path.read_bytes() for path in files)
    assert b"def " in written and b"functions.jsonl" in written
    rows = "\n".join(repr(row) for part in mined.dataset.values() for row in part)
    assert len(secrets) >= 60 and len({secret.kind for secret in secrets}) >= 15
    assert [s for s in secrets for n in _halves(s) if n in rows or n.encode() in written] == []
    assert [p for p in passwords if p in rows or p.encode() in written] == []


def test_no_secret_is_in_related_code_or_copied_from(
    folder: Path, secrets: list[Planted], passwords: list[str]
) -> None:
    """What a server reads of a repository, for prompts and for n-grams."""
    root = home_of(folder / "src" / "part_0.py", known=lambda _: False).root
    assert root is not None
    read = "\n".join(text for _, text in code_of(root))
    assert "open_it(host" in read
    assert [s for s in secrets for n in _halves(s) if n in read] == []
    assert [p for p in passwords if p in read] == []


def _halves(secret: Planted) -> list[str]:
    """Every part that must not be seen, and each half of it: no window shows a piece either."""
    parts = (n for n in secret.needles)
    return [half for n in parts for half in (n[: len(n) // 2], n[len(n) // 2 :]) if len(half) > 5]


def test_every_function_with_a_secret_is_rejected_for_it(
    folder: Path, mined: Mined, secrets: list[Planted], passwords: list[str]
) -> None:
    repository = Repository.open(folder)
    needles = {needle for secret in secrets for needle in secret.needles} | set(passwords)
    verdicts = []
    for entry in mined.ledger:
        text = repository.read(entry.blob_id)[entry.start : entry.end].decode()
        if any(needle in text for needle in needles):
            verdicts.append((entry.part, entry.verdict, text))
    assert [text for _, verdict, text in verdicts if verdict != "secret"] == []
    assert len(verdicts) >= len(secrets)
    assert {part for part, _, _ in verdicts} == {"train", "validation", "test"}


def test_functions_beside_secrets_are_learnt(mined: Mined) -> None:
    endings = {Path(sample.path).suffix for sample in mined.samples("train")}
    assert endings >= {".py", ".js", ".ts", ".go", ".rs"}
    counts = mined.manifest["counts"]
    assert counts["kept"] > 60
    assert counts["rejected"]["secret"] > 30
