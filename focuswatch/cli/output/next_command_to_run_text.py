"""Format the focuswatch command that a message tells the user to run next."""

import shlex
from pathlib import Path


def next_command(arguments: str, *, state: Path | None, command: str = "focuswatch") -> str:
    """Return a command to run next, with the same --state option as the current command."""
    return f"{command} {arguments}" + (f" --state {shlex.quote(str(state))}" if state else "")
