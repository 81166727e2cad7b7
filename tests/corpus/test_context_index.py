"""Related code: what it finds, what it leaves out, and that it never depends on history."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest
from homespun_corpus.place import Place, Related, place_at
from homespun_corpus.retrieval.chunks import MOST_LINES, chunk_spans
from homespun_corpus.retrieval.context_index import RELATED_CHARS, ContextIndex
from homespun_corpus.retrieval.definitions import definitions, opening
from homespun_corpus.syntax.functions import extract
from homespun_corpus.syntax.languages import by_name

STORE = '''\
class LedgerStore:
    """Accounts on disk."""

    def __init__(self, root):
        self.root = root


def open_ledger(root, *, read_only=False):
    """Open the ledger under a folder."""
    store = LedgerStore(root)
    return store if not read_only else store.frozen()
'''
INVOICES = """\
def total_of_invoices(customer, session):
    invoices = session.query(Invoice).filter_by(customer_id=customer.identifier)
    amounts = [invoice.amount_in_cents for invoice in invoices]
    return Money(sum(amounts), customer.currency)
"""
PAYMENTS = """\
def total_of_payments(customer, session):
    payments = session.query(Payment).filter_by(customer_id=customer.identifier)
"""
SKY = """\
def colour_of_sky(hour):
    palette = {"dawn": "pink", "noon": "blue", "dusk": "orange"}
    moment = "noon" if 9 <= hour <= 17 else "dusk"
    return palette[moment]
"""


def _files(count: int = 30, seed: int = 0) -> dict[str, str]:
    """Many small files that share words, some of them equal."""
    rng = random.Random(seed)
    nouns = [f"{a}_{b}" for a in ("user", "order", "price", "item") for b in ("row", "map", "list")]
    files = {}
    for number in range(count):
        functions = []
        for _ in range(rng.randint(1, 5)):
            body = [f"    {rng.choice(nouns)} = load({rng.choice(nouns)})" for _ in range(6)]
            functions.append("\n".join([f"def make_{rng.choice(nouns)}(session):", *body]))
        files[f"shop/part{number}.py"] = "\n\n\n".join(functions) + "\n"
    return files | {f"shop/again/{n}.py": files[f"shop/part{n}.py"] for n in range(5)}


def _place(text: str, path: str = "shop/new.py", suffix: str = "") -> Place:
    return place_at(text + suffix, len(text), path=path, language=None)


def _paths(related: Iterable[Related]) -> list[str]:
    return [piece.path for piece in related]


def test_the_definition_of_what_is_called_comes_first() -> None:
    similar = [
        ("b/one.py", "from a.store import open_ledger\n\nledger = open_ledger(first_root)\n"),
        ("b/two.py", "from a.store import open_ledger\n\nledger = open_ledger(second_url)\n"),
    ]
    index = ContextIndex.from_files([("a/store.py", STORE), *similar])
    related = index.related(_place("from a.store import open_ledger\n\nledger = open_ledger(\n"))
    assert _paths(related) == ["a/store.py", "b/one.py"]
    assert related[0].path == "a/store.py"
    assert related[0].text.splitlines()[:2] == [
        "def open_ledger(root, *, read_only=False):",
        '    """Open the ledger under a folder."""',
    ]


def test_a_definition_in_similar_code_is_shown_once() -> None:
    index = ContextIndex.from_files([("a/store.py", STORE), ("sky.py", SKY)])
    related = index.related(_place("from a.store import open_ledger\n\nledger = open_ledger(\n"))
    assert "".join(piece.text for piece in related).count("def open_ledger") == 1


def test_a_plain_word_is_no_definition_unless_its_file_is_named() -> None:
    files = [("b/web.py", "def client(retries):\n    return Web(retries)\n"), ("sky.py", SKY)]
    files += [(f"{n}.py", f"reply = client(moment_{n})\nreply.{n}()\n") for n in ("one", "two")]
    index = ContextIndex.from_files(files)
    imported = index.related(_place("from b.web import client\nreply = client(\n"))
    assert imported[0].path == "b/web.py"
    assert index.related(_place("reply = client(\n"))[0].path == "one.py"


def test_the_files_own_definition_needs_no_other() -> None:
    index = ContextIndex.from_files([("a.py", STORE), ("b.py", STORE.replace("Open", "Shut"))])
    place = _place(STORE + "\n\nledger = open_ledger(\n", path="a.py")
    assert all("def open_ledger" not in piece.text for piece in index.related(place))


def test_of_several_definitions_the_mentioned_file_counts() -> None:
    other = "def open_ledger(url):\n    return Remote(url).connect_slowly()\n"
    files = [(f"{name}.py", other.replace("url", name)) for name in ("one", "two", "three")]
    index = ContextIndex.from_files([*files, ("store.py", STORE)])
    place = _place("from store import open_ledger\nledger = open_ledger(\n")
    assert index.related(place)[0].path == "store.py"
    unclear = index.related(_place("ledger = open_ledger(\n"))
    assert all(not piece.text.startswith("def open_ledger(root") for piece in unclear[:1])


def test_typing_in_a_line_moves_nothing() -> None:
    index = ContextIndex.from_files([("a/store.py", STORE), ("i.py", INVOICES), ("sky.py", SKY)])
    lines = PAYMENTS.splitlines(keepends=True)
    line = "    amounts = open_ledger(colour_of_sky(hour))"
    found = {
        index.related(_place(lines[0] + lines[1] + line[:typed], suffix=line[kept:] + "\nx = 1\n"))
        for typed in range(len(line) + 1)
        for kept in (typed, len(line))
    }
    assert len(found) == 1
    assert found.pop() != ()


def test_similar_code_is_found_in_a_file_never_seen() -> None:
    files = [("sky.py", SKY), ("invoices.py", INVOICES), ("a/store.py", STORE)]
    related = ContextIndex.from_files(files).related(_place(PAYMENTS))
    assert _paths(related) == ["invoices.py"]
    assert related[0].text == INVOICES.rstrip("\n")


def test_nothing_of_the_files_own_text_however_far() -> None:
    text = INVOICES + "\n\n" + SKY * 20 + "\n\n" + PAYMENTS
    index = ContextIndex.from_files([("a.py", text), ("b.py", SKY)])
    assert "a.py" not in _paths(index.related(_place(text, path="a.py")))
    assert "a.py" in _paths(index.related(_place(text, path="c.py")))


def test_nothing_of_the_files_own_text_wherever() -> None:
    files = _files()
    index = ContextIndex.from_files(files.items())
    for path, text in files.items():
        place = place_at(text, len(text) // 2, path=path, language="python")
        assert path not in _paths(index.related(place))


def test_a_copy_of_the_surroundings_is_left_out() -> None:
    index = ContextIndex.from_files([("old/invoices.py", INVOICES), ("sky.py", SKY)])
    head, tail = INVOICES[:120], INVOICES[120:]
    assert index.related(_place(head, suffix=tail)) == ()
    assert _paths(index.related(_place(PAYMENTS))) == ["old/invoices.py"]


def test_equal_pieces_come_once() -> None:
    files = [(f"part{number}.py", INVOICES) for number in range(5)]
    assert _paths(ContextIndex.from_files(files).related(_place(PAYMENTS))) == ["part0.py"]


@pytest.mark.parametrize("budget", [0, 40, 300, RELATED_CHARS, 5000])
def test_whole_lines_within_the_budget(budget: int) -> None:
    files = _files()
    index = ContextIndex.from_files(files.items())
    found = 0
    for text in files.values():
        related = index.related(_place(text[: len(text) // 2]), budget_chars=budget)
        assert sum(len(piece.path) + len(piece.text) + 2 for piece in related) <= max(budget, 0)
        for piece in related:
            assert f"\n{piece.text}\n" in f"\n{files[piece.path]}"
        found += len(related)
    assert bool(found) == (budget > 100)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_updates_does_not_show(seed: int) -> None:
    files, rng = _files(), random.Random(seed)
    straight = ContextIndex.from_files(files.items())
    winding = ContextIndex()
    older = dict(zip(files, _files(seed=9).values(), strict=True))
    for text_of in (older, files):
        paths = list(files)
        rng.shuffle(paths)
        for path in paths:
            if rng.random() < 0.3:
                winding.update(path, None)
            winding.update(path, text_of[path])
    for path, text in files.items():
        for cursor in (len(text) // 3, len(text) - 1):
            place = place_at(text, cursor, path=path, language="python")
            assert winding.related(place) == straight.related(place)


def test_a_saved_file_is_found_anew_and_a_deleted_one_is_gone() -> None:
    index = ContextIndex.from_files([("invoices.py", STORE), ("sky.py", SKY)])

    def found() -> bool:
        return any("amount_in_cents" in piece.text for piece in index.related(_place(PAYMENTS)))

    assert not found()
    index.update("invoices.py", STORE + "\n\n" + INVOICES)
    assert found()
    index.update("invoices.py", STORE)
    assert not found()
    index.update("invoices.py", INVOICES)
    assert found()
    index.update("invoices.py", None)
    index.update("never-there.py", None)
    assert not found()


def test_a_piece_with_a_secret_is_not_shown() -> None:
    secret = "".join(("AKIA", "Q3EGRTXWBN", "5LZ7HP"))
    leaky = INVOICES.replace("customer_id=", f"key='{secret}', customer_id=")
    assert ContextIndex.from_files([("invoices.py", leaky)]).related(_place(PAYMENTS)) == ()


def test_what_hygiene_keeps_out_is_not_shown() -> None:
    index = ContextIndex.from_files([("vendor/invoices.py", INVOICES)])
    assert index.related(_place(PAYMENTS)) == ()
    index.update("src/invoices.py", INVOICES)
    index.update("src/invoices.py", f"# Code generated by protoc. DO NOT EDIT.\n{INVOICES}")
    assert index.related(_place(PAYMENTS)) == ()


def test_languages_that_use_each_other_see_each_other() -> None:
    code = (
        "function totalOfInvoices(customer) {\n  const cents = sumCents(customer)\n  return 1\n}\n"
    )
    index = ContextIndex.from_files([("a.js", code), ("b.py", INVOICES), ("c.lua", code)])
    cursor = "const cents = sumCents(customer)\nreturn totalOfInvoices(customer"
    assert _paths(index.related(_place(cursor, path="new.tsx"))) == ["a.js"]
    assert _paths(index.related(_place(cursor, path="new.lua"))) == ["c.lua"]
    assert index.related(_place(cursor, path="new.go")) == ()
    assert index.related(_place(cursor, path="")) == ()


def test_asked_and_updated_at_the_same_time() -> None:
    files = _files()
    index = ContextIndex.from_files(files.items())
    stop = threading.Event()

    def keep_saving() -> None:
        while not stop.is_set():
            for path, text in files.items():
                index.update(path, text + "\nextra_row = load(user_map)\n")
                index.update(path, text)

    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(keep_saving)
        try:
            for _ in range(300):
                assert index.related(_place("def make_user_row(session):\n    user_row = load("))
        finally:
            stop.set()
        saving.result()


@pytest.mark.parametrize("text", [*_files(5).values(), "", "\n\n", "x", "a\r\nb\r\n", STORE * 9])
def test_chunks_are_whole_lines_and_hold_every_word(text: str) -> None:
    spans = chunk_spans(text)
    assert [word for a, b in spans for word in text[a:b].split()] == text.split()
    for start, end in spans:
        assert start == 0 or text[start - 1] == "\n"
        assert end == len(text) or text[end] == "\n"
        assert text[start:end].count("\n") < MOST_LINES


SOURCES = {
    "python": "class Box:\n    @c\n    async def open(self): ...\n\ndef shut(\n    b,\n): ...\n",
    "javascript": "class Box {\n  open(x = {}) {\n  }\n}\nexport const shut = async (b) => {\n}\n",
    "typescript": "class A {\n  private open<T>(x: T): T {\n  }\n}\nlet f = (x: A): A => x\n",
    "go": "func (b *Box) Open() error {\n}\nfunc Shut(b Box) {\n}\nvar f = func() {\n}\n",
    "rust": "impl Box {\n    pub(crate) async fn open(&self) {}\n}\nfn shut<T>(b: T) {}\n",
}


@pytest.mark.parametrize("language", SOURCES)
def test_functions_are_found_without_a_grammar(language: str) -> None:
    source = SOURCES[language]
    functions = extract(source.encode(), path="", language=by_name(language), blob_id="")
    assert len(functions) >= 2
    assert {function.name for function in functions} <= {name for name, _ in definitions(source)}


def test_types_and_constants_are_found_and_statements_are_not() -> None:
    text = (
        "LIMIT = 3\ntype Size = number\nexport interface Shape {\n}\nstruct Point {\n}\n"
        "if (ready) {\n}\nuseEffect(() => {\n})\n  const local = () => 1\nreturn (x) {\n"
    )
    assert [name for name, _ in definitions(text)] == ["LIMIT", "Size", "Shape", "Point"]


def test_an_opening_ends_with_its_definition() -> None:
    assert opening("def f():\n    return 1\n\n\ndef g(): ...\n", 0) == "def f():\n    return 1"
    assert opening("fn f() {\n    1\n}\nfn g() {}\n", 0) == "fn f() {\n    1\n}"
    long = "def f(\n    a,\n):\n" + "    a += 1\n" * 9
    assert opening(long, 0).splitlines() == long.splitlines()[:5]
