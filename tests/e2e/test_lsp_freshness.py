"""What the real server knows of a repository is what was saved last, at every place and any time.

With the bundled starter, which copies how a line goes on elsewhere: what it says tells which code
it knows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_repositories import commit, make_repository, write
from lsp_client import Client
from lsp_team import Start, insertion
from scratch_repositories import git

HELPER = """\
def settle_outstanding_balance(account, interest_rate, months):
    monthly_interest = account.balance * interest_rate / months_of_year
    return account.balance + monthly_interest * months
"""
TYPED = (
    "def estimate(account, interest_rate, months):\n    monthly_interest = account.balance * inter"
)
CURSOR = (1, len(TYPED.split("\n")[1]))
COPIED = "est_rate / months_of_year"
SECONDS = 30.0  # far more than anything takes


@pytest.fixture
def client(launch: Start, tmp_path: Path) -> Iterator[Client]:
    client = launch("--base", "starter", "--store", str(tmp_path / "store"))
    client.initialize()
    yield client
    assert client.quit() == 0


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "shop", {"plan.py": "x = 1\n", "helper.py": "y = 2\n"})


def opened(client: Client, shop: Path) -> str:
    uri = (shop / "plan.py").as_uri()
    client.open(uri, TYPED)
    return uri


def copies(client: Client, uri: str) -> bool:
    return any(COPIED in item["insertText"] for item in client.inline(uri, *CURSOR))


def until_copied(client: Client, uri: str, wanted: bool) -> None:
    """Ask at the one place, again and again, until the answer is another."""
    deadline = time.monotonic() + SECONDS
    while copies(client, uri) is not wanted:
        assert time.monotonic() < deadline, client.stderr[-2000:]
        time.sleep(0.2)


def test_the_place_that_was_asked_too_early_is_answered_when_the_code_is_known(
    client: Client, shop: Path
) -> None:
    commit(shop, {"helper.py": HELPER})
    uri = opened(client, shop)
    client.inline(uri, *CURSOR)  # at once: nothing is known yet
    until_copied(client, uri, True)


def test_what_was_saved_but_not_committed_is_known_from_the_beginning(
    client: Client, shop: Path
) -> None:
    write(shop / "helper.py", HELPER)
    until_copied(client, opened(client, shop), True)


def test_a_helper_saved_in_another_file_is_seen_where_was_asked_before(
    client: Client, shop: Path
) -> None:
    uri, helper = opened(client, shop), (shop / "helper.py").as_uri()
    client.until_logged("read 2 files")
    assert not copies(client, uri)
    client.open(helper, "y = 2\n")
    client.change(helper, 2, {"text": HELPER})
    write(shop / "helper.py", HELPER)
    client.notify("textDocument/didSave", {"textDocument": {"uri": helper}})
    until_copied(client, uri, True)
    client.change(uri, 2, insertion(*CURSOR, "e"))
    client.inline(uri, CURSOR[0], CURSOR[1] + 1)
    client.change(uri, 3, {"text": TYPED})
    assert copies(client, uri)


def test_code_of_another_branch_is_known_while_it_is_checked_out(
    client: Client, shop: Path
) -> None:
    git(shop, "checkout", "-q", "-b", "feature")
    commit(shop, {"helper.py": HELPER})
    uri = opened(client, shop)
    until_copied(client, uri, True)
    git(shop, "checkout", "-q", "main")
    until_copied(client, uri, False)
    git(shop, "merge", "-q", "--ff-only", "feature")
    until_copied(client, uri, True)
    (shop / "helper.py").unlink()
    until_copied(client, uri, False)
    git(shop, "stash", "-q")
    until_copied(client, uri, True)


def test_files_that_the_editor_says_have_changed_are_looked_at_at_once(
    client: Client, shop: Path
) -> None:
    uri = opened(client, shop)
    client.until_logged("read 2 files")
    write(shop / "helper.py", HELPER)
    change = {"uri": (shop / "helper.py").as_uri(), "type": 2}
    client.notify("workspace/didChangeWatchedFiles", {"changes": [change]})
    until_copied(client, uri, True)


def test_settings_that_exclude_the_open_file_are_honoured_without_a_save(
    client: Client, shop: Path
) -> None:
    write(shop / "helper.py", HELPER)
    uri = opened(client, shop)
    until_copied(client, uri, True)
    write(shop / "homespun.toml", 'exclude = ["helper.py"]\n')
    until_copied(client, uri, False)
    write(shop / "homespun.toml", 'exclude = ["plan.py"]\n')
    deadline = time.monotonic() + SECONDS
    while client.inline(uri, *CURSOR):
        assert time.monotonic() < deadline
        time.sleep(0.2)
