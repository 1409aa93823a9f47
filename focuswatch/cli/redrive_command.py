"""`focuswatch redrive`: list dead letters, or process them again."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
    from focuswatch.operations.redrive import DeadLetter, RedriveSummary

MAX_SHOWN = 3


def redrive(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="Redrive only the dead letters of this function. [default: all]", show_default=False
        ),
    ] = None,
    config: Annotated[Path, typer.Option(help="Path to deployment.toml.")] = Path("config/deployment.toml"),
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List dead letters with their age and cause, without redriving them."),
    ] = False,
) -> None:
    """Redrive dead letters after you have fixed their cause.

    Exits with code 1 if a dead letter could not be redriven.

    \b
    AWS_PROFILE=pipeline focuswatch redrive --dry-run
    focuswatch redrive slack
    """
    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

    deployment = Deployment.load(config)
    kinds = _kinds(deployment, kind)
    failed = letters = 0
    for summary in _summaries(deployment, kinds, dry_run=dry_run):
        for line in _lines(summary, deployment=deployment, dry_run=dry_run):
            typer.echo(line)
        failed += len(summary.failures)
        letters += len(summary.letters)
    if not letters:
        typer.echo(f"There are no dead letters for {', '.join(kinds)}.")
    if failed:
        raise typer.Exit(1)


def _kinds(deployment: "Deployment", kind: str | None) -> "Sequence[str]":
    from focuswatch.errors import ConfigError

    kinds = deployment.unattended
    if kind and kind not in kinds:
        raise ConfigError(f"'{kind}' has no dead-letter queue. Expected one of: {', '.join(kinds)}.")
    return (kind,) if kind else kinds


def _summaries(
    deployment: "Deployment", kinds: "Sequence[str]", *, dry_run: bool
) -> "Iterator[RedriveSummary]":
    from focuswatch.errors import ConfigError

    try:
        import boto3

        from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
        from focuswatch.operations.redrive import list_dead_letters, redrive
    except ImportError as error:
        raise ConfigError(
            "focuswatch redrive requires the AWS libraries. Install the libraries with: pip install 'focuswatch[aws]'"
        ) from error
    session, region = boto3.Session(), deployment.accounts.region
    try:
        sqs = session.client("sqs", region_name=region)
        functions = session.client("lambda", region_name=region)
        if dry_run:
            yield from list_dead_letters(deployment, sqs=sqs, kinds=kinds)
        else:
            yield from redrive(deployment, sqs=sqs, functions=functions, kinds=kinds)
    except AWS_ERRORS as error:
        raise ConfigError(
            f"The dead-letter queues of {deployment.name} cannot be read: {reason_of(error)}. Set AWS_PROFILE to a "
            f"profile for account {deployment.accounts.pipeline}, and run `focuswatch doctor`."
        ) from error


def _lines(summary: "RedriveSummary", *, deployment: "Deployment", dry_run: bool) -> "Iterator[str]":
    """Yield the count, age, causes and result of one function's dead letters; no line if there are none."""
    from focuswatch.findings.replace_control_characters import visible
    from focuswatch.operations.lambda_function_groups_and_modules import QUEUE_FED

    if not summary.letters:
        return
    oldest = datetime.now(UTC) - summary.letters[0].sent_at
    count = f"{len(summary.letters)} dead letters" if len(summary.letters) > 1 else "1 dead letter"
    yield f"{summary.kind}: {count}, oldest {_age(oldest.total_seconds())} ago"
    for line in _causes(summary.letters):
        yield visible(f"  {line}")
    if dry_run:
        return
    target = (
        f"sent to queue {deployment.queue(summary.kind)}"
        if summary.kind in QUEUE_FED
        else f"replayed by invoking {deployment.function(summary.kind)} once"
    )
    remaining = f"; {len(summary.failures)} remaining:" if summary.failures else ""
    yield f"  {summary.redriven} {target}{remaining}"
    for reason, times in Counter(summary.failures).most_common(MAX_SHOWN):
        yield visible(f"    {times} × {reason}")
    if summary.may_have_more:
        yield "  More dead letters may remain. Run the command again."


def _causes(letters: "Sequence[DeadLetter]") -> "Iterator[str]":
    """Yield the most frequent causes, each with the subject of its newest dead letter."""
    reasons = Counter(letter.reason for letter in letters)
    for reason, times in reasons.most_common(MAX_SHOWN):
        newest = next(letter.subject for letter in reversed(letters) if letter.reason == reason)
        yield f"{times} × {' '.join(reason.split())[:300]} (newest: {newest})"
    if len(reasons) > MAX_SHOWN:
        more = len(reasons) - MAX_SHOWN
        yield f"and {more} more cause{'' if more == 1 else 's'}"


def _age(seconds: float) -> str:
    if seconds < 2 * 3600:
        minutes = round(seconds / 60)
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{seconds / 3600:.0f} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days"
