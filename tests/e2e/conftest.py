"""Servers to talk to over their pipes, on weights that were taught one answer each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from homespun_model.store.store import AdapterStore
from lsp_client import Client
from lsp_team import Start, Team
from taught_models import Taught


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team.create(tmp_path / tmp_path.name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> AdapterStore:
    return AdapterStore(tmp_path_factory.mktemp("adapters") / "store")


@pytest.fixture(scope="module")
def launch(
    taught: Taught, store: AdapterStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Start]:
    """Starts servers on the taught base; none outlives the tests."""
    clients = []

    def begin(*arguments: str, env: dict[str, str] | None = None) -> Client:
        flags = ["--base", str(taught.base), "--store", str(store.root), "--device", "cpu"]
        client = Client(*flags, *arguments, cwd=tmp_path_factory.getbasetemp(), env=env)
        clients.append(client)
        return client

    yield begin
    for client in clients:
        client.kill()
