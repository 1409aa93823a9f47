"""The dead-letter queue of one function: receive all its messages, send them back, delete them.

SQS's own StartMessageMoveTask is not used: it runs asynchronously and reports a failure only when polled, and it needs
a destination for messages that the functions put into the dead-letter queue themselves.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from focuswatch.collect.collection_refusals import AWS_ERRORS
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.operations.redrive.dead_letter_message import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# The maximum: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
BATCH_SIZE = 10
# The visibility timeout, after which the messages of a killed redrive are visible again.
HIDDEN_SECONDS = 900
WAIT_SECONDS = 1  # how long a receive request waits for messages
MAX_DEAD_LETTERS = 3000  # number that can be sent within HIDDEN_SECONDS
SENT_FIELDS = ("DataType", "StringValue", "BinaryValue")  # fields of a message attribute that can be sent


class DeadLetterQueue:
    """The dead-letter queue of the function `kind`."""

    def __init__(self, sqs: "SQSClient", *, deployment: Deployment, kind: str) -> None:
        self._sqs, self._deployment, self.kind = sqs, deployment, kind
        self._url = self._url_of(deployment.dead_letters(kind))
        self._deleted: set[str] = set()

    @contextmanager
    def received(self) -> Iterator[list[DeadLetter]]:
        """Yield the dead letters, oldest first. They are hidden from other consumers until the block ends.

        When the block ends, each dead letter that was not deleted becomes visible again.
        """
        letters: dict[str, DeadLetter] = {}
        try:
            while len(letters) < MAX_DEAD_LETTERS and (batch := self._receive()):
                letters.update((letter.id, letter) for letter in batch)
            yield sorted(letters.values(), key=lambda letter: letter.sent_at)
        finally:
            for letter in letters.values():
                if letter.id not in self._deleted:
                    with suppress(*AWS_ERRORS):  # if this fails, it is visible after HIDDEN_SECONDS
                        self._make_visible(letter)

    def send_back(self, letter: DeadLetter) -> None:
        """Send a dead letter to the queue that feeds the function, then delete it here."""
        attributes: Any = {
            name: {field: value[field] for field in SENT_FIELDS if field in value}
            for name, value in letter.attributes.items()
        }
        self._sqs.send_message(
            QueueUrl=self._url_of(self._deployment.queue(self.kind)),
            MessageBody=letter.body,
            MessageAttributes=attributes,
        )
        self.delete(letter)

    def delete(self, letter: DeadLetter) -> None:
        """Delete a dead letter that was redriven."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._deleted.add(letter.id)

    def _receive(self) -> list[DeadLetter]:
        response = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH_SIZE,
            WaitTimeSeconds=WAIT_SECONDS,  # a short poll may return nothing although there are messages
            VisibilityTimeout=HIDDEN_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        return [DeadLetter.of(message) for message in response.get("Messages", [])]

    def _make_visible(self, letter: DeadLetter) -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )

    def _url_of(self, name: str) -> str:
        """Return the URL of a queue in the pipeline account, regardless of the caller's account."""
        owner = self._deployment.accounts.pipeline
        return self._sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=owner)["QueueUrl"]
