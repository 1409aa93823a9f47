"""`focuswatch redrive`: send dead letters back to the functions that failed on them."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from focuswatch.operations.deployment_config import Deployment
    from focuswatch.operations.redrive import Letter, RedriveSummary

SHOWN = 3


def redrive(
    kind: Annotated[
        str | None,
        typer.Argument(help="Only dead letters of this function. [default: all]", show_default=False),
    ] = None,
    config: Annotated[Path, typer.Option(help="Deployment file.")] = Path("config/deployment.toml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show number, age and reasons; redrive nothing.")
    ] = False,
) -> None:
    """Redrive dead letters, once their cause is fixed.

    Exits 1 if some could not be redriven.

    \b
    AWS_PROFILE=pipeline focuswatch redrive --dry-run
    focuswatch redrive slack
    """
    from focuswatch.operations.deployment_config import Deployment

    deployment = Deployment.load(config)
    kinds = _kinds(deployment, kind)
    failed = letters = 0
    for summary in _summaries(deployment, kinds, dry_run=dry_run):
        for line in _lines(summary, deployment=deployment, dry_run=dry_run):
            typer.echo(line)
        failed += len(summary.failures)
        letters += len(summary.letters)
    if not letters:
        typer.echo(f"No dead letters: {', '.join(kinds)}.")
    if failed:
        raise typer.Exit(1)


def _kinds(deployment: "Deployment", kind: str | None) -> "Sequence[str]":
    from focuswatch.errors import ConfigError

    known = deployment.unattended
    if kind and kind not in known:
        raise ConfigError(f"'{kind}' has no dead-letter queue; expected one of {', '.join(known)}.")
    return (kind,) if kind else known


def _summaries(
    deployment: "Deployment", kinds: "Sequence[str]", *, dry_run: bool
) -> "Iterator[RedriveSummary]":
    from focuswatch.errors import ConfigError

    try:
        import boto3

        from focuswatch.collect.access_refusals import AWS_ERRORS, reason_of
        from focuswatch.operations.redrive import look, redrive
    except ImportError as error:
        raise ConfigError("redrive needs AWS's libraries: pip install 'focuswatch[aws]'.") from error
    session, region = boto3.Session(), deployment.accounts.region
    try:
        sqs = session.client("sqs", region_name=region)
        functions = session.client("lambda", region_name=region)
        if dry_run:
            yield from look(deployment, sqs=sqs, kinds=kinds)
        else:
            yield from redrive(deployment, sqs=sqs, functions=functions, kinds=kinds)
    except AWS_ERRORS as error:
        raise ConfigError(
            f"The dead letters of {deployment.name} cannot be reached: {reason_of(error)}. Set AWS_PROFILE to a "
            f"profile of account {deployment.accounts.pipeline}; `focuswatch doctor` shows which permission is missing."
        ) from error


def _lines(summary: "RedriveSummary", *, deployment: "Deployment", dry_run: bool) -> "Iterator[str]":
    """Yield number and age of a function's dead letters, their reasons, and how many were redriven."""
    from focuswatch.findings.visible_text import visible
    from focuswatch.operations.deployment_config import QUEUE_FED

    if not summary.letters:
        return
    oldest = datetime.now(UTC) - summary.letters[0].sent_at
    count = f"{len(summary.letters)} dead letters" if len(summary.letters) > 1 else "1 dead letter"
    yield f"{summary.kind}: {count}, the oldest {_age(oldest.total_seconds())} old"
    for line in _reasons(summary.letters):
        yield visible(f"  {line}")
    if dry_run:
        return
    target = (
        deployment.queue(summary.kind)
        if summary.kind in QUEUE_FED
        else f"one run of {deployment.function(summary.kind)}"
    )
    yield f"  {summary.moved} redriven to {target}" + (
        f", {len(summary.failures)} failed:" if summary.failures else ""
    )
    for reason, times in Counter(summary.failures).most_common(SHOWN):
        yield visible(f"    {times} × {reason}")
    if summary.is_full:
        yield "  There may be more: run the command again."


def _reasons(letters: "Sequence[Letter]") -> "Iterator[str]":
    """Yield the most frequent reasons, each with the subject of its last dead letter."""
    reasons = Counter(letter.why for letter in letters)
    for why, times in reasons.most_common(SHOWN):
        about = next(letter.about for letter in reversed(letters) if letter.why == why)
        yield f"{times} × {' '.join(why.split())[:300]} (the last: {about})"
    if len(reasons) > SHOWN:
        yield f"and {len(reasons) - SHOWN} other reasons"


def _age(seconds: float) -> str:
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days"
