"""Ignored paths and attributes of paths are those that git itself names."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from homespun_corpus.repo.attribute_rules import AttributeRules, Value
from homespun_corpus.repo.folder import FolderObjects
from homespun_corpus.repo.git_patterns import PathPattern
from homespun_corpus.repo.ignore_rules import IgnoreRules
from hypothesis import given, settings
from hypothesis import strategies as st

PATHS = (
    *("a", "b.py", "a.py", "x/a.py", "x/y/a.py", "x/y/z/b.txt", "foo/bar", "foobar/baz", "ab/c"),
    *("#a", "!a", "a b", "a ", "x/a ", "sp ace/f.py", "é.py", "x/[a].py", "a\\b", 'q"t.py', "-a"),
    *("dir/sub/a.gen.py", "lib/foo.o", "x/^a", "t\tb.py", "]x", "foo/x/bar"),
)
PIECES = (
    *("a", "b", "x", "y", "foo", "bar", ".py", "*", "**", "/", "?", "[ab]", "[!a]", "[^x]", "\t"),
    *("[[:alpha:]]", "[]x]", "[a", "\\", "\\*", "\\ ", " ", "#", "!", "/**", "**/", "é", "[-a]"),
    *("[\\]a]", "[z-a]", "[[:foo:]]", "[[:]", "-", "a**", "[/]", "\\/", "[a-z]", "[a-]"),
)
ATTRIBUTES = ("linguist-generated", "linguist-vendored")
SAID = (
    *("linguist-generated", "-linguist-generated", "!linguist-generated", "linguist-vendored"),
    *("m1", "m2", "-m1", "!m2", "m1=3", "binary", "text", "bad@", "-", "linguist-vendored=false"),
)
QUOTED = ("a b", "sp ace/*", 'q\\"t.py', "t\\tb.py", "\\303\\251.py", "a\\\\\\\\b", "x/a ", "\\x")
MACROS = ("m1", "m2", "-x", "binary", "[attr]m1")

patterns = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
ends = st.sampled_from(("\n", "\r\n"))
marks = st.sampled_from(("", "\ufeff"))


def repository(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for path in PATHS:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.name == "nt":
        pytest.skip("names of files that this system has not")
    return repository(tmp_path_factory.mktemp("team"))


def git(folder: Path, *arguments: str) -> list[str]:
    """What git says of all paths, without what this machine's own settings add."""
    options = ("-c", "core.excludesFile=/dev/null", "-c", "core.attributesFile=/dev/null")
    done = subprocess.run(
        ["git", "-C", str(folder), *options, *arguments, "-z", "--stdin"],
        input="\0".join(PATHS).encode(),
        env=os.environ | {"GIT_ATTR_NOSYSTEM": "1"},
        capture_output=True,
        check=False,
    )
    return done.stdout.decode().split("\0")[:-1]


@settings(deadline=None)
@given(st.lists(patterns, min_size=1, max_size=4), ends, marks)
def test_what_is_ignored(team: Path, lines: list[str], end: str, mark: str) -> None:
    written = (mark + end.join(lines)).encode()
    (team / ".gitignore").write_bytes(written)
    rules = IgnoreRules.of_file(written)
    assert {path for path in PATHS if rules.ignores(path)} == set(
        git(team, "check-ignore", "--no-index")
    )


@settings(deadline=None)
@given(patterns, patterns, marks)
def test_what_a_plain_folder_ignores(team: Path, above: str, below: str, mark: str) -> None:
    (team / ".gitignore").write_text(mark + above)
    (team / "x" / ".gitignore").write_text(mark + below)
    ignored = set(git(team, "check-ignore", "--no-index"))
    found = FolderObjects(team).files(None, lambda path: path in PATHS)
    (team / "x" / ".gitignore").unlink()
    assert {file.path for file in found} == set(PATHS) - ignored


@st.composite
def attribute_lines(draw: st.DrawFn) -> str:
    quoted = (patterns | st.sampled_from(QUOTED)).map(lambda text: f'"{text}"')
    macros = st.sampled_from(MACROS).map(lambda name: f"[attr]{name}")
    before, said = draw(st.sampled_from(("", " ", "\t"))), draw(st.lists(st.sampled_from(SAID)))
    return f"{before}{draw(patterns | quoted | macros)} {' '.join(said)}"


attribute_files = st.builds(
    lambda mark, end, lines: (mark + end.join(lines)).encode(),
    marks,
    ends,
    st.lists(attribute_lines(), min_size=1, max_size=4),
)


@settings(deadline=None)
@given(attribute_files, attribute_files)
def test_attributes(team: Path, above: bytes, below: bytes) -> None:
    (team / ".gitattributes").write_bytes(above)
    (team / "x" / ".gitattributes").write_bytes(below)
    words = iter(git(team, "check-attr", *ATTRIBUTES))
    said = {(path, name): value for path, name, value in zip(words, words, words, strict=True)}
    rules = AttributeRules([("", above), ("x/", below)], {name.encode() for name in ATTRIBUTES})
    assert said == {
        (path, name): spelt(rules.of(path), name) for path in PATHS for name in ATTRIBUTES
    }


def spelt(values: Mapping[bytes, Value], name: str) -> str:
    value = values.get(name.encode())
    if isinstance(value, bytes):
        return value.decode()
    return {True: "set", False: "unset", None: "unspecified"}[value]


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 200, "**/a" * 100, "*a/**/" * 60, "[a-z]*" * 80, "x" + "?*" * 200, "**" * 200],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    parsed = PathPattern.parse(pattern.encode())
    began = time.process_time()
    for path in (b"a" * 4000, b"a/" * 2000 + b"b", b"aa/" * 1000):
        parsed.matches(path)
    assert time.process_time() - began < 2


def test_a_long_chain_of_macros_is_followed_to_its_end() -> None:
    lines = [f"[attr]m{number} m{number + 1}" for number in range(5000)]
    written = "\n".join([*lines, "[attr]m5000 wanted", "*.py m0"]).encode()
    assert AttributeRules([("", written)], {b"wanted"}).of("x/a.py")[b"wanted"] is True
