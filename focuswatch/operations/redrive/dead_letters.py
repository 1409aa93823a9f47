"""A dead letter: what it is about, since when it waits, and why."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

UNKNOWN = "its function's log knows why"


@dataclass(frozen=True)
class Letter:
    """A dead letter; `attributes` are those it was sent with, `sent_at` is when it was put into its first queue."""

    id: str
    receipt: str
    body: str
    attributes: dict[str, Any]
    sent_at: datetime

    @classmethod
    def of(cls, message: Any) -> "Letter":
        """Of a message as SQS gives it."""
        milliseconds = int(message["Attributes"]["SentTimestamp"])
        body, attributes = _unpacked(message["Body"], message.get("MessageAttributes", {}))
        return cls(
            id=message["MessageId"],
            receipt=message["ReceiptHandle"],
            body=body,
            attributes=attributes,
            sent_at=datetime.fromtimestamp(milliseconds / 1000, UTC),
        )

    @property
    def event(self) -> str:
        """The event that set the function off: within Lambda's record of it, or as EventBridge wrote it.

        https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
        """
        told = self._json
        return json.dumps(told["requestPayload"]) if "requestPayload" in told else self.body

    @property
    def about(self) -> str:
        """What it tells, in a few words."""
        told = self._json.get("requestPayload") or self._json
        if "fingerprint" in told:
            change = self._attribute("change") or str(told.get("status"))
            return f"{change} {told.get('detection')} {told['fingerprint']}"
        return str(told.get("detail-type") or "a message")

    @property
    def why(self) -> str:
        """Why it is dead, where that is known.

        Lambda: as `event`. EventBridge: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        """
        answer, context = self._json.get("responsePayload"), self._json.get("requestContext")
        if isinstance(answer, dict) and answer.get("errorMessage"):
            return str(answer["errorMessage"])
        if isinstance(context, dict) and context.get("condition"):
            return str(context["condition"])
        said = filter(None, (self._attribute("ERROR_CODE"), self._attribute("ERROR_MESSAGE")))
        return ": ".join(said) or UNKNOWN

    @property
    def _json(self) -> dict[str, Any]:
        try:
            told = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return told if isinstance(told, dict) else {}

    def _attribute(self, name: str) -> str | None:
        value = self.attributes.get(name, {}).get("StringValue")
        return None if value is None else str(value)


def _unpacked(body: str, attributes: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What SNS could not put into a queue and wrapped, as the queue would have had it.

    https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
    """
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return body, attributes
    if not isinstance(told, dict) or told.get("Type") != "Notification" or "TopicArn" not in told:
        return body, attributes
    named = told.get("MessageAttributes", {}).items()
    return told["Message"], {
        name: {"DataType": one["Type"], "StringValue": one["Value"]} for name, one in named
    }
