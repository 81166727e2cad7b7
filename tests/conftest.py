"""What tests of several rooms share. Being here, it puts ``tests/`` on the path of e2e tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from taught_models import Taught


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    """A tiny base and adapter whose answers are known; made once for all tests."""
    from taught_models import teach

    return teach(tmp_path_factory.mktemp("taught"))
