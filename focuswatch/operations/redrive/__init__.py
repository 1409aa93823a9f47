"""Redrive dead letters: process failed messages and events again, after their cause is fixed.

Dead letters of a function that a queue feeds are sent back to this queue. A function that events invoke is invoked
once, with the event of its newest dead letter, because each run processes everything that is due. One invocation per
dead letter would not work: such a function runs one at a time, so the last events would expire and become dead letters
again.

Delivery is at least once: a dead letter is deleted after it was sent. All dead letters are received before the first
one is sent, so that a dead letter that immediately fails again is not received twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
from focuswatch.operations.lambda_function_groups_and_modules import QUEUE_FED
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.redrive.dead_letter_message import DeadLetter
from focuswatch.operations.redrive.dead_letter_queue import MAX_DEAD_LETTERS, DeadLetterQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["DeadLetter", "RedriveSummary", "list_dead_letters", "redrive"]


@dataclass(frozen=True)
class RedriveSummary:
    """The dead letters of the function `kind`, how many were redriven, and a reason for each that was not."""

    kind: str
    letters: tuple[DeadLetter, ...]
    redriven: int = 0
    failures: tuple[str, ...] = ()

    @property
    def may_have_more(self) -> bool:
        """Return whether the queue may hold more dead letters than one redrive receives."""
        return len(self.letters) >= MAX_DEAD_LETTERS


def list_dead_letters(
    deployment: Deployment, *, sqs: "SQSClient", kinds: Sequence[str]
) -> Iterator[RedriveSummary]:
    """Yield the dead letters of each function, and leave them in their queues."""
    for kind in kinds:
        queue = DeadLetterQueue(sqs, deployment=deployment, kind=kind)
        with queue.received() as received:
            letters = tuple(received)
        yield RedriveSummary(kind, letters)


def redrive(
    deployment: Deployment, *, sqs: "SQSClient", functions: Any, kinds: Sequence[str]
) -> Iterator[RedriveSummary]:
    """Redrive the dead letters of each function; `functions` is a boto3 client of Lambda.

    A dead letter that cannot be redriven stays in its queue, and does not affect the others.
    """
    for kind in kinds:
        queue = DeadLetterQueue(sqs, deployment=deployment, kind=kind)
        with queue.received() as letters:
            if kind in QUEUE_FED:
                failures = _each(letters, action=queue.send_back)
            else:
                failures = _invoke(queue, letters, functions=functions, arn=_function_arn(deployment, kind))
        yield RedriveSummary(kind, tuple(letters), len(letters) - len(failures), tuple(failures))


def _invoke(queue: DeadLetterQueue, letters: Sequence[DeadLetter], *, functions: Any, arn: str) -> list[str]:
    if not letters:
        return []
    try:
        functions.invoke(FunctionName=arn, InvocationType="Event", Payload=letters[-1].event)
    except AWS_ERRORS as error:
        return [reason_of(error)] * len(letters)
    return _each(letters, action=queue.delete)


def _each(letters: Sequence[DeadLetter], *, action: Callable[[DeadLetter], None]) -> list[str]:
    """Apply `action` to each dead letter, and return the reasons of those that failed."""
    failures = []
    for letter in letters:
        try:
            action(letter)
        except AWS_ERRORS as error:
            failures.append(reason_of(error))
    return failures


def _function_arn(deployment: Deployment, kind: str) -> str:
    """Return the full ARN: a name alone would invoke a function of that name in the caller's account."""
    location = f"{deployment.accounts.region}:{deployment.accounts.pipeline}"
    return f"arn:aws:lambda:{location}:function:{deployment.function(kind)}"
