"""What every command says of itself: what a person wants from it first, an example last."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from homespun_finetune import cli as finetune
from homespun_finetune import summary
from homespun_finetune.adapt import command as adapt
from homespun_finetune.nightly import command as nightly
from homespun_server import cli as server

HANDED_OVER = {server.FINETUNE, server.SUMMARY, server.NIGHTLY, server.ADAPT}
OWN = {
    "finetune-repo": finetune.app,
    "homespun models adapt": adapt.app,
    "homespun summary": summary.app,
    "homespun nightly": nightly.app,
}


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A command and those below it, by what one types."""
    yield name, command
    for below in getattr(command, "commands", {}).values():
        if below.name not in HANDED_OVER:
            yield from commands(below, f"{name} {below.name}")


EVERY = [
    *commands(typer.main.get_command(server.app), "homespun"),
    *((name, typer.main.get_command(app)) for name, app in OWN.items()),
]


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_it_ends_with_an_example_that_it_takes(name: str, command: Any) -> None:
    label, _, example = str(command.epilog).partition(" ")
    assert label == "Example:"
    words = shlex.split(example.partition(" >> ")[0])
    path = name.split()
    assert words[: len(path)] == path
    rest = words[len(path) :]
    # A group's example may be of one below it.
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(name, rest)  # parses, and runs nothing


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_it_begins_with_what_it_is_for(name: str, command: Any) -> None:
    said = str(command.help)
    assert len(said.split()) > 4, name
    assert said[0].isupper() and said.endswith(".")


def test_finetune_is_the_same_command_as_finetune_repo(
    capfd: pytest.CaptureFixture[str],
) -> None:
    said = []
    for run in (
        lambda: finetune.main(["--help"]),
        lambda: server.run(["finetune", "--help"]),
    ):
        with pytest.raises(SystemExit) as ended:
            run()
        assert ended.value.code == 0
        said.append(capfd.readouterr().out)
    assert said[0] == said[1]
    assert said[0].rstrip().endswith("--report report.html")
