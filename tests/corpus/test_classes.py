"""A class is learnt where nothing in it is: never twice, never not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import commit
from homespun_corpus.mining.dataset import MineSettings, mine
from homespun_corpus.repo.repository import Repository
from homespun_corpus.syntax.functions import Function, extract
from homespun_corpus.syntax.languages import LANGUAGES, Language, by_name
from scratch_repositories import make_repository

FIXTURES = Path(__file__).parents[1] / "fixtures" / "languages"
BASKET = '''
# Left to the shop.
@dataclass
class Basket(Base):
    """Holds things."""

    limit: int = 3

    # Says how many.
    @property
    def size(self):
        return len(self.things)

    colour = "red"

    class Inner:
        deep = 1

    async def empty(self):
        self.things.clear()
'''


def definitions(source: str, language: str = "python") -> dict[str, Function]:
    found = extract(source.encode(), path="f", language=by_name(language), blob_id="b")
    return {function.qualified_name: function for function in found}


def test_a_class_is_its_head_and_what_no_function_holds() -> None:
    found = definitions(BASKET)
    basket = found["Basket"]
    assert (basket.kind, basket.signature) == ("class", "class Basket(Base):")
    assert basket.doc == "Holds things."
    assert [BASKET[part.start : part.end] for part in basket.parts] == [
        '@dataclass\nclass Basket(Base):\n    """Holds things."""\n\n    limit: int = 3',
        'colour = "red"',
    ]
    assert found["Basket.size"].parts == (found["Basket.size"].span,)
    assert found["Basket.Inner"].text(BASKET.encode()) == b"class Inner:\n        deep = 1"


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_no_byte_is_two_classes_own_or_a_class_s_and_a_method_s(language: Language) -> None:
    source = (FIXTURES / f"{language.name}{language.extensions[0]}").read_bytes()
    found = extract(source, path="f", language=language, blob_id="b")
    classes = [function for function in found if function.kind == "class"]
    for one in classes:
        inside = [f for f in found if f is not one and one.span.start <= f.span.start]
        inside = [f for f in inside if f.span.end <= one.span.end]
        for part in one.parts:
            assert one.span.start <= part.start < part.end <= one.span.end
            assert not any(f.span.start < part.end and part.start < f.span.end for f in inside)
    assert bool(classes) == (language.name not in ("bash", "lua"))  # these have none


def test_an_error_in_a_method_is_not_the_class_s() -> None:
    source = "class A {\n  int a, b, c;\n  void f() { if ( a b c d ) ] } }\n  void g() {}\n}\n"
    found = definitions(source, "java")
    assert found["A.f"].broken
    broken = definitions("class A {\n  int int int ] ) ;\n  private\n  void g() {}\n}\n", "java")
    assert broken["A"].broken
    assert not broken["A.g"].broken


def test_an_edited_method_does_not_make_its_class_edited(tmp_path: Path) -> None:
    folder = make_repository(tmp_path / "team", commits=30, functions=30)
    many = [f"    field_{i}: dict[str, int] = load_field('{i}', limit={i})\n" for i in range(9)]
    head = "class Basket(Base):\n" + "".join(many)
    method = "\n    def total(self, tax, rate):\n        return sum(self.things) * tax + rate{}\n"
    commit(folder, {"src/basket.py": head + method.format("")})
    rest = make_repository(folder.parent / "rest", commits=8, functions=30, seed=1)
    for day, path in enumerate(sorted((rest / "src").iterdir())):
        commit(folder, {f"src/later_{day}.py": path.read_text()})
    commit(folder, {"src/basket.py": head + method.format(" * 2")})

    mined = mine(Repository.open(folder), MineSettings(since="9"))

    found = {(e.part, e.function) for e in mined.ledger if e.path == "src/basket.py"}
    held = {(part, name) for part, name in found if part != "train"}
    assert ("train", "Basket") in found
    assert {name for _, name in held} == {"Basket.total"}
    cut = [s for s in mined.samples("train") if s.function == "Basket"]
    assert cut
    assert all("tax + rate" not in s.middle for s in cut)
