"""Commands that another room brings: found as entry points, and given all arguments.

No room is imported by name: whoever installed both has both. Knows no command and reads no flag.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from homespun_model.exit_codes import DONE

from homespun_server.errors import CommandUsageError

GROUP = "homespun.commands"


def hand_over(command: str, arguments: list[str]) -> int:
    """Let a command's own program take over, which exits by itself as it does when started alone.

    CommandUsageError where it is not installed.
    """
    found = [*entry_points(group=GROUP, name=command)]
    if not found:
        raise CommandUsageError(
            f"{command} is not installed: install all of homespun (in its checkout: make install)"
        )
    found[0].load()(arguments)
    return DONE
