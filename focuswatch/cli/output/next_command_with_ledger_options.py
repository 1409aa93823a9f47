"""Format the focuswatch command that a message tells the user to run next."""

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NextCommand:
    """Commands to run next, with the options of the current command that select the ledger.

    `ledger` selects it alone; without it, `export` in `state` does. `program` is what the user types to run focuswatch.
    """

    state: Path | None = None
    ledger: str | None = None
    export: str | None = None
    program: str = "focuswatch"

    def text(self, arguments: str) -> str:
        """Return the command with these arguments, such as `focuswatch findings --state …`."""
        options = {"ledger": self.ledger} if self.ledger else {"state": self.state, "export": self.export}
        named = (f" --{name} {shlex.quote(str(value))}" for name, value in options.items() if value)
        return "".join((f"{self.program} {arguments}", *named))
