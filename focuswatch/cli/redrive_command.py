"""`focuswatch redrive`: dead letters back to work."""

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
        str | None, typer.Argument(help="Of this function alone.  [default: all]", show_default=False)
    ] = None,
    config: Annotated[Path, typer.Option(help="The deployment's file.")] = Path("config/deployment.toml"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is there, how old, and why; hand nothing on.")
    ] = False,
) -> None:
    """Redrive dead letters, once their cause is fixed.

    Exit 1 where some could not be redriven.

    \b
    AWS_PROFILE=pipeline focuswatch redrive --dry-run
    focuswatch redrive slack
    """
    from focuswatch.operations.deployment_config import Deployment

    deployment = Deployment.load(config)
    kinds = _kinds(deployment, kind)
    failed = letters = 0
    for told in _done(deployment, kinds, dry_run=dry_run):
        for line in _lines(told, deployment=deployment, dry_run=dry_run):
            typer.echo(line)
        failed += len(told.failures)
        letters += len(told.letters)
    if not letters:
        typer.echo(f"No dead letters: {', '.join(kinds)}.")
    if failed:
        raise typer.Exit(1)


def _kinds(deployment: "Deployment", kind: str | None) -> "Sequence[str]":
    from focuswatch.errors import ConfigError

    known = deployment.unattended
    if kind and kind not in known:
        raise ConfigError(f"'{kind}' keeps no dead letters; expected one of {', '.join(known)}.")
    return (kind,) if kind else known


def _done(deployment: "Deployment", kinds: "Sequence[str]", *, dry_run: bool) -> "Iterator[RedriveSummary]":
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
            f"profile of account {deployment.accounts.pipeline}; `focuswatch doctor` says what is missing there."
        ) from error


def _lines(told: "RedriveSummary", *, deployment: "Deployment", dry_run: bool) -> "Iterator[str]":
    """What there was, why, and what became of it; nothing where there was nothing."""
    from focuswatch.findings.visible_text import visible
    from focuswatch.operations.deployment_config import QUEUE_FED

    if not told.letters:
        return
    oldest = datetime.now(UTC) - told.letters[0].sent_at
    count = f"{len(told.letters)} dead letters" if len(told.letters) > 1 else "1 dead letter"
    yield f"{told.kind}: {count}, the oldest {_age(oldest.total_seconds())} old"
    for line in _reasons(told.letters):
        yield visible(f"  {line}")
    if dry_run:
        return
    where = (
        deployment.queue(told.kind)
        if told.kind in QUEUE_FED
        else f"one run of {deployment.function(told.kind)}"
    )
    yield f"  {told.moved} handed to {where}" + (f", {len(told.failures)} stay:" if told.failures else "")
    for reason, times in Counter(told.failures).most_common(SHOWN):
        yield visible(f"    {times} × {reason}")
    if told.is_full:
        yield "  there may be more: run it again"


def _reasons(letters: "Sequence[Letter]") -> "Iterator[str]":
    """The commonest reasons, each with what one of its letters is about."""
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
