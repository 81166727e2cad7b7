"""What tests of all rooms share; modules that some of them share are in ``support/``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import platformdirs
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from taught_models import Taught

# What is drawn is the same in every run, so that no change is blamed for what was there before it:
# `make fuzz` looks for what is new.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile("repeatable")

# Before torch is imported. Spinning threads make every test several times slower beside a build; of
# several workers each has a core.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands that tests run keep what they mined apart from the user's, whose bases and settings
    they do not see; editors stay shared."""
    editors = platformdirs.user_cache_path("homespun-editors")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMESPUN_EDITORS", os.environ.get("HOMESPUN_EDITORS", str(editors)))
        for folder in ("CACHE", "DATA", "CONFIG"):
            patch.setenv(f"XDG_{folder}_HOME", str(tmp_path_factory.mktemp(folder.lower())))
        yield


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Taught:
    """A tiny base and adapter whose answers are known; made once for all tests."""
    from taught_models import teach

    return teach(tmp_path_factory.mktemp("taught"))
