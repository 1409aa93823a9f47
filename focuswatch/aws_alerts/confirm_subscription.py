"""The first message of a topic in another account: it asks whether the queue wants to hear it.

https://docs.aws.amazon.com/sns/latest/dg/sns-send-message-to-sqs-cross-account.html
"""

import json
from urllib.parse import parse_qs, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

from focuswatch.errors import Refused, TryLater

TIMEOUT_SECONDS = 10
RETRY_SECONDS = 60.0


def subscription_request(body: str) -> dict[str, str] | None:
    """What SNS asks, where a message is such a question."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    is_question = isinstance(told, dict) and told.get("Type") == "SubscriptionConfirmation"
    return told if is_question else None


def confirm_subscription(question: dict[str, str], *, topic_arn: str) -> str:
    """Say yes to the payer's topic, and to no other; what was done, in words. Raises Refused, TryLater.

    What is confirmed is what the address names, so that is compared too, and no redirect is followed elsewhere.
    """
    url = str(question.get("SubscribeURL", ""))
    named = (question.get("TopicArn"), *_confirmed(url, region=topic_arn.split(":")[3]))
    if set(named) != {topic_arn}:
        raise Refused(f"asked to subscribe to {named[0]} at {url[:200]}, expected {topic_arn}")
    try:
        with build_opener(_NoRedirect).open(url, timeout=TIMEOUT_SECONDS):
            return f"subscribed to {topic_arn}"
    except OSError as error:
        raise TryLater(f"{topic_arn} cannot be confirmed: {error}", seconds=RETRY_SECONDS) from error


def _confirmed(url: str, *, region: str) -> list[str | None]:
    """Return the topics that an address of SNS confirms; [None] where it is not one."""
    address = urlsplit(url)
    query = parse_qs(address.query)
    if address.scheme != "https" or address.netloc != f"sns.{region}.amazonaws.com":
        return [None]
    return (
        [*query["TopicArn"]]
        if query.get("Action") == ["ConfirmSubscription"] and "TopicArn" in query
        else [None]
    )


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
