"""``homespun serve``: one editor, served until it is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from homespun_model.sharing.store_place import StorePlace

from homespun_server.errors import CommandUsageError
from homespun_server.logs import failure, start_logging
from homespun_server.settings import LaunchOptions
from homespun_server.transport import Stream, stdio, tcp_stream

LOOPBACK = ("127.0.0.1", "localhost", "::1")

logger = logging.getLogger(__name__)


def serve(
    options: LaunchOptions, *, version: str, tcp: str | None, log: Path | None, debug: bool = False
) -> NoReturn:
    """Serve, then end the process with the exit code that LSP asks for.

    It ends without waiting for threads: one of them may be in the middle of a forward pass or of
    a read that never returns.
    """
    address = _address(tcp) if tcp is not None else None
    StorePlace.of(options.store).store.check_folder()
    start_logging(log, debug=debug)
    stream = stdio() if address is None else tcp_stream(*address, _say_port)
    code = _run(options, stream, version, log)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


def _run(options: LaunchOptions, stream: Stream, version: str, log: Path | None) -> int:
    from homespun_model.exit_codes import INTERRUPTED

    from homespun_server.app import App

    path = str(log.resolve()) if log is not None else None

    async def session() -> int:
        asyncio.get_running_loop().set_exception_handler(_log_failure)
        return await App(options, version=version, log=path).run(stream)

    try:
        return asyncio.run(session())
    except KeyboardInterrupt:
        return INTERRUPTED


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """In place of asyncio's own, which logs tracebacks and the text of errors."""
    error = context.get("exception")
    logger.error("on the event loop: %s", failure(error) if error else "something went wrong")


def _address(text: str) -> tuple[str, int]:
    """HOST:PORT on this machine: whoever can connect can read what the models have learnt."""
    host, _, port = text.rpartition(":")
    if host not in LOOPBACK or not port.isdecimal() or int(port) > 65535:
        raise CommandUsageError(f"--tcp takes 127.0.0.1:PORT, a port of this machine, not {text!r}")
    return host, int(port)


def _say_port(port: int) -> None:
    print(f"homespun: listening on port {port}", file=sys.stderr, flush=True)
