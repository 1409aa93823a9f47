"""A queue of dead letters, gathered before any is handed on.

Not by SQS's own StartMessageMoveTask: it works on by itself and tells of a failure only who asks, and letters that we
put there ourselves it moves only where it is told where to.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from focuswatch.collect.access_refusals import AWS_ERRORS
from focuswatch.operations.deployment_config import Deployment
from focuswatch.operations.redrive.dead_letters import Letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

AT_A_TIME = 10  # the most: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
HIDDEN_SECONDS = 900  # while they are handed on; those of a redrive that was killed come back after it
PATIENCE_SECONDS = 1  # for an empty queue
MOST_LETTERS = 3000  # can be handed on in that time
SENT = (
    "DataType",
    "StringValue",
    "BinaryValue",
)  # of an attribute that is read, what one that is sent may have


class DeadLetters:
    """The dead letters of the function `kind`."""

    def __init__(self, sqs: "SQSClient", *, deployment: Deployment, kind: str) -> None:
        self._sqs, self._deployment, self.kind = sqs, deployment, kind
        self._url = self._url_of(deployment.dead_letters(kind))
        self._gone: set[str] = set()

    @contextmanager
    def gathered(self) -> Iterator[list[Letter]]:
        """Its letters, oldest first, hidden from others until the block ends; what was not removed shows again then."""
        letters: dict[str, Letter] = {}
        try:
            while len(letters) < MOST_LETTERS and (found := self._receive()):
                letters.update((letter.id, letter) for letter in found)
            yield sorted(letters.values(), key=lambda letter: letter.sent_at)
        finally:
            for letter in letters.values():
                if letter.id not in self._gone:
                    with suppress(*AWS_ERRORS):  # hidden no longer than HIDDEN_SECONDS, whatever happens
                        self._show(letter)

    def send_back(self, letter: Letter) -> None:
        """Put a letter into the queue that feeds the function, and take it away here."""
        attributes: Any = {
            name: {part: value[part] for part in SENT if part in value}
            for name, value in letter.attributes.items()
        }
        self._sqs.send_message(
            QueueUrl=self._url_of(self._deployment.queue(self.kind)),
            MessageBody=letter.body,
            MessageAttributes=attributes,
        )
        self.remove(letter)

    def remove(self, letter: Letter) -> None:
        """Take a letter away: it was handed on."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._gone.add(letter.id)

    def _receive(self) -> list[Letter]:
        told = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=AT_A_TIME,
            WaitTimeSeconds=PATIENCE_SECONDS,  # a short poll may find a queue empty that is not
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return [Letter.of(message) for message in told.get("Messages", [])]

    def _show(self, letter: Letter) -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def _url_of(self, name: str) -> str:
        """Of the pipeline's account, whoever asks."""
        owner = self._deployment.accounts.pipeline
        return self._sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
