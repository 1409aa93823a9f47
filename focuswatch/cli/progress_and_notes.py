"""Show progress and notes on stderr while a command runs. Progress is shown only on a terminal, notes always."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from focuswatch.findings.replace_control_characters import visible

if TYPE_CHECKING:
    from focuswatch.catalog.sql_catalog import Catalog


@dataclass
class ProgressLine:
    """A status line that `progress` updates, only on a terminal. `note` prints a line in any case."""

    console: Console
    status: Status | None

    def progress(self, text: str) -> None:
        """Show the current step."""
        if self.status is not None:
            self.status.update(escape(visible(text)))

    def note(self, text: str) -> None:
        """Print a line that stays visible."""
        self.console.print(visible(text), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """Show a ProgressLine while the block runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ProgressLine(console, None)
        return
    with console.status("Starting") as status:
        yield ProgressLine(console, status)


def note_unfinished(catalog: "Catalog") -> None:
    """Print a note to stderr that lists the unfinished detections, which the command skips."""
    if catalog.unfinished:
        names = ", ".join(catalog.unfinished)
        typer.echo(
            f"Note: skipped unfinished detections: {names}. To see what is missing, run focuswatch check.",
            err=True,
        )
