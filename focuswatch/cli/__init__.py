"""The command `focuswatch`: verbs over the product. What costs time to import waits until its verb is called."""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from focuswatch import __version__
from focuswatch.cli import (
    catalog_commands,
    demo_command,
    doctor_command,
    explain_command,
    findings_commands,
    page_command,
    redrive_command,
    report_command,
    scan_command,
    simulate_command,
    weekly_command,
)
from focuswatch.errors import ConfigError, FocuswatchError
from focuswatch.findings.visible_text import visible

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name="focuswatch",
    help="Finds waste and intrusion in an AWS bill (a FOCUS export), and says who owns it.",
    epilog="A first look without a bill of your own:  focuswatch demo",
    no_args_is_help=True,
    context_settings={"max_content_width": 120},
    rich_markup_mode=None,  # plain help starts in half the time
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"focuswatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the verb."""


for verb in (
    scan_command.scan,
    report_command.report,
    page_command.page,
    weekly_command.weekly,
    findings_commands.findings,
    explain_command.explain,
    findings_commands.snooze,
    findings_commands.exclude,
    findings_commands.unsilence,
    findings_commands.rearm,
    catalog_commands.list_,
    catalog_commands.show,
    catalog_commands.check,
    catalog_commands.new,
    simulate_command.simulate,
    demo_command.demo,
    doctor_command.doctor,
    redrive_command.redrive,
):
    app.command(name=verb.__name__.rstrip("_"))(verb)


def main() -> None:
    """Run the command. Exit 0 clean, 1 something failed, 2 wrong use, 3 found what --fail-on names."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # whatever it can encode is printed, and the rest marked
            stream.reconfigure(errors="replace")
    try:
        _run()
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read the output has read enough
        _drop_output()
        sys.exit(FAILED)
    except FocuswatchError as error:
        if "--debug" in sys.argv:
            raise
        _say(str(error))
        sys.exit(WRONG_USE if isinstance(error, ConfigError) else FAILED)
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        _drop_output()
        named = f"{error.filename}: " if error.filename else ""
        _say(
            f"{named}{error.strerror or error}; see that it can be read and written, and that its disk has room."
        )
        sys.exit(FAILED)
    except Exception as error:  # a mistake of ours: still one sentence, and the way to the rest
        if "--debug" in sys.argv:
            raise
        _say(f"unexpected {type(error).__name__}: {error}; again with --debug for a report.")
        sys.exit(FAILED)
    except KeyboardInterrupt:
        _say("stopped; nothing is half done, and the next scan shows what this one did not.")
        sys.exit(INTERRUPTED)


def _run() -> None:
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # typer's silent word for it
            raise KeyboardInterrupt from stop
        raise
    except RuntimeError as error:
        if "Query interrupted" in str(error):  # DuckDB's
            raise KeyboardInterrupt from error
        raise


def _drop_output() -> None:
    """Let the interpreter end without trying again to write what could not be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(sentence: str) -> None:
    typer.echo(f"focuswatch: {visible(sentence)}", err=True)
