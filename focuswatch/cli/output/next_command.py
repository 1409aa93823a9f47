"""The command that a message tells a user to run next."""

import shlex
from pathlib import Path


def next_command(arguments: str, *, state: Path | None, command: str = "focuswatch") -> str:
    """Return a command to run next, with `--state` where this run was given one."""
    return f"{command} {arguments}" + (f" --state {shlex.quote(str(state))}" if state else "")
