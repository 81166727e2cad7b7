"""One construct that a grammar does not know costs its own lines, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import make_repository
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import by_name
from homespun_corpus.syntax.parsing import ParseTimeout, parse, parse_pieces
from homespun_corpus.syntax.recovery import TRIED_BYTES, Piece, recovered, stretches
from tree_sitter import Tree

FUNCTIONS = 8
ODD = {
    "a guard": "fun area(shape: Shape): Double = when (shape) {\n"
    "    is Circle if shape.r > 0 -> shape.r * 2\n    else -> 1.0\n}\n",
    "a field": "class City {\n    val name: StateFlow<String>\n"
    '        field = MutableStateFlow("")\n\n    fun size(): Int {\n        return 1\n    }\n}\n',
    "a context": "class Saver {\n    context(logger: Logger)\n    fun save(user: User): Int {\n"
    "        logger.info(user.name)\n        return user.id * 2\n    }\n}\n",
    "a lambda": "val later = suspend { load(1) }\n",
    "types": "val add = { (a, b): Pair<Int, Int> -> a + b }\n",
    "a context above": "@Test\ncontext(logger: Logger)\nfun <T> save(user: T): Int {\n"
    "    return user.id * 2\n}\n",
}


def function(number: int) -> str:
    return (
        f"@Test\nfun total{number}(orders: List<Order>, limit: Int): Int {{\n    var total = 3\n"
        "    for (order in orders) {\n        total += order.rate * 2\n    }\n"
        f"    return total / {number + 1}\n}}\n\n"
    )


def kotlin(odd: str) -> bytes:
    functions = list(map(function, range(FUNCTIONS)))
    return "".join(["package shop\n\n", functions[0], odd, "\n", *functions[1:]]).encode()


def found(source: bytes, language: str) -> list[Function]:
    return extract(source, path="a", language=by_name(language), blob_id="")


def lost(functions: list[Function], source: bytes) -> bytes:
    return b"\n".join(source[f.span.start : f.span.end] for f in functions if f.broken)


@pytest.mark.parametrize("odd", ODD)
def test_the_declarations_around_it_are_read(odd: str) -> None:
    source = kotlin(ODD[odd])
    functions = found(source, "kotlin")
    whole = [f.name for f in functions if not f.broken and f.name.startswith("total")]
    assert whole == [f"total{number}" for number in range(FUNCTIONS)]
    assert b"total" not in lost(functions, source)


@pytest.mark.parametrize("odd", ["a guard", "a field", "a lambda", "types"])
def test_what_was_not_read_has_a_line_of_its_own(odd: str) -> None:
    source = kotlin(ODD[odd])
    left_out = [f for f in found(source, "kotlin") if f.broken]
    assert len(left_out) == 1
    assert lost(left_out, source) in ODD[odd].encode()
    assert ODD[odd].encode().startswith(lost(left_out, source)[:20])


def test_of_a_class_only_the_member_is_lost() -> None:
    functions = found(kotlin(ODD["a field"]), "kotlin")
    assert {f.name: f.broken for f in functions if "City" in f.qualified_name} == {
        "City": True,
        "size": False,
    }


def test_the_account_names_it(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "shop", {"Shop.kt": kotlin(ODD["types"]).decode()})
    mined = mine(Repository.open(root), MineSettings(0))
    verdicts = [(entry.function, entry.verdict) for entry in mined.ledger]
    assert ("line 12", "syntax-error") in verdicts


def test_a_file_that_makes_sense_is_parsed_once() -> None:
    source, language = kotlin(""), by_name("kotlin")
    tree = parse(language, source)

    def never(_: bytes) -> Tree:
        raise AssertionError

    assert recovered(source, tree, never) == Piece(tree)


def test_what_makes_no_sense_at_all_is_tried_for_so_long_only() -> None:
    language, parsed = by_name("kotlin"), list[int]()
    source = b"".join(b"fun (((%d\n  when ) {\n" % n for n in range(4000))

    def counted(text: bytes) -> Tree:
        parsed.append(len(text.split()))
        return parse(language, text)

    tree = parse(language, source)
    piece = recovered(source, tree, counted)
    assert sum(parsed) < TRIED_BYTES
    assert piece.lost or not stretches(tree, source)


def test_every_byte_is_where_it_was() -> None:
    source = kotlin(ODD["a guard"]).replace(b"\n", b"\r\n")
    (piece,) = parse_pieces(by_name("kotlin"), source)
    assert piece.tree.root_node.end_byte == len(source)
    names = [f.name for f in found(source, "kotlin") if not f.broken]
    assert names == [f"total{number}" for number in range(FUNCTIONS)]


CPP = """\
#include "doctest.h"

TEST_CASE("sums up", "[orders]") {
    auto total = sum_of({1, 2, 3}, 2);
    REQUIRE(total == 12);
    REQUIRE(sum_of({}, 1) == 0);
}

TEST_CASE_TEMPLATE("signed", T, char, short, int, long long int) {
    T var = T();
    --var;
    CHECK(var == -1);
}

TEMPLATE_TEST_CASE("vectors", "[v][t]", int, std::string, (std::tuple<int, float>)) {
    std::vector<TestType> v(5);
    REQUIRE(v.size() == 5);
}

namespace shop {
SCENARIO("a customer pays") {
    GIVEN("an order") {
        REQUIRE(order.total() == 5);
    }
}
}

CHECK_ALL("no test") {
    return;
}

int after(int a) {
    return a + 1;
}
"""


def test_tests_that_macros_make_are_functions() -> None:
    functions = found(CPP.encode(), "cpp")
    assert [(f.qualified_name, f.broken) for f in functions] == [
        ("sums up", False),
        ("signed", False),
        ("vectors", False),
        ("shop.a customer pays", False),
        ("after", False),
    ]
    text = CPP.encode()[functions[0].span.start : functions[0].span.end]
    assert text.startswith(b"TEST_CASE(") and text.endswith(b"== 0);\n}")
    assert functions[0].signature == 'TEST_CASE("sums up", "[orders]")'


SENSELESS = [b"fun (((\n", b"}{\n", b"val x = suspend { a }\n", b"@\n", b"  }\n"]


@pytest.mark.parametrize("line", SENSELESS)
def test_no_source_takes_for_ever(line: bytes) -> None:
    try:
        (piece,) = parse_pieces(by_name("kotlin"), line * (900_000 // len(line)))
    except ParseTimeout:
        return  # left out, with a line of its own
    assert piece.lost or not piece.tree.root_node.has_error
