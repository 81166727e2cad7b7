"""What editors and files may set, and how a wrong setting is said; URIs of every platform."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from homespun_server.paths import file_path, relative_path, shown_name
from homespun_server.settings import EditorSettings, read_editor_settings


def test_no_settings_are_defaults_without_a_word() -> None:
    assert read_editor_settings(None) == (EditorSettings(), None)
    assert read_editor_settings({}) == (EditorSettings(), None)


def test_good_settings_hold() -> None:
    options = {"exclude": ["*.min.js"], "max_new_tokens": 32, "idle_minutes": 0, "status": True}
    right = EditorSettings(("*.min.js",), 32, 0, usage=False, status=True)
    assert read_editor_settings(options | {"usage": False}) == (right, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": "evil/model"}, "'base' is a flag of 'homespun serve'"),
        ({"store": "/tmp"}, "'store' is a flag"),
        ({"engine": "http://x"}, "'engine' is a flag"),
        ({"id": "other"}, "'id' is a flag"),
        (
            {"maxNewTokens": 3},
            "'maxNewTokens' is unknown (known: exclude, max_new_tokens, idle_minutes, usage, "
            "status)",
        ),
        ({"max_new_tokens": 0}, "'max_new_tokens' must be a number from 1 to 128"),
        ({"max_new_tokens": True}, "'max_new_tokens' must be"),
        ({"max_new_tokens": 10**9}, "'max_new_tokens' must be"),
        ({"idle_minutes": -1}, "'idle_minutes' must be a number from 0 to 1440"),
        ({"exclude": "*.py"}, "'exclude' must be a list"),
        ({"exclude": [1]}, "'exclude' must be a list"),
        ({"exclude": ["x" * 10_000]}, "'exclude' must be a list"),
        ({"status": "yes"}, "'status' must be true or false"),
        (["status"], "must be an object"),
        ("x", "must be an object"),
    ],
)
def test_a_wrong_setting_is_said_and_has_its_default(options: Any, said: str) -> None:
    settings, problem = read_editor_settings(options)
    assert settings == EditorSettings()
    assert problem is not None
    assert said in problem


def test_right_settings_beside_wrong_ones_hold_and_one_message_says_all() -> None:
    settings, problem = read_editor_settings({"base": "x", "status": True, "nope": 1})
    assert settings == EditorSettings(status=True)
    assert problem is not None
    assert "'base'" in problem
    assert "'nope'" in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/me/a.py", "/home/me/a.py"),
        ("file:///home/me/a%20b%23c/%C3%A9.py", "/home/me/a b#c/é.py"),
        ("file://localhost/home/a.py", "/home/a.py"),
        ("vscode-notebook-cell:/home/me/n.ipynb#W0sZmlsZQ%3D%3D", "/home/me/n.ipynb"),
        ("file://server/share/a.py", None),
        ("untitled:Untitled-1", None),
        ("git:/home/me/a.py?x", None),
        ("vscode-remote://ssh/home/a.py", None),
        ("file:///a%00b", None),
        ("http://[::1", None),
        ("", None),
    ],
)
def test_uris_on_posix(uri: str, path: str | None) -> None:
    assert file_path(uri, windows=False) == path


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///c%3A/Users/me/a.py", "C:\\Users\\me\\a.py"),
        ("file:///C:/Users/me/a.py", "C:\\Users\\me\\a.py"),
        ("file:///c:/a%20b.py", "C:\\a b.py"),
        ("file:///C%3a/a%23b/e%CC%81.py", "C:\\a#b\\e\u0301.py"),
        ("file://localhost/c:/a.py", "C:\\a.py"),
        ("FILE:/c:/a.py", "C:\\a.py"),
        ("file:///c%3A%5CUsers%5Ca.py", "C:\\Users\\a.py"),
        ("vscode-notebook-cell:/c%3A/n.ipynb#W0sZmlsZQ%3D%3D", "C:\\n.ipynb"),
        ("file://server/share/a.py", "\\\\server\\share\\a.py"),
        ("file://SERVER/Share/a%20b.py", "\\\\SERVER\\Share\\a b.py"),
        ("file:////server/share/a.py", "\\\\server\\share\\a.py"),
        ("file://wsl%24/Ubuntu/home/a.py", "\\\\wsl$\\Ubuntu\\home\\a.py"),
        ("file:c:/a.py", None),
        ("file:///c:/a%00b", None),
        ("untitled:Untitled-1", None),
    ],
)
def test_uris_on_windows(uri: str, path: str | None) -> None:
    assert file_path(uri, windows=True) == path


def test_paths_in_prompts_have_slashes_and_composed_letters() -> None:
    windows = PureWindowsPath("C:\\team\\src\\a.py")
    assert relative_path(windows, PureWindowsPath("c:\\team"), macos=False) == "src/a.py"
    share = PureWindowsPath("\\\\server\\share\\Repo\\a b.py")
    root = PureWindowsPath("\\\\SERVER\\share\\repo")
    assert relative_path(share, root, macos=False) == "a b.py"
    assert relative_path(share, PureWindowsPath("D:\\repo"), macos=False) == "a b.py"
    decomposed = PurePosixPath("/team/e\u0301.py")
    assert relative_path(decomposed, PurePosixPath("/team"), macos=True) == "\u00e9.py"
    assert relative_path(decomposed, PurePosixPath("/team"), macos=False) == "e\u0301.py"
    assert relative_path(decomposed, PurePosixPath("/elsewhere"), macos=False) == "e\u0301.py"


def test_a_document_without_a_file_still_has_a_name() -> None:
    assert shown_name("untitled:Untitled-1") == "untitled:Untitled-1"
    assert shown_name("vscode-vfs://github/me/src/a%20b.py#x") == "a b.py"
    assert shown_name("") == "untitled"


def test_names_that_are_not_utf8_are_spelt_as_mining_spells_them() -> None:
    path = PurePosixPath(os.fsdecode(b"/team/caf\xe9.py"))
    assert relative_path(path, PurePosixPath("/team"), macos=False) == "caf\\xe9.py"
    assert relative_path(path, PurePosixPath("/elsewhere"), macos=False) == "caf\\xe9.py"
    assert shown_name("untitled:\ud800").encode() == b"untitled:\\ud800"


def test_the_longest_suggestion_is_what_the_model_room_does_by_itself() -> None:
    from homespun_model.decoding import completing
    from homespun_server import settings

    assert settings.MAX_NEW_TOKENS == completing.MAX_NEW_TOKENS
