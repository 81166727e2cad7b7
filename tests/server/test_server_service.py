"""Between requests the server gets ready for the next, and never at a request's cost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from git_repositories import make_repository
from homespun_corpus.place import Place
from homespun_model.decoding.ngram_index import tail
from homespun_server import document_home, service
from homespun_server.code_on_disk import CodeOnDisk
from homespun_server.document_home import Homes, Root
from homespun_server.documents import Change, Documents
from homespun_server.models import Models
from homespun_server.service import Ghost, Service
from homespun_server.settings import EditorSettings, LaunchOptions

if TYPE_CHECKING:
    from taught_models import Taught

URI = "untitled:shapes.py"
CODE = "def area(width, height):\n    \n\n\nprint(area(2, 3))\n"
CURSOR = (1, 4)
SHAPES = """\
class Rectangle:
    def scaled(self, factor):
        return Rectangle(self.width * factor, self.height * factor)
"""
USER = "from shapes import Rectangle\n\n\ndef double(rectangle: Rectangle):\n    return rectangle."


class Editor:
    """One document in front of a real service, and what its model was asked for."""

    def __init__(self, service: Service, models: Models) -> None:
        self.service, self.models, self.uri = service, models, URI
        self.places: list[Place] = []
        self.computed: list[str] = []
        self.read: list[str] = []
        self._version = 1

    async def open(self, text: str) -> None:
        completer = (await self.models.serving(None)).completer
        self.tokens = completer.tokens
        for name, seen in (("complete", self.computed), ("warm", self.read)):
            setattr(completer, name, self._seen(getattr(completer, name), seen))
        self.service.opened(self.uri, language_id="python", version=1, text=text)

    def type(self, point: tuple[int, int], text: str) -> None:
        self._version += 1
        assert self.service.changed(self.uri, [Change(text, point, point)], self._version)

    async def ask(self, point: tuple[int, int]) -> Ghost | None:
        return await self.service.suggest(self.uri, point)

    async def prepared(self, count: int) -> None:
        """Until so many answers were computed, and the last of them was looked at and kept."""
        scheduler = self.service._scheduler
        await until(lambda: len(self.computed) == count)
        await until(lambda: scheduler._running is None and not scheduler._spare)

    def _seen(self, work: Callable[..., Any], seen: list[str]) -> Callable[..., Any]:
        """``work``, and the text before the cursor each time that it comes to an end."""

        def call(place: Any, **options: Any) -> Any:
            result = work(place, **options)
            self.places.append(place)
            seen.append(place.prefix)
            return result

        return call


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project", {"shapes.py": SHAPES, "user.py": USER})


@pytest.fixture
async def editor(taught: Taught, tmp_path: Path) -> AsyncIterator[Editor]:
    models = Models(
        LaunchOptions(str(taught.base), str(tmp_path / "store"), "cpu"), lambda _status: None
    )
    service = Service(Documents(), models, Homes(models.store.has, lambda _message: None))
    yield Editor(service, models)
    service.close()


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_file_that_was_opened_has_its_beginning_read(editor: Editor) -> None:
    await editor.open(CODE)
    await until(lambda: editor.read == [""])


async def test_it_is_read_again_with_related_code_when_its_repository_was_read(
    editor: Editor, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_read, changes = threading.Event(), CodeOnDisk.changes

    def slow(code: CodeOnDisk, root: Root) -> Iterator[tuple[str, str | None]]:
        may_read.wait(60)
        return changes(code, root)

    monkeypatch.setattr(CodeOnDisk, "changes", slow)
    editor.uri = (project / "user.py").as_uri()
    await editor.open(USER)
    await until(lambda: len(editor.read) == 1)
    editor.type((4, 21), "w")
    await until(lambda: len(editor.read) == 2)
    may_read.set()
    await until(lambda: len(editor.read) == 3)
    assert editor.read[2] == editor.read[1] == USER + "w"
    related = [[piece.path for piece in place.related] for place in editor.places]
    assert related == [[], [], ["shapes.py"]]


async def test_code_is_read_by_what_mended_settings_say(editor: Editor, project: Path) -> None:
    settings = project / "homespun.toml"
    settings.write_text("exclude = [")
    editor.uri = (project / "user.py").as_uri()
    await editor.open(USER)
    assert await editor.ask((4, 21)) is None
    assert editor.places == []
    assert not editor.service._index._repositories
    settings.write_text("exclude = []\n")
    await editor.ask((4, 21))
    await until(lambda: any(place.related for place in editor.places))
    settings.write_text("exclude = [")
    await editor.service.saved(settings.as_uri())
    assert await editor.ask((4, 21)) is None
    settings.write_text("exclude = ['shapes.py']\n")
    editor.type((4, 21), "w")
    known = len(editor.places)
    await until(lambda: len(editor.places) > known)
    (read,) = editor.service._index._repositories.values()
    await until(read.read.done)
    assert "shapes.py" not in dict(read.index.files() if read.index else ())


async def test_typing_before_the_base_is_there_does_not_keep_a_repository_from_being_read(
    editor: Editor, project: Path
) -> None:
    editor.uri = (project / "user.py").as_uri()
    editor.service.opened(editor.uri, language_id="python", version=1, text=USER)
    editor.type((4, 21), "w")
    await until(lambda: editor.service._index._repositories)


async def test_where_typing_rests_the_prompt_is_read_and_nothing_computed(editor: Editor) -> None:
    await editor.open(CODE)
    await until(lambda: editor.read)
    for column, letter in enumerate("abc"):  # one after another: only the last one rests
        editor.type((2, column), letter)
    await until(lambda: len(editor.read) == 2)
    assert editor.read[1].endswith("\nabc")
    assert editor.computed == []


async def test_what_comes_after_an_acceptance_is_known_before_it_is_asked(
    editor: Editor, taught: Taught
) -> None:
    await editor.open(CODE)
    first = await editor.ask(CURSOR)
    assert first is not None
    assert (first.text, first.cached) == (taught.base_says, False)
    # That, what comes behind it, and, for that is nothing, what comes behind Enter.
    await editor.prepared(3)
    assert editor.computed[1].endswith(taught.base_says)
    assert editor.computed[2].endswith(taught.base_says + "\n")
    editor.type(CURSOR, first.text)
    assert editor.service.usage.total == 1
    end = 4 + len(first.text)
    assert await editor.ask((1, end)) is None
    editor.type((1, end), "\n")
    await editor.ask((2, 0))
    assert len(editor.computed) == 3


async def test_so_it_is_where_the_editor_asked_before_it_was(editor: Editor) -> None:
    await editor.open(CODE)
    first = await editor.ask(CURSOR)
    assert first is not None
    editor.type(CURSOR, first.text)
    end = 4 + len(first.text)
    assert await editor.ask((1, end)) is None
    assert len(editor.computed) == 2
    await editor.prepared(3)
    editor.type((1, end), "\n")
    await editor.ask((2, 0))
    assert len(editor.computed) == 3


async def test_typing_along_keeps_what_was_prepared(editor: Editor, taught: Taught) -> None:
    await editor.open(CODE)
    assert await editor.ask(CURSOR)
    await editor.prepared(3)
    for column, letter in enumerate(taught.base_says):
        editor.type((1, 4 + column), letter)
        ghost = await editor.ask((1, 5 + column))
        assert ghost is None or ghost.cached
    assert len(editor.computed) == 3
    assert editor.service.usage.total == 0  # typing is not accepting


async def test_a_request_never_waits_for_what_nobody_asked_for(editor: Editor) -> None:
    await editor.open(CODE)
    running = asyncio.Event()
    loop = asyncio.get_running_loop()

    def endless(cancelled: Callable[[], bool]) -> None:
        loop.call_soon_threadsafe(running.set)
        while not cancelled():
            time.sleep(0.001)

    await until(lambda: editor.read)
    editor.service._scheduler.spare("untitled:other", endless)
    await asyncio.wait_for(running.wait(), 5)
    assert await asyncio.wait_for(editor.ask(CURSOR), 20)


async def test_brackets_an_editor_inserts_do_not_ask_the_model_again(
    editor: Editor, taught: Taught
) -> None:
    await editor.open(CODE)
    assert await editor.ask(CURSOR)
    editor.type(CURSOR, taught.base_says[:3] + ")")
    ghost = await editor.ask((1, 7))
    assert ghost is not None
    assert (ghost.text, ghost.cached) == (taught.base_says[3:], True)


async def test_an_answer_is_given_again_only_while_the_same_code_is_known(
    editor: Editor, project: Path
) -> None:
    editor.uri = (project / "user.py").as_uri()
    await editor.open(CODE)
    index, root = editor.service._index, (await editor.service._homes.of(editor.uri)).root
    base = (await editor.models.serving(None)).completer.vocabulary
    await until(lambda: index.ngrams(root, base).find(tail(editor.tokens("class Rectangle"))))

    async def asked() -> int:
        await editor.ask(CURSOR)
        return editor.computed.count(CODE[: CODE.index("\n") + 5])

    assert [await asked(), await asked()] == [1, 1]
    (project / "user.py").write_text(CODE)  # its own text is no news
    await editor.service.saved(editor.uri)
    await until(lambda: index.version(root, "shapes.py") != index.version(root, "user.py"))
    assert await asked() == 1
    (project / "shapes.py").write_text(SHAPES.replace("scaled", "widened"))
    deadline = time.monotonic() + 30
    while await asked() == 1:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_document_whose_disk_hangs_waits_alone(
    editor: Editor, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def hanging(path: Path) -> document_home.Home:
        goes_on.wait(60)
        return document_home.Home(None, path.name)

    monkeypatch.setattr(editor.service._homes, "_home_of", hanging)
    try:
        for number in range(20):
            hung = (project / f"{number}.py").as_uri()
            editor.service.opened(hung, language_id="python", version=1, text=CODE)
        await editor.open(CODE)
        assert await asyncio.wait_for(editor.ask(CURSOR), 30)
        assert await asyncio.wait_for(editor.service.suggest(hung, CURSOR), 30) is None
    finally:
        goes_on.set()


async def test_weights_that_nobody_asks_are_let_go_and_the_next_request_has_them(
    editor: Editor,
) -> None:
    await editor.open(CODE)
    editor.service.settings = EditorSettings(idle_minutes=0.5 / 60)  # type: ignore[arg-type]
    assert await editor.ask(CURSOR)
    await until(lambda: not editor.models.completers())
    editor.type(CURSOR, "x")
    again = await editor.ask((1, 5))
    assert again is None or not again.cached
    assert editor.models.completers()


async def test_memory_that_is_free_again_is_given_back_at_rest(
    editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = list[threading.Thread]()
    monkeypatch.setattr(service, "REST", 0.2)
    monkeypatch.setattr(service, "give_back", lambda: threads.append(threading.current_thread()))
    await editor.open(CODE)
    assert await editor.ask(CURSOR)
    await until(lambda: len(threads) == 1)
    assert threads[0].name.startswith("inference")  # between two answers, not beside one
    await asyncio.sleep(0.5)
    assert len(threads) == 1  # nobody has asked since


async def test_a_closed_document_leaves_nothing(editor: Editor) -> None:
    await editor.open(CODE)
    await editor.ask(CURSOR)
    editor.type(CURSOR, "ret")
    editor.service.closed(URI)
    await asyncio.sleep(0.1)  # longer than a rest
    assert not editor.service.changed(URI, [Change("x", (0, 0), (0, 0))], 9)
    assert await editor.ask(CURSOR) is None
    service = editor.service
    assert not service._homes._found
    assert not service._answers._cache._answers
    assert not service._debouncer._timers
    assert not service._cursors and not service._taken
    assert not len(service.usage)


async def test_what_a_list_would_put_in_is_accepted_with_the_rest_of_it(
    editor: Editor, taught: Taught
) -> None:
    await editor.open(CODE)
    assert await editor.ask(CURSOR)
    editor.type(CURSOR, "re")
    line, column = CURSOR
    selected = Change("return", CURSOR, (line, column + 2))
    ghost = await editor.service.suggest(URI, (line, column + 2), selected)
    assert ghost is not None and ghost.text == taught.base_says
    assert (ghost.start, ghost.end) == (CURSOR, (line, column + 2))
    assert editor.service.changed(URI, [Change(ghost.text, ghost.start, ghost.end)], 9)
    assert editor.service.usage.total == 1
