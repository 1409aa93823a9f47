"""What is said while work goes on: to stderr, in one moving line on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from focuswatch.findings.visible_text import visible


@dataclass
class ProgressLine:
    """`progress` moves a line on a terminal and is silent elsewhere; `note` is always said."""

    console: Console
    status: Status | None

    def progress(self, text: str) -> None:
        """Say what is being done."""
        if self.status is not None:
            self.status.update(escape(visible(text)))

    def note(self, text: str) -> None:
        """Say what stays worth reading."""
        self.console.print(visible(text), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def talking() -> Iterator[ProgressLine]:
    """A Talk for as long as the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ProgressLine(console, None)
        return
    with console.status("Starting") as status:
        yield ProgressLine(console, status)
