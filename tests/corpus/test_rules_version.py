"""The versions of the rules change with what could be read or kept out otherwise, and only then."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import homespun_corpus
import pytest
from homespun_corpus.reading.rules_version import (
    JUDGING,
    JUDGING_VERSION,
    judged_alike,
    rules_version,
)

ROOM = Path(homespun_corpus.__file__).parent
RECORDED = Path(__file__).parents[1] / "fixtures" / "judging_rules.txt"


def version_of(package: Path) -> str:
    """What a copy of the package says in a process of its own."""
    code = "from homespun_corpus.reading.rules_version import rules_version; print(rules_version())"
    environment = os.environ | {"PYTHONPATH": str(package.parent)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_a_change_of_any_module_or_query_changes_the_rules_version(tmp_path: Path) -> None:
    copy = tmp_path / "homespun_corpus"
    shutil.copytree(ROOM, copy)
    assert version_of(copy) == rules_version()
    (copy / "deeper" / "still").mkdir(parents=True)
    (copy / "deeper" / "still" / "new.py").touch()
    seen = {rules_version(), version_of(copy)}
    for name in ("filters/secrets.py", "syntax/queries/go.scm"):
        (copy / name).write_bytes((copy / name).read_bytes() + b"\n")
        seen.add(version_of(copy))
    assert len(seen) == 4


def plain(node: object) -> object:
    """A syntax tree as plain data, alike in every version of Python; without docstrings."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, [])}
    if isinstance(body := fields.get("body"), list):
        fields["body"] = [item for item in body if not is_docstring(item)]
    return [type(node).__name__, {name: plain(value) for name, value in fields.items()}]


def is_docstring(node: ast.AST) -> bool:
    """A text that stands alone: of a module, a class, a function, or below a constant or field."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def digest(source: str) -> str:
    return hashlib.sha256(repr(plain(ast.parse(source))).encode()).hexdigest()[:24]


def judging_rules() -> str:
    """The abstract syntax of all that judges, one line each."""
    lines = [f"{name} {digest((ROOM / f'{name}.py').read_text())}" for name in sorted(JUDGING)]
    return "\n".join([f"version {JUDGING_VERSION}", *lines, ""])


def test_the_judging_version_is_thought_of_when_a_rule_changes() -> None:
    """Edited comments and docstrings change nothing here; anything else asks one question."""
    if os.environ.get("RECORD_JUDGING_RULES"):
        RECORDED.write_text(judging_rules(), encoding="utf-8")
    assert judging_rules() == RECORDED.read_text(encoding="utf-8"), (
        "A module that says what is kept out was changed. If code is kept out now that was learnt "
        "before, raise JUDGING_VERSION: every refresh then begins from the base again. If not (a "
        "rename, another form of the same), leave it. Then record what you decided: "
        f"RECORD_JUDGING_RULES=1 pytest {Path(__file__).name}"
    )


def test_a_comment_changes_no_digest_and_a_condition_does() -> None:
    source = 'def f(a):\n    """Says."""\n    return a > 1\n'
    assert digest(source) == digest(source.replace("Says", "Said") + "# why\n")
    assert digest(source) != digest(source.replace(">", ">="))


def test_the_number_is_that_of_todays_rules() -> None:
    assert judged_alike(JUDGING_VERSION)


# The hash is what manifests said of the first version.
@pytest.mark.parametrize("recorded", [1, "9ed57b5b489563ca"])
def test_the_first_version_is_not_todays_rules(recorded: object) -> None:
    assert not judged_alike(recorded)


@pytest.mark.parametrize("recorded", [None, True, 2.0, "2", JUDGING_VERSION + 1, "9ed5", [], {}])
def test_anything_else_is_not(recorded: object) -> None:
    assert not judged_alike(recorded)
