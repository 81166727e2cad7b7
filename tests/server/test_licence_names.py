"""Which licence a header names, and that a file under an excluded one teaches and shows nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from homespun_corpus.errors import SettingsError
from homespun_corpus.filters.licence_names import is_excluded, licences
from homespun_corpus.filters.team_settings import read_team_settings
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax import lexical
from homespun_server.code_on_disk import code_of
from homespun_server.document_home import home_of
from scratch_repositories import add_commit, git, make_repository

GNU = """# This program is free software: you can redistribute it and/or modify it
# under the terms of the GNU {kind}General
# Public License as published by the Free Software Foundation, either
# version 3 of the License, or {later}.
"""


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("# SPDX-License-Identifier: MIT\n", ["MIT"]),
        ("// SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT\n", None),
        ("/* SPDX-License-Identifier: BSD-3-Clause */", ["BSD-3-Clause"]),
        (GNU.format(kind="", later="any later version"), ["GPL-3.0-or-later"]),
        (GNU.format(kind="Lesser ", later="not at all"), ["LGPL-3.0-only"]),
        (GNU.format(kind="Affero ", later="any later version"), ["AGPL-3.0-or-later"]),
        ('// Licensed under the Apache License, Version 2.0 (the "License");', ["Apache-2.0"]),
        ("# subject to the terms of the Mozilla Public License, v. 2.0.", ["MPL-2.0"]),
        ("# Licensed under the terms of the GNU General Public License.", ["GPL"]),
        ("# Copyright 2020 The Team. All rights reserved.", []),
    ],
)
def test_what_a_header_names(header: str, expected: list[str] | None) -> None:
    both = ["GPL-2.0-only", "Linux-syscall-note", "MIT"]
    assert list(licences(header)) == (both if expected is None else expected)


@pytest.mark.parametrize(
    ("pattern", "excluded"),
    [("GPL-3.0-or-later", True), ("gpl-*", True), ("*GPL*", True), ("GPL-2.0*", False)],
)
def test_ids_are_compared_whole_and_without_case(pattern: str, excluded: bool) -> None:
    source = (GNU.format(kind="", later="any later version") + "\nx = 1\n").encode()
    assert is_excluded(source, lexical.PYTHON, [pattern]) is excluded
    assert not is_excluded(b"x = 1\n" + source, lexical.PYTHON, [pattern]), "that is no header"


def test_a_file_under_an_excluded_licence_teaches_and_shows_nothing(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", commits=12)
    first = min((folder / "src").iterdir())
    path, text = f"src/{first.name}", first.read_text()
    first.write_text(f"# SPDX-License-Identifier: GPL-2.0-or-later\n{text}")
    (folder / "homespun.toml").write_text('exclude_licences = ["GPL-*", "AGPL-*"]\n')
    git(folder, "add", "-A", day=19)
    git(folder, "commit", "-qm", "Take it from elsewhere", day=19)
    for day in range(20, 28):
        add_commit(folder, random.Random(day), day, 8)
    repository = Repository.open(folder)
    excluded = read_team_settings(folder).exclude_licences
    assert excluded == ("GPL-*", "AGPL-*")
    mined = mine(repository, MineSettings(exclude_licences=excluded))
    verdicts = {entry.verdict for entry in mined.ledger if entry.path == path}
    assert verdicts == {"excluded-licence"}
    names = {line.split("(")[0] for line in text.splitlines() if line.startswith("def ")}
    rows = [*mined.samples("train"), *mined.samples("test")]
    assert rows and names
    for row in rows:
        shown = row.middle + row.place.prefix + row.place.suffix + str(row.place.related)
        assert not any(name in shown for name in names)
    allowed = mine(repository, MineSettings(exclude_licences=("MIT",)))
    assert allowed.manifest["counts"]["kept"] > mined.manifest["counts"]["kept"]
    root = home_of(folder / path, known=lambda _: False).root
    assert root is not None
    assert path not in dict(code_of(root)) and dict(code_of(root))


@pytest.mark.parametrize("value", ['"GPL"', "[1]", '["GPL v2"]', '["../x"]', '[""]'])
def test_what_is_no_list_of_ids_is_said(tmp_path: Path, value: str) -> None:
    (tmp_path / "homespun.toml").write_text(f"exclude_licences = {value}\n")
    with pytest.raises(SettingsError, match="exclude_licences must be a list of SPDX ids"):
        read_team_settings(tmp_path)
