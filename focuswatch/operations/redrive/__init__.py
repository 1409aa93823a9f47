"""Dead letters back to work, once what kept them from it is mended.

Letters of a function that a queue feeds go back into that queue. Of a function that events set off, one run makes up
for all letters: each run takes up all there is to do, so it is called once, with the newest letter's event. Called as
often as there are letters, a function that runs one at a time would let the last of them grow too old, and they would
be dead letters again.

At least once: a letter is taken away after it was handed on. All are gathered first, so one that dies again at once is
not met twice.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.collect.access_refusals import AWS_ERRORS, reason_of
from focuswatch.operations.deployment_config import QUEUE_FED, Deployment
from focuswatch.operations.redrive.dead_letter_queue import MOST_LETTERS, DeadLetters
from focuswatch.operations.redrive.dead_letters import Letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["Letter", "RedriveSummary", "look", "redrive"]


@dataclass(frozen=True)
class RedriveSummary:
    """What came of the dead letters of `kind`: those there were, how many were handed on, why others were not."""

    kind: str
    letters: tuple[Letter, ...]
    moved: int = 0
    failures: tuple[str, ...] = ()  # a reason for each that could not be handed on

    @property
    def is_full(self) -> bool:
        """Whether there may be more: so many are taken at a time."""
        return len(self.letters) >= MOST_LETTERS


def look(deployment: Deployment, *, sqs: "SQSClient", kinds: Sequence[str]) -> Iterator[RedriveSummary]:
    """The dead letters of each function, as they are; nothing is handed on."""
    for kind in kinds:
        queue = DeadLetters(sqs, deployment=deployment, kind=kind)
        with queue.gathered() as letters:
            found = tuple(letters)
        yield RedriveSummary(kind, found)


def redrive(
    deployment: Deployment, *, sqs: "SQSClient", functions: Any, kinds: Sequence[str]
) -> Iterator[RedriveSummary]:
    """Hand on the dead letters of each function; `functions` is a client of Lambda.

    One that cannot be handed on stays a dead letter and stops no other.
    """
    for kind in kinds:
        queue = DeadLetters(sqs, deployment=deployment, kind=kind)
        with queue.gathered() as letters:
            if kind in QUEUE_FED:
                failures = _each(letters, do=queue.send_back)
            else:
                failures = _call(queue, letters, functions=functions, arn=_function_arn(deployment, kind))
        yield RedriveSummary(kind, tuple(letters), len(letters) - len(failures), tuple(failures))


def _call(queue: DeadLetters, letters: Sequence[Letter], *, functions: Any, arn: str) -> list[str]:
    if not letters:
        return []
    try:
        functions.invoke(FunctionName=arn, InvocationType="Event", Payload=letters[-1].event)
    except AWS_ERRORS as error:
        return [reason_of(error)] * len(letters)
    return _each(letters, do=queue.remove)


def _each(letters: Sequence[Letter], *, do: Callable[[Letter], None]) -> list[str]:
    """The reasons of those that failed."""
    failures = []
    for letter in letters:
        try:
            do(letter)
        except AWS_ERRORS as error:
            failures.append(reason_of(error))
    return failures


def _function_arn(deployment: Deployment, kind: str) -> str:
    """Whole, so that no function of that name in another account is called."""
    where = f"{deployment.accounts.region}:{deployment.accounts.pipeline}"
    return f"arn:aws:lambda:{where}:function:{deployment.function(kind)}"
