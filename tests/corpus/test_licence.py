"""Licence headers are told from other comments, and no prompt of training shows one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from homespun_corpus.dedup.dedup import copy_reasons
from homespun_corpus.dedup.near_duplicates import shingles, sketches, tokens
from homespun_corpus.filters.licence import licence_header
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax import lexical
from homespun_corpus.syntax.functions import extract
from homespun_corpus.syntax.languages import by_name
from homespun_corpus.syntax.lexical import LexicalRules
from homespun_corpus.syntax.spans import Span
from scratch_repositories import git, make_repository

MIT = """Copyright (c) 2020 The Team

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software, to deal in it without restriction."""
HASHES = "".join(f"# {line}".rstrip() + "\n" for line in MIT.splitlines())
SLASHES = HASHES.replace("#", "//")
STARS = "/*\n" + "".join(f" * {line}\n" for line in MIT.splitlines()) + " */"


@pytest.mark.parametrize(
    ("header", "rest", "rules"),
    [
        (HASHES, "import os\n", lexical.PYTHON),
        ("#!/bin/python\n# -*- coding: utf-8 -*-\n" + HASHES, "\n# Of it.\n", lexical.PYTHON),
        ("\ufeff# vim: set sw=4:\n\n" + HASHES, "\nx = 1\n", lexical.PYTHON),
        (f'"""\n{MIT}\n"""', "\nx = 1\n", lexical.PYTHON),
        (SLASHES, "\npackage a\n", lexical.SCRIPT),
        ("//go:build linux\n\n" + SLASHES, "\n// Package a does it.\npackage a\n", lexical.SCRIPT),
        (STARS, "\nexport const a = 1;\n", lexical.SCRIPT),
        (STARS, " export const a = 1;\n", lexical.SCRIPT),
        ("#!/usr/bin/env node\n'use strict'\n", "", lexical.SCRIPT),
        ("", "# Adds things up.\nx = 1\n", lexical.PYTHON),
        ("", 'import os\n\nNOTICE = "Copyright (c) 2020"\n', lexical.PYTHON),
        ("", "x = 1\n" + HASHES, lexical.PYTHON),
        ("", "", lexical.SCRIPT),
    ],
)
def test_a_header_ends_where_the_licence_does(header: str, rest: str, rules: LexicalRules) -> None:
    found = licence_header((header + rest).encode(), rules)
    assert found == (Span(0, len(header.encode())) if "Copyright" in header else None)


def test_no_training_prompt_shows_a_licence_and_no_exam_is_changed(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", commits=1, functions=12)
    for day in range(1, 14):
        other = make_repository(tmp_path / f"t{day}", commits=1, functions=10, seed=day)
        [path] = (other / "src").iterdir()
        (folder / "src" / f"part_{day}.py").write_text(f"{HASHES}\n{path.read_text()}")
        git(folder, "add", "-A", day=day)
        git(folder, "commit", "-qm", "more", day=day)

    mined = mine(Repository.open(folder), MineSettings())

    def shown(part: str) -> list[str]:
        places = [(s.place, s.middle) for s in mined.samples(part)]
        return [p.prefix + m + p.suffix + "".join(r.text for r in p.related) for p, m in places]

    assert len(shown("train")) > 80
    assert [text for text in shown("train") if "hereby" in text] == []
    assert any("hereby" in text for text in shown("test"))


def test_a_licence_makes_no_two_functions_alike() -> None:
    one = f"function one(a, b) {{\n  {STARS}\n  return a.first(b) + b.second(a) - 17;\n}}\n"
    other = f"function two(c) {{\n  {STARS}\n  for (const d of c) send(d, c.length, true);\n}}\n"
    code = [
        tokens(source.encode()[function.span.start : function.span.end], lexical.SCRIPT)
        for source in (one, other)
        for function in extract(
            source.encode(), path="a.js", language=by_name("javascript"), blob_id="b"
        )
    ]
    assert list(copy_reasons(b"".join(sketches(code)), lambda i: shingles(code[i]))) == [None, None]


@pytest.mark.parametrize(
    ("header", "rules"),
    [
        ("# Author: Jo Doe\n", lexical.PYTHON),
        ("# Written by Jo Doe\n", lexical.PYTHON),
        ("# jo.doe@example.org\n", lexical.PYTHON),
        ('"""The shop.\n\nMaintainer: Jo\n"""', lexical.PYTHON),
        ("/**\n * The shop.\n * @author Jo Doe\n */", lexical.SCRIPT),
        ("// Created by Jo on 01.02.20.\n", lexical.SCRIPT),
        ("-- Authors: Jo, Al\n", lexical.LUA),
        ("; Authors: Jo, Al\n", lexical.UNKNOWN),
    ],
)
def test_whoever_wrote_it_is_no_part_of_a_prompt(header: str, rules: LexicalRules) -> None:
    rest = "\nwritten = by(author)\n"
    assert licence_header((header + rest).encode(), rules) == Span(0, len(header))
    assert licence_header(f"{header[:2]} The shop.\n{rest}".encode(), rules) is None


def test_no_author_and_no_address_is_in_any_training_prompt(tmp_path: Path) -> None:
    header = "# Author: Jo Doe <jo@example.org>\n\n"
    for number in range(12):
        other = make_repository(tmp_path / f"t{number}", commits=1, functions=10, seed=number)
        [path] = (other / "src").iterdir()
        (tmp_path / f"part_{number}.py").write_text(header + path.read_text())
        (tmp_path / f"part_{number}.ex").write_text(header + path.read_text())
        shutil.rmtree(other)

    mined = mine(Repository.open(tmp_path), MineSettings())

    rows = repr([sample.to_row() for sample in mined.samples("train")])
    assert "part_1.py" in rows
    assert "Jo Doe" not in rows and "example.org" not in rows
