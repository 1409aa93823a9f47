"""The first message of a topic in another account: it asks whether the queue wants to hear it.

https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
"""

import json
from urllib.parse import urlsplit
from urllib.request import urlopen

from focuswatch.errors import Refused, TryLater

TIMEOUT_SECONDS = 10
RETRY_SECONDS = 60.0


def asked(body: str) -> dict[str, str] | None:
    """What SNS asks, where a message is such a question."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_question = isinstance(told, dict) and told.get("Type") == "SubscriptionConfirmation"
    return told if is_question else None


def confirm(question: dict[str, str], *, topic_arn: str) -> str:
    """Say yes to the payer's topic, and to no other; what was done, in words. Raises Refused, TryLater."""
    url, region = question.get("SubscribeURL", ""), topic_arn.split(":")[3]
    address = urlsplit(url)
    ours = question.get("TopicArn") == topic_arn and address.hostname == f"sns.{region}.amazonaws.com"
    if not ours or address.scheme != "https":
        raise Refused(f"asked to hear {question.get('TopicArn')} at {address.hostname}, expected {topic_arn}")
    try:
        with urlopen(url, timeout=TIMEOUT_SECONDS):
            return f"subscribed to {topic_arn}"
    except OSError as error:
        raise TryLater(f"{topic_arn} cannot be confirmed: {error}", seconds=RETRY_SECONDS) from error
