"""Format the focuswatch command that a message tells the user to run next."""

import shlex
from pathlib import Path


def next_command(
    arguments: str,
    *,
    state: Path | None,
    ledger: str | None = None,
    export: str | None = None,
    command: str = "focuswatch",
) -> str:
    """Return a command to run next, with the options of the current command that select the ledger."""
    options = {"state": state, "ledger": ledger, "export": export}
    named = (f" --{name} {shlex.quote(str(value))}" for name, value in options.items() if value)
    return "".join((f"{command} {arguments}", *named))
