"""``homespun models get`` on a catalogue of a test's own, as a process that a test can kill."""

from __future__ import annotations

import sys
from pathlib import Path

from fetched_bases import NAME, Machine
from homespun_model.errors import ModelError

root, source, as_json = sys.argv[1:4]
commands = Machine(Path(root)).commands
try:
    code = commands.get(NAME, source=source or None, given=None, as_json=as_json == "json")
except ModelError as error:
    sys.exit(str(error))
sys.exit(code)
