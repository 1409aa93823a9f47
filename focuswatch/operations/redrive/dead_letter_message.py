"""Parse a dead letter: its event, a summary of its content, and the reason why it failed."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

UNKNOWN_REASON = "see the function's log"


@dataclass(frozen=True)
class DeadLetter:
    """A dead letter; `attributes` are its original attributes, `sent_at` is when it was sent to its first queue."""

    id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    @classmethod
    def of(cls, message: Any) -> "DeadLetter":
        """Return the dead letter of a message as SQS returns it."""
        milliseconds = int(message["Attributes"]["SentTimestamp"])
        body, attributes = _without_sns_envelope(message["Body"], message.get("MessageAttributes", {}))
        return cls(
            id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            body=body,
            attributes=attributes,
            sent_at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        )

    @property
    def event(self) -> str:
        """Return the event that invoked the function: from Lambda's invocation record, or as EventBridge sent it.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        document = self._document
        return json.dumps(document["requestPayload"]) if "requestPayload" in document else self.body

    @property
    def subject(self) -> str:
        """Return a short description: the finding and its change, or the type of the event."""
        event = self._document.get("requestPayload") or self._document
        if "fingerprint" in event:
            change = self._attribute("change") or str(event.get("status"))
            return f"{change} {event.get('detection')} {event['fingerprint']}"
        return str(event.get("detail-type") or "a message")

    @property
    def reason(self) -> str:
        """Return why processing failed, as far as Lambda or EventBridge recorded it.

        For Lambda, see `event`. For EventBridge: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        response, context = self._document.get("responsePayload"), self._document.get("requestContext")
        if isinstance(response, dict) and response.get("errorMessage"):
            return str(response["errorMessage"])
        if isinstance(context, dict) and context.get("condition"):
            return str(context["condition"])
        recorded = filter(None, (self._attribute("ERROR_CODE"), self._attribute("ERROR_MESSAGE")))
        return ": ".join(recorded) or UNKNOWN_REASON

    @property
    def _document(self) -> dict[str, Any]:
        return _json_object(self.body)

    def _attribute(self, name: str) -> str | None:
        value = self.attributes.get(name, {}).get("StringValue")
        return None if value is None else str(value)


def _without_sns_envelope(body: str, attributes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return body and attributes as the queue would have received them, if SNS wrapped an undelivered message.

    https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
    """
    envelope = _json_object(body)
    if envelope.get("Type") != "Notification" or "TopicArn" not in envelope:
        return body, attributes
    sent = envelope.get("MessageAttributes", {}).items()
    return envelope["Message"], {
        name: {"DataType": value["Type"], "StringValue": value["Value"]} for name, value in sent
    }


def _json_object(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`; an empty one if there is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
