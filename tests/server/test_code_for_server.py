"""What stays here is no context of a file that goes to a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import make_repository, write
from homespun_model.bases.base import load_base
from homespun_server.code_on_disk import CodeOnDisk, code_of
from homespun_server.complete_command import cursor_in, suggest
from homespun_server.doctor import doctor
from homespun_server.document_home import Homes, Root, home_of
from homespun_server.documents import Documents
from homespun_server.models import Models
from homespun_server.repository_index import RepositoryIndex
from homespun_server.service import Service
from homespun_server.settings import LaunchOptions
from remote_servers import RemoteStandIn, remote_stand_in
from scratch_repositories import git
from taught_models import Taught
from tiny_models import tiny_base

APP = "def connect(host):\n    return host\n"
KEYS = "def connect_secretly(host):\n    return host + 'correct-horse'\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    files = {"app.py": APP, ".env.js": "connect();\n", "local.py": KEYS, "kept.py": "kept = 1\n"}
    shop = make_repository(tmp_path / "shop", files)
    write(shop / ".gitignore", "local.py\nprivate/\n")
    return shop


def root_of(folder: Path) -> Root:
    home = home_of(folder / "app.py", known=lambda _: False)
    assert home.root is not None
    return home.root


def test_tracked_files_that_are_ignored_or_hold_keys_are_left_out(shop: Path) -> None:
    root = root_of(shop)
    assert sorted(dict(code_of(root, for_server=True))) == ["app.py", "kept.py"]
    assert sorted(dict(code_of(root))) == [".env.js", "app.py", "kept.py", "local.py"]


def test_what_is_saved_and_stays_here_is_never_taken_up(shop: Path) -> None:
    code = CodeOnDisk(root := root_of(shop), for_server=True)
    list(code.changes(root))
    for path in ("local.py", "private/mine.py", ".env.ts"):
        write(shop / path, KEYS)
        assert dict(code.saved(path, KEYS)) == {}
    assert dict(code.changes(root)) == {}
    assert dict(code.saved("new.py", APP)) == {"new.py": APP}


def test_what_is_ignored_after_it_was_saved_goes_at_the_next_look(shop: Path) -> None:
    code = CodeOnDisk(root := root_of(shop), for_server=True)
    list(code.changes(root))
    write(shop / "new.py", KEYS)
    assert dict(code.saved("new.py", KEYS)) == {"new.py": KEYS}
    write(shop / ".git" / "info" / "exclude", "new.py\nkept.py\n")
    assert dict(code.changes(root)) == {"new.py": None, "kept.py": None}
    write(shop / ".git" / "info" / "exclude", "")
    assert dict(code.changes(root)) == {"kept.py": "kept = 1\n"}


def prompts(stand_in: RemoteStandIn) -> str:
    asked = [body["prompt"] for path, _, body in stand_in.asked if "completions" in path]
    return "\n".join(stand_in.base.tokenizer.decode(prompt) for prompt in asked)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tiny_base(tmp_path / "here", seed=5)


def options_for(stand_in: RemoteStandIn, taught: Taught, here: Path) -> LaunchOptions:
    return LaunchOptions(
        base=str(here),
        remote=stand_in.url,
        remote_base=str(taught.base),
        store=str(here.parent / "store"),
        device="cpu",
    )


@pytest.mark.parametrize("name", ["local.py", "../outside.py"])
def test_commands_ask_no_server_about_what_stays_here(
    taught: Taught, shop: Path, here: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write(shop / name, KEYS)
    with remote_stand_in(load_base(str(taught.base))) as stand_in:
        options = options_for(stand_in, taught, here)
        assert suggest(options, cursor_in(shop / name, 2, 5), None).base == str(here)
        assert not stand_in.asked, "nor met one"
        doctor(options, f"{shop / name}:2:5")
        assert "this file stays here" in capsys.readouterr().out
        assert "correct-horse" not in prompts(stand_in)


def test_commands_send_nothing_of_it_as_context(taught: Taught, shop: Path, here: Path) -> None:
    write(shop / "app.py", "import local\n\n\ndef connect_secretly(host):\n    ")
    git(shop, "add", "app.py")
    with remote_stand_in(load_base(str(taught.base))) as stand_in:
        options = options_for(stand_in, taught, here)
        suggest(options, cursor_in(shop / "app.py", 5, 5), None)
        doctor(options, f"{shop / 'app.py'}:5:5")
        assert "host" in prompts(stand_in)
        assert "correct-horse" not in prompts(stand_in)


async def test_going_to_and_fro_has_nothing_cut_into_tokens_again(
    taught: Taught, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[str] = []
    monkeypatch.setattr(RepositoryIndex, "use_tokenizer", lambda *given: cut.append(given[1]))
    monkeypatch.setattr(RepositoryIndex, "has_tokenizer", True)
    models = Models(LaunchOptions(str(taught.base), str(tmp_path / "store"), "cpu"), print)
    homes = Homes(models.store.has, pytest.fail, for_server=True)
    service = Service(Documents(), models, homes, for_server=True)
    for name in ("local.py", ".env.js"):
        uri = (shop / name).as_uri()
        service.opened(uri, language_id="", version=1, text=KEYS)
        await service.suggest(uri, (1, 4))
    assert not cut
    uri = (shop / "app.py").as_uri()
    service.opened(uri, language_id="", version=1, text=APP)
    await service.suggest(uri, (1, 4))
    assert cut
    service.close()
