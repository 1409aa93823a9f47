"""The `focuswatch` command and its subcommands.

The modules of the subcommands import slow modules inside their functions, so that the command line starts quickly.
"""

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from focuswatch import __version__
from focuswatch.cli import (
    assess_detection_inputs_command,
    chargeback_command,
    check_and_new_commands,
    demo_command,
    doctor_command,
    explain_command,
    fetch_vendor_charges_command,
    findings_and_reset_finding_commands,
    list_and_show_detections_and_reports_commands,
    mcp_command,
    print_launch_note_command,
    redrive_command,
    report_command,
    scan_command,
    simulate_command,
    snooze_exclude_unsuppress_commands,
    use_case_iam_policy_command,
    weekly_digest_command,
    write_page_command,
)
from focuswatch.errors import ConfigError, FocuswatchError
from focuswatch.findings.replace_control_characters import visible

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130  # exit codes; scan --fail-on adds 3

app = typer.Typer(
    name="focuswatch",
    help="Find waste, cost anomalies and possible security incidents in FOCUS bills from AWS and other "
    "providers.",
    epilog="To try focuswatch without an AWS account, run: focuswatch demo",
    no_args_is_help=True,
    context_settings={"max_content_width": 120},
    rich_markup_mode=None,  # plain-text help halves the startup time
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        typer.echo(f"focuswatch {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Print the traceback if an error occurs.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version of focuswatch."
        ),
    ] = False,
) -> None:
    """Declare the options that precede the subcommand."""


for subcommand in (
    assess_detection_inputs_command.assess,
    scan_command.scan,
    report_command.report,
    chargeback_command.chargeback,
    write_page_command.page,
    weekly_digest_command.weekly,
    findings_and_reset_finding_commands.findings,
    explain_command.explain,
    print_launch_note_command.note,
    snooze_exclude_unsuppress_commands.snooze,
    snooze_exclude_unsuppress_commands.exclude,
    snooze_exclude_unsuppress_commands.unsuppress,
    findings_and_reset_finding_commands.reset,
    use_case_iam_policy_command.policy,
    list_and_show_detections_and_reports_commands.list_,
    list_and_show_detections_and_reports_commands.show,
    check_and_new_commands.check,
    check_and_new_commands.new,
    fetch_vendor_charges_command.fetch,
    simulate_command.simulate,
    demo_command.demo,
    mcp_command.mcp,
    doctor_command.doctor,
    redrive_command.redrive,
):
    app.command(name=subcommand.__name__.rstrip("_"))(subcommand)

# Former names of commands, kept as hidden aliases.
app.command(name="unsilence", hidden=True)(snooze_exclude_unsuppress_commands.unsuppress)
app.command(name="rearm", hidden=True)(findings_and_reset_finding_commands.reset)


def main() -> None:
    """Run the command. Exits 0 on success, 1 on failure, 2 on wrong use, 3 on new findings with --fail-on."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # replaces characters that the encoding lacks
    try:
        _run()
        sys.stdout.flush()
    except BrokenPipeError:  # the process that reads the output has exited
        _drop_output()
        sys.exit(FAILED)
    except FocuswatchError as error:
        if "--debug" in sys.argv:
            raise
        _print_error(str(error))
        sys.exit(WRONG_USE if isinstance(error, ConfigError) else FAILED)
    except OSError as error:
        if "--debug" in sys.argv:
            raise
        _drop_output()
        file = f"{error.filename}: " if error.filename else ""
        _print_error(
            f"{file}{error.strerror or error}. Check the permissions of the file and the free disk space."
        )
        sys.exit(FAILED)
    except Exception as error:  # a bug: print one sentence instead of a traceback
        if "--debug" in sys.argv:
            raise
        _print_error(
            f"unexpected {type(error).__name__}: {error}. Run the command again with --debug to see the traceback."
        )
        sys.exit(FAILED)
    except KeyboardInterrupt:
        _print_error(
            "the command was interrupted. The stored state is intact; the next scan reports all findings "
            "that have not been reported yet."
        )
        sys.exit(INTERRUPTED)


def _run() -> None:
    try:
        app()
    except SystemExit as stop:
        if stop.code == INTERRUPTED:  # how typer reports Ctrl-C
            raise KeyboardInterrupt from stop
        raise
    except RuntimeError as error:
        if "Query interrupted" in str(error):  # how DuckDB reports Ctrl-C
            raise KeyboardInterrupt from error
        raise


def _drop_output() -> None:
    """Discard output that could not be written, so that the interpreter does not try again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(sentence: str) -> None:
    typer.echo(f"focuswatch: {visible(sentence)}", err=True)
