"""The server's log: bounded, however long it serves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from homespun_server.errors import CommandUsageError
from homespun_server.logs import KEPT, MAX_BYTES, start_logging


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """The server's logger, which other tests get back as it was."""
    logger = logging.getLogger("homespun_server")
    before = logger.handlers[:], logger.level, logger.propagate
    yield logger
    for handler in logger.handlers:
        handler.close()
    logger.handlers[:], logger.level, logger.propagate = before


def test_the_log_rotates_and_keeps_a_few_files(tmp_path: Path, ours: logging.Logger) -> None:
    file = tmp_path / "new folder/server.log"
    start_logging(file)
    line = "x" * 1000
    for _ in range(2 * (KEPT + 1) * MAX_BYTES // len(line)):
        ours.info(line)
    kept = sorted(file.parent.iterdir())
    assert len(kept) == KEPT + 1
    assert all(0 < log.stat().st_size <= MAX_BYTES for log in kept)


def test_a_log_that_cannot_be_written_is_bad_usage(tmp_path: Path, ours: logging.Logger) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandUsageError, match="cannot be written"):
        start_logging(tmp_path / "file/server.log")
    assert ours is logging.getLogger("homespun_server")
